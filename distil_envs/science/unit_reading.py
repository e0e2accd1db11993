r"""Reads the unit that stands at a place of a text: ``m/s^2``, ``m s⁻²``, ``\frac{\text{m}}{\text{s}^2}``, words."""

from __future__ import annotations

from collections.abc import Sequence

from distil_envs.science.quantity_tokens import Token
from distil_envs.science.unit_names import JOINED, PHRASES, WORD_PREFIXES
from distil_envs.science.units import Factors, is_unit

_MAX_DEPTH = 6
_SQUARES = {"square": 2.0, "sq": 2.0, "cubic": 3.0, "cu": 3.0}
_SQUARED = {"squared": 2.0, "cubed": 3.0}
_NOT_COUNTED = frozenset(("per", "and", "or", "is", "so", "the", "in", "at", "of", "pi", "to"))

_Terms = list[tuple[str, float, float]]
"""Name, power, and the power when everything behind a slash belongs to the denominator."""


def read_unit(tokens: Sequence[Token], at: int) -> tuple[tuple[Factors, ...], int]:
    """The unit that starts at a token, as it can be read (``J/kg K`` in two ways), and the index behind it.

    Nothing and the index itself where no unit starts.
    """
    if at + 1 < len(tokens) and tokens[at].text == "-" and not tokens[at].spaced:
        after = tokens[at + 1]  # a 5-kg block
        if after.kind == "name" and not after.spaced and is_unit(after.text):
            at += 1
    terms, end = _product(tokens, at, 0)
    if not terms:
        return (), at if end == at else end
    left = tuple((name, power) for name, power, _ in terms)
    below = tuple((name, power) for name, _, power in terms)
    if ("ms", -1.0) in left or ("ms", -2.0) in left:  # mostly metres per second, by their dimension
        apart = tuple(part for name, power in left for part in (_apart(power) if name == "ms" else [(name, power)]))
        return (left, apart), end
    return ((left,) if left == below else (left, below)), end


def _apart(power: float) -> list[tuple[str, float]]:
    return [("m", 1.0), ("s", power)]


def _product(tokens: Sequence[Token], at: int, depth: int) -> tuple[_Terms, int]:
    terms: _Terms = []
    below = False
    while at < len(tokens):
        sign, start = _operator(tokens, at, bool(terms))
        if sign is None:
            break
        found = _term(tokens, start, depth, first=not terms and start == at, under=sign < 0 and bool(terms))
        if found is None:
            break
        below = below or sign < 0
        for name, power, other in found[0]:
            if name:
                terms.append((name, sign * power, -other if below else other))
            else:
                terms.append(("", power, power))
        at = found[1]
    return terms, at


def _operator(tokens: Sequence[Token], at: int, inside: bool) -> tuple[float | None, int]:
    """The sign of the next term's power, and where it starts."""
    token = tokens[at]
    after = tokens[at + 1] if at + 1 < len(tokens) else None
    if token.text == "/" or (token.text == "per" and after is not None and after.text != "cent"):
        return -1.0, at + 1
    if inside and token.text == "*":
        return 1.0, at + 1
    if inside and token.text in (".", "-") and not token.spaced:
        joined = after is not None and after.kind == "name" and not after.spaced
        return (1.0, at + 1) if joined else (None, at)
    return 1.0, at


def _term(tokens: Sequence[Token], at: int, depth: int, *, first: bool, under: bool) -> tuple[_Terms, int] | None:
    if at >= len(tokens) or depth > _MAX_DEPTH:
        return None
    token = tokens[at]
    times = 1.0
    if token.text.lower() in _SQUARES and at + 1 < len(tokens):
        times, at = _SQUARES[token.text.lower()], at + 1
        token = tokens[at]
    found: _Terms
    if token.kind == "name":
        name, end = _name(tokens, at, alone=not first)
        if not name:
            return _counted(tokens, at) if first else None
        joined = None if is_unit(name) else JOINED.fullmatch(name)
        if joined:
            power, end = _power(tokens, end)
            both = [(joined[1], 1.0, 1.0), (joined[2], power or 0.0, power or 0.0)]
            return (both, end) if power is not None else None
        found = [(name, 1.0, 1.0)]
    elif token.text == "(":
        found, end = _product(tokens, at + 1, depth + 1)
        if not found or end >= len(tokens) or tokens[end].text != ")":
            return None
        end += 1
    elif token.text == "frac":
        above, end = _braced(tokens, at + 1, depth)
        under_line, end = _braced(tokens, end, depth)
        if not under_line:
            return None
        found = [*above, *((name, -power, -other) for name, power, other in under_line)]
    elif token.kind == "number" and under and float(token.text) > 0:
        return [("", 1 / float(token.text), 0.0)], at + 1
    elif token.text == "1" and first and at + 1 < len(tokens) and tokens[at + 1].text == "/":
        return _term_of_one(tokens, at + 1, depth)
    else:
        return None
    power, end = _power(tokens, end)
    if power is None:
        return None
    return [(name, power * times * a, power * times * b) if name else (name, a, b) for name, a, b in found], end


