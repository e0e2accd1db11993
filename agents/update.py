"""One update of the policy: from rollouts to gradients, in micro-batches of whole groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from accelerate import Accelerator
from torch import Tensor

from agents.batch import Batch, masked_sum
from agents.learners import Learner
from agents.lessons import Lesson
from agents.policy import Policy
from agents.record import Recorder
from agents.rollout import usable
from agents.scorers import Scorers
from distil_envs import Episode
from distil_envs.errors import DistilError
from feedback.experts.expert import Expert

Metrics = dict[str, tuple[float, float]]
"""Name to (total, count), so that parts add up to the mean of the whole."""


class DivergedError(DistilError):
    """The gradient is no longer finite."""


@dataclass
class Updater:
    """Everything that a gradient needs besides the rollouts."""

    policy: Policy
    learner: Learner
    optimizer: torch.optim.Optimizer
    accelerator: Accelerator
    expert: Expert | None
    """None for learners without one."""
    models: Scorers | None
    """What the expert asks for."""
    micro_batch_tokens: int
    """Context and completion tokens of one micro-batch; a single larger group is its own micro-batch."""
    max_grad_norm: float
    passes: int
    """Optimiser steps on the same rollouts."""
    seed: int
    """Of the run; an expert's draws derive from it."""
    recorder: Recorder
    """Looks at what the first pass does."""
    parameters: list[torch.nn.Parameter] = field(init=False)

    def __post_init__(self) -> None:
        self.parameters = list(self.policy.trainable().values())

    def step(self, step: int, lessons: Sequence[Lesson]) -> Metrics:
        """Update `step`, counted from 0: move the policy by these lessons.

        The loss is a sum over tokens divided by the tokens (or rollouts: `Learner.mean_over`), of all processes, that
        are learned from.
        """
        metrics: Metrics = {"lessons": (float(sum(bool(each.learned) for each in lessons)), float(len(lessons)))}
        every = micro_batches(lessons, self.micro_batch_tokens)
        parts = [part for part in every if any(lesson.learned for lesson in part)]
        if self.learner.mean_over == "rollouts":
            count = sum(bool(lesson.learned) for lesson in lessons)
        else:
            count = sum(sum(lesson.episode.attempts[k].sampled) for lesson in lessons for k in lesson.learned)
        denominator = float(self._sum_over_processes(torch.tensor(float(count))))
        old: list[Tensor | None] = [None] * len(parts)
        for repeat in range(self.passes):
            self.optimizer.zero_grad(set_to_none=True)
            for index, part in enumerate(parts):
                batch = self._batch(step, part, max(denominator, 1.0))
                if repeat:
                    batch.old_logp = old[index]
                elif self.passes > 1:
                    with torch.no_grad():
                        old[index] = batch.scores().logp
                if not repeat:
                    self.recorder.watch(batch, part)
                loss = self.learner.loss(batch)
                loss.value.backward()
                self.recorder.look(batch, part)
                kept = None if batch.expert is None else batch.expert.kept_mass
                add(metrics, {} if kept is None else {"kept_mass": masked_sum(kept, batch.counted)})
                add(metrics, {"loss": (float(loss.value.detach()), 0.0), **loss.metrics})
            if not denominator:
                break  # nothing to learn from, in any process
            self._reduce_gradients()
            norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.max_grad_norm)
            if not norm.isfinite():
                raise DivergedError(
                    f"training diverged: the norm of the gradient is {float(norm)}; lower the learning rate "
                    "(the last checkpoint is from before and whole)"
                )
            add(metrics, {"grad_norm": (float(norm), 1.0)})
            self.optimizer.step()
            if self.models is not None:
                self.models.update()
        add(metrics, {} if denominator else {"grad_norm": (0.0, 1.0)})
        total, _ = metrics.get("loss", (0.0, 0.0))
        # A sum over the tokens of all processes: the counts of all must add up to the passes.
        metrics["loss"] = (total, self.passes / self.accelerator.num_processes)
        return metrics

    def _batch(self, step: int, lessons: Sequence[Lesson], denominator: float) -> Batch:
        episodes = [lesson.episode for lesson in lessons]
        completions = [episode.continuation_ids for episode in episodes]
        device = self.policy.device
        shape = len(lessons), max(len(ids) for ids in completions)
        ids, turn = torch.zeros(shape, dtype=torch.long), torch.full(shape, -1)
        mask, learn = torch.zeros(shape, dtype=torch.bool), torch.zeros(shape, dtype=torch.bool)
        for index, lesson in enumerate(lessons):
            ids[index, : len(completions[index])] = torch.tensor(completions[index])
            for number, attempt in enumerate(lesson.episode.attempts):
                start = len(attempt.prompt_ids) - len(lesson.episode.context_ids)
                at = slice(start, start + len(attempt.completion_ids))
                mask[index, at] = torch.tensor(attempt.sampled)
                turn[index, at] = number
                learn[index, at] = number in lesson.learned
        batch = Batch(
            hidden=self.policy.hidden([episode.context_ids for episode in episodes], completions),
            head_weight=self.policy.head_weight,
            ids=ids.to(device),
            mask=mask.to(device),
            turn=turn.to(device),
            learnable=learn.to(device),
            group=torch.tensor([lesson.group for lesson in lessons], device=device),
            reward=torch.tensor([_reward(episode) for episode in episodes], device=device),
            valid=torch.tensor([usable(episode) for episode in episodes], device=device),
            denominator=denominator,
        )
        if self.expert is not None and self.models is not None:
            taught = [(lesson, k) for lesson in lessons for k in lesson.learned]
            scored = [lesson.episode.attempts[k].completion_ids for lesson, k in taught]
            lengths = torch.tensor(list(map(len, scored)), device=device)
            columns = torch.arange(max(map(len, scored)), device=device)
            judged = [lesson.judged.upto(k) for lesson, k in taught]
            made = self.expert.distribution(self.models, judged, scored, seed=self.seed, step=step)
            batch.expert = made.placed(columns < lengths[:, None], batch.learnable)
            batch.depends_on = _dependencies(episodes, own=self.expert.reads_attempt()).to(device)
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


