"""distil export and distil rescore."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.trajectories import load, read_run
from tests.trajectories.runs import RIGHT, played, row_of, write_run

Distil = Callable[..., tuple[int, str, str]]
Fails = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A success in its first step, in the second a success after a failure, and two failures."""
    answers = ([RIGHT], ["12", RIGHT], ["12", "13"])
    rows = [row_of(played(0, said, at), step=min(at, 1) + 1) for at, said in enumerate(answers)]
    return write_run(tmp_path / "run", rows)


def test_parquet_of_runs_and_of_the_cells_of_a_bench(run: Path, tmp_path: Path, distil: Distil) -> None:
    pytest.importorskip("datasets", reason="needs datasets: pip install 'distil-envs[datasets]'")
    cells = tmp_path / "bench" / "cells"
    write_run(cells / "b", [row_of(played(1, [RIGHT]))])
    write_run(cells / "a", [row_of(played(2, [RIGHT]))])
    file = tmp_path / "all.parquet"
    status, out, err = distil("export", run, tmp_path / "bench", "--to", "parquet", "--output", file)
    assert (status, err) == (0, "")
    assert out == f"written: {file}, 5 rows from 5 of 5 episodes\n"
    expected = [each.row for folder in (run, cells / "a", cells / "b") for each in read_run(folder)]
    assert [each.row for each in load(file)] == expected
    assert [each.run for each in load(file)] == [*[str(run)] * 3, str(cells / "a"), str(cells / "b")]


def test_chats_with_filters(run: Path, tmp_path: Path, distil: Distil) -> None:
    file = tmp_path / "sft.jsonl"

    def export(*words: object) -> int:
        status, out, _ = distil("export", run, "--output", file, "--overwrite", *words)
        assert status == 0
        lines = file.read_text(encoding="utf-8").splitlines()
        assert f", {len(lines)} rows from" in out
        return len([json.loads(line) for line in lines])

    assert export("--to", "sft") == 2
    assert export("--to", "sft", "--min-step", 2) == 1
    assert export("--to", "sft", "--max-step", 1) == 1
    assert export("--to", "sft", "--targets", "correction", "--status", "wrong") == 2
    assert export("--to", "sft", "--env", "distil/Toy-v0") == 2


def test_pairs_need_a_group(run: Path, tmp_path: Path, distil: Distil, fails: Fails) -> None:
    file = tmp_path / "pairs.jsonl"
    said = fails("export", run, "--to", "preference", "--output", file, "--min-step", 2)
    assert said == f"nothing to export to {file}: 2 of 3 episodes pass the filters, and none gives a row of preference"
    assert not list(tmp_path.glob("*pairs*")) + list(tmp_path.glob(".*pairs*"))
    whole = [{**json.loads(line), "step": 1} for line in (run / "episodes.jsonl").read_text().splitlines()]
    (run / "episodes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in whole))
    assert distil("export", run, "--to", "preference", "--output", file)[0] == 0
    (pair,) = [json.loads(line) for line in file.read_text().splitlines()]
    assert pair["rejected"] == [{"role": "assistant", "content": "12"}]
    assert [message["role"] for message in pair["prompt"]] == ["system", "user"]


def test_what_cannot_be_written_or_read_is_told_in_a_line(run: Path, tmp_path: Path, fails: Fails) -> None:
    taken = tmp_path / "taken.jsonl"
    taken.write_text("mine")
    to = ("--to", "sft", "--output")
    assert "is there already: add --overwrite, or choose another name" in fails("export", run, *to, taken)
    assert taken.read_text() == "mine"
    assert "is there already: give the name of a file" in fails("export", run, *to, tmp_path)
    assert "there is no folder" in fails("export", run, *to, tmp_path / "no" / "file")
    assert "no run in" in fails("export", tmp_path / "nowhere", *to, tmp_path / "new")
    assert "name one or more run directories" in fails("export", *to, tmp_path / "new")
    assert "none of these runs is in the environment" in fails("export", run, *to, tmp_path / "new", "--env", "a/b-v0")
    assert "has no rescored.jsonl" in fails("export", run, *to, tmp_path / "new", "--rescored")
    assert "no run in" in fails("rescore", tmp_path / "nowhere")


def test_grades_of_today_that_are_those_of_then(run: Path, distil: Distil) -> None:
    status, out, _ = distil("rescore", run, "--check")
    assert status == 0
    assert "0 of 5 attempts are graded otherwise now" in out
    assert (run / "rescored.jsonl").exists()


def test_a_grade_that_changed_is_shown_listed_and_exported(run: Path, tmp_path: Path, distil: Distil) -> None:
    log = run / "episodes.jsonl"
    first, *rest = [json.loads(line) for line in log.read_text().splitlines()]
    first["attempts"][0]["outcome"] |= {"status": "wrong", "reward": 0.0}  # as an older verifier had it
    log.write_text("".join(json.dumps(row) + "\n" for row in (first, *rest)))
    before, file = log.read_bytes(), tmp_path / "changed.json"
    status, out, _ = distil("rescore", run, "--check", "--json", file)
    assert status == 1
    assert "1 of 5 attempts are graded otherwise now" in out
    assert f"{run} step 1 0/0/0 attempt 0  wrong → correct" in out
    told = json.loads(file.read_text())
    assert told["attempts"] == 5
    assert told["table"] == {"correct": {"correct": 1}, "wrong": {"correct": 1, "wrong": 3}}
    (changed,) = told["changed"]
    assert (changed["old"]["status"], changed["new"]["status"]) == ("wrong", "correct")
    assert log.read_bytes() == before
    assert distil("rescore", run)[0] == 0, "without --check a change is no failure"
    assert distil("rescore", run, "--json", file)[0] == 1, "nothing is overwritten unasked"
    rows = tmp_path / "sft.jsonl"
    distil("export", run, "--to", "sft", "--output", rows, "--max-step", 1, "--rescored")
    assert len(rows.read_text().splitlines()) == 1


def test_what_could_not_be_graded_is_told_with_the_reason(user_env: Path, tmp_path: Path, distil: Distil) -> None:
    folder = write_run(tmp_path / "acme", [row_of(played(0, [RIGHT]))], tasks=None)
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("distil/Toy-v0", "acme/AddOne-v0"))
    rule = 'return completion.strip() == task.reference["answer"]'
    user_env.write_text(user_env.read_text().replace(rule, "raise OSError('gone')"))
    status, out, _ = distil("rescore", folder, "--import", user_env, "--check")
    assert status == 1
    assert "1 could not be graded: verifier 'right' raised: gone" in out
