"""`Distillation`: the base of learners that pull each token's distribution to the expert's, with local credit only.

    loss = Σ_t sg(ρ_t) D(p_t, q_t)               ρ_t = min(π_θ(y_t|s_t) / π_old(y_t|s_t), `importance_clip`)

t runs over the tokens that the policy made in the attempts learned from, and p_t has read the feedback on t's own
attempt. The states are those that the policy visits, and no gradient flows through the visit. ρ_t is 1 on fresh
rollouts; from the second pass on it weighs tokens that the policy has since come to like or dislike, and the bound
keeps that from exploding (truncated importance sampling, as in SDPO, arXiv 2601.20802).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from agents.batch import Batch, Loss, described, masked_sum
from agents.learners.learner import Learner
from distil_envs.errors import ConfigError
from feedback.divergence import Divergence
from feedback.experts.expert import Knows


@dataclass
class Distillation(Learner):
    """A subclass says which D. Alone it is abstract."""

    importance_clip: float | None = None
    """Bound of the importance weight, at least 1; None for no weight. Matters from the second pass on a batch."""

    def divergence(self) -> Divergence | None:
        """D; None is the cross-entropy -E_p log q, which samples of an expert give too."""
        raise NotImplementedError

    def validate(self, group_size: int) -> None:
        del group_size
        self.divergence()  # raises for its own options
        if self.importance_clip is not None and not self.importance_clip >= 1:
            raise ConfigError(f"importance_clip must be at least 1, or None for no weight, got {self.importance_clip}")

    def needs_known(self) -> Knows:
        measure = self.divergence()
        if measure is None:
            return Knows.SAMPLES
        if measure.student_top_k is not None:
            return Knows.VOCABULARY
        return Knows.PROBABILITIES if measure.alpha == 1 else Knows.KEPT

    def loss(self, batch: Batch) -> Loss:
        m, measure = batch.counted, self.divergence()
        scores = batch.scores(m, measure)
        distance = scores.ce if measure is None else scores.divergence
        rho = torch.ones_like(distance)
        if self.importance_clip is not None and batch.old_logp is not None:
            rho = (scores.logp.detach() - batch.old_logp).exp().clamp(max=self.importance_clip)
        return Loss(
            (rho * distance)[m].sum() / batch.denominator,
            {
                "ce": masked_sum(scores.ce, m),
                **({} if measure is None else {"divergence": masked_sum(scores.divergence, m)}),
                **({} if self.importance_clip is None else {"importance": masked_sum(rho, m)}),
                **described(scores, m),
            },
        )