def _term_of_one(tokens: Sequence[Token], slash: int, depth: int) -> tuple[_Terms, int] | None:
    """``1/s``."""
    found = _term(tokens, slash + 1, depth + 1, first=False, under=False)
    return None if found is None else ([(name, -a, -b) for name, a, b in found[0]], found[1])


def _counted(tokens: Sequence[Token], at: int) -> tuple[_Terms, int] | None:
    """A word for what is counted, before ``per`` or a slash: ``cells/mL``, ``beats per minute``."""
    after = tokens[at + 1] if at + 1 < len(tokens) else None
    word = tokens[at].text.lower()
    if after is None or after.text not in ("/", "per") or len(word) < 2 or word in _NOT_COUNTED:
        return None
    found = _term(tokens, at + 2, 0, first=False, under=False)
    return None if found is None else ([(name, -a, -b) for name, a, b in found[0]], found[1])


def _braced(tokens: Sequence[Token], at: int, depth: int) -> tuple[_Terms, int]:
    if at >= len(tokens) or tokens[at].text != "{":
        return [], at
    if at + 2 < len(tokens) and tokens[at + 1].text == "1" and tokens[at + 2].text == "}":
        return [], at + 3
    found, end = _product(tokens, at + 1, depth + 1)
    if end >= len(tokens) or tokens[end].text != "}":
        return [], at
    return found, end + 1


def _name(tokens: Sequence[Token], at: int, *, alone: bool) -> tuple[str, int]:
    """A unit's name of one or more words, and the index behind it; empty for none. ``alone``: others stand before."""
    for count in (3, 2):
        words = tuple(_singular(token.text) for token in tokens[at : at + count])
        if words in PHRASES:
            return PHRASES[words], at + len(words)
    token = tokens[at]
    after = tokens[at + 1] if at + 1 < len(tokens) else None
    if after is not None and after.kind == "name":
        apart = token.text == "µ" or token.text in WORD_PREFIXES or (after.text == "Ω" and not after.spaced)
        joined = WORD_PREFIXES.get(token.text, token.text) + after.text
        if token.text in WORD_PREFIXES and not is_unit(joined):
            joined = token.text + after.text
        if apart and is_unit(joined):
            return joined, at + 2
    if not is_unit(token.text) and not JOINED.fullmatch(token.text):
        return "", at
    if token.text == "in" and after is not None and (after.spaced or after.kind == "name"):
        return "", at  # the preposition
    if alone and token.spaced and after is not None and after.text == "=":
        return "", at  # a variable: 5 m/s, t = 3 s
    return token.text, at + 1


def _singular(word: str) -> str:
    if len(word) < 3:
        return word
    word = word.lower()
    return word[:-1] if word.endswith("s") and word != "celsius" else word


def _power(tokens: Sequence[Token], at: int) -> tuple[float | None, int]:
    """The power behind a name, 1 for none, and the index behind it; None for one that cannot be read."""
    if at >= len(tokens):
        return 1.0, at
    token = tokens[at]
    if token.kind == "super" and not token.spaced:
        digits = token.text
        return (float(digits), at + 1) if digits.lstrip("+-").isdigit() and len(digits) < 4 else (None, at)
    if token.text.lower() in _SQUARED:
        return _SQUARED[token.text.lower()], at + 1
    if token.text == "^":
        return _exponent(tokens, at + 1)
    digit = at
    if token.text == "-" and not token.spaced:
        digit += 1
    if digit < len(tokens) and tokens[digit].kind == "number" and not tokens[digit].spaced:
        written = tokens[digit].text
        if len(written) == 1:
            return float(written) * (-1 if digit > at else 1), digit + 1
    return 1.0, at


def _exponent(tokens: Sequence[Token], at: int) -> tuple[float | None, int]:
    closing = {"{": "}", "(": ")"}.get(tokens[at].text) if at < len(tokens) else None
    at += closing is not None
    texts = [token.text for token in tokens[at : at + 5]]
    sign = -1.0 if texts[:1] == ["-"] else 1.0
    skipped = int(texts[:1] in (["-"], ["+"]))
    numbers = [token.kind == "number" and len(token.text) < 6 for token in tokens[at + skipped : at + skipped + 3]]
    if not numbers or not numbers[0]:
        return None, at
    value, at = sign * float(texts[skipped]), at + skipped + 1
    if closing and texts[skipped + 1 : skipped + 2] == ["/"] and numbers[2:3] == [True] and float(texts[skipped + 2]):
        value, at = value / float(texts[skipped + 2]), at + 2
    if closing and (at >= len(tokens) or tokens[at].text != closing):
        return None, at
    return value, at + (closing is not None)
