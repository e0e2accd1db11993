"""Which of several answers in a text is meant: the last, unless it is denied or leaves open whether it is."""

from __future__ import annotations

import re

from distil_envs.science.wording import offers

_DOUBT = re.compile(r"\b(?:alternatively|could|might|wait|actually)\b|\?", re.I)
_JOINT = re.compile(r"(?:[ \t,;/&+|(){}$*`]|(?:\n\s*)?\band\b|\\[,;!() ]|\\(?:text|quad|mathrm|ce)(?![a-z]))*")
_DENIED = re.compile(
    r"(?:\b(?:not|no|without|rather than|instead of|unlike|opposite of|(?:wrong|incorrect|false) to say)|n['’]t"
    r"|\b(?:wrong|incorrect):)\s+[$({`]*$",
    re.I,
)
_REFUSED = re.compile(
    r"[\s)\]}$*`\"']{0,6}(?:(?:is|are|was|were|seems?)\s+(?:certainly\s+|clearly\s+)?(?:not|wrong|incorrect|false|impossible)"
    r"|isn['’]t|aren['’]t|cannot\s+be|can['’]t\s+be)\b",
    re.I,
)
_OR = re.compile(r"\bor\s+[$({`]*$", re.I)
_NEAR = 20


def alternatives(between: str) -> bool:
    """Whether the text between two answers leaves it open which is meant: ``or``, a doubt, or nothing but a comma.

    What comes after other words, or on a new line, replaces what came before: working that goes on.
    """
    return offers(between) or bool(_DOUBT.search(between) or _JOINT.fullmatch(between))


def hanging(before: str, after: str) -> bool:
    """Whether the only answer that could be read stands beside another in words: ``CO2 or carbon monoxide``."""
    return offers(after) or _OR.search(before[-_NEAR:]) is not None


def denied(before: str, after: str = "") -> bool:
    """Whether an answer between these texts is ruled out: ``CO2, not CO``, ``CO is wrong``."""
    return _DENIED.search(before[-_NEAR:]) is not None or _REFUSED.match(after[: 3 * _NEAR]) is not None
