"""The comparison of a bench in its report: the numbers that the bench found, or why there are none."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from agents.bench import Cell, Plan
from agents.bench.comparison import write_comparison
from agents.bench.results import Row
from agents.bench.settle import Choice, Settled
from agents.bench.summary import compare, overall
from agents.bench.tune import Tune
from agents.report import write_report
from agents.report.comparison import FILE, read_comparison
from distil_envs.errors import ConfigError
from tests.bench.test_summary import PLAN, ROWS, SAMPLED


def settled(plan: Plan, rows: Mapping[Cell, Row]) -> Settled:
    return Settled(plan, (), {}, rows, frozenset(), {})


def page_of(folder: Path, **more: Any) -> str:
    write_report([folder], folder / "report.html", **more)
    return unescape((folder / "report.html").read_text(encoding="utf-8"))


def test_the_page_shows_what_the_bench_found(tmp_path: Path) -> None:
    write_comparison(tmp_path, settled(PLAN, ROWS), "final")
    page = page_of(tmp_path, figures_folder=tmp_path / "figures")
    (found,) = compare(PLAN, ROWS)
    for score in found.scores:
        assert f"{score.value.mean:.3f} [{score.value.low:.3f}, {score.value.high:.3f}]" in page
        assert f"<td>{score.area:.3f}</td>" in page
    lead = found.differences[0].value
    assert f"{lead.mean:+.3f} [{lead.low:+.3f}, {lead.high:+.3f}]" in page
    assert "6 of 6 runs" in page and "best checkpoint" not in page
    assert len(list((tmp_path / "figures").glob("bench1-1-rule-answer-tiny-*.svg"))) == 3


def test_learners_over_environments_are_told(tmp_path: Path) -> None:
    plan = type(PLAN).from_dict(PLAN.to_dict() | {"environments": {"rule": {}, "other": {"learning_rate": 0.1}}})
    others = {
        type(cell)(**vars(cell) | {"environment": "other"}): row | {"cell": vars(cell) | {"environment": "other"}}
        for cell, row in ROWS.items()
    }
    write_comparison(tmp_path, settled(plan, ROWS | others), "best")
    page = page_of(tmp_path)
    first, second = overall(plan, ROWS | others, "best")
    assert str(first.middle) in page and str(second.beaten) in page
    assert "the best checkpoint of each run" in page


def test_what_learners_chose_is_shown(tmp_path: Path) -> None:
    plan = replace(PLAN, tune=Tune({"learning_rate": [0.1, 0.2]}, (100, 101)))
    choice = Choice(Cell("rule", "answer", "tiny", "GRPO", 0), (0.123, math.nan), 0)
    write_comparison(tmp_path, replace(settled(plan, ROWS), choices=(choice,)), "final")
    page = page_of(tmp_path)
    assert "rule · answer · tiny <small>chosen (✓, the first of equals; –: it diverged) on seeds 100, 101" in page
    assert "<th>learning_rate=0.1</th><th>learning_rate=0.2</th>" in page
    assert "<td>0.123 ✓</td><td>–</td>" in page


def test_one_seed_knows_nothing_of_others(tmp_path: Path) -> None:
    """Where only its mean is known."""
    plan = type(PLAN).from_dict(SAMPLED)
    alone = {cell: row for cell, row in ROWS.items() if cell.seed == 0}
    write_comparison(tmp_path, settled(plan, alone), "final")
    score = json.loads((tmp_path / FILE).read_text())["settings"][0]["scores"][0]
    assert score["value"] == {"mean": 0.375, "low": 0.0, "high": 1.0}
    assert "0.375 [0.000, 1.000]" in page_of(tmp_path)
    assert not re.search(r"\b(nan|inf)\b", page_of(tmp_path))


def test_runs_are_called_and_coloured_as_in_the_comparison(bench: Path, tmp_path: Path) -> None:
    shutil.copytree(bench, tmp_path / "bench")
    write_comparison(tmp_path / "bench", settled(PLAN, ROWS), "final")
    file = tmp_path / "bench" / FILE
    found = json.loads(file.read_text().replace('"GRPO"', '"GRPO, mine"'))
    cells = {"distil-0": "DistIL", "distil-1": "DistIL", "grpo-0": "GRPO, mine"}
    file.write_text(json.dumps(found | {"cells": cells, "learners": ["GRPO, mine", "DistIL"]}))
    page = page_of(tmp_path / "bench")
    for name, place in (("GRPO, mine", 0), ("DistIL", 1)):
        assert page.count(f'<i class="key k{place}"></i>{name}<') == 2
        assert page.count(f"</i>{name}<") == 2


def test_a_broken_comparison_hides_no_runs(bench: Path, tmp_path: Path) -> None:
    shutil.copytree(bench, tmp_path / "bench")
    (tmp_path / "bench" / FILE).write_text("{")
    made = write_report([tmp_path / "bench"], tmp_path / "report.html")
    assert made.episodes > 0
    assert any("`distil bench` writes it anew" in told for problems in made.problems.values() for told in problems)


def test_names_stay_text(tmp_path: Path) -> None:
    write_comparison(tmp_path, settled(PLAN, ROWS), "final")
    file = tmp_path / FILE
    file.write_text(file.read_text().replace("DistIL", "<script>alert(1)</script>"))
    write_report([tmp_path], tmp_path / "report.html")
    assert "<script>alert" not in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"version": 99}', '{"version": 1}', '{"version": 1, "learners": [], "overall": 3}', "\udcff"],
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ConfigError, match=r"comparison\.json .*`distil bench` writes it anew"):
        read_comparison(tmp_path, "bench")


def test_what_could_not_be_graded_before_has_no_number(tmp_path: Path) -> None:
    rows = {
        cell: row
        | {
            "evaluations": [
                each | {"marks": {"accuracy": "----"}} if each["share"] == 0 else each for each in row["evaluations"]
            ]
        }
        for cell, row in ROWS.items()
    }
    write_comparison(tmp_path, settled(PLAN, rows), "final")
    page = page_of(tmp_path)
    assert "<td>–</td>" in page and not re.search(r"\b(nan|inf)\b", page)
