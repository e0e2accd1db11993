"""Derivatives: powers, polynomials, slopes, chain rule, products, quotients, second derivatives."""

from __future__ import annotations

from collections.abc import Sequence

from distil_envs.family import Family, Question, Worked
from distil_envs.math.functions import ELEMENTARY, NAMES, plain, shown
from distil_envs.math.polynomial import combination, derivative, evaluate, power, render
from distil_envs.spaces import Filtered, Product, between, nonzero

_X = {"variables": ["x"]}


def _expression(f: str, answer: str, steps: list[str], key: Sequence[object] | None = None) -> Worked:
    return Worked({"f": f}, answer, "expression", steps, key, _X)


def _term_steps(coefficients: Sequence[int]) -> list[str]:
    return [
        f"{combination([(c, power('x', n))])} becomes {combination([(n * c, power('x', n - 1))])}"
        for n, c in reversed(list(enumerate(coefficients)))
        if c and n
    ]


def _times(exponent: int, body: str) -> str:
    """``x^n`` times a body."""
    return f"{power('x', exponent)}*{body}" if exponent else body


def _monomial(coefficient: int, exponent: int) -> Worked:
    return _polynomial(*([0] * exponent), coefficient)


def _polynomial(*coefficients: int) -> Worked:
    steps = _term_steps(coefficients)
    return _expression(render(coefficients, ""), render(derivative(coefficients)), steps, coefficients)


def _slope(at: int, *coefficients: int) -> Worked:
    slope = derivative(coefficients)
    value = evaluate(slope, at)
    steps = [*_term_steps(coefficients), f"f'(x) = {render(slope)}", f"f'({at}) = {value}"]
    slots = {"f": render(coefficients, ""), "at": at}
    return Worked(slots, str(value), "integer", steps, (coefficients, at))


def _linear_power(b: int, a: int, n: int) -> Worked:
    inner = render((b, a))
    outer = f"({inner})^{n - 1}" if n > 2 else f"({inner})"
    answer = f"{n * a}*{outer}"
    steps = [f"The derivative of u^{n} is {n}*{power('u', n - 1)}", f"With u = {inner}, u' = {a}: {answer}"]
    return _expression(f"({render((b, a), '')})^{n}", answer, steps)


def _elementary(name: str, coefficient: int, a: int) -> Worked:
    """``c f(a x)`` for sin, cos, exp."""
    rule = ELEMENTARY[name]
    inner = render((0, a))
    answer = combination([(coefficient * a * rule.sign, plain(rule.successor, inner))])
    steps = [
        f"The derivative of {plain(name, 'u')} is {combination([(rule.sign, plain(rule.successor, 'u'))])}",
        f"With u = {inner}, u' = {a}: {answer}",
    ]
    return _expression(combination([(coefficient, shown(name, render((0, a), "")))], " "), answer, steps)


def _logarithm(coefficient: int, b: int, a: int) -> Worked:
    inner = render((b, a))
    answer = f"{coefficient * a}/({inner})"
    steps = ["The derivative of ln(u) is 1/u", f"With u = {inner}, u' = {a}: {answer}"]
    return _expression(combination([(coefficient, f"ln({render((b, a), '')})")], " "), answer, steps)


def _product(name: str, n: int, a: int) -> Worked:
    """``x^n f(a x)``."""
    rule = ELEMENTARY[name]
    inner, xs = render((0, a)), power("x", n)
    answer = combination(
        [(n, _times(n - 1, plain(name, inner))), (a * rule.sign, _times(n, plain(rule.successor, inner)))]
    )
    steps = [
        f"(u*v)' = u'*v + u*v' with u = {xs} and v = {plain(name, inner)}",
        f"u' = {combination([(n, power('x', n - 1))])} and "
        f"v' = {combination([(a * rule.sign, plain(rule.successor, inner))])}",
    ]
    return _expression(f"{xs} {shown(name, render((0, a), ''))}", answer, steps)


