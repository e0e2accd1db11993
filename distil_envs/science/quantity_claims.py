"""Which quantity of a text is its answer, and which others are offered beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from distil_envs.science.alternatives import denied
from distil_envs.science.quantity_reading import Quantity, Text

_HEDGE = frozenset((
    "or", "either", "maybe", "perhaps", "possibly", "alternatively", "might", "could", "vs", "versus", "else",
    "otherwise", "unless",
))  # fmt: skip
_LIST = frozenset((",", ";", "and", "&", "?", "|", "."))
_SAME = frozenset((
    "=", "(", ")", "about", "approximately", "roughly", "approx", "i", "e", "ie", "which", "that", "is", "equals",
    "equivalently",
))  # fmt: skip
_WITHIN = frozenset(("sin", "cos", "tan", "ln", "log", "exp", "sqrt", "/", "*", "+", "^"))
"""What stands before a number that is a part of something larger: ``sin 30° = 0.5`` does not state 30°."""
_BOUNDS = frozenset((
    ("<",), ("below",), ("above",), ("under",), ("twice",), ("less", "than"), ("more", "than"), ("greater", "than"),
    ("at", "most"), ("at", "least"), ("up", "to"), ("half", "of"), ("far", "from"),
))  # fmt: skip
_NOT = frozenset(("not", "isn", "never", "cannot"))
_SKIP = frozenset(("about", "=", "(", "be", "equal", "to", "approximately", "roughly", "exactly", "t", "'", "’"))


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


def claimed(found: Text) -> Claim | None:
    """The last quantity is the answer, save what is denied (``not 5 m``).

    None for a text without one, and for one whose last equals something that cannot be read.
    """
    kept = [each for each in found.quantities if not _denied(found, each)]
    if not kept or (found.unread > 0 and found.tokens[found.unread - 1].text == "="):
        return None
    last = kept[-1]
    rivals: list[Rival] = []
    following = last
    for each in reversed(kept[:-1]):
        how = _connection(found, each, following)
        if not how:
            break
        if not (each.computed and how == "same"):
            if not last.factors and how == "same":
                last = replace(last, factors=each.factors)
            # A bare number shares the unit: 5 or 6 m/s.
            rivals.append(Rival(each if each.factors else replace(each, factors=last.factors), how, each.first == 0))
        following = each
    behind = [token.text.lower() for token in found.tokens[kept[-1].end :]]
    return Claim(last, tuple(rivals), _bound(found, kept[-1]), "or" in behind and behind[:2] != ["or", "so"])


def _connection(found: Text, one: Quantity, other: Quantity) -> str:
    if one.first and found.tokens[one.first - 1].text.lower() in _WITHIN:
        return ""
    words = [token.text.lower() for token in found.tokens[one.end : other.first]]
    if not _HEDGE.isdisjoint(words) or words == ["to"]:
        return "hedge"
    if not one.factors and words == [")"]:
        return ""  # 2) 5 m/s
    if all(word in _LIST for word in words):
        return "list"
    return "same" if all(word in _SAME or word in _LIST for word in words) else ""


def _bound(found: Text, last: Quantity) -> bool:
    words = tuple(token.text.lower() for token in found.tokens[max(0, last.first - 2) : last.first])
    return words[-1:] in _BOUNDS or words in _BOUNDS


def _denied(found: Text, each: Quantity) -> bool:
    if denied("", " ".join(token.text for token in found.tokens[each.end : each.end + 4])):
        return True
    at = each.first - 1
    while at >= 0 and found.tokens[at].text.lower() in _SKIP:
        at -= 1
    return at >= 0 and found.tokens[at].text.lower() in _NOT
