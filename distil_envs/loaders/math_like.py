"""MATH and sets like it: a problem, an answer or a solution with a box, sometimes a level and a subject."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from distil_envs.errors import TaskError
from distil_envs.loaders.rows import field, optional_text, text
from distil_envs.task import Task

PROBLEM = ("problem", "question")
ANSWER = ("answer", "final_answer", "expected_answer")
SOLUTION = ("solution",)
LEVEL = ("level", "difficulty")
SUBJECT = ("subject", "type", "topic", "data_topic")

_BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?![a-zA-Z])\s*")


def math_task(row: Mapping[str, Any], task_id: str, family: str) -> Task:
    """The task of one row; ``family`` is for rows without a subject. Raises TaskError for one that cannot be used."""
    problem = text(row, *PROBLEM)
    solution = optional_text(row, *SOLUTION)
    written = optional_text(row, *ANSWER)
    answer = (last_box(written) or written) if written else last_box(solution or "")
    if answer is None:
        raise TaskError(
            f"no answer: neither {' nor '.join(ANSWER)} holds one, nor has the solution a \\boxed{{...}}; "
            f"the row has {', '.join(row)}"
        )
    subject = optional_text(row, *SUBJECT)
    level = _level(field(row, *LEVEL))
    metadata = {"family": subject or family, "topic": subject, "level": level}
    return Task(
        id=task_id,
        domain="math",
        prompt=problem,
        reference={"answer": answer, **({"solution": solution} if solution else {})},
        metadata={name: value for name, value in metadata.items() if value is not None},
    )


def last_box(solution: str) -> str | None:
    r"""What stands in the last ``\boxed{...}`` (or ``\fbox``, ``\framebox``), or None without a whole one."""
    for match in reversed(list(_BOX.finditer(solution))):
        inside = _group(solution, match.end())
        if inside:
            return inside
    return None


def _group(latex: str, start: int) -> str | None:
    r"""The braced group at ``start``; without a brace the one token there, as TeX reads ``\boxed 7``."""
    if latex[start : start + 1] != "{":
        token = re.compile(r"\\[a-zA-Z]+|[^\s$\\{}]").match(latex, start)
        return token[0] if token else None
    depth, position = 0, start
    while position < len(latex):
        if latex[position] == "\\":
            position += 2  # an escaped brace opens nothing
            continue
        depth += {"{": 1, "}": -1}.get(latex[position], 0)
        position += 1
        if depth == 0:
            return latex[start + 1 : position - 1].strip()
    return None


def _level(value: Any) -> int | None:
    """``3`` from 3, ``"3"`` and ``"Level 3"``; None from ``"Level ?"`` and from words."""
    match = re.fullmatch(r"(?:level\s*)?(\d{1,4})", str(value).strip(), re.IGNORECASE)
    return int(match[1]) if match else None
