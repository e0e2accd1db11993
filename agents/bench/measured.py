"""What a plan compares, read off the rows of its runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from agents.bench.plan import Plan
from agents.bench.results import Row
from distil_envs.errors import ConfigError

Checkpoint = Literal["final", "best"]


class Measured:
    """What a plan compares, of single runs.

    A measure such as ``avg@16``, of samples, is known as a mean over tasks; others are known task by task.
    """

    def __init__(self, plan: Plan, checkpoint: Checkpoint = "final") -> None:
        self.plan = plan
        self.checkpoint = checkpoint

    def value(self, row: Row, at: int | None = None) -> float:
        """After training, or in one of the evaluations. Raises ConfigError where the run was not evaluated so."""
        return self._value(row, self._at(row, at))

    def before(self, row: Row) -> float:
        """Before training."""
        return self.value(row, at=0)

    def curve(self, row: Row) -> list[tuple[float, float]]:
        """Shares of the budget, and what was measured there; of several at one share the last."""
        return list({each["share"]: self._value(row, each) for each in self._evaluations(row)}.items())

    def shares(self, row: Row) -> list[float]:
        """Of the budget, at which it was evaluated."""
        return [each["share"] for each in self._evaluations(row)]

    def marks(self, row: Row, at: int | None = None) -> list[float] | None:
        """Task by task, as `value`, NaN where it could not be graded; None where only means are known."""
        measure, marks = self._measure(row), self._at(row, at)["marks"]
        return [{"0": 0.0, "1": 1.0, "-": math.nan}[mark] for mark in marks[measure]] if measure in marks else None

    def tasks(self, row: Row) -> str:
        """The same for runs that were evaluated on the same tasks."""
        return str(self._at(row, None)["tasks"])

    def buckets(self, row: Row) -> dict[str, float]:
        """Share of right answers by bucket, in the order of the tasks."""
        marks, at = self.marks(row), 0
        found: dict[str, list[float]] = {}
        for name, count in self._at(row, None)["buckets"] if marks is not None else ():
            found.setdefault(name, []).extend(marks[at : at + count] if marks else ())
            at += count
        graded = {name: [value for value in values if value == value] for name, values in found.items()}
        return {name: sum(values) / len(values) for name, values in graded.items() if values}

    def _measure(self, row: Row) -> str:
        found: str = self.plan.measures.get(row["cell"]["environment"], self.plan.measure)
        return found

    def _evaluations(self, row: Row) -> list[dict[str, Any]]:
        """One a step: the first, which was asked as training asks."""
        where = self.plan.compare_on.get(row["cell"]["environment"], "held-out")
        by_step: dict[int, dict[str, Any]] = {}
        for each in row["evaluations"]:
            if each["set"] == where:
                by_step.setdefault(each["step"], each)
        if len(by_step) < 2:
            raise ConfigError(
                f"{row['cell']['environment']} was not evaluated on {where} tasks before and after: give it "
                "eval_tasks, or compare on the pool by compare_on"
            )
        return list(by_step.values())

    def _at(self, row: Row, at: int | None) -> dict[str, Any]:
        """An evaluation by its number; None: the one that counts."""
        every = self._evaluations(row)
        if at is not None:
            return every[at]
        after = every[1:]
        if self.checkpoint == "final":
            return after[-1]
        known = [each for each in after if not math.isnan(self._value(row, each))]
        return max(known or after, key=lambda each: self._value(row, each))

    def _value(self, row: Row, evaluation: Mapping[str, Any]) -> float:
        measure = self._measure(row)
        if measure in evaluation["samples"]:
            return float(evaluation["samples"][measure])
        if measure not in evaluation["marks"]:
            known = dict.fromkeys(name for each in row["evaluations"] for name in (*each["marks"], *each["samples"]))
            if measure in known:  # too little could be graded this time
                return math.nan
            raise ConfigError(
                f"{row['cell']['environment']} has no measure {measure!r}: it has {', '.join(known)} (measures of "
                "samples, such as avg@4, take eval_samples)"
            )
        text = evaluation["marks"][measure]
        graded = len(text) - text.count("-")
        return text.count("1") / graded if graded else math.nan
