"""Quadratic equations (square roots, factoring, the formula), vertices, and sums over roots without solving."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, isqrt

from distil_envs.family import Family, Question, Worked, kind_of
from distil_envs.math.polynomial import multiply, render
from distil_envs.spaces import Distinct, Filtered, Product, Unordered, between, nonzero

Linear = tuple[int, int]
"""Coefficients of a linear factor, the constant first."""


def _set(values: set[int] | set[Fraction]) -> str:
    return "{" + ", ".join(map(str, sorted(values))) + "}"


def _equation(coefficients: tuple[int, ...]) -> dict[str, str]:
    return {"left": render(coefficients, "")}


def _roots(coefficients: tuple[int, ...], slots: dict[str, str], answer: str, steps: list[str]) -> Worked:
    # The key is the same for the factored and the expanded form of one equation: they share a split.
    return Worked(slots, answer, "set", steps, coefficients, {"variables": ["x"]})


def _square(root: int) -> Worked:
    coefficients = (-root * root, 0, 1)
    steps = [f"x^2 = {root * root}", f"x = {root} or x = -{root}"]
    return _roots(coefficients, _equation(coefficients), _set({root, -root}), steps)


def _product_of_two(p: int, q: int) -> Worked:
    """An equation that is given as a product."""
    left, right = (-p, 1), (-q, 1)
    slots = {"left": f"({render(left)})({render(right)})"}
    steps = ["A product is 0 when one of its factors is 0", f"x = {p} or x = {q}"]
    return _roots(multiply(left, right), slots, _set({p, q}), steps)


def _factors(left: Linear, right: Linear) -> Worked:
    coefficients = multiply(left, right)
    roots = {Fraction(-left[0], left[1]), Fraction(-right[0], right[1])}
    shown = f"({render(left, '')})^2" if left == right else f"({render(left, '')})({render(right, '')})"
    steps = [f"{render(coefficients, '')} = {shown}", " or ".join(f"x = {root}" for root in sorted(roots))]
    return _roots(coefficients, _equation(coefficients), _set(roots), steps)


def _monic(p: int, q: int) -> Worked:
    return _factors((-p, 1), (-q, 1))


def _surds(a: int, b: int, c: int) -> Worked:
    """Irrational roots by the formula, with the square part taken out of the root."""
    discriminant = b * b - 4 * a * c
    outside = max(n for n in range(1, isqrt(discriminant) + 1) if discriminant % (n * n) == 0)
    inside = discriminant // (outside * outside)
    common = gcd(b, outside, 2 * a)
    middle, factor, below = -b // common, outside // common, 2 * a // common
    root = f"sqrt({inside})" if factor == 1 else f"{factor}*sqrt({inside})"
    low, high = f"{middle} - {root}" if middle else f"-{root}", f"{middle} + {root}" if middle else root
    if below > 1:
        low, high = (f"({low})/{below}", f"({high})/{below}") if middle else (f"{low}/{below}", f"{high}/{below}")
    steps = [
        f"The discriminant is ({b})^2 - 4 * {a} * ({c}) = {discriminant}",
        f"x = (-({b}) - sqrt({discriminant}))/{2 * a} or x = (-({b}) + sqrt({discriminant}))/{2 * a}",
        f"x = {low} or x = {high}",
    ]
    return _roots((c, b, a), _equation((c, b, a)), f"{{{low}, {high}}}", steps)


def _vertex(a: int, h: int, k: int) -> Worked:
    b, c = -2 * a * h, a * h * h + k
    steps = [f"x = -({b})/(2 * ({a})) = {h}", f"y = {a} * ({h})^2 + ({b}) * ({h}) + ({c}) = {k}"]
    return Worked({"right": render((c, b, a), "")}, f"({h}, {k})", "tuple", steps, (c, b, a))


def _over_roots(what: int, coefficients: tuple[int, int, int]) -> Worked:
    """A symmetric sum over the roots, from their sum and product."""
    a, b, c = coefficients
    total, product = Fraction(-b, a), Fraction(c, a)
    shown, rule, value = (
        ("r^2 + s^2", "(r + s)^2 - 2*r*s", total**2 - 2 * product),
        ("r^3 + s^3", "(r + s)^3 - 3*r*s*(r + s)", total**3 - 3 * product * total),
        ("1/r + 1/s", "(r + s)/(r*s)", total / product),
        ("(r - s)^2", "(r + s)^2 - 4*r*s", total**2 - 4 * product),
    )[what]
    steps = [f"r + s = {total} and r*s = {product}", f"{shown} = {rule} = {value}"]
    slots = {"what": shown, "left": render((c, b, a), "")}
    return Worked(slots, str(value), kind_of(value), steps, (shown, (c, b, a)))


_SOLVE = (
    "Solve {left} = 0. Give the set of all solutions.",
    "Find all x with {left} = 0.",
    "What are the solutions of {left} = 0?",
)
_SOLVE_EXACTLY = (
    "Solve {left} = 0. Give the exact solutions as a set.",
    "Find all x with {left} = 0, as exact values.",
    "What are the exact solutions of {left} = 0?",
)
_VERTEX = ("What is the vertex (x, y) of the parabola y = {right}?", "Find the vertex of y = {right} as a pair (x, y).")
_OVER_ROOTS = (
    "Let r and s be the roots of {left} = 0. What is {what}?",
    "The roots of {left} = 0 are r and s. Find {what}.",
)


def _irrational(a: int, b: int, c: int) -> bool:
    discriminant = b * b - 4 * a * c
    return discriminant > 0 and isqrt(discriminant) ** 2 != discriminant


def _two_real(a: int, b: int, c: int) -> bool:
    return b * b > 4 * a * c


_general, _real = Product(range(2, 7), between(12), nonzero(12)), Product(range(1, 6), nonzero(9), nonzero(9))
_primitive = Filtered(Product(nonzero(9), range(1, 6)), lambda constant, slope: gcd(constant, slope) == 1)

FAMILY = Family(
    "quadratics",
    "algebra",
    [
        [
            Question("roots", Product(range(1, 21)), _square, _SOLVE),
            Question("roots", Distinct(range(10)), _product_of_two, _SOLVE),
        ],
        [Question("roots", Filtered(Unordered(between(12)), lambda p, q: p + q != 0), _monic, _SOLVE)],
        [
            Question("roots", Filtered(Unordered(_primitive), lambda f, g: f[1] * g[1] > 1), _factors, _SOLVE),
            Question("vertex", Product(nonzero(5), nonzero(9), between(12)), _vertex, _VERTEX),
        ],
        [Question("roots", Filtered(Product((1,), between(12), nonzero(20)), _irrational), _surds, _SOLVE_EXACTLY)],
        [
            Question("roots", Filtered(_general, _irrational), _surds, _SOLVE_EXACTLY),
            Question("over-roots", Product(range(4), Filtered(_real, _two_real)), _over_roots, _OVER_ROOTS),
        ],
    ],
)
