"""The command line in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import gymnasium as gym
import pytest

from agents.cli import main

Said = tuple[int, str, str]
"""Exit status, standard output, standard error."""

ENVIRONMENT = """
import distil_envs
import feedback

def right(task, completion):
    return completion.strip() == task.reference["answer"]

@feedback.provider("acme-hint")
def hint(episode):
    return f"The answer has {len(episode.task.reference['answer'])} digits."

tasks = [
    {"id": f"t{i}", "domain": "acme", "prompt": f"Add 1 to {i}.", "reference": {"answer": str(i + 1)}}
    for i in range(40)
]
distil_envs.register("acme/AddOne-v0", tasks=tasks, verifier=right, feedback="acme-hint")
"""


@pytest.fixture
def distil(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Runs a command."""
    monkeypatch.delenv("DISTIL_DEBUG", raising=False)
    monkeypatch.setenv("COLUMNS", "120")  # whatever the terminal is, or is not

    def run(*words: object) -> Said:
        capsys.readouterr()
        status = main([str(word) for word in words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def fails(distil: Callable[..., Said]) -> Callable[..., str]:
    """Runs a command that must fail without results and in one line, with this status, and returns that line."""

    def run(*words: object, status: int = 1) -> str:
        found, out, err = distil(*words)
        assert (found, out) == (status, ""), err
        assert err.startswith("distil: ")
        assert err.count("\n") == 1, err
        return err.removeprefix("distil: ").rstrip("\n")

    return run


@pytest.fixture
def user_env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's file that registers acme/AddOne-v0 and the provider acme-hint. Forgotten afterwards."""
    import sys

    from distil_envs.registry import unregister_object

    path = tmp_path / "my_add_one.py"
    path.write_text(ENVIRONMENT)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield path
    if sys.modules.pop("my_add_one", None):
        gym.registry.pop("acme/AddOne-v0")
        unregister_object("feedback", "acme-hint")
