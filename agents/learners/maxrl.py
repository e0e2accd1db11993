"""MaxRL: maximum-likelihood reinforcement learning (arXiv 2602.02710).

    A_i  = (r_i - mean(r)) / mean(r)                               over the group; 0 where mean(r) = 0
    loss = -1/N Σ_i A_i Σ_t log π_θ(y_t|s_t)                       on fresh rollouts; N: rollouts learned from

With rewards 0 and 1 it is the mean score of the successes less that of all. Over groups of n rollouts its expectation
is Σ_{k<n} (1-p)^(k-1) ∇p, k from 1, with p the task's pass rate: ∇ log p = ∇p / p, cut off at order n - 1. From the
second pass on the ratios are clipped token by token, as in PPO.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from agents.learners.policy_gradient import GroupRelative, group_mean


@dataclass
class MaxRL(GroupRelative):
    """Policy gradient on the reward relative to the group's mean."""

    mean_over: ClassVar[Literal["tokens", "rollouts"]] = "rollouts"

    def of_rewards(self, reward: Tensor, valid: Tensor, group: Tensor) -> Tensor:
        mean = group_mean(reward, valid, group)
        return torch.where(valid & (mean > 0), (reward - mean) / mean, 0.0)
