"""`TrainerConfig`: every option of a run. Field docstrings are the help of `distil train`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self, TypeVar, get_type_hints

import yaml

from agents.learners import DistIL, Learner
from agents.limits import Limits
from agents.options import SURROUNDINGS, build, flat
from agents.policy import PolicyConfig
from agents.trackers import require_trackers
from agents.yaml_options import read_options
from distil_envs.curriculum import CurriculumConfig
from distil_envs.errors import ConfigError
from distil_envs.registry import name_of, resolve
from feedback.context import ContextTemplate
from feedback.experts.expert import Expert, Knows
from feedback.experts.self_teacher import SelfTeacher

K = TypeVar("K")

_KNOWN = {
    Knows.SAMPLES: "samples",
    Knows.KEPT: "probabilities of some tokens, and calls the others impossible",
    Knows.PROBABILITIES: "probabilities of its own likeliest tokens, and of the rest as a whole",
    Knows.VOCABULARY: "the probability of any token (the student's top k among them: learner.top_k)",
}

MAY_CHANGE = SURROUNDINGS - {"tracker_project"} | {"steps"}
"""Options that may be others when a run is resumed: they change no result of a step."""


@dataclass
class EnvConfig:
    """Options of the environment. None leaves the environment's own default."""

    tasks: str | None = None
    """Task set: a name such as `math/algebra@1-2`, a JSONL file, `gsm8k:FILE`, `hf:NAME`, or several with commas."""
    num_tasks: int | None = 64
    """Train on a pool of this many distinct tasks; None draws from the whole set for ever (and evaluates on 64)."""
    max_new_tokens: int | None = None
    """Token budget of a completion."""
    max_prompt_tokens: int | None = None
    """Room for the prompt, in tokens."""
    system: str | None = None
    """System message."""
    instruction: str | None = None
    """Text put after the question, on a line of its own."""
    shots: int | None = None
    """Solved examples shown to the student before the question."""
    max_attempts: int | None = None
    """Attempts at each task; after a failed one the feedback is the next turn."""
    tools: tuple[str, ...] | None = None
    """Tools that the policy may call: names such as `python`, `calculator`, or `module:name`."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Further keyword arguments of the environment, from YAML or Python."""

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments for `TokenVectorEnv.of`, without those left to the environment."""
        own = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "extra"}
        return {name: value for name, value in own.items() if value is not None} | self.extra


@dataclass
class TrainerConfig:
    """One training run."""

    model: str = "smollm2"
    """`smollm2` (embedded), `tiny` (embedded toy), a local folder, or a hub name."""
    env: str = "distil/Math-v0"
    """Registered environment; `package:Name-v0` imports the package first."""
    feedback: str | None = None
    """Feedback provider by name or `module:name`; None takes what the environment itself gives."""
    learner: Learner = field(default_factory=DistIL)
    """The learner and its options."""
    seed: int = 0
    """Every random number of the run derives from it."""
    steps: int = 40
    """Updates of the policy, at most."""
    tasks_per_step: int = 8
    """Tasks (groups) sampled for each update."""
    group_size: int = 4
    """Rollouts of each task."""
    learning_rate: float = 5e-4
    """AdamW's, after warm-up."""
    warmup_steps: int = 2
    """Steps over which the learning rate rises linearly to its value."""
    weight_decay: float = 0.0
    """AdamW's."""
    max_grad_norm: float = 1.0
    """Gradients are scaled down to this norm."""
    temperature: float = 1.0
    """Of sampling. Losses are taken at temperature 1, so any other value makes the rollouts off-policy."""
    passes: int = 1
    """Optimiser steps on the same rollouts."""
    train_attempts: tuple[int, ...] = ()
    """Which attempts of an episode are learned from, by index (negative from the end); empty for all."""
    micro_batch_tokens: int = 8192
    """Context and completion tokens per forward pass; bounds memory, changes no result."""
    eval_every: int = 20
    """Steps between evaluations; 0 evaluates only before and after."""
    eval_at: tuple[float, ...] = ()
    """Shares of the run, between 0 and 1, after which to evaluate as well: of its steps, or of the limit that is nearer
    to its end."""
    eval_tasks: int = 48
    """Held-out tasks (test split) of each evaluation."""
    held_out: dict[str, Any] = field(default_factory=dict)
    """Options of the environment in held-out evaluations, over the others: `tasks` (and `split: all`) of a set that
    nothing is trained on."""
    eval_max_new_tokens: int | None = None
    """Token budget of a completion in evaluations; None takes the environment's. Untrained models ramble: give them
    room to reach the answer, or the comparison flatters training."""
    base_shots: int = 4
    """Before training, also evaluate the model with this many solved examples in its prompt; 0 for zero-shot only."""
    eval_samples: int = 0
    """Attempts per task for pass@k; 0 reports greedy accuracy only."""
    checkpoint_every: int = 10
    """Steps between checkpoints."""
    keep_checkpoints: int = 2
    """How many of the newest checkpoints stay."""
    record_groups: int = 2
    """Groups of each step whose tokens are kept with what the update did to them, for the viewer of `distil report`."""
    trackers: tuple[str, ...] = ("tensorboard",)
    """Who is told the figures of each step and evaluation: `tensorboard` (in the run's folder), `wandb`, `trackio`."""
    tracker_project: str = "distil-envs"
    """The project under which trackers file the run."""
    save_model: bool = True
    """Write the trained model when the run ends."""
    run_dir: str | None = None
    """The run's folder; None makes `runs/<env>-<learner>-<seed>`."""
    demonstrations: int = 3
    """Examples of how feedback is read, shown to the self-teacher (drawn from train tasks outside the pool)."""
    environment: EnvConfig = field(default_factory=EnvConfig)
    """Options of the environment."""
    limits: Limits = field(default_factory=Limits)
    """Limits beside the steps."""
    curriculum: CurriculumConfig = field(default_factory=CurriculumConfig)
    """Which tasks each step draws."""
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    """How the model is loaded and which of its weights train."""
    expert: Expert = field(default_factory=SelfTeacher)
    """The expert of learners that need one, and its options."""

    def validate(self) -> None:
        """Raise ConfigError for values that cannot work, before anything is loaded."""
        for name in ("steps", "tasks_per_step", "group_size", "passes", "checkpoint_every", "keep_checkpoints"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in (
            "eval_every",
            "eval_tasks",
            "eval_samples",
            "base_shots",
            "warmup_steps",
            "demonstrations",
            "record_groups",
        ):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must not be negative, got {getattr(self, name)}")
        for name in ("learning_rate", "temperature", "max_grad_norm", "micro_batch_tokens"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} must be positive, got {getattr(self, name)}")
        if self.environment.num_tasks is not None and self.environment.num_tasks < 1:
            raise ConfigError(
                f"environment.num_tasks must be at least 1, or None for all, got {self.environment.num_tasks}"
            )
        if self.environment.max_attempts is not None and self.environment.max_attempts < 1:
            raise ConfigError(f"environment.max_attempts must be at least 1, got {self.environment.max_attempts}")
        require_trackers(self.trackers, self.tracker_project)
        if not all(0 < share < 1 for share in self.eval_at):
            raise ConfigError(f"eval_at must hold shares between 0 and 1, got {list(self.eval_at)}")
        if "split" in self.environment.extra and "tasks" not in self.held_out:
            raise ConfigError(
                "environment.extra.split would train on held-out tasks: name others by held_out.tasks, or leave it out"
            )
        self.limits.validate()
        self.curriculum.validate()
        self.policy.validate()
        self.learner.validate(self.group_size)
        self.expert.validate()
        needed, known = self.learner.needs_known(), self.expert.knows()
        if self.learner.needs_expert and known < needed:
            raise ConfigError(
                f"{type(self.learner).__name__} with these options needs an expert that gives {_KNOWN[needed]}; "
                f"{type(self.expert).__name__} with its options gives {_KNOWN[known]}: choose another expert, other "
                "options of it (top_k, mode), or a learner of the cross-entropy alone, such as CE"
            )
        for name, value in flat(self.to_dict()).items():
            try:
                yaml.safe_dump(value)
            except yaml.YAMLError as error:
                raise ConfigError(
                    f"{name} is a {type(value).__name__}, which config.yaml cannot hold: register it under a name, or "
                    "give it to distil_envs.register(...) with the environment"
                ) from error

    def differences(self, other: TrainerConfig) -> dict[str, tuple[Any, Any]]:
        """Options that keep a run of `other` from going on with this configuration: by name, this value and that."""
        mine, others = (flat(yaml.safe_load(yaml.safe_dump(config.to_dict()))) for config in (self, other))
        known = sorted((mine.keys() | others.keys()) - MAY_CHANGE)
        return {name: (mine.get(name), others.get(name)) for name in known if mine.get(name) != others.get(name)}

    @property
    def path(self) -> Path:
        """The run's folder."""
        if self.run_dir is not None:
            return Path(self.run_dir).expanduser()
        name = self.env.rpartition(":")[2].replace("/", "-")
        return Path("runs") / f"{name}-{type(self.learner).__name__}-{self.seed}"

    def to_dict(self) -> dict[str, Any]:
        """Plain YAML values; `from_dict` reads them back."""
        values = asdict(self, dict_factory=_plain)
        values["learner"] = {"name": registered_name("learners", self.learner), **values["learner"]}
        values["expert"] = _expert_values(self.expert)
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """From YAML values; ``learner: GRPO`` is short for ``learner: {name: GRPO}``, and so with experts.

        Raises ConfigError naming an unknown option and its closest known ones, or a value of another type.
        """
        values = dict(values)
        learner, expert = _named(values, "learner"), _named(values, "expert")
        nested = {
            "learner": make_learner(learner.pop("name", "DistIL"), learner),
            "expert": make_expert(expert.pop("name", "self-teacher"), expert),
            "environment": build(EnvConfig, _section(values, "environment"), "environment."),
            "limits": build(Limits, _section(values, "limits"), "limits."),
            "curriculum": build(CurriculumConfig, _section(values, "curriculum"), "curriculum."),
            "policy": build(PolicyConfig, _section(values, "policy"), "policy."),
        }
        return build(cls, {**values, **nested})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """From a YAML file. Raises ConfigError when it is missing or malformed, or names an option twice."""
        return cls.from_dict(read_options(Path(path), "the configuration"))


def make_learner(name: str, options: dict[str, Any]) -> Learner:
    """A learner by its registered name, or `module:Class`, with its options."""
    return build(_kind("learners", name, Learner), options, "learner.")


def make_expert(name: str, options: dict[str, Any], prefix: str = "expert.") -> Expert:
    """An expert by its registered name, or `module:Class`, with its options, experts among them."""
    kind = _kind("experts", name, Expert)
    nested = {item.name for item in fields(kind) if get_type_hints(kind)[item.name] is Expert}
    made = {}
    for part in nested & options.keys():
        own = _named(options, part)
        made[part] = make_expert(own.pop("name", "self-teacher"), own, f"{prefix}{part}.")
    return build(kind, {**options, **made}, prefix)


def registered_name(kind: str, thing: object) -> str:
    """The name under which the class of a learner or an expert is found."""
    cls = type(thing)
    return name_of(kind, cls) or f"{cls.__module__}:{cls.__qualname__}"


def _kind(kind: str, name: str, base: type[K]) -> type[K]:
    found = resolve(kind, name)
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ConfigError(
            f"{kind[:-1]} {name!r} must be a subclass of {base.__module__}.{base.__name__}, got {found!r}"
        )
    return found


def _expert_values(expert: Expert) -> dict[str, Any]:
    values = {"name": registered_name("experts", expert), **asdict(expert, dict_factory=_plain)}
    for item in fields(expert):
        own = getattr(expert, item.name)
        if isinstance(own, Expert):
            values[item.name] = _expert_values(own)
        elif isinstance(own, ContextTemplate):
            values[item.name].pop("demonstrations")
    return values


def _plain(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Options as YAML has them, without tuples."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in pairs}


def _named(values: dict[str, Any], name: str) -> dict[str, Any]:
    """`_section`, of which ``name: NAME`` is a short form."""
    if isinstance(values.get(name), str):
        return {"name": values.pop(name)}
    return _section(values, name)


def _section(values: dict[str, Any], name: str) -> dict[str, Any]:
    """Takes the options under `name` out of `values`; none where there is nothing."""
    section = values.pop(name, None)
    if section is None:
        return {}
    if not isinstance(section, Mapping):
        raise ConfigError(f"{name} must hold options as `name: value` lines, got {section!r}")
    return dict(section)
