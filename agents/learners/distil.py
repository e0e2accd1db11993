"""DistIL: distributional DAgger (arXiv 2606.05152).

Forward cross-entropy to the expert on the states that the current policy visits, and each decision charged with the
disagreement that it leads to:

    c_t  = CE(p_t, q_t)
    G_t  = Σ_{i>t} γ^(n_i-n_t-1) sg(c_i)                              strictly future; γ = 1 is the paper's
    loss = Σ_t m_t ρ_t [ c_t + w · sg(G_t - b_t) · log π_θ(a_t|s_t) ]  w: `future_weight`; w = ρ = 1, b = 0 the paper's

At γ = w = 1 its expected gradient is, up to the normaliser, that of ``L(θ) = E_{y~π_θ} Σ_t CE(p_t, q_t)``, if the
feedback depends on no rollout of the group; w = 0 is the ablation called CE. Feedback made from rollouts makes costs
hang on their tokens, which `charge` can count in. On further passes the future term has PPO's clipped ratio, of
advantage -w (G_t - b_t).

t runs over the tokens that the policy made (n_t: how many before t), m_t = 1 in the attempts learned from, and p_t has
read the feedback on t's own attempt. What the environment put between neither costs nor discounts. The sum that crosses
attempts (`credit`) is the gradient over all of them; the other one that with the way to each attempt held fixed.

The baseline comes from other rollouts alone, so it changes no expectation, provided that whether t is learned from does
not hang on what is said from t on. It does, and shifts it, with attempts counted from the end, or feedback on failures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from agents.batch import Batch, Loss, described, leave_one_out, masked_sum
from agents.credit import charged, shares_costs, state_weight
from agents.learners.learner import Learner
from agents.learners.policy_gradient import clipped_ratio
from agents.options import require_choices
from distil_envs.errors import ConfigError
from feedback.experts.expert import Knows


@dataclass
class DistIL(Learner):
    """Forward cross-entropy to the expert, with future credit."""

    gamma: float = 1.0
    """Discount of future disagreement per token of the policy, in [0, 1]. 1 is the paper's."""
    future_weight: float = 0.1
    """Weight w of the future term. 1 is the paper's, and exact; 0 leaves local credit only. The default is measured: no
    weight was best on every task (docs/learners.md), and on SmolLM2 those from 0.3 on collapsed (README)."""
    credit: Literal["episode", "attempt"] = "episode"
    """How far the future term looks: to the end of the episode, or of the attempt."""
    charge: Literal["strictly-future", "full-sum"] = "strictly-future"
    """What a token is charged with: the costs after it, or all that hang on it, by what the feedback was made from
    (exact, of far higher variance)."""
    length_normalise: bool = False
    """Divide G_t by the number of its terms: the mean of the costs to come, which does not pay for ending early."""
    baseline: Literal["leave-one-out", "none"] = "leave-one-out"
    """b: the mean of G over the other rollouts of the group at the same position (the n-th token of the policy in the
    k-th attempt), or nothing. Without one the variance explodes with the length."""
    cost: Literal["ce", "kl"] = "ce"
    """c in the future term: cross-entropy as in the paper, or KL(p‖q), which does not pay for ending early where the
    expert itself is unsure."""
    clip: float = 0.2
    """ε of the clipped ratio in the future term. Matters from the second pass on a batch."""
    divergence_weight: Literal["none", "raw", "normalised"] = "none"
    """ρ_t = Π_{s<t} min(1, p_s(y_s)/q_s(y_s)), s in t's attempt: mutes what follows a token that the expert would
    hardly have taken, where a small expert has little to teach. `normalised` scales it to a mean of 1 in each group."""

    def validate(self, group_size: int) -> None:
        require_choices(self, "learner.")
        if not 0 <= self.gamma <= 1:
            raise ConfigError(f"gamma must be in [0, 1], got {self.gamma}")
        if not self.future_weight >= 0:
            raise ConfigError(f"future_weight must not be negative, got {self.future_weight}")
        if not self.clip > 0:
            raise ConfigError(f"clip must be positive, got {self.clip}")
        if self.charge == "full-sum" and (self.gamma != 1 or self.length_normalise or self.credit != "episode"):
            raise ConfigError(
                "charge=full-sum is the exact weight, which gamma below 1, length_normalise and credit=attempt are "
                "not: leave them as they are, or use charge=strictly-future"
            )
        if self.baseline == "leave-one-out" and self.future_weight and group_size < 2:
            raise ConfigError(
                "baseline=leave-one-out needs at least two rollouts per task, but group_size is 1: raise group_size, "
                "or set learner.baseline=none or learner.future_weight=0"
            )

    def needs_known(self) -> Knows:
        return Knows.SAMPLES if self.cost == "ce" and self.divergence_weight == "none" else Knows.KEPT

    def loss(self, batch: Batch) -> Loss:
        m, full = batch.counted, self.charge == "full-sum"
        scores = batch.scores(m)
        cost = (scores.kl if self.cost == "kl" else scores.ce).detach()
        future = charged(
            cost, batch, self.gamma, within_attempt=self.credit == "attempt", full=full, mean=self.length_normalise
        )
        baseline, rho, metrics = torch.zeros_like(future), torch.ones_like(future), {}
        if self.baseline == "leave-one-out" and self.future_weight:
            shared = shares_costs(batch.depends_on, full=full)
            baseline = leave_one_out(future, m, batch.group, shared, batch.place)
            compared = leave_one_out(torch.ones_like(future), m, batch.group, shared, batch.place)
            metrics["with_baseline"] = masked_sum(compared, m)
        if self.divergence_weight != "none":
            rho = state_weight(batch, scores, normalised=self.divergence_weight == "normalised")
            metrics["divergence_weight"] = masked_sum(rho, m)
        advantage = -self.future_weight * (future - baseline)
        ratio, clipped = clipped_ratio(batch, scores, self.clip, self.clip)
        local = (rho * scores.ce)[m].sum()
        credit = -(rho * torch.minimum(ratio * advantage, clipped * advantage))[m].sum()
        metrics |= {
            "ce": masked_sum(scores.ce, m),
            "future_cost": masked_sum(future, m),
            "future_to_local": (float((rho * advantage.abs())[m].sum()), float(local.detach())),
            **described(scores, m),
        }
        return Loss((local + credit) / batch.denominator, metrics)
