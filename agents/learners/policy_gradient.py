"""`PolicyGradient`: the clipped surrogate (PPO, arXiv 1707.06347) under an advantage; `GroupRelative`: from rewards.

    ρ_t  = π_θ(y_t|s_t) / π_old(y_t|s_t)
    loss = -Σ_t min(ρ_t A_t, clip(ρ_t, 1 - ε, 1 + ε_high) A_t)

t runs over the tokens that the policy made in the attempts learned from. On fresh rollouts ρ = 1 and the gradient is
that of -Σ_t A_t log π_θ(y_t|s_t): clipping matters from the second pass on a batch. A learner is a rule for A.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from agents.batch import Batch, Loss, described, masked_sum
from agents.head import Scores
from agents.learners.learner import Learner
from distil_envs.errors import ConfigError


@dataclass
class PolicyGradient(Learner):
    """A subclass gives `advantage`. Alone it is abstract."""

    clip: float = 0.2
    """ε: how far the probability ratio may move before its gradient stops. Matters from the second pass on a batch."""

    def advantage(self, batch: Batch, scores: Scores) -> Tensor:
        """A [B, T]; no gradient flows through it, and where nothing is learned from it does not matter."""
        raise NotImplementedError

    def upper(self) -> float:
        """ε_high."""
        return self.clip

    def denominator(self, batch: Batch) -> float:
        """What the sum over tokens is divided by."""
        return batch.denominator

    def validate(self, group_size: int) -> None:
        del group_size
        if not self.clip > 0:
            raise ConfigError(f"clip must be positive, got {self.clip}")

    def loss(self, batch: Batch) -> Loss:
        m = batch.counted
        scores = batch.scores(m)
        advantage = self.advantage(batch, scores).detach()
        ratio, clipped = clipped_ratio(batch, scores, self.clip, self.upper())
        objective = torch.minimum(ratio * advantage, clipped * advantage)
        return Loss(
            -objective[m].sum() / self.denominator(batch),
            {
                "advantage_abs": masked_sum(advantage.abs(), m),
                "clipped": masked_sum((ratio != clipped).float(), m),
                **described(scores, m),
            },
        )


@dataclass
class GroupRelative(PolicyGradient):
    """A policy gradient on the outcome's reward, compared within the group. A subclass gives `of_rewards`."""

    needs_expert: ClassVar[bool] = False

    def of_rewards(self, reward: Tensor, valid: Tensor, group: Tensor) -> Tensor:
        """The advantage [B] of every token of an episode, from `Batch`'s fields of these names; 0 where not valid."""
        raise NotImplementedError

    def advantage(self, batch: Batch, scores: Scores) -> Tensor:
        return self.of_rewards(batch.reward, batch.valid, batch.group)[:, None].expand_as(batch.ids)

    def validate(self, group_size: int) -> None:
        super().validate(group_size)
        if group_size < 2:
            name = type(self).__name__
            raise ConfigError(f"{name} compares the rollouts of a group, but group_size is 1: raise it to 2 or more")


def clipped_ratio(batch: Batch, scores: Scores, low: float, high: float) -> tuple[Tensor, Tensor]:
    """ρ [B, T], and ρ within [1 - low, 1 + high]; both carry gradients."""
    ratio = (scores.logp - sampled_logp(batch, scores)).exp()
    return ratio, ratio.clamp(1 - low, 1 + high)


def sampled_logp(batch: Batch, scores: Scores) -> Tensor:
    """log π_old(y_t|s_t) [B, T]: without gradient, and that of the policy itself on fresh rollouts."""
    return scores.logp.detach() if batch.old_logp is None else batch.old_logp


def group_mean(values: Tensor, valid: Tensor, group: Tensor) -> Tensor:
    """Mean of `values` [B] over the valid rows of each row's group [B]; 0 where there is none."""
    same = ((group[:, None] == group) & valid).to(values.dtype)
    return same @ torch.where(valid, values, 0.0) / same.sum(1).clamp(min=1)
