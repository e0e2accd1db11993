"""`Trainer`: rollouts, feedback, update, again; with evaluation, checkpoints and logs.

Every random number derives from (seed, purpose, step, task, sample), so a run that is killed and resumed repeats the
uninterrupted one exactly (law 2).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import torch
from accelerate import Accelerator
from rich.console import Console

from agents.config import TrainerConfig
from agents.curve import draw_learning_curve
from agents.demonstrations import demonstrate
from agents.estimate import estimate
from agents.evaluate import evaluate
from agents.policy import Policy
from agents.progress import StepProgress
from agents.rollout import Rollouts, Sampling, reset_rows, rollout, usable
from agents.run_directory import RunDirectory
from agents.teacher import TeacherModel
from agents.update import Metrics, Updater, add
from distil_envs.counted import derive, generator
from distil_envs.errors import ConfigError
from distil_envs.registry import resolve
from distil_envs.resources import Provider
from distil_envs.vector import TokenVectorEnv
from feedback.provider import as_provider


class Trainer:
    """Trains one policy in one environment with one learner.

    Example:
        >>> Trainer(TrainerConfig(model="smollm2", env="distil/Math-v0", feedback="answer")).train()
    """

    def __init__(self, config: TrainerConfig, *, resume: bool = False, console: Console | None = None) -> None:
        """Raises ConfigError before anything is loaded when options cannot work together."""
        config.validate()
        self.config = config
        self.resume = resume
        self.accelerator = Accelerator(cpu=config.policy.device == "cpu")
        self.console = console or Console(stderr=True, quiet=not self.accelerator.is_main_process)

    def train(self) -> dict[str, Any]:
        """Run, or go on with, the whole training; returns the summary that is also printed.

        Raises ConfigError for what cannot work, and for a run folder that is already in use.
        """
        run = RunDirectory(self.config.path)
        main = self.accelerator.is_main_process
        if main and not self.resume:
            run.create(self.config.to_dict())
        policy = Policy.load(self.config.model, self.config.policy, seed=self.config.seed)
        with closing(self._envs(policy, "train", self._rows())) as envs:
            updater = self._updater(policy, envs)
            step = self._restore(run, updater) if self.resume else 0
            if main and step == 0:
                self._tell_estimate(policy, envs)
                self._evaluate(policy, run, 0)
                if self.config.base_shots:
                    self._evaluate(policy, run, 0, shots=self.config.base_shots)
            with StepProgress(self.console, self.config.steps, step) as progress:
                while step < self.config.steps:
                    row, rollouts = self._step(policy, envs, updater, step)
                    step += 1
                    if main:
                        run.log_step(step, row, (episode.to_dict() for episode in rollouts.episodes))
                    progress.advance(row)
                    last = step == self.config.steps
                    if main and (last or (self.config.eval_every and step % self.config.eval_every == 0)):
                        self._evaluate(policy, run, step)
                    if main and (last or step % self.config.checkpoint_every == 0):
                        run.save_checkpoint(step, self._state(updater), keep=self.config.keep_checkpoints)
                    self.accelerator.wait_for_everyone()
        run.close()
        return self._finish(policy, run) if main else {}

    def _rows(self) -> int:
        """Rows of this process: whole groups."""
        groups = len(range(self.accelerator.process_index, self.config.tasks_per_step, self.accelerator.num_processes))
        if groups == 0:
            raise ConfigError(
                f"tasks_per_step={self.config.tasks_per_step} is less than the {self.accelerator.num_processes} "
                "processes; give every process a group"
            )
        return groups * self.config.group_size

    def _envs(self, policy: Policy, split: str, rows: int, **overrides: Any) -> TokenVectorEnv:
        arguments = self.config.environment.arguments() | {
            "split": split,
            "tokenizer": policy.tokenizer,
            "eos_token_ids": policy.eos_ids,
            **overrides,
        }
        if self.config.policy.chat_template is not None:
            arguments["chat_template"] = self.config.policy.chat_template
        return TokenVectorEnv.of(self.config.env, rows, autoreset_mode="Disabled", **arguments)

    def _updater(self, policy: Policy, envs: TokenVectorEnv) -> Updater:
        teacher = None
        if self.config.learner.needs_expert:
            provider = self._provider(envs)
            teacher = self.config.teacher
            if self.config.demonstrations:
                teacher.context.demonstrations = demonstrate(envs.rows[0], provider, self.config.demonstrations)
        optimizer = torch.optim.AdamW(
            policy.trainable().values(), lr=self.config.learning_rate, weight_decay=self.config.weight_decay
        )
        return Updater(
            policy,
            self.config.learner,
            optimizer,
            self.accelerator,
            teacher,
            TeacherModel(policy, teacher) if teacher is not None else None,
            self.config.micro_batch_tokens,
            self.config.max_grad_norm,
            self.config.passes,
        )

    def _provider(self, envs: TokenVectorEnv) -> Provider:
        """The configured provider, else the environment's own. Raises ConfigError when there is neither."""
        chosen = self.config.feedback
        provider = envs.rows[0].feedback if chosen is None else as_provider(resolve("feedback", chosen))
        if provider is None:
            raise ConfigError(
                f"{type(self.config.learner).__name__} learns from feedback, but {self.config.env} gives none and none "
                "was asked for: add --feedback answer (or another provider), or use a learner of rewards such as GRPO"
            )
        return provider

    def _step(
        self, policy: Policy, envs: TokenVectorEnv, updater: Updater, step: int
    ) -> tuple[dict[str, Any], Rollouts]:
        began = time.perf_counter()
        resets, keys = self._draws(envs, step)
        sampling = Sampling(self.config.seed, "rollout", step, self.config.temperature)
        rollouts = rollout(policy, envs, resets, keys, sampling)
        generated = time.perf_counter()
        if self.config.feedback is not None:
            self._give_feedback(envs, rollouts)
        for group in updater.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * min(1.0, (step + 1) / max(self.config.warmup_steps, 1))
        metrics = updater.step(rollouts)
        add(metrics, _describe(rollouts))
        row: dict[str, Any] = {name: total / max(count, 1.0) for name, (total, count) in metrics.items()}
        row["learning_rate"] = updater.optimizer.param_groups[0]["lr"]
        ended = time.perf_counter()
        row["seconds_rollout"], row["seconds_update"] = generated - began, ended - generated
        row["tokens_per_second"] = rollouts.tokens / (ended - began)
        row["ids"] = rollouts.ids_hash()
        return row, rollouts

    def _draws(self, envs: TokenVectorEnv, step: int) -> tuple[list[tuple[int, dict[str, Any]]], list[tuple[int, int]]]:
        """Seeds and reset options, and random-number keys, of this process's rows.

        A finite pool is gone through in a new random order each time, so that all its tasks are seen equally often.
        """
        config = self.config
        tasks = envs.rows[0].tasks
        resets, keys = [], []
        for group in range(self.accelerator.process_index, config.tasks_per_step, self.accelerator.num_processes):
            options: dict[str, Any] = {}
            if isinstance(tasks, Sequence):
                visit = step * config.tasks_per_step + group
                order = generator(config.seed, "order", visit // len(tasks)).permutation(len(tasks))
                options["index"] = int(order[visit % len(tasks)])
            seed = derive(config.seed, "task", step, group) % 2**31
            resets += [(seed, options)] * config.group_size
            keys += [(group, sample) for sample in range(config.group_size)]
        return resets, keys

    def _give_feedback(self, envs: TokenVectorEnv, rollouts: Rollouts) -> None:
        provider = self._provider(envs)
        graded = [episode for episode in rollouts.episodes if usable(episode)]
        made = provider(graded) if graded else []
        if len(made) != len(graded):
            raise ConfigError(
                f"feedback provider {provider.name!r} returned {len(made)} entries for {len(graded)} episodes; "
                "expected one each, None where there is nothing to say"
            )
        for episode in rollouts.episodes:
            episode.attempt.feedback = None
        for episode, feedback in zip(graded, made, strict=True):
            episode.attempt.feedback = feedback

    def _evaluate(self, policy: Policy, run: RunDirectory, step: int, *, shots: int | None = None) -> None:
        """Evaluate on the pool and on held-out tasks; with `shots`, the student's prompt shows solved examples."""
        config = self.config
        overrides: dict[str, Any] = {"feedback": None}
        if config.eval_max_new_tokens is not None:
            overrides["max_new_tokens"] = config.eval_max_new_tokens
        if shots is not None:
            room = config.environment.max_prompt_tokens or 512
            overrides |= {"shots": shots, "max_prompt_tokens": room * (shots + 1)}
        prompt = "zero-shot" if not (config.environment.shots if shots is None else shots) else "few-shot"
        sets = [("pool", "train", config.environment.num_tasks or 64), ("held-out", "test", config.eval_tasks)]
        for name, split, tasks in sets:
            if not tasks:
                continue
            with closing(self._envs(policy, split, tasks, num_tasks=tasks, **overrides)) as envs:
                result = evaluate(policy, envs, seed=config.seed, samples=config.eval_samples, ks=(1, 2, 4, 8, 16))
            run.append("evaluations.jsonl", [{"step": step, "set": name, "prompt": prompt, **result.to_dict()}])
            checks = "".join(f", {check} {value.mean:.3f}" for check, value in result.checks.items())
            told = f"step {step:4d}  {name:8s} {prompt:9s}  accuracy {result.accuracy}{checks}"
            self.console.print(told, highlight=False, soft_wrap=True)

    def _tell_estimate(self, policy: Policy, envs: TokenVectorEnv) -> None:
        resets, _ = self._draws(envs, 0)
        prompts = reset_rows(envs, resets)[:: self.config.group_size]
        cost = estimate(policy, self.config, prompts, envs.rows[0].max_new_tokens)
        self.console.print(
            f"training for {self.config.steps} steps will take {cost} (evaluations apart)", highlight=False
        )

    def _state(self, updater: Updater) -> dict[str, Any]:
        return {
            "policy": {name: p.detach() for name, p in updater.policy.trainable().items()},
            "optimizer": updater.optimizer.state_dict(),
            "teacher": updater.teacher_model.state_dict() if updater.teacher_model else {},
        }

    def _restore(self, run: RunDirectory, updater: Updater) -> int:
        step, state = run.load_checkpoint()
        if self.accelerator.is_main_process:
            run.rewind(step if state else -1)
        if state:
            with torch.no_grad():
                for name, parameter in updater.policy.trainable().items():
                    parameter.copy_(state["policy"][name])
            updater.optimizer.load_state_dict(state["optimizer"])
            if updater.teacher_model is not None:
                updater.teacher_model.load_state_dict(state["teacher"])
        self.accelerator.wait_for_everyone()
        self.console.print(f"resuming {run.path} after step {step}", highlight=False)
        return step

    def _finish(self, policy: Policy, run: RunDirectory) -> dict[str, Any]:
        metrics, evaluations = run.read("metrics.jsonl"), run.read("evaluations.jsonl")
        title = (
            f"{type(self.config.learner).__name__} on {self.config.env}, {self.config.model}, seed {self.config.seed}"
        )
        draw_learning_curve(run.path / "learning-curve.png", title, metrics, evaluations)
        policy.save(run.path / "model")
        return {"run_dir": str(run.path), "evaluations": evaluations}


def _describe(rollouts: Rollouts) -> Metrics:
    """What was sampled, as (total, count)."""
    episodes = rollouts.episodes
    graded = [episode for episode in episodes if usable(episode)]
    count = float(len(graded))
    metrics: Metrics = {
        "reward": (sum(e.outcome.reward for e in graded if e.outcome), count),
        "success": (float(sum(e.outcome.success for e in graded if e.outcome)), count),
        "with_feedback": (float(sum(e.attempt.feedback is not None for e in episodes)), float(len(episodes))),
        "infra_errors": (float(len(episodes) - len(graded)), 0.0),
        "length": (float(rollouts.tokens), float(len(episodes))),
        "sampled_logp": (sum(map(sum, rollouts.logprobs)), float(rollouts.tokens)),
    }
    return metrics
