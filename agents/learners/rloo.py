"""RLOO: REINFORCE with a leave-one-out baseline (arXiv 2402.14740).

    A_i  = r_i - mean of r_j over the other rollouts of the group
    loss = -1/N Σ_i A_i Σ_t log π_θ(y_t|s_t)                       on fresh rollouts; N: rollouts learned from

The baseline is independent of rollout i, so the gradient is unbiased. From the second pass on the ratios are clipped
token by token, as in PPO.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from agents.batch import leave_one_out
from agents.learners.policy_gradient import GroupRelative


@dataclass
class RLOO(GroupRelative):
    """Policy gradient on the reward less the mean of the others."""

    mean_over: ClassVar[Literal["tokens", "rollouts"]] = "rollouts"

    def of_rewards(self, reward: Tensor, valid: Tensor, group: Tensor) -> Tensor:
        return torch.where(valid, reward - leave_one_out(reward, valid, group), 0.0)
