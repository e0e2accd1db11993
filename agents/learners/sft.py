"""SFT: supervised fine-tuning on corrections, off-policy.

    loss = -Σ_t log π_θ(y*_t|x, y*_<t)                             y*: the corrected response, then the end of the turn

The correction is what the feedback on a rollout holds (`Feedback.correction`). The rollout itself is not learned from:
the states are the correction's, not the policy's.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.learners.imitation import Imitation


@dataclass
class SFT(Imitation):
    """Maximum likelihood of the corrections. It takes a feedback provider that gives them."""

    def corrections(self, step: int) -> float:
        return 1.0
