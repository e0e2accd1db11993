"""`diagnosis`: how the answer is wrong, from the trace of the verifier."""

from __future__ import annotations

from distil_envs import Diagnosis, Episode
from feedback.feedback import Feedback
from feedback.provider import provider
from feedback.providers.binary import verdict


@provider("diagnosis")
def diagnosis(episode: Episode) -> Feedback | None:
    """States the verdict and the messages of all `Diagnosis` events; without any it says what `binary` says."""
    events: list[Diagnosis] = episode.outcome.trace.of(Diagnosis) if episode.outcome else []
    return Feedback(
        text=" ".join([verdict(episode), *(event.message for event in events)]),
        spans=tuple(event.span for event in events if event.span is not None),
        reveals_reference=any(event.reveals_reference for event in events),
        depends_on=frozenset({episode.rollout_id}),
    )
