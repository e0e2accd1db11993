"""What a bench will cost, told before it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from statistics import mean

from agents.bench.plan import Cell, Plan
from agents.bench.results import Row
from agents.config import TrainerConfig
from agents.environments import held_out_size, make_envs, pool_size
from agents.estimate import duration, expected, probe
from agents.policy import Policy
from agents.rollout import reset_rows
from distil_envs.counted import derive

Kind = tuple[str, str, str, str]
"""A cell without its seed."""


@dataclass(frozen=True)
class Cost:
    """Of the runs that are still to be done."""

    runs: int
    samples: int
    """Rollouts that are learned from, at most."""
    tokens: int
    """That the policy generates in them, at most."""
    seconds: float | None
    """One run after the other; None where nothing is known of some."""
    measured: int
    """For how many of the runs the time is that of finished ones of their kind; of the others it was probed."""
    memory_bytes: float
    """Of the largest run; 0 where unknown."""

    def told(self, processes: int) -> str:
        """One line."""
        amount = f"{self.runs} runs, at most {self.samples:,} rollouts and {self.tokens:,} tokens"
        if self.seconds is None:
            return amount
        time = f"about {duration(self.seconds)} of work, {duration(self.seconds / processes)} in {processes} processes"
        known = f"; the time of {self.measured} is that of finished ones" if self.measured else ""
        memory = f"; the largest takes {self.memory_bytes / 2**30:.1f} GiB" if self.memory_bytes else ""
        return f"{amount}, {time}{known}{memory}"


def cost(plan: Plan, missing: Sequence[Cell], done: Mapping[Cell, Row], *, look: bool) -> Cost:
    """Add up the runs. With `look`, what no finished run tells is probed: models are loaded and given tasks."""
    known: dict[Kind, list[float]] = {}
    for cell, row in done.items():
        if not row["spent"].get("resumed") and "wall_seconds" in row["spent"]:
            known.setdefault(_kind(cell), []).append(row["spent"]["wall_seconds"])
    samples = tokens = measured = 0
    seconds, memory, probed = 0.0, 0.0, _Probed()
    for cell in missing:
        config = plan.config(cell)
        rollouts = config.steps * config.tasks_per_step * config.group_size
        samples += min(rollouts, config.limits.samples or rollouts)
        budget = (config.environment.max_new_tokens or 0) * (config.environment.max_attempts or 1)
        tokens += min(rollouts * budget, config.limits.tokens or rollouts * budget)
        if _kind(cell) in known:
            seconds, measured = seconds + mean(known[_kind(cell)]), measured + 1
        elif look:
            run_seconds, run_memory = probed.run(config)
            seconds, memory = seconds + run_seconds, max(memory, run_memory)
    return Cost(len(missing), samples, tokens, seconds if look or measured == len(missing) else None, measured, memory)


def _kind(cell: Cell) -> Kind:
    return cell.environment, cell.feedback, cell.model, cell.learner


class _Probed:
    """Time and memory of kinds of runs. Each model is loaded once, each environment asked once."""

    def __init__(self) -> None:
        self._models: dict[str, Policy] = {}
        self._asked: dict[str, tuple[float, float]] = {}

    def run(self, config: TrainerConfig) -> tuple[float, float]:
        """Seconds, evaluations included, and bytes of a run, if its episodes use half of their budget."""
        name = str(replace(config, seed=0))
        if name not in self._asked:
            self._asked[name] = self._probe(config)
        return self._asked[name]

    def _probe(self, config: TrainerConfig) -> tuple[float, float]:
        model = f"{config.model} {config.policy}"
        if model not in self._models:
            self._models = {model: Policy.load(config.model, config.policy, seed=0)}  # one at a time in memory
        policy = self._models[model]
        pool, held_out = pool_size(config, policy), held_out_size(config, policy)[0]
        groups = min(config.tasks_per_step, pool)
        with closing(make_envs(config, policy, "train", groups, num_tasks=pool)) as envs:
            prompts = reset_rows(envs, [(derive(0, "cost", i) % 2**31, {}) for i in range(groups)])
            budget = envs.rows[0].max_attempts * envs.rows[0].max_new_tokens
        measured = probe(policy, [prompt for prompt in prompts for _ in range(config.group_size)])
        training = expected(policy, config, prompts, budget, measured)
        times = (2 + len(config.eval_at) + bool(config.base_shots)) * (1 + config.eval_samples)
        length = (config.eval_max_new_tokens or budget) / 2
        seconds = training.seconds + times * measured.generating(pool + held_out, length)
        limit = config.limits.seconds
        return (seconds if limit is None else min(seconds, limit)), training.memory_bytes
