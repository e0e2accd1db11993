"""One update of the policy: from rollouts to gradients, in micro-batches of whole groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from accelerate import Accelerator
from torch import Tensor

from agents.batch import Batch
from agents.learners import Learner
from agents.policy import Policy
from agents.rollout import Rollouts, usable
from agents.teacher import TeacherModel
from distil_envs import Episode
from distil_envs.errors import DistilError
from feedback.experts.self_teacher import SelfTeacher

Metrics = dict[str, tuple[float, float]]
"""Name to (total, count), so that parts add up to the mean of the whole."""


@dataclass
class Updater:
    """Everything that a gradient needs besides the rollouts."""

    policy: Policy
    learner: Learner
    optimizer: torch.optim.Optimizer
    accelerator: Accelerator
    teacher: SelfTeacher | None
    """None for learners without an expert."""
    teacher_model: TeacherModel | None
    micro_batch_tokens: int
    """Context and completion tokens of one micro-batch; a single larger group is its own micro-batch."""
    max_grad_norm: float
    passes: int = 1
    """Optimiser steps on the same rollouts."""
    train_attempts: tuple[int, ...] = ()
    """Which attempts of an episode to learn from, counted from 0, or from the end with -1; empty for all."""
    parameters: list[torch.nn.Parameter] = field(init=False)

    def __post_init__(self) -> None:
        self.parameters = list(self.policy.trainable().values())

    def step(self, rollouts: Rollouts) -> Metrics:
        """Update the policy on these rollouts.

        The loss is a sum over tokens divided by the tokens (or rollouts: `Learner.mean_over`), of all processes, that
        can be learned from.
        """
        metrics: Metrics = {}
        parts = list(micro_batches(rollouts, self.micro_batch_tokens))
        learnable = self._learnable_attempts(rollouts)
        if self.learner.mean_over == "rollouts":
            count = sum(map(bool, learnable))
        else:
            pairs = zip(rollouts.episodes, learnable, strict=True)
            count = sum(sum(episode.attempts[k].sampled) for episode, own in pairs for k in own)
        denominator = float(self._sum_over_processes(torch.tensor(float(count))))
        old: list[Tensor | None] = [None] * len(parts)
        for repeat in range(self.passes):
            self.optimizer.zero_grad(set_to_none=True)
            for index, rows in enumerate(parts):
                batch = self._batch(rollouts, rows, learnable, max(denominator, 1.0))
                if repeat:
                    batch.old_logp = old[index]
                elif self.passes > 1:
                    with torch.no_grad():
                        old[index] = batch.scores().logp
                loss = self.learner.loss(batch)
                loss.value.backward()
                add(metrics, {"loss": (float(loss.value.detach()), 0.0), **loss.metrics})
            self._reduce_gradients()
            norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.max_grad_norm)
            if not norm.isfinite():
                raise DistilError(
                    f"training diverged: the norm of the gradient is {float(norm)}; lower the learning rate "
                    "(the last checkpoint is from before and whole)"
                )
            add(metrics, {"grad_norm": (float(norm), 1.0)})
            self.optimizer.step()
            if self.teacher_model is not None:
                self.teacher_model.update()
        total, _ = metrics["loss"]
        # A sum over the tokens of all processes: the counts of all must add up to the passes.
        metrics["loss"] = (total, self.passes / self.accelerator.num_processes)
        return metrics

    def _learnable_attempts(self, rollouts: Rollouts) -> list[list[int]]:
        """Of each episode, the indices of the attempts that enter the loss."""
        learnable = [self._learnable(episode) for episode in rollouts.episodes]
        if not self.learner.needs_contrast:
            return learnable
        rewards: dict[int, set[float]] = {}
        for group, episode in zip(rollouts.group, rollouts.episodes, strict=True):
            if usable(episode):
                rewards.setdefault(group, set()).add(_reward(episode))
        pairs = zip(rollouts.group, learnable, strict=True)
        return [own if len(rewards.get(group, ())) > 1 else [] for group, own in pairs]

    def _learnable(self, episode: Episode) -> list[int]:
        """Indices of the attempts that enter the loss: graded, chosen, and with feedback where an expert teaches."""
        if not usable(episode):
            return []
        count = len(episode.attempts)
        chosen = {k % count for k in self.train_attempts or range(count) if -count <= k < count}
        return [k for k in sorted(chosen) if self.teacher is None or episode.attempts[k].feedback is not None]

    def _batch(
        self, rollouts: Rollouts, rows: Sequence[int], learnable_of: Sequence[list[int]], denominator: float
    ) -> Batch:
        episodes = [rollouts.episodes[row] for row in rows]
        learnable = [learnable_of[row] for row in rows]
        completions = [episode.continuation_ids for episode in episodes]
        device = self.policy.device
        shape = len(rows), max(len(ids) for ids in completions)
        ids, turn = torch.zeros(shape, dtype=torch.long), torch.full(shape, -1)
        mask, learn = torch.zeros(shape, dtype=torch.bool), torch.zeros(shape, dtype=torch.bool)
        for index, episode in enumerate(episodes):
            ids[index, : len(completions[index])] = torch.tensor(completions[index])
            for number, attempt in enumerate(episode.attempts):
                start = len(attempt.prompt_ids) - len(episode.context_ids)
                at = slice(start, start + len(attempt.completion_ids))
                mask[index, at] = torch.tensor(attempt.sampled)
                turn[index, at] = number
                learn[index, at] = number in learnable[index]
        batch = Batch(
            hidden=self.policy.hidden([episode.context_ids for episode in episodes], completions),
            head_weight=self.policy.head_weight,
            ids=ids.to(device),
            mask=mask.to(device),
            turn=turn.to(device),
            learnable=learn.to(device),
            group=torch.tensor([rollouts.group[row] for row in rows], device=device),
            reward=torch.tensor([_reward(episode) for episode in episodes], device=device),
            valid=torch.tensor([usable(episode) for episode in episodes], device=device),
            denominator=denominator,
        )
        if self.teacher is not None and self.teacher_model is not None:
            taught = [episode.upto(k) for episode, own in zip(episodes, learnable, strict=True) for k in own]
            scored = self.teacher.distribution(self.teacher_model, taught)
            lengths = torch.tensor([len(episode.attempt.completion_ids) for episode in taught], device=device)
            columns = torch.arange(scored.states.shape[1], device=device)
            batch.expert = scored.placed(columns < lengths[:, None], batch.learnable)
            batch.depends_on = _dependencies(episodes).to(device)
        return batch

    def _reduce_gradients(self) -> None:
        """Sum gradients over processes. By hand: the chunked head needs the trunk's states, not a wrapper's logits."""
        if self.accelerator.num_processes == 1:
            return
        for parameter in self.parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            parameter.grad = self.accelerator.reduce(parameter.grad, reduction="sum")

    def _sum_over_processes(self, value: Tensor) -> Tensor:
        total: Tensor = self.accelerator.reduce(value.to(self.policy.device), reduction="sum")
        return total


def micro_batches(rollouts: Rollouts, budget: int) -> Iterator[list[int]]:
    """Rows of whole groups, groups of similar length together, each micro-batch within `budget` tokens if it can be."""
    groups: dict[int, list[int]] = {}
    for row, group in enumerate(rollouts.group):
        groups.setdefault(group, []).append(row)
    length = [len(e.attempt.prompt_ids) + len(e.attempt.completion_ids) for e in rollouts.episodes]  # the last is all
    ordered = sorted(groups.values(), key=lambda rows: max(length[row] for row in rows))
    batch: list[int] = []
    for rows in ordered:
        widest = max(length[row] for row in rows)  # the longest yet, so the padded width of the whole batch
        if batch and widest * (len(batch) + len(rows)) > budget:
            yield batch
            batch = []
        batch = batch + rows
    if batch:
        yield batch


def add(total: Metrics, more: Metrics) -> None:
    """Add sums and counts name by name."""
    for name, (value, count) in more.items():
        before = total.get(name, (0.0, 0.0))
        total[name] = (before[0] + value, before[1] + count)


def _reward(episode: Episode) -> float:
    return episode.outcome.reward if usable(episode) and episode.outcome is not None else 0.0


def _dependencies(episodes: Sequence[Episode]) -> Tensor:
    """[i, j] true when some feedback of row i was made from row j.

    Of any attempt, learned from or not: what follows it has read it.
    """
    ids = [episode.rollout_id for episode in episodes]
    table = torch.zeros(len(ids), len(ids), dtype=torch.bool)
    for row, episode in enumerate(episodes):
        used = {name for attempt in episode.attempts if attempt.feedback for name in attempt.feedback.depends_on}
        for column, other in enumerate(ids):
            table[row, column] = other in used and other != ids[row]
    return table
