"""AIME: ``problem``, and an ``answer`` from 0 to 999, often with three digits, or else in the solution's last box."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from distil_envs.errors import TaskError
from distil_envs.loaders.math_like import last_box
from distil_envs.loaders.rows import optional_text, text
from distil_envs.task import Task

_ANSWER = re.compile(r"\$?(?:\\boxed\{)?\s*(\d{1,3})\s*(?:\^\s*\{?\\circ\}?|°)?\s*\}?\$?")
"""Some collections put a box around it, or write an angle with its degrees."""


def aime_task(row: Mapping[str, Any], task_id: str) -> Task:
    """The task of one row. Raises TaskError for a row that cannot be used."""
    problem = text(row, "problem", "question")
    solution = optional_text(row, "solution")
    written = optional_text(row, "answer") or last_box(solution or "") or text(row, "answer")
    match = _ANSWER.fullmatch(written)
    if match is None:
        raise TaskError(f"an AIME answer is an integer from 0 to 999, got {written!r:.80}")
    answer = str(int(match[1]))
    return Task(
        id=task_id,
        domain="math",
        prompt=problem,
        reference={"answer": answer, "kind": "integer", **({"solution": solution} if solution else {})},
        metadata={"family": "aime", "topic": "competition"},
    )
