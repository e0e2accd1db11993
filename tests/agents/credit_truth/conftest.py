"""Branched rollouts of the toy model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from agents.credit_truth import Branched, CreditConfig
from agents.environments import take_provider
from agents.policy import Policy
from distil_envs.grading import Grader
from distil_envs.vector import TokenVectorEnv

Measured = Callable[..., Branched]


@pytest.fixture
def branched(tiny: Policy) -> Iterator[Measured]:
    """Makes rollouts with their branches; the environment lives as long as the test."""
    made: list[TokenVectorEnv] = []
    grader = Grader(4)

    def make(*, rows: int = 128, env: Mapping[str, Any] | None = None, run: bool = True, **options: Any) -> Branched:
        options = {"tasks": 4, "candidates": 16, "tries": 8, "group_size": 4, "seeds": (0, 1), "branches": 8} | options
        arguments = {"tasks": "toy/rule@1", "num_tasks": 16, "max_new_tokens": 6, "max_prompt_tokens": 16} | dict(
            env or {}
        )
        envs = TokenVectorEnv.of(
            "distil/Toy-v0", rows, autoreset_mode="Disabled", tokenizer=tiny.tokenizer, eos_token_ids=tiny.eos_ids,
            grader=grader, feedback="answer", **arguments,
        )  # fmt: skip
        made.append(envs)
        take_provider(envs)
        of = Branched(CreditConfig(**options), tiny, envs)
        of.sample()
        if run:
            of.branch()
        return of

    with grader:
        yield make
        for envs in made:
            envs.close()
