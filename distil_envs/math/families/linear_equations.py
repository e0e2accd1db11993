"""Linear equations in x: one step, two steps, x on both sides, brackets, and fractions."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

from distil_envs.family import Family, Question, Worked, kind_of
from distil_envs.math.polynomial import render
from distil_envs.spaces import Distinct, Filtered, Product, Unordered, between, nonzero

_X = {"variables": ["x"]}


def _worked(left: str, right: str, x: int | Fraction, steps: list[str], key: tuple[object, ...]) -> Worked:
    return Worked({"left": left, "right": right}, str(x), kind_of(x), [*steps, f"x = {x}"], key, _X)


def _move(constant: int, term: str = "") -> str:
    """The words of taking a signed amount from both sides."""
    verb, side = ("Subtract", "from") if constant > 0 else ("Add", "to")
    return f"{verb} {abs(constant) if not term or abs(constant) != 1 else ''}{term} {side} both sides"


def _divide(coefficient: int, right: int) -> list[str]:
    return [] if coefficient == 1 else [f"Divide both sides by {coefficient}: x = {right}/{_bracketed(coefficient)}"]


def _bracketed(value: int) -> str:
    return f"({value})" if value < 0 else str(value)


def _one_step(a: int, x: int) -> Worked:
    steps = [f"{_move(a)}: x = {x + a} {'-' if a > 0 else '+'} {abs(a)}"]
    return _worked(render((a, 1)), str(x + a), x, steps, (a, x + a))


def _scaled(a: int, x: int) -> Worked:
    return _worked(f"{a}x", str(a * x), x, _divide(a, a * x), (a, a * x))


def _divided(a: int, quotient: int) -> Worked:
    steps = [f"Multiply both sides by {a}: x = {quotient} * {a}"]
    return _worked(f"x/{a}", str(quotient), quotient * a, steps, (a, quotient))


def _two_steps(a: int, b: int, x: int) -> Worked:
    right = a * x + b
    steps = [f"{_move(b)}: {render((0, a), '')} = {right - b}", *_divide(a, right - b)]
    return _worked(render((b, a), ""), str(right), x, steps, (a, b, right))


def _both_sides(slopes: tuple[int, int], b: int, x: int) -> Worked:
    c, a = slopes
    d = (a - c) * x + b
    steps = [
        f"{_move(c, 'x')}: {render((b, a - c), '')} = {d}",
        f"{_move(b)}: {render((0, a - c), '')} = {d - b}",
        *_divide(a - c, d - b),
    ]
    return _worked(render((b, a), ""), render((d, c), ""), x, steps, (a, b, c, d))


def _brackets(slopes: tuple[int, int], b: int, c: int, e: int) -> Worked:
    a, d = slopes
    left = f"{a}({render((b, 1))}) {'-' if c < 0 else '+'} {abs(c)}"
    right = f"{d}({render((e, 1))})"
    slope, constant = a - d, d * e - a * b - c
    x = Fraction(constant, slope)
    steps = [
        f"Expand: {render((a * b + c, a), '')} = {render((d * e, d), '')}",
        f"Collect x on the left and numbers on the right: {render((0, slope), '')} = {constant}",
        *_divide(slope, constant),
    ]
    return _worked(left, right, x, steps, (a, b, c, d, e))


def _over(term: tuple[int, int, int]) -> str:
    a, b, c = term
    return f"({render((b, a), '')})/{c}"


def _fractional(terms: tuple[tuple[int, int, int], tuple[int, int, int]], right: int) -> Worked:
    (a, b, c), (d, e, f) = terms
    common = lcm(c, f)
    p, q = common // c, common // f
    slope, constant = p * a + q * d, right * common - p * b - q * e
    x = Fraction(constant, slope)
    steps = [
        f"Multiply both sides by {common}: "
        f"{p if p > 1 else ''}({render((b, a), '')}) + {q if q > 1 else ''}({render((e, d), '')}) = {right * common}",
        f"Expand and collect: {render((p * b + q * e, slope), '')} = {right * common}",
        f"Move the constant: {render((0, slope), '')} = {constant}",
        *_divide(slope, constant),
    ]
    return _worked(f"{_over(terms[0])} + {_over(terms[1])}", str(right), x, steps, (terms, right))


_EQUATION = (
    "Solve {left} = {right} for x.",
    "Find x if {left} = {right}.",
    "What is x when {right} = {left}?",
    "{left} = {right}. What is the value of x?",
)

_one = Filtered(Product(nonzero(9), range(13)), lambda a, x: x + a >= 0)
_slopes = Filtered(Product(range(2, 10), range(2, 10)), lambda a, d: a != d)
_terms = Product(range(1, 6), nonzero(9), range(2, 8))

FAMILY = Family(
    "linear-equations",
    "algebra",
    [
        [
            Question("one-step", _one, _one_step, _EQUATION),
            Question("scaled", Product(range(2, 10), range(1, 11)), _scaled, _EQUATION),
        ],
        [
            Question("two-steps", Product(range(2, 10), nonzero(10), between(10)), _two_steps, _EQUATION),
            Question("divided", Product(range(2, 13), between(12)), _divided, _EQUATION),
        ],
        [Question("both-sides", Product(Distinct(nonzero(9)), nonzero(12), between(12)), _both_sides, _EQUATION)],
        [Question("brackets", Product(_slopes, nonzero(9), nonzero(9), nonzero(9)), _brackets, _EQUATION)],
        [Question("fractional", Product(Unordered(_terms), between(9)), _fractional, _EQUATION)],
    ],
)
