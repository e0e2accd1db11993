"""Dr. GRPO: GRPO done right (arXiv 2503.20783).

    A_i  = r_i - mean(r)                                           over the group
    loss = -1/N Σ_i 1/L Σ_t min(ρ_t A_i, clip(ρ_t, 1 - ε, 1 + ε) A_i)

Neither divided by the group's standard deviation, which favours tasks that are too easy or too hard, nor by the length
of each response, which favours long failures: L is a constant, N the rollouts of the step that are learned from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from agents.batch import Batch
from agents.learners.policy_gradient import GroupRelative, group_mean
from distil_envs.errors import ConfigError


@dataclass
class DrGRPO(GroupRelative):
    """Policy gradient on the reward less the group's mean, under a constant normaliser."""

    mean_over: ClassVar[Literal["tokens", "rollouts"]] = "rollouts"

    length: int = 512
    """L, in tokens: the budget of a completion is the paper's. It scales the gradient and nothing else."""

    def validate(self, group_size: int) -> None:
        super().validate(group_size)
        if self.length < 1:
            raise ConfigError(f"length must be at least 1 token, got {self.length}")

    def of_rewards(self, reward: Tensor, valid: Tensor, group: Tensor) -> Tensor:
        return torch.where(valid, reward - group_mean(reward, valid, group), 0.0)

    def denominator(self, batch: Batch) -> float:
        return batch.denominator * self.length
