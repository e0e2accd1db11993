"""Which quantity of a text is its answer, and which others are offered beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from distil_envs.hedging import bounded, cases, denied, doubts
from distil_envs.science.quantity_reading import Quantity, Text

_LIST = frozenset((",", ";", "and", "&", "?", "|", "."))
_SAME = frozenset((
    "=", "(", ")", "about", "approximately", "roughly", "approx", "i", "e", "ie", "which", "that", "is", "equals",
    "equivalently",
))  # fmt: skip
_WITHIN = frozenset(("sin", "cos", "tan", "ln", "log", "exp", "sqrt", "/", "*", "+", "^"))
"""What stands before a number that is a part of something larger: ``sin 30° = 0.5`` does not state 30°."""
_GOES_ON = re.compile(r"(?!\W*or\s+so\b).*\bor\b", re.I | re.S)
_CONDITION = re.compile(
    r"\s*(?:after|at|in|for|within|when|if|during|over)\s(?:(?:the|a|an|time|about|exactly)\s|[A-Za-zΔ]\w{0,2}\s?=)*\s*$"
)
"""What stands between a quantity and that at which it holds: ``12.5 m/s after 3 s``."""


@dataclass(frozen=True)
class Rival:
    """A quantity that is offered beside the answer."""

    quantity: Quantity
    how: str
    """``hedge`` (``5 or 6 m``), ``list`` (``5 m, 6 m``), or ``same`` (``5 m = 500 cm``)."""
    opens: bool
    """Whether the text starts with it."""


@dataclass(frozen=True)
class Claim:
    """The answer of a text."""

    quantity: Quantity
    rivals: tuple[Rival, ...]
    """From the last to the first."""
    bound: bool
    """Whether it is only a bound: ``< 5 m/s``."""
    goes_on: bool
    """Whether something else is offered behind it: ``5 m/s or km/h``."""


def claimed(found: Text, text: str) -> Claim | None:
    """The last quantity of a text that was read is the answer, save what is denied (``not 5 m``).

    None for a text without one, and for one whose last equals something that cannot be read.
    """
    kept = [each for each in found.quantities if not denied(text[: each.span[0]], text[each.span[1] :])]
    if not kept or (found.unread > 0 and found.tokens[found.unread - 1].text == "="):
        return None
    if len(kept) == 2 and kept[0].factors and not text[: kept[0].span[0]].strip(" $(\\"):
        between, behind = text[kept[0].span[1] : kept[1].span[0]], text[kept[1].span[1] :]
        if _CONDITION.match(between) and not behind.strip(" $).\\"):
            return Claim(kept[0], (), bound=False, goes_on=False)
    last = kept[-1]
    rivals: list[Rival] = []
    following = last
    for each in reversed(kept[:-1]):
        how = _connection(found, text, each, following)
        if not how:
            break
        if not (each.computed and how == "same"):
            if not last.factors and how == "same":
                last = replace(last, factors=each.factors)
            # A bare number shares the unit: 5 or 6 m/s.
            rivals.append(Rival(each if each.factors else replace(each, factors=last.factors), how, each.first == 0))
        following = each
    behind = text[kept[-1].span[1] :]
    return Claim(last, tuple(rivals), bounded(text[: kept[-1].span[0]]), _GOES_ON.match(behind) is not None)


def _connection(found: Text, text: str, one: Quantity, other: Quantity) -> str:
    if one.first and found.tokens[one.first - 1].text.lower() in _WITHIN:
        return ""
    words = [token.text.lower() for token in found.tokens[one.end : other.first]]
    between = text[one.span[1] : other.span[0]]
    if doubts(between) or words == ["to"] or cases(between, text[other.span[1] :]):
        return "hedge"
    if not one.factors and words == [")"]:
        return ""  # 2) 5 m/s
    if all(word in _LIST for word in words):
        return "list"
    return "same" if all(word in _SAME or word in _LIST for word in words) else ""
