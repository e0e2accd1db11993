"""Every family's answers against independent oracles: sympy, or brute force where the answer is a count.

The oracle sees only the prompt: the phrasing is turned round to read the question out of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from itertools import combinations, pairwise, product
from math import comb, factorial, gcd, perm

import mpmath
import pytest
import sympy
from sympy.functions.combinatorial.numbers import stirling
from sympy.parsing.sympy_parser import (
    convert_xor,
    implicit_multiplication_application,
    parse_expr,
    standard_transformations,
)

from distil_envs.counted import generator
from distil_envs.family import Item
from distil_envs.math.families import FAMILIES

Slots = dict[str, str]
x, y, z, n = sympy.symbols("x y z n")
LEVELS = [(name, level) for name, family in FAMILIES.items() for level in family.levels]
DRAWS = 150


@cache
def patterns(family: str, question: str) -> tuple[re.Pattern[str], ...]:
    found = {
        phrasing
        for level in FAMILIES[family].levels
        for entry in FAMILIES[family].questions(level)
        if entry.name == question
        for phrasing in entry.phrasings
    }
    return tuple(
        re.compile(re.sub(r"\\\{(\w+)\\\}", _group(), re.escape(phrasing)))
        for phrasing in sorted(found, key=len, reverse=True)
    )


def _group() -> Callable[[re.Match[str]], str]:
    seen: set[str] = set()

    def replace(match: re.Match[str]) -> str:
        name = match[1]
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        return f"(?P<{name}>.+?)"

    return replace


def read(family: str, question: str, prompt: str) -> Slots:
    for pattern in patterns(family, question):
        if match := pattern.fullmatch(prompt):
            return match.groupdict()
    raise AssertionError(f"no phrasing of {family}/{question} gives {prompt!r}")


@cache
def maths(text: str) -> sympy.Expr:
    """A prompt's notation: implicit multiplication, ^, e^, and a blank before a function."""
    return parse_expr(
        text.replace("e^", "E^"),
        local_dict={"x": x, "y": y, "z": z, "n": n},
        transformations=(*standard_transformations, convert_xor, implicit_multiplication_application),
    )


def plain(text: str) -> sympy.Expr:
    """An answer: strict ASCII maths."""
    return parse_expr(text.replace("^", "**"), local_dict={"x": x, "n": n})


def equal(left: sympy.Expr, right: sympy.Expr) -> bool:
    """Equal to 25 digits at points where every function here is defined."""
    for point in (sympy.Rational(53, 7), sympy.Rational(61, 6)):
        at = {x: point, n: point}
        first, second = left.evalf(40, subs=at), right.evalf(40, subs=at)
        if abs(first - second) > (abs(first) + 1) * sympy.Float("1e-25"):
            return False
    return True


def whole(slots: Slots, *names: str) -> list[int]:
    return [int(slots[name]) for name in names]


def matrix(text: str) -> sympy.Matrix:
    return sympy.Matrix(json.loads(text))


def answer_matrix(item: Item) -> sympy.Matrix:
    rows = re.findall(r"\[([^\[\]]+)\]", item.answer)
    return sympy.Matrix([[sympy.Rational(entry) for entry in row.split(", ")] for row in rows])


# An oracle returns a number or expression that the answer must equal, or says itself whether the answer is right.
Oracle = Callable[[Slots, Item], object]


def number(*forms: str) -> Oracle:
    """The prompt's own expression, e.g. ``{a} + {b}``, as exact numbers."""
    return lambda slots, item: maths(forms[0].format(**slots))


def equation(slots: Slots, item: Item) -> bool:
    return bool(sympy.expand((maths(slots["left"]) - maths(slots["right"])).subs(x, sympy.Rational(item.answer))) == 0)


def system(slots: Slots, item: Item) -> bool:
    sides = [slots[name].split(" = ") for name in ("first", "second", "last") if name in slots]
    unknowns = (x, y, z)[: len(sides)]
    (solution,) = sympy.linsolve([maths(left) - maths(right) for left, right in sides], *unknowns)
    return bool(solution == sympy.sympify(item.answer))


def roots(slots: Slots, item: Item) -> bool:
    polynomial = sympy.Poly(maths(slots["left"]), x)
    parts = item.answer[1:-1].split(", ")
    values = [plain(part) for part in parts]
    assert sorted(values, key=float) == values
    right = all(sympy.expand(polynomial.as_expr().subs(x, value)) == 0 for value in values)
    return right and len(set(values)) == polynomial.count_roots() == len(parts)


