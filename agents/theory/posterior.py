"""Cross-entropy to the success posterior is the gradient of log V.

V(s) is the policy's chance of success from s, Q(s, a) that after a. The posterior of the next token, given success, is
p ∝ π Q, and a change of the logits at s alone gives ∇ log V(s) = p - π, minus the logit gradient of CE(p, π). Over the
completions that succeed, Σ_t (p_t - π_t) in expectation is the whole ∇ log V of the first state. For any other p

    log V(s) ≥ E_p log π + E_p log Q + H(p)          tight at p ∝ π Q
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from agents.learners import CE
from agents.theory.claim import Claim, above, near
from agents.theory.world import World, differences, random_tree, relative
from distil_envs.counted import generator


def successes(world: World, seed: int = 0) -> Tensor:
    """The chance that each completion is right, float64 [N]; positive, so that every state has a posterior."""
    return torch.from_numpy(generator(seed, "theory success").beta(0.3, 0.6, len(world.ids))).clamp(min=1e-3)


def log_value(world: World, theta: Tensor, success: Tensor) -> Tensor:
    """log V of the first state."""
    return (world.weights(theta) * success).sum().log()


def chances_to_win(world: World, theta: Tensor, success: Tensor) -> Tensor:
    """π(a|s) Q(s, a) for every state and token [S, V]: the chance, at s, to say a and then succeed."""
    states, ids = world.states[world.mask], world.ids[world.mask]
    weight = world.weights(theta)[:, None].expand_as(world.mask)[world.mask]
    won = (world.weights(theta) * success)[:, None].expand_as(world.mask)[world.mask]
    reached = torch.zeros(len(theta), dtype=theta.dtype).index_put((states,), weight, accumulate=True)
    return torch.zeros_like(theta).index_put((states, ids), won, accumulate=True) / reached[:, None]


def posterior_gradient(world: World, theta: Tensor, success: Tensor) -> Tensor:
    """Minus the expected gradient [S, V] of the learner `CE` to the posterior, on completions drawn from it."""
    joint = chances_to_win(world, theta, success)
    p = joint / joint.sum(-1, keepdim=True)
    given = success / (world.weights(theta) * success).sum()
    successful = replace(world, log_p=p.log()[world.states], chance=given)
    return -successful.expected_gradient(CE(), theta)


def bound(p: Tensor, joint: Tensor) -> Tensor:
    """E_p log π + E_p log Q + H(p) [...], from p and π Q [..., V]."""
    return (p * (joint.log() - p.log())).sum(-1)


def claims(seed: int = 0) -> list[Claim]:
    world, _, theta = random_tree(3, 4, seed)
    success = successes(world, seed)
    exact = differences(lambda each: log_value(world, each, success), theta)
    root = chances_to_win(world, theta, success)[0]
    posterior = root / root.sum()
    others = torch.from_numpy(generator(seed, "theory posterior").dirichlet([1.0] * 3, 10_000))
    value = root.sum().log()
    step = posterior - theta[0].softmax(-1)
    return [
        near("p - π at the first state less ∂ log V by differences, relative", relative(step, exact[0]), 0.0, 1e-8),
        near(
            "CE learner to the posterior, on successes, against ∇ log V, relative",
            relative(posterior_gradient(world, theta, success), exact),
            0.0,
            1e-8,
        ),
        above("least log V - (E_p log πQ + H(p)), random p", float((value - bound(others, root)).min()), 0.0),
        near("the same at p ∝ π Q", float(value - bound(posterior, root)), 0.0, 1e-12),
    ]
