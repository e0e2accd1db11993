"""The hand-made harder tasks: every answer against a computation of its own, every misconception against the verifier.

The computations start from the question: they count, search, or hand it to sympy.
"""

from __future__ import annotations

import cmath
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction as Q
from itertools import accumulate, combinations, permutations, product
from typing import Any

import pytest
import sympy
from sympy import I, Interval, Matrix, expand, oo, pi, solve, sqrt

from distil_envs import Status, Task, load_tasks
from distil_envs.math import grade_math
from distil_envs.math.task_sets import competition

TASKS = {task.id: task for task in competition()}
x, n, r = sympy.symbols("x n r")


def two_roots_below_five(m: Q) -> bool:
    inner = m * m - m - 6
    return inner > 0 and round(m + math.sqrt(inner), 9) < 5


def tent(value: Q) -> Q:
    return min(2 * value, 2 - 2 * value)


def tent_meets_third() -> int:
    """Exact: the triple tent is straight between neighbouring eighths."""
    meets = set()
    for k in range(8):
        left, right = Q(k, 8), Q(k + 1, 8)
        start, end = (tent(tent(tent(at))) - at / 3 for at in (left, right))
        if start * end <= 0:
            meets.add(left + (right - left) * start / (start - end))
    return len(meets)


def in_parts(at: Any) -> Any:
    return at + 4 if at < 0 else expand((at - 3) ** 2)


def twice_in_parts() -> set[Any]:
    parts = (lambda at: at + 4, lambda at: (at - 3) ** 2)
    found = {at for outer in parts for inner in parts for at in solve(outer(inner(x)) - 1, x) if at.is_real}
    return {at for at in found if in_parts(in_parts(at)) == 1}


def bent_parabola(k: int) -> set[float]:
    """The real x with |x^2 - 6|x| + 5| = k."""
    found = (3 + side * math.sqrt(4 + sign * k) for sign, side in product((1, -1), repeat=2) if 4 + sign * k >= 0)
    return {sign * at for at in found if at >= 0 for sign in (1, -1)}


def two_colours() -> Q:
    draws = [len(set(draw)) for draw in combinations("rrrrrbbbbggg", 3)]
    return Q(draws.count(2), len(draws))


def next_head() -> Q:
    """Fair coins, 16 equally likely results of 4 tosses each; the odd coin shows heads in all 16."""
    tosses = [*product("ht", repeat=4)] * 3 + [tuple("hhhh")] * 16
    kept = [toss for toss in tosses if toss[:3] == tuple("hhh")]
    return Q(sum(toss[3] == "h" for toss in kept), len(kept))


def walk() -> Any:
    p = sympy.symbols("p0:6")
    moves = [3 * p[k] - 2 * p[k + 1] - p[k - 1] for k in range(1, 5)]
    return solve([p[0], p[5] - 1, *moves], p)[p[2]]


def strip() -> Q:
    """Across x, where it is the area of two trapezia."""
    first, middle, last = (min(Q(4), Q(at + 2, 2)) - max(Q(0), Q(at - 2, 2)) for at in (0, 2, 4))
    return (first + 2 * middle + last) / 16


def fourth_corner() -> Any:
    """A = (0, 0) and P = (2, sqrt(32)), from which the sides of one such rectangle follow."""
    point = sympy.Point(2, sqrt(32))
    corner = sympy.Point(0, point.y + sqrt(11**2 - 7**2))
    side = sympy.Point(2 + 7, 0)
    assert [point.distance(at) for at in ((0, 0), side, (side.x, corner.y))] == [6, 9, 11]
    return point.distance(corner)


def touching_circles() -> set[Any]:
    found = (
        solve(5 * right * r + 12 * up * r - 60 - side * 13 * r, r) for right, up, side in product((1, -1), repeat=3)
    )
    return {radius for radii in found for radius in radii if radius > 0}