def vertex(slots: Slots, item: Item) -> bool:
    f = maths(slots["right"])
    (at,) = sympy.solve(sympy.diff(f, x), x)
    return bool(sympy.Tuple(at, f.subs(x, at)) == sympy.sympify(item.answer))


def over_roots(slots: Slots, item: Item) -> bool:
    r, s = sympy.Poly(maths(slots["left"]), x).nroots(n=40)
    value = sympy.sympify(slots["what"].replace("^", "**")).subs({"r": r, "s": s})
    return bool(abs(value - sympy.Rational(item.answer)) < 1e-25)


def expanded(form: str) -> Oracle:
    def check(slots: Slots, item: Item) -> bool:
        return "(" not in item.answer and sympy.expand(maths(form.format(**slots)) - plain(item.answer)) == 0

    return check


def factored(slots: Slots, item: Item) -> bool:
    value, given = plain(item.answer), maths(slots["p"])
    count, factors = sympy.factor_list(given)
    written = len(re.findall(r"x", item.answer))
    return sympy.expand(value - given) == 0 and written == len(factors) and str(count) in ("1", item.answer[:1])


def definite(slots: Slots, item: Item) -> bool:
    f, low, high = maths(slots["f"]), *whole(slots, "low", "high")
    if item.kind == "expression":
        value = mpmath.quad(sympy.lambdify(x, f, "mpmath"), [low, high])
        return bool(abs(value - plain(item.answer).evalf(20)) < 1e-12)
    whole_f = sympy.Poly(f, x).integrate()
    return bool(whole_f.eval(high) - whole_f.eval(low) == sympy.Rational(item.answer))


def antiderivative(slots: Slots, item: Item) -> bool:
    return item.extra["modulo_constant"] is True and equal(sympy.diff(plain(item.answer), x), maths(slots["f"]))


def area(slots: Slots, item: Item) -> object:
    difference = sympy.Poly(maths(slots["f"]) - maths(slots["g"]), x)
    low, high = sorted(difference.ground_roots())
    between = difference.integrate()
    return abs(between.eval(high) - between.eval(low))


def following(slots: Slots, item: Item) -> object:
    """The next value of the polynomial of least degree through the terms."""
    terms = [int(term) for term in slots["terms"].split(", ")]
    return sympy.interpolate(list(enumerate(terms)), x).subs(x, len(terms))


def geometric_next(slots: Slots, item: Item) -> object:
    terms = [sympy.Integer(term) for term in slots["terms"].split(", ")]
    assert len({after / before for before, after in pairwise(terms)}) == 1
    return terms[-1] ** 2 / terms[-2]


def sum_of_two(slots: Slots, item: Item) -> object:
    terms = [int(term) for term in slots["terms"].split(", ")]
    assert all(a + b == c for a, b, c in zip(terms, terms[1:], terms[2:], strict=False))
    return terms[-1] + terms[-2]


def series(step: Callable[[Fraction, Fraction], Fraction], total: bool) -> Oracle:
    def value(slots: Slots, item: Item) -> object:
        change = Fraction(slots.get("d") or slots["r"])
        terms = [Fraction(slots["a"])]
        while len(terms) < int(slots["n"]):
            terms.append(step(terms[-1], change))
        return sum(terms) if total else terms[-1]

    return value


def recurrence(slots: Slots, item: Item) -> object:
    rule = slots["rule"].replace("a(n-1)", "*u").replace("a(n-2)", "*v")
    coefficients = maths(re.sub(r"(^|[ -])\*", r"\1", rule))
    u, v = sympy.symbols("u v")
    p, q = coefficients.coeff(u), coefficients.coeff(v)
    before, last = whole(slots, "a", "b")
    for _ in range(int(slots["n"]) - 2):
        before, last = last, p * last + q * before
    return last


def formula(slots: Slots, item: Item) -> object:
    terms = [int(term) for term in slots["terms"].split(", ")]
    return sympy.interpolate([(at, term) for at, term in enumerate(terms, 1)], n)


def divisors(n_: int) -> list[int]:
    return [d for d in range(1, n_ + 1) if n_ % d == 0]


def integers(function: Callable[..., int], *names: str) -> Oracle:
    return lambda slots, item: function(*whole(slots, *names))


def congruences(a: int, m: int, b: int, n_: int) -> int:
    return next(value for value in range(m * n_) if value % m == a and value % n_ == b)


def ways(people: int, cap: int, total: int, least: int = 0) -> int:
    """Lists of ``people`` integers from ``least`` to ``cap`` with a sum, by dynamic programming."""
    counts = {0: 1}
    for _ in range(people):
        after: dict[int, int] = {}
        for before, count in counts.items():
            for value in range(least, cap + 1):
                after[before + value] = after.get(before + value, 0) + count
        counts = after
    return counts.get(total, 0)


