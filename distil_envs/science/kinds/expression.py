"""A symbolic expression, relation, set, tuple, matrix or number without a unit: read and compared as in maths.

Reference: ``answer``, and ``variables``, ``form`` and ``modulo_constant`` as for `distil_envs.math.MathVerifier`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distil_envs.errors import TaskError
from distil_envs.math.answers import pieces
from distil_envs.math.question import question
from distil_envs.math.verifier import grade_math
from distil_envs.outcome import Check, Diagnosis
from distil_envs.science.judgement import Judgement
from distil_envs.task import Task

_LINE = 1000
_PARTS = 40


def check(reference: Mapping[str, Any]) -> None:
    """See `distil_envs.science.judgement.Kind.check`."""
    if question(_mathematical(reference)).shape == "text":
        raise TaskError(f"answer {reference.get('answer')!r} cannot be read as mathematics")


def judge(reference: Mapping[str, Any], text: str) -> Judgement:
    """See `distil_envs.science.judgement.Kind.judge`."""
    outcome = grade_math(Task("expression", "math", "?", _mathematical(reference)), text)
    [found] = [check for check in outcome.trace.of(Check) if check.name == "format"]
    return Judgement(outcome.status, found.span or (0, len(text)), tuple(outcome.trace.of(Diagnosis)))


def parts(text: str) -> list[str]:
    """See `distil_envs.science.judgement.Kind.parts`."""
    return pieces(text[-_LINE:])[-_PARTS:]


def _mathematical(reference: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in reference.items() if name not in ("kind", "misconceptions")}
