"""An episode as text for a terminal."""

from __future__ import annotations

import re

from distil_envs.episode import Episode
from distil_envs.outcome import Check, Diagnosis, Raised, TestResult
from distil_envs.task import Task

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def printable(text: str) -> str:
    r"""The text with control characters written out (``\x1b``), so that a completion cannot drive the terminal."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def render_ansi(task: Task, text: str, episode: Episode | None) -> str:
    """The task, the completion, and with an episode its outcome, diagnosis and feedback."""
    lines = [f"task {task.id} ({task.domain})"]
    lines += [f"[{message['role']}] {message['content']}" for message in task.messages]
    lines.append(f"[completion] {text}")
    if episode is not None and episode.outcome is not None:
        outcome = episode.outcome
        lines.append(f"[outcome] {outcome.status}, reward {outcome.reward:g}, answer {outcome.answer!r}")
        lines += [
            f"  {check.name}: {'passed' if check.passed else 'failed'} {check.detail}"
            for check in outcome.trace.of(Check)
        ]
        lines += [
            f"  {test.name}: {test.status or ('passed' if test.passed else 'failed')} {test.input}"
            for test in outcome.trace.of(TestResult)
        ]
        lines += [f"  {diagnosis.code}: {diagnosis.message}" for diagnosis in outcome.trace.of(Diagnosis)]
        lines += [f"  {raised.type}: {raised.message}" for raised in outcome.trace.of(Raised)]
        if episode.attempt.feedback is not None:
            lines.append(f"[feedback] {episode.attempt.feedback.text}")
    return printable("\n".join(lines))