def letters(slots: Slots, item: Item) -> object:
    counts = [slots["word"].count(letter) for letter in "ABC"] if "word" in slots else whole(slots, "a", "b", "c")
    return sympy.ntheory.multinomial_coefficients(3, sum(counts))[tuple(counts)]


def committee(w: int, m: int, k: int, j: int) -> int:
    return sum(1 for group in combinations(range(w + m), k) if sum(person < w for person in group) >= j)


def paths(m: int, n_: int, p: int, q: int) -> int:
    def between(a: int, b: int, c: int, d: int) -> int:
        counts = {(a, b): 1}
        for i, j in product(range(a, c + 1), range(b, d + 1)):
            if (i, j) != (a, b):
                counts[i, j] = counts.get((i - 1, j), 0) + counts.get((i, j - 1), 0)
        return counts[c, d]

    return between(0, 0, p, q) * between(p, q, m, n_)


def eigenvalues(slots: Slots, item: Item) -> bool:
    return set(matrix(slots["a"]).eigenvals()) == set(sympy.sympify(item.answer))


def same_matrix(function: Callable[..., sympy.Matrix], *names: str) -> Oracle:
    return lambda slots, item: function(*(matrix(slots[name]) for name in names)) == answer_matrix(item)


ORACLES: dict[str, Oracle] = {
    "arithmetic/sum": number("{a} + {b}"),
    "arithmetic/difference": number("{a} - {b}"),
    "arithmetic/product": number("{a} * {b}"),
    "arithmetic/quotient": number("{a} / {b}"),
    "arithmetic/sum-of-products": number("{a} * {b} + {c} * {d}"),
    "arithmetic/bracket": number("({a} + {b}) * {c} - {d}"),
    "fractions/reduce": number("{a}"),
    "fractions/sum": number("{a} + {b}"),
    "fractions/difference": number("{a} - {b}"),
    "fractions/product": number("{a} * {b}"),
    "fractions/quotient": number("({a}) / ({b})"),
    "fractions/three-terms": number("{a} + {b} - {c}"),
    "fractions/nested": number("({a} + {b}) / ({c})"),
    **{
        f"linear-equations/{name}": equation
        for name in ("one-step", "scaled", "two-steps", "divided", "both-sides", "brackets", "fractional")
    },
    "linear-systems/system": system,
    "linear-systems/system-of-three": system,
    "quadratics/roots": roots,
    "quadratics/vertex": vertex,
    "quadratics/over-roots": over_roots,
    "polynomials/evaluate": lambda slots, item: maths(slots["p"]).subs(x, int(slots["at"])),
    "polynomials/scale": expanded("{p}"),
    "polynomials/expand": expanded("{p}"),
    "polynomials/sum": expanded("({p}) + ({q})"),
    "polynomials/factor": factored,
    "polynomials/remainder": lambda slots, item: sympy.rem(maths(slots["p"]), maths(slots["q"]), x),
    "polynomials/quotient": lambda slots, item: sympy.quo(maths(slots["p"]), maths(slots["q"]), x),
    "number-theory/remainder": integers(lambda a, b: a - b * (a // b), "a", "b"),
    "number-theory/gcd": integers(lambda a, b: max(d for d in divisors(a) if b % d == 0), "a", "b"),
    "number-theory/lcm": integers(lambda a, b: next(k for k in range(a, a * b + 1, a) if k % b == 0), "a", "b"),
    "number-theory/divisor-count": integers(lambda k: len(divisors(k)), "n"),
    "number-theory/divisor-sum": integers(lambda k: sum(divisors(k)), "n"),
    "number-theory/largest-prime": integers(lambda k: max(sympy.primefactors(k)), "n"),
    "number-theory/totient": integers(lambda k: sum(gcd(i, k) == 1 for i in range(1, k + 1)), "n"),
    "number-theory/power": integers(lambda a, k, m: a**k % m, "a", "n", "m"),
    "number-theory/inverse": integers(lambda a, m: next(i for i in range(1, m) if a * i % m == 1), "a", "m"),
    "number-theory/congruences": integers(congruences, "a", "m", "b", "n"),
    "sequences/arithmetic-next": following,
    "sequences/quadratic-next": following,
    "sequences/geometric-next": geometric_next,
    "sequences/sum-of-two": sum_of_two,
    "sequences/arithmetic-term": series(lambda term, d: term + d, total=False),
    "sequences/arithmetic-sum": series(lambda term, d: term + d, total=True),
    "sequences/geometric-term": series(lambda term, r: term * r, total=False),
    "sequences/geometric-sum": series(lambda term, r: term * r, total=True),
    "sequences/infinite-sum": lambda slots, item: sympy.Sum(
        sympy.Integer(slots["a"]) * sympy.Rational(slots["r"]) ** n, (n, 0, sympy.oo)
    ).doit(),
    "sequences/recurrence": recurrence,
    "sequences/quadratic-formula": formula,
    "counting/outfits": integers(lambda a, b: len(list(product(range(a), range(b)))), "a", "b"),
    "counting/row": integers(factorial, "n"),
    "counting/handshakes": integers(lambda k: len(list(combinations(range(k), 2))), "n"),
    "counting/choose": integers(comb, "n", "k"),
    "counting/podium": integers(perm, "n", "k"),
    "counting/two-dice": lambda slots, item: Fraction(
        sum(i + j == int(slots["s"]) for i, j in product(range(1, int(slots["a"]) + 1), range(1, int(slots["b"]) + 1))),
        int(slots["a"]) * int(slots["b"]),
    ),
    "counting/heads": lambda slots, item: Fraction(ways(int(slots["n"]), 1, int(slots["k"])), 2 ** int(slots["n"])),
    "counting/letters": letters,
    "counting/either": integers(lambda k, a, b: sum(i % a == 0 or i % b == 0 for i in range(1, k + 1)), "n", "a", "b"),
    "counting/none": integers(
        lambda k, a, b, c: sum(bool(i % a and i % b and i % c) for i in range(1, k + 1)), "n", "a", "b", "c"
    ),
    "counting/committee": integers(committee, "w", "m", "k", "j"),
    "counting/paths": integers(paths, "m", "n", "p", "q"),
    "counting/shares": integers(lambda k, people: ways(people, k, k), "n", "k"),
    "counting/onto": integers(lambda k, boxes: stirling(k, boxes) * factorial(boxes), "n", "k"),
    "counting/capped": integers(lambda k, people, cap: ways(people, cap, k), "n", "k", "c"),
    "counting/dice-sum": lambda slots, item: Fraction(
        ways(int(slots["k"]), 6, int(slots["s"]), least=1), 6 ** int(slots["k"])
    ),
    **{
        f"derivatives/{name}": lambda slots, item: sympy.diff(maths(slots["f"]), x)
        for name in ("derivative", "power", "elementary", "logarithm", "product", "quotient", "chain")
    },
    "derivatives/slope": lambda slots, item: sympy.diff(maths(slots["f"]), x).subs(x, int(slots["at"])),
    "derivatives/second": lambda slots, item: sympy.diff(maths(slots["f"]), x, 2),
    **{f"integrals/{name}": antiderivative for name in ("antiderivative", "elementary", "substitution", "parts")},
    "integrals/definite": definite,
    "integrals/partial-fractions": definite,
    "integrals/area": area,
    "matrices/sum": same_matrix(lambda a, b: a + b, "a", "b"),
    "matrices/product": same_matrix(lambda a, b: a * b, "a", "b"),
    "matrices/on-vector": same_matrix(lambda a, b: a * b, "a", "b"),
    "matrices/inverse": same_matrix(lambda a: a.inv(), "a"),
    "matrices/unit-inverse": same_matrix(lambda a: a.inv(), "a"),
    "matrices/power": lambda slots, item: matrix(slots["a"]) ** int(slots["n"]) == answer_matrix(item),
    "matrices/trace": lambda slots, item: matrix(slots["a"]).trace(),
    "matrices/determinant": lambda slots, item: matrix(slots["a"]).det(),
    "matrices/eigenvalues": eigenvalues,
}


@pytest.mark.parametrize(("name", "level"), LEVELS, ids=[f"{name}@{level}" for name, level in LEVELS])
def test_answers_agree_with_an_independent_oracle(name: str, level: int) -> None:
    rng = generator(7, "oracle", name, level)
    for _ in range(DRAWS):
        item = FAMILIES[name].draw(rng, level)
        question = json.loads(item.content)[1]
        expected = ORACLES[f"{name}/{question}"](read(name, question, item.prompt), item)
        if isinstance(expected, bool):
            assert expected, item
        elif item.kind in ("integer", "rational"):
            assert sympy.Rational(item.answer) == sympy.Rational(expected), (item, expected)
        else:
            assert equal(plain(item.answer), sympy.sympify(expected)), (item, expected)
