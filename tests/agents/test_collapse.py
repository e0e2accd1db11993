"""Known collapses are told once, when they show, and healthy runs are left in peace."""

from __future__ import annotations

from typing import Any

import pytest

from agents.collapse import CollapseWatch

GOOD = {"lessons": 1.0, "success": 0.4, "format": 1.0, "length": 90.0, "entropy": 0.8, "copied": 0.2}


def told(*steps: tuple[int, dict[str, Any]]) -> list[str]:
    watch, found = CollapseWatch(window=3), []
    for count, change in steps:
        for _ in range(count):
            found += watch.look({**GOOD, **change})
    return found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lessons": 0.0}, "nothing was learned from in the last 3 steps"),
        ({"length": 20.0}, "responses shrink, from 90 to 20.0 tokens"),
        ({"format": 0.3}, "readable answers fall from 1.00 to 0.30"),
        ({"entropy": 0.01}, "sure of wrong answers"),
        ({"entropy": 2.9}, "entropy rises from 0.80 to 2.90 nats"),
        ({"with_baseline": 0.1}, "only 10% of the tokens have a baseline"),
        ({"copied": 0.95}, "95% of the attempts repeat an earlier one"),
        ({"success": 0.1}, "success falls from 0.40 to 0.20"),
    ],
)
def test_each_is_told_once(change: dict[str, float], words: str) -> None:
    (found,) = told((6, {}), (12, change))
    assert words in found


def test_what_is_no_collapse() -> None:
    assert told((20, {})) == []
    assert (
        told((6, {}), (12, {"length": 5.0, "entropy": 0.01, "copied": 0.99, "success": 0.95})) == []
    )  # it has learned
    assert told((6, {"success": 0.0, "length": 0.0, "entropy": 0.0}), (12, {"success": 0.0})) == []
    assert told((3, {}), (2, {"length": 1.0})) == []  # too few steps to say


def test_a_learner_of_corrections_that_gets_none_is_told_at_once() -> None:
    assert "no feedback of this step held a correction" in CollapseWatch().look({**GOOD, "corrected": 0.0})[0]
    assert CollapseWatch().look({**GOOD, "corrected": 0.1}) == CollapseWatch().look(GOOD) == []


def test_steps_without_anything_to_learn_measure_nothing() -> None:
    """A learner that leaves such steps out logs an entropy of 0."""
    assert told((6, {}), (2, {"lessons": 0.0, "entropy": 0.0}), (3, {})) == []


def test_figures_that_a_learner_does_not_have() -> None:
    watch = CollapseWatch(window=2)
    assert not [warning for _ in range(9) for warning in watch.look({"success": 0.5})]
