"""How much the gradient of one rollout varies, and what the future term adds to that. The one oracle that is sampled.

Student and expert are bigram models over 8 tokens (a table of logits by the token before), the expert being the student
and some noise. A rollout has T tokens and no early end, a group 8 rollouts. The gradient of a rollout is

    Σ_t [ ∇ CE(p_t, q_t) + credit_t ∇ log π(y_t) ]

and its variance the trace of its covariance over rollouts. Without a baseline each token carries the mean cost of all
that follows, and the variance grows like T³. Centred by the other rollouts of the group it grows like T²; discounted or
length-normalised too, like T, as that of local credit does.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from agents.batch import leave_one_out
from agents.credit import cost_to_go
from agents.theory.claim import Claim, above
from agents.theory.world import table
from distil_envs.counted import generator

VOCABULARY, GROUP_SIZE, GROUPS = 8, 8, 128
LENGTHS = (8, 32, 128)
EXPERT_NOISE = 1.0
"""Scale of what is added to the student's logits to make the expert's: a KL of about .2 nats. With a closer expert
(half the scale, .05 nats) the future KL without a baseline is below the future CE with one at T = 8 and 32."""


@dataclass(frozen=True)
class Rollouts:
    """N = GROUPS * GROUP_SIZE rollouts of T tokens, all float64."""

    theta: Tensor
    """The student's logits [V, V], by the token before."""
    log_p: Tensor
    """The expert's log-probabilities [V, V]."""
    states: Tensor
    """int64 [N, T], the token before; 0 before the first."""
    ids: Tensor
    """int64 [N, T]."""

    @property
    def ce(self) -> Tensor:
        """CE(p_t, q_t) [N, T], nats."""
        return -(self.log_p.exp() * self.theta.log_softmax(-1)).sum(-1)[self.states]

    @property
    def kl(self) -> Tensor:
        """KL(p_t ‖ q_t) [N, T], nats."""
        return self.ce + (self.log_p.exp() * self.log_p).sum(-1)[self.states]

    def centred(self, values: Tensor) -> Tensor:
        """`values` [N, T] less the mean of the other rollouts of the group at the same position."""
        group = torch.arange(len(values)) // GROUP_SIZE
        return values - leave_one_out(values, torch.ones_like(values, dtype=torch.bool), group)

    def to_go(self, cost: Tensor, gamma: float = 1.0) -> Tensor:
        """The strictly later costs [N, T]."""
        return cost_to_go(cost, gamma, torch.ones_like(cost, dtype=torch.bool))

    def gradients(self, credit: Tensor) -> Tensor:
        """Of each rollout, [N, V, V], with `credit` [N, T]."""
        q, p = self.theta.softmax(-1)[self.states], self.log_p.exp()[self.states]
        onehot = torch.eye(VOCABULARY, dtype=q.dtype)[self.ids]
        by_token = q - p + credit[..., None] * (onehot - q)
        return torch.eye(VOCABULARY, dtype=q.dtype)[self.states].transpose(1, 2) @ by_token


ESTIMATORS: dict[str, Callable[[Rollouts], Tensor]] = {
    "local": lambda these: torch.zeros_like(these.ce),
    "length-normalised, leave-one-out": lambda these: these.centred(_per_token(these.to_go(these.ce))),
    "γ = .9, leave-one-out": lambda these: these.centred(these.to_go(these.ce, 0.9)),
    "future CE, leave-one-out": lambda these: these.centred(these.to_go(these.ce)),
    "future KL": lambda these: these.to_go(these.kl),
    "future CE": lambda these: these.to_go(these.ce),
}
"""The credit of each token [N, T], from the least variance to the most."""


def _per_token(to_go: Tensor) -> Tensor:
    """The mean of the later costs in the place of their sum."""
    later = torch.arange(to_go.shape[1] - 1, -1, -1)
    return to_go / later.clamp(min=1)


def roll(length: int, seed: int = 0) -> Rollouts:
    """Sampled by inverting the cumulated chances, with draws keyed by seed and length."""
    theta = table(VOCABULARY, VOCABULARY, seed, "student")
    log_p = (theta + EXPERT_NOISE * table(VOCABULARY, VOCABULARY, seed, "noise")).log_softmax(-1)
    draws = torch.from_numpy(generator(seed, "theory rollouts", length).random((GROUPS * GROUP_SIZE, length)))
    cumulated = theta.softmax(-1).cumsum(-1)
    ids = [torch.zeros(len(draws), dtype=torch.long)]
    for t in range(length):
        ids.append((cumulated[ids[-1]] < draws[:, t, None]).sum(-1).clamp(max=VOCABULARY - 1))
    return Rollouts(theta, log_p, torch.stack(ids[:-1], 1), torch.stack(ids[1:], 1))


def variances(length: int, seed: int = 0) -> dict[str, float]:
    """Trace of the covariance of a rollout's gradient, for each of `ESTIMATORS`."""
    these = roll(length, seed)
    return {name: float(these.gradients(credit(these)).var(0).sum()) for name, credit in ESTIMATORS.items()}


def claims() -> list[Claim]:
    rows = []
    for length in LENGTHS:
        found = list(variances(length).items())
        rows += [
            above(f"variance at T = {length}: {name} (over {below})", value, least)
            for (below, least), (name, value) in itertools.pairwise(found)
        ]
    return rows
