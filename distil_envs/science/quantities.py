"""The quantity that a reference asks for, and how an answer compares with it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

from distil_envs.errors import TaskError
from distil_envs.science.quantity_claims import Claim, Rival
from distil_envs.science.quantity_reading import Quantity, read
from distil_envs.science.units import BARE, Unit, convert

_TOLERANCE = 0.01
_SLACK = 1.001
_COUNTED = (("base_pair", 1.0),)
_KELVIN = (("kelvin", 1.0),)


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
    figures: int
    """How many significant figures are asked for; those of the reference as it is written, where that is not said."""
    difference: bool = False
    """Of temperatures: degrees Celsius and kelvin are the same then."""

    @property
    def temperature(self) -> bool:
        """Whether it is one, and no difference."""
        return self.unit.dimension == _KELVIN and not self.difference

    def close(self, value: float) -> bool:
        """Whether a value in the unit of this one is right."""
        return abs(value - self.value) <= self.error

    def hedged(self, claim: Claim) -> bool:
        """Whether a text offers two quantities that are not the same one in other words."""
        value = value_of(self, claim.quantity)
        for rival in claim.rivals:
            other = value_of(self, rival.quantity)
            if value is None and other is None:
                if rival.how != "same" and rival.quantity.value != claim.quantity.value:
                    return True
            elif value is None or other is None:
                # Else a step of the working, and so is what stands before it.
                return rival.how == "hedge" or (rival.how == "list" and rival.opens)
            elif not self._same(claim.quantity, value, rival, other):
                return True
        return False

    def _same(self, last: Quantity, value: float, rival: Rival, other: float) -> bool:
        error = self.error * (abs(value / self.value) if self.value else 1.0)
        return abs(value - other) <= error or _rounded(last, rival.quantity, rival.how)


def _rounded(last: Quantity, before: Quantity, how: str) -> bool:
    """Whether the last of ``12.457 m = 12.5 m`` is the one before, rounded."""
    if how != "same" or last.factors != before.factors or not last.figures or not last.value:
        return False
    return abs(last.value - before.value) <= 0.5 * _SLACK * unit_in_place(last.value, last.figures)


def unit_in_place(value: float, figures: int) -> float:
    """One unit of the last of so many significant figures of a value other than 0."""
    return 10.0 ** (math.floor(math.log10(abs(value))) - figures + 1)


@lru_cache(maxsize=4096)
def asked_for(
    answer: str,
    figures: int | None = None,
    tolerance: float | None = None,
    error: float | None = None,
    optional: bool = False,
) -> Asked:
    """Read a reference, see `distil_envs.science.kinds.quantity`. Raises TaskError."""
    found = read(answer)
    if len(found.quantities) != 1 or (found.quantities[0].first, found.quantities[0].end) != (0, len(found.tokens)):
        raise TaskError(f"answer {answer!r} cannot be read as a quantity; expected a number and a unit like '12.5 m/s'")
    [quantity] = found.quantities
    if not quantity.units:
        raise TaskError(f"the unit of {answer!r} is not known; expected one as pint reads it, like 'm/s^2'")
    unit, value = quantity.units[0], quantity.value
    relative = _TOLERANCE if tolerance is figures is error is None else tolerance or 0.0
    half = 0.5 * _SLACK * unit_in_place(value, figures) if figures is not None and value else 0.0
    rounding = 1e-9 * abs(unit.base(value) / unit.factor)
    return Asked(
        value=value,
        unit=unit,
        bare=not quantity.factors,
        error=max(abs(value) * relative, half, (error or 0.0) * (1 + 1e-9), rounding),
        optional=optional,
        figures=figures or quantity.figures or 3,
        difference=any(name.startswith("delta_") for factors in quantity.factors for name, _ in factors),
    )


def value_of(asked: Asked, quantity: Quantity) -> float | None:
    """In the unit of the reference; None where the dimension is another or a unit is missing."""
    if lacks_unit(asked, quantity):
        if asked.optional:
            return quantity.value
        return None if asked.unit.dimension else convert(quantity.value, BARE, asked.unit)
    for unit in quantity.units:
        if asked.difference and unit.offset:
            unit = replace(unit, offset=0.0)
        if asked.bare and unit.dimension == _COUNTED:
            return quantity.value * unit.factor
        value = convert(quantity.value, unit, asked.unit)
        if value is not None:
            return value
    return None


def lacks_unit(asked: Asked, quantity: Quantity) -> bool:
    """Whether there is no unit, or only the word degrees for a temperature."""
    if not quantity.factors:
        return True
    unit = quantity.units[0] if quantity.units else BARE
    return asked.unit.dimension == _KELVIN and unit.angle == "radian" and not unit.dimension
