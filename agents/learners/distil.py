"""DistIL: distributional DAgger (arXiv 2606.05152).

Forward cross-entropy to the expert on the states that the current policy visits, and each decision charged with the
disagreement that it leads to:

    c_t  = CE(p_t, q_t)
    G_t  = Σ_{i>t} γ^(i-t-1) sg(c_i)                                  strictly future; γ = 1 is the paper's
    loss = Σ_t m_t [ c_t + w · sg(G_t - b_t) · log π_θ(a_t|s_t) ]      w = `future_weight`; w = 1, b = 0 is the paper's

At γ = w = 1 its expected gradient is that of ``L(θ) = E_{y~π_θ} Σ_t CE(p_t, q_t)`` whenever the feedback depends on no
rollout of the group. Feedback made from the rollout itself (its own trace) makes the strictly-future form biased, with
far lower variance than the exact full sum. w = 0 is the ablation called CE.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from agents.batch import Batch, Loss, leave_one_out, masked_sum
from agents.head import Scores
from agents.learners.learner import Learner
from distil_envs.errors import ConfigError

Baseline = Literal["leave-one-out", "none"]
Cost = Literal["ce", "kl"]


@dataclass
class DistIL(Learner):
    """Forward cross-entropy to the expert, with future credit."""

    gamma: float = 1.0
    """Discount of future disagreement per token, in [0, 1]. 1 is the paper's."""
    future_weight: float = 1.0
    """Weight w of the future term. 1 is the paper's; 0 leaves local credit only."""
    baseline: Baseline = "leave-one-out"
    """What is subtracted from the cost-to-go: the mean over the other rollouts of the group at the same position, or
    nothing. Without one the variance explodes with the length."""
    cost: Cost = "ce"
    """Disagreement in the future term: cross-entropy as in the paper, or KL(p‖q), which does not pay for ending early
    where the expert itself is unsure."""
    divergence_weight: bool = False
    """Weight state t by ρ_t = Π_{s<t} min(1, p_s(y_s)/q_s(y_s)), without gradient: mutes what follows a token that the
    expert would hardly have taken, where a small expert has little to teach. Off in the paper."""

    def validate(self, group_size: int) -> None:
        if not 0 <= self.gamma <= 1:
            raise ConfigError(f"gamma must be in [0, 1], got {self.gamma}")
        if not self.future_weight >= 0:
            raise ConfigError(f"future_weight must not be negative, got {self.future_weight}")
        for name, known in (("baseline", get_args(Baseline)), ("cost", get_args(Cost))):
            if getattr(self, name) not in known:
                raise ConfigError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        if self.baseline == "leave-one-out" and self.future_weight and group_size < 2:
            raise ConfigError(
                "baseline='leave-one-out' needs at least two rollouts per task, but group_size is 1: raise group_size, "
                "or set learner.baseline=none or learner.future_weight=0"
            )

    def loss(self, batch: Batch) -> Loss:
        m = batch.counted
        scores = batch.scores(m)
        cost = (scores.kl if self.cost == "kl" else scores.ce).detach()
        future = cost_to_go(cost, self.gamma)
        baseline = torch.zeros_like(future)
        if self.baseline == "leave-one-out" and self.future_weight:
            # Out with rows whose feedback was made from this one: their costs depend on its tokens.
            dependent = None if batch.depends_on is None else batch.depends_on.T
            baseline = leave_one_out(future, m, batch.group, dependent)
        advantage = -(future - baseline)
        rho = reach(scores) if self.divergence_weight else torch.ones_like(future)
        # ce and logp are 0 outside m, so these are the sums over it.
        local = (rho * scores.ce).sum()
        credit = -(rho * self.future_weight * advantage * scores.logp).sum()
        return Loss(
            (local + credit) / batch.denominator,
            {
                "ce": masked_sum(scores.ce, m),
                "future_cost": masked_sum(future, m),
                "divergence_weight": masked_sum(rho, m),
                "future_advantage_abs": masked_sum(advantage.abs(), m),
                "entropy": masked_sum(scores.entropy, m),
                **({} if scores.expert_entropy is None else {"expert_entropy": masked_sum(scores.expert_entropy, m)}),
            },
        )


def reach(scores: Scores) -> Tensor:
    """``ρ_t = Π_{s<t} min(1, p_s(y_s)/q_s(y_s))`` [B, T]. Raises ConfigError for `Samples`.

    An importance weight of the state, from the student's to the expert's visits, clipped token by token.
    """
    if scores.expert_logp is None:
        raise ConfigError(
            "divergence_weight needs the expert's probability of each token, which samples do not give: switch it off, "
            "or use an expert that gives probabilities (TopK or Hidden)"
        )
    log_ratio = (scores.expert_logp - scores.logp.detach()).clamp(max=0)
    return torch.nn.functional.pad(log_ratio, (1, -1)).cumsum(-1).exp()


def cost_to_go(cost: Tensor, gamma: float) -> Tensor:
    """``G_t = Σ_{i>t} γ^(i-t-1) cost_i`` along the last dimension of [B, T]; 0 at the last position."""
    future = torch.zeros_like(cost)
    for t in range(cost.shape[-1] - 2, -1, -1):
        future[..., t] = cost[..., t + 1] + gamma * future[..., t + 1]
    return future
