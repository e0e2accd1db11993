"""A word, a short phrase or a sequence: ``mitochondria``, ``no solution``, ``ATGC``.

Reference: ``answer``; ``accept``, a list of other spellings that are right. Case, articles, hyphens, white space and
punctuation around it do not count. A sentence is read for what it says in the end (``It is the mitochondria.``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distil_envs.errors import TaskError
from distil_envs.hedging import denies, offers
from distil_envs.math.reading import known_phrase, phrase
from distil_envs.science.judgement import Judgement, correct, malformed, wrong
from distil_envs.science.wording import NOTHING, folded, told, told_each

_LONGEST = 1000


def check(reference: Mapping[str, Any]) -> None:
    """See `distil_envs.science.judgement.Kind.check`."""
    for spelling in _spellings(reference):
        if not _meant(spelling):
            raise TaskError(f"answer {spelling!r} has neither letters nor digits")


def judge(reference: Mapping[str, Any], text: str) -> Judgement:
    """See `distil_envs.science.judgement.Kind.judge`."""
    whole = (0, len(text))
    spellings = _spellings(reference)
    right = {folded(spelling) for spelling in spellings}
    if _is(text, spellings, right):
        return correct(whole)
    if len(text) > _LONGEST:
        return malformed("unparsable", "One word or short phrase is asked for.", whole)
    if not _meant(text):
        return malformed("unparsable", "There is no word.", whole)
    if offers(text) and not any(offers(spelling) for spelling in spellings):
        return malformed("hedge", "Several answers are offered; one is asked for.", whole)
    said = told(text)
    head = text[: text.rfind(said)] if said in text else text
    if _is(said, spellings, right) and not denies(head):
        return correct(whole)
    several = [part for part in said.replace(";", ",").replace("/", ",").split(",") if folded(part)]
    if len(several) > 1 and any(_is(part, spellings, right) for part in several):
        return malformed("hedge", "Several answers are given; one is asked for.", whole)
    return wrong(whole)


def parts(text: str) -> list[str]:
    """See `distil_envs.science.judgement.Kind.parts`."""
    return [] if denies(text) else [told(text), *told_each(text)][:40]


def _meant(text: str) -> bool:
    """Whether there is a letter or digit in it."""
    return any(map(str.isalnum, folded(text)))


def _spellings(reference: Mapping[str, Any]) -> list[str]:
    return [str(reference.get("answer", "")), *map(str, reference.get("accept") or ())]


def _is(text: str, spellings: list[str], right: set[str]) -> bool:
    if folded(text) in right:
        return True
    meaning = "empty" if text.strip() in NOTHING else phrase(text)
    return known_phrase(meaning) and any(phrase(spelling) == meaning for spelling in spellings)
