"""Misconceptions: the wrong numbers that typical mistakes lead to, known before anyone makes them.

A task's reference lists them under ``misconceptions`` as dicts with ``name`` (``forgot-square``), ``answer`` (in the
form of the reference's own), ``message`` (what was done wrong, one sentence) and ``step`` (the line of the worked
solution at which it goes wrong, counted from 1). A wrong answer that equals one is named, and that step is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from distil_envs.outcome import Diagnosis, Span, Status
from distil_envs.science.judgement import Kind


@dataclass(frozen=True)
class Misconception:
    """One of a generated task."""

    name: str
    """Part of the diagnosis' evidence: lower case with hyphens, the same for all tasks of a question."""
    answer: str
    """What it leads to, written as the reference answer is."""
    message: str
    """What was done wrong, as one sentence in the past tense with a full stop. Never the right answer."""
    step: int
    """The line of the worked solution where it goes wrong, counted from 1."""


def listed(kind: Kind, reference: Mapping[str, Any], found: Iterable[Misconception]) -> list[dict[str, Any]]:
    """Those that can be told from the right answer and from the ones before them, as the reference lists them."""
    kept: list[dict[str, Any]] = []
    for each in found:
        others = (reference, *({**reference, "answer": known["answer"]} for known in kept))
        if all(kind.judge(other, each.answer).status is Status.WRONG for other in others):
            kept.append(asdict(each))
    return kept


def named(kind: Kind, reference: Mapping[str, Any], text: str, span: Span) -> list[Diagnosis]:
    """The misconception that a wrong answer equals, as a list of one event or none."""
    steps = str(reference.get("solution", "")).splitlines()
    for each in reference.get("misconceptions", ()):
        if kind.judge({**reference, "answer": each["answer"]}, text).status is Status.CORRECT:
            number = int(each["step"])
            step = steps[number - 1] if number <= len(steps) else ""
            shown = f" It goes wrong in this step: {step}" if step else ""
            return [
                Diagnosis(
                    "misconception",
                    f"{each['message']}{shown}",
                    {"name": each["name"], "step": number},
                    reveals_reference=_told(reference) in step,
                    span=span,
                )
            ]
    return []


def _told(reference: Mapping[str, Any]) -> str:
    """What a text that gives the answer away has in it."""
    answer = str(reference["answer"])
    return str((reference.get("options") or {}).get(answer, answer))
