"""`Batch`: what a learner sees. `Loss`: what it returns."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from agents.head import Probe, Scores, score
from feedback.distribution import TokenDistribution
from feedback.divergence import Divergence


@dataclass
class Batch:
    """Whole groups of rollouts of one step, right-padded.

    A row is an episode: T tokens after its first prompt, those of all attempts and what the environment put between.
    """

    hidden: Tensor
    """[B, T, H] student states that predict `ids`; gradients flow through them."""
    head_weight: Tensor
    """[V, H] output embedding of the student."""
    ids: Tensor
    """int64 [B, T]."""
    mask: Tensor
    """bool [B, T], true where the policy made the token: false for prompts of later attempts and results of tools."""
    turn: Tensor
    """int64 [B, T], index of the attempt that the token belongs to, results of its tools included; -1 for none."""
    learnable: Tensor
    """bool [B, T], true in attempts to learn from: those chosen (`Updater.train_attempts`), and of them, where an
    expert teaches, those with feedback."""
    group: Tensor
    """int64 [B], equal for rollouts of one task in one step."""
    reward: Tensor
    """float32 [B], of the episode."""
    valid: Tensor
    """bool [B], false for infrastructure failures: no loss, no part in baselines (law 4)."""
    denominator: float
    """What every mean is over, explicitly: of the whole step and all its micro-batches, the tokens that are `counted`
    or, for learners with ``mean_over = "rollouts"``, the rows with such tokens."""
    expert: TokenDistribution | None = None
    """The expert's distributions [B, T], at learnable positions; elsewhere they mean nothing. None for learners that
    need none."""
    depends_on: Tensor | None = None
    """bool [B, B], [i, j] true when some feedback of row i was made from row j, itself included. None: none was."""
    old_logp: Tensor | None = None
    """float32 [B, T], log-probabilities (nats) of `ids` under the policy that sampled them."""
    seen: list[Scores] | None = None
    """What `scores` gave, with the gradients that will flow into it; None keeps nothing (`agents.record`)."""
    probe: Probe | None = None
    """Logits whose gradients are wanted; None asks for none (`agents.credit_truth`)."""

    @property
    def counted(self) -> Tensor:
        """bool [B, T], the tokens that the loss is about: made by the policy, in learnable attempts of valid rows."""
        return self.mask & self.learnable & self.valid[:, None]

    @property
    def place(self) -> Tensor:
        """int64 [B, T], a number for "the n-th token that the policy made in the k-th attempt", the same in all rows.

        It means nothing where the policy made no token.
        """
        made = self.mask.long()
        before = made.cumsum(1) - made
        begins = self.turn.diff(dim=1, prepend=torch.full_like(self.turn[:, :1], -1)) != 0
        of_attempt = before - torch.where(begins, before, 0).cummax(1).values  # it only grows: the newest start counts
        return self.turn * self.ids.shape[1] + of_attempt

    def scores(self, where: Tensor | None = None, divergence: Divergence | None = None) -> Scores:
        """One pass of the chunked head over the positions `where` [B, T] holds, by default those of valid rows.

        Everything else is 0 in the result and gets no gradient, whatever its states are. `divergence` asks for
        `Scores.divergence`.
        """
        where = self.mask & self.valid[:, None] if where is None else where
        made = score(self.hidden, self.head_weight, self.ids, where, self.expert, divergence, probe=self.probe)
        if self.seen is not None:
            for value in (made.logp, made.ce, made.divergence):
                if value.requires_grad:
                    value.retain_grad()
            self.seen.append(made)
        return made


@dataclass
class Loss:
    """A scalar to minimise, and sums to log.

    Metrics are (total, count) pairs, so that micro-batches add up to the mean over the step, whatever the split.
    """

    value: Tensor
    metrics: dict[str, tuple[float, float]] = field(default_factory=dict)


def leave_one_out(
    values: Tensor, counted: Tensor, group: Tensor, excluded: Tensor | None = None, place: Tensor | None = None
) -> Tensor:
    """Mean of `values` over the *other* rows of the group, position by position.

    Args:
        values: [B, T] or [B].
        counted: bool, same shape: entries that enter means; the values of others do not matter.
        group: int64 [B].
        excluded: bool [B, B], [i, j] true when row j must stay out of row i's mean.
        place: int64 [B, T], different at all entries of a row that count: compared is what has the same one
            (`Batch.place`). None compares columns.

    Returns:
        The shape of `values`; 0 where no other row counts.
    """
    peers = (group[:, None] == group) & ~torch.eye(len(group), dtype=torch.bool, device=group.device)
    if excluded is not None:
        peers &= ~excluded
    weights = peers.to(values.dtype)
    values, present = torch.where(counted, values, 0.0), counted.to(values.dtype)
    if place is None:
        return weights @ values / (weights @ present).clamp(min=1)
    known, place = place.unique(return_inverse=True)
    empty = values.new_zeros(len(values), len(known))
    total, count = (weights @ empty.scatter_add(1, place, each) for each in (values, present))
    return (total / count.clamp(min=1)).gather(1, place)


def masked_sum(values: Tensor, mask: Tensor) -> tuple[float, float]:
    """(sum of `values` where `mask`, number of those), for `Loss.metrics`."""
    return float(values.detach()[mask].sum()), float(mask.sum())


def described(scores: Scores, mask: Tensor) -> dict[str, tuple[float, float]]:
    """What every learner logs of student and, where there is one, expert: p_t(y_t), too."""
    values = {
        "entropy": scores.entropy,
        "expert_entropy": scores.expert_entropy,
        "expert_p": None if scores.expert_logp is None else scores.expert_logp.exp(),
    }
    return {name: masked_sum(value, mask) for name, value in values.items() if value is not None}
