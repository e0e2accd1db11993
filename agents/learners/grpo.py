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

import torch
from torch import Tensor

from agents.learners.policy_gradient import GroupRelative, group_mean


@dataclass
class GRPO(GroupRelative):
    """Policy gradient on the outcome's reward, normalised within the group."""

    def of_rewards(self, reward: Tensor, valid: Tensor, group: Tensor) -> Tensor:
        return group_advantage(reward, valid, group)


def group_advantage(reward: Tensor, valid: Tensor, group: Tensor) -> Tensor:
    """``(r - mean) / (std + 1e-4)`` within each group [B], over valid rows, with the unbiased std; 0 elsewhere."""
    deviation = torch.where(valid, reward - group_mean(reward, valid, group), 0.0)
    count = ((group[:, None] == group) & valid).sum(1)
    variance = group_mean(deviation**2, valid, group) * count / (count - 1).clamp(min=1)
    return deviation / (variance.sqrt() + 1e-4)
