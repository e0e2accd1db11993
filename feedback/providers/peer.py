"""`peer`: a correct attempt by another rollout of the same group, as in SDPO (arXiv 2601.20802)."""

from __future__ import annotations

from collections.abc import Sequence

from distil_envs import Episode
from feedback.feedback import Feedback
from feedback.providers.binary import verdict


class PeerProvider:
    """Shows the first *other* successful rollout of the group; None where no other one succeeded.

    Such feedback depends on siblings, so it must stay out of their baselines: it names them in ``depends_on``. Those
    that failed before the chosen one are among them, for had they succeeded, the choice would have been another.
    """

    name = "peer"

    def __call__(self, episodes: Sequence[Episode]) -> list[Feedback | None]:
        return [self._one(episode) for episode in episodes]

    def _one(self, episode: Episode) -> Feedback | None:
        looked_at = {episode.rollout_id}
        for other in episode.siblings:
            if other is episode:
                continue
            looked_at.add(other.rollout_id)
            if other.outcome is not None and other.outcome.success:
                return Feedback(
                    text=f"{verdict(episode)} Another attempt was right:\n{other.attempt.text}",
                    correction=other.attempt.text,
                    source=self.name,
                    reveals_reference=True,
                    depends_on=frozenset(looked_at),
                )
        return None


peer = PeerProvider()
