"""An episode as text for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator

from distil_envs.episode import Attempt, Episode
from distil_envs.outcome import Check, Diagnosis, Raised, TestResult, ToolCalled, Trace

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def printable(text: str) -> str:
    r"""The text with control characters written out (``\x1b``), so that a completion cannot drive the terminal."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def render_ansi(episode: Episode, completion: str | None) -> str:
    """The task and every attempt with its outcome, diagnosis and feedback; at last the attempt at hand, if any."""
    lines = [f"task {episode.task.id} ({episode.task.domain})"]
    lines += [f"[{message['role']}] {message['content']}" for message in episode.task.messages]
    for attempt in episode.attempts:
        lines += _attempt(attempt)
    if completion is not None:
        lines.append(f"[completion] {completion}")
    return printable("\n".join(lines))


def _attempt(attempt: Attempt) -> Iterator[str]:
    outcome = attempt.outcome
    trace = Trace() if outcome is None else outcome.trace
    for called in trace.of(ToolCalled):
        yield f"[tool] {called.tool}({called.arguments}): {called.status}: {called.text}"
    yield f"[completion] {attempt.text}"
    if outcome is not None:
        yield f"[outcome] {outcome.status}, reward {outcome.reward:g}, answer {outcome.answer!r}"
    for check in trace.of(Check):
        yield f"  {check.name}: {'passed' if check.passed else 'failed'} {check.detail}"
    for test in trace.of(TestResult):
        yield f"  {test.name}: {test.status or ('passed' if test.passed else 'failed')} {test.input}"
    for diagnosis in trace.of(Diagnosis):
        yield f"  {diagnosis.code}: {diagnosis.message}"
    for raised in trace.of(Raised):
        yield f"  {raised.type}: {raised.message}"
    if attempt.feedback is not None:
        yield f"[feedback] {attempt.feedback.text}"
