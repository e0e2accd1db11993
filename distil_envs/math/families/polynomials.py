"""Polynomials in x: evaluate, expand, collect, factor, divide."""

from __future__ import annotations

from itertools import groupby
from math import gcd

from distil_envs.family import Family, Question, Worked
from distil_envs.math.polynomial import combination, evaluate, multiply, power, render
from distil_envs.spaces import Distinct, Filtered, Params, Product, Unordered, between, nonzero

Coefficients = tuple[int, ...]
"""The constant first."""

_EXPANDED = {"variables": ["x"], "form": "expanded"}
_FACTORED = {"variables": ["x"], "form": "factored"}


def _brackets(factor: Coefficients) -> str:
    return f"({render(factor, '')})"


def _evaluate(at: int, *coefficients: int) -> Worked:
    base = f"({at})" if at < 0 else str(at)
    powers = list(enumerate(coefficients))[::-1]
    written = combination(((c, power(base, n)) for n, c in powers), " * ")
    parts = combination((c * at**n, "") for n, c in powers)
    value = evaluate(coefficients, at)
    steps = [written, f"= {parts}", f"= {value}"]
    return Worked({"p": render(coefficients, ""), "at": at}, str(value), "integer", steps, (coefficients, at))


def _expansion(left: Coefficients, right: Coefficients) -> tuple[Coefficients, list[str]]:
    """The product, term by term of the left factor."""
    product = multiply(left, right)
    steps = []
    for n in range(len(left) - 1, -1, -1):
        if left[n]:
            shifted = multiply((0,) * n + (left[n],), right)
            steps.append(f"{combination([(left[n], power('x', n))])} * {_brackets(right)} = {render(shifted)}")
    if len(steps) > 1:
        steps.append(f"Collect like terms: {render(product)}")
    return product, steps


def _scale(factor: int, constant: int, slope: int) -> Worked:
    inner = (constant, slope)
    product, steps = _expansion((factor,), inner)
    slots = {"p": f"{factor}{_brackets(inner)}"}
    return Worked(slots, render(product), "expression", steps, (factor, inner), _EXPANDED)


def _expand(left: Coefficients, right: Coefficients) -> Worked:
    product, steps = _expansion(left, right)
    slots = {"p": f"{_brackets(left)}^2" if left == right else _brackets(left) + _brackets(right)}
    return Worked(slots, render(product), "expression", steps, sorted((left, right)), _EXPANDED)


def _expand_monic(p: int, q: int) -> Worked:
    return _expand((p, 1), (q, 1))


def _sum(left: Coefficients, right: Coefficients) -> Worked:
    total = tuple(a + b for a, b in zip(left, right, strict=True))
    steps = [
        f"{name}: {a} + ({b}) = {a + b}"
        for name, a, b in zip(("constants", "x", "x^2"), left, right, strict=True)
        if a or b
    ]
    slots = {"p": render(left, ""), "q": render(right, "")}
    return Worked(slots, render(total), "expression", steps[::-1], sorted((left, right)), _EXPANDED)


def _factorisation(leading: int, factors: list[Coefficients]) -> str:
    """``2*(x - 3)*(x + 1)^2``, with a factor x first."""
    parts = [] if leading == 1 else [str(leading)]
    for factor, group in groupby(sorted(factors, key=lambda f: (f[0] != 0, f))):
        count = len(list(group))
        base = "x" if factor == (0, 1) else f"({render(factor)})"
        parts.append(base if count == 1 else f"{base}^{count}")
    return "*".join(parts)


def _factor(leading: int, factors: list[Coefficients], steps: list[str], product: Coefficients) -> Worked:
    answer = _factorisation(leading, factors)
    shown = [*steps, f"{render(product)} = {answer}"]
    return Worked({"p": render(product, "")}, answer, "expression", shown, product, _FACTORED)


def _factor_monic(p: int, q: int) -> Worked:
    product = multiply((p, 1), (q, 1))
    steps = [f"Two numbers with the sum {p + q} and the product {p * q}: {p} and {q}"]
    return _factor(1, [(p, 1), (q, 1)], steps, product)


