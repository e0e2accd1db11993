"""CE: forward cross-entropy to the expert on the policy's own states, with local credit only.

    loss = Σ_t CE(p_t, q_t) = -Σ_t E_{a~p_t} log q_t(a)

It is DistIL (arXiv 2606.05152) without its future term, and SDFT (arXiv 2601.19897) as it was run, where the expert
reads a demonstration. Its gradient is that of KL(p_t ‖ q_t).
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.learners.distillation import Distillation


@dataclass
class CE(Distillation):
    """Forward cross-entropy; the only `Distillation` for experts that give samples."""

    def divergence(self) -> None:
        return None
