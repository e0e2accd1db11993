"""Which costs may charge a token: later ones, and undiscounted if the expected gradient is to have an objective.

A cost at t is known before the token at t is drawn, so as an advantage of that token it has expectation 0:

    E_{a~q} [ c(s) ∇ log q(a|s) ] = c(s) ∇ Σ_a q(a|s) = 0

A field is the gradient of some scalar only if its Jacobian is symmetric. DistIL's expected gradient has such a
Jacobian at γ = w = 1, where it is the gradient of L(θ) = E_{y~π_θ} Σ_t CE(p_t, q_t), and not at γ < 1, nor at w ≠ 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from agents.credit import cost_to_go
from agents.learners import DistIL
from agents.theory.claim import Claim, above, near
from agents.theory.world import World, differences, random_tree, relative


def expected_score(world: World, theta: Tensor, advantage: Tensor) -> Tensor:
    """E Σ_t advantage_t ∇ log π(y_t), [S, V], with `advantage` [N, T]."""
    leaf = theta.clone().requires_grad_()
    surrogate = (world.weights(theta)[:, None] * advantage * world.log_q(leaf)).sum()
    return torch.autograd.grad(surrogate, leaf)[0]


def asymmetry(world: World, theta: Tensor, learner: DistIL) -> float:
    """‖J - Jᵀ‖ / ‖J‖ of the Jacobian J of the learner's expected gradient, by differences."""
    jacobian = differences(lambda each: world.expected_gradient(learner, each), theta)
    flat = jacobian.reshape(theta.numel(), theta.numel())
    return relative(flat.T, flat)


def claims(seed: int = 0) -> list[Claim]:
    world, _, theta = random_tree(3, 3, seed)
    costs = world.costs(theta)
    undiscounted = DistIL(future_weight=1.0, baseline="none")
    error = relative(world.expected_gradient(undiscounted, theta), differences(world.objective, theta))
    same, later = expected_score(world, theta, costs), expected_score(world, theta, cost_to_go(costs, 1.0, world.mask))
    return [
        near("E Σ c_t ∇ log π(y_t), norm: a token's own position", float(same.norm()), 0.0, 1e-12),
        above("E Σ G_t ∇ log π(y_t), norm: later positions", float(later.norm()), 0.01),
        near("DistIL, γ = w = 1, against differences of L, relative", error, 0.0, 1e-8),
        near("asymmetry of its Jacobian", asymmetry(world, theta, undiscounted), 0.0, 1e-7),
        above("the same, γ = .5", asymmetry(world, theta, DistIL(future_weight=1.0, baseline="none", gamma=0.5)), 0.01),
        above("the same, w = .5", asymmetry(world, theta, DistIL(baseline="none", future_weight=0.5)), 0.01),
    ]