def bisector() -> Any:
    b, c = sympy.Point(6, 0), sympy.Point(10 * sympy.cos(2 * pi / 3), 10 * sympy.sin(2 * pi / 3))
    bisecting = sympy.Line((0, 0), (sympy.cos(pi / 3), sympy.sin(pi / 3)))
    return bisecting.intersection(sympy.Line(b, c))[0].distance((0, 0))


def on_circle() -> Iterator[complex]:
    return (8 + 9j + 3 * cmath.exp(2j * cmath.pi * k / 20_000) for k in range(20_000))


def paths() -> int:
    kept = 0
    for ups in combinations(range(11), 5):
        corners = {*accumulate((1j if step in ups else 1 for step in range(11)), initial=0)}
        kept += not corners & {2 + 2j, 4 + 3j}
    return kept


def z_fourth() -> complex:
    z = (1 + 1j + cmath.sqrt((1 + 1j) ** 2 - 4)) / 2
    return z**4 + z**-4


SIMILAR = Matrix([[1, 2, 0], [0, 1, 3], [1, 0, 1]])
"""Any invertible matrix."""

PLACES = [Q(k, 18) + step for k in range(-360, 361) for step in (Q(0), Q(-1, 1000), Q(1, 1000))]
"""Where intervals are compared: the ends of all references are among them."""

