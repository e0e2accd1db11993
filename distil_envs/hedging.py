"""Words beside an answer that change what it says: offers of another, denials, bounds, cases, reasons.

One list for all verifiers. Constants are patterns for `re`, without groups that capture, for words in any case.
"""

from __future__ import annotations

import re

OFFERS = r"\b(?:or|either|maybe|perhaps|possibly)\b"
DOUBTS = r"\b(?:alternatively|could|might|versus|vs|unless|otherwise)\b"
NEGATIONS = (
    r"(?:\b(?:not|never|neither|nor|cannot|except(?:\s+for)?|excluding|(?:other|rather)\s+than|apart\s+from"
    r"|instead\s+of|unlike|(?:all|any|anything|everything|nothing)\s+but)|\b\w{0,9}n['’]t)"
)
"""What rules out the answer behind it."""
REFUSALS = (
    r"(?:(?:is|are|was|were|would\s+be|seems?)\s+(?:certainly\s+|clearly\s+|definitely\s+)?(?:wrong|incorrect|false|impossible"
    r"|excluded|rejected|ruled\s+out|too\s+[a-z]+|(?:only\s+)?an?\s+(?:upper|lower)\s+(?:bound|limit))"
    r"|(?:is|are)(?:\s+not|n['’]t)\s+(?:possible|right|correct|valid|allowed|(?:the|an?)\s+(?:solution|root|answer))"
    r"|do(?:es)?(?:\s+not|n['’]t)\s+(?:work|count|solve|satisfy))"
)
"""What rules out the answer before it."""
_THAN = r"(?:\s+than\s+or\s+equal\s+to)"
BOUNDS = {
    "≥": rf"(?:(?:greater|more|larger|bigger){_THAN}|at\s+least|(?:no|not)\s+(?:less|fewer|smaller)\s+than)",
    "≤": rf"(?:(?:less|smaller|fewer){_THAN}|at\s+most|up\s+to|(?:no|not)\s+(?:more|greater|larger)\s+than)",
    ">": r"(?:(?:greater|more|larger|bigger)\s+than|exceed(?:s|ing))",
    "<": r"(?:less|smaller|fewer)\s+than",
}
"""What makes the answer behind it an end of what it may be; in this order, since some begin like others."""

_OFFERS = re.compile(OFFERS, re.I)
_DOUBTS = re.compile(rf"{OFFERS}|{DOUBTS}", re.I)
_SECOND_THOUGHTS = re.compile(r"\b(?:wait|actually)\b|\?", re.I)
_DENIES = re.compile(rf"{NEGATIONS}\b|\b(?:incorrect|false\s+that)\b", re.I)
_JOINT = re.compile(r"(?:[ \t,;/&+|(){}$*`]|(?:\n\s*)?\band\b|\\[,;!() ]|\\(?:text|quad|mathrm|ce)(?![a-z]))*")
_DRESS = r"[$({`]*$"
_FILL = r"(?:(?:be|equal|to|the|an?|about|approximately|roughly|exactly|=)\s+)*"
_CONTRARY = r"|\bopposite(?:\s+of)?|\b(?:wrong|incorrect|false)\s+to\s+say|\b(?:wrong|incorrect):"
_DENIED = re.compile(rf"(?:{NEGATIONS}{_CONTRARY}|\b(?:no|without))\s+{_FILL}{_DRESS}", re.I)
_DENIED_NEAR = re.compile(rf"(?:{NEGATIONS}{_CONTRARY})\s+[^.;]{{0,15}}$", re.I)
_REFUSED = re.compile(
    r"[\s)\]}$*`\"']{0,6}(?:(?:is|are|was|were|seems?)\s+(?:certainly\s+|clearly\s+|definitely\s+)?not"
    rf"|(?:is|are)n['’]t|(?:cannot|can['’]t)\s+be|{REFUSALS})\b",
    re.I,
)
_BOUNDED = re.compile(
    rf"(?:\b(?:{'|'.join(BOUNDS.values())}|below|above|under|over|beyond|twice|half\s+of|far\s+from)\s+|[<>≤≥≲≳≪≫]=?\s*|\\(?:[lg](?:e|eq|eqslant|t|l|g))(?![a-z])\s*)"
    rf"(?:the\s+)?{_DRESS}",
    re.I,
)
_OR = re.compile(rf"\bor\s+{_DRESS}", re.I)
_CASE = re.compile(
    r"[\s)\]}$*`]{0,6},?\s{0,9}\b(?:when(?:ever)?|if|for|in|at|under|with|without|while|during|as\s+long\s+as)\b", re.I
)
_FALSE_THAT = re.compile(
    r"(?:\b(?:untrue|false|wrong|incorrect|impossible)|(?:\bnot|n['’]t)\s+(?:true|correct|right|the\s+case|think|believe))"
    r"\s+(?:to\s+say\s+)?that\b",
    re.I,
)
_NEW_CLAUSE = re.compile(r"[.!?]\s+\S|;|\b(?:so|but|hence|thus|therefore|then|because|since|rather|instead)\b", re.I)
_NEXT_CLAUSE = re.compile(rf"{_NEW_CLAUSE.pattern}|,|\band\b", re.I)
_REASON = re.compile(r"\b(?:since|because)\b|(?<=,)\s?as\b", re.I)
_NO_REASON = re.compile(
    r"[.:!?;]\s+\S|\n|\b(?:so|but|hence|thus|therefore|then|rather|instead|giv(?:es?|ing)|yields?|get|obtain|answer|wrong|incorrect|false)\b",
    re.I,
)
_BUT_NOT = re.compile(rf"[,;(]\s?(?:and\s|but\s)?{NEGATIONS}\s[^,;()]*\)?$", re.I)
_NEAR = 40


