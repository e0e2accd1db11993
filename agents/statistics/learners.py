"""Learners compared over several environments by few seeds; and their curves.

The measures of Agarwal et al. 2021 (arXiv 2108.13264). Their percentile intervals cover 72 to 93 % with three to five
seeds in our simulation (``benchmarks/coverage.py``), so the bootstrap gives standard errors, and t the factor.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.statistics.interval import Interval, score, t_quantile, with_width

RESAMPLES = 2000
"""Bootstrap samples: the standard error's own error is then under 2 %."""


def interquartile_mean(
    scores: ArrayLike, rng: np.random.Generator, *, shares: bool = False, resamples: int = RESAMPLES
) -> Interval:
    """Mean of the middle half of all scores of a seeds × environments table, with a 95 % interval over the seeds.

    A quarter, rounded down, is cut at either end. Standard error from the bootstrap stratified by environment, with one
    draw fewer than there are seeds, which makes a mean's unbiased (McCarthy and Snowden 1985, NCHS series 2, 95); t
    with E (S - 1) degrees of freedom. Environments are fixed.

    Args:
        scores: a row a seed.
        rng: for the bootstrap.
        shares: scores are in [0, 1], and so shall be the ends; where seeds agree exactly, there is a width (`widened`).
        resamples: how many.

    Raises ValueError for fewer than two seeds.
    """
    from scipy.stats import trim_mean

    data = _scores(scores)
    seeds, environments = data.shape
    estimate = float(trim_mean(data.ravel(), 0.25))
    drawn = _drawn(data, rng, resamples, seeds - 1).reshape(resamples, -1)
    half = t_quantile(environments * (seeds - 1)) * float(trim_mean(drawn, 0.25, axis=-1).std())
    found = Interval(estimate, estimate - half, estimate + half)
    if not shares:
        return found
    found = with_width(found, data.size)
    return Interval(estimate, max(found.low, 0.0), min(found.high, 1.0))


def probability_of_improvement(
    one: ArrayLike, other: ArrayLike, rng: np.random.Generator, *, resamples: int = RESAMPLES
) -> Interval:
    """Chance that a run of `one` beats a run of `other` in an environment drawn evenly, ties counting half.

    The mean over environments of the Mann-Whitney U statistic over all pairs of seeds, with a 95 % interval in the form
    of Wilson's (`score`): standard error from the bootstrap stratified by learner and environment, t with the degrees
    of freedom of all strata. Where one learner always wins, as many trials are assumed as there are disjoint pairs.

    Args:
        one: seeds × environments, scores of any scale; seeds are not paired.
        other: the same environments, perhaps other seeds.

    Raises ValueError for fewer than two seeds, or environments that do not match.
    """
    first, second = _scores(one), _scores(other)
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"learners must share their environments, got {first.shape[1]} and {second.shape[1]}")
    seeds, environments = min(len(first), len(second)), first.shape[1]
    estimate = float(_wins(first, second))
    samples = (_drawn(data, rng, resamples, len(data)) for data in (first, second))
    half = t_quantile(environments * (len(first) + len(second) - 2)) * float(_wins(*samples).std())
    low, high = score(estimate, half, trials=environments * seeds, least=1 / (environments * seeds))
    return Interval(estimate, float(low), float(high))


def area_under_curve(spent: Sequence[float], values: Sequence[float]) -> float:
    """Mean height of a learning curve over the budget: trapezoids, with the budget's range taken as 1.

    Args:
        spent: budget used at each evaluation, increasing: steps, samples, tokens or seconds.
        values: what was measured there. Within [0, 1], so is the area.

    Raises ValueError for fewer than two points, or a budget that does not increase.
    """
    along, heights = np.asarray(spent, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if along.ndim != 1 or along.shape != heights.shape or along.size < 2 or (np.diff(along) <= 0).any():
        raise ValueError(f"a curve needs two or more values at increasing budgets, got {len(values)} at {list(spent)}")
    return float(np.trapezoid(heights, along) / (along[-1] - along[0]))


def _wins(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., S, E) and (..., S', E) to (...)."""
    signs = np.sign(first[..., :, None, :] - second[..., None, :, :])
    won: NDArray[np.float64] = (0.5 + signs / 2).mean(axis=(-3, -2, -1))
    return won


def _drawn(data: NDArray[np.float64], rng: np.random.Generator, resamples: int, draws: int) -> NDArray[np.float64]:
    """(resamples, draws, E): in every environment its own seeds, with replacement."""
    picks = rng.integers(len(data), size=(resamples, draws, data.shape[1]))
    return data[picks, np.arange(data.shape[1])]


def _scores(scores: ArrayLike) -> NDArray[np.float64]:
    data = np.asarray(scores, dtype=np.float64)
    if data.ndim != 2 or len(data) < 2 or not data.size:
        raise ValueError(f"an interval over seeds needs a table of two or more seeds × environments, got {data.shape}")
    return data
