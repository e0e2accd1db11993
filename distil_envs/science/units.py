"""What a unit is worth: a factor and a dimension, by pint's definitions. No text is ever evaluated.

A unit is a product of names with powers (`Factors`), found by `distil_envs.science.quantity_reading`; pint is asked for
one name at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from distil_envs.science.unit_names import NOT_UNITS, OWN, PREFIXES, SYMBOLS

if TYPE_CHECKING:
    import pint

Factors = tuple[tuple[str, float], ...]
"""Names as they were written, with their powers. The name ``""`` is the number in ``mg/100 mL``: its power is a factor.
"""
Dimension = tuple[tuple[str, float], ...]
"""Base units of pint (``meter``, ``second``, …) with their powers, sorted."""

MAX_POWER = 12
_MAX_NAME = 30
_ABSOLUTE = {"degree_Celsius": "delta_degree_Celsius", "degree_Fahrenheit": "delta_degree_Fahrenheit"}
_TURNS = {"turn": 1.0, "revolutions_per_minute": 1 / 60, "revolutions_per_second": 1.0}
_UNCOUNTED = ("radian", "count")


@dataclass(frozen=True)
class Unit:
    """A value x in this unit is ``x * factor + offset`` in base units (SI)."""

    factor: float
    dimension: Dimension
    offset: float = 0.0
    """In kelvin: of degrees Celsius and Fahrenheit when they stand alone."""
    angle: str = ""
    """``radian`` (also degrees), ``turn`` (revolutions, rpm) or ``hertz``: which full circle is one, if any."""
    power: float = 0.0
    """The power of that angle."""

    def base(self, value: float) -> float:
        """The value in base units."""
        return value * self.factor + self.offset

    def of_base(self, value: float) -> float:
        """Inverse of `base`."""
        return (value - self.offset) / self.factor


BARE = Unit(1.0, ())
"""Of a number without a unit."""


def convert(value: float, unit: Unit, to: Unit) -> float | None:
    """A value in another unit; None where the dimension differs.

    The radian is 1, and a revolution is 2 pi of it. A hertz is a cycle per second and is never compared with rad/s.
    """
    if unit.dimension != to.dimension or {unit.angle, to.angle} == {"radian", "hertz"}:
        return None
    base = unit.base(value)
    if (unit.angle, to.angle) == ("turn", "radian"):
        base *= math.tau**unit.power
    elif (unit.angle, to.angle) == ("radian", "turn"):
        base /= math.tau**unit.power
    return to.of_base(base)


@lru_cache(maxsize=4096)
def units_of(factors: Factors) -> tuple[Unit, ...]:
    """What a product of names can mean, the most usual first. Empty when a name is unknown or a power too large.

    Only single symbols have several meanings (``C`` is coulomb or degree Celsius).
    """
    choices = [_meanings(name) if name else ("",) for name, _ in factors]
    if not all(choices) or any(name and abs(power) > MAX_POWER for name, power in factors):
        return ()
    found = [_product([(names[0], power) for names, (_, power) in zip(choices, factors, strict=True)])]
    for place, names in enumerate(choices):
        for name in names[1:]:
            picked = [(other[0], power) for other, (_, power) in zip(choices, factors, strict=True)]
            picked[place] = (name, picked[place][1])
            found.append(_product(picked))
    return tuple(unit for unit in found if unit is not None)


@lru_cache(maxsize=4096)
def is_unit(name: str) -> bool:
    """Whether a name is one of a unit, with or without a prefix."""
    return bool(_meanings(name))


def _product(factors: Iterable[tuple[str, float]]) -> Unit | None:
    factors = list(factors)
    alone = len(factors) == 1 and factors[0][1] == 1
    size, offset, angle, power = 1.0, 0.0, "", 0.0
    exponents: dict[str, float] = {}
    try:
        for name, exponent in factors:
            if not name:
                size *= exponent
                continue
            if name in _ABSOLUTE and not alone:
                name = _ABSOLUTE[name]
            one, bases, shift, kind = _base(name)
            size *= one**exponent
            offset += shift
            for base, count in bases:
                exponents[base] = exponents.get(base, 0.0) + count * exponent
            if kind:
                angle, power = kind, power + exponent
    except (OverflowError, ZeroDivisionError):
        return None
    if not 0 < size < math.inf:
        return None
    dimension = tuple(sorted((base, round(count, 6)) for base, count in exponents.items() if abs(count) > 1e-9))
    return Unit(size, dimension, offset, angle if power else "", power)


@lru_cache(maxsize=4096)
def _meanings(name: str) -> tuple[str, ...]:
    """The names in pint that a written one can stand for; none for a name that is no unit."""
    if name in SYMBOLS:
        return SYMBOLS[name][1]
    for size in (1, 2):
        prefix, symbol = name[:size], name[size:]
        if symbol in SYMBOLS and prefix in SYMBOLS[symbol][0] and name not in NOT_UNITS:
            prefix = {"K": "k", "u": "µ"}.get(prefix, prefix)
            return tuple(prefix + "|" + meant for meant in SYMBOLS[symbol][1])
    return _spelled(name) or _spelled(name.lower())


def _spelled(name: str) -> tuple[str, ...]:
    if not 3 <= len(name) <= _MAX_NAME or name in NOT_UNITS or not name.isascii():
        return ()
    for prefix, unit, _ in registry().parse_unit_name(name):
        if name.startswith(prefix) and len(name) - len(prefix) > 2 and unit not in NOT_UNITS:
            return (prefix + unit,)
    return ()


@lru_cache(maxsize=4096)
def _base(name: str) -> tuple[float, Dimension, float, str]:
    """Factor, base units, offset in kelvin and kind of angle of a name from `_meanings`."""
    prefix, _, unit = name.rpartition("|")
    scale = 10.0 ** PREFIXES[prefix] if prefix else 1.0
    if unit in _TURNS:
        time: Dimension = () if unit == "turn" else (("second", -1.0),)
        return scale * _TURNS[unit], time, 0.0, "turn"
    if unit in _ABSOLUTE:
        zero = registry().Quantity(0, unit).to("kelvin").magnitude
        return (*_base(_ABSOLUTE[unit])[:2], float(zero), "")
    factor, bases = registry().get_base_units(unit)
    found = {str(base): float(power) for base, power in cast(Any, bases)._units.items()}
    angle = "hertz" if unit == "hertz" else "radian" if found.get("radian") == 1 else ""
    kept = tuple((base, power) for base, power in found.items() if base not in _UNCOUNTED)
    return scale * float(cast(float, factor)), kept, 0.0, angle


@lru_cache(maxsize=1)
def registry() -> pint.UnitRegistry[float]:
    """The one registry of this process, made on first use (about a third of a second)."""
    import pint

    found: pint.UnitRegistry[float] = pint.UnitRegistry()
    for line in OWN:
        found.define(line)
    return found
