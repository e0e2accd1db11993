"""DAgger: dataset aggregation (arXiv 1011.0686), for token sequences.

    D_i  = D_{i-1} ∪ {(s, a*(s)) : s visited by β_i π* + (1-β_i) π_i}          a*(s) = argmax_a p(a|s)
    loss = -Σ_{(s,a*) in a batch of D_i} log π_θ(a*|s)                         a mean over tokens

Each update draws as many rollouts from all that were gathered as it adds, with replacement, where the paper fits anew
to the whole of D_i. The expert labels a rollout when it is drawn: as when it was gathered, if the expert does not move
(`frozen`, or no self-teacher). With probability β_i a rollout is the expert's, as a whole: the feedback's correction.
The paper's own schedule of β, 1 once and 0 ever after, is ``start: 1, end: 0, steps: 1``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from agents.batch import Batch, Loss, described, masked_sum
from agents.learners.learner import Learner
from distil_envs.errors import ConfigError
from feedback.mixed import Hard
from feedback.schedule import Schedule


@dataclass
class DAgger(Learner):
    """Hard labels of the expert, on states of all policies so far."""

    beta: Schedule = field(default_factory=lambda: Schedule(0.0, 0.0))
    """β: share of the rollouts that are the expert's own. Above 0 it takes feedback with corrections."""
    keep: int = 8192
    """Rollouts that are kept, the newest; they are in memory and in every checkpoint."""

    def validate(self, group_size: int) -> None:
        del group_size
        self.beta.validate_share("learner.beta")
        if self.keep < 1:
            raise ConfigError(f"keep must be at least 1 rollout, got {self.keep}; CE does not aggregate")

    def corrections(self, step: int) -> float:
        return self.beta.at(step)

    def aggregate(self) -> int:
        return self.keep

    def loss(self, batch: Batch) -> Loss:
        m = batch.counted
        labels = None if batch.expert is None else Hard(batch.expert)
        scores = replace(batch, expert=labels).scores(m)
        return Loss(
            scores.ce.sum() / batch.denominator,  # 0 outside m
            {"ce": masked_sum(scores.ce, m), **described(scores, m)},
        )
