"""What a top k hides, of an expert that is uniform over 1000 tokens and known by 20, and a student that equals it.

The cross-entropy is log 1000 = 6.9 nats. `truncate` sees 20 of its 1000 terms: as a *future* cost that makes a state
where the expert is lost look cheap. So does `tail`, which sees the rest as one bin; `renormalise` does not.

A truncated *reverse* KL, Σ_k q log(q/p), has its minimum at q = p/e on the k tokens, -M/e with M = Σ_k p: moving mass
out of them pays. Renormalised on both sides, it is 0 for any student at k = 1.
"""

from __future__ import annotations

import math
from typing import get_args

import torch
from torch import Tensor

from agents.theory.claim import Claim, near
from feedback.distribution import TopK, TopKMode

VOCABULARY, KEPT = 1000, 20


def seen_cost(mode: TopKMode) -> float:
    """CE in nats of a uniform expert against a uniform student, in this reading of the rest."""
    log_p = torch.full((1, VOCABULARY), -math.log(VOCABULARY), dtype=torch.float64)
    tail = torch.tensor([1 - KEPT / VOCABULARY], dtype=torch.float64).log()
    return float(TopK(torch.arange(KEPT)[None], log_p[:, :KEPT], tail, mode).cross_entropy(log_p))


def truncated_reverse_kl(q: Tensor, p: Tensor) -> float:
    """Σ_k q log(q/p) over the kept tokens, [K] each."""
    return float((q * (q / p).log()).sum())


def renormalised_reverse_kl(q: Tensor, p: Tensor) -> float:
    """The same with both sides restricted to the kept tokens and renormalised."""
    return truncated_reverse_kl(q / q.sum(), p / p.sum())


def claims() -> list[Claim]:
    p = torch.tensor([0.4, 0.2, 0.1], dtype=torch.float64)
    mass = float(p.sum())
    stated = dict(zip(get_args(TopKMode), (0.158, 6.908, 0.138), strict=True))
    return [
        near("CE over all 1000 tokens", math.log(VOCABULARY), 6.908, 5e-4),
        *(near(f"CE as `{mode}` sees it", seen_cost(mode), at, 5e-4) for mode, at in stated.items()),
        near("truncated reverse KL at q = p, p = .4, .2, .1, …", truncated_reverse_kl(p, p), 0.0, 1e-12),
        near("the same at q = p/e on these", truncated_reverse_kl(p / math.e, p), -mass / math.e, 1e-12),
        near("renormalised reverse KL at k = 1, q = .01", renormalised_reverse_kl(0.025 * p[:1], p[:1]), 0.0, 1e-12),
    ]
