"""Regret is bounded by the forward KL to the expert on the learner's own states.

By the performance-difference lemma, on the states d^π that the learner π visits,

    J(expert) - J(π) = Σ_t E_{s~d^π} Σ_a (p - q)(a|s) Q^expert(s, a)
                     ≤ R_max √( H/2 · Σ_t E_{s~d^π} KL(p_t ‖ q_t) )          Q in [0, R_max]; Pinsker, Jensen
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.theory.claim import Claim, at_most, near
from distil_envs.counted import generator


@dataclass(frozen=True)
class MDPs:
    """N Markov decision processes with H steps, S states and A actions. The reward comes at the end, in [0, 1]."""

    start: Tensor
    """float64 [N, S]."""
    move: Tensor
    """float64 [N, H, S, A, S], chances of the next state."""
    reward: Tensor
    """float64 [N, S], of the last state; R_max = 1."""
    p: Tensor
    """float64 [N, H, S, A], the expert."""
    q: Tensor
    """float64 [N, H, S, A], the learner."""

    def visits(self) -> Tensor:
        """d^π: chances [N, H, S] of the states before each step, under the learner."""
        found = [self.start]
        for t in range(self.move.shape[1] - 1):
            found.append(torch.einsum("ns,nsa,nsau->nu", found[-1], self.q[:, t], self.move[:, t]))
        return torch.stack(found, 1)

    def action_values(self, policy: Tensor) -> Tensor:
        """Q [N, H, S, A] of a policy [N, H, S, A]."""
        value, found = self.reward, []
        for t in range(self.move.shape[1] - 1, -1, -1):
            found.append(torch.einsum("nsau,nu->nsa", self.move[:, t], value))
            value = (policy[:, t] * found[-1]).sum(-1)
        return torch.stack(found[::-1], 1)

    def regret(self) -> Tensor:
        """J(expert) - J(learner), [N], each from its own values."""
        of_expert, of_learner = ((policy * self.action_values(policy))[:, 0].sum(-1) for policy in (self.p, self.q))
        return (self.start * (of_expert - of_learner)).sum(-1)

    def by_difference(self) -> Tensor:
        """The same [N], as the performance-difference lemma has it."""
        advantage = ((self.p - self.q) * self.action_values(self.p)).sum(-1)
        return (self.visits() * advantage).sum((1, 2))

    def bound(self) -> Tensor:
        """The right-hand side of the inequality, [N]."""
        kl = (self.visits() * (self.p * (self.p / self.q).log()).sum(-1)).sum((1, 2))
        return (self.p.shape[1] / 2 * kl).sqrt()


def random_mdps(count: int = 400, horizon: int = 4, states: int = 3, actions: int = 3, seed: int = 0) -> MDPs:
    """Chances are from Dirichlet(½), some close to 0 and 1; the learner is between a random policy and the expert."""
    draw = generator(seed, "theory mdps", horizon, states, actions)

    def simplex(*shape: int) -> Tensor:
        return torch.from_numpy(draw.dirichlet([0.5] * shape[-1], shape[:-1])) + 1e-6

    p, other = (_normalised(simplex(count, horizon, states, actions)) for _ in range(2))
    share = torch.from_numpy(draw.random((count, 1, 1, 1)))
    return MDPs(
        start=_normalised(simplex(count, states)),
        move=_normalised(simplex(count, horizon, states, actions, states)),
        reward=torch.from_numpy(draw.random((count, states))),
        p=p,
        q=share * p + (1 - share) * other,
    )


def tight(edge: float = 1e-3) -> MDPs:
    """One step, two actions of which one wins; the learner tosses a coin, the expert is better by `edge`."""
    better = torch.tensor([0.5 + edge, 0.5 - edge], dtype=torch.float64)
    return MDPs(
        start=torch.tensor([[1.0, 0.0]], dtype=torch.float64),
        move=torch.eye(2, dtype=torch.float64).expand(1, 1, 2, 2, 2),  # action a leads to state a
        reward=torch.tensor([[1.0, 0.0]], dtype=torch.float64),
        p=better.expand(1, 1, 2, 2),
        q=torch.full((1, 1, 2, 2), 0.5, dtype=torch.float64),
    )


def _normalised(chances: Tensor) -> Tensor:
    return chances / chances.sum(-1, keepdim=True)


def claims() -> list[Claim]:
    families = [random_mdps(horizon=horizon) for horizon in (1, 4, 12)]
    worst = max(float((each.regret() / each.bound()).max()) for each in families)
    lemma = max(float((each.regret() - each.by_difference()).abs().max()) for each in families)
    edge = tight()
    return [
        near("regret less the performance-difference lemma, 1200 random MDPs", lemma, 0.0, 1e-12),
        at_most("largest regret / bound over them", worst, 1.0),
        near("the same in one where the bound is tight", float((edge.regret() / edge.bound())[0]), 1.0, 1e-3),
    ]
