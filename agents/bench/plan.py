"""A grid of runs, from YAML: learners × environments × feedback × models × seeds, with one budget for all.

Each axis maps names to options of `TrainerConfig`, which come on top of `base`, in the order environment, feedback,
model, learner, and then what a learner chose for itself (`tune`). All runs of a seed draw the same tasks in the same
order, as long as they sample equally many at a time, and are evaluated on the same ones.
"""

from __future__ import annotations

import copy
import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any

from agents.bench.layers import Options, matches, merged, named
from agents.bench.tune import Tune
from agents.config import TrainerConfig
from agents.examine import KS
from agents.limits import Limits
from agents.options import build
from agents.yaml_options import parse_options, read_options
from distil_envs.errors import ConfigError, DistilError

AXES = ("environment", "feedback", "model", "learner")
"""In the order in which their options are laid on top of each other."""
OF_PLAN = frozenset({"limits", "eval_at", "eval_every", "seed"})
"""Options that the plan itself sets."""
OF_ENVIRONMENT = frozenset({
    "env", "environment", "eval_tasks", "held_out", "eval_max_new_tokens", "eval_samples", "base_shots", "steps",
    "model",
})  # fmt: skip
"""Options that learners in one environment share."""
LONGEST = 200
"""Characters of a cell's folder: file systems take 255, and a log's ending comes on top."""
ENDLESS = 10**6
"""Steps of a run that a budget in tokens or seconds ends."""


@dataclass(frozen=True)
class Cell:
    """One run of the grid, by the names of its options."""

    environment: str
    feedback: str
    model: str
    learner: str
    seed: int
    trial: str | None = None
    """The values of the plan's `tune` that it tries; None: a run that is reported."""

    def __str__(self) -> str:
        told = f"{self.environment} · {self.learner} · {self.feedback} · {self.model} · seed {self.seed}"
        return told if self.trial is None else f"{told} · {self.trial}"

    @property
    def setting(self) -> tuple[str, str, str]:
        """Environment, feedback and model: what learners are compared in."""
        return self.environment, self.feedback, self.model

    @property
    def kind(self) -> Cell:
        """The setting and the learner: the same for all seeds and trials."""
        return Cell(self.environment, self.feedback, self.model, self.learner, 0)

    @property
    def folder(self) -> str:
        """A name for its run directory."""
        parts = [self.environment, self.learner, self.feedback, self.model, str(self.seed)]
        parts += [] if self.trial is None else [f"trial-{hashlib.sha256(self.trial.encode()).hexdigest()[:8]}"]
        return "_".join(re.sub(r"[^A-Za-z0-9.+-]+", "-", part) for part in parts)


