"""The environments of a run: rows to train in, and how many tasks there are to evaluate."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from agents.config import TrainerConfig
from agents.policy import Policy
from distil_envs.errors import TaskError
from distil_envs.registry import resolve
from distil_envs.resources import Provider, resolve_feedback
from distil_envs.vector import TokenVectorEnv
from feedback.provider import as_provider

UNCOUNTED = 64
"""Size of the evaluated pool where training draws from everything there is."""


def make_envs(config: TrainerConfig, policy: Policy, split: str, rows: int, /, **overrides: Any) -> TokenVectorEnv:
    """Rows of the configured environment for this policy; `overrides` go before its configured options."""
    arguments = (
        {"split": split}
        | config.environment.arguments()
        | {
            "tokenizer": policy.tokenizer,
            "eos_token_ids": policy.eos_ids,
            **overrides,
        }
    )
    if config.feedback is not None:
        arguments["feedback"] = provider_named(config.feedback)
    if config.policy.chat_template is not None:
        arguments["chat_template"] = config.policy.chat_template
    return TokenVectorEnv.of(config.env, rows, autoreset_mode="Disabled", **arguments)


def provider_named(name: str) -> Provider:
    """A feedback provider by its name or as `module:name`; a bare function of one episode is one too.

    Raises NotFoundError for an unknown name, ConfigError for what is no provider.
    """
    provider = resolve_feedback(as_provider(resolve("feedback", name)))
    assert provider is not None
    return provider


def take_provider(envs: TokenVectorEnv) -> Provider | None:
    """The environment's feedback provider, which from now on the caller asks about the last attempts, of whole groups
    at once; where its words become the next turn, the environment still does.
    """
    for row in envs.rows:
        row.defer_feedback()
    return envs.rows[0].feedback


def pool_size(config: TrainerConfig, policy: Policy) -> int:
    """Tasks of the pool: as many as configured, or as there are."""
    return _at_most(config.environment.num_tasks or UNCOUNTED, _distinct(config, policy, "train"))


def held_out_size(config: TrainerConfig, policy: Policy) -> tuple[int, str]:
    """Held-out tasks: as many as configured, or as there are; and where there are none at all, why."""
    if not config.eval_tasks:
        return 0, ""
    try:
        return _at_most(config.eval_tasks, _distinct(config, policy, "test", **config.held_out)), ""
    except TaskError as error:
        return 0, str(error)


def _at_most(wanted: int, there_are: int | None) -> int:
    return wanted if there_are is None else min(wanted, there_are)


def _distinct(config: TrainerConfig, policy: Policy, split: str, /, **overrides: Any) -> int | None:
    """Distinct tasks of a split; None where they are too many to count."""
    with closing(make_envs(config, policy, split, 1, num_tasks=None, **overrides)) as envs:
        return envs.rows[0].source.size
