"""Feedback made from rollouts: whose costs belong to whose score.

Two rollouts i and j of one policy; the expert of each has read a first token, its own or its sibling's. With C_ij the
costs of i where j was read, and G the strictly later costs of the same rollout, the exact gradient of E Σ_t C is

    feedback from a sibling:    Σ_t [ ∇c_t + (G_t + Σ_s C_ji,s) ∇ log π(y_t) ]          Σ_s C_ji,s: the sibling's costs
    feedback from itself:       Σ_t [ ∇c_t + (Σ_s C_ii,s) ∇ log π(y_t) ]

G_t alone is biased in both. A leave-one-out baseline changes no expectation where rollouts are independent; here it
shifts the bias, to more or to less. What mends it is to know who was read: baselines leave those rows out
(`Batch.depends_on`), and the exact weight, DistIL's ``charge="full-sum"``, adds the costs that hang on them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.credit import cost_to_go
from agents.theory.claim import Claim, above, near
from agents.theory.world import World, differences, random_tree, relative, table


@dataclass(frozen=True)
class Pair:
    """Every pair of completions (i, j) of a world, with experts that have read a first token."""

    world: World
    theta: Tensor
    """The policy's logits [S, V]."""
    log_p: Tensor
    """float64 [V, S, V], the expert's log-probabilities after each first token that it may have read."""

    def costs(self, theta: Tensor) -> Tensor:
        """C [N, N, T]: the costs of completion i under the expert that has read j's first token."""
        at_state = -(self.log_p.exp() * theta.log_softmax(-1)).sum(-1)  # [V, S]
        return at_state[self.world.ids[:, 0]][:, self.world.states].transpose(0, 1) * self.world.mask[:, None]

    def weights(self, theta: Tensor, *, own: bool) -> Tensor:
        """How often i is drawn and has read j, [N, N]: independently, or i = j where a rollout reads itself."""
        single = self.world.weights(theta)
        return torch.diag(single) if own else single[:, None] * single

    def exact(self, *, own: bool) -> Tensor:
        """The gradient [S, V] of the enumerated objective E Σ_t C, by differences."""
        return differences(lambda each: (self.weights(each, own=own) * self.costs(each).sum(-1)).sum(), self.theta)

    def estimated(self, credit: Tensor, *, own: bool) -> Tensor:
        """Expectation [S, V] of Σ_t [ ∇c_t + credit_ij,t ∇ log π(y_i,t) ], with `credit` [N, N, T]."""
        theta = self.theta.clone().requires_grad_()
        by_token = self.costs(theta) + credit.detach() * self.world.log_q(theta)[:, None]
        surrogate = (self.weights(self.theta, own=own) * by_token.sum(-1)).sum()
        return torch.autograd.grad(surrogate, theta)[0]

    def later(self) -> Tensor:
        """G [N, N, T], the strictly later costs."""
        N, T = self.world.ids.shape
        mask = self.world.mask[:, None].expand(N, N, T).reshape(-1, T)
        return cost_to_go(self.costs(self.theta).reshape(-1, T), 1.0, mask).view(N, N, T)


def errors(vocabulary: int = 3, horizon: int = 3, seed: int = 0) -> dict[str, float]:
    """Relative error of each estimator's expectation."""
    world, _, theta = random_tree(vocabulary, horizon, seed)
    experts = torch.stack([table(len(theta), vocabulary, seed, f"expert of {token}") for token in range(vocabulary)])
    pair = Pair(world, theta, experts.log_softmax(-1))
    costs, later = pair.costs(theta), pair.later()
    whole = costs.sum(-1, keepdim=True).expand_as(costs)
    # The sibling's own later costs at the same position, under the expert that has read *this* rollout.
    baseline = later.transpose(0, 1) * world.mask

    def error(credit: Tensor, *, own: bool) -> float:
        return relative(pair.estimated(credit, own=own), pair.exact(own=own))

    return {
        "sibling: later costs": error(later, own=False),
        "sibling: later costs, leave-one-out baseline": error(later - baseline, own=False),
        "sibling: later costs and the sibling's": error(later + whole.transpose(0, 1), own=False),
        "own trace: later costs": error(later, own=True),
        "own trace: all costs": error(whole, own=True),
    }


def claims(seed: int = 0) -> list[Claim]:
    exact = ("sibling: later costs and the sibling's", "own trace: all costs")
    return [
        near(f"{name}, relative error", value, 0.0, 1e-10)
        if name in exact
        else above(f"{name}, relative error", value, 0.1)
        for name, value in errors(seed=seed).items()
    ]
