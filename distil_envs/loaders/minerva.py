r"""Minerva's undergraduate problems (OCWCourses): ``problem`` or ``question``, ``answer`` or a box in ``solution``.

Lewkowycz et al. 2022 take a number for right within 1 %. So a number with a decimal point or an exponent becomes a
`quantity` of that tolerance, in the unit that the question names (``in units of cm``), if it can be read; the rows do
not tell it apart. Every other is an `expression`. `distil_envs.science.ScienceVerifier` grades both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from distil_envs.errors import TaskError
from distil_envs.loaders.math_like import math_task
from distil_envs.math.vocabulary import STOP_WORDS
from distil_envs.task import Task

TOLERANCE = 0.01
REQUEST = "Give the number alone, in the unit that is asked for."
_UNIT = re.compile(
    r"\b(?:in|(?P<sure>units\s+of))\s+(?!units\b)"
    r"(?:\$(?P<latex>[^$]{1,60})\$|(?P<words>[^\s,?;()$]+(?:[ ][^\s,?;()$]+){0,3}))"
)
_POWER = r"(?:e[+-]?\d+|\s*(?:\\times|\\cdot|\*)\s*10\s*\^\s*(?:\{\s*[+-]?\d+\s*\}|[+-]?\d+))"
_MEASURED = re.compile(rf"[+-]?(?:\d+\.\d*{_POWER}?|\.\d+{_POWER}?|\d+{_POWER})", re.I)


def minerva_task(row: Mapping[str, Any], task_id: str, family: str) -> Task:
    """The task of one row. Raises TaskError for a row that cannot be used."""
    task = math_task(row, task_id, family)
    answer = task.reference["answer"].strip("$ ")
    if not _MEASURED.fullmatch(answer):
        return replace(task, reference={**task.reference, "kind": "expression"})
    answer = f"{answer} {_unit(task.text, answer)}".strip()
    measured = {"answer": answer, "kind": "quantity", "tolerance": TOLERANCE, "unit": "optional"}
    prompt = f"{task.prompt}\n\n{REQUEST}"
    return replace(task, domain="science", prompt=prompt, reference={**task.reference, **measured})


def _unit(question: str, number: str) -> str:
    """The unit that is asked for last, as far as it can be read with the number; empty for none."""
    from distil_envs.science.quantities import asked_for

    for match in reversed(list(_UNIT.finditer(question))):
        if match["latex"]:
            tried = [match["latex"]]
        else:
            words = match["words"].rstrip(".").split()
            tried = [" ".join(words[:count]) for count in range(len(words), 0, -1)]
        for unit in tried:
            if (match["sure"] or len(unit) > 1 or match["latex"]) and unit not in STOP_WORDS:
                with suppress(TaskError):
                    if asked_for(f"{number} {unit}").unit.dimension:
                        return unit
    return ""
