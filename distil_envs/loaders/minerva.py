r"""Minerva's undergraduate problems (OCWCourses): ``problem`` or ``question``, ``answer`` or a box in ``solution``.

Lewkowycz et al. 2022 take a number for right within 1 %. So a number with a decimal point or an exponent becomes a
`quantity` of that tolerance, without its unit since the rows do not tell that apart; every other is an `expression`.
`distil_envs.science.ScienceVerifier` grades both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from distil_envs.loaders.math_like import math_task
from distil_envs.task import Task

TOLERANCE = 0.01
REQUEST = "Give the number alone, in the unit that is asked for."
_POWER = r"(?:e[+-]?\d+|\s*(?:\\times|\\cdot|\*)\s*10\s*\^\s*(?:\{\s*[+-]?\d+\s*\}|[+-]?\d+))"
_MEASURED = re.compile(rf"[+-]?(?:\d+\.\d*{_POWER}?|\.\d+{_POWER}?|\d+{_POWER})", re.I)


def minerva_task(row: Mapping[str, Any], task_id: str, family: str) -> Task:
    """The task of one row. Raises TaskError for a row that cannot be used."""
    task = math_task(row, task_id, family)
    answer = task.reference["answer"].strip("$ ")
    if not _MEASURED.fullmatch(answer):
        return replace(task, reference={**task.reference, "kind": "expression"})
    measured = {"answer": answer, "kind": "quantity", "tolerance": TOLERANCE, "unit": "optional"}
    prompt = f"{task.prompt}\n\n{REQUEST}"
    return replace(task, domain="science", prompt=prompt, reference={**task.reference, **measured})
