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
    parameters: list[torch.nn.Parameter] = field(init=False)

    def __post_init__(self) -> None:
        self.parameters = list(self.policy.trainable().values())

    def step(self, rollouts: Rollouts) -> Metrics:
        """Update the policy on these rollouts.

        The loss is a sum over tokens divided by the tokens, of all processes, that can be learned from.
        """
        metrics: Metrics = {}
        parts = list(micro_batches(rollouts, self.micro_batch_tokens))
        tokens = sum(len(e.attempt.completion_ids) for e in rollouts.episodes if self._learnable(e))
        denominator = float(self._sum_over_processes(torch.tensor(float(tokens))))
        old: list[Tensor | None] = [None] * len(parts)
        for repeat in range(self.passes):
            self.optimizer.zero_grad(set_to_none=True)
            for index, rows in enumerate(parts):
                batch = self._batch(rollouts, rows, max(denominator, 1.0))
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

    def _learnable(self, episode: Episode) -> bool:
        """Whether its tokens enter the loss: graded, and with feedback where an expert teaches."""
        return usable(episode) and (self.teacher is None or episode.attempt.feedback is not None)

    def _batch(self, rollouts: Rollouts, rows: Sequence[int], denominator: float) -> Batch:
        episodes = [rollouts.episodes[row] for row in rows]
        completions = [episode.attempt.completion_ids for episode in episodes]
        device = self.policy.device
        width = max(len(ids) for ids in completions)
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        mask = torch.zeros(len(rows), width, dtype=torch.bool)
        for index, completion in enumerate(completions):
            ids[index, : len(completion)] = torch.tensor(completion)
            mask[index, : len(completion)] = True
        batch = Batch(
            hidden=self.policy.hidden([episode.attempt.prompt_ids for episode in episodes], completions),
            head_weight=self.policy.head_weight,
            ids=ids.to(device),
            mask=mask.to(device),
            group=torch.tensor([rollouts.group[row] for row in rows], device=device),
            reward=torch.tensor([_reward(episode) for episode in episodes], device=device),
            valid=torch.tensor([usable(episode) for episode in episodes], device=device),
            denominator=denominator,
        )
        if self.teacher is not None and self.teacher_model is not None:
            taught = torch.tensor([episode.attempt.feedback is not None for episode in episodes], device=device)
            batch.taught = taught
            batch.depends_on = _dependencies(episodes).to(device)
            batch.expert = self.teacher.distribution(self.teacher_model, episodes)
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
    length = [len(e.attempt.prompt_ids) + len(e.attempt.completion_ids) for e in rollouts.episodes]
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
    """[i, j] true when the feedback of row i was made from row j."""
    ids = [episode.rollout_id for episode in episodes]
    table = torch.zeros(len(ids), len(ids), dtype=torch.bool)
    for row, episode in enumerate(episodes):
        used = episode.attempt.feedback.depends_on if episode.attempt.feedback is not None else frozenset()
        for column, other in enumerate(ids):
            table[row, column] = other in used and other != ids[row]
    return table
