"""How a quantity is compared with the one that is asked for, and *how* a wrong one is wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from distil_envs.errors import TaskError
from distil_envs.outcome import Diagnosis
from distil_envs.science.quantity_reading import Quantity, read
from distil_envs.science.units import BARE, Unit, convert

_TOLERANCE = 0.01
_SLACK = 1.001


@dataclass(frozen=True)
class Asked:
    """The quantity that is asked for."""

    value: float
    unit: Unit
    bare: bool
    """Whether it has no unit at all."""
    error: float
    """How far an answer may lie off, in its unit."""
    optional: bool
    """Whether the prompt has named the unit."""

    def close(self, value: float) -> bool:
        """Whether a value in the unit of this one is right."""
        return abs(value - self.value) <= self.error

    def differ(self, one: Quantity, other: Quantity) -> bool:
        """Whether two quantities are not the same one in other words."""
        first, second = value_of(self, one), value_of(self, other)
        if first is None or second is None:
            return (first is None) != (second is None)
        error = self.error * (abs(first / self.value) if self.value else 1)
        return abs(first - second) > error


@lru_cache(maxsize=4096)
def asked_for(answer: str, figures: int | None, tolerance: float | None, optional: bool) -> Asked:
    """Read a reference. Raises TaskError."""
    found = read(answer)
    if len(found.quantities) != 1 or (found.quantities[0].first, found.quantities[0].end) != (0, len(found.tokens)):
        raise TaskError(f"answer {answer!r} cannot be read as a quantity; expected a number and a unit like '12.5 m/s'")
    [quantity] = found.quantities
    if not quantity.units:
        raise TaskError(f"the unit of {answer!r} is not known; expected one as pint reads it, like 'm/s^2'")
    unit, value = quantity.units[0], quantity.value
    errors = [abs(value) * (_TOLERANCE if tolerance is None and figures is None else tolerance or 0.0)]
    if figures is not None and value:
        errors.append(0.5 * _SLACK * 10.0 ** (math.floor(math.log10(abs(value))) - figures + 1))
    rounding = 1e-9 * abs(unit.base(value) / unit.factor)
    return Asked(value, unit, not quantity.factors, max(*errors, rounding), optional)


def value_of(asked: Asked, quantity: Quantity) -> float | None:
    """In the unit of the reference; None where the dimension is another or a unit is missing."""
    if not quantity.factors and (asked.optional or not asked.unit.dimension):
        return quantity.value if asked.optional else convert(quantity.value, BARE, asked.unit)
    for unit in quantity.units if quantity.factors else ():
        value = convert(quantity.value, unit, asked.unit)
        if value is not None:
            return value
    return None


def diagnose(asked: Asked, quantity: Quantity) -> list[Diagnosis]:
    """Events for a wrong one, the most telling first. Never empty."""
    span = quantity.span
    value = value_of(asked, quantity)
    if value is None:
        if not quantity.factors:
            return [Diagnosis("missing-unit", "The unit is missing.", span=span)]
        return [Diagnosis("wrong-dimension", "This is a quantity of another dimension.", span=span)]
    direction = "large" if value > asked.value else "small"
    return [Diagnosis(f"too-{direction}", f"This is too {direction}.", span=span)]
