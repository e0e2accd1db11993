"""MiniLLM: sequence-level reverse KL by policy gradient (arXiv 2306.08543).

    A_t  = 1/n_t Σ_{i≥t} γ^(i-t) (log p_i(y_i) - log π_old(y_i|s_i))         n_t: terms of the sum (length-normalised)
    loss = -Σ_t min(ρ_t A_t, clip(ρ_t, 1 - ε, 1 + ε) A_t)

i runs over the tokens learned from in the rest of the episode. Without normalisation and at γ = 1 the expected gradient
on fresh rollouts is that of KL(π ‖ p) over whole episodes. The paper normalises, and it takes the term i = t over the
full vocabulary, mixes the expert into the sampling and adds a language-modelling loss; these three are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.batch import Batch
from agents.credit import cost_to_go
from agents.head import Scores
from agents.learners.opd import log_ratio
from agents.learners.policy_gradient import PolicyGradient
from distil_envs.errors import ConfigError
from feedback.experts.expert import Knows


@dataclass
class MiniLLM(PolicyGradient):
    """Policy gradient on all log-ratios to the expert from each token on."""

    gamma: float = 1.0
    """Discount per token of the policy, in [0, 1]. 1 is the paper's."""
    length_normalise: bool = True
    """Divide each sum by the number of its terms, so that long responses do not weigh more."""

    def validate(self, group_size: int) -> None:
        super().validate(group_size)
        if not 0 <= self.gamma <= 1:
            raise ConfigError(f"gamma must be in [0, 1], got {self.gamma}")

    def needs_known(self) -> Knows:
        return Knows.PROBABILITIES

    def advantage(self, batch: Batch, scores: Scores) -> Tensor:
        m = batch.counted
        reward = torch.where(m, log_ratio(batch, scores), 0.0)
        total = reward + self.gamma * cost_to_go(reward, self.gamma, batch.mask)
        if not self.length_normalise:
            return total
        here = m.to(reward.dtype)
        return total / (here + cost_to_go(here, 1.0, batch.mask)).clamp(min=1)
