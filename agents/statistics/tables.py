"""Intervals from tables of a few seeds by many tasks: means, and differences of two learners.

Which one is right depends on what would be drawn anew in a repetition:

- The same tasks for every seed, to conclude for other seeds *and* other tasks: ``crossed``.
- Tasks of its own for every seed: those are part of the seed's luck; ``nested``, which is t over the seeds' means.
- The same tasks, to conclude for other seeds on just these tasks: `mean_interval` of the seeds' means.

In simulations of 0-1 outcomes with 3 and 5 seeds and 48 and 64 tasks (``benchmarks/coverage.py``) they hold the truth
92 to 98 times in 100, and with 3 seeds up to 98.5 times where shares are within 0.05 of 0 or 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import fdtri

from agents.statistics.interval import Interval, score, t_quantile, with_width, within_unit

Limits = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Mean, low, high."""

LEAST = 0.5
"""Least squared half-width of a share, in ``p (1 - p)`` a cell: seeds that agree by chance do not make it certain. At
3.84, an interval for independent cells, it would cover too much."""


def crossed_interval(table: ArrayLike, *, shares: bool = False) -> Interval:
    """Mean of a seeds × tasks table with its 95 % interval, both taken as random: other seeds, and other tasks.

    For one learner's outcomes, or paired differences, measured on the same tasks in every seed. Values may be of any
    range; a table whose values are all equal has an interval without width.

    Args:
        table: NaN marks what could not be graded: that task is left out for all seeds.
        shares: values are in [0, 1], and so shall be the ends (`score`).

    Raises ValueError for fewer than two seeds or two tasks, or for shares that are none.
    """
    data = _graded(table)
    return _first(crossed_limits(within_unit(data) if shares else data, shares=shares))


def nested_interval(rows: Sequence[ArrayLike], *, shares: bool = False) -> Interval:
    """Mean over seeds of the mean of each seed's own tasks, with its 95 % t interval over the seeds.

    Args:
        rows: for each seed its values, as many as it has; NaN marks what could not be graded.
        shares: as for `crossed_interval`.

    Raises ValueError for fewer than two seeds, a seed without values, or shares that are none.
    """
    graded = [values[~np.isnan(values)] for values in (np.asarray(row, dtype=np.float64) for row in rows)]
    if len(graded) < 2 or not all(len(values) for values in graded):
        raise ValueError(f"a nested interval needs two seeds with values each, got {[len(each) for each in graded]}")
    if shares:
        within_unit(np.concatenate(graded))
    means = np.array([values.mean() for values in graded])
    return _first(nested_limits(means, tasks=float(np.mean([len(values) for values in graded])), shares=shares))


def difference_interval(one: Sequence[ArrayLike], other: Sequence[ArrayLike], *, same_tasks: bool = True) -> Interval:
    """Mean of ``one - other``, for each seed its values in [0, 1], paired by seed and task; NaN was not graded.

    Crossed where each seed has the same tasks, else nested. Where all differences are equal, as for two learners that
    never succeed, there is a width nevertheless (`widened`, for as many tasks as a seed has).

    Raises ValueError as those do, for lengths that differ, and outside [0, 1].
    """
    pairs = [(within_unit(a), within_unit(b)) for a, b in zip(one, other, strict=True)]
    if any(a.shape != b.shape for a, b in pairs):
        raise ValueError(f"paired values must be equally many, got {[(a.shape, b.shape) for a, b in pairs]}")
    rows = [a - b for a, b in pairs]
    if same_tasks:
        table = _graded(rows)
        found, tasks = crossed_interval(table), table.shape[1]
    else:
        found, tasks = nested_interval(rows), min(int((~np.isnan(row)).sum()) for row in rows)
    return with_width(found, tasks)


def crossed_limits(tables: NDArray[np.float64], *, shares: bool = False) -> Limits:
    """`crossed_interval` of many tables at a time, shape (..., S, T); the result has shape (...).

    Two-way random effects with one value a cell. The mean's error has two parts, of the seeds and of the tasks with
    what is left, each with its own t: ``half² = t²(S-1) · max(MS_seeds - m MS_rest, 0) / (S T) + t²(T-1) · MS_tasks /
    (S T)``, the sum of squares of two half-widths (Howe 1974, JASA 69, 789; Zou and Donner 2008, Statistics in Medicine
    27, 1693). m is the median of F(S-1, (S-1)(T-1)): without an effect of seeds their part is 0 half of the time. With
    m = 1 it would be so oftener, as the few degrees of freedom make F skewed, and an effect that is there be missed.
    """
    seeds, tasks = tables.shape[-2:]
    if min(seeds, tasks) < 2:
        raise ValueError(f"a crossed interval needs at least two seeds and two tasks, got {seeds} and {tasks}")
    by_seed, by_task = tables.mean(axis=-1, keepdims=True), tables.mean(axis=-2, keepdims=True)
    mean = by_seed.mean(axis=-2, keepdims=True)
    rest = (seeds - 1) * (tasks - 1)
    ms_seeds = tasks * ((by_seed - mean) ** 2).sum(axis=(-2, -1)) / (seeds - 1)
    ms_tasks = seeds * ((by_task - mean) ** 2).sum(axis=(-2, -1)) / (tasks - 1)
    ms_rest = ((tables - by_seed - by_task + mean) ** 2).sum(axis=(-2, -1)) / rest
    of_seeds = np.maximum(ms_seeds - float(fdtri(seeds - 1, rest, 0.5)) * ms_rest, 0.0)
    squares = t_quantile(seeds - 1) ** 2 * of_seeds + t_quantile(tasks - 1) ** 2 * ms_tasks
    half = np.sqrt(squares / (seeds * tasks))
    return _limits(mean[..., 0, 0], half, seeds * tasks, tasks, shares)


def nested_limits(means: NDArray[np.float64], *, tasks: float, shares: bool = False) -> Limits:
    """`nested_interval` of many at a time, from the means of their seeds, shape (..., S), of so many tasks each."""
    seeds = means.shape[-1]
    half = t_quantile(seeds - 1) * means.std(axis=-1, ddof=1) / np.sqrt(seeds)
    return _limits(means.mean(axis=-1), half, seeds * tasks, tasks, shares)


def _limits(mean: NDArray[np.float64], half: NDArray[np.float64], cells: float, tasks: float, shares: bool) -> Limits:
    low, high = score(mean, half, trials=tasks, least=LEAST / cells) if shares else (mean - half, mean + half)
    return mean, low, high


def _graded(table: ArrayLike | Sequence[ArrayLike]) -> NDArray[np.float64]:
    data = np.asarray(table, dtype=np.float64)
    if data.ndim != 2:
        raise ValueError(f"a crossed interval needs a seeds × tasks table, got shape {data.shape}")
    return data[:, ~np.isnan(data).any(axis=0)]


def _first(limits: Any) -> Interval:
    return Interval(*(float(value) for value in limits))
