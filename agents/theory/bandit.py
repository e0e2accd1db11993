"""What one natural-gradient step on a divergence does to the reward of a bandit, and what a plain one does.

With the logit gradient g = ∂D(p, q)/∂z, the natural-gradient (mirror, with KL as its distance) step moves
log q by -η g/q, and the reward J = E_q r changes at first order in η by

    ΔJ = -Σ r g          D = CE:         J(p) - J(q) = Cov_q(r, p/q)          the mixture step (1-η) q + η p
                         D = KL(q ‖ p):  Cov_q(r, log p/q)
                         D = JSD:        Cov_q(r, ½ log((p+q)/2q))

The first is not negative where the expert is better; the others can be. A plain step moves the logits by -η g, and
ΔJ = -Σ q (r - J) g, which can be negative for the cross-entropy too.

With two arms, the first of them good, Cov_q(r, h(p/q)) has the sign of h(p_1/q_1) - h(p_2/q_2). For any rising h that
is the sign of p_1 - q_1, so no counterexample exists.
"""

from __future__ import annotations

import torch
from torch import Tensor

from agents.theory.claim import Claim, above, at_most, near
from distil_envs.counted import generator
from feedback.distribution import Hidden
from feedback.divergence import Divergence

DIVERGENCES = {"forward CE": 0.0, "reverse KL": 1.0, "JSD": 0.5}
"""α of `feedback.divergence`; the cross-entropy has the gradient of the forward KL."""


def instance() -> tuple[Tensor, Tensor, Tensor]:
    """Student q, expert p, reward r, each float64 [3]: J(q) = .5, J(p) = .6, and the last arm is the bad one."""
    q, p, r = torch.tensor([[0.01, 0.49, 0.50], [0.3, 0.3, 0.4], [1, 1, 0]], dtype=torch.float64)
    return q, p, r


def logit_gradient(alpha: float, p: Tensor, q: Tensor) -> Tensor:
    """∂D(p, q)/∂z of the student's logits, [..., A]."""
    shape, A = p.shape, p.shape[-1]
    expert = Hidden(p.log().view(-1, A), torch.eye(A, dtype=p.dtype))
    return Divergence(alpha).logit_gradient(expert, q.log().view(-1, A)).view(shape)


def mirror_step(alpha: float, p: Tensor, q: Tensor) -> Tensor:
    """First-order change of log q [..., A], per η."""
    return -logit_gradient(alpha, p, q) / q


def mirror_gain(alpha: float, p: Tensor, q: Tensor, r: Tensor) -> Tensor:
    """First-order change of the reward [...] under a mirror step, per η."""
    return (q * r * mirror_step(alpha, p, q)).sum(-1)


def plain_gain(alpha: float, p: Tensor, q: Tensor, r: Tensor) -> Tensor:
    """The same under gradient descent on the logits."""
    value = (q * r).sum(-1, keepdim=True)
    return -(q * (r - value) * logit_gradient(alpha, p, q)).sum(-1)


def least_of_two_arms(alpha: float, points: int = 99) -> float:
    """The least first-order gain over a grid of two-armed bandits whose expert is at least as good."""
    grid = torch.arange(1, points + 1, dtype=torch.float64) / (points + 1)
    p, q = (torch.stack([each, 1 - each], -1) for each in torch.cartesian_prod(grid, grid).unbind(-1))
    better = p[:, 0] >= q[:, 0]
    return float(mirror_gain(alpha, p[better], q[better], torch.tensor([1.0, 0.0], dtype=torch.float64)).min())


def random_bandits(count: int = 20_000, arms: int = 10, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """p and q uniform on the simplex, r of fair coins, [N, arms] each; those whose expert is better."""
    draw = generator(seed, "theory bandits")
    p, q = (torch.from_numpy(draw.dirichlet([1.0] * arms, count)) for _ in range(2))
    r = torch.from_numpy(draw.integers(2, size=(count, arms)).astype(float))
    better = (p * r).sum(-1) > (q * r).sum(-1)
    return p[better], q[better], r[better]


def claims() -> list[Claim]:
    q, p, r = instance()
    stated = {"forward CE": (0.100, 5e-4), "reverse KL": (-0.0474, 5e-5), "JSD": (-0.0064, 5e-5)}
    rows = [
        near(f"ΔJ of a mirror step, {name}", float(mirror_gain(alpha, p, q, r)), *stated[name])
        for name, alpha in DIVERGENCES.items()
    ]
    rows += [
        at_most("Δlog q of the bad arm, forward CE", float(mirror_step(0.0, p, q)[2]), 0.0),
        above("Δlog q of the bad arm, reverse KL", float(mirror_step(1.0, p, q)[2]), 0.0),
        above("least ΔJ of two arms, reverse KL", least_of_two_arms(1.0), -1e-12),
        above("least ΔJ of two arms, JSD", least_of_two_arms(0.5), -1e-12),
        near("ΔJ of a plain step on CE", float(plain_gain(0.0, p, q, r)), -0.0201, 5e-5),
    ]
    p, q, r = random_bandits()
    error = float((mirror_gain(0.0, p, q, r) - ((p - q) * r).sum(-1)).abs().max())
    falls = float((plain_gain(0.0, p, q, r) < 0).double().mean())
    return [
        *rows,
        near("ΔJ of a mirror step on CE less J(p) - J(q), random 10-armed bandits", error, 0.0, 1e-12),
        near("share of them where a plain step on CE lowers J", falls, 0.2, 0.05),
    ]
