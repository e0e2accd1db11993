"""Sequences: arithmetic, geometric, quadratic and recursive; next terms, later terms, sums."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import gcd

from distil_envs.family import Family, Question, Worked, kind_of
from distil_envs.math.polynomial import combination, evaluate, render
from distil_envs.spaces import Filtered, Product, between, nonzero


def _shown(terms: Sequence[int]) -> str:
    return ", ".join(map(str, terms))


def _integer(value: int, steps: list[str], **slots: int | str) -> Worked:
    return Worked(slots, str(value), "integer", steps)


def _arithmetic_next(first: int, difference: int) -> Worked:
    terms = [first + n * difference for n in range(5)]
    more, sign = ("more", "+") if difference > 0 else ("less", "-")
    size = abs(difference)
    steps = [f"Each term is {size} {more} than the one before", f"{terms[3]} {sign} {size} = {terms[4]}"]
    return _integer(terms[4], steps, terms=_shown(terms[:4]))


def _arithmetic_term(first: int, difference: int, n: int) -> Worked:
    value = first + (n - 1) * difference
    steps = [f"Term {n} is {first} + ({n} - 1) * ({difference}) = {first} + ({(n - 1) * difference}) = {value}"]
    return _integer(value, steps, a=first, d=difference, n=n)


def _arithmetic_sum(first: int, difference: int, n: int) -> Worked:
    last = first + (n - 1) * difference
    total = n * (first + last) // 2
    steps = [
        f"Term {n} is {first} + ({n} - 1) * ({difference}) = {last}",
        f"The sum is {n} * ({first} + ({last})) / 2 = {total}",
    ]
    return _integer(total, steps, a=first, d=difference, n=n)


def _geometric_next(first: int, ratio: int) -> Worked:
    terms = [first * ratio**n for n in range(5)]
    steps = [f"Each term is {ratio} times the one before", f"{terms[3]} * {ratio} = {terms[4]}"]
    return _integer(terms[4], steps, terms=_shown(terms[:4]))


def _geometric_term(first: int, ratio: int, n: int) -> Worked:
    value = first * ratio ** (n - 1)
    return _integer(value, [f"Term {n} is {first} * ({ratio})^{n - 1} = {value}"], a=first, r=ratio, n=n)


def _geometric_sum(first: int, ratio: int, n: int) -> Worked:
    total = first * (ratio**n - 1) // (ratio - 1)
    steps = [f"The sum is {first} * (({ratio})^{n} - 1) / ({ratio} - 1) = {total}"]
    return _integer(total, steps, a=first, r=ratio, n=n)


def _infinite_sum(first: int, ratio: tuple[int, int]) -> Worked:
    r = Fraction(*ratio)
    total = first / (1 - r)
    steps = [f"The sum is {first} / (1 - ({r})) = {first} / ({1 - r}) = {total}"]
    return Worked({"a": first, "r": str(r)}, str(total), kind_of(total), steps)


def _recursion(p: int, q: int, first: int, second: int, n: int) -> list[int]:
    terms = [first, second]
    while len(terms) < n:
        terms.append(p * terms[-1] + q * terms[-2])
    return terms


def _sum_of_two(first: int, second: int) -> Worked:
    terms = _recursion(1, 1, first, second, 6)
    steps = [f"{terms[3]} + {terms[4]} = {terms[5]}"]
    return _integer(terms[5], steps, terms=_shown(terms[:5]))


def _recurrence(p: int, q: int, first: int, second: int, n: int) -> Worked:
    terms = _recursion(p, q, first, second, n)
    steps = [
        f"a({k + 1}) = {p} * ({terms[k - 1]}) + ({q}) * ({terms[k - 2]}) = {terms[k]}" for k in range(2, len(terms))
    ]
    rule = combination([(p, "a(n-1)"), (q, "a(n-2)")], "")
    return _integer(terms[-1], steps, rule=rule, a=first, b=second, n=n)


def _differences(terms: Sequence[int]) -> list[int]:
    return [after - before for before, after in pairwise(terms)]


def _quadratic_next(c: int, b: int, a: int) -> Worked:
    terms = [evaluate((c, b, a), n) for n in range(1, 7)]
    first = _differences(terms[:5])
    steps = [
        f"Differences: {_shown(first)}",
        f"Their differences are all {2 * a}, so the next difference is {first[-1]} + ({2 * a}) = {first[-1] + 2 * a}",
        f"{terms[4]} + ({first[-1] + 2 * a}) = {terms[5]}",
    ]
    return _integer(terms[5], steps, terms=_shown(terms[:5]))


def _quadratic_formula(c: int, b: int, a: int) -> Worked:
    terms = [evaluate((c, b, a), n) for n in range(1, 5)]
    answer = render((c, b, a), variable="n")
    steps = [
        f"Second differences are {2 * a}, so the coefficient of n^2 is {a}",
        f"Without {render((0, 0, a), variable='n')} the terms are {_shown([b * n + c for n in range(1, 5)])}: "
        f"{render((c, b), variable='n')}",
    ]
    return Worked({"terms": _shown(terms)}, answer, "expression", steps, extra={"variables": ["n"]})


_NEXT = (
    "What is the next number in the sequence {terms}, ...?",
    "Find the number that continues {terms}, ...",
    "{terms}, ... Which number comes next?",
)
_ARITHMETIC_TERM = (
    "An arithmetic sequence has first term {a} and common difference {d}. What is term {n}?",
    "Find term number {n} of the arithmetic sequence that starts at {a} with common difference {d}.",
)
_ARITHMETIC_SUM = (
    "An arithmetic sequence has first term {a} and common difference {d}. What is the sum of its first {n} terms?",
    "Add the first {n} terms of the arithmetic sequence that starts at {a} with common difference {d}.",
)
_GEOMETRIC_NEXT = (
    "What is the next number in the geometric sequence {terms}, ...?",
    "Find the number that continues the geometric sequence {terms}, ...",
)
_GEOMETRIC_TERM = (
    "A geometric sequence has first term {a} and common ratio {r}. What is term {n}?",
    "Find term number {n} of the geometric sequence that starts at {a} with common ratio {r}.",
)
_GEOMETRIC_SUM = (
    "A geometric sequence has first term {a} and common ratio {r}. What is the sum of its first {n} terms?",
    "Add the first {n} terms of the geometric sequence that starts at {a} with common ratio {r}.",
)
_INFINITE_SUM = (
    "A geometric series has first term {a} and common ratio {r}. What is its infinite sum?",
    "Find the sum of all terms of the geometric series that starts at {a} with common ratio {r}.",
)
_SUM_OF_TWO = (
    "Each term is the sum of the two terms before it: {terms}, ... What is the next term?",
    "Find the next term of {terms}, ... where each term is the sum of the previous two.",
)
_RECURRENCE = (
    "Let a(1) = {a}, a(2) = {b} and a(n) = {rule} for n > 2. What is a({n})?",
    "A sequence has a(1) = {a}, a(2) = {b} and a(n) = {rule} for n > 2. Find a({n}).",
)
_QUADRATIC_NEXT = (
    "The second differences of {terms}, ... are constant. What is the next term?",
    "Find the next term of the quadratic sequence {terms}, ...",
)
_QUADRATIC_FORMULA = (
    "The quadratic sequence {terms}, ... starts at n = 1. What is its n-th term as a formula in n?",
    "Find a formula in n for the n-th term (n = 1, 2, ...) of the quadratic sequence {terms}, ...",
)

_quadratic = Product(between(9), between(9), nonzero(4))
_proper = Filtered(Product(nonzero(9), range(2, 11)), lambda p, q: abs(p) < q and gcd(p, q) == 1)
_ratios = (-4, -3, -2, 2, 3, 4, 5)

FAMILY = Family(
    "sequences",
    "algebra",
    [
        [Question("arithmetic-next", Product(range(31), range(1, 11)), _arithmetic_next, _NEXT)],
        [
            Question("arithmetic-next", Product(range(20, 100), range(-20, 0)), _arithmetic_next, _NEXT),
            Question(
                "arithmetic-term", Product(range(21), range(2, 10), range(5, 31)), _arithmetic_term, _ARITHMETIC_TERM
            ),
            Question("geometric-next", Product(range(1, 11), range(2, 6)), _geometric_next, _GEOMETRIC_NEXT),
            Question("sum-of-two", Product(range(1, 13), range(1, 13)), _sum_of_two, _SUM_OF_TWO),
        ],
        [
            Question(
                "arithmetic-sum", Product(between(20), nonzero(9), range(5, 31)), _arithmetic_sum, _ARITHMETIC_SUM
            ),
            Question("geometric-term", Product(nonzero(9), _ratios, range(4, 9)), _geometric_term, _GEOMETRIC_TERM),
            Question("quadratic-next", _quadratic, _quadratic_next, _QUADRATIC_NEXT),
        ],
        [
            Question("geometric-sum", Product(nonzero(9), _ratios, range(4, 10)), _geometric_sum, _GEOMETRIC_SUM),
            Question("infinite-sum", Product(nonzero(20), _proper), _infinite_sum, _INFINITE_SUM),
            Question(
                "recurrence",
                Product(nonzero(3), nonzero(3), between(4), nonzero(4), range(5, 10)),
                _recurrence,
                _RECURRENCE,
            ),
            Question("quadratic-formula", _quadratic, _quadratic_formula, _QUADRATIC_FORMULA),
        ],
    ],
)
