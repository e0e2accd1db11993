"""What an update did to single tokens, for whoever wants to look at it (`distil report`).

Every learner's gradient with respect to the logits is ``w_t ∂D_t/∂z + c_t (q_t - onehot(y_t))`` (`agents.head`). Both
factors are what autograd hands to the head, so they are read off there, the same for every learner, and nothing is
derived anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from agents.batch import Batch
from agents.head import CHUNK
from agents.lessons import Lesson
from agents.rollout import Rollouts
from feedback.distribution import logits, widened

TOP = 5
"""Tokens of student and expert that are kept at each position."""
DIGITS = 5
"""Significant digits that are kept."""


@dataclass
class Recorder:
    """Keeps what the first pass of an update did to the rollouts of the first groups of a step."""

    groups: int
    """How many groups of each step; 0 keeps nothing."""
    tokenizer: Any
    found: dict[str, dict[str, Any]] = field(default_factory=dict, init=False)
    """By rollout id, lists over the tokens of `Episode.continuation_ids`:

    ``text``; ``learned``, 1 where the token is in the loss; ``logp`` and ``entropy`` of the student, and ``cost``, the
    divergence that the learner measures, nats; ``weight`` w_t and ``credit`` c_t, in units of the loss before it is
    divided by its denominator, credit positive where log q(y_t) is pushed up; ``student`` and ``expert``, the likeliest
    tokens as [text, probability] (``expert`` None without one). All 0 or empty where nothing is learned. Rollouts that
    nothing was learned from, or a correction in their place, are not there.
    """
    _wanted: dict[str, tuple[int, ...]] = field(default_factory=dict, init=False)

    def begin(self, rollouts: Rollouts) -> None:
        """Forget the last step; look out for these."""
        pairs = zip(rollouts.episodes, rollouts.group, strict=True)
        self._wanted = {episode.rollout_id: episode.continuation_ids for episode, group in pairs if group < self.groups}
        self.found = {}

    def watch(self, batch: Batch, lessons: Sequence[Lesson]) -> None:
        """Before the loss of these lessons, the rows of `batch`: have its scores kept."""
        del lessons
        if self._wanted:
            batch.seen = []

    def look(self, batch: Batch, lessons: Sequence[Lesson]) -> None:
        """After the backward pass: keep what is wanted of these lessons, the rows of `batch`."""
        if not batch.seen:
            return
        counted = batch.counted
        rows = [
            row
            for row, lesson in enumerate(lessons)
            if self._wanted.get(lesson.episode.rollout_id) == lesson.episode.continuation_ids and counted[row].any()
        ]
        if not rows:
            return
        learned = torch.zeros_like(counted)
        learned[rows] = counted[rows]
        student, expert = self._likeliest(batch, learned)
        for row in rows:
            episode = lessons[row].episode
            self.found[episode.rollout_id] = self._tokens(batch, row, episode.continuation_ids, student, expert)

    def _tokens(
        self, batch: Batch, row: int, ids: Sequence[int], student: Iterator[Any], expert: Iterator[Any] | None
    ) -> dict[str, Any]:
        assert batch.seen
        scores, count = batch.seen[0], len(ids)
        learned = batch.counted[row, :count]
        grads = {name: getattr(scores, name).grad for name in ("logp", "ce", "divergence")}
        of = {name: torch.zeros(batch.ids.shape) if g is None else g * batch.denominator for name, g in grads.items()}
        measured = "divergence" if grads["divergence"] is not None else "ce"
        values = {
            "logp": scores.logp,
            "entropy": scores.entropy,
            "cost": getattr(scores, measured),
            "weight": of[measured],
            "credit": -of["logp"],
        }
        return {
            "text": [self.tokenizer.decode([token]) for token in ids],
            "learned": learned.long().tolist(),
            **{name: _short(value[row, :count] * learned) for name, value in values.items()},
            "student": [next(student) if counts else [] for counts in learned.tolist()],
            "expert": None if expert is None else [next(expert) if counts else [] for counts in learned.tolist()],
        }

    @torch.no_grad()
    def _likeliest(self, batch: Batch, where: Tensor) -> tuple[Iterator[Any], Iterator[Any] | None]:
        """Position by position, row by row, of those that `where` [B, T] holds; the head is widened once for all."""
        hidden, head = batch.hidden[where], widened(batch.head_weight)
        expert = None if batch.expert is None else batch.expert.rows(where)
        mine: list[Any] = []
        its: list[Any] = []
        size = CHUNK.get(hidden.device.type, 128)
        for start in range(0, len(hidden), size):
            log_q = torch.log_softmax(logits(hidden[start : start + size], head), dim=-1)
            mine += self._top(log_q)
            if expert is not None:
                its += self._top(expert.chunk(start, start + size).dense(log_q))
        return iter(mine), None if expert is None else iter(its)

    def _top(self, log_p: Tensor) -> list[list[tuple[str, float]]]:
        best = log_p.float().exp().topk(min(TOP, log_p.shape[-1]))
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return [
            [(self.tokenizer.decode([token]), float(f"{p:.{DIGITS}g}")) for token, p in zip(*pair, strict=True) if p]
            for pair in pairs
        ]


def _short(values: Tensor) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values.detach().tolist()]
