"""What one update of a learner does to the tokens that were sampled: its credit, read off its real loss.

The gradient of every loss reaches a token's logits as ``dz_t = w_t ∂D/∂z + c_t (onehot(y_t) - q_t)`` (`agents.head`).
The *push* on a sampled token is ``-dz_t[y_t]``, the way in which the update moves that token's own logit: positive is
up. It holds the local pull to the expert and the weight of the log-probability alike, so learners with either or
both can be compared. The *coefficient* is ``-c_t`` alone.

Both are in units of the loss before it is divided by its denominator. An update that learns from a correction in a
rollout's place pushes the rollout's tokens as far as both are the same, the first that differs included: there both
stand in one state. What an update does not visit, or does not learn from, it does not push.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from accelerate import Accelerator
from torch import Tensor

from agents.batch import Batch
from agents.config import TrainerConfig
from agents.environments import provider_named
from agents.head import Probe
from agents.lessons import Lesson
from agents.policy import Policy
from agents.record import Recorder
from agents.rollout import Rollouts
from agents.student import Student
from distil_envs import TokenEnv
from distil_envs.resources import Provider


@dataclass
class Credit:
    """Of one rollout; lists over the tokens of `Episode.continuation_ids`."""

    push: list[float]
    """-dz_t[y_t]."""
    coefficient: list[float]
    """-c_t, the derivative of minus the loss by log q(y_t)."""
    cost: float
    """Σ CE(p_t, q_t) over the tokens learned from, nats; 0 without an expert."""


@dataclass
class _Prober(Recorder):
    """Probes the sampled tokens' logits in every row of an update, and adds up by rollout."""

    credit: dict[str, Credit] = field(default_factory=dict, init=False)

    def begin(self, rollouts: Rollouts) -> None:
        self.credit = {
            episode.rollout_id: Credit(
                [0.0] * len(episode.continuation_ids), [0.0] * len(episode.continuation_ids), 0.0
            )
            for episode in rollouts.episodes
        }

    def watch(self, batch: Batch, lessons: Sequence[Lesson]) -> None:
        ids = batch.ids.clone()
        for row, lesson in enumerate(lessons):
            own = _common(lesson)
            ids[row, : len(own)] = torch.tensor(own)
        batch.seen = []
        batch.probe = Probe(ids, torch.zeros(ids.shape, device=ids.device, requires_grad=True))

    def look(self, batch: Batch, lessons: Sequence[Lesson]) -> None:
        assert batch.probe is not None and batch.seen is not None
        push = -_of(batch.probe.push, batch)
        coefficient = -sum((_of(scores.logp, batch) for scores in batch.seen), torch.zeros_like(push))
        cost = batch.seen[0].ce.detach() if batch.seen else torch.zeros_like(push)
        for row, lesson in enumerate(lessons):
            found, own = self.credit[lesson.judged.rollout_id], _common(lesson)
            same = [a == b for a, b in zip(own, lesson.episode.continuation_ids, strict=False)]
            for t in range(len(own)):
                found.push[t] += float(push[row, t])
                found.coefficient[t] += float(coefficient[row, t]) * same[t]
            found.cost += float(cost[row][batch.counted[row]].sum())


def _of(value: Tensor, batch: Batch) -> Tensor:
    """The loss's derivative by these values [B, T], before the loss is divided."""
    return torch.zeros_like(value) if value.grad is None else value.grad.detach() * batch.denominator


def _common(lesson: Lesson) -> tuple[int, ...]:
    """The rollout's tokens up to and with the first that differs from what is learned in its place."""
    own, learned = lesson.judged.continuation_ids, lesson.episode.continuation_ids
    for t, (a, b) in enumerate(zip(own, learned, strict=False)):
        if a != b:
            return own[: t + 1]
    return own[: len(learned)]


def provider_of(config: TrainerConfig, env: TokenEnv) -> Provider | None:
    """Who gives the feedback that `config` asks for, in this environment."""
    return env.feedback if config.feedback is None else provider_named(config.feedback)


def credit_of(config: TrainerConfig, policy: Policy, env: TokenEnv, rollouts: Rollouts) -> dict[str, Credit]:
    """The credit that the learner of `config` gives in one update from these rollouts, by rollout id.

    It asks for feedback, makes its lessons and takes the update as in training, at a learning rate of 0: the policy
    stays as it is. The rollouts' feedback is afterwards that of `config`. Raises ConfigError as training would.
    """
    for episode in rollouts.episodes:
        episode.attempt.feedback = None
    prober = _Prober(len(rollouts.episodes), policy.tokenizer)
    still = replace(config, passes=1, weight_decay=0.0)
    accelerator = Accelerator(cpu=policy.device.type == "cpu")
    student = Student(still, policy, env, provider_of(config, env), accelerator, prober)
    student.give_feedback(rollouts)
    student.learn(0, rollouts, 0.0)
    return prober.credit
