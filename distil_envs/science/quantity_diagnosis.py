"""*How* a wrong quantity is wrong, as `Diagnosis` events.

Codes: wrong-dimension, missing-unit, rounding, sign, prefix (a power of ten), unit (an equal number in another unit),
degrees-for-radians, celsius-for-kelvin (also Fahrenheit), inverse, factor, too-large, too-small. ``reveals_reference``
is set where the message and the answer together determine the reference.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from distil_envs.outcome import Diagnosis
from distil_envs.science.dimensions import in_words
from distil_envs.science.quantities import Asked, lacks_unit, unit_in_place, value_of
from distil_envs.science.quantity_reading import Quantity
from distil_envs.science.units import convert, units_of

_MAX_POWER = 24
_CLOSE = 0.05
_SAME = 0.01
_ZERO_CELSIUS = 273.15
_SCALES = {"degree Celsius": "degree_Celsius", "kelvin": "kelvin", "degree Fahrenheit": "degree_Fahrenheit"}
_FACTORS = {
    **{str(number): float(number) for number in (2, 3, 4, 5, 6, 7, 8, 9, 11, 12)},
    "pi": math.pi, "2 pi": 2 * math.pi, "4 pi": 4 * math.pi, "sqrt(2)": math.sqrt(2), "9.81": 9.81,
    "3/2": 1.5, "4/3": 4 / 3, "sqrt(3)": math.sqrt(3), "3.6": 3.6, "24": 24.0, "60": 60.0, "3600": 3600.0,
}  # fmt: skip
_HINTS = {
    "9.81": "as if g were forgotten or used once too often", "3.6": "as between m/s and km/h",
    "24": "as between hours and days", "60": "as between minutes and seconds, or hours and minutes",
    "3600": "as between seconds and hours",
}  # fmt: skip


def diagnose(asked: Asked, quantity: Quantity) -> list[Diagnosis]:
    """Events for a wrong one, the most telling first. Never empty."""
    span = quantity.span
    value = value_of(asked, quantity)
    if lacks_unit(asked, quantity) and not asked.optional and not asked.bare:
        asks = f"{in_words(asked.unit)} is asked for" if asked.unit.dimension else "a bare number means something else"
        missing = Diagnosis("missing-unit", f"The unit is missing: {asks}.", span=span)
        if value is None or asked.close(quantity.value):
            wrong = not asked.close(quantity.value)
            return [missing, *_valued(asked, quantity, quantity.value)] if wrong else [missing]
    if value is None:
        given, wanted = (in_words(unit) for unit in (quantity.units[0], asked.unit))
        if given == wanted:
            given = f"{given} of another kind"
        message = f"This is {given}, but {wanted} is asked for."
        return [Diagnosis("wrong-dimension", message, {"got": given, "expected": wanted}, span=span)]
    return _valued(asked, quantity, value)


def _valued(asked: Asked, quantity: Quantity, value: float) -> list[Diagnosis]:
    found = _Comparison(asked, quantity, value)
    events = list(found.rounding(_CLOSE)) or next(
        (events for events in map(list, found.relations()) if events), list(found.rounding(1.0))
    )
    return events if events and events[0].code == "sign" else [*events, found.direction()]


@dataclass(frozen=True)
class _Comparison:
    asked: Asked
    quantity: Quantity
    value: float
    """In the unit of the reference."""

    def orders(self) -> int:
        """The order of magnitude of the value over the right one; 0 where there is none."""
        if not self.value or not self.asked.value or not math.isfinite(self.value):
            return 0
        return round(math.log10(abs(self.value)) - math.log10(abs(self.asked.value)))

    def is_near(self, other: float) -> bool:
        """Whether the value equals another, up to the error that is allowed and to how it was rounded."""
        error = abs(other) * min(_SAME, self.asked.error / abs(self.asked.value) if self.asked.value else 0.0)
        if self.quantity.figures > 1 and self.quantity.value:
            place = unit_in_place(self.quantity.value, self.quantity.figures) / abs(self.quantity.value)
            error += abs(other) * min(_SAME, 0.5 * place)
        return abs(self.value - other) <= max(error, 1e-9 * abs(other))

    def event(self, code: str, message: str, **evidence: object) -> Diagnosis:
        return Diagnosis(code, message, evidence, reveals_reference=True, span=self.quantity.span)

    def relations(self) -> Iterator[Iterator[Diagnosis]]:
        """The simple relations to the right value, the most telling first."""
        yield self.temperature()
        if self.asked.value and self.value:
            yield self.sign()
            yield self.degrees()
            yield self.prefix()
            yield self.unit()
            yield self.inverse()
            yield self.factor()

    def sign(self) -> Iterator[Diagnosis]:
        if self.is_near(-self.asked.value):
            yield self.event("sign", "The size is right but the sign is wrong.")

    def prefix(self) -> Iterator[Diagnosis]:
        power = self.orders()
        if 1 <= abs(power) <= _MAX_POWER and self.is_near(self.asked.value * 10.0**power):
            size = "large" if power > 0 else "small"
            message = f"The digits are right, but this is 10^{abs(power)} times too {size}: check prefixes and powers."
            yield self.event("prefix", message, power=power)

    def unit(self) -> Iterator[Diagnosis]:
        number = self.quantity.value
        if self.quantity.factors and abs(number - self.asked.value) <= self.asked.error:
            yield self.event("unit", "The number would be right in another unit: convert it, or change the unit.")

    def degrees(self) -> Iterator[Diagnosis]:
        if self.asked.unit.angle != "radian":
            return
        for names, ratio in ((("degrees", "radians"), math.degrees(1)), (("radians", "degrees"), math.radians(1))):
            if self.is_near(self.asked.value * ratio):
                message = f"This is the number of {names[0]}, given as {names[1]}."
                yield self.event("degrees-for-radians", message, got=names[0], expected=names[1])

    def temperature(self) -> Iterator[Diagnosis]:
        if not self.asked.temperature:
            return
        for name, unit in _SCALES.items():
            read = convert(self.quantity.value, units_of(((unit, 1.0),))[0], self.asked.unit)
            if read is not None and abs(read - self.asked.value) <= self.asked.error + 0.2 / self.asked.unit.factor:
                message = f"The number is right in {name}, not on the scale it is given on."
                yield self.event("celsius-for-kelvin", message, scale=name)
                return
        shift = (self.value - self.asked.value) * self.asked.unit.factor
        if abs(abs(shift) - _ZERO_CELSIUS) <= 0.2 + self.asked.error * self.asked.unit.factor:
            message = f"This is 273.15 K too {'high' if shift > 0 else 'low'}: Celsius and kelvin are mixed up."
            yield self.event("celsius-for-kelvin", message, shift=math.copysign(_ZERO_CELSIUS, shift))

    def inverse(self) -> Iterator[Diagnosis]:
        if self.is_near(1 / self.asked.value):
            yield self.event("inverse", "This is the inverse of the right value: it is upside down.")

    def factor(self) -> Iterator[Diagnosis]:
        for name, factor in _FACTORS.items():
            for ratio in (factor, 1 / factor):
                for sign in (1, -1):
                    if self.is_near(sign * ratio * self.asked.value):
                        yield self._factor(name, ratio, sign)
                        return

    def _factor(self, name: str, ratio: float, sign: int) -> Diagnosis:
        hint = f", {_HINTS[name]}" if name in _HINTS else ""
        turned = " and has the wrong sign" if sign < 0 else ""
        message = f"This is too {'large' if ratio > 1 else 'small'} by a factor of {name}{turned}{hint}."
        inverse = f"1/({name})" if " " in name or "/" in name else f"1/{name}"
        return self.event("factor", message, ratio=("-" if sign < 0 else "") + (name if ratio > 1 else inverse))

    def rounding(self, limit: float) -> Iterator[Diagnosis]:
        """Right to fewer figures than asked, off by less than ``limit`` (relative)."""
        wanted = self.asked.value
        if not wanted or not abs(self.value - wanted) <= limit * abs(wanted):
            return
        if self.value and not self.asked.temperature:
            wanted *= self.quantity.value / self.value  # in the unit of the answer
        for figures in range(self.asked.figures - 1, 0, -1):
            place = unit_in_place(wanted, figures)
            steps = self.quantity.value / place
            if abs(steps - round(steps)) <= 1e-6 * abs(steps) and abs(steps - wanted / place) <= 0.5 + 1e-6:
                message = f"This is right to {figures} significant figure{'s' if figures > 1 else ''} only: it is "
                message += "rounded too early or too far."
                yield Diagnosis("rounding", message, {"figures": figures}, span=self.quantity.span)
                return
        last = self.asked.figures > 2 and limit == _CLOSE
        if last and abs(self.value - self.asked.value) <= 1.5 * unit_in_place(self.asked.value, self.asked.figures):
            message = "This is right but for the last figure: perhaps a step was rounded too early."
            yield Diagnosis("rounding", message, {"figures": self.asked.figures - 1}, span=self.quantity.span)

    def direction(self) -> Diagnosis:
        size = "large" if self.value > self.asked.value else "small"
        orders = self.orders() if self.value * self.asked.value > 0 else 0
        about = f", by about {abs(orders)} order{'s' if abs(orders) > 1 else ''} of magnitude" if orders else ""
        return Diagnosis(f"too-{size}", f"This is too {size}{about}.", {"orders": orders}, span=self.quantity.span)
