"""A number with its unit: any unit of the same dimension is right when the value is.

Reference: ``answer`` (``12.5 m/s``; a bare number for a dimensionless one; ``25 degC``, ``5 delta_degC``); ``figures``
(right is what lies within half a unit of that significant figure of the reference); ``tolerance`` (relative); ``error``
(absolute, in the unit of the answer); the widest of these counts, and a tolerance of 0.01 where there is none;
``unit``: ``required`` (default) or ``optional`` (a bare number is taken in the reference's unit).

The last quantity of the text counts, save the condition in ``12.5 m/s after 3 s``. One stated twice (``12.5 m/s = 45
km/h``) is right when both are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from distil_envs.errors import TaskError
from distil_envs.hedging import without_reason
from distil_envs.science.judgement import Judgement, correct, malformed, wrong
from distil_envs.science.quantities import Asked, asked_for, value_of
from distil_envs.science.quantity_claims import claimed
from distil_envs.science.quantity_diagnosis import diagnose
from distil_envs.science.quantity_reading import read

_PARTS = 40
_LINE = 1_000
_MARGIN = 0.1
"""How wide an error bar may be, as a part of the value."""


def check(reference: Mapping[str, Any]) -> None:
    """See `distil_envs.science.judgement.Kind.check`."""
    _asked(reference)


def judge(reference: Mapping[str, Any], text: str) -> Judgement:
    """See `distil_envs.science.judgement.Kind.judge`."""
    asked = _asked(reference)
    whole = (0, len(text))
    told = without_reason(text)
    found = read(told)
    if not found.quantities:
        told, found = text, read(text)
    claim = claimed(found, told)
    if claim is None:
        return malformed("unparsable", "The answer could not be read as a number with its unit.", whole)
    last = claim.quantity
    if claim.bound:
        return malformed("unparsable", "One value is asked for, not a bound for it.", last.span)
    if last.several or claim.goes_on or asked.hedged(claim):
        start = min((rival.quantity.span[0] for rival in claim.rivals), default=last.span[0])
        return malformed("hedge", "Two different answers are given, so none of them counts.", (start, last.span[1]))
    if last.margin > _MARGIN * abs(last.value):
        return malformed("hedge", "The error bar is so wide that the value is left open.", last.span)
    value = value_of(asked, last)
    if value is not None and asked.close(value):
        return correct(last.span)
    return wrong(last.span, *diagnose(asked, last))


def parts(text: str) -> list[str]:
    """See `distil_envs.science.judgement.Kind.parts`."""
    line = text[-_LINE:]
    return [line[slice(*quantity.span)] for quantity in read(line).quantities][-_PARTS:]


def _asked(reference: Mapping[str, Any]) -> Asked:
    answer, figures, tolerance = reference.get("answer"), reference.get("figures"), reference.get("tolerance")
    unit, error = reference.get("unit", "required"), reference.get("error")
    if not isinstance(answer, str):
        raise TaskError(f"a quantity's answer must be a text like '12.5 m/s', got {answer!r}")
    if figures is not None and not (type(figures) is int and 1 <= figures <= 15):
        raise TaskError(f"figures must be a whole number from 1 to 15, got {figures!r}")
    for name, value, example in (("tolerance", tolerance, "a relative"), ("error", error, "an absolute")):
        if value is not None and not (isinstance(value, int | float) and 0 <= value < math.inf):
            raise TaskError(f"{name} must be {example} error such as 0.01, got {value!r}")
    if unit not in ("required", "optional"):
        raise TaskError(f"unit must be 'required' or 'optional', got {unit!r}")
    return asked_for(answer, figures, tolerance, error, unit == "optional")
