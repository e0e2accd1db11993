"""One sandbox for the tests of this folder: the back-end that isolates nothing, for programs of our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from distil_envs import Outcome, Task, TokenVectorEnv
from distil_envs.code import CodeVerifier
from distil_envs.sandbox import Limits
from distil_envs.text import fenced

LIMITS = Limits(wall_s=1.0)


@pytest.fixture(scope="session")
def verifier() -> Iterator[CodeVerifier]:
    made = CodeVerifier("subprocess", LIMITS)
    yield made
    made.close()


@pytest.fixture
def make_task() -> Callable[..., Task]:
    """A task about ``f`` from tests as in the reference."""

    def make(**reference: Any) -> Task:
        return Task("t", "code", "Write f.", {"entry_point": "f", **reference})

    return make


@pytest.fixture
def run(verifier: CodeVerifier) -> Callable[[Task, str], Outcome]:
    """Grades a program in a fence."""

    def graded(task: Task, program: str) -> Outcome:
        outcome = verifier(task, fenced(program, label="python"))
        assert Outcome.from_dict(outcome.to_dict()).to_dict() == outcome.to_dict()
        return outcome

    return graded


@pytest.fixture
def attempt() -> Callable[[TokenVectorEnv, Sequence[str]], list[Outcome]]:
    """Submits one completion in every row, and waits for their outcomes."""

    def attempted(envs: TokenVectorEnv, texts: Sequence[str]) -> list[Outcome]:
        tokenizer = envs.rows[0].tokenizer
        ids = [[*tokenizer.encode(text, add_special_tokens=False), tokenizer.eos_token_id] for text in texts]
        outcomes: dict[int, Outcome] = {}
        while len(outcomes) < len(texts):
            *_, infos = envs.submit(ids)
            ids = [[] for _ in texts]
            found = infos.get("_outcome", [False] * len(texts))
            outcomes |= {row: infos["outcome"][row] for row in range(len(texts)) if found[row]}
        return [outcomes[row] for row in range(len(texts))]

    return attempted
