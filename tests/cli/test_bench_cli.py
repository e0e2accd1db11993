"""`distil bench` says in a line what cannot be, and writes nothing then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from agents.bench import Plan, Results
from agents.bench.runner import Runner
from agents.cli.bench import _keep
from agents.cli.main import main

PLAN = {
    "base": {"model": "tiny", "env": "distil/Toy-v0", "feedback": "answer", "base_shots": 0, "eval_tasks": 4},
    "environments": {"rule": {"environment": {"tasks": "toy/rule", "num_tasks": 4, "max_new_tokens": 6}}},
    "learners": ["DistIL", "GRPO"],
    "seeds": [0, 1],
    "budget": {"samples": 64},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(PLAN))
    return tmp_path


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--shard", "3/2"), "--shard must be I/N"),
        (("--shard", "half"), "--shard must be I/N"),
        (("--processes", "0"), "--processes must be at least 1"),
        (("--checkpoint", "worst"), "--checkpoint must be final or best"),
        (("--learners", "Nobody"), "no learner is named 'Nobody'"),
        (("--samples", "0"), "samples must be positive"),
        (("--learner", "GRPO"), "did you mean --learners"),
    ],
)
def test_bad_options(folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str) -> None:
    assert main(["bench", "plan.yaml", *words]) in (1, 2)
    said = capsys.readouterr()
    assert said.err.startswith("distil: ")
    assert told in said.err
    assert said.err.count("\n") == 1
    assert not said.out
    assert [each.name for each in folder.iterdir()] == ["plan.yaml"]


@pytest.mark.parametrize("text", ["[1]", "a: [", "lerners: [CE]"])
def test_a_file_that_is_no_plan(folder: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (folder / "bad.yaml").write_text(text)
    assert main(["bench", "bad.yaml"]) == 1
    assert capsys.readouterr().err.startswith("distil: ")


def test_a_dry_run_tells_and_does_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "plan.yaml", "--dry-run", "--shard", "1/2"]) == 0
    told = capsys.readouterr().err
    assert "0 of 4 runs are finished" in told
    assert "to do: 2 runs of 128 rollouts in all, about" in told
    assert "rule · DistIL · answer · tiny · seed 0\n" in told
    assert "rule · GRPO · answer · tiny · seed 0\n" in told
    assert "seed 1" not in told
    assert not (folder / "benches").exists()


def test_what_is_finished_is_told_and_what_has_changed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = Plan.load("plan.yaml")
    results = Results(folder / "benches" / "plan" / "results.jsonl")
    first, second, *_ = plan.cells()
    changed = replace(plan.config(second), learning_rate=0.25)
    threads = Runner(folder, plan).threads
    for cell, config in ((first, plan.config(first)), (second, changed)):
        results.add(
            {"cell": vars(cell), "config": config.to_dict(), "spent": {"wall_seconds": 30.0, "threads": threads}}
        )
    assert main(["bench", "plan.yaml", "--dry-run"]) == 0
    told = capsys.readouterr().err
    assert (
        f"{second}: has a result under other options, learning_rate (now 0.0005, then 0.25): it is run anew, beside it"
        in told
    )
    assert "1 of 4 runs are finished" in told
    assert "the time of 1 is that of finished ones" in told
    assert f"  {first}\n" not in told
    assert f"  {second}\n" in told


def test_the_kept_plan_is_written_unless_it_is_the_same_in_other_words(tmp_path: Path) -> None:
    file, plan = tmp_path / "plan.yaml", Plan.from_dict(PLAN)
    _keep(file, plan)
    assert Plan.load(str(file)) == plan
    file.write_text("# my own words\n" + yaml.safe_dump(PLAN))
    _keep(file, plan)
    assert "# my own words" in file.read_text()
    for text in ("learners: [", "learners: [CE]\n"):  # torn by a crash; another one
        file.write_text(text)
        _keep(file, plan)
        assert Plan.load(str(file)) == plan
