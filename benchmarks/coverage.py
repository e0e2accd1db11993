"""How often the 95 % intervals of agents/statistics hold the truth, in simulated experiments with three and five seeds.

    python benchmarks/coverage.py

Outcomes are 0 or 1, with the log-odds ``level + seed + task + learner on this task + rest``, each normal, where two
learners share the tasks and half of the seeds' variance. Prints a table, and writes results/coverage.json.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import norm

from agents.statistics import interquartile_mean, probability_of_improvement
from agents.statistics.interval import widened
from agents.statistics.tables import Limits, crossed_limits, nested_limits
from distil_envs.counted import generator

NOMINAL = (0.92, 0.98)
"""Where the coverage of a 95 % interval should lie."""


@dataclass(frozen=True)
class Setting:
    """What the outcomes of two learners depend on."""

    name: str
    """What it is called in the tables."""
    accuracies: tuple[float, float]
    """Of the two learners, over all seeds and tasks."""
    seed: float = 0.3
    """Standard deviation over seeds, log-odds."""
    task: float = 1.5
    """Standard deviation over tasks, which both learners share."""
    learner_task: float = 0.5
    """Standard deviation over tasks of each learner's own."""
    rest: float = 0.0
    """Standard deviation over single cells."""
    corner: bool = False
    """Known to cover more than it should: a few successes in all."""


SETTINGS = (
    Setting("equal", (0.5, 0.5), learner_task=0.7, rest=0.5),
    Setting("better", (0.63, 0.5), learner_task=0.7, rest=0.5),
    Setting("seeds do not matter", (0.58, 0.5), seed=0.0),
    Setting("tasks do not matter", (0.62, 0.5), seed=0.4, task=0.0, learner_task=0.0),
    Setting("nothing matters", (0.5, 0.5), seed=0.0, task=0.0, learner_task=0.0),
    Setting("seeds matter much", (0.58, 0.5), seed=1.0),
    Setting("seeds alone matter", (0.6, 0.5), seed=0.6, task=0.0, learner_task=0.0),
    Setting("tasks matter much", (0.55, 0.5), task=4.0),
    Setting("each has its own tasks", (0.56, 0.5), learner_task=2.0),
    Setting("near 1", (0.95, 0.95)),
    Setting("near 1, better", (0.95, 0.88), seed=0.8),
    Setting("near 0", (0.05, 0.05)),
    Setting("near 0, better", (0.1, 0.05)),
    Setting("near 0, nothing matters", (0.05, 0.05), seed=0.0, task=0.0, learner_task=0.0, corner=True),
    Setting("near 0, tasks matter much", (0.05, 0.05), task=4.0, corner=True),
    Setting("at 0.03", (0.03, 0.03), corner=True),
)
KINDS = ("difference, same tasks", "mean, same tasks", "difference, own tasks", "mean, own tasks")


