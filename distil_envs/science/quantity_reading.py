"""Finds the quantities of a text: a number in any dress, and the unit behind it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from functools import lru_cache

from distil_envs.math.reading import read as read_maths
from distil_envs.math.tokens import Unreadable
from distil_envs.math.tree import walk
from distil_envs.math.values import Undefined, exact, numeric
from distil_envs.outcome import Span
from distil_envs.science.quantity_tokens import VULGAR, Token, tokenize, translated
from distil_envs.science.unit_reading import read_unit
from distil_envs.science.units import BARE, Factors, Unit, is_unit, units_of

READ_CHARS = 2_000
_MAX_TOKENS = 600
_MAX_SUM = 120
_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "dozen": 12.0}
_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_MINUS = ("minus", "negative")
_VULGAR = frozenset(VULGAR)
_CONSTANTS = frozenset(("pi", "π"))
_RUN_OPS = frozenset(("+", "-", "*", "/", "^", "(", ")", "{", "}", "!", "±", "frac", "sqrt", "√"))
_REMARK = re.compile(
    r"\b[0-9]+\s*(?:s\.?\s?f\b|d\.?\s?p\b|(?:sig(?:nificant)?|decimal)\b\.?(?:\s*(?:fig(?:ure)?|digit|place)s?)?)", re.I
)
_INSIDE = frozenset(("^", "_", "{", "*", "/", "+"))
_NODES = frozenset(("num", "const", "neg", "inv", "add", "mul", "pow", "fact", "root", "call"))


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
        glued = before.kind == "name" and token.kind == "number" and not token.spaced
        argument = before.text == "(" and not before.spaced and at > 1 and tokens[at - 2].kind == "name"
        if glued or before.text in _INSIDE or (argument and not is_unit(tokens[at - 2].text)):
            return False
        if before.text == "-" and at > 1 and tokens[at - 2].kind == "name" and len(tokens[at - 2].text) == 1:
            return False
    if token.kind == "number":
        return True
    after = tokens[at + 1] if at + 1 < len(tokens) else None
    if token.text in ("-", "+", "±") or token.text.lower() in _MINUS:
        signed = after is not None and (after.kind == "number" or after.text in ("frac", "sqrt", "√", "("))
        dash = bool(at and after and token.spaced and after.spaced and tokens[at - 1].kind == "name")
        return signed and not (dash and token.text == "-")
    return token.text in ("frac", "sqrt", "√", "(") or token.text in _CONSTANTS or token.text in _VULGAR


def _quantity(text: str, tokens: list[Token], at: int) -> Quantity | None:
    value, figures, end = _number(tokens, at)
    factors: tuple[Factors, ...] = ()
    computed, several = False, tokens[at].text == "±"
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
        _, _, stop = _number(tokens, end + 1)
        if stop > end + 1:
            more, end = read_unit(tokens, stop)
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
    return Quantity(value, known, at, end, (first, behind), figures, computed, several)


def _number(tokens: list[Token], at: int) -> tuple[float, int, int]:
    """Value, significant figures, and the index behind; the index itself where there is no plain number."""
    start, sign = at, 1.0
    if at < len(tokens) and (tokens[at].text in ("-", "+", "±") or tokens[at].text.lower() in _MINUS):
        sign = -1.0 if tokens[at].text not in ("+", "±") else 1.0
        at += 1
    if at >= len(tokens) or tokens[at].kind != "number":
        return 0.0, 0, start
    written = tokens[at].text
    value, figures, at = sign * float(written), _figures(written), at + 1
    power = _ten(tokens, at - 1)
    if power is not None:
        return sign * _power_of_ten(power[0]), 0, power[1]
    if at + 1 < len(tokens) and tokens[at].text == "*":
        power = _ten(tokens, at + 1)
        if power is not None:
            value, at = value * _power_of_ten(power[0]), power[1]
    if at < len(tokens) and tokens[at].kind == "name":
        scale = _SCALES.get(tokens[at].text.lower().rstrip("s"))
        if scale is not None:
            value, at = value * scale, at + 1
    return value, figures, at


def _ten(tokens: list[Token], at: int) -> tuple[int, int] | None:
    """The exponent of a power of ten that starts here, and the index behind it."""
    if tokens[at].text != "10" or at + 1 >= len(tokens):
        return None
    after = tokens[at + 1]
    if after.kind == "super" and not after.spaced:
        return (int(after.text), at + 2) if after.text.lstrip("+-").isdigit() and len(after.text) < 6 else None
    if after.text != "^":
        return None
    at += 2
    closing = ""
    if at < len(tokens) and tokens[at].text in ("{", "("):
        closing = "}" if tokens[at].text == "{" else ")"
        at += 1
    sign = 1
    if at < len(tokens) and tokens[at].text in ("-", "+"):
        sign = -1 if tokens[at].text == "-" else 1
        at += 1
    if at >= len(tokens) or not tokens[at].text.isdigit() or len(tokens[at].text) > 5:
        return None
    exponent, at = sign * int(tokens[at].text), at + 1
    if closing:
        if at >= len(tokens) or tokens[at].text != closing:
            return None
        at += 1
    return exponent, at


def _power_of_ten(exponent: int) -> float:
    return float(f"1e{exponent}")  # infinite or 0 beyond what fits


def _figures(written: str) -> int:
    digits = written.lower().partition("e")[0].lstrip("0.").replace(".", "")
    whole = "." not in written
    return max(1, len(digits.rstrip("0") if whole else digits))


def _goes_on(tokens: list[Token], end: int) -> bool:
    """Whether what was read is only the beginning of a longer expression."""
    if end >= len(tokens):
        return False
    token, before = tokens[end], tokens[end - 1]
    after = tokens[end + 1] if end + 1 < len(tokens) else None
    if token.text == "-":
        return after is not None and (after.kind == "number" or after.text in ("frac", "sqrt", "("))
    if token.text in ("^", "*", "/", "+", "!", "frac", "sqrt", "√") or token.text in _VULGAR or token.kind == "super":
        return True
    if token.text in _CONSTANTS or (token.kind == "other" and not token.spaced):
        return True
    if token.text == "(":
        return before.kind == "number" and not token.spaced
    mixed = after is not None and after.text == "/"
    return token.kind == "number" and before.kind == "number" and mixed


def _run(tokens: list[Token], at: int) -> int:
    """Where the expression that starts here ends: behind numbers, signs, constants and units."""
    while at < len(tokens):
        token = tokens[at]
        known = token.kind in ("number", "super") or token.text in _RUN_OPS or token.text in _CONSTANTS
        if not (known or (token.kind == "name" and is_unit(token.text)) or token.text in _VULGAR):
            break
        at += 1
    return at


def _computed(text: str, tokens: list[Token], at: int) -> tuple[float, bool, tuple[Factors, ...], int] | None:
    """A number that has to be worked out, by the reader of maths: its value, whether it is a range, unit, end."""
    end = _run(tokens, at)
    stop = next(
        (
            place
            for place in range(at + 1, end)
            if tokens[place].kind == "name" and tokens[place].text not in _CONSTANTS
        ),
        end,
    )
    factors, end = read_unit(tokens, stop)
    while stop > at and tokens[stop - 1].text in ("(", "-", "*", "+"):
        stop -= 1
    if stop == at or _goes_on(tokens, end):
        return None
    value = _worked_out(text[tokens[at].start : tokens[stop - 1].end])
    if value is None:
        return None
    several = [token.kind if token.kind == "number" else token.text for token in tokens[at:stop]]
    return value, several == ["number", "-", "number"] or "±" in several, factors, end


def _worked_out(text: str) -> float | None:
    if len(text) > _MAX_SUM:
        return None
    try:
        node = read_maths(text).node
        if not all(part.op in _NODES for part in walk(node)):
            return None
        value = exact(node)
        number = complex(numeric(node, {}, 20)) if value is None else complex(float(value))
    except (Unreadable, Undefined, OverflowError):
        return None
    return number.real if not number.imag else None