@dataclass
class Plan:
    """What is compared, and how."""

    learners: Options = field(default_factory=dict)
    """Name to options; a list of names is short for learners of those names."""
    environments: Options = field(default_factory=dict)
    """Name to options. A list of names is short for environments of those names."""
    feedback: Options = field(default_factory=dict)
    """Name to options; a list of names is short for the providers of those names. Empty: what `base` says."""
    models: Options = field(default_factory=dict)
    """Name to options; a list likewise. Empty: what `base` says."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Of which every one runs the whole grid."""
    budget: Limits = field(default_factory=Limits)
    """Of each run; an environment may have its own, as its `limits`. With one in samples the number of steps follows.
    Without any, `steps` of `base` or of the environment is the budget."""
    evaluate_at: tuple[float, ...] = ()
    """Shares of the budget after which to evaluate, beside 0 and 1."""
    measure: str = "accuracy"
    """What is compared: `accuracy`, or a check of the verifiers such as `exact`."""
    measures: dict[str, Any] = field(default_factory=dict)
    """Environment to its own measure, where it is another one."""
    compare_on: dict[str, Any] = field(default_factory=dict)
    """Environment to the tasks that learners are compared on: `pool` where nothing carries over to others. Those that
    are not named: `held-out`."""
    skip: list[Any] = field(default_factory=list)
    """Parts of the grid to leave out: `environment`, `learner`, `feedback`, `model` or `seed` to a value or a list."""
    tune: Tune = field(default_factory=Tune)
    """What learners choose for themselves, in each setting, before the grid is run."""
    base: Options = field(default_factory=dict)
    """Options of all runs."""
    about: str = ""
    """For the reader."""
    chosen: dict[Cell, Options] = field(default_factory=dict, init=False)
    """By the `kind` of cells what their learners chose, as far as it is known: no part of the plan as written."""

    @classmethod
    def load(cls, name: str) -> Plan:
        """A preset by its name, or a YAML file. Raises ConfigError for what is neither, or malformed."""
        path = Path(name)
        if path.suffix not in (".yaml", ".yml"):
            presets = resources.files("agents.bench") / "presets"
            known = sorted(each.name.removesuffix(".yaml") for each in presets.iterdir() if each.name.endswith(".yaml"))
            if name not in known:
                raise ConfigError(
                    f"no bench {name!r}: presets are {', '.join(known)}, or give a file that ends in .yaml"
                )
            text = (presets / f"{name}.yaml").read_text(encoding="utf-8")
            return cls.from_dict(parse_options(text, name))
        return cls.from_dict(read_options(path, "the plan"))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, part: bool = False) -> Plan:
        """From YAML values. Raises ConfigError for options that do not exist, and for a grid without cells.

        Args:
            part: of a larger plan, whose `skip` may name what is not here.
        """
        values = {name: value for name, value in values.items() if value is not None}
        shorts = {"learners": "learner", "environments": "env", "feedback": "feedback", "models": "model"}
        for axis, option in shorts.items():
            values[axis] = named(axis, option, values.get(axis))
        plan = build(cls, values)
        plan._require_fair()
        for option, table in (("compare_on", plan.compare_on), ("measures", plan.measures)):
            for environment, name in table.items():
                if environment not in plan.environments or not isinstance(name, str):
                    raise ConfigError(f"{option} names environments of the plan, got {environment!r}: {name!r}")
        if not set(plan.compare_on.values()) <= {"held-out", "pool"}:
            raise ConfigError(f"compare_on holds `pool` or `held-out`, got {plan.compare_on}")
        for pattern in plan.skip:
            plan._require_pattern(pattern, part)
        cells = [*plan.cells(), *plan.trials()]
        if not cells:
            raise ConfigError(
                "the plan has no cells: name learners, environments and seeds that `skip` does not leave out"
            )
        for cell in cells:
            try:
                config = plan.config(cell)
                if "feedback" in plan.learners[cell.learner] and (config.environment.max_attempts or 1) > 1:
                    raise ConfigError(
                        f"learner {cell.learner}: what feedback says is the next turn here, in evaluations too: it is "
                        "the same for all that are compared; say it in `feedback` or the environment"
                    )
                config.validate()
                plan._require_measure(cell.environment, config.eval_samples)
            except DistilError as error:
                raise ConfigError(f"{cell}: {error}") from error
        for name in (name for axis in (plan.environments, plan.feedback, plan.models, plan.learners) for name in axis):
            if not name.strip() or not name.isprintable():
                raise ConfigError(f"names must be of characters that can be seen, got {name!r}")
        names = [cell.folder for cell in cells]
        long = max(names, key=len)
        if len(long) > LONGEST:
            raise ConfigError(f"a cell's names make a folder of {len(long)} characters, more than {LONGEST}: {long}")
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ConfigError(
                f"two cells of the plan would lie in one folder, {twice}: give them names that differ more"
            )
        return plan

    def _require_fair(self) -> None:
        """Raise ConfigError for what would give some runs another budget, or another evaluation, than others."""
        if len(set(self.seeds)) < len(self.seeds):
            raise ConfigError(f"seeds must differ, got {list(self.seeds)}")
        for axis, table in zip(AXES, (self.environments, self.feedback, self.models, self.learners), strict=True):
            for name, options in table.items():
                unfair = sorted((OF_PLAN | (OF_ENVIRONMENT if axis == "learner" else frozenset())) & options.keys())
                if unfair == ["limits"] and axis == "environment":
                    continue
                if unfair:
                    raise ConfigError(
                        f"{axis} {name}: {unfair[0]} is the same for all that are compared: say it in an environment, "
                        "or by budget, evaluate_at or seeds of the plan"
                    )
        self.tune.validate(self.seeds, OF_PLAN | OF_ENVIRONMENT | {"feedback", "policy.chat_template"})
        if unfair := sorted(OF_PLAN & self.base.keys()):
            raise ConfigError(
                f"base: {unfair[0]} is the same for all: say it by budget, evaluate_at or seeds of the plan"
            )
        for environment in self.environments:
            budget = self.budget_of(environment)
            budget.validate()
            if (budget == Limits()) != ("steps" in self.base | self.environments[environment]):
                why = "no budget" if budget == Limits() else "both steps and a budget"
                raise ConfigError(f"{why} for {environment}: give the plan one, such as `budget: {{samples: 1280}}`")
        for name, options in self.learners.items():
            if "chat_template" in (options.get("policy") or {}):
                raise ConfigError(f"learner {name}: policy.chat_template is the same for all: say it in a model")

    def _require_measure(self, environment: str, drawn: int) -> None:
        """Raise ConfigError for a measure of samples that no evaluation will have, with so many drawn for a task."""
        measure = str(self.measures.get(environment, self.measure))
        known = [f"avg@{drawn}", *(f"{name}@{k}" for name in ("pass", "maj", "best") for k in KS if k <= drawn)]
        if "@" in measure and (not drawn or measure not in known):
            told = ", ".join(known) if drawn else "no measures of samples"
            raise ConfigError(f"{environment} will not have {measure!r}: with eval_samples {drawn} there are {told}")

    def _require_pattern(self, pattern: Any, part: bool) -> None:
        names: dict[str, Sequence[Any]] = {
            "environment": list(self.environments),
            "learner": list(self.learners),
            "feedback": list(self.feedback),
            "model": list(self.models),
            "seed": self.seeds,
        }
        if not isinstance(pattern, Mapping) or not pattern or not set(pattern) <= set(names):
            raise ConfigError(
                f"skip must hold parts of the grid, such as {{learner: GRPO}}, by {', '.join(names)}; got {pattern!r}"
            )
        for axis, values in pattern.items():
            known = names[axis]
            for value in values if isinstance(values, list) else [values]:
                if known and value not in known and not part:
                    raise ConfigError(f"skip names the {axis} {value!r}, which the plan has not: {list(known)}")

    def to_dict(self) -> Options:
        """Plain YAML values; `from_dict` reads them back."""
        lists = {"seeds": list(self.seeds), "evaluate_at": list(self.evaluate_at)}
        tune = {"options": self.tune.options, "seeds": list(self.tune.seeds)}
        values = {name: value for name, value in vars(self).items() if name != "chosen"}
        return copy.deepcopy({**values, **lists, "budget": vars(self.budget), "tune": tune})

    def cells(self) -> Iterator[Cell]:
        """All, seed by seed, so that whatever stops the bench leaves whole comparisons."""
        for seed, (environment, options) in product(self.seeds, self.environments.items()):
            own = self.base | options
            feedback = list(self.feedback) or [str(own.get("feedback") or "own")]
            models = list(self.models) or [str(own.get("model") or TrainerConfig.model)]
            for axes in product(feedback, models, self.learners):
                cell = Cell(environment, *axes, seed)
                if not any(matches(cell, pattern) for pattern in self.skip):
                    yield cell

    def trials(self) -> Iterator[Cell]:
        """Those that learners choose by, of every setting that has a cell of theirs, seed by seed."""
        kinds = dict.fromkeys(cell.kind for cell in self.cells())
        for seed, kind, trial in product(self.tune.seeds, kinds, self.tune.trials()):
            yield replace(kind, seed=seed, trial=trial)

    def config(self, cell: Cell) -> TrainerConfig:
        """The options of one run or trial. Its folder, trackers and what it keeps are the runner's to say."""
        values = copy.deepcopy(self.base)
        for axis, table in zip(AXES, (self.environments, self.feedback, self.models, self.learners), strict=True):
            own: Options = table.get(getattr(cell, axis), {})
            values = merged(values, own)
        values = merged(
            values, self.chosen.get(cell.kind, {}) if cell.trial is None else self.tune.trials()[cell.trial]
        )
        budget = self.budget_of(cell.environment)
        if budget != Limits() and "steps" not in values:
            values["steps"] = ENDLESS
        more = {"limits": vars(budget), "eval_every": 0, "eval_at": list(self.evaluate_at), "seed": cell.seed}
        config = TrainerConfig.from_dict(values | more)
        if budget.samples is not None:
            batch = config.tasks_per_step * config.group_size
            config.steps = math.ceil(budget.samples / max(batch, 1))  # a batch of 0 is told by `validate`
        return config

    def budget_of(self, environment: str) -> Limits:
        """Of every run there: the plan's, or the environment's own `limits`."""
        own = self.environments[environment].get("limits")
        return self.budget if own is None else build(Limits, own, f"environments.{environment}.limits.")
