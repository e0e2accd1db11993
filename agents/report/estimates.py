"""What evaluations of one run, or of several seeds, show: estimates with 95 % intervals.

Of one run the intervals are over its tasks. Of several seeds that did the same tasks they are over seeds *and* tasks,
so that seeds which agree by chance promise nothing about other tasks; where each seed has its own tasks, over seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from agents.report.runs import Row
from agents.statistics import (
    Interval,
    crossed_interval,
    difference_interval,
    mean_interval,
    nested_interval,
    paired_difference,
    share_interval,
)

Tasks = dict[tuple[Any, Any], float]
"""Index and id of a task that could be graded, with 1 where it was solved, else 0."""


def accuracy(rows: Sequence[Row]) -> Interval:
    """Greedy accuracy, from one evaluation of each seed."""
    known = [(row, found) for row, found in zip(rows, map(solved, rows), strict=True) if found]
    if len(known) < 2:
        return stored((known[0][0] if known else rows[0])["accuracy"])
    graded = [found for _, found in known]
    shared = _shared(rows, graded)
    if len(shared) < 2:
        return nested_interval([list(found.values()) for found in graded], shares=True)
    return crossed_interval([[found[task] for task in shared] for found in graded], shares=True)


def change(pairs: Sequence[tuple[Row, Row]]) -> Interval | None:
    """Accuracy after minus before, paired over tasks, from two evaluations of each seed; None if no task is in both."""
    graded = [(solved(first), solved(last)) for first, last in pairs]
    both = [{task: last[task] - first[task] for task in first if task in last} for first, last in graded]
    if len(both) == 1:
        return paired_difference(*graded[0])
    shared = _shared([row for pair in pairs for row in pair], both)
    if len(shared) >= 2:
        tables = ([[found[side][task] for task in shared] for found in graded] for side in (1, 0))
        return difference_interval(*tables)
    means = [sum(found.values()) / len(found) for found in both if found]
    return mean_interval(means) if means else None


def pass_at(values: Sequence[Mapping[str, Any]]) -> Interval:
    """pass@k: as stored, over tasks, of one run; of several the mean of theirs, over seeds."""
    return stored(values[0]) if len(values) == 1 else share_interval([value["mean"] for value in values])


def logged(values: Sequence[float]) -> Interval:
    """A figure of a step: without an interval of one run; of several with the t interval over seeds."""
    return mean_interval(values) if len(values) > 1 else Interval(values[0], values[0], values[0])


def solved(row: Row) -> Tasks:
    """The tasks of an evaluation that could be graded. The index keeps apart tasks that are called alike."""
    tasks = [task for task in row["per_task"] if isinstance(task, dict)]
    return {(t.get("index"), t.get("task")): float(bool(t.get("correct"))) for t in tasks if t.get("usable")}


def stored(value: Mapping[str, Any]) -> Interval:
    """An interval as JSON has it: what is not finite is None there."""
    unknown = {"mean": math.nan, "low": -math.inf, "high": math.inf}
    return Interval(*(other if value.get(name) is None else value[name] for name, other in unknown.items()))


def _shared(rows: Sequence[Row], graded: Sequence[Mapping[tuple[Any, Any], float]]) -> list[tuple[Any, Any]]:
    """The tasks that all seeds could be graded on; none where they were not given the same."""
    given = [{(t.get("index"), t.get("task")) for t in row["per_task"] if isinstance(t, dict)} for row in rows]
    if any(tasks != given[0] for tasks in given):
        return []
    return [task for task in graded[0] if all(task in found for found in graded)]
