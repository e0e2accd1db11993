"""OPSD: on-policy self-distillation (arXiv 2601.18734).

    loss = Σ_t JSD_β(p_t, q_t)          JSD_β = β KL(p ‖ m) + (1-β) KL(q ‖ m),  m = β p + (1-β) q,  β = 1/2

over the full vocabulary. What sets it apart from GKD is its expert: the frozen initial policy that has read the
reference solution (``expert: {weights: frozen}``, ``feedback: solution``). The paper learns from about the first
thousand tokens of a response only; here all of them count.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.learners.distillation import Distillation
from feedback.divergence import Divergence


@dataclass
class OPSD(Distillation):
    """Jensen-Shannon divergence to a self-teacher."""

    beta: float = 0.5
    """Weight of the expert in the mixture m, in [0, 1]; 1/2 is the paper's."""

    def divergence(self) -> Divergence:
        return Divergence(self.beta)
