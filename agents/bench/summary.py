"""Which learner, on which domain, for which feedback: figures of a bench, and differences paired by seed and task."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from agents.bench.measured import Checkpoint, Measured
from agents.bench.plan import Cell, Plan
from agents.bench.results import POINTS, Row
from agents.limits import SPENT
from agents.statistics import (
    Interval,
    area_under_curve,
    crossed_interval,
    difference_interval,
    interquartile_mean,
    mean_interval,
    nested_interval,
    paired_difference,
    probability_of_improvement,
    proportion_interval,
    share_interval,
    with_width,
)
from distil_envs.counted import generator

TOGETHER = 0.1
"""Shares of the budget that are one point of a curve: with tokens and seconds each run ends its steps elsewhere."""
Table = list[list[float]]
Scores = dict[str, dict[int, float]]
"""Of one learner: environment and seed to what was measured."""
Setting = tuple[str, str, str]
"""Environment, feedback and model."""


@dataclass(frozen=True)
class Moment:
    """A mean over the seeds of one learner, at a share of the budget."""

    share: float
    value: Interval


@dataclass(frozen=True)
class Score:
    """One learner in one setting."""

    learner: str
    seeds: tuple[int, ...]
    missing: int
    """Seeds of the plan without a result."""
    value: Interval
    """What is measured, over other seeds and other tasks; of one seed, over other tasks."""
    by_seed: tuple[float, ...]
    """The same of each seed."""
    before: float
    """The same before training, mean over seeds."""
    area: float
    """Area under its curve over the budget, mean over seeds."""
    spent: Mapping[str, float]
    """Means of samples, tokens and seconds of training."""
    buckets: Mapping[str, float]
    """Share of right answers in each bucket (a level of a family), mean over seeds; empty where there is but one."""
    curve: tuple[Moment, ...]
    """What is measured over the budget, with intervals as those of `value`; empty where seeds were evaluated at points
    that are more than `TOGETHER` apart."""
    success: tuple[Moment, ...]
    """Success of the rollouts that were learned from, with intervals over seeds."""


@dataclass(frozen=True)
class Difference:
    """One learner minus another, over the seeds and tasks that both have."""

    learner: str
    other: str
    seeds: int
    value: Interval
    """Interval over other seeds and other tasks; of one seed, over other tasks."""


@dataclass(frozen=True)
class Comparison:
    """All learners in one setting."""

    setting: Setting
    measure: str
    on: str
    """The set of tasks."""
    scores: tuple[Score, ...]
    differences: tuple[Difference, ...]
    """Of the first learner from each of the others."""


@dataclass(frozen=True)
class Overall:
    """One learner over all environments, by one feedback and model (arXiv 2108.13264)."""

    feedback: str
    model: str
    learner: str
    environments: int
    seeds: int
    middle: Interval
    """Interquartile mean of its runs' measures."""
    beaten: Interval | None
    """Chance that the first learner's run beats one of this in an environment drawn evenly; None for the first."""


def compare(plan: Plan, rows: Mapping[Cell, Row], checkpoint: Checkpoint = "final") -> list[Comparison]:
    """Every setting of the plan that has results. Raises ConfigError for a measure that a run does not have."""
    measured, found = Measured(plan, checkpoint), []
    rows = _graded(measured, rows)
    for setting in dict.fromkeys(cell.setting for cell in plan.cells()):
        cells = [cell for cell in plan.cells() if cell.setting == setting]
        by_learner = {
            name: own
            for name in plan.learners
            if (own := {cell.seed: rows[cell] for cell in cells if cell.learner == name and cell in rows})
        }
        if by_learner:
            planned = {name: sum(cell.learner == name for cell in cells) for name in by_learner}
            scores = tuple(_score(measured, name, own, planned[name]) for name, own in by_learner.items())
            environment = setting[0]
            measure = plan.measures.get(environment, plan.measure)
            where = plan.compare_on.get(environment, "held-out")
            found.append(Comparison(setting, measure, where, scores, tuple(_differences(measured, by_learner))))
    return found


def overall(plan: Plan, rows: Mapping[Cell, Row], checkpoint: Checkpoint = "final") -> list[Overall]:
    """Over the environments in which all learners have results of two seeds; nothing where there are not two such."""
    found, measured = [], Measured(plan, checkpoint)
    rows = _graded(measured, rows)
    for feedback, model in dict.fromkeys((cell.feedback, cell.model) for cell in plan.cells()):
        scores: dict[str, Scores] = {}
        for cell, row in rows.items():
            if (cell.feedback, cell.model) == (feedback, model):
                scores.setdefault(cell.learner, {}).setdefault(cell.environment, {})[cell.seed] = measured.value(row)
        ordered = {name: scores[name] for name in plan.learners if name in scores}
        tables, places, seeds = _tables(ordered, list(plan.environments))
        for name, table in tables.items():
            rng, first = generator(0, "bench", name), next(iter(tables))
            beaten = None if name == first else probability_of_improvement(tables[first], table, rng)
            middle = interquartile_mean(table, rng, shares=True)
            found.append(Overall(feedback, model, name, places, seeds, middle, beaten))
    return found


def _graded(measured: Measured, rows: Mapping[Cell, Row]) -> dict[Cell, Row]:
    """Without runs whose evaluation lacks the measure, as too little could be graded: they count as missing."""
    return {cell: row for cell, row in rows.items() if not math.isnan(measured.value(row))}


