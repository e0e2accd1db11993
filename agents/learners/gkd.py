"""GKD: generalised knowledge distillation (arXiv 2306.13649).

    loss = Σ_t D_β(p_t, q_t)            D_β = β KL(p ‖ m) + (1-β) KL(q ‖ m),  m = β p + (1-β) q

β = 0 is the forward KL(p ‖ q) and β = 1 the reverse KL(q ‖ p), which D_β/β and D_β/(1-β) tend to. t runs over the
student's own samples in a share λ of the rollouts, and over given responses in the others: the paper's data set, here
the corrections that the feedback holds.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.learners.distillation import Distillation
from distil_envs.errors import ConfigError
from feedback.divergence import Divergence


@dataclass
class GKD(Distillation):
    """Generalised Jensen-Shannon divergence over all that the expert knows."""

    beta: float = 0.5
    """Weight of the expert in the mixture m, in [0, 1]."""
    student_share: float = 1.0
    """λ, in [0, 1]. Below 1 it takes feedback with corrections."""

    def validate(self, group_size: int) -> None:
        super().validate(group_size)
        if not 0 <= self.student_share <= 1:
            raise ConfigError(f"student_share must be in [0, 1], got {self.student_share}")

    def corrections(self, step: int) -> float:
        return 1 - self.student_share

    def divergence(self) -> Divergence:
        return Divergence(self.beta)
