"""What learners choose for themselves before the grid is run: trials on seeds of their own, and the best of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isnan
from statistics import mean
from typing import Any

from agents.bench.layers import Options, merged, nested
from agents.bench.measured import Measured
from agents.bench.plan import Cell, Plan, Tune
from agents.bench.results import Results, Row


@dataclass(frozen=True)
class Choice:
    """Of one learner in one setting."""

    environment: str
    feedback: str
    model: str
    learner: str
    tried: Mapping[str, float]
    """What was tried, such as ``learning_rate=0.001``, with the mean over the seeds of what the plan measures; NaN
    where too little could be graded."""
    chosen: str
    """Of them."""


@dataclass(frozen=True)
class Settled:
    """A plan in which learners have what they chose, as far as their trials are finished."""

    plan: Plan
    choices: tuple[Choice, ...]
    waiting: frozenset[Cell]
    """Cells of learners whose trials are not."""
    rows: Mapping[Cell, Row]
    """Finished cells."""
    stale: Mapping[Cell, str]
    """Cells with results under other options alone, and what is other."""


def trials(plan: Plan) -> Plan | None:
    """The plan of the runs to choose from, in which every learner with every combination is a learner of its own.

    None where nothing is to be chosen. Raises ConfigError as `Plan.from_dict` does.
    """
    if not plan.tune.options:
        return None
    names = {learner: [_trial(learner, tried) for tried in plan.tune.trials()] for learner in plan.learners}
    learners = {
        _trial(learner, tried): merged(options, nested(tried))
        for learner, options in plan.learners.items()
        for tried in plan.tune.trials()
    }
    more: Options = {"learners": learners, "seeds": list(plan.tune.seeds), "evaluate_at": [], "tune": vars(Tune())}
    for option in ("skip", "overrides"):
        more[option] = [_for_trials(part, names) for part in getattr(plan, option) if "seed" not in part]
    return Plan.from_dict(plan.to_dict() | more, part=True)


def settle(plan: Plan, results: Results) -> Settled:
    """A plan with what its learners chose by the trials that are finished, and its finished cells."""
    tried = trials(plan)
    if tried is None:
        return Settled(plan, (), frozenset(), *results.finished(plan))
    done, measured = results.finished(tried)[0], Measured(tried)
    choices, overrides, chosen = [], list(plan.overrides), set()
    for kind in dict.fromkeys(replace(cell, seed=0) for cell in plan.cells()):
        values: dict[str, float] = {}
        for each in plan.tune.trials():
            runs = [replace(kind, learner=_trial(kind.learner, each), seed=seed) for seed in plan.tune.seeds]
            if all(run in done for run in runs):
                values[_told(each)] = mean(measured.value(done[run]) for run in runs)
        if len(values) == len(plan.tune.trials()):
            graded = {name: value for name, value in values.items() if not isnan(value)}
            best = max(graded, key=graded.__getitem__) if graded else next(iter(values))
            where = {axis: value for axis, value in vars(kind).items() if axis != "seed"}
            choices.append(Choice(**where, tried=values, chosen=best))
            options = next(nested(each) for each in plan.tune.trials() if _told(each) == best)
            overrides.append({**where, "options": options})
            chosen.add(kind)
    settled = replace(plan, overrides=overrides)
    waiting = frozenset(cell for cell in plan.cells() if replace(cell, seed=0) not in chosen)
    rows, stale = results.finished(settled)
    known = {cell: row for cell, row in rows.items() if cell not in waiting}
    return Settled(settled, tuple(choices), waiting, known, {c: how for c, how in stale.items() if c not in waiting})


def _trial(learner: str, tried: Mapping[str, Any]) -> str:
    return f"{learner}, {_told(tried)}"


def _told(tried: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in tried.items())


def _for_trials(part: Mapping[str, Any], names: Mapping[str, list[str]]) -> Options:
    """A part of the grid, of which learners go by the names of their trials."""
    if "learner" not in part:
        return dict(part)
    asked = part["learner"] if isinstance(part["learner"], list) else [part["learner"]]
    return {**part, "learner": [name for learner in asked for name in names.get(learner, [learner])]}
