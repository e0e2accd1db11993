"""Which quantity of a text is its answer, and which others are offered beside it."""

from __future__ import annotations

from dataclasses import dataclass

from distil_envs.science.quantity_reading import Quantity, Text

_HEDGE = frozenset(("or", "either", "maybe", "perhaps", "possibly", "alternatively"))
_JOIN = frozenset((
    "=", "(", ")", ",", ";", "/", ":", ".", "and", "i.e", "i", "e", "about", "approximately", "roughly", "ie",
    "which", "is", "equivalently", "approx", "that",
))  # fmt: skip
_NOT = frozenset(("not", "isn't", "never", "cannot", "isn"))
_SKIP = frozenset(("about", "=", "(", ":", "be", "equal", "to", "approximately", "roughly", "exactly"))


@dataclass(frozen=True)
class Claim:
    """The answer of a text."""

    quantity: Quantity
    rivals: tuple[Quantity, ...]
    """Offered beside it: the same quantity in other words, or a hedge."""
    bound: bool
    """Whether it is only a bound: ``< 5 m/s``."""
    start: int
    """Where the first of them starts in the text."""


def claimed(found: Text) -> Claim | None:
    """None for a text without a quantity. The last quantity is the answer, save what is denied (``not 5 m``)."""
    kept = [each for each in found.quantities if not _denied(found, each)]
    if not kept:
        return None
    last = kept[-1]
    rivals: list[Quantity] = []
    following = last
    for each in reversed(kept[:-1]):
        words = [token.text.lower() for token in found.tokens[each.end : following.first]]
        hedged = not _HEDGE.isdisjoint(words) or words == ["to"] or ("could" in words and "be" in words)
        if not hedged and not all(word in _JOIN for word in words):
            break
        if hedged or not (each.computed and "=" in words):
            rivals.append(each)
        following = each
    before = found.tokens[last.first - 1].text if last.first else ""
    than = [token.text.lower() for token in found.tokens[max(0, last.first - 2) : last.first]]
    bound = before == "<" or than in (["less", "than"], ["more", "than"], ["greater", "than"])
    return Claim(last, tuple(rivals), bound, min(each.span[0] for each in (*rivals, last)))


def _denied(found: Text, each: Quantity) -> bool:
    at = each.first - 1
    while at >= 0 and found.tokens[at].text.lower() in _SKIP:
        at -= 1
    return at >= 0 and found.tokens[at].text.lower() in _NOT
