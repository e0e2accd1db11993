"""`Imitation`: the base of learners that fit given tokens by maximum likelihood.

    loss = -Σ_t log π_θ(y_t|s_t)                                   a mean over the tokens learned from

A learner says which tokens y: corrections (`SFT`) or its own successes (`RFT`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agents.batch import Batch, Loss, described, masked_sum
from agents.learners.learner import Learner


@dataclass
class Imitation(Learner):
    """Maximum likelihood of the tokens learned from."""

    needs_expert: ClassVar[bool] = False

    def loss(self, batch: Batch) -> Loss:
        m = batch.counted
        scores = batch.scores(m)
        metrics = {"imitated_logp": masked_sum(scores.logp, m), **described(scores, m)}
        return Loss(-scores.logp[m].sum() / batch.denominator, metrics)