ORACLES: dict[str, Callable[[], Any]] = {
    "sets-1": lambda: {k for k in range(-99, 99) if (10 * k + 9) % (2 * k - 5) == 0},
    "sets-2": lambda: {a for a in map(Q, range(-99, 99)) if len({a, a * a, 6 - a}) == 2},
    "sets-3": lambda: sum(a | b == 63 and (a & b).bit_count() == 2 for a in range(64) for b in range(64)),
    "sets-4": lambda: {sqrt(5 * k - 4) for k in range(1, 99) if math.isqrt(5 * k - 4) == k},
    "sets-5": lambda: set(range(1, 99)) - {5 * a + 7 * b + 9 * c for a, b, c in product(range(20), repeat=3)},
    "intervals-1": lambda: lambda v: 2 * v + 11 >= 0 and math.sqrt(2 * v + 11) > v - 2,
    "intervals-2": lambda: lambda v: abs(v - 4) + abs(2 * v + 3) <= 14,
    "intervals-3": lambda: lambda v: (2 + v) ** 2 - 4 * (10 + v) >= 0,  # x^2 - 2x + 10 = v(x - 1) has a solution
    "intervals-4": lambda: two_roots_below_five,
    "intervals-5": lambda: lambda v: v != 1 and 12 / (v - 1) >= v,
    "matrices-1": lambda: Matrix([[2, 3], [0, 2]]) ** 7,
    "matrices-2": lambda: set(solve(Matrix([[x, 1, 2], [1, x, 2], [1, 2, x]]).det(), x)),
    "matrices-3": lambda: Matrix([[3, 2], [1, 2]]).solve(Matrix([[8, 4], [4, 8]])),
    "matrices-4": lambda: (lambda a: (a**2 - a + 2 * sympy.eye(3)).det())(
        SIMILAR * sympy.diag(1, -2, 3) * SIMILAR.inv()
    ),
    "matrices-5": lambda: (Matrix([[2, 1], [1, 3]]) ** 6).trace(),
    "piecewise-1": lambda: sympy.linsolve([n - r + 4 - 1, -2 * n + r - 1], n, r).args[0],
    "piecewise-2": tent_meets_third,
    "piecewise-3": twice_in_parts,
    "piecewise-4": lambda: sum(Q(1, 3) * w * abs(t * t - 6 * t + 8) for t, w in enumerate((1, 4, 2, 4, 2, 4, 1))),
    "piecewise-5": lambda: sum(len(bent_parabola(k)) for k in range(7)),
    "modular-1": lambda: (2**200 + 3**200) % 35,
    "modular-2": lambda: {k for k in range(35) if (k * k - 11) % 35 == 0},
    "modular-3": lambda: next(k for k in range(1, 2000) if (k % 9, k % 11, k % 13) == (5, 7, 10)),
    "modular-4": lambda: sum((k**3 - k) % 48 == 0 for k in range(1, 1001)),
    "modular-5": lambda: pow(2, 3**10, 77),
    "probability-1": lambda: Q(sum(max(d) == 2 * min(d) for d in product(range(1, 7), repeat=3)), 216),
    "probability-2": two_colours,
    "probability-3": next_head,
    "probability-4": walk,
    "probability-5": strip,
    "geometry-1": lambda: sympy.Triangle(sss=(9, 10, 17)).circumradius,
    "geometry-2": fourth_corner,
    "geometry-3": touching_circles,
    "geometry-4": lambda: sympy.maximum(pi * r**2 * (9 - 3 * r / 2), r, Interval(0, 6)),
    "geometry-5": lambda: abs(Matrix([[1, 0, 2, 1], [3, 1, 1, 1], [2, 4, 3, 1], [0, 2, 6, 1]]).det()) / 6,
    "geometry-6": bisector,
    "inequalities-1": lambda: sympy.minimum(x**2 + 250 / x, x, Interval.open(0, oo)),
    "inequalities-2": lambda: sqrt(25 * (Matrix([[2, 6, 18]]) * sympy.diag(1, 4, 9).inv() * Matrix([2, 6, 18]))[0]),
    "inequalities-3": lambda: 2 / max(Matrix([[0, 1, 0], [1, 0, 3], [0, 3, 0]]).eigenvals()),
    "inequalities-4": lambda: sum(k * k - 20 < abs(3 * k - 2) for k in range(-99, 99)),
    "inequalities-5": lambda: max(
        4 * a + 5 * b for a, b in product(range(9), repeat=2) if 3 * a + 5 * b <= 22 and 5 * a + 2 * b <= 21
    ),
    "sequences-1": lambda: [*accumulate(range(11), lambda a, _: 3 * a + 4, initial=2)],
    "sequences-2": lambda: sum(Q(4, k * k - 1) for k in range(2, 21)),
    "sequences-3": lambda: sum(accumulate(range(1001), lambda a, _: (1 + a) / (1 - a), initial=Q(3))),
    "sequences-4": lambda: sum((3 * k * k - 5 * k) - (3 * (k - 1) ** 2 - 5 * (k - 1)) for k in range(11, 21)),
    "sequences-5": lambda: [*accumulate((2 * k - 1) * 2**k for k in range(1, 13))],
    "complex-1": lambda: expand((sqrt(3) - I) ** 8),
    "complex-2": lambda: {a + b * I for a, b in product(range(-9, 9), repeat=2) if (a + b * 1j) ** 2 == -21 + 20j},
    "complex-3": lambda: max(abs(z - 3j) for z in on_circle()),
    "complex-4": lambda: math.prod(3 - cmath.exp(2j * cmath.pi * k / 7) for k in range(1, 7)),
    "complex-5": z_fourth,
    "counting-1": lambda: sum("OO" not in word for word in set(map("".join, permutations("TOMORROW")))),
    "counting-2": lambda: sum(sum(numbers) == 16 for numbers in product(range(7), repeat=4)),
    "counting-3": lambda: sum(min(map(owners.count, range(3))) >= 2 for owners in product(range(3), repeat=8)),
    "counting-4": paths,
    "counting-5": lambda: len({min(p[k:] + p[:k] for k in range(6)) for p in product(range(4), repeat=6)}),
    "counting-6": lambda: sum(
        (digits := [*str(k)]) in (up := sorted(set(digits)), up[::-1]) for k in range(10_000, 100_000)
    ),
    "polynomials-1": lambda: sympy.rem(x**41 - 2 * x**20 + 5 * x**3, x**2 + 1),
    "polynomials-2": lambda: sum((p * q) ** 2 for p, q in combinations(sympy.nroots(x**3 - 4 * x**2 + x + 3), 2)),
    "polynomials-3": lambda: sympy.interpolate([v - k**4 for k, v in enumerate((3, 6, 11, 18), 1)], 6) + 6**4,
    "polynomials-4": lambda: set(solve(sympy.discriminant(x**3 - 3 * x**2 - 9 * x + r, x), r)),
    "polynomials-5": lambda: sympy.Poly((1 - x + 2 * x**2) ** 5, x).coeff_monomial(x**5),
    "polynomials-6": lambda: x**4 + x**2 + 25,
}


