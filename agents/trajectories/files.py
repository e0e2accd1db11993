"""Runs on the disk: what was sampled in them, and the environment that it was sampled in."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agents.config import EnvConfig
from agents.options import build
from agents.run_directory import RunDirectory
from agents.trajectories.trajectory import Trajectory
from distil_envs import TokenEnv
from distil_envs.errors import ConfigError
from distil_envs.vector import TokenVectorEnv

EPISODES, RESCORED = "episodes.jsonl", "rescored.jsonl"
UNASKED = ("num_tasks", "tools", "max_attempts")
"""Options that neither change what is asked nor how it is graded."""


def read_run(run: Path, *, rescored: bool = False) -> Iterator[Trajectory]:
    """What was sampled in a run, in order.

    Args:
        run: its folder.
        rescored: take the outcomes of ``rescored.jsonl`` instead of the original ones.

    Raises ConfigError for rows of another form, or a ``rescored.jsonl`` that does not fit.
    """
    directory = RunDirectory(run)
    if not (run / EPISODES).is_file():
        raise ConfigError(f"{run} has no {EPISODES}: nothing was sampled there yet")
    if rescored and not (run / RESCORED).is_file():
        raise ConfigError(f"{run} has no {RESCORED}: grade it first with distil rescore {run}")
    outcomes = directory.rows(RESCORED) if rescored else None
    for number, row in enumerate(directory.rows(EPISODES), 1):
        if outcomes is not None:
            row = _with_outcomes(run, row, next(outcomes, None))
        found = Trajectory(str(run), row)
        try:
            assert found.episode is not None
            assert isinstance(row["logprobs"], list)
        except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                f"{run / EPISODES}, line {number} is no episode as this version writes them "
                f"({type(error).__name__}: {error}); read it with the version that wrote it"
            ) from error
        yield found


def key(row: Any) -> tuple[Any, Any]:
    """What tells an episode from the others of its run."""
    return row["step"], row["rollout_id"]


def _with_outcomes(run: Path, row: dict[str, Any], new: dict[str, Any] | None) -> dict[str, Any]:
    if new is None or key(new) != key(row) or len(new["outcomes"]) != len(row["attempts"]):
        raise ConfigError(f"{run / RESCORED} does not fit {EPISODES}: grade anew with distil rescore {run}")
    pairs = zip(row["attempts"], new["outcomes"], strict=True)
    return {**row, "attempts": [{**attempt, "outcome": outcome} for attempt, outcome in pairs]}


def bare_env(run: Path) -> TokenEnv:
    """The environment of a run, which asks and grades as there, but has no model's tokenizer. Close it.

    Raises what `TokenVectorEnv.of` raises.
    """
    config = RunDirectory(run).config()
    # Only what is needed: a run may be older than the learners of today.
    options = build(EnvConfig, config.get("environment") or {}, "environment.").arguments()
    asked = {name: value for name, value in options.items() if name not in UNASKED}
    return TokenVectorEnv.of(str(config.get("env")), 1, autoreset_mode="Disabled", **asked).rows[0]


@contextmanager
def appearing(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A scratch file that becomes `path`, whole and at once, when the block ends without an error.

    Raises ConfigError for a path that is there already, unless it may be overwritten, or whose folder is not.
    """
    if path.is_dir() or (path.exists() and not overwrite):
        step = "give the name of a file" if path.is_dir() else "add --overwrite, or choose another name"
        raise ConfigError(f"{path} is there already: {step}")
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"cannot write {path}: there is no folder {path.absolute().parent}; make it first")
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        scratch.touch()
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}; name another file") from error
    try:
        yield scratch
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
