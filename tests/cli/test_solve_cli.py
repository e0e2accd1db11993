"""`distil solve` as a user meets it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from agents.cli.run_options import configure
from agents.cli.solve import SolveCommand, summary
from agents.solve_arm import Result
from agents.solve_config import SolveConfig

Distil = Callable[..., tuple[int, str, str]]

STOPPING = """
from dataclasses import dataclass
from typing import ClassVar
from agents import CE

@dataclass
class StoppingOnce(CE):
    stopped: ClassVar[bool] = False

    def loss(self, batch):
        if not StoppingOnce.stopped:
            StoppingOnce.stopped = True
            raise KeyboardInterrupt
        return super().loss(batch)
"""


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    """Options of training; those that mean nothing here among them."""
    path = tmp_path / "options.yaml"
    options = {
        "model": "tiny",
        "env": "distil/Toy-v0",
        "feedback": "binary",
        "learner": "CE",
        "steps": 100,
        "tasks_per_step": 16,
        "group_size": 4,
        "demonstrations": 0,
        "curriculum": {"kind": "success"},
        "environment": {"tasks": "toy/rule@1", "num_tasks": 64, "max_new_tokens": 6, "max_prompt_tokens": 16},
        "policy": {"device": "cpu"},
        "run_dir": str(tmp_path / "run"),
    }
    path.write_text(yaml.safe_dump(options))
    return path


def test_a_task_is_solved_and_the_arms_are_compared(distil: Distil, config_file: Path, tmp_path: Path) -> None:
    status, out, err = distil("solve", "--config", config_file, "--budget", 64, "--seeds", 0, 1)
    assert status == 0, err
    results = [json.loads(line) for line in (tmp_path / "run" / "results.jsonl").read_text().splitlines()]
    assert [(row["arm"], row["seed"]) for row in results] == [
        (arm, seed) for seed in (0, 1) for arm in ("learn", "best-of-n", "retry")
    ]
    for row in results:
        assert f"{row['arm']}, seed {row['seed']}: solved in {row['completions']} completions" in err
    for arm in ("learn", "best-of-n", "retry"):
        assert re.search(rf"^{arm} +2 of 2 +1\.00 \[0\.34, 1\.00\]", out, re.MULTILINE)
        first = next(row for row in results if row["arm"] == arm)
        assert f"{arm}, seed 0, completion {first['completions']}:\n  {first['text']}\n" in out
    assert re.search(r"^learn - best-of-n  ", out, re.MULTILINE)
    assert out.splitlines()[-1] == f"run directory: {tmp_path / 'run'}"
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {"config.yaml", "discovery.png", "cells"}
    # What was saved is a configuration again, and the same one.
    saved = tmp_path / "run" / "config.yaml"
    assert SolveConfig.load(saved).to_dict() == yaml.safe_load(saved.read_text())
    assert yaml.safe_load(saved.read_text())["seeds"] == [0, 1]


def test_a_right_completion_cannot_drive_the_terminal(
    distil: Distil, config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    solved = Result("learn", 0, True, 3, text="[red]\x1b[2J\x07 12")
    monkeypatch.setattr("agents.cli.solve.Solver.solve", lambda self: [solved])
    status, out, _ = distil("solve", "--config", config_file)
    assert status == 0
    assert "  [red]\\x1b[2J\\x07 12\n" in out


def test_a_stopped_run_says_how_to_go_on_and_goes_on(
    distil: Distil, fails: Callable[..., str], config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setattr(sys, "path", list(sys.path))
    code, run = tmp_path / "my_stopping_once.py", tmp_path / "run"
    code.write_text(STOPPING)
    words = ["solve", "--config", config_file, "--environment.tasks", "toy/fact", "--budget", 8, "--seeds", 0]
    status, _, err = distil(*words, "--import", code, "--learner", "my_stopping_once:StoppingOnce")
    assert status == 130
    again = f"distil solve --resume --run-dir {run} --import {code}"
    assert err.splitlines()[-1] == f"distil: stopped; resume with: {again}"
    assert "with other options: budget (was 8, now 9)" in fails(*again.split()[1:], "--budget", 9)
    assert "learner.name (was 'my_stopping_once:StoppingOnce', now 'GRPO')" in fails(
        *again.split()[1:], "--learner", "GRPO"
    )
    status, out, err = distil(*again.split()[1:], "--arms", "learn")
    assert status == 0, err
    assert re.search(r"^learn +0 of 1 +0\.00 \[0\.00, 0\.79\] +8\.0 ", out, re.MULTILINE)
    assert "completion 8:" not in out
    assert "already holds a run: add --resume" in fails(*words)
    del sys.modules["my_stopping_once"]


def test_learning_that_had_nothing_to_learn_from_is_told(distil: Distil, config_file: Path) -> None:
    words = ["solve", "--config", config_file, "--environment.tasks", "toy/fact", "--learner", "GRPO", "--budget", 8]
    status, out, err = distil(*words, "--arms", "learn", "--seeds", 0)
    assert status == 0, err
    assert "learn: no update had a gradient (all rewards equal, or nothing taught), so it is best-of-n" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--feedback answer", "the feedback of 'answer' reveals the reference"),
        ("--learner SFT", "SFT learns from corrections"),
        ("--expert correction", "CorrectionExpert teaches from corrections"),
        ("--arms best-of-m", "there is no arm 'best-of-m'; choose from learn, best-of-n, retry"),
        ("--task nobody", "no task 'nobody' in toy/rule@1, split all: `distil tasks show NAME --split all` tells"),
        ("--environment.max-attempts 2", "set max_attempts, which is for retry"),
        ("--resume --run-dir nowhere", "no run in nowhere: expected a config.yaml there"),
    ],
)
def test_what_cannot_work_is_told_in_one_line_and_leaves_no_run(
    words: str, said: str, fails: Callable[..., str], config_file: Path, tmp_path: Path
) -> None:
    assert said in fails("solve", "--config", config_file, *words.split())
    assert not (tmp_path / "run").exists()


def test_options_of_training_alone_are_no_options_here(fails: Callable[..., str]) -> None:
    assert "unknown option --steps" in fails("solve", "--steps", 3, status=2)


def test_words_become_the_options_of_the_learner_and_the_expert_that_they_name() -> None:
    words = "--learner GRPO --learner.clip 0.3 --expert.weights ema --seeds 3 4 --arms learn --save"
    config = configure(SolveCommand, "distil solve", words.split()).options
    assert (type(config.learner).__name__, config.seeds, config.arms, config.save) == ("GRPO", (3, 4), ("learn",), True)
    assert config.learner.clip == 0.3  # type: ignore[attr-defined]
    assert config.expert.weights == "ema"  # type: ignore[attr-defined]


def test_differences_are_paired_by_seed() -> None:
    rows = [("learn", 0, 10), ("learn", 1, 20), ("learn", 7, 500), ("best-of-n", 1, 64), ("best-of-n", 0, 30)]
    table = summary([Result(arm, seed, True, used) for arm, seed, used in rows], 512)
    cells = [list(column.cells) for column in table.columns]
    differences = dict(zip(cells[0], cells[3], strict=True))
    assert differences["learn - best-of-n"].startswith("-32.0 [")  # type: ignore[union-attr]
    assert "learn - retry" not in differences
