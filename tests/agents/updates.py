"""Rollouts without running anything, and updaters to try on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from agents.learners import (
    Learner,
)  # fmt: skip
from agents.lessons import Lesson, Lessons
from agents.policy import Policy
from agents.record import Recorder
from agents.rollout import Rollouts
from agents.scorers import Scorers
from agents.update import Updater
from distil_envs import Attempt, Episode, Outcome, Status, Task, encode_chat
from distil_envs.counted import generator
from feedback import Feedback
from feedback.context import ContextTemplate
from feedback.experts.self_teacher import SelfTeacher

Load = Callable[..., Policy]


def make_rollouts(policy: Policy, *, groups: int = 3, size: int = 3, attempts: int = 1) -> Rollouts:
    """Ragged rollouts with feedback, right and wrong, without running anything.

    Of several attempts an episode has one to `attempts`, each but the last wrong, and some call a tool.
    """
    episodes, group_of = [], []
    for group in range(groups):
        task = Task(f"t{group}", "math", f"What is {group} + 1{'?' * (group + 1)}")
        for sample in range(size):
            rng = generator(0, "rollouts", group, sample)
            name = f"0/{group}/{sample}"
            episode = Episode(task, [], rollout_id=name, group_id=f"0/{group}", messages=tuple(task.messages))
            count = 1 + (group + sample) % attempts
            for number in range(count):
                ids = (*rng.integers(3, 200, size=int(rng.integers(1, 9))).tolist(), policy.eos_ids[0])
                right = number == count - 1 and bool(rng.random() < 0.5)
                outcome = Outcome(float(right), Status.CORRECT if right else Status.WRONG)
                words = Feedback(text=f"It is {group + 1}. {'Yes' * (sample + number)}")
                attempt = Attempt(prompt_of(policy, episode), ids, "", outcome, words, reply=words.text + " Again.")
                if attempts > 1 and (sample + number) % 2:
                    attempt.inserted = ((len(ids), len(ids) + 5),)
                    attempt.completion_ids = (*ids, *rng.integers(3, 200, size=5).tolist(), 40, 41, policy.eos_ids[0])
                episode.attempts.append(attempt)
            episodes.append(episode)
            group_of.append(group)
    return Rollouts(episodes, [[0.0] * sum(sum(a.sampled) for a in e.attempts) for e in episodes], group_of)


def prompt_of(policy: Policy, episode: Episode) -> tuple[int, ...]:
    """Ids before the next attempt."""
    if not episode.attempts:
        return tuple(encode_chat(policy.tokenizer, episode.task.messages))
    last = episode.attempt
    turns = [{"role": "user", "content": last.reply}]
    reply = episode.format.continued(policy.tokenizer, episode.chat, turns, last.completion_ids[-1])
    return (*last.prompt_ids, *last.completion_ids, *reply)


def make_updater(
    policy: Policy, learner: Learner, *, tokens: int = 10**6, weights: Any = "frozen", **more: Any
) -> Updater:
    expert = SelfTeacher(weights=weights, context=ContextTemplate()) if learner.needs_expert else None
    options = {"max_grad_norm": 1e9, "passes": 1, "lr": 0.0, "record_groups": 0} | more
    return Updater(
        policy,
        learner,
        torch.optim.SGD(policy.trainable().values(), lr=options["lr"]),
        Accelerator(cpu=True),
        expert,
        Scorers(policy, expert, policy.eos_ids[0]) if expert is not None else None,
        tokens,
        options["max_grad_norm"],
        options["passes"],
        0,
        Recorder(options["record_groups"], policy.tokenizer),
    )


def lessons_of(updater: Updater, rollouts: Rollouts, train: tuple[int, ...] = ()) -> list[Lesson]:
    end = updater.policy.eos_ids[0]
    return Lessons(updater.learner, updater.expert, updater.policy.tokenizer, end, 0, train).take(0, rollouts)


def gradients(
    updater: Updater, rollouts: Rollouts, train: tuple[int, ...] = ()
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """What one step leaves in the parameters, and its metrics as means."""
    metrics = {
        name: total / max(count, 1.0)
        for name, (total, count) in updater.step(0, lessons_of(updater, rollouts, train)).items()
    }
    return {n: p.grad.clone() for n, p in updater.policy.trainable().items() if p.grad is not None}, metrics


def assert_equal(first: dict[str, Tensor], second: dict[str, Tensor], tolerance: float = 1e-6) -> None:
    assert first.keys() == second.keys()
    largest = max(float(value.abs().max()) for value in first.values())
    assert largest > 0
    for name, value in first.items():
        assert float((value - second[name]).abs().max()) < tolerance * max(1.0, largest), name


def stir(policy: Policy, scale: float = 0.05, seed: int = 3) -> None:
    """Change every trained weight, as training would."""
    source = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in policy.trainable().values():
            parameter.add_(torch.randn(parameter.shape, generator=source).to(parameter.dtype), alpha=scale)
