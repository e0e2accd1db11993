"""AIME: ``problem``, and an ``answer`` from 0 to 999, often written with three digits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distil_envs.errors import TaskError
from distil_envs.jsonl import OnError, Rows, read_rows
from distil_envs.loaders.rows import optional_text, text
from distil_envs.task import Task

_ANSWER = re.compile(r"\$?(?:\\boxed\{)?\s*(\d{1,3})\s*(?:\^\s*\{?\\circ\}?|°)?\s*\}?\$?")
"""Some collections put a box around it, or write an angle with its degrees."""


def load_aime(path: str | Path, on_error: OnError = "raise") -> Rows:
    """The tasks of an AIME file; the answer loses its leading zeros.

    Raises as `distil_envs.jsonl.read_jsonl` does; an answer that is no integer from 0 to 999 makes a bad line.
    """
    stem = Path(path).stem
    return read_rows(path, lambda row, line: aime_task(row, f"aime/{stem}/{line}"), on_error)


def aime_task(row: Mapping[str, Any], task_id: str) -> Task:
    """The task of one row. Raises TaskError for a row that cannot be used."""
    problem = text(row, "problem", "question")
    written = text(row, "answer")
    match = _ANSWER.fullmatch(written)
    if match is None:
        raise TaskError(f"an AIME answer is an integer from 0 to 999, got {written!r:.80}")
    answer = str(int(match[1]))
    solution = optional_text(row, "solution")
    return Task(
        id=task_id,
        domain="math",
        prompt=problem,
        reference={"answer": answer, "kind": "integer", **({"solution": solution} if solution else {})},
        metadata={"family": "aime", "topic": "competition"},
    )
