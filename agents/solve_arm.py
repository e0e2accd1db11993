"""One arm with one seed: group after group of completions of the task, until one is right or the budget is spent."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from accelerate import Accelerator
from rich.console import Console

from agents.environments import take_provider
from agents.policy import Policy
from agents.rollout import Sampling, failure, ids_hash, rollout
from agents.solve_config import NO_REFERENCE, SolveConfig
from agents.student import Student
from distil_envs import Attempt, Episode, Status, Task, TokenEnv
from distil_envs.errors import ConfigError, DistilError
from distil_envs.grading import grade
from distil_envs.resources import Provider, feedback_of
from distil_envs.vector import TokenVectorEnv


@dataclass
class Result:
    """What one arm came to with one seed."""

    arm: str
    seed: int
    solved: bool = False
    """Whether the last of the completions is right."""
    completions: int = 0
    """Up to and with the first right one, or the whole budget."""
    tokens: int = 0
    """That the policy made in these completions."""
    not_graded: int = 0
    """Completions left out because their grading failed on our side."""
    updates: int = 0
    """Updates that had a gradient."""
    seconds: float = 0.0
    """Sampling, grading and updates, the rest of the last group included."""
    text: str = ""
    """The right completion."""
    ids: str = ""
    """Digest of the exact ids of all that was sampled: equal runs have equal ones."""

    def add(self, attempts: Sequence[Attempt], budget: int) -> bool:
        """Count these, one after another, up to a right one or the end of the budget; returns whether that is it."""
        for attempt in attempts:
            if self.solved or self.completions == budget:
                break
            assert attempt.outcome is not None
            if attempt.outcome.status is Status.INFRA_ERROR:
                self.not_graded += 1
                continue
            self.completions += 1
            self.tokens += sum(attempt.sampled)
            if attempt.outcome.success:
                self.solved, self.text = True, attempt.text
        return self.solved or self.completions == budget


@dataclass
class Arm:
    """Runs one arm with one seed. The policy must stand at its initial weights; `learn` moves it."""

    config: SolveConfig
    result: Result
    """Names the arm and the seed; filled in here."""
    policy: Policy
    envs: TokenVectorEnv
    """Rows of as many attempts as the arm makes in an episode."""
    task: Task
    console: Console
    episodes: list[dict[str, Any]] = field(default_factory=list)
    """What was sampled."""
    metrics: list[dict[str, Any]] = field(default_factory=list)
    """Of the updates."""

    def run(self) -> Iterator[int]:
        """Yields the completions so far, after every group.

        Raises ConfigError where feedback gives the reference away, DistilError where a whole group cannot be graded.
        """
        began = time.perf_counter()
        provider, rows = take_provider(self.envs), range(self.envs.num_envs)
        student = None
        if self.result.arm == "learn":
            config = replace(self.config, seed=self.result.seed)
            student = Student(
                config, self.policy, self.envs.rows[0], provider, Accelerator(cpu=config.policy.device == "cpu")
            )
        resets, keys = [(0, {"task": self.task})] * len(rows), [(0, row) for row in rows]
        for step in count():
            sampling = Sampling(self.result.seed, "rollout", step, self.config.temperature)
            rollouts = rollout(self.policy, self.envs, resets, keys, sampling)
            attempts = [attempt for episode in rollouts.episodes for attempt in episode.attempts]
            self._tell_failures(step, attempts)
            over = self.result.add(attempts, self.config.budget)
            if student is not None and not over:
                student.give_feedback(rollouts)
            require_no_reference(attempts, provider)
            if student is not None and not over:
                made = student.learn(step, rollouts, self.config.learning_rate)
                row = {name: total / (number or 1.0) for name, (total, number) in made.items()}
                self.result.updates += row["grad_norm"] > 0
                self.metrics.append({"step": step, **row})
            self.episodes += ({"step": step, **episode.to_dict()} for episode in rollouts.episodes)
            self.result.seconds = time.perf_counter() - began
            yield self.result.completions
            if over:
                break
        ids = ((attempt["prompt_ids"], attempt["completion_ids"]) for e in self.episodes for attempt in e["attempts"])
        self.result.ids = ids_hash(ids)

    def _tell_failures(self, step: int, attempts: Sequence[Attempt]) -> None:
        """Failures on our side are no completions: they are told (law 4). Raises DistilError if all failed."""
        failed = [each.outcome for each in attempts if each.outcome and each.outcome.status is Status.INFRA_ERROR]
        if not failed:
            return
        where, why = f"{self.result.arm}, seed {self.result.seed}, group {step}", failure(failed[0])
        if len(failed) == len(attempts):
            raise DistilError(
                f"{where}: all {len(failed)} verifications failed on our side, so nothing can be found: {why}; mend "
                "that and go on with --resume"
            )
        told = f"{where}: {len(failed)} of {len(attempts)} verifications failed on our side and do not count: {why}"
        self.console.print(told, highlight=False, markup=False, soft_wrap=True)


def require_no_reference(attempts: Sequence[Attempt], provider: Provider | None) -> None:
    """Raises ConfigError where feedback states the reference, or a correction: then there is nothing to discover."""
    for feedback in (attempt.feedback for attempt in attempts if attempt.feedback is not None):
        if feedback.reveals_reference or feedback.correction is not None:
            what = "reveals the reference" if feedback.reveals_reference else "holds a correction"
            raise ConfigError(
                f"the feedback of {provider.name if provider else 'the environment'!r} {what}, and to copy that is no "
                f"discovery: choose a provider that only tells what is wrong, with {NO_REFERENCE}"
            )


def require_fair(env: TokenEnv, task: Task) -> None:
    """Raises ConfigError where feedback on an empty answer gives the reference away, before anything is spent."""
    empty = Attempt((), (), "", grade(env.verify, task, ""))
    assert empty.outcome is not None
    if env.feedback is not None and empty.outcome.status is not Status.INFRA_ERROR:
        [empty.feedback] = feedback_of(env.feedback, [Episode(task, [empty], rollout_id="empty")])
        require_no_reference([empty], env.feedback)
