"""Fractions: reducing, the four operations, and expressions of three fractions. Answers are in lowest terms."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm

from distil_envs.family import Family, Question, Worked, kind_of
from distil_envs.spaces import Distinct, Filtered, Product, Unordered

Part = tuple[int, int]
"""Numerator and denominator as they are shown."""

_FORM = {"form": "simplified"}


def _text(part: Part) -> str:
    return f"{part[0]}/{part[1]}"


def _worked(value: Fraction, steps: list[str], key: Sequence[Part] | None = None, **slots: str) -> Worked:
    return Worked(slots, str(value), kind_of(value), steps, key, _FORM)


def _reduction(numerator: int, denominator: int) -> list[str]:
    """The step that reduces a fraction, if there is one."""
    common = gcd(numerator, denominator)
    if common == 1 and denominator != 1:
        return []
    return [f"{numerator}/{denominator} = {Fraction(numerator, denominator)}"]


def _addition(left: Part, right: Part, sign: int = 1) -> tuple[Fraction, list[str]]:
    """``left + sign * right`` over the least common denominator."""
    (a, b), (c, d) = left, right
    common, symbol = lcm(b, d), "+" if sign == 1 else "-"
    p, q = a * (common // b), c * (common // d)
    steps = []
    if b != d:
        steps.append(f"The common denominator is {common}: {a}/{b} = {p}/{common} and {c}/{d} = {q}/{common}")
    steps.append(f"{p}/{common} {symbol} {q}/{common} = {p + sign * q}/{common}")
    return Fraction(p + sign * q, common), steps + _reduction(p + sign * q, common)


def _reduce(numerator: int, denominator: int) -> Worked:
    common = gcd(numerator, denominator)
    steps = [
        f"The greatest common divisor of {numerator} and {denominator} is {common}",
        f"{numerator} / {common} = {numerator // common} and {denominator} / {common} = {denominator // common}",
    ]
    return _worked(Fraction(numerator, denominator), steps, a=f"{numerator}/{denominator}")


def _like_sum(denominator: int, numerators: tuple[int, int]) -> Worked:
    return _sum(*((numerator, denominator) for numerator in numerators))


def _like_difference(denominator: int, numerators: tuple[int, int]) -> Worked:
    low, high = numerators
    return _difference((high, denominator), (low, denominator))


def _sum(left: Part, right: Part) -> Worked:
    value, steps = _addition(left, right)
    return _worked(value, steps, sorted((left, right)), a=_text(left), b=_text(right))


def _difference(left: Part, right: Part) -> Worked:
    value, steps = _addition(left, right, -1)
    return _worked(value, steps, (left, right), a=_text(left), b=_text(right))


def _multiplication(left: Part, right: Part) -> tuple[Fraction, list[str]]:
    (a, b), (c, d) = left, right
    steps = [f"{a}/{b} * {c}/{d} = ({a} * {c})/({b} * {d}) = {a * c}/{b * d}", *_reduction(a * c, b * d)]
    return Fraction(a * c, b * d), steps


def _product(left: Part, right: Part) -> Worked:
    value, steps = _multiplication(left, right)
    return _worked(value, steps, sorted((left, right)), a=_text(left), b=_text(right))


def _quotient(left: Part, right: Part) -> Worked:
    value, steps = _multiplication(left, (right[1], right[0]))
    flip = f"Dividing by {_text(right)} is multiplying by {right[1]}/{right[0]}"
    return _worked(value, [flip, *steps], (left, right), a=_text(left), b=_text(right))


def _three_terms(pair: tuple[Part, Part], last: Part) -> Worked:
    left, right = pair
    total, steps = _addition(left, right)
    value, more = _addition((total.numerator, total.denominator), last, -1)
    return _worked(value, steps + more, a=_text(left), b=_text(right), c=_text(last))


def _nested(pair: tuple[Part, Part], last: Part) -> Worked:
    left, right = pair
    total, steps = _addition(left, right)
    value, more = _multiplication((total.numerator, total.denominator), (last[1], last[0]))
    flip = f"Dividing by {_text(last)} is multiplying by {last[1]}/{last[0]}"
    return _worked(value, [*steps, flip, *more], a=_text(left), b=_text(right), c=_text(last))


def _lowest(largest_numerator: int, largest_denominator: int) -> tuple[Part, ...]:
    """Fractions in lowest terms that are not whole numbers."""
    return tuple(
        (a, b) for b in range(2, largest_denominator + 1) for a in range(1, largest_numerator + 1) if gcd(a, b) == 1
    )


_REDUCE = ("Write {a} in lowest terms.", "Simplify the fraction {a}.", "Reduce {a} to lowest terms.")
_SUM = ("What is {a} + {b} in lowest terms?", "Compute {b} + {a} and reduce the result.", "Add {a} and {b}. Simplify.")
_DIFFERENCE = ("What is {a} - {b} in lowest terms?", "Subtract {b} from {a}. Simplify.")
_PRODUCT = ("What is {a} * {b} in lowest terms?", "Multiply {b} by {a}. Simplify.")
_QUOTIENT = ("What is ({a}) / ({b}) in lowest terms?", "Divide {a} by {b}. Simplify.")
_THREE = ("What is {a} + {b} - {c} in lowest terms?", "Compute {b} + {a} - {c} and reduce the result.")
_NESTED = ("What is ({a} + {b}) / ({c}) in lowest terms?", "Add {b} and {a}, then divide by {c}. Simplify.")

_small, _medium, _large = _lowest(8, 9), _lowest(12, 12), _lowest(20, 15)
_like = Product(range(2, 13), Unordered(range(1, 12)))
_reducible = Filtered(Product(range(1, 40), range(2, 41)), lambda a, b: a < b and gcd(a, b) > 1)


def _unlike(pairs: Unordered | Distinct) -> Filtered:
    return Filtered(pairs, lambda left, right: left[1] != right[1])


FAMILY = Family(
    "fractions",
    "numbers",
    [
        [
            Question("sum", Filtered(_like, lambda d, ab: ab[1] < d), _like_sum, _SUM),
            Question("difference", Filtered(_like, lambda d, ab: ab[0] < ab[1] < d), _like_difference, _DIFFERENCE),
            Question("reduce", _reducible, _reduce, _REDUCE),
        ],
        [
            Question("sum", _unlike(Distinct(_small)), _sum, _SUM),
            Question("difference", _unlike(Distinct(_small)), _difference, _DIFFERENCE),
            Question("product", Unordered(_small), _product, _PRODUCT),
        ],
        [
            Question("sum", _unlike(Distinct(_medium)), _sum, _SUM),
            Question("quotient", Product(_medium, _medium), _quotient, _QUOTIENT),
        ],
        [
            Question("three-terms", Product(Unordered(_large), _large), _three_terms, _THREE),
            Question("nested", Product(Unordered(_large), _large), _nested, _NESTED),
        ],
    ],
)
