"""Expressions with units: read and evaluated in one pass, by nothing but the rules below.

    line     := sum [("in" | "to" | "->") sum]   the last of these words with a unit behind it converts
    sum      := product {("+" | "-") product}
    product  := signed {("*" | "/" | "%") signed}
    signed   := {"+" | "-"} joined
    joined   := power {power}                    3 km, 2 (1 + 2): binds tighter than "/", as in GNU units
    power    := atom [("^" | "**") {"+" | "-"} power]
    atom     := number | function "(" sum {"," sum} ")" | "pi" | "e" | unit | "(" sum ")"

Units are those of pint. Integers, and fractions of them, stay exact until a unit, a decimal or a function makes them
floating point. ``5 min`` is a time, ``min(5, 3)`` the function. Works on hostile text, but may take long: for a worker.
"""

from __future__ import annotations

import functools
import inspect
import math
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pint import UnitRegistry

MAX_BITS = 100_000
"""Of an exact integer."""
MAX_FACTORIAL = 5_000
MAX_LITERAL = 1_000
"""Characters of a number."""

Value = Any
"""A plain number (int, Fraction or float), or a `pint.Quantity`."""

_NUMBER_PATTERN = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_NAME_PATTERN = r"°?[A-Za-z_µμΩÅ][A-Za-z0-9_µμΩ]*[²³]?|°"
_TOKEN = re.compile(rf"{_NUMBER_PATTERN}|{_NAME_PATTERN}|\*\*|->|\S")
_NAME = re.compile(_NAME_PATTERN)
_CONSTANTS: Final = {"pi": math.pi, "e": math.e}


def evaluate(text: str) -> Value:
    """The value of an expression.

    Raises ValueError for what is no expression; ArithmeticError, TypeError and pint's errors for what has no value.
    """
    value = _evaluated(_TOKEN.findall(text))
    magnitude = value.magnitude if _has_unit(value) else value
    if isinstance(magnitude, float) and not math.isfinite(magnitude):
        raise OverflowError
    return value


def _evaluated(tokens: Sequence[str]) -> Value:
    at = _conversion(tokens)
    if at is None:
        value = _Reader(tokens).whole()
        # 100 cm / 1 m is 1, but 30 degrees, dimensionless too, stay degrees.
        cancels = _has_unit(value) and value.dimensionless and len(list(value.unit_items())) > 1
        return value.to_reduced_units() if cancels else value
    value, target = _Reader(tokens[:at]).whole(), _Reader(tokens[at + 1 :]).whole()
    if not _has_unit(target) or target.magnitude != 1:
        raise ValueError(f"expected a unit behind {tokens[at]!r}")
    return (value if _has_unit(value) else _units().Quantity(_float(value))).to(target.units)


def _conversion(tokens: Sequence[str]) -> int | None:
    """Where the word stands that converts. ``in`` is also the inch, which nothing like a unit follows."""
    depth, found = 0, None
    for at, token in enumerate(tokens[:-1]):
        depth += (token == "(") - (token == ")")
        if token in ("in", "to", "->") and at and not depth and (tokens[at + 1] == "(" or _NAME.match(tokens[at + 1])):
            found = at
    return found


