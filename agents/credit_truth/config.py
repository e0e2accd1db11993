"""`CreditConfig`: every option of `distil credit`. Field docstrings are its help."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Self, get_origin, get_type_hints

from tyro.conf import Fixed

from agents.config import EnvConfig, TrainerConfig
from agents.limits import Limits
from distil_envs.curriculum import CurriculumConfig
from distil_envs.errors import ConfigError
from feedback.context import ContextTemplate
from feedback.experts.expert import Expert
from feedback.experts.self_teacher import SelfTeacher


@dataclass
class CreditConfig(TrainerConfig):
    """A learner, and the rollouts on which its credit is measured. Files of `TrainerConfig` are read too; what only
    training needs (steps, limits, evaluation, checkpoints, trackers, curriculum, optimiser) is left out of them.
    """

    model: str = "tiny"
    """`tiny` (embedded toy), `smollm2` (embedded), a local folder, or a hub name."""
    env: str = "distil/Toy-v0"
    """Registered environment; `package:Name-v0` imports the package first."""
    feedback: str | None = "answer"
    """Feedback provider by name or `module:name`; None takes what the environment itself gives."""
    expert: Expert = field(default_factory=lambda: SelfTeacher(context=ContextTemplate(show_attempt=False)))
    """The expert of learners that need one, and its options; also whose cross-entropy the cost is."""
    demonstrations: int = 0
    """Examples of how feedback is read, shown to the self-teacher (drawn from train tasks outside the pool)."""
    environment: EnvConfig = field(default_factory=EnvConfig)
    """Options of the environment."""
    tasks: int = 32
    """Tasks whose rollouts are looked at, at most: the first candidates of middling success."""
    candidates: int = 128
    """How often a task to try is drawn from the train tasks, with replacement. A task is tried once, so there are never
    more of them than `environment.num_tasks`: of a pool of 64, 128 draws find about 55."""
    tries: int = 32
    """Completions of each candidate, to find its success; none of them is used for anything else."""
    lowest: float = 0.1
    """Least success of a task that is taken, in [0, 1]."""
    highest: float = 0.9
    """Greatest success of a task that is taken, in [0, 1]."""
    group_size: int = 8
    """Rollouts of each task in one update."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """An update is sampled with each of these, on the same tasks, and its tokens are pooled."""
    branches: int = 128
    """Completions of each prefix, an even number: its value is the mean of what they earn."""
    positions: int | None = None
    """Tokens of each rollout that are looked at, drawn at random; None takes all. For long responses."""
    rows: int = 512
    """Episodes at one time; changes no result."""

    steps: Fixed[int] = 1
    """Means nothing here."""
    tasks_per_step: Fixed[int] = 1
    """Means nothing here."""
    learning_rate: Fixed[float] = 5e-4
    """Means nothing here: no update is taken."""
    warmup_steps: Fixed[int] = 0
    """Means nothing here."""
    weight_decay: Fixed[float] = 0.0
    """Means nothing here."""
    max_grad_norm: Fixed[float] = 1.0
    """Means nothing here."""
    passes: Fixed[int] = 1
    """Means nothing here."""
    eval_every: Fixed[int] = 0
    """Means nothing here."""
    eval_at: Fixed[tuple[float, ...]] = ()
    """Means nothing here."""
    eval_tasks: Fixed[int] = 0
    """Means nothing here."""
    held_out: Fixed[dict[str, Any]] = field(default_factory=dict)
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
    record_groups: Fixed[int] = 0
    """Means nothing here."""
    trackers: Fixed[tuple[str, ...]] = ()
    """Means nothing here."""
    tracker_project: Fixed[str] = "distil-envs"
    """Means nothing here."""
    save_model: Fixed[bool] = False
    """Means nothing here."""
    run_dir: Fixed[str | None] = None
    """Means nothing here."""
    limits: Fixed[Limits] = field(default_factory=Limits)
    """Means nothing here."""
    curriculum: Fixed[CurriculumConfig] = field(default_factory=CurriculumConfig)
    """Means nothing here."""

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """As `TrainerConfig.from_dict`, without what means nothing here: a tracker that is not installed is no harm."""
        hints = get_type_hints(cls, include_extras=True)
        return super().from_dict(
            {name: value for name, value in values.items() if get_origin(hints.get(name)) is not Annotated}
        )

    def validate(self) -> None:
        """Raise ConfigError for values that cannot work, before anything is loaded."""
        super().validate()
        for name in ("tasks", "candidates", "tries", "rows"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.branches < 2 or self.branches % 2:
            raise ConfigError(f"branches must be an even number, for two halves, at least 2, got {self.branches}")
        if self.positions is not None and self.positions < 1:
            raise ConfigError(f"positions must be at least 1, or None for all, got {self.positions}")
        if not 0 <= self.lowest <= self.highest <= 1:
            raise ConfigError(
                f"lowest and highest must be 0 <= lowest <= highest <= 1, got {self.lowest}, {self.highest}"
            )
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ConfigError(f"seeds must be one or several, each once, got {self.seeds!r}")
