"""`solution`: the verdict, and the worked solution."""

from __future__ import annotations

from distil_envs import Episode
from feedback.feedback import Feedback
from feedback.provider import provider
from feedback.providers.binary import verdict


@provider("solution")
def solution(episode: Episode) -> Feedback | None:
    """States the verdict and ``reference["solution"]``; None for a task without one."""
    worked = episode.task.reference.get("solution")
    if worked is None:
        return None
    return Feedback(
        text=f"{verdict(episode)} A worked solution:\n{worked}",
        correction=episode.task.answer,
        reveals_reference=True,
        depends_on=frozenset({episode.rollout_id}),
    )