class _Reader:
    """Reads tokens from the left, and evaluates what it has read."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def whole(self) -> Value:
        value = self._sum()
        if self._next:
            raise ValueError(f"unexpected {self._next!r}")
        return value

    @property
    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, *wanted: str) -> str:
        """The next token if it is one of these, else nothing."""
        token = self._next
        if token not in wanted:
            return ""
        self._at += 1
        return token

    def _expect(self, wanted: str) -> None:
        if not self._take(wanted):
            raise ValueError(f"expected {wanted!r}, got {repr(self._next) if self._next else 'the end'}")

    def _sum(self) -> Value:
        value = self._product()
        while sign := self._take("+", "-"):
            right = self._product()
            value = _exact(value + right if sign == "+" else value - right)
        return value

    def _product(self) -> Value:
        value = self._signed()
        while sign := self._take("*", "/", "%"):
            right = self._signed()
            value = _times(value, right) if sign == "*" else _divided(value, right) if sign == "/" else value % right
        return value

    def _signed(self) -> Value:
        negative = self._signs()
        value = self._joined()
        return -value if negative else value

    def _signs(self) -> bool:
        """Whether the signs that stand here turn a value round."""
        negative = False
        while sign := self._take("+", "-"):
            negative ^= sign == "-"
        return negative

    def _joined(self) -> Value:
        value = self._power()
        while self._next == "(" or _NAME.match(self._next):
            right = self._power()
            if _has_unit(right) and right.magnitude == 1 and not _has_unit(value):
                value = _units().Quantity(_float(value), right.units)  # the one way to write 20 degC
            else:
                value = _times(value, right)
        return value

    def _power(self) -> Value:
        base = self._atom()
        if not self._take("^", "**"):
            return base
        negative = self._signs()
        exponent = _plain(self._power())
        return _raised(base, -exponent if negative else exponent)

    def _atom(self) -> Value:
        token = self._next
        self._at += 1
        if token == "(":
            value = self._sum()
            self._expect(")")
            return value
        if token[:1].isdecimal() or (token[:1] == "." and token != "."):
            if len(token) > MAX_LITERAL:
                raise OverflowError
            return int(token) if token.isdecimal() else float(token)
        if not _NAME.match(token):
            raise ValueError(f"expected a number or a unit, got {repr(token) if token else 'the end'}")
        if self._next == "(" and token in FUNCTIONS:
            return self._called(token)
        return _CONSTANTS[token] if token in _CONSTANTS else _unit(token)

    def _called(self, name: str) -> Value:
        self._expect("(")
        arguments = [self._sum()]
        while self._take(","):
            arguments.append(self._sum())
        self._expect(")")
        function = FUNCTIONS[name]
        try:
            inspect.signature(function).bind(*arguments)
        except TypeError as error:
            raise ValueError(f"{name}: {error}") from None
        return _exact(function(*arguments))


@functools.cache
def _units() -> UnitRegistry[Any]:
    """Made in some tenths of a second, so kept."""
    from pint import UnitRegistry

    return UnitRegistry()


def _unit(name: str) -> Value:
    try:
        return _units().Quantity(1.0, _units().parse_units(name))
    except (AttributeError, ValueError):  # pint's UndefinedUnitError is the former
        raise ValueError(f"{name!r:.80} is no unit, constant or function") from None


def _has_unit(value: Value) -> bool:
    return not isinstance(value, (int, float, Fraction))


def _plain(value: Value) -> Value:
    """A plain number. Raises DimensionalityError for a quantity that is none."""
    return value.to("dimensionless").magnitude if _has_unit(value) else value


def _float(value: Value) -> float:
    return float(_plain(value))


def _exact(value: Value) -> Value:
    """The same value; an integer as int. Raises OverflowError for one of more than `MAX_BITS`."""
    if isinstance(value, complex) or (_has_unit(value) and isinstance(value.magnitude, complex)):
        raise ValueError("a root of a negative number is no real number")
    if isinstance(value, (int, Fraction)):
        if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
            raise OverflowError
        return value.numerator if value.denominator == 1 else value
    return value


def _times(left: Value, right: Value) -> Value:
    return _exact(left * right)


def _divided(left: Value, right: Value) -> Value:
    if isinstance(left, (int, Fraction)) and isinstance(right, (int, Fraction)) and right:
        return _exact(Fraction(left) / right)
    return left / right


def _raised(base: Value, exponent: Value) -> Value:
    if exponent == int(exponent):
        exponent = int(exponent)
    if isinstance(base, (int, Fraction)) and isinstance(exponent, int):
        bits = max(base.numerator.bit_length(), base.denominator.bit_length())
        if base not in (-1, 0, 1) and bits * abs(exponent) > 2 * MAX_BITS:
            raise OverflowError
        return _exact(Fraction(base) ** exponent)
    exponent = exponent if isinstance(exponent, int) else float(exponent)
    return _exact((base if _has_unit(base) else float(base)) ** exponent)


def _sqrt(x: Value) -> Value:
    if isinstance(x, int) and x >= 0 and math.isqrt(x) ** 2 == x:
        return math.isqrt(x)
    return _raised(x, 0.5)


def _radians(x: Value) -> float:
    return float(x.to("radian").magnitude if _has_unit(x) else x)


def _angle(x: float) -> Value:
    return _units().Quantity(x, "radian")


def _factorial(n: Value) -> int:
    n = _plain(n)
    if n != int(n) or not 0 <= n <= MAX_FACTORIAL:
        raise ValueError(f"factorial takes an integer from 0 to {MAX_FACTORIAL}")
    return math.factorial(int(n))


def _log(x: Value, base: Value = None) -> float:
    return math.log(_plain(x)) if base is None else math.log(_plain(x), _plain(base))


def _round(x: Value, digits: Value = 0) -> Value:
    return round(x, int(_plain(digits)))


FUNCTIONS: Final[Mapping[str, Callable[..., Value]]] = {
    "sqrt": _sqrt,
    "sin": lambda x: math.sin(_radians(x)),
    "cos": lambda x: math.cos(_radians(x)),
    "tan": lambda x: math.tan(_radians(x)),
    "asin": lambda x: _angle(math.asin(_plain(x))),
    "acos": lambda x: _angle(math.acos(_plain(x))),
    "atan": lambda x: _angle(math.atan(_plain(x))),
    "log": _log,
    "log10": lambda x: math.log10(_plain(x)),
    "exp": lambda x: math.exp(_plain(x)),
    "abs": lambda x: abs(x),
    "round": _round,
    "min": lambda x, *others: min(x, *others) if others else x,
    "max": lambda x, *others: max(x, *others) if others else x,
    "factorial": _factorial,
}
"""By name. ``log`` is natural unless a base is given; angles are in radians unless they have a unit."""
