"""Which of several answers in a text is meant: the last, unless it is denied or leaves open whether it is."""

from __future__ import annotations

import re

from distil_envs.science.wording import offers

_DOUBT = re.compile(r"\b(?:alternatively|could|might|wait|actually)\b|\?", re.I)
_JOINT = re.compile(r"(?:[ \t,;/&+|(){}$*`]|(?:\n\s*)?\band\b|\\[,;!() ]|\\(?:text|quad|mathrm|ce)(?![a-z]))*")
_DENIED = re.compile(r"(?:\bnot|n['’]t|rather than|instead of|unlike)\s+[$({`]*$", re.I)
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


def denied(before: str) -> bool:
    """Whether an answer after this text is ruled out: ``CO2, not CO``."""
    return _DENIED.search(before[-_NEAR:]) is not None
