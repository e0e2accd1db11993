"""What an answer kind says of one answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from distil_envs.outcome import Diagnosis, Span, Status


@dataclass(frozen=True)
class Judgement:
    """Spans of this and of its events count characters of the text that was judged."""

    status: Status
    """``correct``, ``wrong``, or ``malformed`` (nothing to compare: unreadable, or two answers at once)."""
    span: Span
    """The part of the text that is the answer; all of it when nothing could be read."""
    events: tuple[Diagnosis, ...] = ()
    """How a wrong or malformed answer is wrong, the most telling first. Empty when correct."""


class Kind(Protocol):
    """One kind of answer: a module of `distil_envs.science.kinds`, stateless and callable from any thread.

    Neither function looks further than its arguments. Both run in a worker that is killed on time-out, so they may
    be slow for an odd answer, but raise only what is said here.
    """

    def check(self, reference: Mapping[str, Any]) -> None:
        """Raises TaskError for a reference that cannot be used: what is wrong, and what was expected."""

    def judge(self, reference: Mapping[str, Any], text: str) -> Judgement:
        """Compare the text that holds the answer (`distil_envs.answers.find_answer`) with ``reference["answer"]``.

        The text may be one sentence around the answer. Raises TaskError as `check` does, and nothing else.
        """

    def parts(self, text: str) -> list[str]:
        """Pieces of a text that could each be an answer, for the search for a right one anywhere. At most 40."""


def correct(span: Span) -> Judgement:
    return Judgement(Status.CORRECT, span)


def wrong(span: Span, *events: Diagnosis) -> Judgement:
    return Judgement(Status.WRONG, span, events or (Diagnosis("wrong-value", "This is not the right answer."),))


def malformed(code: str, message: str, span: Span) -> Judgement:
    """``code``: ``unparsable``, ``hedge`` (two answers at once), or ``missing-…``."""
    return Judgement(Status.MALFORMED, span, (Diagnosis(code, message, span=span),))
