"""A run's folder: whole or absent, whatever a crash tore, and one process at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.run_directory import LOGS, RunDirectory
from distil_envs.errors import ConfigError

AWKWARD = "line\u2028separator, next line\x85, form feed\x0c, emoji 🙂, and a lone surrogate \udc80"


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    made = RunDirectory(tmp_path / "run")
    made.create({"seed": 3})
    return made


def fill(run: RunDirectory, steps: int) -> dict[str, bytes]:
    """Log steps 1 to `steps`, two episodes each; returns the bytes of all logs."""
    for step in range(1, steps + 1):
        run.log_step(step, {"loss": step / 3}, [{"text": AWKWARD}, {"text": str(step)}])
        run.append("evaluations.jsonl", [{"step": step, "set": "pool"}])
        run.append("resources.jsonl", [{"step": step, "sandbox": "docker"}])
    return contents(run)


def contents(run: RunDirectory) -> dict[str, bytes]:
    return {log: (run.path / log).read_bytes() for log in LOGS}


def test_every_text_comes_back_from_a_log_and_no_character_ends_a_row(run: RunDirectory) -> None:
    fill(run, 2)
    assert [row["step"] for row in run.read("episodes.jsonl")] == [1, 1, 2, 2]
    assert run.read("episodes.jsonl")[0]["text"] == AWKWARD
    assert run.read("metrics.jsonl") == [{"step": 1, "loss": 1 / 3}, {"step": 2, "loss": 2 / 3}]


def test_a_row_that_is_no_json_is_refused_before_it_is_written(run: RunDirectory) -> None:
    fill(run, 1)
    with pytest.raises(ValueError, match="not JSON compliant"):
        run.append("metrics.jsonl", [{"step": 2, "loss": float("nan")}])
    assert len(run.read("metrics.jsonl")) == 1


def test_rewinding_leaves_exactly_what_was_there_at_that_step(tmp_path: Path) -> None:
    short, long = RunDirectory(tmp_path / "short"), RunDirectory(tmp_path / "long")
    for run in (short, long):
        run.create({})
    expected = fill(short, 3)
    fill(long, 7)
    long.rewind(3)
    assert contents(long) == expected
    long.rewind(-1)
    assert set(contents(long).values()) == {b""}


@given(cut=st.integers(0, 400), step=st.integers(0, 3))
def test_a_log_torn_anywhere_rewinds_to_whole_rows(
    cut: int, step: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = RunDirectory(tmp_path_factory.mktemp("torn"))
    rows = [{"step": at, "text": AWKWARD} for at in (1, 1, 2, 3)]
    run.append("episodes.jsonl", rows)
    whole = (run.path / "episodes.jsonl").read_bytes()
    torn = whole[:cut]
    (run.path / "episodes.jsonl").write_bytes(torn)
    complete = torn.count(b"\n")
    assert run.read("episodes.jsonl") == rows[:complete]
    run.rewind(step)
    kept = run.read("episodes.jsonl")
    assert kept == [row for row in rows[:complete] if row["step"] <= step]
    assert whole.startswith((run.path / "episodes.jsonl").read_bytes())


def test_a_broken_line_that_no_crash_could_leave_is_named_and_nothing_is_lost(run: RunDirectory) -> None:
    fill(run, 3)
    log = run.path / "metrics.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    log.write_text(lines[0] + "oops\n" + lines[2])
    before = log.read_bytes()
    for act in (lambda: run.read("metrics.jsonl"), lambda: run.rewind(3)):
        with pytest.raises(ConfigError, match=r"metrics\.jsonl, line 2 is no JSON object"):
            act()
    assert log.read_bytes() == before


def test_the_newest_checkpoints_stay_and_come_back_bit_for_bit(run: RunDirectory) -> None:
    for step in (5, 10, 15):
        run.save_checkpoint(step, {"policy": {"w": torch.tensor([step, 0.1])}}, keep=2)
    assert run.steps() == [10, 15]
    step, state = run.load_checkpoint()
    assert step == 15
    assert torch.equal(state["policy"]["w"], torch.tensor([15, 0.1]))
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["step-000010", "step-000015"]


def test_without_a_checkpoint_there_is_step_zero(run: RunDirectory) -> None:
    assert run.load_checkpoint() == (0, {})


def test_a_checkpoint_that_fails_half_way_is_not_there(run: RunDirectory) -> None:
    run.save_checkpoint(5, {"w": torch.zeros(2)}, keep=2)
    with pytest.raises(Exception, match="pickle"):
        run.save_checkpoint(10, {"w": torch.zeros(2), "bad": lambda: None}, keep=2)
    assert run.steps() == [5]
    run.rewind(5)
    assert [path.name for path in run.checkpoints.iterdir()] == ["step-000005"], "the rubbish is swept up"


def test_killed_at_any_write_of_a_checkpoint_the_last_whole_one_is_found(tmp_path: Path) -> None:
    """The process dies inside every file operation of the second checkpoint in turn, as by a SIGKILL."""
    program = """
