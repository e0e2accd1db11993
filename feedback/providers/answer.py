"""`answer`: the reference answer, whatever the attempt was."""

from __future__ import annotations

from distil_envs import Episode
from feedback.feedback import Feedback
from feedback.provider import provider


@provider("answer")
def answer(episode: Episode) -> Feedback | None:
    """States the correct answer; None for a task without ``reference["answer"]``.

    Made from the task alone. It does not say whether the attempt was right: a small model copies the answer with more
    certainty when nothing else stands beside it.
    """
    reference = episode.task.reference.get("answer")
    if reference is None:
        return None
    return Feedback(text=f"The correct answer is {reference}.", correction=str(reference), reveals_reference=True)
