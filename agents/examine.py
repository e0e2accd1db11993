"""Evaluations in the course of a run: on the pool that is trained on and on held-out tasks, logged and told."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from agents.config import TrainerConfig
from agents.environments import held_out_size, make_envs, take_provider
from agents.evaluate import evaluate
from agents.policy import Policy
from agents.run_directory import RunDirectory
from agents.trackers import evaluation_figures
from distil_envs import Status
from distil_envs.errors import DistilError

KS = (1, 2, 4, 8, 16)
"""The pass@k that are reported, as far as there are samples."""


@dataclass
class Examiner:
    """Evaluates the policy of a run."""

    config: TrainerConfig
    policy: Policy
    run: RunDirectory
    pool: int
    """Tasks of the pool."""
    say: Callable[[str], None]
    """Prints a line."""
    warm: dict[str, Any]
    """Options that make environments grade with the run's own verifier and tools, whose sandboxes are warm."""

    @cached_property
    def held_out(self) -> int:
        """Held-out tasks; says why where there are none."""
        size, missing = held_out_size(self.config, self.policy)
        if missing:
            self.say(f"no held-out evaluation: {missing}")
        return size

    def base(self) -> dict[str, float]:
        """Before training: as training asks, and with solved examples in the prompt where the environment has such."""
        figures = self(0)
        if self.config.base_shots:
            try:
                figures |= self(0, shots=self.config.base_shots)
            except DistilError as error:
                self.say(f"no few-shot evaluation of the base: {error}")
        return figures

    def __call__(self, step: int, *, shots: int | None = None) -> dict[str, float]:
        """Evaluate; with `shots`, the student's prompt shows so many solved examples. Returns figures for trackers."""
        config = self.config
        overrides = dict(self.warm)
        if config.eval_max_new_tokens is not None:
            overrides["max_new_tokens"] = config.eval_max_new_tokens
        if shots is not None:
            room = config.environment.max_prompt_tokens or 512
            overrides |= {"shots": shots, "max_prompt_tokens": room * (shots + 1)}
        prompt = "zero-shot" if not (config.environment.shots if shots is None else shots) else "few-shot"
        figures: dict[str, float] = {}
        apart = overrides | config.held_out
        sets = (("pool", "train", self.pool, overrides), ("held-out", "test", self.held_out, apart))
        for name, split, tasks, own in sets:
            if not tasks:
                continue
            with closing(make_envs(config, self.policy, split, tasks, num_tasks=tasks, **own)) as envs:
                take_provider(envs)
                result = evaluate(self.policy, envs, seed=config.seed, samples=config.eval_samples, ks=KS)
            row = result.to_dict()
            self.run.append("evaluations.jsonl", [{"step": step, "set": name, "prompt": prompt, **row}])
            figures |= evaluation_figures(name, prompt, row)
            first = f", first attempt {result.by_attempt[0].mean:.3f}" if result.by_attempt else ""
            checks = "".join(f", {check} {value.mean:.3f}" for check, value in result.checks.items())
            failed = result.status.get(Status.INFRA_ERROR, 0)
            left_out = f", {failed} of {tasks} verifications failed on our side and are left out" if failed else ""
            self.say(f"step {step:4d}  {name:8s} {prompt:9s}  accuracy {result.accuracy}{first}{checks}{left_out}")
        return figures
