"""A bench as far as it has got: what its learners chose by the trials that are finished, and the finished runs."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isnan, nan
from statistics import mean

from agents.bench.measured import Measured
from agents.bench.plan import Cell, Plan
from agents.bench.results import Results, Row


@dataclass(frozen=True)
class Choice:
    """Of one learner in one setting."""

    kind: Cell
    """Setting and learner."""
    tried: tuple[float, ...]
    """Of every trial of the plan the mean over its seeds of what is measured; NaN where one diverged, or too little
    could be graded."""
    chosen: int | None
    """The number of the best one; None where there is none, as all diverged."""


@dataclass(frozen=True)
class Settled:
    """Where a bench stands."""

    plan: Plan
    """With what learners chose."""
    choices: tuple[Choice, ...]
    trials: Mapping[Cell, Row]
    """Finished ones."""
    rows: Mapping[Cell, Row]
    """Finished runs."""
    waiting: frozenset[Cell]
    """Runs of learners whose trials are not finished, or have all diverged."""
    stale: Mapping[Cell, str]
    """Trials and runs with results under other options alone, and what is other."""


def settle(plan: Plan, results: Results) -> Settled:
    """Look at the results. Raises ConfigError for a measure that a trial does not have, and as `Results.rows` does."""
    trials, stale = results.finished(plan, list(plan.trials()))
    settled, choices = copy.copy(plan), tuple(_choices(plan, trials))
    options = list(plan.tune.trials().values())
    settled.chosen = {each.kind: options[each.chosen] for each in choices if each.chosen is not None}
    waiting = frozenset(cell for cell in plan.cells() if plan.tune.options and cell.kind not in settled.chosen)
    rows, more = results.finished(settled, [cell for cell in plan.cells() if cell not in waiting])
    return Settled(settled, choices, trials, rows, waiting, {**stale, **more})


def _choices(plan: Plan, done: Mapping[Cell, Row]) -> Iterator[Choice]:
    measured = Measured(plan)
    by_kind: dict[Cell, list[Cell]] = {}
    for cell in plan.trials():
        by_kind.setdefault(cell.kind, []).append(cell)
    for kind, cells in by_kind.items():
        if all(cell in done for cell in cells):
            values = {cell: nan if "diverged" in done[cell] else measured.value(done[cell]) for cell in cells}
            tried = [
                mean(value for cell, value in values.items() if cell.trial == trial) for trial in plan.tune.trials()
            ]
            known = [at for at, value in enumerate(tried) if not isnan(value)]
            yield Choice(kind, tuple(tried), max(known, key=tried.__getitem__, default=None))
