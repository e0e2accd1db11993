"""`Measure`: the truth once, and any number of learners beside it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from agents.config import registered_name
from agents.credit_truth.config import CreditConfig
from agents.credit_truth.learned import credit_of
from agents.credit_truth.score import Agreement, Floats, agreement, ceilings
from agents.credit_truth.truth import Advantages, Branched, Progress
from agents.environments import make_envs, take_provider
from agents.policy import Policy

TRUTHS = ("reward", "cost")
"""Advantage of the reward, and that of minus the total cross-entropy to the expert."""
CREDITS = ("push", "coefficient")
"""See `agents.credit_truth.learned`."""


@dataclass
class Report:
    """How far one learner's credit agrees with the truth."""

    learner: str
    options: dict[str, Any]
    """The learner's, its feedback and expert."""
    truths: dict[str, dict[str, Any]]
    """By `TRUTHS`: ``ceilings`` (`score.ceilings`), ``spread``, the standard deviation of the advantages, and
    ``error``, their mean standard error. ``cost`` is absent where there is none (`Branched.costs`)."""
    agreement: dict[str, dict[str, Agreement]]
    """By `TRUTHS` and `CREDITS`."""
    credits: dict[str, Floats]
    """By `CREDITS`, that of each token [N]; not in the JSON."""

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        agreed = {
            truth: {credit: value.to_dict() for credit, value in by_credit.items()}
            for truth, by_credit in self.agreement.items()
        }
        return {"learner": self.learner, **self.options, "truths": self.truths, "agreement": agreed}


@dataclass
class Measure:
    """Rollouts with their true advantages, of one policy in one environment. A context manager: it closes the latter.

    Example:
        >>> with Measure(CreditConfig(tasks=8, branches=32)) as measure:
        ...     measure.run()
        ...     report = measure.report(measure.config)
    """

    config: CreditConfig
    branched: Branched = field(init=False)
    _costs: dict[str, Advantages | None] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Raises ConfigError for options that cannot work."""
        self.config.validate()

    def __enter__(self) -> Self:
        config = self.config
        policy = Policy.load(config.model, config.policy, seed=config.seed)
        rows = max(config.rows, config.group_size)
        envs = make_envs(config, policy, "train", rows)
        self._closing = closing(envs)
        take_provider(envs)
        self.branched = Branched(config, policy, envs)
        return self

    def __exit__(self, *exception: object) -> None:
        self._closing.__exit__(*exception)

    def run(self, say: Callable[[str], None] | None = None, progress: Progress | None = None) -> None:
        """Sample and branch; `say` is told the cost in between."""
        self.branched.sample()
        if say is not None:
            say(self.told())
        self.branched.branch(progress)

    def told(self) -> str:
        """What was chosen, and what branching will cost."""
        of = self.branched
        count = len(of.open) * self.config.branches
        return (
            f"{len(of.tasks)} tasks with {np.mean(of.success):.2f} of the tries right, "
            f"{sum(len(each.episodes) for each in of.rollouts)} rollouts, {len(of.tokens)} tokens, {len(of.open)} "
            f"distinct prefixes x {self.config.branches} branches = {count} completions: at most "
            f"{count * of.seconds_each:.0f} s at the speed of the rollouts"
        )

    def truth(self, name: str, config: CreditConfig) -> Advantages | None:
        """True advantages of each token, of `TRUTHS`; the cost is that to the expert of `config`."""
        if name == "reward":
            return self.branched.advantages(self.branched.rewards())
        expert = repr((config.feedback, config.expert, config.demonstrations))
        if expert not in self._costs:
            values = self.branched.costs(config)
            self._costs[expert] = None if values is None else self.branched.advantages(values)
        return self._costs[expert]

    def credits(self, config: CreditConfig) -> dict[str, Floats]:
        """Credit [N] of each token from the learner of `config`, by `CREDITS`.

        `config` may differ from the own one in learner, feedback, expert and what goes with them, in nothing else.
        """
        of = self.branched
        by_seed = [
            credit_of(replace(config, seed=seed), of.policy, of.envs.rows[0], rollouts)
            for seed, rollouts in zip(config.seeds, of.rollouts, strict=True)
        ]
        found: dict[str, Floats] = {}
        for name in CREDITS:
            found[name] = np.array([
                getattr(by_seed[seed][of.rollouts[seed].episodes[row].rollout_id], name)[at]
                for seed, row, at, _ in of.tokens.tolist()
            ])  # fmt: skip
        return found

    def report(self, config: CreditConfig) -> Report:
        """Of the learner of `config`, as for `credits`."""
        given, where = self.credits(config), self.branched.where
        truths: dict[str, dict[str, Any]] = {}
        agreed: dict[str, dict[str, Agreement]] = {}
        for name in TRUTHS:
            true = self.truth(name, config)
            if true is None:
                continue
            truths[name] = {
                "ceilings": ceilings(true.halves, where),
                "spread": float(true.mean.std()),
                "error": float(true.error.mean()),
            }
            agreed[name] = {kind: agreement(given[kind], true.mean, where, seed=self.config.seed) for kind in CREDITS}
        values = config.to_dict()
        options = {key: values[key] for key in ("feedback", "expert")} | {"options": values["learner"]}
        return Report(registered_name("learners", config.learner), options, truths, agreed, given)
