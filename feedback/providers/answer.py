"""`answer`: right or wrong, and the reference answer."""

from __future__ import annotations

from distil_envs import Episode
from feedback.feedback import Feedback
from feedback.provider import provider
from feedback.providers.binary import verdict


@provider("answer")
def answer(episode: Episode) -> Feedback | None:
    """States the verdict and the correct answer; None for a task without ``reference["answer"]``."""
    reference = episode.task.reference.get("answer")
    if reference is None:
        return None
    return Feedback(
        text=f"{verdict(episode)} The correct answer is {reference}.",
        correction=str(reference),
        reveals_reference=True,
        depends_on=frozenset({episode.rollout_id}),
    )
