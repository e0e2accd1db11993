"""`ScienceVerifier`: grades an answer of any kind and says how a wrong one is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from distil_envs.answers import READ_CHARS, Answer, find_answer
from distil_envs.errors import ConfigError, TaskError
from distil_envs.grading import guarded
from distil_envs.misconceptions import named
from distil_envs.outcome import Check, Outcome, Span, Status, Trace
from distil_envs.science.judgement import Judgement, Kind, malformed
from distil_envs.science.kinds import kind_of
from distil_envs.science.units import registry
from distil_envs.task import Task

_LINES = 60
_PARTS = 40


@dataclass(frozen=True)
class ScienceVerifier:
    """Verifier for tasks whose reference has a ``kind`` (`distil_envs.science.kinds`) and an ``answer``.

    Where the answer stands: `distil_envs.answers`. A reference may carry ``misconceptions`` (see
    `distil_envs.misconceptions`): a wrong answer that equals one is named. Everything runs in a worker of
    `distil_envs.grading.shared_pool`.
    """

    timeout_s: float = 5.0
    """Seconds of wall time for one completion; one that takes longer has the status ``timeout``."""

    def __post_init__(self) -> None:
        if not 0 < self.timeout_s < math.inf:
            raise ConfigError(f"timeout_s must be a positive number of seconds, got {self.timeout_s}")

    def __call__(self, task: Task, completion: str) -> Outcome:
        return guarded("science", self.timeout_s, _Prepared(), task, completion)


class _Prepared:
    """`grade_science`, of which a worker makes the registry of units as it loads it: that time is no completion's."""

    def __reduce__(self) -> tuple[Callable[[], Callable[[Task, str], Outcome]], tuple[()]]:
        return _prepared, ()

    def __call__(self, task: Task, completion: str) -> Outcome:
        return grade_science(task, completion)


def _prepared() -> Callable[[Task, str], Outcome]:
    registry()
    return grade_science


def grade_science(task: Task, completion: str) -> Outcome:
    """Grade in this process: a pure function without a time limit, see `ScienceVerifier` for one with it.

    Raises TaskError for a reference that cannot be used, and ConfigError when its kind needs a package that is not
    installed.
    """
    kind = kind_of(task.reference)
    answer = find_answer(completion)
    if answer is None:
        judged = malformed("unparsable", "There is no answer.", (0, len(completion)))
        answer = Answer("", (0, len(completion)))
    else:
        judged = _moved(kind.judge(task.reference, answer.text), answer)
    events = judged.events
    if judged.status is Status.WRONG:

        def equals(reference: Mapping[str, Any]) -> bool:
            return kind.judge(reference, answer.text).status is Status.CORRECT

        events = (*named(task.reference, judged.span, equals), *events)
    start, end = judged.span
    checks = _checks(task.reference, kind, completion, judged)
    return Outcome(
        float(judged.status is Status.CORRECT),
        judged.status,
        completion[start:end] or None,
        Trace((*checks, *events)),
    )


def _moved(judged: Judgement, answer: Answer) -> Judgement:
    """With spans that count characters of the completion."""

    def place(span: Span) -> Span:
        if answer.joined:
            return answer.span  # several boxes
        return (answer.span[0] + span[0], answer.span[0] + min(span[1], len(answer.text)))

    events = tuple(replace(event, span=place(event.span)) if event.span else event for event in judged.events)
    return Judgement(judged.status, place(judged.span), events)


def _checks(reference: Mapping[str, Any], kind: Kind, completion: str, judged: Judgement) -> Iterator[Check]:
    same = "".join(completion.split()) == "".join(str(reference["answer"]).split())
    right = judged.status is Status.CORRECT
    readable = judged.status is not Status.MALFORMED
    yield Check("exact", same, "the whole completion is the reference answer")
    yield Check("value-anywhere", right or _anywhere(reference, kind, completion), "the right answer stands somewhere")
    yield Check("format", readable, "an answer could be read", judged.span if readable else None)


def _anywhere(reference: Mapping[str, Any], kind: Kind, completion: str) -> bool:
    found: dict[str, None] = {}
    for line in reversed(completion[-READ_CHARS:].splitlines()[-_LINES:]):
        found |= dict.fromkeys(part for part in kind.parts(line) if part)
        if len(found) >= _PARTS:
            break
    return any(kind.judge(reference, part).status is Status.CORRECT for part in list(found)[:_PARTS])


def check_task(task: Task) -> None:
    """Raises TaskError when the reference of a task cannot be graded: for whoever writes tasks."""
    kind = kind_of(task.reference)
    kind.check(task.reference)
    for each in task.reference.get("misconceptions", ()):
        if kind.judge(task.reference, str(each["answer"])).status is Status.CORRECT:
            raise TaskError(f"task {task.id!r}: the misconception {each['name']!r} gives the right answer")
