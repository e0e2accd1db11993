"""`peer`: a correct attempt by another rollout of the same group, as in SDPO (arXiv 2601.20802)."""

from __future__ import annotations

from collections.abc import Sequence

from distil_envs import Episode
from feedback.feedback import Feedback
from feedback.providers.binary import verdict


class PeerProvider:
    """Shows the first *other* successful rollout of the group; None where no other one succeeded.

    Such feedback depends on a sibling, so baselines must leave that sibling's costs out: it says so in
    ``depends_on``.
    """

    name = "peer"

    def __call__(self, episodes: Sequence[Episode]) -> list[Feedback | None]:
        return [self._one(episode) for episode in episodes]

    def _one(self, episode: Episode) -> Feedback | None:
        for other in episode.siblings:
            if other is not episode and other.outcome is not None and other.outcome.success:
                return Feedback(
                    text=f"{verdict(episode)} Another attempt was right:\n{other.attempt.text}",
                    correction=other.attempt.text,
                    source=self.name,
                    reveals_reference=True,
                    depends_on=frozenset({episode.rollout_id, other.rollout_id}),
                )
        return None


peer = PeerProvider()