def _tables(scores: Mapping[str, Scores], environments: Sequence[str]) -> tuple[dict[str, Table], int, int]:
    """Seeds × environments by learner, with the number of either; empty where they share too little."""
    shared = {
        place: set.intersection(*(set(own.get(place, ())) for own in scores.values())) if scores else set()
        for place in environments
    }
    places = [place for place, seeds in shared.items() if len(seeds) > 1]
    seeds = sorted(set.intersection(*(shared[place] for place in places))) if places else []
    if len(places) < 2 or len(seeds) < 2 or len(scores) < 2:
        return {}, 0, 0
    tables = {name: [[own[place][seed] for place in places] for seed in seeds] for name, own in scores.items()}
    return tables, len(places), len(seeds)


def _score(measured: Measured, learner: str, by_seed: Mapping[int, Row], planned: int) -> Score:
    rows = [by_seed[seed] for seed in sorted(by_seed)]
    spent = {
        name: sum(row["spent"][name] for row in rows) / len(rows)
        for name in SPENT
        if all(name in row["spent"] for row in rows)
    }
    first = sum(map(measured.before, rows)) / len(rows)
    area = sum(area_under_curve(*zip(*measured.curve(row), strict=True)) for row in rows) / len(rows)
    by_bucket = [measured.buckets(row) for row in rows]
    names = [name for name in by_bucket[0] if all(name in each for each in by_bucket)]
    buckets = {name: sum(each[name] for each in by_bucket) / len(rows) for name in names} if len(names) > 1 else {}
    seeds = tuple(sorted(by_seed))
    curve, success = tuple(_curve(measured, rows)), tuple(_success(rows))
    value, each = _interval(measured, rows), tuple(map(measured.value, rows))
    missing = planned - len(seeds)
    return Score(learner, seeds, missing, value, each, first, area, spent, buckets, curve, success)


def _curve(measured: Measured, rows: Sequence[Row]) -> Iterator[Moment]:
    shares = [measured.shares(row) for row in rows]
    if len({len(own) for own in shares}) > 1 or any(max(at) - min(at) > TOGETHER for at in zip(*shares, strict=True)):
        return
    for at, here in enumerate(zip(*shares, strict=True)):
        if not any(math.isnan(measured.value(row, at)) for row in rows):
            yield Moment(sum(here) / len(here), _interval(measured, rows, at))


def _success(rows: Sequence[Row]) -> Iterator[Moment]:
    """Means over equal parts of the budget in which every seed has points."""
    by_part: list[dict[int, list[float]]] = []
    for row in rows:
        by_part.append({})
        for point in row["curve"]:
            if "success" in point:
                by_part[-1].setdefault(math.ceil(point["share"] * POINTS - 1e-6), []).append(point["success"])
    for part in sorted(set.intersection(*map(set, by_part))):
        means = [sum(own[part]) / len(own[part]) for own in by_part]
        yield Moment(part / POINTS, share_interval(means))


def _interval(measured: Measured, rows: Sequence[Row], at: int | None = None) -> Interval:
    tables = [marks for row in rows if (marks := measured.marks(row, at)) is not None]
    if len(tables) < len(rows):
        return _over_seeds([measured.value(row, at) for row in rows])
    if len(rows) == 1:
        graded = [value for value in tables[0] if value == value]
        return proportion_interval(sum(graded), len(graded))
    if _same_tasks(measured, rows, tables):
        return crossed_interval(tables, shares=True)
    return nested_interval(tables, shares=True)


def _over_seeds(values: Sequence[float]) -> Interval:
    """Of measures that are known as means alone: within [0, 1] where they all are."""
    return share_interval(values) if min(values) >= 0 and max(values) <= 1 else mean_interval(values)


def _same_tasks(measured: Measured, rows: Sequence[Row], tables: Sequence[Sequence[float]]) -> bool:
    """Whether at least two tasks were graded in every row, the same ones."""
    graded = sum(all(value == value for value in column) for column in zip(*tables, strict=False))
    return graded > 1 and len({measured.tasks(row) for row in rows}) == 1


def _differences(measured: Measured, by_learner: Mapping[str, Mapping[int, Row]]) -> Iterator[Difference]:
    first, *others = by_learner
    for other in others:
        seeds = sorted(by_learner[first].keys() & by_learner[other].keys())
        if seeds:
            one, two = ([by_learner[name][seed] for seed in seeds] for name in (first, other))
            yield Difference(first, other, len(seeds), _difference(measured, one, two))


def _difference(measured: Measured, one: Sequence[Row], other: Sequence[Row]) -> Interval:
    """Paired by seed, and by task where both did the same ones and enough of them could be graded for both."""
    tables = [(measured.marks(a), measured.marks(b)) for a, b in zip(one, other, strict=True)]
    pairs = [(a, b) for a, b in tables if a is not None and b is not None and _common(a, b)]
    paired = all(measured.tasks(a) == measured.tasks(b) for a, b in zip(one, other, strict=True))
    if len(pairs) < len(one) or not paired:
        changes = [measured.value(a) - measured.value(b) for a, b in zip(one, other, strict=True)]
        found = mean_interval(changes)
        return with_width(found, len(changes)) if max(map(abs, changes)) <= 1 else found
    mine, theirs = ([pair[side] for pair in pairs] for side in (0, 1))
    if len(pairs) == 1:
        common = _common(mine[0], theirs[0])
        found_one = paired_difference({i: theirs[0][i] for i in common}, {i: mine[0][i] for i in common})
        assert found_one is not None  # there are common tasks
        return found_one
    return difference_interval(mine, theirs, same_tasks=_same_tasks(measured, [*one, *other], [*mine, *theirs]))


def _common(one: Sequence[float], other: Sequence[float]) -> list[int]:
    """Places of the tasks that were graded for both."""
    return [i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a == a and b == b]
