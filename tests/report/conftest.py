"""Runs that the embedded toy model really made, and reports of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from agents.config import TrainerConfig
from agents.trainer import Trainer

Rows = list[dict[str, Any]]
STEPS = 4


def rows(run: Path, log: str) -> Rows:
    return [json.loads(line) for line in (run / log).read_text(encoding="utf-8").splitlines()]


def train(folder: Path, seed: int, **options: Any) -> Path:
    """A run of a few steps; every step draws every task, so that the same ones come back."""
    config = TrainerConfig.from_dict({
        "model": "tiny", "env": "distil/Toy-v0", "feedback": "answer",
        "learner": {"name": "DistIL", "future_weight": 1.0},
        "environment": {"tasks": "toy/rule@1", "num_tasks": 8, "max_new_tokens": 6, "max_prompt_tokens": 16},
        "expert": {"weights": "frozen", "context": {"show_attempt": False}}, "demonstrations": 0, "base_shots": 0,
        "steps": STEPS, "tasks_per_step": 12, "group_size": 4, "record_groups": 2, "learning_rate": 0.001,
        "eval_every": 2, "eval_tasks": 16, "eval_samples": 4, "checkpoint_every": STEPS,
        "policy": {"device": "cpu"}, "seed": seed,
        "run_dir": str(folder), "trackers": [], "save_model": False, **options,
    })  # fmt: skip
    Trainer(config, console=Console(quiet=True)).train()
    return folder


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DistIL, seed 0. Nothing may write to it."""
    return train(tmp_path_factory.mktemp("runs") / "distil-0", 0)


@pytest.fixture(scope="session")
def turns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three attempts at a task, with feedback between them. Nothing may write to it."""
    environment = {
        "tasks": "toy/rule@1",
        "num_tasks": 8,
        "max_new_tokens": 6,
        "max_prompt_tokens": 96,
        "max_attempts": 3,
    }
    return train(tmp_path_factory.mktemp("runs") / "turns", 0, environment=environment, steps=1, eval_every=0)


@pytest.fixture(scope="session")
def bench(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark's folder: two seeds of DistIL and one of GRPO as cells."""
    folder = tmp_path_factory.mktemp("bench")
    shutil.copytree(run, folder / "cells" / "distil-0")
    train(folder / "cells" / "distil-1", 1)
    train(folder / "cells" / "grpo-0", 0, learner="GRPO")
    return folder


@pytest.fixture
def altered(run: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy of `run` whose rows of a log went through a function."""

    def make(log: str, change: Callable[[Rows], Rows]) -> Path:
        folder = tmp_path / "altered"
        if not folder.exists():
            shutil.copytree(run, folder)
        text = "".join(json.dumps(row) + "\n" for row in change(rows(run, log)))
        (folder / log).write_text(text, encoding="utf-8")
        return folder

    return make
