"""The table of before and after, against numbers worked out by hand."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from scipy.stats import ttest_1samp

from agents.cli.tables import comparison, figures, paired_change
from agents.statistics import proportion_interval


def share_of(values: list[int | None]) -> dict[str, float | None]:
    graded = [value for value in values if value is not None]
    return proportion_interval(sum(graded), len(graded)).to_dict()


def row(
    step: int,
    correct: list[int | None],
    *,
    first: list[int] | None = None,
    name: str = "pool",
    prompt: str | None = None,
) -> dict[str, Any]:
    """One evaluation in which ``exact`` equals ``correct``; None is an attempt that could not be graded.

    ``first``: which first attempts of at most two were right; None where but one may be made.
    """
    share = share_of(correct)
    made: dict[str, Any] = {
        "step": step,
        "set": name,
        "tasks": sum(value is not None for value in correct),
        "accuracy": share,
        "checks": {"exact": share},
        "by_attempt": [] if first is None else [share_of([*first]), share],
        "gain": None if first is None else {"mean": 0.25, "low": None, "high": None},
        **{f"{name}_at": {} for name in ("avg", "pass", "maj", "best")},
        "by": {},
        "per_task": [
            {
                "index": index,
                "task": f"t{index}",
                "usable": value is not None,
                "correct": bool(value),
                "attempts": ["wrong", "wrong"] if first is None or not first[index] else ["correct"],
                "checks": {} if value is None else {"exact": bool(value)},
            }
            for index, value in enumerate(correct)
        ],
    }
    return made if prompt is None else {**made, "prompt": prompt}


def text(rows: list[dict[str, Any]], width: int = 140) -> str:
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(comparison(rows))
    return console.export_text()


def line(said: str, metric: str) -> list[str]:
    """Cells of the first row of a metric."""
    found = next(each for each in said.splitlines() if metric in each)
    return found.replace(metric, "").split()


def test_the_change_is_paired_over_tasks_graded_both_times() -> None:
    before, after = row(0, [1, 0, 0, None, 0, 1]), row(9, [1, 1, 0, 1, None, 1])
    change = paired_change(before, after, "accuracy")
    differences = np.array([0, 1, 0, 0])  # tasks 0, 1, 2, 5
    interval = ttest_1samp(differences, 0).confidence_interval()
    assert change is not None
    assert (change.mean, change.low, change.high) == pytest.approx(
        (0.25, interval.low, 1.0)
    )  # shares differ by 1 at most
    assert interval.high > 1
    assert paired_change(before, after, "exact") == change
    assert paired_change(row(0, [None, 1]), row(1, [1, None]), "accuracy") is None


def test_the_change_is_against_the_better_base_of_each_set() -> None:
    rows = [
        row(0, [0, 0, 0, 1], prompt="zero-shot"),
        row(0, [1, 1, 0, 0], prompt="few-shot"),
        row(5, [0, 0, 0, 0], prompt="zero-shot"),
        row(8, [1, 1, 1, 0], prompt="zero-shot"),
        row(0, [1, 1, 1, 1], name="held-out", prompt="zero-shot"),
        row(0, [0, 1, 1, 1], name="held-out", prompt="few-shot"),
        row(8, [0, 1, 1, 1], name="held-out", prompt="zero-shot"),
    ]
    said = text(rows)
    pool, held_out = said.split("held-out (4)")
    cells = line(pool, "verifier accuracy")
    assert [cells[0], cells[2], cells[4], cells[6]] == ["0.250", "*0.500", "0.750", "+0.250"]
    assert line(pool, "exact match") == cells
    cells = line(held_out, "verifier accuracy")
    assert [cells[0], cells[2], cells[4], cells[6]] == ["*1.000", "0.750", "0.750", "-0.250"]
    wilson = proportion_interval(3, 4)
    assert cells[5] == f"[{wilson.low:.3f},{wilson.high:.3f}]"


def test_without_few_shot_base_there_is_no_column_for_it_and_rows_need_no_prompt() -> None:
    said = text([row(0, [0, 1]), row(3, [1, 1])])
    assert "few-shot" not in said
    assert "*" not in said
    cells = line(said, "verifier accuracy")
    assert [cells[0], cells[2], cells[4]] == ["0.500", "1.000", "+0.500"]


def test_first_attempts_stand_beside_all_of_them() -> None:
    """What feedback lends to a second attempt must not pass for what the model has learned."""
    rows = [row(0, [1, 1, 0, 1], first=[0, 0, 0, 1]), row(6, [1, 1, 1, 1], first=[0, 1, 1, 1])]
    said = text(rows)
    cells = line(said, "verifier accuracy")
    assert [cells[0], cells[2], cells[4]] == ["0.750", "1.000", "+0.250"]
    cells = line(said, "first attempt")
    assert [cells[0], cells[2], cells[4]] == ["0.250", "0.750", "+0.500"]
    interval = ttest_1samp([0, 1, 1, 0], 0).confidence_interval()
    assert cells[5] == f"[{interval.low:+.3f},+1.000]"
    assert "first attempt" not in text([row(0, [0, 1]), row(3, [1, 1])])


def test_a_single_task_tells_nothing_and_no_after_leaves_blanks() -> None:
    said = text([row(0, [0]), row(3, [1])])
    assert "+1.000 [-1.000,+1.000]" in said
    assert line(text([row(0, [0, 1])]), "verifier accuracy")[0] == "0.500"
    assert "+" not in text([row(0, [0, 1])])


def test_it_fits_a_narrow_terminal_without_tearing_an_interval() -> None:
    some, more = [0, 1] * 10, [0, 1, 1, 1] * 5
    rows = [row(0, some, prompt="zero-shot"), row(0, some, prompt="few-shot"), row(3, more, prompt="zero-shot")]
    said = text(rows, width=80)
    assert max(map(len, said.splitlines())) <= 80
    share, change = proportion_interval(10, 20), paired_change(rows[0], rows[2], "accuracy")
    assert change is not None
    assert said.count(f"[{share.low:.3f},{share.high:.3f}]") == 4
    assert said.count(f"[{change.low:+.3f},{change.high:+.3f}]") == 2
    assert "…" not in said


def test_figures_name_every_attempt() -> None:
    found = dict(figures(row(0, [1, 1], first=[1, 0])))
    assert list(found)[2:] == ["after attempt 1", "after attempt 2", "gain of later ones"]
    assert found["after attempt 1"] == "0.500 [0.095,0.905]"
    assert found["after attempt 2"] == found["verifier accuracy"]
    assert found["gain of later ones"] == "+0.250 [-∞,∞]"


def test_figures_name_every_measure() -> None:
    evaluation = {**row(0, [0, 1]), "pass_at": {"4": {"mean": 0.5, "low": None, "high": None}}}
    assert dict(figures(evaluation)) == {
        "verifier accuracy": "0.500 [0.095,0.905]",
        "exact match": "0.500 [0.095,0.905]",
        "pass@4": "0.500 [-∞,∞]",
    }
    assert math.isclose(proportion_interval(1, 2).low, 0.095, abs_tol=5e-4)


def test_figures_of_samples_and_of_kinds() -> None:
    low, high = ({"mean": mean, "low": 0.0, "high": 1.0} for mean in (0.5, 0.75))
    part = {"tasks": 1, "accuracy": low, "avg_at": {"2": high}}
    sampled = {"avg_at": {"2": low}, "pass_at": {"1": low, "2": low}, "maj_at": {"2": low}}
    found = dict(figures({**row(0, [0, 1]), **sampled, "best_at": {"1": low, "2": high}, "by": {"math@1": part}}))
    assert list(found)[2:] == [
        *("avg@2", "pass@1", "pass@2", "maj@2", "best@2"),  # best@1 says the same as pass@1
        *("accuracy, math@1 (1)", "avg@2, math@1"),
    ]
    assert found["best@2"] == found["avg@2, math@1"] == "0.750 [0.000,1.000]"
