"""The floor of multiple choice is told wherever an accuracy on it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Distil = Callable[..., tuple[int, str, str]]
ON_CPU = ("--device", "cpu", "--dtype", "float32")


@pytest.fixture
def choices(tmp_path: Path) -> str:
    """40 questions of four options, every other one with the right answer B; the rest go through all letters."""
    path = tmp_path / "choices.jsonl"
    rows = [
        {"question": f"Which is {i}?", "choices": [*"wxyz"], "answer": 1 if i % 2 else i // 2 % 4} for i in range(40)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"mmlu:{path}"


def test_the_list_of_a_set_tells_it(distil: Distil, choices: str) -> None:
    status, out, _ = distil("tasks", "list", choices)
    assert status == 0
    assert "multiple choice: a guess is right 0.250, the commonest letter 0.625" in out
    assert "multiple choice" not in distil("tasks", "list", "toy/rule")[1]


def test_an_evaluation_tells_it_of_the_tasks_that_it_graded(
    distil: Distil, small_model: Path, choices: str, tmp_path: Path
) -> None:
    output = tmp_path / "found.json"
    words = ["--env", "distil/Science-v0", "--split", "all", "--max-new-tokens", 2, *ON_CPU, "--output", output]
    status, out, err = distil("eval", small_model, "--tasks", choices, "--num-tasks", 8, *words)
    assert (status, err) == (0, "")
    found = json.loads(output.read_text())["chance"]
    assert found["guess"] == 0.25
    assert f"multiple choice: a guess is right 0.250, the commonest letter {found['commonest']:.3f}" in out
    status, out, _ = distil("eval", small_model, "--env", "distil/Toy-v0", *words[2:], "--num-tasks", 2)
    assert status == 0
    assert json.loads(output.read_text())["chance"] is None
    assert "multiple choice" not in out


def test_a_run_tells_it_of_pool_and_held_out_tasks(
    distil: Distil, small_model: Path, choices: str, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    status, out, err = distil(
        "train", "--model", small_model, "--env", "distil/Science-v0", "--environment.tasks", choices,
        "--environment.num-tasks", 4, "--environment.max-new-tokens", 2, "--eval-tasks", 3, "--steps", 1,
        "--tasks-per-step", 1, "--group-size", 2, "--base-shots", 0, "--policy.device", "cpu",
        "--policy.dtype", "float32", "--run-dir", run, "--feedback", "answer",
    )  # fmt: skip
    assert status == 0, err
    rows = [json.loads(line) for line in (run / "evaluations.jsonl").read_text().splitlines()]
    for row in rows:
        commonest = row["chance"]["commonest"]
        assert f"{row['set']}: multiple choice: a guess is right 0.250, the commonest letter {commonest:.3f}" in out
    assert {row["set"] for row in rows} == {"pool", "held-out"}
