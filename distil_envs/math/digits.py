r"""Numbers as they are written: grouped (``1,234``), scientific (``1e3``), repeating (``0.1\overline{6}``)."""

from __future__ import annotations

import re
from fractions import Fraction

_NUMBER = re.compile(r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+(?![\d.]))?")
_RUN = re.compile(r"\d+(?:(?:,|\{,\}|\\,)\d+)+(?:\.\d+)?")
_GROUPED = re.compile(r"\d{1,3}(?:(?:,|\{,\}|\\,)\d{3})+(?:\.\d+)?")
_SPACED = re.compile(r"\d{1,3}(?: \d{3})+(?:\.\d+)?(?![\d/]|\s+\d|\s*/)")
_BAR = re.compile(r"(\d*)\.(\d*)(?:\\(?:overline|bar|dot)\s*(?:\{\s*(\d+)\s*\}|(\d))|((?:\d[\u0304\u0305])+))")
_BRACKET = re.compile(r"(\d+)\.\((\d+)\)")
_DOTS = re.compile(r"(\d*)\.(\d{2,40})\s*(?:\.\.\.|…|\\[lc]?dots(?![A-Za-z]))")


def number_at(text: str, at: int, *, commas: bool, spaces: bool) -> tuple[str, int]:
    r"""The number that starts at ``at``, for `fractions.Fraction`, and where it ends.

    ``commas`` and ``spaces``: whether these separate groups of three digits (``1{,}234`` and ``1\,234`` always do).
    """
    repeating = _repeating(text, at)
    if repeating:
        return repeating
    match = None
    run = _RUN.match(text, at)
    if run:
        plain_commas = re.search(r"(?<!\{),", run.group()) and not run.group().count("\\,")
        listed = re.search(r"\d,\s*$", text[max(0, at - 4) : at])  # 36,36,108 are three numbers
        if _GROUPED.fullmatch(run.group()) and (not plain_commas or (commas and not listed)):
            match = run
    if match is None and spaces:
        match = _SPACED.match(text, at)
    match = match or _NUMBER.match(text, at)
    assert match is not None
    return re.sub(r"[ ,{}\\]", "", match.group()), match.end()


def _repeating(text: str, at: int) -> tuple[str, int] | None:
    match = _BAR.match(text, at)
    if match:
        return _fraction(match[1], match[2], re.sub(r"\D", "", match[3] or match[4] or match[5])), match.end()
    match = _BRACKET.match(text, at)
    if match:
        return _fraction(match[1], "", match[2]), match.end()
    match = _DOTS.match(text, at)
    period = _period(match[2]) if match else None
    if match and period:
        return _fraction(match[1], match[2], period), match.end()
    return None


def _period(digits: str) -> str | None:
    """What ``0.1666...`` goes on with: digits that stand there three times (two digits or more: twice)."""
    for length in range(1, len(digits) // 2 + 1):
        period = digits[-length:]
        if digits.endswith(period * (3 if length == 1 else 2)):
            return period
    return None


def _fraction(whole: str, before: str, period: str) -> str:
    value = Fraction(int(whole + before or "0"))
    value += Fraction(int(period), 10 ** len(period) - 1)
    return str(value / 10 ** len(before))
