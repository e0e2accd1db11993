"""Reads one number: digits in any dress, powers of ten, and (by the reader of maths) fractions, roots and sums."""

from __future__ import annotations

import math

from distil_envs.math.reading import read as read_maths
from distil_envs.math.tokens import Unreadable
from distil_envs.math.tree import walk
from distil_envs.math.values import Undefined, exact, numeric
from distil_envs.science.quantity_tokens import Token

MAX_EXPRESSION = 120
"""Longer ones are not worked out, in characters."""
MINUS = ("minus", "negative")

_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "dozen": 12.0}
_NODES = frozenset(("num", "const", "neg", "inv", "add", "mul", "pow", "fact", "root", "call"))


def plain_number(tokens: list[Token], at: int) -> tuple[float, int, int]:
    """The number that starts at a token: value, significant figures (0 for ``10^5``), and the index behind it.

    The index itself where there is no plain number.
    """
    start, sign = at, 1.0
    if at < len(tokens) and (tokens[at].text in ("-", "+", "±") or tokens[at].text.lower() in MINUS):
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
    if not value and written.lower().partition("e")[0].strip("0."):
        value = math.inf  # too small to hold, and no zero
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


def worked_out(text: str) -> float | None:
    """The value of an expression without letters, by the reader of maths; None for everything else."""
    if len(text) > MAX_EXPRESSION:
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
