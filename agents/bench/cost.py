"""What a bench will cost, told before it starts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from statistics import mean

import torch

from agents.bench.plan import Cell, Plan
from agents.bench.results import Row
from agents.config import TrainerConfig
from agents.environments import held_out_size, make_envs, pool_size
from agents.estimate import duration, expected, probe
from agents.limits import Limits
from agents.policy import Policy
from agents.rollout import reset_rows
from distil_envs.counted import derive
from distil_envs.errors import DistilError


@dataclass
class Cost:
    """Of the runs that are still to be done."""

    trials: int = 0
    runs: int = 0
    samples: int | None = 0
    """Rollouts that are learned from; None where tokens or seconds end the runs."""
    seconds: float | None = 0.0
    """One run after the other; None where nothing is known of some."""
    measured: int = 0
    """For how many of the runs the time is that of finished ones of their kind; of the others it was probed."""
    memory_bytes: float = 0.0
    """Of the largest run; 0 where unknown."""

    def told(self, processes: int) -> str:
        """One line."""
        counts = ((self.trials, "trials"), (self.runs, "runs"))
        what = " and ".join(f"{count} {name}" for count, name in counts if count)
        parts = [what + (f" of {self.samples:,} rollouts in all" if self.samples else "")]
        if self.seconds is not None:
            share = f", {duration(self.seconds / processes)} with {processes} at a time" if processes > 1 else ""
            known = f" (the time of {self.measured} is that of finished ones)" if self.measured else ""
            parts.append(f"about {duration(self.seconds)} of work{share}{known}")
        if self.memory_bytes:
            parts.append(f"{self.memory_bytes / 2**30:.1f} GiB for the largest")
        return ", ".join(parts)


def cost(
    plan: Plan,
    missing: Sequence[Cell],
    done: Mapping[Cell, Row],
    *,
    look: bool,
    threads: int,
    say: Callable[[str], None],
) -> Cost:
    """Add up the runs.

    Args:
        missing: what is to be run.
        done: results of others.
        look: probe what no finished run tells: models are loaded and given tasks.
        threads: of each process.
        say: is told what cannot be probed, and why: that run will say so again.
    """
    known: dict[Cell, list[float]] = {}
    for cell, row in done.items():
        spent = row["spent"]
        if "diverged" not in row and not spent.get("resumed") and spent.get("threads") == threads:
            known.setdefault(cell.kind, []).append(spent["wall_seconds"])
    trials = sum(cell.trial is not None for cell in missing)
    total, probed, before = Cost(trials, len(missing) - trials), _Probed(), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for cell in missing:
            config, seconds = plan.config(cell), None
            if config.limits.samples is None and config.limits != Limits():
                total.samples = None
            elif total.samples is not None:
                total.samples += config.steps * config.tasks_per_step * config.group_size
            if cell.kind in known:
                seconds = mean(known[cell.kind])
                total.measured += 1
            elif look:
                try:
                    seconds, memory = probed.run(config)
                    total.memory_bytes = max(total.memory_bytes, memory)
                except DistilError as error:
                    say(f"{cell}: its cost is not known: {error}")
            total.seconds = None if seconds is None or total.seconds is None else total.seconds + seconds
    finally:
        torch.set_num_threads(before)
    return total


class _Probed:
    """Time and memory of kinds of runs. Each kind is asked once; one model is in memory at a time."""

    def __init__(self) -> None:
        self._policy: tuple[str, Policy, float] | None = None
        self._asked: dict[str, tuple[float, float] | DistilError] = {}

    def run(self, config: TrainerConfig) -> tuple[float, float]:
        """Seconds, evaluations included, and bytes of a run, if its episodes use half of their room.

        Raises DistilError where it cannot be begun.
        """
        name = str(replace(config, seed=0, learning_rate=1.0))  # which cost the same whatever they are
        if name not in self._asked:
            try:
                self._asked[name] = self._probe(config)
            except DistilError as error:
                self._asked[name] = error
        found = self._asked[name]
        if isinstance(found, DistilError):
            raise found
        return found

    def _probe(self, config: TrainerConfig) -> tuple[float, float]:
        model = f"{config.model} {config.policy}"
        if self._policy is None or self._policy[0] != model:
            self._policy = None
            began = time.perf_counter()
            self._policy = model, Policy.load(config.model, config.policy, seed=0), time.perf_counter() - began
        _, policy, loading = self._policy
        pool, held_out = pool_size(config, policy), held_out_size(config, policy)[0]
        groups = min(config.tasks_per_step, pool)
        with closing(make_envs(config, policy, "train", groups, num_tasks=pool)) as envs:
            began = time.perf_counter()
            prompts = reset_rows(envs, [(derive(0, "cost", i) % 2**31, {}) for i in range(groups)])
            resetting = (time.perf_counter() - began) / groups
            room = envs.rows[0].max_attempts * envs.rows[0].max_new_tokens
        measured = probe(policy, [prompt for prompt in prompts for _ in range(config.group_size)])
        training = expected(policy, config, prompts, room, measured)
        rollouts = config.steps * config.tasks_per_step * config.group_size
        unlimited = float("inf")
        tokens = (config.limits.tokens or unlimited) / (rollouts * room / 2)
        share = min(1.0, tokens, (config.limits.seconds or unlimited) / training.seconds)
        seconds = training.seconds * share
        times = (2 + len(config.eval_at) + bool(config.base_shots)) * (1 + config.eval_samples)
        length = (config.eval_max_new_tokens or room) / 2
        evaluating = times * measured.generating(pool + held_out, length)
        episodes = rollouts * share + times * (pool + held_out)
        return loading + seconds + evaluating + resetting * episodes, training.memory_bytes
