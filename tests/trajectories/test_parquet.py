"""Parquet keeps everything, and `datasets` reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.trajectories import Trajectory, features, load, read_run, write_parquet
from distil_envs import Attempt, Check, Episode, Outcome, Raised, Status, Task, ToolCalled, Trace
from distil_envs.errors import ConfigError
from feedback.feedback import Feedback

pytest.importorskip("datasets", reason="needs datasets: pip install 'distil-envs[datasets]'")

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=8)  # halves of surrogate pairs among it
NAMES = ANYTHING.filter(bool)
IDS = st.lists(st.integers(0, 2**40), max_size=4).map(tuple)
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANYTHING,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(ANYTHING, inner, max_size=2),
    max_leaves=4,
)
EVENTS = st.one_of(
    st.builds(Check, ANYTHING, st.booleans(), ANYTHING, st.none() | st.just((0, 3))),
    st.builds(Raised, ANYTHING, ANYTHING),
    st.builds(ToolCalled, ANYTHING, ANYTHING, ANYTHING),
)
OUTCOMES = st.builds(
    Outcome, st.floats(0, 1), st.sampled_from(Status), st.none() | ANYTHING,
    st.lists(EVENTS, max_size=2).map(lambda events: Trace(tuple(events))),
)  # fmt: skip
FEEDBACK = st.builds(
    Feedback, ANYTHING, st.just(()) | st.just(((0, 2), (3, 4))), st.none() | ANYTHING, ANYTHING, st.booleans(),
    st.frozensets(ANYTHING, max_size=2),
)  # fmt: skip
SPANS = st.sampled_from([(), ((0, 1),), ((1, 2), (3, 5))])
ATTEMPTS = st.builds(
    Attempt, IDS, IDS, ANYTHING, st.none() | OUTCOMES, st.none() | FEEDBACK, SPANS, ANYTHING
)  # fmt: skip
PROMPTS = NAMES.filter(str.strip) | st.lists(
    st.fixed_dictionaries({"role": ANYTHING, "content": ANYTHING}), min_size=1, max_size=2
).map(tuple)
TASKS = st.builds(
    Task,
    NAMES,
    NAMES,
    PROMPTS,
    st.dictionaries(ANYTHING, JSON, max_size=2),
    st.dictionaries(ANYTHING, JSON, max_size=2),
)
EPISODES = st.builds(Episode, TASKS, st.lists(ATTEMPTS, max_size=3), ANYTHING, ANYTHING)
LIKELIEST = st.lists(st.lists(st.tuples(ANYTHING, st.floats(0, 1)).map(list), max_size=2), max_size=3)
NUMBERS = st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3)
TOKENS = st.fixed_dictionaries(
    {
        "text": st.lists(ANYTHING, max_size=3), "learned": st.lists(st.integers(0, 1), max_size=3), "logp": NUMBERS,
        "entropy": NUMBERS, "cost": NUMBERS, "weight": NUMBERS, "credit": NUMBERS, "student": LIKELIEST,
        "expert": st.none() | LIKELIEST,
    }
)  # fmt: skip


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    """A line of a log, as it is read back from the disk."""
    row = {"step": draw(st.integers(0, 2**31)), **draw(EPISODES).to_dict(), "logprobs": draw(NUMBERS)}
    if draw(st.booleans()):
        row["tokens"] = draw(TOKENS)
    read: dict[str, Any] = json.loads(json.dumps(row))
    return read


@settings(max_examples=60)
@given(st.lists(rows(), max_size=4))
def test_what_is_loaded_is_what_was_written(tmp_path_factory: pytest.TempPathFactory, drawn: list[Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "drawn.parquet"
    assert write_parquet(path, [Trajectory("runs/a", row) for row in drawn]) == len(drawn)
    back = list(load(path))
    assert [each.row for each in back] == drawn
    assert [each.episode for each in back] == [Trajectory("", row).episode for row in drawn]
    assert {each.run for each in back} <= {"runs/a"}


def test_what_no_column_is_for_survives(run: Path, tmp_path: Path) -> None:
    row = dict(next(read_run(run)).row)
    odd = {
        **row,
        "note": [1],
        "attempts": [{**row["attempts"][0], "seconds": 0.5}],
        "task": {**row["task"], "id": "\ud800"},
    }
    write_parquet(tmp_path / "odd.parquet", [Trajectory("r", odd), Trajectory("r", row)])
    assert [each.row for each in load(tmp_path / "odd.parquet")] == [odd, row]


def test_datasets_reads_typed_columns(run: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    path = tmp_path / "run.parquet"
    stored = list(read_run(run))
    half = json.loads(json.dumps({**stored[0].row, "rollout_id": "half \ud83d"}))
    write_parquet(path, [*stored, Trajectory("r", half)])
    table = load_dataset("parquet", data_files=str(path), cache_dir=str(tmp_path / "cache"), split="train")
    assert table.features == features()
    assert len(table) == len(stored) + 1
    for read, kept in zip(table, stored, strict=False):
        assert read["exact"] is None
        assert read["logprobs"] == kept.logprobs
        assert [attempt["completion_ids"] for attempt in read["attempts"]] == [
            list(attempt.completion_ids) for attempt in kept.episode.attempts
        ]
        assert [attempt["outcome"]["status"] for attempt in read["attempts"]] == [
            attempt.outcome.status for attempt in kept.episode.attempts if attempt.outcome
        ]
        assert json.loads(read["task"]["reference"]) == dict(kept.episode.task.reference)
        assert read["attempts"][0]["feedback"]["correction"] == kept.episode.task.answer
    assert table[len(stored)]["rollout_id"] == "half \ufffd"


def test_tool_spans_and_recorded_tokens_stand_in_columns(tmp_path: Path) -> None:
    import pyarrow.parquet

    attempt = Attempt((1, 2), (3, 4, 5, 6), "f", Outcome(1.0, Status.CORRECT), inserted=((1, 3),))
    row = {"step": 3, **Episode(Task("t", "toy", "?"), [attempt]).to_dict(), "logprobs": [-1.0, -2.0]}
    row["tokens"] = {
        "text": ["a", "b", "c", "d"], "learned": [1, 0, 0, 1], "student": [[["a", 0.5], ["b", 0.25]], [], [], []],
        "expert": None, **{name: [0.5, 0.0, 0.0, 0.25] for name in ("logp", "entropy", "cost", "weight", "credit")},
    }  # fmt: skip
    write_parquet(tmp_path / "tools.parquet", [Trajectory("r", row)])
    (read,) = pyarrow.parquet.read_table(tmp_path / "tools.parquet").to_pylist()
    assert read["exact"] is None
    assert read["attempts"][0]["inserted"] == [[1, 3]]
    assert read["tokens"]["student"][0] == [{"text": "a", "probability": 0.5}, {"text": "b", "probability": 0.25}]
    assert read["tokens"]["expert"] is None


def test_other_files_are_told(tmp_path: Path, run: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    (tmp_path / "text.parquet").write_text("no such format")
    with pytest.raises(ConfigError, match="cannot be read as Parquet"):
        next(load(tmp_path / "text.parquet"))
    pyarrow.parquet.write_table(pyarrow.table({"a": [1]}), tmp_path / "other.parquet")
    with pytest.raises(ConfigError, match="holds no trajectories: expected a file that distil export"):
        next(load(tmp_path / "other.parquet"))
    write_parquet(tmp_path / "old.parquet", read_run(run))
    table = pyarrow.parquet.read_table(tmp_path / "old.parquet")
    newer = {**table.schema.metadata, b"distil_envs.trajectories": b'{"version": 9}'}
    pyarrow.parquet.write_table(table.replace_schema_metadata(newer), tmp_path / "old.parquet")
    with pytest.raises(ConfigError, match="schema version 9, and this program reads 1: export the run anew"):
        next(load(tmp_path / "old.parquet"))


def test_a_log_of_another_form_is_told_with_its_line(run: Path) -> None:
    with (run / "episodes.jsonl").open("a") as file:
        file.write('{"step": 4, "task": {}}\n')
    with pytest.raises(ConfigError, match=r"episodes.jsonl, line 8 is no episode as this version writes them"):
        list(read_run(run))
