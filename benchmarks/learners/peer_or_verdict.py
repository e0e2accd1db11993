"""Feedback as SDPO was published with it."""

from __future__ import annotations

from collections.abc import Sequence

from distil_envs import Episode
from feedback import Feedback
from feedback.providers.binary import binary
from feedback.providers.peer import peer


class PeerOrVerdict:
    """Another rollout's success where the group has one, else the verdict on a failed attempt (arXiv 2601.20802)."""

    name = "peer-or-verdict"

    def __call__(self, episodes: Sequence[Episode]) -> list[Feedback | None]:
        verdicts = [None if e.outcome is None or e.outcome.success else binary([e])[0] for e in episodes]
        return [shown or verdict for shown, verdict in zip(peer(episodes), verdicts, strict=True)]


peer_or_verdict = PeerOrVerdict()
