"""DistIL: distributional DAgger (arXiv 2606.05152).

Forward cross-entropy to the expert on the states that the current policy visits, and each decision charged with the
disagreement that it leads to:

    c_t  = CE(p_t, q_t)
    G_t  = Σ_{i>t} γ^(i-t-1) sg(c_i)                                  strictly future; γ = 1 is the paper's
    loss = Σ_t m_t [ c_t + w · sg(G_t - b_t) · log π_θ(a_t|s_t) ]      w = `future_weight`; w = 1, b = 0 is the paper's

At γ = w = 1 its expected gradient is that of ``L(θ) = E_{y~π_θ} Σ_t CE(p_t, q_t)`` whenever the feedback depends on no
rollout of the group. Feedback made from the rollout itself (its own trace) makes the strictly-future form biased, with
far lower variance than the exact full sum. w = 0 is the ablation called CE.

With several attempts t runs over the tokens that the policy made, m_t = 1 in the attempts learned from, and p_t has
read the feedback on t's own attempt. What the environment put between neither costs nor discounts:

    G_t  = Σ_{i>t} γ^(n_i-n_t-1) m_i sg(c_i)     n_t: tokens of the policy before t, learned from or not;
                                                 i over the rest of the episode, or of t's attempt (`credit`)

An early decision also leads to the later attempts, so the gradient of L over all attempts is with the sum that crosses
(how the environment answers is part of the dynamics). The one that stops is, at γ = w = 1, the gradient of L with the
way to each attempt held fixed: no attempt learns to spare or to prepare the next.

The baseline comes from other rollouts alone, so it changes no expectation, provided that whether t is learned from does
not hang on what is said from t on. It does hang on it, and the baseline then shifts the expectation, with attempts
counted from the end, or where only failures get feedback.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from agents.batch import Batch, Loss, described, leave_one_out, masked_sum
from agents.head import Scores
from agents.learners.learner import Learner
from distil_envs.errors import ConfigError

Credit = Literal["episode", "attempt"]
Baseline = Literal["leave-one-out", "none"]
Cost = Literal["ce", "kl"]


@dataclass
class DistIL(Learner):
    """Forward cross-entropy to the expert, with future credit."""

    gamma: float = 1.0
    """Discount of future disagreement per token of the policy, in [0, 1]. 1 is the paper's."""
    future_weight: float = 1.0
    """Weight w of the future term. 1 is the paper's; 0 leaves local credit only."""
    credit: Credit = "episode"
    """How far the future term looks: to the end of the episode, or of the attempt."""
    baseline: Baseline = "leave-one-out"
    """What is subtracted from the cost-to-go: the mean over the other rollouts of the group at the same position (the
    n-th token of the policy in the k-th attempt), or nothing. Without one the variance explodes with the length."""
    cost: Cost = "ce"
    """Disagreement in the future term: cross-entropy as in the paper, or KL(p‖q), which does not pay for ending early
    where the expert itself is unsure."""
    divergence_weight: bool = False
    """Weight state t by ρ_t = Π_{s<t} min(1, p_s(y_s)/q_s(y_s)), without gradient: mutes what follows a token that the
    expert would hardly have taken, where a small expert has little to teach. s is in t's attempt. Off in the paper."""

    def validate(self, group_size: int) -> None:
        if not 0 <= self.gamma <= 1:
            raise ConfigError(f"gamma must be in [0, 1], got {self.gamma}")
        if not self.future_weight >= 0:
            raise ConfigError(f"future_weight must not be negative, got {self.future_weight}")
        for name, known in (("credit", Credit), ("baseline", Baseline), ("cost", Cost)):
            if getattr(self, name) not in get_args(known):
                raise ConfigError(f"{name} must be one of {', '.join(get_args(known))}, got {getattr(self, name)!r}")
        if self.baseline == "leave-one-out" and self.future_weight and group_size < 2:
            raise ConfigError(
                "baseline='leave-one-out' needs at least two rollouts per task, but group_size is 1: raise group_size, "
                "or set learner.baseline=none or learner.future_weight=0"
            )

    def loss(self, batch: Batch) -> Loss:
        m = batch.counted
        scores = batch.scores(m)
        cost = (scores.kl if self.cost == "kl" else scores.ce).detach()
        future = cost_to_go(cost, self.gamma, batch.mask, batch.turn if self.credit == "attempt" else None)
        baseline = torch.zeros_like(future)
        if self.baseline == "leave-one-out" and self.future_weight:
            # Out with rows whose feedback was made from this one: their costs depend on its tokens.
            dependent = None if batch.depends_on is None else batch.depends_on.T
            baseline = leave_one_out(future, m, batch.group, dependent, batch.place)
        advantage = -(future - baseline)
        rho = reach(scores, batch.turn) if self.divergence_weight else torch.ones_like(future)
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
                **described(scores, m),
            },
        )


def reach(scores: Scores, turn: Tensor) -> Tensor:
    """``ρ_t = Π_{s<t} min(1, p_s(y_s)/q_s(y_s))`` [B, T], s in the attempt of t (`Batch.turn`, int64 [B, T]).

    An importance weight of the state, from the student's to the expert's visits, clipped token by token. It begins anew
    with each attempt, as the expert does, who has read something else. Raises ConfigError for `Samples`.
    """
    if scores.expert_logp is None:
        raise ConfigError(
            "divergence_weight needs the expert's probability of each token, which samples do not give: switch it off, "
            "or use an expert that gives probabilities (TopK or Hidden)"
        )
    log_ratio = (scores.expert_logp - scores.logp.detach()).clamp(max=0)
    total = torch.zeros_like(log_ratio)
    for attempt in turn.unique():
        own = turn == attempt
        before = torch.nn.functional.pad(torch.where(own, log_ratio, 0.0), (1, -1)).cumsum(-1)
        total = torch.where(own, before, total)
    return total.exp()


def cost_to_go(cost: Tensor, gamma: float, made: Tensor, turn: Tensor | None = None) -> Tensor:
    """``G_t = Σ_{i>t} γ^(n_i-n_t-1) cost_i``, i over tokens of the policy, of which n_t come before t.

    Args:
        cost: [B, T]; does not matter where `made` is false.
        gamma: the discount for each token of the policy.
        made: bool [B, T], which tokens the policy made.
        turn: int64 [B, T]; the sum ends where it changes. None: it ends with the row.

    Returns:
        [B, T]; 0 after the last token of the policy.
    """
    future = torch.zeros_like(cost)
    for t in range(cost.shape[-1] - 2, -1, -1):
        later = torch.where(made[:, t + 1], cost[:, t + 1] + gamma * future[:, t + 1], future[:, t + 1])
        future[:, t] = later if turn is None else torch.where(turn[:, t] == turn[:, t + 1], later, 0.0)
    return future
