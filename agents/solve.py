"""`Solver`: learning at test time on one hard task, beside sampling without learning and retrying, at equal budgets.

As test-time self-distillation in SDPO (arXiv 2601.20802): what counts is discovery@k, the chance that there was a
success within the first k completions. All arms stop at their first success.

Completions are counted as if they were sampled one after another: group by group, and an episode of several attempts
from its first to its last. What the rest of the last group cost stands in the seconds alone. A completion whose grading
failed on our side is none: it is told, and sampling goes on until the budget is spent on others (law 4).

    config.yaml          every option, as it was used
    results.jsonl        one line for each arm and seed that is finished (`Result`)
    cells/               learn-0/, …: episodes.jsonl, what was sampled; metrics.jsonl, the updates; model/, if asked for
    resources.jsonl      what grading ran on, one row for each start; absent where it needs nothing
    discovery.png        share of the seeds that had a success within k completions

Every draw derives from (seed, group of completions, number in it), alike in all arms, so the first completions of an
arm that learns are those of one that does not; and a run that is killed and resumed ends as it would have (law 2).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from agents.environments import make_envs
from agents.policy import Policy
from agents.run_directory import RunDirectory
from agents.solve_arm import Arm, Result, require_fair
from agents.solve_config import SolveConfig
from agents.solve_curve import draw_discovery
from distil_envs import Task, TokenEnv
from distil_envs.errors import ConfigError, DistilError
from distil_envs.vector import TokenVectorEnv

SEARCHED = 3000
"""Tasks among which an id is looked for, where a set generates its tasks."""


class Solver:
    """Attempts one task with every arm and seed.

    Example:
        >>> Solver(SolveConfig(model="tiny", env="distil/Toy-v0", feedback="binary", budget=64)).solve()
    """

    def __init__(self, config: SolveConfig, *, resume: bool = False, console: Console | None = None) -> None:
        """Raises ConfigError before anything is loaded when options cannot work together."""
        config.validate()
        self.config = config
        self.resume = resume
        self.console = console or Console(stderr=True)
        self.results: list[Result] = []

    def solve(self) -> list[Result]:
        """Run, or go on with, every arm and seed; returns all that are finished, those from before first.

        Raises ConfigError for what cannot work, and where feedback gives the reference away; DistilError where nothing
        can be graded. What was finished until then stays.
        """
        config = self.config
        with closing(RunDirectory(config.path)) as run, ExitStack() as held:
            if self.resume:
                self.results = self._finished(run)
            else:
                run.require_new()
            policy = Policy.load(config.model, config.policy, seed=config.seed)
            envs = {arm: held.enter_context(closing(made)) for arm, made in self._envs(policy)}
            first = envs[config.arms[0]].rows[0]
            task, resources = find_task(first, config.task), first.resources()
            if config.arms != ("best-of-n",):
                require_fair(first, task)
            if self.resume:
                run.lock()
                run.write_config(config.to_dict())
            else:
                run.create(config.to_dict())
            if resources:
                run.append("resources.jsonl", [{"step": 0, **resources}])
                self._say(", ".join(f"{name}: {value}" for name, value in resources.items()))
            try:
                self._run_all(run, policy, envs, task)
            except DistilError:
                if not self.results:  # what never began must not stand in the way of the next attempt
                    run.withdraw()
                raise
            title = f"{type(config.learner).__name__} on {task.id}, {config.model}"
            draw_discovery(run.path / "discovery.png", title, self.results, config.budget)
        return self.results

    def _finished(self, run: RunDirectory) -> list[Result]:
        """Raises ConfigError when the folder holds no run, or one of other options."""
        run.require_same(self.config.differences(SolveConfig.from_dict(run.config())))
        file = run.path / "results.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return [Result(**json.loads(line)) for line in lines]

    def _envs(self, policy: Policy) -> Iterator[tuple[str, TokenVectorEnv]]:
        """Rows for each arm, about as many completions at a time. They share one verifier, so sandboxes stay warm."""
        config, warm = self.config, dict[str, Any]()
        for arm in config.arms:
            attempts = config.max_attempts if arm == "retry" else 1
            rows = max(config.group_size // attempts, 1)
            made = make_envs(config, policy, config.split, rows, num_tasks=None, max_attempts=attempts, **warm)
            warm = warm or {name: value for name, value in made.shared().items() if name in ("verifier", "tools")}
            yield arm, made

    def _run_all(self, run: RunDirectory, policy: Policy, envs: Mapping[str, TokenVectorEnv], task: Task) -> None:
        initial = {name: parameter.detach().clone() for name, parameter in policy.trainable().items()}
        finished = {(each.arm, each.seed) for each in self.results}
        asked = [(arm, seed) for seed in self.config.seeds for arm in self.config.arms]
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        with Progress(*columns, console=self.console, disable=not self.console.is_terminal) as progress:
            for arm, seed in (each for each in asked if each not in finished):
                with torch.no_grad():
                    for name, parameter in policy.trainable().items():
                        parameter.copy_(initial[name])
                bar = progress.add_task(f"{arm}, seed {seed}", total=self.config.budget)
                one = Arm(self.config, Result(arm, seed), policy, envs[arm], task, self.console)
                for completions in one.run():
                    progress.update(bar, completed=completions)
                progress.remove_task(bar)
                self._keep(run, policy, one)

    def _keep(self, run: RunDirectory, policy: Policy, one: Arm) -> None:
        """Write what was sampled, and then, at once, the result that vouches for it."""
        result = one.result
        with run.replacing(run.path / "cells" / f"{result.arm}-{result.seed}") as folder:
            RunDirectory(folder).append("episodes.jsonl", one.episodes)
            if result.arm == "learn":
                RunDirectory(folder).append("metrics.jsonl", one.metrics)
                if self.config.save:
                    policy.save(folder / "model")
        self.results.append(result)
        scratch = run.path / ".results.jsonl.new"
        scratch.unlink(missing_ok=True)
        run.append(scratch.name, map(asdict, self.results))
        scratch.replace(run.path / "results.jsonl")
        how = "solved" if result.solved else "not solved"
        name = f"{result.arm}, seed {result.seed}"
        self._say(f"{name}: {how} in {result.completions} completions, {result.tokens} tokens, {result.seconds:.1f} s")

    def _say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


def find_task(env: TokenEnv, name: str | None) -> Task:
    """The task of this id, or the first, of the environment's set.

    Raises ConfigError where there is none, and for an environment that cannot be asked for a task.
    """
    tasks = env.tasks
    if not isinstance(tasks, Sequence):
        tasks = tasks.take(1 if name is None else min(tasks.size or SEARCHED, SEARCHED))
    found = next((task for task in tasks if name in (None, task.id)), None)
    if found is None:
        raise ConfigError(
            f"no task {name!r} in {tasks.name}, split {tasks.split}: "
            "`distil tasks show NAME --split all` tells their ids"
        )
    if env.draw(0, 0, {"task": found}) != found:
        raise ConfigError(
            f"{type(env).__name__}.draw draws other tasks than it is asked for with options={{'task': task}}; let it "
            "return that one, so that one task can be attempted again and again"
        )
    return found
