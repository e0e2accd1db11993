"""Finds the quantities of a text: a number in any dress, and the unit behind it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from functools import lru_cache

from distil_envs.outcome import Span
from distil_envs.science.quantity_numbers import MAX_EXPRESSION, MINUS, plain_number, worked_out
from distil_envs.science.quantity_tokens import VULGAR, Token, tokenize, translated
from distil_envs.science.unit_reading import read_unit
from distil_envs.science.units import BARE, Factors, Unit, is_unit, units_of

READ_CHARS = 2_000
_MAX_TOKENS = 600
_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_VULGAR = frozenset(VULGAR)
_CONSTANTS = frozenset(("pi", "π"))
_RUN_OPS = frozenset(("+", "-", "*", "/", "^", "(", ")", "{", "}", "!", "±", "frac", "sqrt", "√"))
_REMARK = re.compile(
    r"\b[0-9]+\s*(?:s\.?\s?f\b|d\.?\s?p\b|(?:sig(?:nificant)?|decimal)\b\.?(?:\s*(?:fig(?:ure)?|digit|place)s?)?)"
    r"|\(\s*(?:no\s+units?|unitless|dimensionless)\s*\)",
    re.I,
)
_INSIDE = frozenset(("^", "_", "{", "*", "/", "+"))


@dataclass(frozen=True)
class Quantity:
    """A number and its unit as they were read."""

    value: float
    factors: tuple[Factors, ...]
    """The unit as it can be read: ``J/kg K`` in two ways. Empty for a bare number."""
    first: int
    """The index of its first token."""
    end: int
    """The index of the token behind its last."""
    span: Span
    figures: int = 0
    """How many significant figures it is written with; 0 where it is not one plain number."""
    computed: bool = False
    """Whether the number is written as a sum, product, root, …"""
    several: bool = False
    """Whether it is a range of numbers (``5 - 6``) or two of them (``±5``)."""
    margin: float = 0.0
    """Its error bar, in its unit: 0.1 of ``12.5 ± 0.1 m/s``. Infinite where it is in a unit of another dimension."""

    @property
    def units(self) -> tuple[Unit, ...]:
        """Everything that the unit can mean, the most usual first."""
        if not self.factors:
            return (BARE,)
        return tuple(unit for factors in self.factors for unit in units_of(factors))


@dataclass(frozen=True)
class Text:
    """The end of a text, at most `READ_CHARS` characters: its tokens, and the quantities in it in order."""

    tokens: list[Token]
    quantities: list[Quantity]
    unread: int
    """The index of the first token behind the quantities where an expression starts that could not be read, or -1."""


def read(text: str) -> Text:
    """Never raises. Spans count characters of ``text``."""
    start = max(0, len(text) - READ_CHARS)
    found = _read(text[start:])
    if start == 0:
        return found
    moved = [replace(each, span=(each.span[0] + start, each.span[1] + start)) for each in found.quantities]
    return replace(found, quantities=moved)


@lru_cache(maxsize=512)
def _read(text: str) -> Text:
    plain = _REMARK.sub(lambda match: " " * len(match.group()), translated(text))
    tokens = tokenize(plain)[-_MAX_TOKENS:]
    if tokens and tokens[0].text.lower() in _WORDS:
        first = tokens[0]
        tokens[0] = first._replace(kind="number", text=str(_WORDS.index(first.text.lower())))
    found: list[Quantity] = []
    at, unread = 0, -1
    while at < len(tokens):
        if not _starts(tokens, at):
            at += 1
            continue
        quantity = _quantity(plain, tokens, at)
        if quantity is not None:
            found.append(quantity)
            at, unread = quantity.end, -1
        elif tokens[at].text == "(":
            at += 1
        else:
            end = max(at + 1, _run(tokens, at))
            symbolic = end < len(tokens) and tokens[end].kind == "name"  # v / 2
            unread = at if unread < 0 and not symbolic else unread
            at = end
    return Text(tokens, found, unread)


def _starts(tokens: list[Token], at: int) -> bool:
    """Whether a number can start here: not in ``H2``, ``v_0``, ``c^2``, ``f(3)``, ``d/2`` and the like."""
    token = tokens[at]
    if at:
        before = tokens[at - 1]
        number = token.kind == "number" or token.text in _VULGAR
        glued = before.kind == "name" and number and not token.spaced
        if glued or before.text in _INSIDE or (before.text == "(" and _applied(tokens, at - 1)):
            return False
        if before.text == "-" and at > 1 and tokens[at - 2].kind == "name" and len(tokens[at - 2].text) == 1:
            return False
        if _is_ratio(tokens, at - 1):
            return False
    if token.kind == "number":
        return True
    if token.text == "(":
        return not _applied(tokens, at)
    after = tokens[at + 1] if at + 1 < len(tokens) else None
    if token.text in ("-", "+", "±") or token.text.lower() in MINUS:
        signed = after is not None and (after.kind == "number" or after.text in ("frac", "sqrt", "√", "("))
        dash = bool(at and after and token.spaced and after.spaced and tokens[at - 1].kind == "name")
        return signed and not (dash and token.text == "-")
    return token.text in ("frac", "sqrt", "√") or token.text in _CONSTANTS or token.text in _VULGAR


def _is_ratio(tokens: list[Token], colon: int) -> bool:
    """Whether a colon stands in ``1:4`` or ``1 : 4``, which is no number; ``Part 1: 4`` and ``1:4 m`` have a label."""
    if tokens[colon].text != ":" or not 0 < colon < len(tokens) - 1:
        return False
    before, after = tokens[colon - 1], tokens[colon + 1]
    between = before.kind == after.kind == "number" and tokens[colon].spaced == after.spaced
    return between and not read_unit(tokens, colon + 2)[0]


def _applied(tokens: list[Token], bracket: int) -> bool:
    """Whether a bracket belongs to what stands before it: ``f(3)``, ``v*(3)``."""
    if not bracket or tokens[bracket].spaced:
        return False
    before = tokens[bracket - 1]
    return before.text in _INSIDE or (before.kind == "name" and not is_unit(before.text))


def _quantity(text: str, tokens: list[Token], at: int) -> Quantity | None:
    value, figures, end = plain_number(tokens, at)
    factors: tuple[Factors, ...] = ()
    computed, several, margin = False, tokens[at].text == "±", 0.0
    if end > at:
        factors, end = read_unit(tokens, end)
    if end == at or _goes_on(tokens, end):
        found = _computed(text, tokens, at)
        if found is None:
            return None
        value, several, factors, end = found
        figures, computed = 0, True
    if not math.isfinite(value):
        return None
    if end < len(tokens) and tokens[end].text == "±":
        error, _, stop = plain_number(tokens, end + 1)
        if stop > end + 1:
            more, end = read_unit(tokens, stop)
            margin = _margin(value, error, factors, more)
            factors = factors or more
    if not factors and at and tokens[at - 1].text == "(" and end < len(tokens) and tokens[end].text == ")":
        factors, stop = read_unit(tokens, end + 1)
        end = stop if factors else end
    known = tuple(each for each in factors if units_of(each))
    if factors and not known:
        return None
    first, behind = tokens[at].start, tokens[end - 1].end
    while text[behind : behind + 1] == "}" and text.count("{", first, behind) > text.count("}", first, behind):
        behind += 1
    return Quantity(value, known, at, end, (first, behind), figures, computed, several, margin)


def _margin(value: float, error: float, factors: tuple[Factors, ...], own: tuple[Factors, ...]) -> float:
    """An error bar in the unit of its value; it may have its own: ``12.5 m/s ± 20 cm/s``, ``12.5 m/s ± 2 %``."""
    units = [units_of(each[0]) for each in (factors, own) if each]
    if len(units) < 2 or not all(units):
        return abs(error)
    (of_value, *_), (of_error, *_) = units
    if of_error.dimension == of_value.dimension:
        return abs(error * of_error.factor / of_value.factor)
    return math.inf if of_error.dimension else abs(value * error * of_error.factor)


def _goes_on(tokens: list[Token], end: int) -> bool:
    """Whether what was read is only the beginning of a longer expression."""
    while end < len(tokens) and tokens[end].text == ")":
        end += 1
        if end < len(tokens) and (tokens[end].text in ("^", "!") or tokens[end].kind == "super"):
            return True
    if end >= len(tokens) or tokens[end - 1].text == ")":
        return False
    token, before = tokens[end], tokens[end - 1]
    after = tokens[end + 1] if end + 1 < len(tokens) else None
    if token.text == "-":
        return after is not None and (after.kind == "number" or after.text in ("frac", "sqrt", "("))
    if token.text == "!":
        return before.kind == "number"
    if _is_ratio(tokens, end):
        return True
    if token.text in ("^", "*", "/", "+", "frac", "sqrt", "√") or token.text in _VULGAR or token.kind == "super":
        return True
    if token.text in _CONSTANTS or (token.kind == "other" and not token.spaced):
        return True
    if token.text == "(":
        return before.kind == "number" and not token.spaced
    if token.kind == "name" and not token.spaced and before.kind == "number" and len(token.text) == 1:
        return token.text not in "xX"  # 3n, but 400x
    mixed = after is not None and after.text == "/"
    return token.kind == "number" and before.kind == "number" and mixed


def _run(tokens: list[Token], at: int, limit: int = _MAX_TOKENS) -> int:
    """Where the expression that starts here ends: behind numbers, signs, constants and units; ``limit``: in tokens."""
    last = min(len(tokens), at + limit)
    while at < last:
        token = tokens[at]
        known = token.kind in ("number", "super") or token.text in _RUN_OPS or token.text in _CONSTANTS
        if not (known or (token.kind == "name" and is_unit(token.text)) or token.text in _VULGAR):
            break
        at += 1
    return at


def _computed(text: str, tokens: list[Token], at: int) -> tuple[float, bool, tuple[Factors, ...], int] | None:
    """A number that has to be worked out, by the reader of maths: its value, whether it is a range, unit, end."""
    end = _run(tokens, at, MAX_EXPRESSION + 1)  # more have more characters than are worked out
    names = (place for place in range(at + 1, end) if tokens[place].kind == "name")
    stop = next((place for place in names if tokens[place].text not in _CONSTANTS), end)
    factors, end = read_unit(tokens, stop)
    while stop > at and tokens[stop - 1].text in ("(", "*"):
        stop -= 1
    if stop == at or _goes_on(tokens, end):
        return None
    value = worked_out(text[tokens[at].start : tokens[stop - 1].end])
    if value is None:
        return None
    several = [token.kind if token.kind == "number" else token.text for token in tokens[at:stop]]
    return value, several == ["number", "-", "number"] or "±" in several, factors, end
