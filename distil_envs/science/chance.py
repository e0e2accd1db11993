"""What multiple choice gives away: the floor of every accuracy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from distil_envs.task import Task


@dataclass(frozen=True)
class Chance:
    """Accuracies on a set of multiple-choice tasks that need no knowledge."""

    guess: float
    """Of a uniform guess, expected."""
    commonest: float
    """Of always giving the letter that is right most often."""

    def __str__(self) -> str:
        return f"multiple choice: a guess is right {self.guess:.3f}, the commonest letter {self.commonest:.3f}"


def chance(tasks: Iterable[Task]) -> Chance | None:
    """The floor of these tasks; None where there is no task, or one that is no multiple choice."""
    references = [task.reference for task in tasks]
    if not references or any(reference.get("kind") != "choice" for reference in references):
        return None
    guess = sum(1 / len(reference["options"]) for reference in references) / len(references)
    [(_, most)] = Counter(str(reference["answer"]) for reference in references).most_common(1)
    return Chance(guess, most / len(references))
