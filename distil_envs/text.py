"""Untrusted text as part of other text: cut to a length, and put between fences that it does not contain."""

from __future__ import annotations

import re

CUT = " […] "
"""Stands where text was cut; its beginning and end are kept."""


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