def micro_batches(lessons: Sequence[Lesson], budget: int) -> Iterator[list[Lesson]]:
    """Whole groups, those of similar length together, each micro-batch within `budget` tokens if it can be."""
    groups: dict[int, list[Lesson]] = {}
    for lesson in lessons:
        groups.setdefault(lesson.group, []).append(lesson)
    batch: list[Lesson] = []
    for members in sorted(groups.values(), key=_longest):
        # The longest yet, so the padded width of the whole batch.
        if batch and _longest(members) * (len(batch) + len(members)) > budget:
            yield batch
            batch = []
        batch = batch + members
    if batch:
        yield batch


def _longest(lessons: Sequence[Lesson]) -> int:
    """Tokens of the longest of these episodes; the last attempt's are all."""
    last = [lesson.episode.attempt for lesson in lessons]
    return max(len(attempt.prompt_ids) + len(attempt.completion_ids) for attempt in last)


def add(total: Metrics, more: Metrics) -> None:
    """Add sums and counts name by name."""
    for name, (value, count) in more.items():
        before = total.get(name, (0.0, 0.0))
        total[name] = (before[0] + value, before[1] + count)


def _reward(episode: Episode) -> float:
    return episode.outcome.reward if usable(episode) and episode.outcome is not None else 0.0


def _dependencies(episodes: Sequence[Episode], *, own: bool) -> Tensor:
    """[i, j] true when some feedback of row i was made from row j; [i, i] also where the expert reads attempts, `own`.

    Of any attempt, learned from or not: what follows it has read it.
    """
    columns: dict[str, list[int]] = {}
    for column, episode in enumerate(episodes):
        columns.setdefault(episode.rollout_id, []).append(column)
    table = torch.zeros(len(episodes), len(episodes), dtype=torch.bool)
    for row, episode in enumerate(episodes):
        used = {name for attempt in episode.attempts if attempt.feedback for name in attempt.feedback.depends_on}
        table[row, [column for name in used for column in columns.get(name, ())]] = True
        table[row, row] |= own
    return table
