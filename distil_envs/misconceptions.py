"""Misconceptions: the wrong answers that typical mistakes lead to, known before anyone makes them.

A task's reference lists them under ``misconceptions`` as dicts with ``name`` (``forgot-square``), ``answer`` (in the
form of the reference's own), ``message`` (what was done wrong, one sentence) and ``step`` (the line of the worked
solution at which it goes wrong, counted from 1). A wrong answer that equals one is named, and that step is shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from distil_envs.outcome import Diagnosis, Span

_SEVERAL = ("list", "set", "tuple")
"""Kinds of references whose answers have items with commas between them."""


def named(
    reference: Mapping[str, Any], span: Span, equals: Callable[[Mapping[str, Any]], bool]
) -> tuple[Diagnosis, ...]:
    """The misconception that a wrong answer is, as one event or none.

    ``span``: where the answer stands. ``equals``: whether it would be right for a reference like this one with the
    answer of a misconception.
    """
    steps = str(reference.get("solution", "")).splitlines()
    for each in reference.get("misconceptions", ()):
        if equals({**reference, "answer": each["answer"]}):
            number = int(each["step"])
            step = steps[number - 1] if number <= len(steps) else ""
            message = f"{each['message']} It goes wrong in this step: {step}" if step else str(each["message"])
            evidence = {"name": each["name"], "step": number}
            return (Diagnosis("misconception", message, evidence, _reveals(reference, each["answer"], message), span),)
    return ()


def _reveals(reference: Mapping[str, Any], wrong: str, message: str) -> bool:
    """Whether a message has the right answer in it, or an item of it that the wrong answer has not."""
    answer = str(reference["answer"])
    told = [answer, *([str(reference["options"][answer])] if "options" in reference else ())]
    if reference.get("kind") in _SEVERAL:
        told += [item for item in _items(answer) if item not in _items(wrong)]
    return any(re.search(rf"(?<![\w.]){re.escape(each)}(?!\w|\.\d)", message) for each in told)


def _items(answer: str) -> list[str]:
    return [item for item in re.split(r"\s*[,;]\s*", answer.strip("(){}[] ")) if item]
