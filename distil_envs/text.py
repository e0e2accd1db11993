"""Untrusted text as part of other text: cut to a length, and put between fences that it does not contain."""

from __future__ import annotations

import re
from collections.abc import Callable

CUT = " […] "
"""Stands where text was cut; its beginning and end are kept."""
CUT_STEP = 16
"""How many characters of the longest text that fits may be lost, so that fewer lengths need trying."""


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters: the beginning and the end, with a mark between."""
    if len(text) <= limit:
        return text
    if limit <= len(CUT):
        return ""
    head = (limit - len(CUT) + 1) // 2
    tail = limit - len(CUT) - head
    return text[:head] + CUT + (text[-tail:] if tail else "")


def fenced(text: str, fence: str = "```", label: str = "") -> str:
    """`text` between two fences that it does not contain; `label` stands behind the first. No fence: the text."""
    if not fence:
        return text
    run = max((len(match) for match in re.findall(re.escape(fence[0]) + "+", text)), default=0)
    edge = fence if fence not in text else fence[0] * max(len(fence), run + 1)
    return f"{edge}{label}\n{text}\n{edge}"


def fitting(render: Callable[[int], list[int]], longest: int, room: int) -> tuple[int, list[int]] | None:
    """The longest text that fits, as its length in characters and its ids; None where not even an empty one does.

    Args:
        render: the ids for a text of at most so many characters.
        longest: characters that are wanted.
        room: ids there is room for.
    """
    ids = render(longest)
    if len(ids) <= room:
        return longest, ids
    fits, ids = 0, render(0)
    if len(ids) > room:
        return None
    too_long = longest
    while too_long - fits > CUT_STEP:
        middle = (fits + too_long) // 2
        longer = render(middle)
        if len(longer) <= room:
            fits, ids = middle, longer
        else:
            too_long = middle
    return fits, ids
