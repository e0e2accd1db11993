"""Whether two values are equal: one rule for every number and expression.

Rational numbers are compared exactly. Otherwise both sides are evaluated at fixed points (integers, then rationals that
depend on the variable's name alone; where both sides are real, if there are such points) and
- a point where they differ decides: not equal. The difference must show with 60 digits and again with 400, so that it
  is no rounding;
- when they agree at all points, three of them with 1,500 digits, sympy expands the difference: a remainder that is a
  number or polynomial other than zero decides: not equal;
- what neither tells apart is equal.

Variables are taken as positive where roots, logarithms or fractional powers of them occur, as textbooks do; not where
the root of a square is all there is, since √(x²) is |x|. There is no
tolerance, except where the reference itself is written as a decimal: then a value is right that rounds to it and lies
within 0.1 % (1.1 % for what no decimal can state exactly, such as 2/3 or a root, from two figures on).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from distil_envs.counted import generator
from distil_envs.math.tree import Node, rebuild, same_tree, symbols, walk
from distil_envs.math.values import Undefined, context, exact, numeric, to_sympy

Point = dict[str, Fraction]
_POINTS = 24
_ENOUGH = 8
_NEEDED = 3
_PRECISE = 1_500


@dataclass(frozen=True)
class Verdict:
    """Whether two values are equal, and a point where they differ if they differ at one."""

    equal: bool
    point: Point | None = None
    expected: str = ""
    got: str = ""


def same_value(reference: Node, answer: Node, *, up_to_constant: bool = False) -> Verdict:
    """Compare two scalars by the rule of this module. ``up_to_constant``: their difference may be any constant."""
    expected, got = exact(reference), exact(answer)
    if expected is not None and got is not None:
        if up_to_constant or got == expected:
            return Verdict(True)
        return Verdict(abs(got - expected) <= _tolerance(reference, expected, inexact=_only_rounded(answer, got)))
    if same_tree(reference, answer):
        return Verdict(True)
    if expected is not None and (tolerance := _tolerance(reference, expected, inexact=_only_rounded(answer, None))):
        return Verdict(_near(expected, answer, tolerance))
    names = sorted(symbols(reference) | symbols(answer))
    positive = _positive(reference) or _positive(answer)
    points = [_point(names, index, positive) for index in range(_POINTS if names else 1)]
    verdict = _at_points(reference, answer, points, up_to_constant, real=True)
    if verdict is None:  # no real values: principal branches then
        verdict = _at_points(reference, answer, points, up_to_constant, real=False) or Verdict(False)
    if verdict.equal and not up_to_constant and _algebra_refutes(reference, answer, positive):
        return Verdict(False)
    return verdict


def proportional(reference: Node, answer: Node, *, positive_only: bool = False) -> bool:
    """Whether ``answer`` is ``reference`` times a constant other than zero, so that both have the same roots."""
    names = sorted(symbols(reference) | symbols(answer))
    if symbols(reference) != symbols(answer):
        return False
    ratio = Node("mul", (answer, Node("inv", (reference,), (0, 0))), (0, 0))
    values = []
    for index in range(_ENOUGH):
        try:
            values.append(numeric(ratio, _point(names, index, _positive(ratio)), 200))
        except Undefined:
            continue
    if len(values) < (_NEEDED if names else 1) or any(value == 0 for value in values):
        return False
    if positive_only and not all(value.real > 0 for value in values):
        return False
    return all(_close(value, values[0], 150) for value in values)


def shown(value: Any) -> str:
    """A number for people: six digits."""
    if isinstance(value, Fraction):
        return str(value)
    return str(context().nstr(value, 6))


def _at_points(
    reference: Node, answer: Node, points: Sequence[Point], up_to_constant: bool, *, real: bool
) -> Verdict | None:
    """The verdict of the points, or None when too few of them give both sides a value."""
    # Up to a constant, what is compared is each side's change from the first point where both have a value.
    base: Point | None = None
    agreed: list[Point] = []

    def differ(point: Point, digits: int, kept: int) -> bool:
        expected, got = (numeric(node, point, digits, real=real) for node in (reference, answer))
        if base is not None:
            expected -= numeric(reference, base, digits, real=real)
            got -= numeric(answer, base, digits, real=real)
        return not _close(expected, got, kept)

    for point in points:
        try:
            different = differ(point, 60, 35) and differ(point, 400, 35)
        except Undefined:
            continue
        if up_to_constant and base is None:
            base = point
            continue
        if different:
            return Verdict(False, point or None, *_shown_at(reference, answer, point))
        agreed.append(point)
        if len(agreed) == _ENOUGH:
            break
    if len(agreed) < min(_NEEDED, len(points)):
        return None
    for point in agreed[-_NEEDED:]:
        try:
            different = differ(point, _PRECISE + 100, _PRECISE)
        except Undefined:  # only rounding gave it a value, as in 1/(sin(x)^2 + cos(x)^2 - 1)
            return Verdict(False)
        if different:
            return Verdict(False, point or None, *_shown_at(reference, answer, point))
    return Verdict(True)


def _close(first: Any, second: Any, digits: int) -> bool:
    mp = context()
    with mp.workdps(digits + 50):
        scale = max(1, abs(first), abs(second))
        return bool(abs(first - second) <= scale * mp.mpf(10) ** -digits)


def _shown_at(reference: Node, answer: Node, point: Point) -> tuple[str, str]:
    rational = [substituted_exact(node, point) for node in (reference, answer)]
    values = [
        numeric(node, point, 60) if value is None or value.denominator > 1000 or abs(value) > 10**12 else value
        for node, value in zip((reference, answer), rational, strict=True)
    ]
    return shown(values[0]), shown(values[1])


def substituted_exact(node: Node, point: Point) -> Fraction | None:
    """The exact value at a point, where it is rational."""

    def fill(part: Node) -> Node:
        if part.op == "sym" and part.args[0] in point:
            return Node("num", (point[part.args[0]],), part.span)
        return part

    return exact(rebuild(node, fill))


def _point(names: Sequence[str], index: int, positive: bool) -> Point:
    """Small integers first, for readable counterexamples; then rationals, which no identity of integers survives."""
    point: Point = {}
    for place, name in enumerate(names):
        rng = generator(0, "math-points", index, name)
        if index < 3:
            value = Fraction((2, 3, 5, 7, 11)[(index + place) % 5])
            value = -value if index == 2 and not positive else value
        else:
            value = Fraction(int(rng.integers(3, 400)), int(rng.integers(7, 98)))
            value = -value if rng.integers(2) and not positive else value
        point[name] = value
    return point


def _positive(node: Node) -> bool:
    for part in walk(node):
        if part.op == "root" and symbols(part) and not _is_square(part.args[1]):
            return True
        if part.op == "call" and part.args[0] == "ln" and symbols(part):
            return True
        if part.op == "pow" and symbols(part.args[0]):
            exponent = exact(part.args[1])
            if exponent is None or exponent.denominator != 1:
                return True
    return False


def _is_square(node: Node) -> bool:
    """Whether it is written as even powers and numbers, so that its square root is real everywhere."""
    factors = node.args if node.op == "mul" else (node,)
    powers = [exact(part.args[1]) for part in factors if part.op == "pow" and symbols(part)]
    numbers = sum(1 for part in factors if not symbols(part))
    even = all(power is not None and power.denominator == 1 and power % 2 == 0 for power in powers)
    return even and len(powers) + numbers == len(factors)


def _tolerance(reference: Node, value: Fraction, *, inexact: bool) -> Fraction:
    """Half a unit of the last decimal place as written, at most 0.1 % (1.1 % for an ``inexact`` answer, if two figures
    are given); zero for what is not written as a decimal.
    """
    decimals = max((part.decimals for part in walk(reference)), default=-1)
    if decimals < 0 or reference.op not in ("num", "neg", "mul"):
        return Fraction(0)
    scale = Fraction(1)
    for part in reference.args if reference.op == "mul" else ():
        if part.op == "pow":
            scale *= exact(part) or 1
    unit = scale / 10**decimals
    share = Fraction(11, 1000) if inexact and abs(value) >= 10 * unit else Fraction(1, 1000)
    return Fraction(min(unit / 2, abs(value) * share))


def _only_rounded(answer: Node, value: Fraction | None) -> bool:
    """Whether an answer is written exactly and a decimal can only round it."""
    if any(part.decimals >= 0 for part in walk(answer)):
        return False
    rest = value.denominator if value is not None else 3
    for factor in (2, 5):
        while rest % factor == 0:
            rest //= factor
    return rest > 1


def _near(expected: Fraction, answer: Node, tolerance: Fraction) -> bool:
    if symbols(answer):
        return False
    try:
        value = numeric(answer, {}, 60)
    except Undefined:
        return False
    mp = context()
    with mp.workdps(60):
        goal = mp.mpf(expected.numerator) / expected.denominator
        return bool(abs(value - goal) <= mp.mpf(tolerance.numerator) / tolerance.denominator)


def _algebra_refutes(reference: Node, answer: Node, positive: bool) -> bool:
    parts = [*walk(reference), *walk(answer)]
    powers = [exact(part.args[1]) for part in parts if part.op == "pow" and symbols(part.args[0])]
    if len(parts) > 300 or any(power is not None and abs(power) > 40 for power in powers):
        return False  # expanding could take long
    import sympy

    try:
        rest = sympy.expand(to_sympy(reference, positive=positive) - to_sympy(answer, positive=positive))
    except Undefined:
        return False
    if rest.is_Rational:
        return bool(rest != 0)
    names = sorted(rest.free_symbols, key=str)
    if not names or not rest.is_polynomial(*names):
        return False
    return all(coefficient.is_Rational for coefficient in sympy.Poly(rest, *names).coeffs())