def offers(text: str) -> bool:
    """Whether a text offers several answers: ``or``, ``maybe``."""
    return _OFFERS.search(text) is not None


def offered(text: str) -> list[str]:
    """The pieces between the words that offer several answers."""
    return _OFFERS.split(text)


def doubts(text: str) -> bool:
    """Whether a text offers several answers or casts a doubt: ``or``, ``unless``."""
    return _DOUBTS.search(text) is not None


def denies(text: str) -> bool:
    """Whether a sentence says that something is not so."""
    return _DENIES.search(text) is not None


def alternatives(between: str, after: str = "") -> bool:
    """Whether the text between two answers leaves it open which is meant: ``or``, a doubt, or nothing but a comma; or
    each is for a case of its own, see `cases`.

    What comes after other words, or on a new line, replaces what came before: working that goes on.
    """
    unsure = doubts(between) or _SECOND_THOUGHTS.search(between) or _JOINT.fullmatch(between)
    return bool(unsure) or cases(between, after)


def cases(between: str, after: str) -> bool:
    """Whether two answers are for two cases: ``5 when cold, 6 when hot``."""
    return bool(_CASE.match(between) and _CASE.match(after)) and not re.search(r"[.;\n]", between)


def hanging(before: str, after: str) -> bool:
    """Whether the only answer that could be read stands beside another in words: ``CO2 or carbon monoxide``."""
    return offers(after) or _OR.search(before[-_NEAR:]) is not None


def denied(before: str, after: str = "", *, near: bool = False) -> bool:
    """Whether an answer between these texts is ruled out: ``CO2, not CO``, ``CO is wrong``.

    ``near``: also where a few words stand between (``not the letter B``).
    """
    pattern = _DENIED_NEAR if near else _DENIED
    return pattern.search(before[-_NEAR:]) is not None or _REFUSED.match(after[: 2 * _NEAR]) is not None


def bounded(before: str) -> bool:
    """Whether the answer behind a text is only a bound or a part of what is meant: ``at most 5``, ``twice 5``."""
    return _BOUNDED.search(before[-_NEAR:]) is not None


def contradicted(before: str, answer: str) -> bool:
    """Whether an answer or the sentence that leads to it is said to be false: ``It is false that the answer is 17.``"""
    for text, clause in ((before, _NEXT_CLAUSE), (answer, _NEW_CLAUSE)):
        *_, last = [None, *_FALSE_THAT.finditer(text)]
        if last is not None and clause.search(text, last.end()) is None:
            return True
    return False


def without_reason(text: str) -> str:
    """The text before the reason that it ends in: ``B`` of ``B, since A is too large``.

    All of it where the reason casts a doubt, draws a conclusion or goes on in another sentence.
    """
    match = _REASON.search(text)
    if match is None or doubts(text[match.start() :]) or _NO_REASON.search(text, match.end()):
        return text
    return text[: match.start()].rstrip(" \t\n,;:(–—-") or text


def without_denial(text: str) -> str:
    """The text before the denial of another answer that it ends in: ``fcc`` of ``fcc, not bcc``."""
    match = _BUT_NOT.search(text)
    return text[: match.start()] if match and text[: match.start()].strip() else text
