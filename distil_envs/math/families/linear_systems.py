"""Systems of linear equations: two unknowns (whole and rational solutions) and three."""

from __future__ import annotations

from fractions import Fraction

from distil_envs.family import Family, Question, Worked
from distil_envs.math.polynomial import combination
from distil_envs.spaces import Distinct, Filtered, Params, Product, between, nonzero

Row = tuple[int, ...]
"""Coefficients of one equation, then its right-hand side."""


def _equation(row: Row) -> str:
    return f"{combination(zip(row[:-1], 'xyz', strict=False), '')} = {row[-1]}"


def _tuple(values: tuple[int | Fraction, ...]) -> str:
    return f"({', '.join(map(str, values))})"


def _cancel(upper: Row, lower: Row, column: int) -> Row:
    """The combination of two equations in which one unknown is gone."""
    p, q = upper[column], lower[column]
    return tuple(p * b - q * a for a, b in zip(upper, lower, strict=True))


def _back(row: Row, column: int, known: dict[int, int | Fraction]) -> tuple[int | Fraction, str]:
    """Solve an equation in which only one unknown is left, and say how."""
    rest = row[-1] - sum(row[index] * value for index, value in known.items())
    value = Fraction(rest) / row[column]
    values = ", ".join(f"{'xyz'[index]} = {known[index]}" for index in sorted(known) if row[index])
    origin = f"with {values}, {_equation(row)} gives " if values else f"{_equation(row)} gives "
    return value, f"{origin}{'xyz'[column]} = {value}"


def _two(rows: tuple[Row, Row]) -> Worked:
    """Eliminate y, then x by substitution."""
    b, d = rows[0][1], rows[1][1]
    reduced = _cancel(rows[0], rows[1], 1)
    steps = [f"({b}) * ({_equation(rows[1])}) minus ({d}) * ({_equation(rows[0])}) eliminates y: {_equation(reduced)}"]
    x, step = _back(reduced, 0, {})
    y, last = _back(rows[0] if b else rows[1], 1, {0: x})
    return _worked(rows, (x, y), [*steps, step, last])


def _worked(rows: tuple[Row, ...], solution: tuple[int | Fraction, ...], steps: list[str]) -> Worked:
    names = "xyz"[: len(solution)]
    slots = {"first": _equation(rows[0]), "second": _equation(rows[1]), "last": _equation(rows[-1])}
    extra = {"variables": list(names)}
    return Worked(slots, _tuple(solution), "tuple", steps, key=sorted(rows), extra=extra)


def _sum_and_difference(x: int, y: int) -> Worked:
    rows = (1, 1, x + y), (1, -1, x - y)
    steps = [f"Adding the equations: 2x = {2 * x}, so x = {x}", f"y = {x + y} - ({x}) = {y}"]
    return _worked(rows, (x, y), steps)


def _whole(pair: tuple[Params, Params], x: int, y: int) -> Worked:
    (a, b), (c, d) = pair
    return _two(((a, b, a * x + b * y), (c, d, c * x + d * y)))


def _rational(pair: tuple[Params, Params], right: int, below: int) -> Worked:
    (a, b), (c, d) = pair
    return _two(((a, b, right), (c, d, below)))


def _three(columns: Params, solution: Params) -> Worked:
    """Eliminate x from the second and third equation, then y, then substitute back."""
    rows = tuple(
        (*row, sum(a * value for a, value in zip(row, solution, strict=True))) for row in zip(*columns, strict=True)
    )
    second, third = _cancel(rows[0], rows[1], 0), _cancel(rows[0], rows[2], 0)
    steps = [f"Eliminate x with the first equation: {_equation(second)} and {_equation(third)}"]
    if not second[1]:
        second, third = third, second
    if third[1]:
        third = _cancel(second, third, 1)
        steps.append(f"Eliminate y: {_equation(third)}")
    z, step_z = _back(third, 2, {})
    y, step_y = _back(second, 1, {2: z})
    x, step_x = _back(rows[0], 0, {1: y, 2: z})
    return _worked(rows, (x, y, z), [*steps, step_z, step_y, step_x])


def _independent(left: Row, right: Row) -> bool:
    return left[0] * right[1] != left[1] * right[0]


def _regular(firsts: Params, seconds: Params, thirds: Params) -> bool:
    (a, d, g), (b, e, h), (c, f, i) = firsts, seconds, thirds
    return bool(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g))


_SYSTEM = (
    "Solve the system {first}, {second}. Give (x, y).",
    "Find (x, y) such that {second} and {first}.",
    "If {first} and {second}, what is (x, y)?",
)
_SYSTEM_OF_THREE = (
    "Solve the system {first}, {second}, {last}. Give (x, y, z).",
    "Find (x, y, z) such that {last}, {first} and {second}.",
)

_small = Filtered(Distinct(Product(range(1, 5), nonzero(3))), _independent)
_wide = Filtered(Distinct(Product(range(1, 8), nonzero(7))), _independent)
_others = Product(between(1), between(2), range(1, 4))
# The coefficients of x increase from row to row, so that no two systems differ by the order of their rows only.
_columns = Filtered(Product(Distinct(range(1, 6), 3), _others, _others), _regular)
_solutions = Product(between(6), between(6), between(6))

FAMILY = Family(
    "linear-systems",
    "algebra",
    [
        [Question("system", Product(between(12), between(12)), _sum_and_difference, _SYSTEM)],
        [Question("system", Product(_small, between(6), between(6)), _whole, _SYSTEM)],
        [Question("system", Product(_wide, between(15), between(15)), _rational, _SYSTEM)],
        [Question("system-of-three", Product(_columns, _solutions), _three, _SYSTEM_OF_THREE)],
    ],
)