def _factor_general(left: Coefficients, right: Coefficients) -> Worked:
    product = multiply(left, right)
    (b, a), (d, c) = left, right
    steps = [
        f"Two numbers with the sum {a * d + b * c} and the product {a * c * b * d}: {a * d} and {b * c}",
        f"Split the middle term and group: {_brackets(left)}{_brackets(right)}",
    ]
    return _factor(1, [left, right], steps, product)


def _factor_cubic(leading: int, roots: Params) -> Worked:
    factors: list[Coefficients] = [(-root, 1) for root in roots]
    product = multiply((leading,), multiply(factors[0], multiply(factors[1], factors[2])))
    steps = [f"Take out {leading}"] if leading > 1 else []
    steps += [f"x = {root} is a root, so {render((-root, 1))} is a factor" for root in sorted(set(roots))]
    return _factor(leading, factors, steps, product)


def _remainder(at: int, *coefficients: int) -> Worked:
    value = evaluate(coefficients, at)
    steps = [f"The remainder is the value at x = {at}", *_evaluate(at, *coefficients).steps]
    slots = {"p": render(coefficients, ""), "q": render((-at, 1))}
    return Worked(slots, str(value), "integer", steps, (coefficients, at))


def _quotient(root: int, *quotient: int) -> Worked:
    dividend = multiply(quotient, (-root, 1))
    steps, rest = [], list(dividend)
    for n in range(len(quotient) - 1, -1, -1):
        term = combination([(rest[n + 1], power("x", n))])
        rest[n] += root * rest[n + 1]
        rest[n + 1] = 0
        steps.append(f"The next term is {term}; what is left is {render(rest)}")
    slots = {"p": render(dividend, ""), "q": render((-root, 1))}
    return Worked(slots, render(quotient), "expression", steps, (dividend, (-root, 1)), _EXPANDED)


_EVALUATE = ("What is {p} at x = {at}?", "Evaluate {p} for x = {at}.", "If x = {at}, what is {p}?")
_EXPAND = ("Expand {p}.", "Multiply out {p} and collect like terms.", "Write {p} without brackets.")
_SUM = ("Simplify ({p}) + ({q}).", "Add {p} and {q}.", "Collect like terms in ({q}) + ({p}).")
_FACTOR = ("Factor {p}.", "Write {p} as a product of linear factors.", "Factorise {p} completely.")
_REMAINDER = ("What is the remainder of {p} divided by {q}?", "Divide {p} by {q}. What is the remainder?")
_QUOTIENT = ("Divide {p} by {q}.", "What is ({p}) / ({q}) as a polynomial?")

_linear = Filtered(Product(nonzero(9), range(1, 6)), lambda constant, slope: gcd(constant, slope) == 1)


def _not_a_power(*roots: int) -> bool:
    return any(roots)  # x^2 is its own factorisation


_cubic_roots = Filtered(Unordered(between(6), 3), _not_a_power)
_cubic = (between(6), between(6), between(6), nonzero(3))
_quadratic = Product(between(5), between(5), range(1, 6))

FAMILY = Family(
    "polynomials",
    "algebra",
    [
        [
            Question("evaluate", Product(range(1, 7), range(10), range(2, 8)), _evaluate, _EVALUATE),
            Question("scale", Product(range(2, 10), nonzero(9), range(1, 4)), _scale, _EXPAND),
        ],
        [
            Question("evaluate", Product(nonzero(6), between(9), between(9), nonzero(4)), _evaluate, _EVALUATE),
            Question("expand", Unordered(nonzero(9)), _expand_monic, _EXPAND),
            Question("factor", Filtered(Unordered(between(10)), _not_a_power), _factor_monic, _FACTOR),
            Question("sum", Unordered(Product(between(5), between(5), nonzero(5))), _sum, _SUM),
        ],
        [
            Question("expand", Unordered(Product(nonzero(9), range(2, 8))), _expand, _EXPAND),
            Question("factor", Filtered(Unordered(_linear), lambda f, g: f[1] * g[1] > 1), _factor_general, _FACTOR),
            Question("remainder", Product(nonzero(4), *_cubic), _remainder, _REMAINDER),
        ],
        [
            Question("expand", Distinct(_quadratic), _expand, _EXPAND),
            Question("factor", Product(range(1, 6), _cubic_roots), _factor_cubic, _FACTOR),
            Question("quotient", Product(nonzero(6), between(9), between(9), range(1, 6)), _quotient, _QUOTIENT),
        ],
    ],
)
