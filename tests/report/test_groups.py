"""Runs that differ in their seed are one group; its curves and changes have intervals."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
import yaml

from agents.report.summary import summarise
from agents.statistics import crossed_interval, difference_interval, mean_interval, nested_interval, with_width
from tests.report.conftest import STEPS, rows
from tests.report.reading import groups, held_out


def test_seeds_are_one_group_and_learners_are_several(bench: Path) -> None:
    found = groups(bench)
    assert [(group.label, [run.seed for run in group.runs]) for group in found] == [("DistIL", [0, 1]), ("GRPO", [0])]
    assert {group.setting for group in found} == {"distil/Toy-v0 · toy/rule@1"}


def test_the_same_run_twice_is_no_second_seed(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "copy")
    assert [(group.label, len(group.runs)) for group in groups(run, tmp_path / "copy")] == [
        ("DistIL", 1),
        ("DistIL (2)", 1),
    ]
    assert len(groups(run, run)) == 1


def test_a_label_names_what_differs(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "other")
    config = yaml.safe_load((run / "config.yaml").read_text())
    config |= {"learning_rate": 0.5, "seed": 7, "checkpoint_every": 99}
    (tmp_path / "other" / "config.yaml").write_text(yaml.safe_dump(config))
    assert [group.label for group in groups(run, tmp_path / "other")] == [
        "DistIL, learning_rate 0.001",
        "DistIL, learning_rate 0.5",
    ]


def test_curves_of_several_seeds_have_intervals_over_them(bench: Path) -> None:
    distil, grpo = groups(bench)
    cells = [bench / "cells" / name for name in ("distil-0", "distil-1")]
    logged = [{row["step"]: row["entropy"] for row in rows(cell, "metrics.jsonl")} for cell in cells]
    for point in distil.over_steps("entropy"):
        assert point.value == mean_interval([found[int(point.at)] for found in logged])
    accuracy = distil.accuracy("held-out")
    assert [point.at for point in accuracy] == [0, 2, STEPS]
    for point in accuracy:
        table = [[task["correct"] for task in held_out(cell, int(point.at))["per_task"]] for cell in cells]
        assert point.value == crossed_interval(table, shares=True)
        assert 0 <= point.value.low < point.value.high <= 1
    alone = grpo.accuracy("held-out")[-1]
    assert vars(alone.value) == held_out(bench / "cells" / "grpo-0", STEPS)["accuracy"]


def test_seeds_with_tasks_of_their_own_are_compared_by_their_means(bench: Path, tmp_path: Path) -> None:
    shutil.copytree(bench, tmp_path / "bench")
    cell = tmp_path / "bench" / "cells" / "distil-1"
    renamed = (cell / "evaluations.jsonl").read_text().replace("toy/rule/1/", "toy/rule/1/other-")
    (cell / "evaluations.jsonl").write_text(renamed)
    table = [
        [task["correct"] for task in held_out(found, STEPS)["per_task"]]
        for found in (bench / "cells" / "distil-0", cell)
    ]
    distil, _ = groups(tmp_path / "bench")
    assert distil.accuracy("held-out")[-1].value == nested_interval(table, shares=True)


def test_a_base_asked_twice_is_drawn_as_it_was_asked_first(bench: Path, tmp_path: Path) -> None:
    """As where the environment shows examples and the base was tried with examples too: both are few-shot."""
    shutil.copytree(bench / "cells" / "grpo-0", tmp_path / "run")
    log = tmp_path / "run" / "evaluations.jsonl"
    first, *others = rows(tmp_path / "run", "evaluations.jsonl")
    again = first | {"accuracy": {"mean": 1.0, "low": 1.0, "high": 1.0}, "per_task": [
        task | {"correct": True} for task in first["per_task"]
    ]}  # fmt: skip
    log.write_text("".join(json.dumps(row) + "\n" for row in (first, again, *others)))
    (group,) = groups(tmp_path / "run")
    assert group.accuracy(first["set"])[0].value.mean == pytest.approx(first["accuracy"]["mean"])


def test_windows_of_steps_keep_the_mean(run: Path) -> None:
    (group,) = groups(run)
    (point,) = group.over_steps("reward", points=1)
    values = [row["reward"] for row in rows(run, "metrics.jsonl")]
    assert point.at == STEPS
    assert math.isclose(point.value.mean, sum(values) / len(values))


def test_the_change_is_paired_over_tasks_and_crossed_with_seeds(bench: Path) -> None:
    distil, grpo = groups(bench)

    def outcomes(cell: str, step: int) -> list[float]:
        return [float(task["correct"]) for task in held_out(bench / "cells" / cell, step)["per_task"]]

    paired = [after - before for before, after in zip(outcomes("grpo-0", 0), outcomes("grpo-0", STEPS), strict=True)]
    plain = mean_interval(paired)
    assert grpo.before_and_after("held-out")[2] == with_width(plain, len(paired))
    after, before = ([outcomes(f"distil-{seed}", step) for seed in (0, 1)] for step in (STEPS, 0))
    assert distil.before_and_after("held-out")[2] == difference_interval(after, before)
    assert summarise(distil)["seeds"] == 2
