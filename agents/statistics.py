"""Estimates with intervals. Intervals from few seeds use t: a percentile bootstrap over them covers too little."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interval:
    """An estimate with the ends of its 95 % interval."""

    mean: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float | None]:
        """JSON values; an end that is not finite is None."""
        return {name: value if math.isfinite(value) else None for name, value in vars(self).items()}

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def pass_at_k(n: int, c: int, k: int) -> float:
    """Unbiased estimate of the chance that one of k samples is right, from c right ones among n ≥ k.

    ``1 - C(n - c, k) / C(n, k)`` (Chen et al. 2021, arXiv 2107.03374, equation 1).
    """
    if not 0 <= c <= n or not 1 <= k <= n:
        raise ValueError(f"pass@k needs 0 <= c <= n and 1 <= k <= n, got n={n}, c={c}, k={k}")
    return 1.0 - math.comb(n - c, k) / math.comb(n, k)


def mean_interval(values: Sequence[float]) -> Interval:
    """Mean with its 95 % t interval; for tasks, seeds, or paired differences. Of one value it is infinite."""
    data = np.asarray(values, dtype=np.float64)
    if data.size == 0:
        raise ValueError("an interval needs at least one value")
    mean = float(data.mean())
    if data.size == 1:
        return Interval(mean, -math.inf, math.inf)
    from scipy.stats import t

    half = float(t.ppf(0.975, data.size - 1)) * float(data.std(ddof=1)) / math.sqrt(data.size)
    return Interval(mean, mean - half, mean + half)


def proportion_interval(successes: float, n: int) -> Interval:
    """A share with its 95 % Wilson interval, which stays within [0, 1] and has a width at 0 and 1 too."""
    if n < 1:
        raise ValueError("an interval needs at least one trial")
    z = 1.959963984540054
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(share, min(max(0.0, centre - half), share), max(min(1.0, centre + half), share))


def crossed_interval(table: Sequence[Sequence[float]]) -> Interval:
    """Mean of a seeds × tasks table with its 95 % interval, both taken as random: other seeds, and other tasks.

    For paired differences measured on the same tasks in every seed. Two-way random effects with one value a cell: the
    mean's variance is ``(MS_seeds + MS_tasks - MS_rest) / (S T)``, with Satterthwaite's degrees of freedom. Needs at
    least two seeds and two tasks. Raises ValueError otherwise.
    """
    data = np.asarray(table, dtype=np.float64)
    if data.ndim != 2 or min(data.shape) < 2:
        raise ValueError(f"a crossed interval needs at least two seeds and two tasks, got shape {data.shape}")
    from scipy.stats import t

    seeds, tasks = data.shape
    mean = float(data.mean())
    by_seed, by_task = data.mean(axis=1, keepdims=True), data.mean(axis=0, keepdims=True)
    degrees = np.array([seeds - 1, tasks - 1, (seeds - 1) * (tasks - 1)])
    squares = np.array([
        tasks * ((by_seed - mean) ** 2).sum(),
        seeds * ((by_task - mean) ** 2).sum(),
        ((data - by_seed - by_task + mean) ** 2).sum(),
    ])  # fmt: skip
    parts = squares / degrees
    # Never below what one of the two factors alone explains: the difference of mean squares may be negative.
    total = max(parts[0] + parts[1] - parts[2], parts[0], parts[1])
    if total == 0:
        return Interval(mean, mean, mean)
    freedom = max(1.0, total**2 / float((parts**2 / degrees).sum()))
    half = float(t.ppf(0.975, freedom)) * math.sqrt(total / data.size)
    return Interval(mean, mean - half, mean + half)
