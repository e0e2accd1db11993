"""The optimum of L(θ) = E_{y~π} Σ_t CE(p_t, q_t) is not the expert.

With a table as the policy, backward in time, at each state s, where V*(s, a) is the least cost after token a (0 at the
end):

    q*(a|s) = p(a|s) / (V*(s, a) + λ_s)          λ_s such that Σ_a q*(a|s) = 1
    V*(s) = CE(p, q*) + Σ_a q*(a|s) V*(s, a)

since at each state CE(p, q) + Σ q V* is convex in q, with one stationary point. Local credit alone has q = p, and so
has the whole objective where V*(s, a) is the same for all a.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import brentq, minimize
from torch import Tensor

from agents.learners import CE, DistIL
from agents.theory.claim import Claim, above, near
from agents.theory.world import World, prefixes, random_tree


def stationary(p: Tensor, later: Tensor) -> Tensor:
    """q = p/(later + λ), which minimises CE(p, q) + Σ q later. All are float64 [V]; p is positive."""
    extra = later - later.min()
    cheapest = float(p[extra == 0].sum())
    # In x = λ + min(later) the sum of q falls: from 2 or more at half of what the cheapest take, to 1/2 or less at 2.
    x = brentq(lambda x: float((p / (extra + x)).sum()) - 1, cheapest / 2, 2.0, xtol=1e-15)
    q: Tensor = p / (extra + x)
    return q / q.sum()


def tabular_optimum(log_p: dict[tuple[int, ...], Tensor]) -> tuple[dict[tuple[int, ...], Tensor], float]:
    """q* [V] of each prefix, and the least L, from the expert's log-probabilities [V] there.

    What `log_p` does not hold has ended.
    """
    optimum, value = {}, dict[tuple[int, ...], float]()
    for prefix in sorted(log_p, key=len, reverse=True):
        p = log_p[prefix].exp()
        later = torch.tensor([value.get((*prefix, token), 0.0) for token in range(len(p))], dtype=p.dtype)
        q = stationary(p, later)
        optimum[prefix] = q
        value[prefix] = float(-(p * q.log()).sum() + (q * later).sum())
    return optimum, value[()]


def direct_optimum(world: World, start: Tensor) -> tuple[Tensor, float]:
    """The policy [S, V] that BFGS on the enumerated L finds from the logits `start`, and its L."""

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        theta = torch.from_numpy(flat).view_as(start).requires_grad_()
        value = world.objective(theta)
        (gradient,) = torch.autograd.grad(value, theta)
        return value.item(), gradient.numpy().ravel()

    found = minimize(objective, start.numpy().ravel(), jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": 5000})
    return torch.from_numpy(found.x).view_as(start).softmax(-1), float(found.fun)


def claims(vocabulary: int = 3, horizon: int = 4, seed: int = 0) -> list[Claim]:
    states = prefixes(vocabulary, horizon)
    world, log_p, theta = random_tree(vocabulary, horizon, seed)
    optimum, least = tabular_optimum(dict(zip(states, log_p, strict=True)))
    p, q = log_p.exp(), torch.stack([optimum[prefix] for prefix in states])
    found, value = direct_optimum(world, theta)
    alike, _ = tabular_optimum(dict.fromkeys([(), *((token,) for token in range(vocabulary))], log_p[0]))
    return [
        near("q* = p/(V* + λ) less the q that BFGS on L finds, largest", float((q - found).abs().max()), 0.0, 1e-5),
        near("L(q*) less the L that BFGS finds", least - value, 0.0, 1e-10),
        near(
            "expected gradient of DistIL at q*", _norm(world, DistIL(future_weight=1.0, baseline="none"), q), 0.0, 1e-10
        ),
        above(
            "expected gradient of DistIL at q = p", _norm(world, DistIL(future_weight=1.0, baseline="none"), p), 0.01
        ),
        near(
            "the same with KL cost", _norm(world, DistIL(future_weight=1.0, baseline="none", cost="kl"), p), 0.0, 1e-10
        ),
        near("expected gradient of CE (local credit) there", _norm(world, CE(), p), 0.0, 1e-10),
        near("q* less p where V* is the same after all tokens", float((alike[()] - p[0]).abs().max()), 0.0, 1e-12),
    ]


def _norm(world: World, learner: CE | DistIL, q: Tensor) -> float:
    return float(world.expected_gradient(learner, q.log()).norm())
