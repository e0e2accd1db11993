"""A cell that was run under other options is set aside, not gone on with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from agents.bench import Plan, Results
from agents.bench.worker import run_cell

PLAN = Plan.from_dict({
    "base": {
        "model": "tiny", "env": "distil/Toy-v0", "feedback": "answer", "tasks_per_step": 2, "group_size": 2,
        "eval_tasks": 2, "base_shots": 0, "steps": 3, "save_model": False, "policy": {"device": "cpu"},
        "environment": {"tasks": "toy/rule@1", "num_tasks": 4, "max_new_tokens": 6, "max_prompt_tokens": 16},
    },
    "environments": {"rule": {}},
    "learners": ["SFT"],
    "seeds": [0],
})  # fmt: skip
(CELL,) = PLAN.cells()


@pytest.mark.parametrize("other", ["steps", "unknown"])
def test_a_run_of_other_options_is_set_aside(tmp_path: Path, other: str) -> None:
    config = replace(PLAN.config(CELL), run_dir=str(tmp_path / "cells" / "x"))
    results = Results(tmp_path / "results.jsonl")
    run_cell(CELL, config, results)
    results.file.unlink()  # as if it had been stopped before its row was kept
    if other == "steps":
        config = replace(config, steps=2)
    else:  # of another version
        file = config.path / "config.yaml"
        file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"unheard_of": 1}))
    row = run_cell(CELL, config, results)
    assert row["spent"]["steps"] == config.steps
    assert not row["spent"]["resumed"]
    assert (tmp_path / "replaced" / "x-1" / "metrics.jsonl").is_file()
    assert [each["share"] for each in row["evaluations"] if each["set"] == "held-out"] == [0, 1]
    assert run_cell(CELL, config, results) == row
