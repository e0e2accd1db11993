"""DAPO: decoupled clip and dynamic sampling (arXiv 2503.14476).

    A_i  = (r_i - mean(r)) / (std(r) + 1e-4)                       over the group
    loss = -Σ_t min(ρ_t A, clip(ρ_t, 1 - ε, 1 + ε_high) A)         a mean over tokens; ε_high > ε keeps exploration

Dynamic sampling: the paper draws tasks until the batch is full of groups whose rewards differ, so the others are in no
sum and no denominator. Here they leave both likewise, but nothing is drawn in their place (a curriculum of success
draws such tasks seldom). The paper's reward shaping of over-long responses is left out: a reward is the verifier's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agents.learners.grpo import GRPO
from distil_envs.errors import ConfigError


@dataclass
class DAPO(GRPO):
    """GRPO with a wider upper clip, over groups that have something to compare."""

    needs_contrast: ClassVar[bool] = True

    clip_high: float = 0.28
    """ε_high: how far the ratio of a token may rise before its gradient stops."""

    def upper(self) -> float:
        return self.clip_high

    def validate(self, group_size: int) -> None:
        super().validate(group_size)
        if not self.clip_high > 0:
            raise ConfigError(f"clip_high must be positive, got {self.clip_high}")