def level(accuracy: float, spread: float) -> float:
    """The mean of log-odds with standard deviation `spread` whose probabilities average to `accuracy`."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(99)
    weights = weights / weights.sum()
    return float(brentq(lambda mean: float(weights @ expit(mean + spread * nodes)) - accuracy, -60, 60))


def outcomes(
    setting: Setting, runs: int, seeds: int, tasks: int, rng: np.random.Generator, *, same_tasks: bool
) -> list[NDArray[np.float64]]:
    """Tables of both learners, (runs, seeds, tasks)."""
    spread = math.hypot(setting.seed, setting.task, setting.learner_task, setting.rest)
    of_tasks, of_seeds = (runs, 1 if same_tasks else seeds, tasks), (runs, seeds, 1)

    def normal(deviation: float, shape: tuple[int, ...]) -> Any:
        return deviation * rng.standard_normal(shape, dtype=np.float32) if deviation else np.float32(0.0)

    half = setting.seed * math.sqrt(0.5)
    common = normal(setting.task, of_tasks) + normal(half, of_seeds)
    tables = []
    for accuracy in setting.accuracies:
        own = normal(half, of_seeds) + normal(setting.learner_task, of_tasks)
        odds = np.float32(level(accuracy, spread)) + common + own + normal(setting.rest, (runs, seeds, tasks))
        chances = np.broadcast_to(expit(odds), (runs, seeds, tasks))
        tables.append((rng.random((runs, seeds, tasks), dtype=np.float32) < chances).astype(np.float64))
    return tables


def coverage(setting: Setting, runs: int, seeds: int, tasks: int, rng: np.random.Generator) -> dict[str, float]:
    """Share of runs whose interval holds the truth, of each of `KINDS`."""
    one, other = outcomes(setting, runs, seeds, tasks, rng, same_tasks=True)
    own, others = (t.mean(axis=-1) for t in outcomes(setting, runs, seeds, tasks, rng, same_tasks=False))
    gap, mean = setting.accuracies[0] - setting.accuracies[1], setting.accuracies[1]
    return dict(
        zip(
            KINDS,
            (
                _held(widened(crossed_limits(one - other), tasks), gap),
                _held(crossed_limits(other, shares=True), mean),
                _held(widened(nested_limits(own - others, tasks=tasks), tasks), gap),
                _held(nested_limits(others, tasks=tasks, shares=True), mean),
            ),
            strict=True,
        )
    )


def learners_coverage(
    environments: int, seeds: int, gap: float, runs: int, rng: np.random.Generator, *, resamples: int = 400
) -> dict[str, float]:
    """Share of runs whose interquartile mean and probability of improvement hold the truth, and what the percentile
    bootstrap of the paper holds of the first. Scores are normal with unit spread about each environment's mean.
    """
    means = np.linspace(-3, 3, environments) if environments > 1 else np.zeros(1)
    many = np.sort((means + rng.normal(size=(200_000, environments))).ravel())
    truth = many[len(many) // 4 : -len(many) // 4].mean()
    better = float(norm.cdf(gap / math.sqrt(2)))
    held = np.zeros(3)
    for _ in range(runs):
        one, other = (means + shift + rng.normal(size=(seeds, environments)) for shift in (0.0, -gap))
        middle = interquartile_mean(one, rng, resamples=resamples)
        improved = probability_of_improvement(one, other, rng, resamples=resamples)
        picks = rng.integers(seeds, size=(resamples, seeds, environments))
        drawn = np.sort(one[picks, np.arange(environments)].reshape(resamples, -1))
        cut = drawn.shape[1] // 4
        low, high = np.percentile(drawn[:, cut : drawn.shape[1] - cut].mean(axis=1), [2.5, 97.5])
        held += (
            middle.low <= truth <= middle.high,
            improved.low <= better <= improved.high,
            low <= truth <= high,
        )
    names = ("interquartile mean", "probability of improvement", "interquartile mean, percentiles")
    return dict(zip(names, (held / runs).tolist(), strict=True))


def _held(limits: Limits, truth: float) -> float:
    _, low, high = limits
    return float(((low <= truth + 1e-9) & (truth - 1e-9 <= high)).mean())


@dataclass
class Options:
    """How much to simulate."""

    runs: int = 10_000
    """Experiments for each setting of outcomes."""
    learner_runs: int = 1000
    """Experiments for each setting of whole learners."""
    seed: int = 0
    """Every random number derives from it."""
    output: Path = Path(__file__).resolve().parent / "results" / "coverage.json"
    """Where the results go."""


def main(options: Options) -> None:
    """Simulate, print, write."""
    tables, learners = [], []
    for seeds in (3, 5):
        for tasks in (48, 64):
            for number, setting in enumerate(SETTINGS):
                rng = generator(options.seed, "coverage", seeds, tasks, number)
                found = coverage(setting, options.runs, seeds, tasks, rng)
                tables.append({"seeds": seeds, "tasks": tasks, **asdict(setting), "coverage": found})
        for environments in (1, 4, 12):
            for gap in (0.0, 1.0, 2.0):
                rng = generator(options.seed, "learners", seeds, environments, int(gap))
                got = learners_coverage(environments, seeds, gap, options.learner_runs, rng)
                learners.append({"seeds": seeds, "environments": environments, "gap": gap, "coverage": got})
    console = Console()
    console.width = max(console.width, 140)
    console.print(_table("tables of seeds × tasks", ("seeds", "tasks", "name"), tables))
    console.print(_table("whole learners", ("seeds", "environments", "gap"), learners))
    about = {"runs": options.runs, "learner_runs": options.learner_runs, "seed": options.seed}
    options.output.write_text(json.dumps({**about, "tables": tables, "learners": learners}, indent=1) + "\n")


def _table(title: str, keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Table:
    shown = Table(title=f"{title}: coverage of 95 % intervals, %")
    for name in (*keys, *rows[0]["coverage"]):
        shown.add_column(name)
    for row in rows:
        values = row["coverage"].values()
        marked = (f"{100 * v:.1f}{'' if NOMINAL[0] <= v <= NOMINAL[1] else ' !'}" for v in values)
        shown.add_row(*(str(row[key]) for key in keys), *marked)
    return shown


if __name__ == "__main__":
    main(tyro.cli(Options, args=sys.argv[1:]))
