"""Trackers: figures of every step once, in the programs that really show them, before and after a resume."""

from __future__ import annotations

import json
import os
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from agents.config import EnvConfig, TrainerConfig
from agents.evaluate import Evaluation
from agents.learners import GRPO
from agents.measures import Measures
from agents.policy import PolicyConfig
from agents.run_directory import RunDirectory
from agents.statistics import Interval
from agents.trackers import Trackers, evaluation_figures, require_trackers, tracked_accelerator
from agents.trainer import Trainer
from distil_envs.errors import ConfigError

LOGS = """
import sys
from contextlib import closing
from pathlib import Path
from agents.run_directory import RunDirectory
from agents.statistics import Interval
from agents.trackers import Trackers, tracked_accelerator

path, names, first, last = Path(sys.argv[1]), sys.argv[2].split(","), int(sys.argv[3]), int(sys.argv[4])
with closing(Trackers(tracked_accelerator(names, path, cpu=True), RunDirectory(path), "lab")) as trackers:
    trackers.start(first, {"steps": 5, "learner": {"name": "GRPO"}})
    for step in range(first, last + 1):
        trackers.log(step, {"loss": step / 4 + first, "held-out/accuracy": 0.5, "ids": "abc"})
"""


def board(folder: Path, tag: str) -> list[tuple[int, float]]:
    """What TensorBoard shows."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return [(event.step, round(event.value, 3)) for event in events.Scalars(tag)]


def wandb_records(file: Path) -> Iterator[Any]:
    """The records of an offline run: a LevelDB log (blocks of 32 KiB; CRC, length and kind before each part)."""
    from wandb.proto import wandb_internal_pb2

    data, at, whole = file.read_bytes(), 7, b""
    while at + 7 <= len(data):
        room = 32768 - at % 32768
        if room < 7:
            at += room
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            record = wandb_internal_pb2.Record()
            record.ParseFromString(whole)
            yield record
            whole = b""


def log(run: Path, names: str, first: int, last: int) -> None:
    """In a process of its own, as a run is: these programs hold threads and processes until the end."""
    environment = {**os.environ, "WANDB_MODE": "offline", "TRACKIO_DIR": str(run / "trackio"), "DO_NOT_TRACK": "1"}
    command = [sys.executable, "-c", LOGS, str(run), names, str(first), str(last)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that logged the steps 0 to 3 and went on from a checkpoint after step 2, in all trackers installed here."""
    names = ",".join(name for name in ("tensorboard", "wandb", "trackio") if find_spec(name))
    run = tmp_path_factory.mktemp("runs") / "first-run"
    run.mkdir()
    log(run, names, 0, 3)
    log(run, names, 3, 5)
    return run


def test_tensorboard_shows_the_step_as_it_was_logged_last(resumed: Path) -> None:
    expected = [(0, 0.0), (1, 0.25), (2, 0.5), (3, 3.75), (4, 4.0), (5, 4.25)]
    assert board(resumed / "tensorboard" / "lab", "loss") == expected
    assert [step for step, _ in board(resumed / "tensorboard" / "lab", "held-out/accuracy")] == list(range(6))


def test_wandb_goes_on_with_the_run_and_no_step_is_sent_twice(resumed: Path) -> None:
    pytest.importorskip("wandb", reason="the extra wandb is not installed")
    files = sorted((resumed / "wandb").glob("offline-run-*/*.wandb"))
    records = [record for file in files for record in wandb_records(file)]
    runs = {(record.run.run_id, record.run.project, record.run.display_name) for record in records if record.run.run_id}
    own = json.loads((resumed / "trackers.json").read_text())["id"]
    assert runs == {(own, "lab", "first-run")}
    assert len(files) == 2
    history = []
    for record in records:
        if record.WhichOneof("record_type") == "history":
            row = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
            history.append((row["_step"], row["loss"], row["held-out/accuracy"], "ids" in row))
    assert history == [(s, s / 4 + 3 * (s > 3), 0.5, False) for s in range(6)]


def test_trackio_goes_on_with_the_run_and_no_step_is_sent_twice(resumed: Path) -> None:
    pytest.importorskip("trackio", reason="the extra trackio is not installed")
    with sqlite3.connect(resumed / "trackio" / "lab.db") as database:
        rows = database.execute("select run_name, step, metrics from metrics order by id").fetchall()
    database.close()
    own = json.loads((resumed / "trackers.json").read_text())["id"]
    assert {name for name, _, _ in rows} == {f"first-run-{own}"}
    assert [(step, json.loads(values)["loss"]) for _, step, values in rows] == [
        (0, 0.0), (1, 0.25), (2, 0.5), (3, 0.75), (4, 4.0), (5, 4.25),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "project", "said"),
    [
        (("tensorbord",), "lab", "no tracker 'tensorbord'; known: tensorboard, wandb, trackio"),
        (("wandb",), "a/b", "tracker_project must be 1 to 128 characters without"),
        (("tensorboard",), "..", "tracker_project must be 1 to 128 characters without"),
    ],
)
def test_what_cannot_track_is_told_before_anything_is_loaded(names: tuple[str, ...], project: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Trainer(TrainerConfig(model="no such model", trackers=names, tracker_project=project))


def test_a_tracker_that_is_not_installed_is_told_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from importlib import metadata

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(ConfigError, match=r"wandb is not installed: pip install 'distil-envs\[wandb\]', or leave"):
        require_trackers(("wandb",), "lab")


def test_a_tracker_that_will_not_begin_is_told_and_the_run_withdrawn(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "tensorboard").write_text("a file where its folder should be")
    config = TrainerConfig(
        model="tiny",
        env="distil/Toy-v0",
        learner=GRPO(),
        run_dir=str(run),
        policy=PolicyConfig(device="cpu"),
        environment=EnvConfig(num_tasks=2),
    )
    with pytest.raises(ConfigError, match=r"a tracker could not begin .*: mend that, or leave it out of trackers"):
        Trainer(config).train()
    assert not (run / "config.yaml").exists()


def test_no_tracker_at_all(tmp_path: Path) -> None:
    trackers = Trackers(tracked_accelerator((), tmp_path, cpu=True), RunDirectory(tmp_path), "lab")
    trackers.start(0, {})
    trackers.log(0, {"loss": 1.0})
    trackers.close()
    assert not (tmp_path / "tensorboard").exists()


def test_evaluations_are_figures_by_set() -> None:
    share, sampled = Interval(0.5, 0.1, 0.9), {"samples": 2, "right": 1, "answers": ["a", "b"], "rewards": [0.0, 1.0]}
    row = {"usable": True, "correct": True, "marks": [False, True], **sampled}
    measures = Measures.of([row, {**row, "correct": False}], (1, 2))
    result = Evaluation(**vars(measures), checks={"exact": Interval(0.25, 0.0, 0.5)}).to_dict()
    expected = {
        "accuracy": 0.5, "exact": 0.25, "avg@2": 0.5, "pass@1": 0.5, "pass@2": 1.0, "maj@1": 0.5, "maj@2": 0.5,
        "best@1": 0.5, "best@2": 1.0,
    }  # fmt: skip
    assert evaluation_figures("held-out", "zero-shot", result) == {
        f"held-out/{name}": v for name, v in expected.items()
    }
    assert set(evaluation_figures("pool", "few-shot", result)) == {f"pool few-shot/{name}" for name in expected}
    greedy = Evaluation(2, share).to_dict()
    assert evaluation_figures("pool", "zero-shot", greedy) == {"pool/accuracy": 0.5}
