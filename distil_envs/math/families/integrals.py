"""Integrals: antiderivatives (any constant is right) and definite integrals; substitution, by parts, areas."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from distil_envs.family import Family, Question, Worked, kind_of
from distil_envs.math.functions import ELEMENTARY, NAMES, plain, shown
from distil_envs.math.polynomial import antiderivative, combination, evaluate, power, render
from distil_envs.spaces import Distinct, Filtered, Product, between, nonzero


def _antiderivative(f: str, answer: str, steps: list[str], key: Sequence[object] | None = None) -> Worked:
    extra = {"variables": ["x"], "modulo_constant": True}
    return Worked({"f": f}, answer, "expression", steps, key, extra)


def _term_steps(coefficients: Sequence[int]) -> list[str]:
    whole = antiderivative(coefficients)
    return [
        f"{combination([(c, power('x', n))])} becomes {combination([(whole[n + 1], power('x', n + 1))])}"
        for n, c in reversed(list(enumerate(coefficients)))
        if c
    ]


def _even(coefficient: int, exponent: int) -> Worked:
    """A monomial whose antiderivative has a whole coefficient."""
    return _polynomial(*([0] * exponent), coefficient * (exponent + 1))


def _polynomial(*coefficients: int) -> Worked:
    answer = render(antiderivative(coefficients))
    return _antiderivative(render(coefficients, ""), answer, _term_steps(coefficients), coefficients)


def _definite(limits: tuple[int, int], *coefficients: int) -> Worked:
    low, high = limits
    whole = antiderivative(coefficients)
    top, bottom = evaluate(whole, Fraction(high)), evaluate(whole, Fraction(low))
    value = top - bottom
    steps = [
        f"An antiderivative is F(x) = {render(whole)}",
        f"F({high}) = {top} and F({low}) = {bottom}",
        f"F({high}) - F({low}) = {value}",
    ]
    slots = {"f": render(coefficients, ""), "low": low, "high": high}
    return Worked(slots, str(value), kind_of(value), steps, (coefficients, limits))


def _elementary(name: str, coefficient: int, a: int) -> Worked:
    """``c f(a x)`` for sin, cos, exp."""
    rule = ELEMENTARY[name]
    inner = render((0, a))
    body = plain(rule.predecessor, inner)
    answer = combination([(Fraction(coefficient * rule.back_sign, a), body)])
    steps = [
        f"An antiderivative of {plain(name, 'u')} is {combination([(rule.back_sign, plain(rule.predecessor, 'u'))])}",
        f"With u = {inner}, divide by {a}: {answer}",
    ]
    return _antiderivative(combination([(coefficient, shown(name, render((0, a), "")))], " "), answer, steps)


def _substitution(coefficient: int, c: int, n: int) -> Worked:
    """``k x (x^2 + c)^n``."""
    inner = render((c, 0, 1))
    factor = Fraction(coefficient, 2 * (n + 1))
    answer = combination([(factor, f"({inner})^{n + 1}")])
    steps = [
        f"Put u = {inner}, so du = 2*x dx",
        f"{coefficient}*x*({inner})^{n} dx = {Fraction(coefficient, 2)}*u^{n} du",
        f"Integrate: {combination([(factor, f'u^{n + 1}')])}",
    ]
    return _antiderivative(f"{combination([(coefficient, 'x')], '')}({inner})^{n}", answer, steps)


def _parts(name: str, coefficient: int, a: int) -> Worked:
    """``c x f(a x)``, by parts: with F' = f(a x) it is c (x F - G), G' = F."""
    rule = ELEMENTARY[name]
    again = ELEMENTARY[rule.predecessor]
    inner = render((0, a))
    first, second = plain(rule.predecessor, inner), plain(again.predecessor, inner)
    once, twice = Fraction(rule.back_sign, a), Fraction(rule.back_sign * again.back_sign, a * a)
    answer = combination([(coefficient * once, f"x*{first}"), (-coefficient * twice, second)])
    steps = [
        f"By parts with u = {combination([(coefficient, 'x')])} and v' = {plain(name, inner)}: "
        f"v = {combination([(once, first)])}",
        f"u*v = {combination([(coefficient * once, f'x*{first}')])}",
        f"The integral of u'*v is {combination([(coefficient * twice, second)])}",
    ]
    return _antiderivative(f"{combination([(coefficient, 'x')], '')} {shown(name, render((0, a), ''))}", answer, steps)


def _partial_fractions(poles: tuple[int, int], limits: tuple[int, int]) -> Worked:
    """The integral of ``1/((x + a)(x + b))`` between limits to the right of both poles."""
    (a, b), (low, high) = poles, limits
    ratio = Fraction((high + a) * (low + b), (high + b) * (low + a))
    answer = f"ln({ratio})" if b - a == 1 else f"ln({ratio})/{b - a}"
    factors = "".join(f"({render((pole, 1))})" if pole else "x" for pole in poles)
    steps = [
        f"1/({factors}) = (1/({render((a, 1))}) - 1/({render((b, 1))}))/{b - a}",
        f"An antiderivative is (ln({render((a, 1))}) - ln({render((b, 1))}))/{b - a}",
        f"At {high}: (ln({high + a}) - ln({high + b}))/{b - a}; at {low}: (ln({low + a}) - ln({low + b}))/{b - a}",
        f"The difference is {answer}",
    ]
    slots = {"f": f"1/({factors})", "low": low, "high": high}
    return Worked(slots, answer, "expression", steps, (poles, limits))


def _area(a: int, slope: int, roots: tuple[int, int], constant: int) -> Worked:
    """Between a parabola and a line that meet at the roots: ``a (x - r)(s - x)`` integrates to ``a (s - r)^3 / 6``."""
    r, s = roots
    line = (constant, slope)
    parabola = (constant - a * r * s, slope + a * (r + s), -a)
    value = Fraction(abs(a) * (s - r) ** 3, 6)
    steps = [
        f"They meet where {render((-a * r * s, a * (r + s), -a))} = 0: x = {r} and x = {s}",
        f"The difference is {combination([(a, f'(x - ({r}))*({s} - x)')])}",
        f"Its integral from {r} to {s} has the size {abs(a)} * ({s} - ({r}))^3 / 6 = {value}",
    ]
    slots = {"f": render(parabola, ""), "g": render(line, "")}
    return Worked(slots, str(value), kind_of(value), steps, (parabola, line))


_ANTIDERIVATIVE = (
    "Find an antiderivative of {f} with respect to x.",
    "What is the indefinite integral of {f} dx? Leave out the constant.",
    "Give a function whose derivative is {f}.",
)
_DEFINITE = (
    "What is the integral of {f} from x = {low} to x = {high}?",
    "Integrate {f} over x from {low} to {high}.",
)
_DEFINITE_EXACT = (
    "What is the exact integral of {f} from x = {low} to x = {high}?",
    "Integrate {f} over x from {low} to {high}. Give the exact value.",
)
_AREA = (
    "What is the area between the parabola y = {f} and the line y = {g}?",
    "Find the area that y = {f} and y = {g} enclose.",
)

_right = Filtered(Product(Distinct(range(-3, 10)), Distinct(range(10))), lambda ab, limits: limits[0] + ab[0] > 0)

FAMILY = Family(
    "integrals",
    "calculus",
    [
        [
            Question("antiderivative", Product(range(1, 13), range(5)), _even, _ANTIDERIVATIVE),
            Question("antiderivative", Product(range(1, 10), range(2, 19, 2)), _polynomial, _ANTIDERIVATIVE),
        ],
        [
            Question("antiderivative", Product(between(9), nonzero(9), nonzero(9)), _polynomial, _ANTIDERIVATIVE),
            Question("definite", Product(Distinct(range(-2, 5)), between(9), nonzero(6)), _definite, _DEFINITE),
        ],
        [
            Question(
                "definite", Product(Distinct(between(3)), between(6), between(6), nonzero(6)), _definite, _DEFINITE
            ),
            Question("elementary", Product(NAMES, nonzero(9), range(2, 10)), _elementary, _ANTIDERIVATIVE),
        ],
        [
            Question("substitution", Product(nonzero(12), nonzero(9), range(2, 8)), _substitution, _ANTIDERIVATIVE),
            Question("parts", Product(NAMES, nonzero(6), range(1, 8)), _parts, _ANTIDERIVATIVE),
        ],
        [
            Question("partial-fractions", _right, _partial_fractions, _DEFINITE_EXACT),
            Question("area", Product(nonzero(4), between(4), Distinct(between(5)), between(6)), _area, _AREA),
        ],
    ],
)
