"""English around an answer, as signs of the same length: ``at least 3`` as ``≥ 3``, ``not 17`` as ``¬ 17``.

``¬`` denies what follows it and `SPOILS` makes what stands before it no single answer (``17 or more``); neither is
mathematics that can be read, so that a bound or a denial is never taken for the value in it.
"""

from __future__ import annotations

import re

from distil_envs.hedging import BOUNDS, DOUBTS, NEGATIONS, OFFERS, REFUSALS, without_reason

DENIES = "¬"
SPOILS = "¿"

_REASONS = (
    "since|because|as|by|with|from|using|where|when|for|in|to|double|triple|twice|simple|repeated|multiplicity|counted|see"
    "|rounded|both|all|note|check"
)
_DOUBTS = re.compile(rf"{OFFERS}|{DOUBTS}|{NEGATIONS}\b|\b(?:no|wait|actually|rather|but)\b", re.I)
_REMARKS = re.compile(
    rf"\((?:{_REASONS})\b[^()]*(?:\([^()]*\)[^()]*)*\)|\\(?:text|mbox|textrm)\{{\s*\((?:{_REASONS})\b[^()]*\)\s*\}}",
    re.I,
)
_CLAUSES = re.compile(
    r",\s*where\b[^.]*$|,?\s*\\text\{[^{}]*\bwhere\b[^{}]*\}.*$"
    r"|,?\s\(?for\s+(?:all|every|any)\s+(?:\w+\s+){0,3}[$\\(]*[a-z]?[$\\).\s]*$",
    re.I | re.S,
)
_MEANING = re.compile(r"[0-9A-Za-zπ∞∅ℝ]")
_VALUE = re.compile(r"[0-9=<>≤≥π∞]")
_PROSE = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{4}")
_IS = r"(?:\b(?:is|are|be)\s+)?(?:strictly\s+)?"
_SIGNS = tuple(
    (re.compile(rf"(?<![\\A-Za-z]){pattern}(?![A-Za-z])", re.I), sign)
    for pattern, sign in (
        (rf"{_IS}{BOUNDS['≥']}", "≥"),
        (rf"{_IS}{BOUNDS['≤']}", "≤"),
        (rf"{_IS}(?:not\s+equal\s+to|different\s+from)", "≠"),
        (rf"{_IS}{BOUNDS['>']}", ">"),
        (rf"{_IS}{BOUNDS['<']}", "<"),
        (
            r"or\s+(?:more|less|fewer|greater|larger|smaller|higher|lower|above|below|else|so)"
            r"|or\s+(?:maybe|perhaps|possibly|even)(?!\s*[-−±+\d\\({\[$.])(?:\s+(?:its|the|an?|some\w*|any\w*))?"
            rf"|or\s+(?:its|the\s+other|another|some(?:thing|\s+other))|{REFUSALS}",
            SPOILS,
        ),
        (rf"(?:{NEGATIONS}|between|almost|nearly)(?:\s+(?:be|equal|in|an?|the)\b)*", DENIES),
    )
)
_REALS = re.compile(
    r"(?:(?:all|every|any|the)\s+){1,3}(?:possible\s+)?real(?:s|\s+(?:numbers?|values?))?(?:\s+(?:of\s+)?[a-z])?(?![A-Za-z])"
    r"(\s*,?\s*(?:except(?:\s+for)?|other\s+than|but(?:\s+not)?|without|excluding|apart\s+from)(?:\s+[a-z]\s*=)?(?![A-Za-z]))?",
    re.I,
)


def without_remarks(text: str) -> str:
    """``17 (since 46 - 29 = 17)``, ``17, since 46 - 29 = 17`` and ``2n, where n is an integer`` without the remark.

    It stays where nothing else would be left, or where it casts a doubt.
    """

    def blank(match: re.Match[str]) -> str:
        return match[0] if _DOUBTS.search(match[0]) else " " * len(match[0])

    for pattern, kept in ((_REMARKS, _MEANING), (_CLAUSES, _VALUE)):
        shorter = pattern.sub(blank, text)
        text = shorter if kept.search(shorter) else text
    shorter = without_reason(text)
    return shorter.ljust(len(text)) if _VALUE.search(shorter) or not _PROSE.search(shorter) else text


def with_signs(text: str) -> str:
    """Comparisons, denials and doubts in words as signs."""
    for pattern, sign in _SIGNS:
        text = pattern.sub(lambda match, sign=sign: sign.ljust(len(match[0])), text)  # type: ignore[misc]
    return text


def with_reals(text: str) -> str:
    """``all real numbers except 2`` as ``ℝ ∖ 2``."""

    def signs(match: re.Match[str]) -> str:
        end = len(match[1] or "")
        return "ℝ".ljust(len(match[0]) - end) + ("∖".ljust(end) if end else "")

    return _REALS.sub(signs, text)
