"""Small exact polynomials: tuples of coefficients, the constant first. No sympy, so that a draw takes microseconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TypeVar

Number = int | Fraction
N = TypeVar("N", int, Fraction)


def combination(terms: Iterable[tuple[Number, str]], star: str = "*") -> str:
    """A sum of ``(coefficient, body)`` terms in plain ASCII; an empty body is a constant, a zero coefficient vanishes.

    ``star`` stands between coefficient and body: ``*`` for answers, nothing for prompts (``3x - 2``).
    """
    text = ""
    for coefficient, body in terms:
        if not coefficient:
            continue
        size = abs(coefficient)
        shown = str(size) if not body else body if size == 1 else f"{size}{star}{body}"
        if not text:
            text = f"-{shown}" if coefficient < 0 else shown
        else:
            text += f" - {shown}" if coefficient < 0 else f" + {shown}"
    return text or "0"


def power(variable: str, exponent: int) -> str:
    """``x^3``, ``x``, or nothing for the exponent 0."""
    return "" if exponent == 0 else variable if exponent == 1 else f"{variable}^{exponent}"


def render(coefficients: Sequence[Number], star: str = "*", variable: str = "x") -> str:
    """The polynomial in plain ASCII, highest power first."""
    return combination(
        ((coefficients[n], power(variable, n)) for n in range(len(coefficients) - 1, -1, -1)),
        star,
    )


def evaluate(coefficients: Sequence[N], x: N) -> N:
    """The value at ``x`` (Horner)."""
    value = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        value = value * x + coefficient
    return value


def multiply(left: Sequence[int], right: Sequence[int]) -> tuple[int, ...]:
    """The product."""
    result = [0] * (len(left) + len(right) - 1)
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            result[i + j] += a * b
    return tuple(result)


def derivative(coefficients: Sequence[int]) -> tuple[int, ...]:
    """The derivative; that of a constant is ``(0,)``."""
    return tuple(n * coefficients[n] for n in range(1, len(coefficients))) or (0,)


def antiderivative(coefficients: Sequence[int]) -> tuple[Fraction, ...]:
    """The antiderivative without a constant."""
    return (Fraction(0), *(Fraction(c, n + 1) for n, c in enumerate(coefficients)))
