"""GKD: generalised knowledge distillation (arXiv 2306.13649), on the student's own samples.

    loss = Σ_t D_β(p_t, q_t)            D_β = β KL(p ‖ m) + (1-β) KL(q ‖ m),  m = β p + (1-β) q

β = 0 is the forward KL(p ‖ q) and β = 1 the reverse KL(q ‖ p), which D_β/β and D_β/(1-β) tend to. The paper mixes
student samples, a share λ of them, with a fixed data set: here λ = 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.learners.distillation import Distillation
from feedback.divergence import Divergence


@dataclass
class GKD(Distillation):
    """Generalised Jensen-Shannon divergence over all that the expert knows."""

    beta: float = 0.5
    """Weight of the expert in the mixture m, in [0, 1]."""

    def divergence(self) -> Divergence:
        return Divergence(self.beta)
