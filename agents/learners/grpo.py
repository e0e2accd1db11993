"""GRPO: group-relative policy optimisation (arXiv 2402.03300), on one reward per episode.

    A_i    = (r_i - mean(r)) / (std(r) + 1e-4)                     over the group
    ρ_t    = π_θ(y_t|s_t) / π_old(y_t|s_t)
    loss   = -Σ_t min(ρ_t A, clip(ρ_t, 1 - ε, 1 + ε) A)

t runs over the tokens that the policy made in the attempts learned from: all have the advantage of their episode.
Without a reference-model penalty (β = 0), and normalised by the tokens of the step rather than within each rollout, as
later practice has it (DAPO, arXiv 2503.14476).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from agents.batch import Batch, Loss, masked_sum
from agents.learners.learner import Learner
from distil_envs.errors import ConfigError


@dataclass
class GRPO(Learner):
    """Policy gradient on the outcome's reward, normalised within the group."""

    needs_expert: ClassVar[bool] = False

    clip: float = 0.2
    """ε: how far the probability ratio may move before its gradient stops. Matters from the second pass on a batch."""

    def validate(self, group_size: int) -> None:
        if not self.clip > 0:
            raise ConfigError(f"clip must be positive, got {self.clip}")
        if group_size < 2:
            raise ConfigError("GRPO compares the rollouts of a group, but group_size is 1: raise it to 2 or more")

    def loss(self, batch: Batch) -> Loss:
        m = batch.counted
        scores = batch.scores(m)
        advantage = group_advantage(batch.reward, batch.valid, batch.group)[:, None]
        old = scores.logp.detach() if batch.old_logp is None else batch.old_logp
        ratio = (scores.logp - old).exp()
        clipped = ratio.clamp(1 - self.clip, 1 + self.clip)
        objective = torch.minimum(ratio * advantage, clipped * advantage)
        return Loss(
            -objective[m].sum() / batch.denominator,
            {
                "advantage_abs": masked_sum(advantage.abs().expand_as(m), m),
                "clipped": masked_sum((ratio != clipped).float(), m),
                "entropy": masked_sum(scores.entropy, m),
            },
        )


def group_advantage(reward: Tensor, valid: Tensor, group: Tensor) -> Tensor:
    """``(r - mean) / (std + 1e-4)`` within each group [B], over valid rows, with the unbiased std; 0 elsewhere."""
    same = ((group[:, None] == group) & valid).to(reward.dtype)
    count = same.sum(1)
    reward = torch.where(valid, reward, 0.0)
    mean = same @ reward / count.clamp(min=1)
    # (r_j - mean_i)² summed over the group of i; equal means within a group make this its variance.
    variance = (same * (reward[None, :] - mean[:, None]) ** 2).sum(1) / (count - 1).clamp(min=1)
    return (reward - mean) / (variance.sqrt() + 1e-4) * valid
