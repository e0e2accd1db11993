"""How far credit agrees with true advantages: correlations within tasks, pooled over tokens, with intervals over tasks.

Tasks differ in scale and difficulty, so both sides are centred in each task first. Three correlations:

- ``pearson``: of the values. ``spearman``: of the ranks within each task.
- ``same_place``: of the values less the mean of all tokens at the same place of the same task. An offset that depends
  on nothing but the place is a baseline: it changes no expected policy gradient, but it is in every update.

The truth is an estimate. With independent halves of its branches correlated by r, that of all branches correlates with
the exact truth by sqrt(2 r / (1 + r)) (Spearman 1910, Brown 1910): no credit can be expected to reach more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.statistics import Interval
from distil_envs.counted import generator

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KINDS = ("pearson", "spearman", "same_place")
RESAMPLES = 2000


@dataclass(frozen=True)
class Where:
    """Where each of N tokens stands."""

    task: Ints
    """[N], a number for each task, from 0."""
    place: Ints
    """[N], how many tokens the policy had made before."""


@dataclass(frozen=True)
class Agreement:
    """Correlations of credit with the truth; not finite where there is no credit, or no task."""

    pearson: Interval
    spearman: Interval
    same_place: Interval

    def to_dict(self) -> dict[str, Any]:
        """JSON values, None for what is not finite."""
        return {kind: finite(getattr(self, kind)) for kind in KINDS}


def finite(interval: Interval) -> dict[str, float | None] | None:
    """JSON values of an interval, None for one without a mean."""
    return interval.to_dict() if math.isfinite(interval.mean) else None


def agreement(credit: Floats, truth: Floats, where: Where, *, seed: int = 0) -> Agreement:
    """Correlations of credit [N] with true advantages [N], with 95 % percentile intervals of a bootstrap over tasks."""
    return Agreement(*(_interval(_resampled(kind, credit, truth, where, seed)) for kind in KINDS))


def difference(credit: Floats, other: Floats, truth: Floats, where: Where, *, seed: int = 0) -> Interval:
    """Pearson correlation of one credit less that of another one, paired: both on the same resampled tasks."""
    one, two = (_resampled("pearson", each, truth, where, seed) for each in (credit, other))
    return _interval(one - two)


def ceilings(halves: tuple[Floats, Floats], where: Where) -> dict[str, float | None]:
    """The highest correlation of each kind that the noise of the truth allows.

    Args:
        halves: the truth [N] twice, each from half of the branches.
    """
    found: dict[str, float | None] = {}
    for kind in KINDS:
        r = float(_pooled(_moments(kind, *halves, where), np.ones((1, _tasks(where))))[0])
        found[kind] = math.sqrt(2 * r / (1 + r)) if r > 0 else None
    return found


def _resampled(kind: str, credit: Floats, truth: Floats, where: Where, seed: int) -> Floats:
    """The correlation in all tasks, then in `RESAMPLES` draws of as many tasks, with replacement."""
    count = _tasks(where)
    if not count:
        return np.array([np.nan])
    drawn = generator(seed, "bootstrap").multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    return _pooled(_moments(kind, credit, truth, where), np.vstack([np.ones(count), drawn]))


def _interval(values: Floats) -> Interval:
    drawn = values[1:][np.isfinite(values[1:])]
    low, high = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (math.nan, math.nan)
    return Interval(float(values[0]), float(low), float(high))


def _tasks(where: Where) -> int:
    return int(where.task.max(initial=-1)) + 1


def _moments(kind: str, x: Floats, y: Floats, where: Where) -> Floats:
    """[tasks, 3]: sums of x y, x² and y² of each task, centred."""
    groups = where.task
    if kind == "spearman":
        x, y = ranks(x, groups), ranks(y, groups)
    if kind == "same_place":
        groups = groups * (int(where.place.max(initial=0)) + 1) + where.place
    x, y = centred(x, groups), centred(y, groups)
    return np.stack([np.bincount(where.task, part, _tasks(where)) for part in (x * y, x * x, y * y)], axis=1)


def _pooled(moments: Floats, weights: Floats) -> Floats:
    """Correlation under each row of weights [R, tasks]; NaN where one side does not vary."""
    xy, xx, yy = (weights @ moments).T
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(xx * yy > 0, xy / np.sqrt(xx * yy), np.nan))


def centred(values: Floats, groups: Ints) -> Floats:
    """Values [N] less the mean of their group [N]. What rounding leaves of equal values is 0."""
    _, index, count = np.unique(groups, return_inverse=True, return_counts=True)
    off = values - (np.bincount(index, values) / count)[index]
    scale = float(np.abs(values).max(initial=0.0))
    return np.where(np.abs(off) > 1e-12 * scale, off, 0.0)


def ranks(values: Floats, groups: Ints) -> Floats:
    """Rank of each value [N] in its group [N], in (0, 1), the mean rank among equals."""
    from scipy.stats import rankdata

    found = np.empty(len(values))
    for group in np.unique(groups):
        own = groups == group
        found[own] = (rankdata(values[own]) - 0.5) / own.sum()
    return found
