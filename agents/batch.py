"""`Batch`: what a learner sees. `Loss`: what it returns."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from agents.head import Scores, score
from feedback.distribution import TokenDistribution


@dataclass
class Batch:
    """Whole groups of rollouts of one step, right-padded: B rows of T completion tokens."""

    hidden: Tensor
    """[B, T, H] student states that predict `ids`; gradients flow through them."""
    head_weight: Tensor
    """[V, H] output embedding of the student."""
    ids: Tensor
    """int64 [B, T], the sampled tokens."""
    mask: Tensor
    """bool [B, T], true where the policy made the token."""
    group: Tensor
    """int64 [B], equal for rollouts of one task in one step."""
    reward: Tensor
    """float32 [B]."""
    valid: Tensor
    """bool [B], false for infrastructure failures: no loss, no part in baselines (law 4)."""
    denominator: float
    """Tokens of the whole step, over all its micro-batches, that can be learned from: the explicit denominator of
    every mean. Rows that are not valid, or not taught where there is an expert, are left out of it."""
    expert: TokenDistribution | None = None
    """The expert's distributions [B, T]; None for learners that need none."""
    taught: Tensor | None = None
    """bool [B], true where there is feedback, so an expert. None without an expert."""
    depends_on: Tensor | None = None
    """bool [B, B], [i, j] true when the feedback of row i was made from row j. None: no row depends on another."""
    old_logp: Tensor | None = None
    """float32 [B, T], log-probabilities (nats) of `ids` under the policy that sampled them."""

    @property
    def counted(self) -> Tensor:
        """bool [B, T], the policy's tokens in rows that say something: valid, and taught where there is an expert."""
        rows = self.valid if self.taught is None else self.valid & self.taught
        return self.mask & rows[:, None]

    def scores(self, where: Tensor | None = None) -> Scores:
        """One pass of the chunked head over the positions `where` [B, T] holds, by default those of valid rows.

        Everything else is 0 in the result and gets no gradient, whatever its states are.
        """
        where = self.mask & self.valid[:, None] if where is None else where
        return score(self.hidden, self.head_weight, self.ids, where, self.expert)


@dataclass
class Loss:
    """A scalar to minimise, and sums to log.

    Metrics are (total, count) pairs, so that micro-batches add up to the mean over the step, whatever the split.
    """

    value: Tensor
    metrics: dict[str, tuple[float, float]] = field(default_factory=dict)


def leave_one_out(values: Tensor, counted: Tensor, group: Tensor, excluded: Tensor | None = None) -> Tensor:
    """Mean of `values` over the *other* rows of the group, position by position.

    Args:
        values: [B, T] or [B].
        counted: bool, same shape: entries that enter means; the values of others do not matter.
        group: int64 [B].
        excluded: bool [B, B], [i, j] true when row j must stay out of row i's mean.

    Returns:
        The shape of `values`; 0 where no other row counts.
    """
    peers = (group[:, None] == group) & ~torch.eye(len(group), dtype=torch.bool, device=group.device)
    if excluded is not None:
        peers &= ~excluded
    weights = peers.to(values.dtype)
    total = weights @ torch.where(counted, values, 0.0)
    count = weights @ counted.to(values.dtype)
    return total / count.clamp(min=1)


def masked_sum(values: Tensor, mask: Tensor) -> tuple[float, float]:
    """(sum of `values` where `mask`, number of those), for `Loss.metrics`."""
    return float(values.detach()[mask].sum()), float(mask.sum())
