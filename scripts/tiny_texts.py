"""What the embedded model `tiny` is trained on: questions in the toy dialects, with and without feedback.

- A bare question with an answer that is often wrong, so that there is something left to learn.
- A question, an attempt, and feedback on it, made by the real verifier, feedback providers and context template, with
  the answer that follows from the feedback. Half of the feedback states another answer than the true one, so that
  reading it is the only way to be right.

No task of the test split is among them, and none tells a true fact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from distil_envs import Attempt, Episode, Task, encode_chat, encode_inert, load_tasks
from distil_envs.counted import generator
from distil_envs.toy import exact_match
from feedback.context import ContextTemplate
from feedback.providers.answer import answer
from feedback.providers.binary import binary
from feedback.providers.peer import peer
from feedback.providers.solution import solution

TASKS = {"rule": "toy/rule@1,toy/rule", "fact": "toy/fact", "function": "toy/function@1,toy/function"}
"""The first level, which is used most, and then all levels."""
BARE = {"rule": 0.8, "fact": 0.3, "function": 0.6}
"""Share of texts without feedback. Few of random digits: there is nothing to learn from them."""
RIGHT = {"rule": 0.3, "fact": 0.0, "function": 0.5}
"""Share of right answers to bare questions, so about the accuracy of samples."""
FALSE = 0.5
"""Share of feedback that states another answer than the true one."""
PROVIDERS = (answer, solution, peer, binary)
CONTEXTS = [
    ContextTemplate(show_attempt=attempt, request=request, fence=fence)
    for attempt in (True, False)
    for request in ("Answer again.", "")
    for fence in ("```", "")
]
"""Ways of putting a teacher's context together; all are read."""
NOISE = {"rule": "0123456789", "fact": "0123456789", "function": "0123456789x+-*()"}
"""Characters of attempts that mean nothing."""


@dataclass(frozen=True)
class Text:
    """What is read, and what is to be said: only the latter is learned."""

    context: list[int]
    answer: list[int]
    """With the EOS."""


class Texts:
    """Texts by number, each a pure function of the seed."""

    def __init__(self, tokenizer: Any, seed: int) -> None:
        self._tokenizer = tokenizer
        self._seed = seed
        self._tasks = {name: load_tasks(spec, "train") for name, spec in TASKS.items()}

    def __getitem__(self, number: int) -> Text:
        rng = generator(self._seed, "tiny-text", number)
        dialect = list(TASKS)[rng.integers(len(TASKS))]
        task = self._draw(dialect, rng)
        if rng.random() < BARE[dialect]:
            return self._text(encode_chat(self._tokenizer, task.messages), self._bare_answer(dialect, task, rng))
        return self._with_feedback(dialect, task, rng)

    def _draw(self, dialect: str, rng: np.random.Generator) -> Task:
        return self._tasks[dialect].draw(self._seed, int(rng.integers(2**32)))

    def _with_feedback(self, dialect: str, task: Task, rng: np.random.Generator) -> Text:
        provider = PROVIDERS[rng.integers(len(PROVIDERS))]
        if dialect == "fact" or (provider is not binary and rng.random() < FALSE):
            task = self._falsified(dialect, task, rng)
        right = str(task.reference["answer"])
        episode = self._episode(task, self._attempt(dialect, task, rng))
        episode.siblings = (self._episode(task, right),)
        feedback = provider([episode])[0]
        if feedback is None:
            raise ValueError(f"provider {provider.name!r} says nothing about task {task.id!r}")
        template = CONTEXTS[rng.integers(len(CONTEXTS))]
        if feedback.depends_on:
            template = replace(template, show_attempt=True)
        return self._text(template.ids(self._tokenizer, episode, feedback), right)

    def _falsified(self, dialect: str, task: Task, rng: np.random.Generator) -> Task:
        """The task with another reference: what its feedback says can then be known from the feedback alone."""
        if dialect == "function":
            return replace(task, reference=self._draw(dialect, rng).reference)
        digits = _digits(task, rng)
        return replace(task, reference={"answer": digits, "solution": digits})

    def _bare_answer(self, dialect: str, task: Task, rng: np.random.Generator) -> str:
        """Right, or wrong in the way of the dialect: a copy, random digits, f(1) taken for the constant."""
        right = str(task.reference["answer"])
        if rng.random() < RIGHT[dialect]:
            return right
        if dialect == "rule":
            return task.text.removesuffix("!")
        if dialect == "fact":
            return _digits(task, rng)
        term = re.match(r"[^(]*x(?=[+-]|$)", right)
        return f"{term[0] if term else 'x*x'}{task.reference['tests'][0][1]:+d}"

    def _attempt(self, dialect: str, task: Task, rng: np.random.Generator) -> str:
        """As the bare model would answer, or right, or the answer to another task, or noise."""
        kind = rng.choice(4, p=(0.5, 0.2, 0.15, 0.15))
        if kind == 0:
            return self._bare_answer(dialect, task, rng)
        if kind == 1:
            return str(task.reference["answer"])
        if kind == 2 and dialect != "fact":  # an answer of another fact would be a true one
            return str(self._draw(dialect, rng).reference["answer"])
        return "".join(rng.choice(list(NOISE[dialect]), size=rng.integers(7)))

    def _episode(self, task: Task, attempt: str) -> Episode:
        ids = (*encode_inert(self._tokenizer, attempt), self._tokenizer.eos_token_id)
        made = Attempt(tuple(encode_chat(self._tokenizer, task.messages)), ids, attempt, exact_match(task, attempt))
        return Episode(task, [made], messages=tuple(task.messages))

    def _text(self, context: list[int], answer: str) -> Text:
        return Text(context, [*encode_inert(self._tokenizer, answer), self._tokenizer.eos_token_id])


def _digits(task: Task, rng: np.random.Generator) -> str:
    """As many random digits as the answer has, but not the answer."""
    right = str(task.reference["answer"])
    while (drawn := "".join(map(str, rng.integers(10, size=len(right))))) == right:
        pass
    return drawn