def _quotient(b: int, a: int, d: int, c: int) -> Worked:
    top, bottom = (b, a), (d, c)
    numerator = a * d - b * c
    answer = f"{numerator}/({render(bottom)})^2"
    steps = [
        f"(u/v)' = (u'*v - u*v')/v^2 with u = {render(top)} and v = {render(bottom)}",
        f"u'*v - u*v' = {a}*({render(bottom)}) - ({c})*({render(top)}) = {numerator}",
    ]
    return _expression(f"({render(top, '')})/({render(bottom, '')})", answer, steps)


def _chain(name: str, b: int, a: int) -> Worked:
    """``f(a x^2 + b x)``."""
    rule = ELEMENTARY[name]
    inner = (0, b, a)
    slope = render(derivative(inner))
    sign = "-" if rule.sign < 0 else ""
    answer = f"{sign}({slope})*{plain(rule.successor, render(inner))}"
    steps = [
        f"The derivative of {plain(name, 'u')} is {sign}{plain(rule.successor, 'u')}",
        f"With u = {render(inner)}, u' = {slope}",
    ]
    return _expression(shown(name, render(inner, "")), answer, steps)


def _second(name: str, n: int, a: int) -> Worked:
    """The second derivative of ``x^n f(a x)``."""
    rule = ELEMENTARY[name]
    after = ELEMENTARY[rule.successor]
    inner = render((0, a))
    f, f1 = plain(name, inner), plain(rule.successor, inner)
    back = rule.sign * after.sign  # sin'' = -sin, cos'' = -cos, exp'' = exp
    first = combination([(n, _times(n - 1, f)), (a * rule.sign, _times(n, f1))])
    terms = [
        (n * (n - 1), _times(n - 2, f)),
        (2 * n * a * rule.sign, _times(n - 1, f1)),
        (a * a * back, _times(n, f)),
    ]
    answer = combination(terms)
    steps = [f"The first derivative is {first}", f"Differentiate once more and collect: {answer}"]
    return _expression(f"{power('x', n)} {shown(name, render((0, a), ''))}", answer, steps)


_DERIVATIVE = (
    "What is the derivative of {f} with respect to x?",
    "Differentiate f(x) = {f}.",
    "Find f'(x) for f(x) = {f}.",
)
_SLOPE = (
    "What is the slope of y = {f} at x = {at}?",
    "Let f(x) = {f}. Find f'({at}).",
)
_SECOND = (
    "What is the second derivative of {f} with respect to x?",
    "Find f''(x) for f(x) = {f}.",
)

FAMILY = Family(
    "derivatives",
    "calculus",
    [
        [
            Question("derivative", Product(range(1, 13), range(2, 8)), _monomial, _DERIVATIVE),
            Question("derivative", Product(range(1, 10), range(1, 10), range(1, 10)), _polynomial, _DERIVATIVE),
        ],
        [
            Question("derivative", Product(between(9), nonzero(9), nonzero(9), nonzero(6)), _polynomial, _DERIVATIVE),
            Question("slope", Product(nonzero(5), between(9), between(9), nonzero(5)), _slope, _SLOPE),
        ],
        [
            Question("power", Product(nonzero(9), range(2, 8), range(2, 8)), _linear_power, _DERIVATIVE),
            Question("elementary", Product(NAMES, nonzero(9), range(2, 10)), _elementary, _DERIVATIVE),
            Question("logarithm", Product(nonzero(6), nonzero(9), range(1, 8)), _logarithm, _DERIVATIVE),
        ],
        [
            Question("product", Product(NAMES, range(1, 8), range(1, 10)), _product, _DERIVATIVE),
            Question(
                "quotient",
                Filtered(Product(nonzero(7), range(1, 7), nonzero(7), range(1, 7)), lambda b, a, d, c: a * d != b * c),
                _quotient,
                _DERIVATIVE,
            ),
        ],
        [
            Question("chain", Product(NAMES, nonzero(9), nonzero(7)), _chain, _DERIVATIVE),
            Question("second", Product(NAMES, range(1, 8), range(1, 10)), _second, _SECOND),
        ],
    ],
)
