"""`Trainer`: rollouts, feedback, update, again; with evaluation, checkpoints and logs.

Every random number derives from (seed, purpose, step, task, sample), so a run that is killed and resumed repeats the
uninterrupted one exactly (law 2), and so does one that several processes share.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from rich.console import Console

from agents.collapse import CollapseWatch
from agents.config import TrainerConfig
from agents.curve import draw_learning_curve
from agents.describe import describe
from agents.environments import make_envs, pool_size, take_provider
from agents.estimate import estimate
from agents.examine import Examiner
from agents.limits import Spent
from agents.policy import Policy
from agents.processes import gather_step
from agents.progress import StepProgress
from agents.rollout import Sampling, failure, ids_hash, reset_rows, rollout
from agents.run_directory import RunDirectory
from agents.sampled import draw_sampled, figures, results
from agents.student import Student
from agents.trackers import Trackers, tracked_accelerator
from agents.update import add
from distil_envs import Outcome, Status
from distil_envs.counted import derive
from distil_envs.curriculum import Curriculum, make_curriculum
from distil_envs.errors import ConfigError, DistilError
from distil_envs.vector import TokenVectorEnv

Row = dict[str, Any]


class Trainer:
    """Trains one policy in one environment with one learner.

    Example:
        >>> Trainer(TrainerConfig(model="smollm2", env="distil/Math-v0", feedback="answer")).train()
    """

    def __init__(
        self, config: TrainerConfig, *, resume: bool = False, console: Console | None = None, tell_cost: bool = True
    ) -> None:
        """Raises ConfigError before anything is loaded when options cannot work together.

        Args:
            resume: go on with the run in the folder.
            console: to tell what happens; None for stderr.
            tell_cost: probe what the run will cost, and tell, before it begins.
        """
        config.validate()
        self.config = config
        self.resume = resume
        self.tell_cost = tell_cost
        self.accelerator = tracked_accelerator(config.trackers, config.path, cpu=config.policy.device == "cpu")
        self.console = console or Console(stderr=True, quiet=not self.accelerator.is_main_process)
        self.curriculum: Curriculum  # made with the environment, whose tasks it draws
        self.watch = CollapseWatch()
        self.spent = Spent()
        self._created = False

    def train(self) -> dict[str, Any]:
        """Run, or go on with, the whole training; returns the run's folder and its evaluations (main process only).

        Raises DistilError for what cannot work; then a run that lies in the folder is as it was.
        """
        with closing(RunDirectory(self.config.path)) as run:
            if self.resume:
                run.require_same(self.config.differences(TrainerConfig.from_dict(run.config())))
            else:
                run.require_new()
            policy = Policy.load(self.config.model, self.config.policy, seed=self.config.seed)
            try:
                with closing(Trackers(self.accelerator, run, self.config.tracker_project)) as trackers:
                    return self._train(run, policy, trackers)
            except DistilError:
                # What never began must not stand in the way of the next attempt.
                if self._created and not (run.path / "metrics.jsonl").exists():
                    run.withdraw()
                raise

    def _train(self, run: RunDirectory, policy: Policy, trackers: Trackers) -> dict[str, Any]:
        config, main = self.config, self.accelerator.is_main_process
        pool = pool_size(config, policy)
        limit = {} if config.environment.num_tasks is None else {"num_tasks": pool}
        with closing(make_envs(config, policy, "train", self._rows(), **limit)) as envs:
            provider = take_provider(envs)
            self.curriculum = make_curriculum(config.curriculum, envs.rows[0], config.seed)
            resources = envs.rows[0].resources()  # here, so that what is missing is told before anything begins
            student = Student(config, policy, envs.rows[0], provider, self.accelerator)
            if main:
                self._open(run)
            self.accelerator.wait_for_everyone()
            step = self._restore(run, student)
            if main and resources:
                run.append("resources.jsonl", [{"step": step, **resources}])
                self._say(", ".join(f"{name}: {value}" for name, value in resources.items()))
            warm = {name: value for name, value in envs.shared().items() if name in ("verifier", "tools")}
            examine = Examiner(config, policy, run, pool, self._say, warm)
            if main:
                trackers.start(step + 1 if step else 0, config.to_dict())
            if main and step == 0:
                if self.tell_cost:
                    self._tell_estimate(policy, envs)
                trackers.log(0, examine.base())
            with StepProgress(self.console, config.steps, step) as progress:
                while (before := self.spent.share(config.steps, config.limits)) < 1:
                    row, episodes = self._step(student, envs, step)
                    step += 1
                    self.spent.add(row)
                    share = self.spent.share(config.steps, config.limits)
                    self._tell_failures(step, row, episodes)
                    for warning in self.watch.look(row):
                        self._say(f"step {step:4d}  warning: {warning}")
                    progress.advance(row)
                    last, due = share >= 1, config.eval_every and step % config.eval_every == 0
                    if main:
                        run.log_step(step, row, episodes)
                        if last or due or any(before < point <= share for point in config.eval_at):
                            row |= examine(step)
                        trackers.log(step, row)
                        if last or step % config.checkpoint_every == 0:
                            state = {**student.state(), "curriculum": self.curriculum.state()}
                            run.save_checkpoint(step, state, keep=config.keep_checkpoints)
                    self.accelerator.wait_for_everyone()
        return self._finish(policy, run) if main else {}

    def _open(self, run: RunDirectory) -> None:
        if self.resume:
            run.lock()
            run.write_config(self.config.to_dict())
        else:
            run.create(self.config.to_dict())
            self._created = True

    def _rows(self) -> int:
        """Rows of this process: whole groups."""
        groups = len(range(self.accelerator.process_index, self.config.tasks_per_step, self.accelerator.num_processes))
        if groups == 0:
            raise ConfigError(
                f"tasks_per_step={self.config.tasks_per_step} is less than the {self.accelerator.num_processes} "
                "processes; give every process a group"
            )
        return groups * self.config.group_size

    def _step(self, student: Student, envs: TokenVectorEnv, step: int) -> tuple[Row, list[Row]]:
        """One update. Returns the step's figures and its episodes, those of all processes."""
        began = time.perf_counter()
        resets, keys = self._draws(step)
        sampling = Sampling(self.config.seed, "rollout", step, self.config.temperature)
        rollouts = rollout(student.policy, envs, resets, keys, sampling)
        generated = time.perf_counter()
        student.give_feedback(rollouts)
        rate = self.config.learning_rate * min(1.0, (step + 1) / max(self.config.warmup_steps, 1))
        own = student.learn(step, rollouts, rate)
        seconds = {"seconds_rollout": generated - began, "seconds_update": time.perf_counter() - generated}
        add(own, describe(rollouts, envs.rows[0]) | {name: (value, 1.0) for name, value in seconds.items()})
        metrics, episodes = gather_step(self.accelerator, own, rollouts, student.recorded)
        sampled = results(episodes)
        self.curriculum.update(step, [(task, success) for task, success in sampled if success is not None])
        row: Row = {name: total / (count or 1.0) for name, (total, count) in metrics.items()}
        row["learning_rate"] = rate
        row |= {"samples": len(sampled), "tokens": int(metrics["length"][0])}
        row["tokens_per_second"] = row["tokens"] / (row["seconds_rollout"] + row["seconds_update"])
        row |= figures(sampled)
        row["ids"] = ids_hash((a["prompt_ids"], a["completion_ids"]) for e in episodes for a in e["attempts"])
        return row, episodes

    def _draws(self, step: int) -> tuple[list[tuple[int, dict[str, Any]]], list[tuple[int, int]]]:
        """Seeds and reset options, and random-number keys, of this process's rows."""
        config = self.config
        drawn = self.curriculum.draw(step, config.tasks_per_step)  # those of all processes, which draw alike
        resets, keys = [], []
        for group in range(self.accelerator.process_index, config.tasks_per_step, self.accelerator.num_processes):
            seed = derive(config.seed, "task", step, group) % 2**31
            resets += [(seed, drawn[group])] * config.group_size
            keys += [(group, sample) for sample in range(config.group_size)]
        return resets, keys

    def _tell_failures(self, step: int, row: Row, episodes: Sequence[Row]) -> None:
        """Failures on our side are never wrong answers: they are told (law 4). Raises DistilError if all failed."""
        if not row["infra_errors"]:
            return
        failed = next(o for e in episodes if (o := e["attempts"][-1]["outcome"])["status"] == Status.INFRA_ERROR)
        reason = failure(Outcome.from_dict(failed))
        if row["infra_errors"] == len(episodes):
            raise DistilError(
                f"step {step}: all {len(episodes)} verifications failed on our side, there is nothing to learn from: "
                f"{reason}; mend that and {'go on with --resume' if step > 1 else 'start again'}"
            )
        self._say(
            f"step {step:4d}  {row['infra_errors']:.0f} of {len(episodes)} verifications failed on our side and are "
            f"left out: {reason}"
        )

    def _say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _tell_estimate(self, policy: Policy, envs: TokenVectorEnv) -> None:
        resets, _ = self._draws(0)
        prompts = reset_rows(envs, resets)[:: self.config.group_size]
        env = envs.rows[0]
        cost = estimate(policy, self.config, prompts, env.max_attempts * env.max_new_tokens)
        self._say(f"training for {self.config.steps} steps will take {cost} (evaluations apart)")

    def _restore(self, run: RunDirectory, student: Student) -> int:
        """Take up the newest checkpoint; returns its step, 0 for none."""
        if not self.resume:
            return 0
        step, state = run.load_checkpoint()
        if self.accelerator.is_main_process:
            run.rewind(step if state else -1)
        self.accelerator.wait_for_everyone()
        for row in run.read("metrics.jsonl"):
            self.watch.look(row)  # told before
            self.spent.add(row)
        if state:
            student.restore(state)
            self.curriculum.restore(state["curriculum"])
        self._say(f"resuming {run.path} after step {step}")
        return step

    def _finish(self, policy: Policy, run: RunDirectory) -> dict[str, Any]:
        metrics, evaluations = run.read("metrics.jsonl"), run.read("evaluations.jsonl")
        title = (
            f"{type(self.config.learner).__name__} on {self.config.env}, {self.config.model}, seed {self.config.seed}"
        )
        draw_learning_curve(run.path / "learning-curve.png", title, metrics, evaluations)
        draw_sampled(run.path / "curriculum.png", title, metrics, self.config.curriculum.half_life)
        if self.config.save_model:
            with run.replacing(run.path / "model") as folder:
                policy.save(folder)
        return {"run_dir": str(run.path), "evaluations": evaluations}
