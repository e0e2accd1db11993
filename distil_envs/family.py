"""`Family`: generated tasks with levels. Every level is a finite space of contents, so its size is exact (law 5)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from distil_envs.errors import ConfigError
from distil_envs.spaces import Space
from distil_envs.task import Task

if TYPE_CHECKING:
    import numpy as np

_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True)
class Item:
    """One generated problem."""

    prompt: str
    """What is asked, in plain English and plain ASCII maths."""
    answer: str
    """The reference in plain ASCII maths: ``-3/4``, ``3*x^2 - 2*x``, ``{-3, 5}``, ``(2, -1)``, ``[[1, 2], [3, 4]]``."""
    kind: str
    """``integer``, ``rational``, ``expression``, ``set``, ``tuple`` or ``matrix``."""
    solution: str
    """Worked, one step a line; the last line is ``Answer: <answer>``."""
    content: str
    """Canonical JSON of what is asked, the same for every phrasing and level. It decides the split."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the reference: ``form``, ``variables``, ``modulo_constant``, ``tests``."""


@dataclass(frozen=True)
class Worked:
    """What a question's function makes of its parameters."""

    slots: Mapping[str, Any]
    """Values for the names in the question's phrasings."""
    answer: str
    """See `Item.answer`."""
    kind: str
    """See `Item.kind`."""
    steps: Sequence[str]
    """The solution without its last line."""
    key: Sequence[Any] | None = None
    """Canonical content where it is not simply the parameters, e.g. the coefficients that different levels share."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """See `Item.extra`."""


@dataclass(frozen=True)
class Question:
    """One kind of question with the parameters that it is asked about at one level."""

    name: str
    """Part of the content, so levels that ask the same kind of question use the same name."""
    space: Space
    """Tuples of parameters; different ones make different contents."""
    work: Callable[..., Worked]
    """Called with the elements of one tuple."""
    phrasings: Sequence[str]
    """Format strings over `Worked.slots`. Phrasing is not content."""


class Family:
    """Generated tasks of one kind, from easy (level 1) to demanding.

    A draw is uniform over the level's questions, then over the contents of that question, then over its phrasings. So
    a question with few contents (products of digits) is asked as often as one with many: its contents recur more often.
    """

    domain: ClassVar[str] = "math"

    def __init__(self, name: str, topic: str, levels: Sequence[Sequence[Question]]) -> None:
        self.name = name
        self.topic = topic
        self.levels = range(1, len(levels) + 1)
        self._questions = tuple(tuple(level) for level in levels)

    def __repr__(self) -> str:
        return f"<Family {self.domain}/{self.name}, levels 1-{len(self.levels)}>"

    def questions(self, level: int) -> tuple[Question, ...]:
        """The questions of a level. Raises ConfigError for a level that is not there."""
        if level not in self.levels:
            raise ConfigError(
                f"{self.domain}/{self.name} has levels 1 to {len(self.levels)}, got {level!r}; "
                f"ask for one of them, e.g. {self.domain}/{self.name}@1"
            )
        return self._questions[level - 1]

    def size(self, level: int) -> int:
        """The exact number of distinct contents of a level."""
        return sum(len(question.space) for question in self.questions(level))

    def draw(self, rng: np.random.Generator, level: int) -> Item:
        """One item of a level. The same generator state gives the same item."""
        questions = self.questions(level)
        question = questions[int(rng.integers(len(questions)))]
        index = int(rng.integers(len(question.space)))
        return self._item(question, index, int(rng.integers(len(question.phrasings))))

    def items(self, level: int, phrasing: int = 0) -> Iterator[Item]:
        """Every content of a level once, in a fixed order; ``phrasing`` is taken modulo each question's phrasings."""
        for question in self.questions(level):
            for index in range(len(question.space)):
                yield self._item(question, index, phrasing % len(question.phrasings))

    def reference(self, item: Item) -> dict[str, Any]:
        """The reference of an item's task: what is dear to make and not needed to count items belongs here."""
        return {"answer": item.answer, "kind": item.kind, "solution": item.solution, **item.extra}

    def solution(self, worked: Worked) -> str:
        """The worked solution as text."""
        return "\n".join((*worked.steps, f"Answer: {worked.answer}"))

    def _item(self, question: Question, index: int, phrasing: int) -> Item:
        params = question.space[index]
        worked = question.work(*params)
        return Item(
            prompt=question.phrasings[phrasing].format_map(worked.slots),
            answer=worked.answer,
            kind=worked.kind,
            solution=self.solution(worked),
            content=_encode([self.name, question.name, params if worked.key is None else worked.key]),
            extra=worked.extra,
        )


def make_task(family: Family, level: int, item: Item) -> Task:
    """The task of an item, with the id ``<domain>/<family>/<level>/<12 hex digits of the content's SHA-256>``."""
    digest = hashlib.sha256(item.content.encode()).hexdigest()[:12]
    return Task(
        id=f"{family.domain}/{family.name}/{level}/{digest}",
        domain=family.domain,
        prompt=item.prompt,
        reference=family.reference(item),
        metadata={"family": family.name, "level": level, "topic": family.topic, "content": item.content},
    )


def kind_of(value: int | Fraction) -> str:
    """``integer`` or ``rational``, by value."""
    return "integer" if value == int(value) else "rational"
