"""Numbers in English words: ``twelve``, ``minus twenty-one``, ``two thirds``, ``five and a half``."""

from __future__ import annotations

import re
from fractions import Fraction

_ONES = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PARTS = {
    "half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "eleventh": 11, "twelfth": 12, "twentieth": 20, "hundredth": 100, "thousandth": 1000,
}  # fmt: skip
_DENOMINATORS = _PARTS | {f"{word}s": value for word, value in _PARTS.items()} | {"halves": 2}
_LONGEST = 20


def spelled(text: str) -> Fraction | None:
    """The number that all of ``text`` spells; None for anything else, such as ``a dozen`` or ``one or two``."""
    words = re.sub(r"[-\s]+", " ", text.casefold().strip(" .!")).split()
    if not 0 < len(words) <= _LONGEST:
        return None
    negative = words[0] in ("minus", "negative")
    value = _mixed(words[1:] if negative else words)
    return None if value is None else -value if negative else value


def _mixed(words: list[str]) -> Fraction | None:
    """A number, a fraction, or both joined by ``and``; None where that can be read in two ways."""
    if not words or words[-1] not in _DENOMINATORS:
        whole = _whole(words)
        return None if whole is None else Fraction(whole)
    found = set()
    for start in (0, *(place + 1 for place, word in enumerate(words) if word == "and")):
        above = _whole(["one" if word in ("a", "an") else word for word in words[start:-1]] or ["one"])
        before = _whole(words[: start - 1]) if start else 0
        if above is not None and before is not None:
            found.add(before + Fraction(above, _DENOMINATORS[words[-1]]))
    return found.pop() if len(found) == 1 else None


def _whole(words: list[str]) -> int | None:
    total = group = 0
    last = 10**15  # each part is smaller than the one before it
    for place, word in enumerate(words):
        if word == "and" and 0 < place < len(words) - 1 and words[place - 1] in ("hundred", *_SCALES):
            continue
        if word in _ONES or word in _TENS:
            value = _ONES.get(word, _TENS.get(word, 0))
            if group % 100 and not (group % 10 == 0 and group % 100 >= 20 and 0 < value < 10):
                return None
            group += value
        elif word == "hundred" and 0 < group < 100:
            group *= 100
        elif word in _SCALES and group and _SCALES[word] < last:
            last = _SCALES[word]
            total, group = total + group * last, 0
        else:
            return None
    return total + group if words else None
