"""OPD: on-policy distillation from sampled tokens (T. Lu, "On-Policy Distillation", Thinking Machines Lab, 2025).

    A_t  = log p_t(y_t) - log π_old(y_t|s_t)
    loss = -Σ_t min(ρ_t A_t, clip(ρ_t, 1 - ε, 1 + ε) A_t)

One token's log-ratio estimates -KL(q_t ‖ p_t), and on fresh rollouts the expected gradient is that of Σ_t KL(q_t ‖ p_t)
with the states held fixed: each token answers for itself alone (discount 0). It is SDPO's sampled form. The clip is
PPO's, for further passes; the source has none.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from agents.batch import Batch
from agents.head import Scores
from agents.learners.policy_gradient import PolicyGradient, sampled_logp
from distil_envs.errors import ConfigError
from feedback.divergence import FLOOR
from feedback.experts.expert import Knows


@dataclass
class OPD(PolicyGradient):
    """Policy gradient on the expert's log-probability of each token less the student's."""

    def needs_known(self) -> Knows:
        return Knows.PROBABILITIES

    def advantage(self, batch: Batch, scores: Scores) -> Tensor:
        return log_ratio(batch, scores)


def log_ratio(batch: Batch, scores: Scores) -> Tensor:
    """``log p_t(y_t) - log π_old(y_t|s_t)`` [B, T]. Raises ConfigError for `Samples`."""
    if scores.expert_logp is None:
        raise ConfigError(
            "this learner needs the expert's probability of each sampled token, which samples do not give: use CE or "
            "DistIL, or an expert that gives probabilities (TopK or Hidden)"
        )
    return scores.expert_logp.clamp(min=FLOOR) - sampled_logp(batch, scores)
