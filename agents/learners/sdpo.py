"""SDPO: self-distillation policy optimisation (arXiv 2601.20802).

    loss = Σ_t sg(ρ_t) D_α(p_t, q_t)             D_α: generalised Jensen-Shannon, α = 1 the paper's reverse KL(q ‖ p)

on the student's k most likely tokens and one bucket for the rest, a mean over the tokens learned from, with truncated
importance ratios. p is the policy that has read the feedback (`expert`: the paper averages its weights over updates,
``weights: ema`` at a rate of .05). Attempts without feedback are not learned from. The defaults are those of the
authors' code: α = 1/2, k = 100 (20 for code), ratios up to 2.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.learners.distillation import Distillation
from feedback.divergence import Divergence


@dataclass
class SDPO(Distillation):
    """Reverse KL or Jensen-Shannon divergence to the self-teacher."""

    alpha: float = 0.5
    """0 is KL(p ‖ q), 1 is KL(q ‖ p), between them (1-α) KL(q ‖ m) + α KL(p ‖ m) with m = (1-α) q + α p."""
    top_k: int | None = 100
    """The student's tokens that are compared one by one, the rest as one bucket; None compares the full vocabulary."""
    importance_clip: float | None = 2.0
    """Bound of the importance ratio; None for no ratio. Matters from the second pass on a batch."""

    def divergence(self) -> Divergence:
        return Divergence(self.alpha, self.top_k)
