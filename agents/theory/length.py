"""Summed cross-entropy pays for ending early: it is at least 0 at each token, and stops at the end.

The expert ends with chance .1 at each of at most 50 tokens, and has two other tokens, alike. With cost KL(p ‖ q) =
CE - H(p) in the place of CE, q = p costs nothing and is optimal again.
"""

from __future__ import annotations

import torch
from torch import Tensor

from agents.theory.claim import Claim, near
from agents.theory.optimum import stationary

EOS_CHANCE, HORIZON = 0.1, 50


def optimum(kl: bool = False, horizon: int = HORIZON) -> Tensor:
    """The optimal chance [horizon] to end at each token, backward in time."""
    p = torch.tensor([EOS_CHANCE, (1 - EOS_CHANCE) / 2, (1 - EOS_CHANCE) / 2], dtype=torch.float64)
    entropy = float(torch.special.entr(p).sum()) if kl else 0.0
    going_on, chances = 0.0, []
    for _ in range(horizon):
        later = torch.tensor([0.0, going_on, going_on], dtype=p.dtype)
        q = stationary(p, later)
        going_on = float(-(p * q.log()).sum() - entropy + (q * later).sum())
        chances.append(float(q[0]))
    return torch.tensor(chances[::-1], dtype=p.dtype)


def expected_length(eos: Tensor) -> float:
    """Of a completion that ends at token t with chance `eos` [T], and after T tokens at the latest."""
    return float(1 + (1 - eos[:-1]).cumprod(0).sum())


def claims() -> list[Claim]:
    expert, ce, kl = torch.full((HORIZON,), EOS_CHANCE, dtype=torch.float64), optimum(), optimum(kl=True)
    return [
        near("chance to end at the first token, expert .1, optimum of CE", float(ce[0]), 0.658, 5e-4),
        near("expected length, expert", expected_length(expert), 9.95, 5e-3),
        near("expected length, optimum of CE", expected_length(ce), 1.52, 5e-3),
        near("expected length, optimum with KL cost", expected_length(kl), expected_length(expert), 1e-9),
        near("chance to end less the expert's, optimum with KL cost", float((kl - expert).abs().max()), 0.0, 1e-10),
    ]
