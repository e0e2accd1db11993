"""`Divergence`: how far a student q is from an expert p, beside the cross-entropy that every distribution gives.

The generalised Jensen-Shannon divergence, with m = (1 - α) q + α p and α in (0, 1):

    D(p, q) = (1 - α) KL(q ‖ m) + α KL(p ‖ m)              ∂D/∂q = (1 - α) log(q / m)

and at the ends the divergences that D/α and D/(1 - α) tend to there:

    α = 0:  KL(p ‖ q), forward                             ∂D/∂q = -p / q
    α = 1:  KL(q ‖ p), reverse                             ∂D/∂q = log(q / p) + 1

α is SDPO's (arXiv 2601.20802) and the β of GKD (arXiv 2306.13649) and OPSD (arXiv 2601.18734): in all three it is the
weight of the expert. A distribution says which bins it is known in (every token; or k tokens and the rest), and D is
taken between those. With h = q ∂D/∂q bin by bin, which stays finite where q underflows, the student's logits z get

    ∂D/∂z_v = h_b q_v / q_b - q_v Σ_b h_b                  b: the bin of token v
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from distil_envs.errors import ConfigError
from feedback.distribution import TokenDistribution, dot

FLOOR = -1000.0
"""Log-probability (nats) as which a reverse KL reads a smaller one of the expert. It would be infinite at -inf."""


@dataclass(frozen=True)
class Divergence:
    """One divergence between expert and student. Raises ConfigError for options that mean nothing."""

    alpha: float
    """Weight of the expert in the mixture, in [0, 1]; 0 is KL(p ‖ q), 1 is KL(q ‖ p)."""
    student_top_k: int | None = None
    """Compare on the student's k most likely tokens and a bucket for the rest (on all, if there are not so many). None:
    on what the expert's distribution knows."""

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise ConfigError(f"the weight of the expert (alpha, beta) must be in [0, 1], got {self.alpha}")
        if self.student_top_k is not None and self.student_top_k < 1:
            raise ConfigError(f"the student's top k must be at least 1, or None for all, got {self.student_top_k}")

    def value(self, expert: TokenDistribution, log_q: Tensor) -> Tensor:
        """D [C] in nats, for a chunk of positions and the student's log-probabilities `log_q` [C, V] there.

        Raises ConfigError where the expert does not know what this needs.
        """
        log_p, log_q = self._target(expert, log_q).bins(log_q)
        if self.alpha == 0:
            return dot(log_p.exp(), log_p - log_q)
        if self.alpha == 1:
            return dot(log_q.exp(), log_q - log_p.clamp(min=FLOOR))
        log_m = self._mixture(log_p, log_q)
        return (1 - self.alpha) * dot(log_q.exp(), log_q - log_m) + self.alpha * dot(log_p.exp(), log_p - log_m)

    def logit_gradient(self, expert: TokenDistribution, log_q: Tensor) -> Tensor:
        """Gradient of `value` with respect to the student's logits, [C, V]."""
        target = self._target(expert, log_q)
        return target.spread(self._slope(*target.bins(log_q)), log_q)

    def _slope(self, log_p: Tensor, log_q: Tensor) -> Tensor:
        """h = q ∂D/∂q, in each bin."""
        if self.alpha == 0:
            return -log_p.exp()
        q = log_q.exp()
        if self.alpha == 1:
            slope = q * (log_q - log_p.clamp(min=FLOOR) + 1)
        else:
            slope = (1 - self.alpha) * q * (log_q - self._mixture(log_p, log_q))
        return torch.where(q == 0, 0.0, slope)

    def _mixture(self, log_p: Tensor, log_q: Tensor) -> Tensor:
        return torch.logaddexp(log_q + math.log1p(-self.alpha), log_p + math.log(self.alpha))

    def _target(self, expert: TokenDistribution, log_q: Tensor) -> TokenDistribution:
        if self.student_top_k is None:
            return expert
        return expert.at(log_q.topk(min(self.student_top_k, log_q.shape[-1])).indices)
