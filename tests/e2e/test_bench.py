"""A bench with real processes: killed and gone on with, failing in part; finished runs are left alone."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

OWN = """
import os
from pathlib import Path
import feedback
from distil_envs import Outcome, Status, register

class Sum:  # no sense in it, but a reward that differs between rollouts of a random model
    def __call__(self, task, text):
        reward = sum(map(ord, text)) % 7 / 6
        return Outcome(reward, Status.CORRECT if reward == 1 else Status.WRONG)

@feedback.provider("dies")
def dies(episode):
    os._exit(7)

@feedback.provider("raises")
def raises(episode):
    if not Path("mended").exists():
        raise RuntimeError("no words")
    return feedback.Feedback(text="Again.")

print("who imports this is told something")
register("e2e/Bench-v0", tasks="toy/rule", verifier=Sum(), feedback="answer")
"""


@pytest.fixture
def plan(small_model: Path, tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "own.py").write_text(OWN)
    return {
        "base": {
            "model": str(small_model), "env": "e2e/Bench-v0", "tasks_per_step": 2, "group_size": 2, "eval_tasks": 4,
            "base_shots": 0, "policy": {"lora_rank": 2}, "checkpoint_every": 2, "eval_samples": 2,
            "environment": {"num_tasks": 4, "max_new_tokens": 6, "max_prompt_tokens": 64},
        },
        "environments": {"sum": {}},
        "learners": ["GRPO", "DistIL"],
        "seeds": [0],
        "budget": {"samples": 24},
        "evaluate_at": [0.5],
    }  # fmt: skip


def start(folder: Path, plan: dict[str, Any], *words: str) -> subprocess.Popen[str]:
    (folder / "plan.yaml").write_text(yaml.safe_dump(plan, sort_keys=False))
    return subprocess.Popen(
        [sys.executable, "-m", "distil_envs", "bench", "plan.yaml", "--import", "own.py", "--out", "out", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=300)
    return process.returncode, said


def rows(folder: Path) -> dict[str, Any]:
    """Results by cell, without what the clock says."""
    found = {}
    for line in (folder / "out" / "results.jsonl").read_text().splitlines():
        row = json.loads(line)
        row["config"].pop("run_dir")
        for name in ("seconds", "wall_seconds", "cpu_seconds", "resumed"):
            row["spent"].pop(name)
        found[json.dumps(row["cell"])] = row
    return found


def test_killed_at_three_random_moments_and_gone_on_with(plan: dict[str, Any], tmp_path: Path) -> None:
    """The results are those of a bench that nobody disturbed; what is finished is not run again."""
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    for folder in (whole, torn):
        folder.mkdir()
        (folder / "own.py").write_text(OWN)
    assert finish(start(whole, plan, "--processes", "2"))[0] == 0
    for steps in sorted(random.Random(3).sample(range(1, 12), 3)):
        process = start(torn, plan)
        while process.poll() is None and _steps(torn) < steps:
            time.sleep(0.02)
        assert process.poll() is None, "it ended before it could be killed"
        process.send_signal(signal.SIGKILL)
        process.communicate()
        _wait_for_workers(torn)
    status, said = finish(start(torn, plan))
    assert status == 0, said
    assert rows(torn) == rows(whole)
    assert len(rows(whole)) == 2
    assert [(folder / "out" / "comparison.json").stat().st_size > 100 for folder in (whole, torn)] == [True, True]
    before = (torn / "out" / "results.jsonl").read_bytes()
    status, said = finish(start(torn, plan))
    assert status == 0
    assert "2 of 2 runs are finished" in said
    assert (torn / "out" / "results.jsonl").read_bytes() == before


def _steps(folder: Path) -> int:
    """Steps that the runs of a bench have logged."""
    return sum(_read(log).count(b"\n") for log in (folder / "out" / "cells").glob("*/metrics.jsonl"))


def _wait_for_workers(folder: Path) -> None:
    """Workers end within a second of their parent."""
    for _ in range(100):
        at_work = [
            each for each in Path("/proc").glob("[0-9]*/cmdline")
            if b"agents.bench.worker" in _read(each) and os.path.realpath(each.parent / "cwd") == str(folder)
        ]  # fmt: skip
        if not at_work:
            return
        time.sleep(0.1)
    raise AssertionError(f"workers are still there: {at_work}")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def test_failures_are_told_and_the_rest_goes_on(plan: dict[str, Any], tmp_path: Path) -> None:
    plan["learners"] = ["DistIL"]
    plan["feedback"] = {
        "dies": {"feedback": "dies"},
        "raises": {"feedback": "raises"},
        "answer": {"feedback": "answer"},
    }
    status, said = finish(start(tmp_path, plan))
    assert status == 1
    assert "sum · DistIL · dies · small · seed 0: failed: its process ended with status 7" in said.replace(
        plan["base"]["model"], "small"
    )
    assert "no words" in said
    assert "2 of 3 runs failed" in said
    assert [row["cell"]["feedback"] for row in rows(tmp_path).values()] == ["answer"]
    assert "RuntimeError" in "".join(each.read_text() for each in (tmp_path / "out" / "logs").iterdir())
    (tmp_path / "mended").touch()
    del plan["feedback"]["dies"]
    status, said = finish(start(tmp_path, plan))
    assert status == 0, said
    assert "1 of 2 runs are finished" in said
    assert {row["cell"]["feedback"] for row in rows(tmp_path).values()} == {"answer", "raises"}


def test_learners_choose_before_the_grid_is_run(plan: dict[str, Any], tmp_path: Path) -> None:
    """By trials on seeds of their own, shard by shard; their runs lie apart from those that are reported."""
    plan |= {"learners": ["GRPO"], "budget": {"samples": 8}, "tune": {"options": {"learning_rate": [0.01, 0.02, 1e30]}}}
    plan["tune"]["seeds"] = [8, 9]
    status, said = finish(start(tmp_path, plan, "--shard", "1/2"))
    assert status == 1
    assert "1 runs wait for trials that their learners choose by, which failed, diverged or are other shards'" in said
    assert sorted(row["cell"]["seed"] for row in rows(tmp_path).values()) == [8, 8, 8]
    status, said = finish(start(tmp_path, plan))
    assert status == 0, said
    assert "3 of 6 trials are finished" in said
    assert ": chose learning_rate=0.0" in said
    *tried, last = rows(tmp_path).values()
    assert len(tried) == 6 and last["cell"]["learner"] == "GRPO"
    (choice,) = json.loads((tmp_path / "out" / "comparison.json").read_text())["choices"]
    assert last["config"]["learning_rate"] == [0.01, 0.02][choice["chosen"]]
    assert choice["tried"][2] is None and choice["tried"][choice["chosen"]] == max(choice["tried"][:2])
    assert sum("diverged" in row for row in tried) == 2
    assert len(list((tmp_path / "out" / "cells").iterdir())) == 1
    assert len(list((tmp_path / "out" / "trials").iterdir())) == 6
    before = (tmp_path / "out" / "results.jsonl").read_bytes()
    status, said = finish(start(tmp_path, plan))
    assert status == 0, said
    assert "chosen(*,thefirstofequals)onseeds8,9" in "".join(said.split()) and "to do" not in said
    assert (tmp_path / "out" / "results.jsonl").read_bytes() == before
