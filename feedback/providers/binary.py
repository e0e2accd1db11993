"""`binary`: right or wrong, and nothing more. The control that every richer feedback is measured against."""

from __future__ import annotations

from distil_envs import Episode, Status
from feedback.feedback import Feedback
from feedback.provider import provider


@provider("binary")
def binary(episode: Episode) -> Feedback | None:
    """Says whether the answer is right, wrong or unreadable."""
    return Feedback(text=verdict(episode), depends_on=frozenset({episode.rollout_id}))


def verdict(episode: Episode) -> str:
    """One sentence on the last attempt: what was read as its answer, and whether that is right."""
    outcome = episode.outcome
    if outcome is None or outcome.status is Status.INFRA_ERROR:
        raise ValueError("feedback was asked for before the attempt was graded")
    if outcome.status is Status.MALFORMED or outcome.answer is None:
        return "No answer could be read."
    judged = "right" if outcome.success else "wrong"
    named = "The answer" if "\n" in outcome.answer else outcome.answer  # a whole program needs no repeating
    return f"{named} is {judged}."
