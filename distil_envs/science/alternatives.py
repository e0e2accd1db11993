"""Whether two different answers, one after the other in a text, are both offered, or the second replaces the first."""

from __future__ import annotations

import re

from distil_envs.science.wording import offers

_DOUBT = re.compile(r"\b(?:alternatively|could|might|wait|actually)\b|\?", re.I)
_JOINT = re.compile(r"(?:[ \t,;/&+|(){}$*`]|(?:\n\s*)?\band\b|\\[,;!() ]|\\(?:text|quad|mathrm|ce)(?![a-z]))*")


def alternatives(between: str) -> bool:
    """Whether the text between two answers leaves it open which is meant: ``or``, a doubt, or nothing but a comma.

    What comes after other words, or on a new line, replaces what came before: working that goes on.
    """
    return offers(between) or bool(_DOUBT.search(between) or _JOINT.fullmatch(between))