def value(text: str) -> Any:
    return sympy.parse_expr(text.replace("^", "**"), {"i": I, "n": n, "x": x})


def inside(intervals: str, at: Q) -> bool:
    for text in intervals.split(" U "):
        start, end = (None if "oo" in side else Q(side) for side in text[1:-1].split(", "))
        above = start is None or at > start or (at == start and text[0] == "[")
        if above and (end is None or at < end or (at == end and text[-1] == "]")):
            return True
    return False


def agree(reference: str, kind: str | None, found: Any) -> bool:
    """Whether an answer has the value found: numbers to 1e-7, of a formula its first values, of intervals who is in."""
    if isinstance(found, list):
        return [value(reference).subs(n, k) for k in range(1, len(found) + 1)] == found
    match kind:
        case None:
            return all(found(at) == inside(reference, at) for at in PLACES)
        case "set":
            listed = [value(item) for item in reference.strip("{}").split(",")]
            return len(listed) == len(found) and {*listed} == {sympy.sympify(item) for item in found}
        case "tuple" | "matrix":
            return bool(Matrix(value(reference)) == Matrix(found))
        case _:
            difference = sympy.simplify(value(reference) - sympy.sympify(found))
            return bool(difference == 0 or (difference.has(sympy.Float) and abs(difference) < 1e-7))


def graded(task: Task, answer: str) -> Status:
    return grade_math(task, f"So it is \\boxed{{{answer}}}.").status


def test_every_task_has_an_oracle() -> None:
    assert ORACLES.keys() == TASKS.keys()


@pytest.mark.parametrize("name", ORACLES)
def test_the_answer_is_what_a_computation_of_its_own_finds(name: str) -> None:
    reference = TASKS[name].reference
    found = ORACLES[name]()
    assert agree(reference["answer"], reference.get("kind"), found)
    for wrong in reference["misconceptions"]:
        assert not agree(wrong["answer"], reference.get("kind"), found)


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.id)
def test_the_answer_is_right_and_each_misconception_is_another_wrong_one(task: Task) -> None:
    assert graded(task, task.reference["answer"]) is Status.CORRECT
    answers = [task.reference["answer"]]
    for wrong in task.reference["misconceptions"]:
        for known in answers:
            asked = Task(task.id, "math", task.prompt, {**task.reference, "answer": known})
            assert graded(asked, wrong["answer"]) is Status.WRONG
        answers.append(wrong["answer"])


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.id)
def test_a_solution_ends_in_the_answer_and_a_misconception_points_at_a_step(task: Task) -> None:
    answer = task.reference["answer"]
    steps = task.reference["solution"].splitlines()
    assert steps[-1] == f"Answer: {answer}"
    assert len(steps) >= 3
    assert task.reference["misconceptions"]
    for wrong in task.reference["misconceptions"]:
        assert wrong.keys() == {"name", "answer", "message", "step"}
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", wrong["name"])
        assert wrong["message"].endswith(".")
        assert answer not in re.findall(r"[\w/]+", wrong["message"])
        assert 1 <= wrong["step"] < len(steps)


def test_topics_levels_and_contents() -> None:
    assert min(Counter(task.metadata["topic"] for task in TASKS.values()).values()) >= 4
    assert len({task.metadata["topic"] for task in TASKS.values()}) == 12
    assert len({task.content for task in TASKS.values()}) == len(TASKS)
    counts = load_tasks("math/competition", "all").counts()
    assert [count.level for count in counts] == [3, 4, 5]
    assert all(count.train and count.test for count in counts)