import os, sys, shutil, torch
from pathlib import Path
from agents.run_directory import RunDirectory
run, deadly, count = RunDirectory(Path(sys.argv[1])), int(sys.argv[2]), 0
run.save_checkpoint(1, {"w": torch.ones(1)}, keep=1)
def trace(event, arguments):
    global count
    if event in ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree") and "run" in str(arguments):
        count += 1
        if count == deadly:
            os.kill(os.getpid(), 9)
sys.addaudithook(trace)
run.save_checkpoint(2, {"w": torch.ones(1) * 2}, keep=1)
count = -1_000_000
print("done")
"""
    # One interpreter forks a child for each moment: importing torch once is enough.
    driver = f"""
import os, sys, torch
import agents.run_directory
for deadly in range(1, 100):
    child = os.fork()
    if child == 0:
        sys.argv = ["", f"{{sys.argv[1]}}/run-{{deadly}}", str(deadly)]
        try:
            exec({program!r})
        finally:
            sys.stdout.flush()
            os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
print("moments", deadly - 1)
"""
    done = subprocess.run(
        [sys.executable, "-c", driver, str(tmp_path)], capture_output=True, text=True, timeout=100, cwd=Path.cwd()
    )
    assert done.returncode == 0, done.stderr
    moments = int(done.stdout.split()[-1])
    assert moments >= 5, done.stdout + done.stderr
    found = []
    for deadly in range(1, moments + 2):
        run = RunDirectory(tmp_path / f"run-{deadly}")
        step, state = run.load_checkpoint()
        assert torch.equal(state["w"], torch.ones(1) * step)
        run.rewind(step)
        assert not [path for path in run.checkpoints.iterdir() if path.name.startswith(".")]
        found.append(step)
    assert found == sorted(found)
    assert set(found) == {1, 2}


def test_a_folder_replaced_is_the_old_one_or_the_new_one(run: RunDirectory) -> None:
    model = run.path / "model"
    for text in ("old", "new"):
        with run.replacing(model) as scratch:
            (scratch / "weights").write_text(text)
    assert (model / "weights").read_text() == "new"
    with pytest.raises(RuntimeError), run.replacing(model) as scratch:
        (scratch / "weights").write_text("half")
        raise RuntimeError
    assert (model / "weights").read_text() == "new"


def test_a_folder_that_holds_a_run_is_not_begun_again(run: RunDirectory) -> None:
    fill(run, 2)
    before = contents(run)
    with pytest.raises(ConfigError, match="already holds a run: add --resume"):
        RunDirectory(run.path).create({"seed": 4})
    assert contents(run) == before
    assert run.config() == {"seed": 3}


def test_no_run_no_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no run in"):
        RunDirectory(tmp_path / "nothing").config()
    assert not (tmp_path / "nothing").exists()


def test_a_run_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot make the run folder .* choose another"):
        RunDirectory(tmp_path / "file" / "run").create({})


def test_two_processes_never_train_in_one_folder(run: RunDirectory) -> None:
    second = RunDirectory(run.path)
    with pytest.raises(ConfigError, match="in use: another process"):
        second.lock()
    run.close()
    second.lock()
    second.close()


def test_logs_are_lines_of_json(run: RunDirectory) -> None:
    fill(run, 2)
    text = (run.path / "metrics.jsonl").read_text(encoding="utf-8")
    lines: list[dict[str, Any]] = [json.loads(line) for line in text.split("\n")[:-1]]
    assert [line["step"] for line in lines] == [1, 2]
