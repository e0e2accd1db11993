"""What the rows of an evaluation show, over all its tasks or over some of them, with intervals over the tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.statistics import (
    Interval,
    best_at_k,
    maj_at_k,
    mean_interval,
    pass_at_k,
    proportion_interval,
    share_interval,
)
from distil_envs import Task
from distil_envs.buckets import bucket_of

Row = Mapping[str, Any]
"""One task's results: an item of `Evaluation.per_task`."""


@dataclass
class Measures:
    """Greedy accuracy, and what samples at temperature 1 give, over the usable episodes of some tasks."""

    tasks: int
    """Tasks with a usable greedy episode."""
    accuracy: Interval
    """Share that the verifier calls correct in the end, greedily."""
    avg_at: dict[int, Interval] = field(default_factory=dict)
    """avg@n: mean share of right ones among a task's samples; n is the most that a task has."""
    pass_at: dict[int, Interval] = field(default_factory=dict)
    """Unbiased pass@k: one of k samples is right."""
    maj_at: dict[int, Interval] = field(default_factory=dict)
    """Unbiased maj@k: the most frequent answer of k samples is right, compared as written. Empty where a right sample
    has no answer to vote with."""
    best_at: dict[int, Interval] = field(default_factory=dict)
    """Unbiased best@k: the highest reward of k samples."""

    @classmethod
    def of(cls, rows: Sequence[Row], ks: Sequence[int]) -> Measures:
        """From one or more rows with a usable greedy episode, and others. A task counts towards k if it has so many
        usable samples.
        """
        greedy = [row["correct"] for row in rows if row["usable"]]
        drawn = max((row["samples"] for row in rows if "samples" in row), default=0)
        votes = all(answer is not None for row in rows for answer, mark in _marked(row) if mark)
        return cls(
            len(greedy),
            proportion_interval(sum(greedy), len(greedy)),
            {drawn: share_interval([row["right"] / row["samples"] for row in rows if row["samples"]])} if drawn else {},
            _over(rows, ks, lambda row, k: pass_at_k(row["samples"], row["right"], k)),
            _over(rows, ks if votes else [], lambda row, k: maj_at_k(row["answers"], row["marks"], k)),
            _over(rows, ks, lambda row, k: best_at_k(row["rewards"], k)),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {name: _plain(value) for name, value in vars(self).items()}


def by_kind(rows: Sequence[Row], tasks: Sequence[Task], ks: Sequence[int]) -> dict[str, Measures]:
    """Measures of each domain, each level (``@2``) and each bucket (``math/algebra@2``, `bucket_of`).

    What holds all tasks is left out, as it says nothing new, and so is what has no usable greedy episode.
    """
    groups: dict[str, list[Row]] = {}
    for row, task in zip(rows, tasks, strict=True):
        bucket = bucket_of(task)
        level = [] if bucket.level is None else [f"@{bucket.level}"]
        for name in dict.fromkeys((bucket.domain, *level, str(bucket))):
            groups.setdefault(name, []).append(row)
    return {
        name: Measures.of(members, ks)
        for name, members in sorted(groups.items())
        if len(members) < len(rows) and any(row["usable"] for row in members)
    }


def gain(first: Sequence[bool], last: Sequence[bool]) -> Interval:
    """Mean of last minus first: where none was lost a share with the interval of one, else a mean with a t interval."""
    changes = [after - before for before, after in zip(first, last, strict=True)]
    return mean_interval(changes) if min(changes) < 0 else proportion_interval(sum(changes), len(changes))


def _over(rows: Sequence[Row], ks: Sequence[int], measure: Callable[[Row, int], float]) -> dict[int, Interval]:
    """Mean over the tasks with k samples or more; absent where no task has them."""
    found = {k: [measure(row, k) for row in rows if row.get("samples", 0) >= k] for k in ks}
    return {k: share_interval(values) for k, values in found.items() if values}


def _marked(row: Row) -> list[tuple[str | None, bool]]:
    return list(zip(row.get("answers", ()), row.get("marks", ()), strict=True))


def _plain(value: Any) -> Any:
    if isinstance(value, Interval | Measures):
        return value.to_dict()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
