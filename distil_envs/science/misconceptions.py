"""Misconceptions of generated tasks; what a reference says of them: `distil_envs.misconceptions`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from distil_envs.outcome import Status
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
