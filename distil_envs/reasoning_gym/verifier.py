"""`ReasoningGymVerifier`: the scorers of reasoning-gym, guarded."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from distil_envs.answers import Answer, find_answer, trim
from distil_envs.errors import ConfigError
from distil_envs.grading import guarded
from distil_envs.outcome import Check, Diagnosis, Outcome, Status, Trace
from distil_envs.reasoning_gym.faults import READABLE
from distil_envs.task import Task

_CUT = "*`:;,=$."
"""Signs that `distil_envs.answers` leaves out around an answer; here a sentence may be the answer."""


@dataclass(frozen=True)
class ReasoningGymVerifier:
    """Verifier for the tasks of `distil_envs.loaders.reasoning_gym`.

    Where the answer stands: `distil_envs.answers`, so it has at most 20,000 characters. Right is what its scorer gives
    exactly 1. The scorer is not asked about an answer that repeats the question, nor about one that does not look like
    an answer where looks matter (`distil_envs.reasoning_gym.faults`). It runs in a worker of
    `distil_envs.grading.shared_pool`; a score that is no number from 0 to 1 is an ``infra_error``.
    """

    partial_credit: bool = False
    """Whether the reward is the score. Else it is 1 or 0. The status is the same: partial credit is no success."""
    timeout_s: float = 10.0
    """Seconds of wall time for one completion; one that takes longer has the status ``timeout``. Making the item anew,
    which a worker does once for a task, is part of it."""

    def __post_init__(self) -> None:
        if not 0 < self.timeout_s < math.inf:
            raise ConfigError(f"timeout_s must be a positive number of seconds, got {self.timeout_s}")

    def __call__(self, task: Task, completion: str) -> Outcome:
        answer = find_answer(completion)
        if answer is None:
            return _judged(task, completion, answer, Diagnosis("unparsable", "There is no answer."))
        if _repeats(answer.text, str(task.reference["question"])):
            return _judged(task, completion, answer, Diagnosis("echo", "The answer repeats the question."))
        texts = readings(task, completion, answer)
        if not texts:
            message = "The answer as a whole is not of the form that is asked for."
            return _judged(task, completion, answer, Diagnosis("unparsable", message, span=answer.span))
        value = self._score(task, texts)
        if isinstance(value, Outcome):
            return value
        if value is None:
            message = "The scorer cannot read this answer."
            return _judged(task, completion, answer, Diagnosis("unparsable", message, span=answer.span))
        if value == 1.0:
            return _judged(task, completion, answer)
        wrong = Diagnosis("wrong-value", "This is not the right answer.", {"score": value}, span=answer.span)
        return _judged(task, completion, answer, wrong, value if self.partial_credit else 0.0)

    def _score(self, task: Task, texts: Sequence[str]) -> float | Outcome | None:
        from distil_envs.reasoning_gym.items import score

        reference = task.to_dict()["reference"]
        config = json.dumps(reference["config"], sort_keys=True)
        arguments = (reference["dataset"], config, reference["seed"], reference["question"], texts)
        return guarded("reasoning-gym", self.timeout_s, score, *arguments)


def _repeats(text: str, question: str) -> bool:
    start, end = trim(question, 0, len(question))
    return "".join(text.split()) == "".join(question[start:end].split())


def readings(task: Task, completion: str, answer: Answer) -> list[str]:
    """The answer, also with the signs around it where there are any; those that the scorer may be asked about."""
    start, end = answer.span
    while start and completion[start - 1] in _CUT:
        start -= 1
    while end < len(completion) and completion[end] in _CUT:
        end += 1
    texts = dict.fromkeys((answer.text, answer.text if answer.joined else completion[start:end]))
    pattern = READABLE.get(task.reference["dataset"])
    return [text for text in texts if pattern is None or pattern.fullmatch(text.strip())]


def _judged(
    task: Task, completion: str, answer: Answer | None, fault: Diagnosis | None = None, reward: float | None = None
) -> Outcome:
    readable = fault is None or fault.code != "unparsable"
    status = Status.CORRECT if fault is None else Status.WRONG if readable else Status.MALFORMED
    exact = "".join(completion.split()) == "".join(str(task.reference["answer"]).split())
    checks = (
        Check("exact", exact, "the whole completion is the reference answer"),
        Check("format", readable, "an answer could be read", answer.span if answer and readable else None),
    )
    trace = Trace((*checks, fault) if fault else checks)
    return Outcome(float(fault is None) if reward is None else reward, status, answer.text if answer else None, trace)
