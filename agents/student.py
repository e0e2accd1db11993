"""`Student`: what learns in a run. It asks for feedback, makes lessons of rollouts, and moves the policy by them."""

from __future__ import annotations

from typing import Any

import torch
from accelerate import Accelerator

from agents.config import TrainerConfig
from agents.demonstrations import demonstrate
from agents.lessons import Lessons
from agents.policy import Policy
from agents.record import Recorder
from agents.rollout import Rollouts, usable
from agents.scorers import Scorers
from agents.update import Metrics, Updater
from distil_envs import TokenEnv
from distil_envs.errors import ConfigError
from distil_envs.resources import Provider, feedback_of


class Student:
    """A policy with its learner, expert, feedback provider and optimiser."""

    def __init__(
        self,
        config: TrainerConfig,
        policy: Policy,
        env: TokenEnv,
        provider: Provider | None,
        accelerator: Accelerator,
        recorder: Recorder | None = None,
    ) -> None:
        """`recorder` looks at updates; None keeps what the configuration asks for.

        Raises ConfigError for a learner without the feedback it needs, and for attempts that there never are.
        """
        _require_attempts(config, env.max_attempts)
        expert = config.expert if config.learner.needs_expert else None
        if provider is None and (config.learner.corrections(0) > 0 or (expert is not None and expert.needs_feedback())):
            raise ConfigError(
                f"{type(config.learner).__name__} learns from feedback, but {config.env} gives none and none was asked "
                "for: add --feedback answer (or another provider), or use a learner of rewards such as GRPO"
            )
        if config.learner.aggregate() and accelerator.num_processes > 1:
            raise ConfigError(
                f"{type(config.learner).__name__} aggregates rollouts, which works in one process only, not in "
                f"{accelerator.num_processes}: launch it without accelerate, or use CE"
            )
        bare = [template for template in expert.templates() if not template.demonstrations] if expert else []
        if provider is not None and bare and config.demonstrations:
            shown = demonstrate(env, provider, config.demonstrations)
            for template in bare:
                template.demonstrations = shown
        self.policy = policy
        self.expert = expert
        """With its demonstrations; None for learners without one."""
        self._provider = provider
        self._format = env.prompts.format
        end, attempts = end_of_response(policy, env), tuple(config.train_attempts)
        self._lessons = Lessons(
            config.learner, expert, policy.tokenizer, end, config.seed, attempts, env.max_new_tokens
        )
        self._updater = Updater(
            policy,
            config.learner,
            torch.optim.AdamW(policy.trainable().values(), lr=config.learning_rate, weight_decay=config.weight_decay),
            accelerator,
            expert,
            Scorers(policy, expert, end) if expert is not None else None,
            config.micro_batch_tokens,
            config.max_grad_norm,
            config.passes,
            config.seed,
            recorder or Recorder(config.record_groups, policy.tokenizer),
        )

    def give_feedback(self, rollouts: Rollouts) -> None:
        """Ask the provider about the last attempts of each group at once: its words may be made from several of them.

        Earlier attempts got theirs in the environment, where it became the next turn.
        """
        if self._provider is None:
            return
        for group in dict.fromkeys(rollouts.group):
            members = [e for e, of in zip(rollouts.episodes, rollouts.group, strict=True) if of == group and usable(e)]
            for episode, made in zip(members, feedback_of(self._provider, members), strict=True):
                episode.attempt.feedback = made

    def learn(self, step: int, rollouts: Rollouts, learning_rate: float) -> Metrics:
        """Update `step`, counted from 0, from rollouts that have their feedback. Returns the learner's figures."""
        for group in self._updater.optimizer.param_groups:
            group["lr"] = learning_rate
        self._updater.recorder.begin(rollouts)
        metrics = self._updater.step(step, self._lessons.take(step, rollouts))
        return metrics | ({"corrected": self._lessons.corrected} if self._lessons.corrected[1] else {})

    @property
    def recorded(self) -> dict[str, dict[str, Any]]:
        """What the last update did to single tokens, by rollout id (`Recorder.found`)."""
        return self._updater.recorder.found

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        models = self._updater.models
        return {
            "policy": {name: p.detach() for name, p in self.policy.trainable().items()},
            "optimizer": self._updater.optimizer.state_dict(),
            "expert": models.state_dict() if models else {},
            "lessons": self._lessons.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        with torch.no_grad():
            for name, parameter in self.policy.trainable().items():
                parameter.copy_(state["policy"][name])
        self._updater.optimizer.load_state_dict(state["optimizer"])
        if self._updater.models is not None:
            self._updater.models.load_state_dict(state["expert"])
        self._lessons.restore(state["lessons"], self._format)


def end_of_response(policy: Policy, env: TokenEnv) -> int:
    """The id that ends a response: what the chat template closes the assistant's turn with, if the environment takes
    that for an end, else the tokenizer's.

    Raises ConfigError where there is neither.
    """
    asked = [{"role": "user", "content": "x"}]
    behind = env.prompts.format.continued(policy.tokenizer, asked, asked)
    if behind and behind[0] in env.eos_token_ids:
        return behind[0]
    end = policy.tokenizer.eos_token_id
    if end is None:
        raise ConfigError("the tokenizer has no end-of-sequence token, so no correction can end: set its eos_token")
    return int(end)


def _require_attempts(config: TrainerConfig, attempts: int) -> None:
    never = [index for index in config.train_attempts if not -attempts <= index < attempts]
    if never:
        raise ConfigError(
            f"train_attempts: there is no attempt {never[0]}, episodes have at most {attempts}; "
            "raise environment.max_attempts, or name others"
        )
