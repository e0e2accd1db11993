"""`SolveConfig`: every option of `distil solve`. Field docstrings are its help."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tyro.conf import Fixed, FlagCreatePairsOff

from agents.config import TrainerConfig
from distil_envs import Attempt, Episode, Outcome, Status, Task
from distil_envs.curriculum import CurriculumConfig
from distil_envs.errors import ConfigError
from distil_envs.sources import SplitName
from feedback.feedback import Feedback

ARMS = ("learn", "best-of-n", "retry")
NO_REFERENCE = "--feedback binary or execution-trace (or diagnosis, where its words do not settle the answer)"
"""Providers that do not give the reference away, in messages."""
MAY_GROW = frozenset({"seeds", "arms"})
"""Options that may be others when a run is resumed: each pair of arm and seed is a result of its own."""


@dataclass
class SolveConfig(TrainerConfig):
    """One hard task, and how it is attempted. Files of `TrainerConfig` are read too; what only training needs (steps,
    evaluation, checkpoints, curriculum, the rate's warm-up, the size of the pool) changes nothing here.
    """

    task: str | None = None
    """Id of the task, as `distil tasks show` tells it; None takes the first of environment.tasks."""
    split: SplitName = "all"
    """Which split the task is in: train, test, or all for either."""
    budget: int = 128
    """Completions that each arm may sample."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Every arm is run with each of these, from the same weights."""
    arms: tuple[str, ...] = ARMS
    """What is compared. `learn`: update after each group of completions. `best-of-n`: sample without updates. `retry`:
    the feedback on a failed attempt is the next turn, and after max_attempts the task is begun anew."""
    max_attempts: int = 4
    """Attempts of one episode of `retry`. Each is a completion of the budget."""
    group_size: int = 8
    """Completions between two updates."""
    learning_rate: float = 5e-4
    """AdamW's, from the first update on."""
    temperature: float = 1.0
    """Of sampling, in all arms. Losses are taken at temperature 1, so any other value makes the rollouts off-policy."""
    save: FlagCreatePairsOff[bool] = False
    """Keep the policy that `learn` ended with, for each seed."""
    run_dir: str | None = None
    """The run's folder; None makes `runs/solve-<env>-<learner>`."""

    seed: Fixed[int] = 0
    """Draws the adapters, where there are any: the weights that all arms and seeds begin with."""
    steps: Fixed[int] = 1
    """Means nothing here."""
    tasks_per_step: Fixed[int] = 1
    """Means nothing here."""
    warmup_steps: Fixed[int] = 0
    """Means nothing here."""
    eval_every: Fixed[int] = 0
    """Means nothing here."""
    eval_tasks: Fixed[int] = 0
    """Means nothing here."""
    eval_max_new_tokens: Fixed[int | None] = None
    """Means nothing here."""
    eval_samples: Fixed[int] = 0
    """Means nothing here."""
    base_shots: Fixed[int] = 0
    """Means nothing here."""
    checkpoint_every: Fixed[int] = 1
    """Means nothing here."""
    keep_checkpoints: Fixed[int] = 1
    """Means nothing here."""
    trackers: Fixed[tuple[str, ...]] = ()
    """Means nothing here."""
    tracker_project: Fixed[str] = "distil-envs"
    """Means nothing here."""
    curriculum: Fixed[CurriculumConfig] = field(default_factory=CurriculumConfig)
    """Means nothing here."""

    def validate(self) -> None:
        """Raise ConfigError for values that cannot work, before anything is loaded."""
        super().validate()
        if self.budget < 1:
            raise ConfigError(f"budget must be at least 1 completion, got {self.budget}")
        for name in ("seeds", "arms"):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                raise ConfigError(f"{name} must be one or several, each once, got {values!r}")
        unknown = [arm for arm in self.arms if arm not in ARMS]
        if unknown:
            raise ConfigError(f"there is no arm {unknown[0]!r}; choose from {', '.join(ARMS)}")
        if "retry" in self.arms and self.max_attempts < 2:
            raise ConfigError(
                f"max_attempts={self.max_attempts} leaves nothing to retry: raise it, or leave out the arm"
            )
        if self.environment.max_attempts is not None:
            raise ConfigError(
                "environment.max_attempts is for training, here the arms decide: set max_attempts, which is for retry, "
                "and environment.max_attempts to None"
            )
        updates = range(-(-self.budget // self.group_size)) if "learn" in self.arms else ()
        if any(self.learner.corrections(step) > 0 for step in updates):
            raise ConfigError(
                f"{type(self.learner).__name__} learns from corrections, and who has one has solved the task: take a "
                f"learner of the policy's own attempts, such as DistIL, and {NO_REFERENCE}"
            )
        if "learn" in self.arms and self.learner.needs_expert and not self.expert.teaches(_told()):
            raise ConfigError(
                f"{type(self.expert).__name__} teaches from corrections, and who has one has solved the task: take an "
                "expert that reads what is wrong, such as --expert self-teacher"
            )

    def differences(self, other: TrainerConfig) -> dict[str, tuple[Any, Any]]:
        """See `TrainerConfig.differences`. Further seeds and arms are no difference."""
        return {name: values for name, values in super().differences(other).items() if name not in MAY_GROW}

    @property
    def path(self) -> Path:
        """The run's folder; without run_dir ``runs/solve-<env>-<learner>``."""
        if self.run_dir is not None:
            return Path(self.run_dir).expanduser()
        name = self.env.rpartition(":")[2].replace("/", "-")
        return Path("runs") / f"solve-{name}-{type(self.learner).__name__}"


def _told() -> Episode:
    """A failed attempt with feedback that holds no correction."""
    outcome = Outcome(0.0, Status.WRONG)
    return Episode(Task("task", "any", "?"), [Attempt((0,), (0,), "", outcome, Feedback("It is wrong."))])
