"""Which learner, on which domain, for which feedback: figures of a bench, and differences paired by seed and task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agents.bench.plan import Cell, Plan
from agents.bench.results import Row
from agents.statistics import (
    Interval,
    area_under_curve,
    crossed_interval,
    difference_interval,
    interquartile_mean,
    probability_of_improvement,
    proportion_interval,
)
from distil_envs.counted import generator
from distil_envs.errors import ConfigError

Checkpoint = Literal["final", "best"]
Table = list[list[float]]
Scores = dict[str, dict[int, float]]
"""Of one learner: environment and seed to the share of tasks."""
Setting = tuple[str, str, str]
"""Environment, feedback and model."""


@dataclass(frozen=True)
class Score:
    """One learner in one setting."""

    learner: str
    seeds: tuple[int, ...]
    value: Interval
    """Share of tasks, with an interval over other seeds and other tasks; of one seed, over other tasks."""
    before: float
    """The same before training."""
    area: float
    """Area under the curve of that share over the budget, mean over seeds."""
    spent: Mapping[str, float]
    """Means of samples, tokens and seconds of training."""


@dataclass(frozen=True)
class Difference:
    """One learner minus another, over the seeds and tasks that both have."""

    learner: str
    other: str
    seeds: int
    value: Interval
    """Interval over other seeds and other tasks."""


@dataclass(frozen=True)
class Comparison:
    """All learners in one setting."""

    setting: Setting
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
    """Interquartile mean of its runs' shares."""
    beaten: Interval | None
    """Chance that the first learner's run beats one of this in an environment drawn evenly; None for the first."""


def overall(plan: Plan, rows: Mapping[Cell, Row], checkpoint: Checkpoint = "final") -> list[Overall]:
    """Over the environments in which all learners have results of two seeds; nothing where there are not two such."""
    found = []
    for feedback, model in dict.fromkeys((cell.feedback, cell.model) for cell in plan.cells()):
        scores: dict[str, Scores] = {}
        for cell, row in rows.items():
            if (cell.feedback, cell.model) == (feedback, model):
                own = scores.setdefault(cell.learner, {})
                own.setdefault(cell.environment, {})[cell.seed] = share(marks(plan, row, checkpoint))
        ordered = {name: scores[name] for name in plan.learners if name in scores}
        tables, places, seeds = _tables(ordered, list(plan.environments))
        for name, table in tables.items():
            rng, first = generator(0, "bench", name), next(iter(tables))
            beaten = None if name == first else probability_of_improvement(tables[first], table, rng)
            found.append(Overall(feedback, model, name, places, seeds, interquartile_mean(table, rng), beaten))
    return found


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


def compare(plan: Plan, rows: Mapping[Cell, Row], checkpoint: Checkpoint = "final") -> list[Comparison]:
    """Every setting of the plan that has results."""
    found = []
    for setting in dict.fromkeys((cell.environment, cell.feedback, cell.model) for cell in plan.cells()):
        by_learner: dict[str, dict[int, Row]] = {}
        for cell in plan.cells():
            if (cell.environment, cell.feedback, cell.model) == setting and cell in rows:
                by_learner.setdefault(cell.learner, {})[cell.seed] = rows[cell]
        if by_learner:
            scores = tuple(_score(plan, name, by_seed, checkpoint) for name, by_seed in by_learner.items())
            found.append(Comparison(setting, scores, tuple(_differences(plan, by_learner, checkpoint))))
    return found


def marks(plan: Plan, row: Row, checkpoint: Checkpoint = "final") -> str:
    """Right (1) or not (0), or not graded (-), task by task: of the last evaluation, or of the best after the first."""
    after = [each for each in _evaluations(plan, row) if each["share"] > 0]
    if checkpoint == "final":
        return _of(plan, row["cell"]["environment"], after[-1])
    return max((_of(plan, row["cell"]["environment"], each) for each in after), key=share)


def before(plan: Plan, row: Row) -> str:
    """The same before training."""
    return _of(plan, row["cell"]["environment"], _evaluations(plan, row)[0])


def share(text: str) -> float:
    """Of ones, among the tasks that were graded."""
    graded = len(text) - text.count("-")
    return text.count("1") / graded if graded else float("nan")


def _evaluations(plan: Plan, row: Row) -> list[dict[str, Any]]:
    where = plan.compare_on.get(row["cell"]["environment"], "held-out")
    every = [each for each in row["evaluations"] if each["set"] == where]
    return [each for each in every if each["prompt"] == every[0]["prompt"]]


def measure_of(plan: Plan, environment: str) -> str:
    """What is compared there."""
    found: str = plan.measures.get(environment, plan.measure)
    return found


def _of(plan: Plan, environment: str, evaluation: Mapping[str, Any]) -> str:
    known: dict[str, str] = evaluation["marks"]
    measure = measure_of(plan, environment)
    if measure not in known:
        raise ConfigError(f"no result for {measure!r} in {environment}: its measures are {', '.join(known)}")
    return known[measure]


def _score(plan: Plan, learner: str, by_seed: Mapping[int, Row], checkpoint: Checkpoint) -> Score:
    rows = [by_seed[seed] for seed in sorted(by_seed)]
    spent = {
        name: sum(row["spent"][name] for row in rows) / len(rows)
        for name in ("samples", "tokens", "seconds")
        if all(name in row["spent"] for row in rows)
    }
    first = sum(share(before(plan, row)) for row in rows) / len(rows)
    texts = [marks(plan, row, checkpoint) for row in rows]
    curves = [
        [(each["share"], share(_of(plan, row["cell"]["environment"], each))) for each in _evaluations(plan, row)]
        for row in rows
    ]
    area = sum(area_under_curve(*zip(*curve, strict=True)) for curve in curves) / len(curves)
    return Score(learner, tuple(sorted(by_seed)), _interval(texts), first, area, spent)


def _interval(texts: Sequence[str]) -> Interval:
    if len(texts) == 1:
        graded = texts[0].replace("-", "")
        return proportion_interval(graded.count("1"), len(graded))
    return crossed_interval([_values(text) for text in texts], shares=True)


def _values(text: str) -> list[float]:
    return [{"0": 0.0, "1": 1.0, "-": float("nan")}[mark] for mark in text]


def _differences(
    plan: Plan, by_learner: Mapping[str, Mapping[int, Row]], checkpoint: Checkpoint
) -> Iterator[Difference]:
    first, *others = by_learner
    for other in others:
        seeds = sorted(by_learner[first].keys() & by_learner[other].keys())
        pairs = [[marks(plan, by_learner[name][seed], checkpoint) for name in (first, other)] for seed in seeds]
        if len(seeds) > 1 and len({len(text) for pair in pairs for text in pair}) == 1:
            one, two = ([_values(pair[i]) for pair in pairs] for i in (0, 1))
            yield Difference(first, other, len(seeds), difference_interval(one, two))
