"""An estimate with its 95 % interval: of means, of shares, of paired differences over one set of units."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Z = 1.959963984540054
"""97.5 % point of the normal distribution."""


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


def mean_interval(values: Sequence[float]) -> Interval:
    """Mean with its 95 % t interval; for tasks, seeds, or paired differences. Of one value it is infinite."""
    data = np.asarray(values, dtype=np.float64)
    if data.size == 0:
        raise ValueError("an interval needs at least one value")
    mean = float(data.mean())
    if data.size == 1:
        return Interval(mean, -math.inf, math.inf)
    half = t_quantile(data.size - 1) * float(data.std(ddof=1)) / math.sqrt(data.size)
    return Interval(mean, mean - half, mean + half)


def share_interval(values: Sequence[float]) -> Interval:
    """Mean of values in [0, 1], such as each task's pass@k, with a 95 % interval that stays there.

    The t interval in the form of Wilson's (`score`), so it has a width where all values are 0 or all are 1. Of one
    value it is [0, 1]. Raises ValueError for none, and outside [0, 1].
    """
    data = within_unit(values)
    if data.size == 1:
        return Interval(float(data[0]), 0.0, 1.0)
    plain = mean_interval(values)
    low, high = score(plain.mean, plain.high - plain.mean, trials=data.size)
    return Interval(plain.mean, float(low), float(high))


def proportion_interval(successes: float, n: int) -> Interval:
    """A share with its 95 % Wilson interval, which stays within [0, 1] and has a width at 0 and 1 too."""
    if n < 1:
        raise ValueError("an interval needs at least one trial")
    share = successes / n
    low, high = score(share, Z * math.sqrt(share * (1 - share) / n), trials=n)
    return Interval(share, float(low), float(high))


def paired_difference(before: Mapping[Any, float], after: Mapping[Any, float]) -> Interval | None:
    """Mean of after minus before, shares, over the keys that both have, with its t interval; None where there are none.

    Where all differences are equal the interval has a width nevertheless (`widened`).
    """
    common = [key for key in before if key in after]
    if not common:
        return None
    return with_width(mean_interval([after[key] - before[key] for key in common]), len(common))


def with_width(found: Interval, trials: int) -> Interval:
    """A mean difference of shares, `widened`."""
    return Interval(*map(float, widened((found.mean, found.low, found.high), trials)))


def widened(limits: Any, trials: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean, low and high of differences of shares, within [-1, 1], with a width where there was none.

    None of so many trials (tasks, or seeds) was seen to differ from the others: the ends are as far off as Wilson's
    upper end for 0 of them.
    """
    mean, low, high = (np.asarray(each, dtype=np.float64) for each in limits)
    unseen = np.where(high - low > 1e-12, 0.0, Z * Z / (trials + Z * Z))  # rounding is no width
    return mean, np.maximum(low - unseen, -1.0), np.minimum(high + unseen, 1.0)


def score(
    mean: Any, half: Any, *, trials: float, least: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ends of Wilson's score interval of a share whose plain interval is ``mean ± half``.

    Wilson's (1927) for as many trials as would give that half-width, as is done for surveys with correlated answers
    (Korn and Graubard 1998, Survey Methodology 24, 193; there for exact limits). It stays in [0, 1], and leans towards
    1/2 where the share is near 0 or 1, as its error does. Array arguments are taken one by one.

    Args:
        mean: estimates in [0, 1].
        half: half-widths of their plain 95 % intervals.
        trials: how many independent trials to take for a share of exactly 0 or 1, whose plain interval has no width.
        least: floor of ``half² / (mean (1 - mean))``.
    """
    mean, half = np.asarray(mean, dtype=np.float64), np.asarray(half, dtype=np.float64)
    spread = mean * (1 - mean)
    none = spread <= 1e-15
    ratio = np.where(none, Z * Z / trials, np.maximum(half * half / np.where(none, 1.0, spread), least))
    centre = (mean + ratio / 2) / (1 + ratio)
    reach = np.sqrt(ratio * spread + ratio * ratio / 4) / (1 + ratio)
    # Rounding must not leave the estimate, or the range, outside.
    return np.clip(centre - reach, 0.0, mean), np.clip(centre + reach, mean, 1.0)


def t_quantile(degrees: float) -> float:
    """97.5 % point of Student's t."""
    return float(stdtrit(degrees, 0.975))


def within_unit(values: Any) -> NDArray[np.float64]:
    """As an array. Raises ValueError where it is empty or not within [0, 1]; NaN passes."""
    data = np.asarray(values, dtype=np.float64)
    if data.size == 0:
        raise ValueError("an interval needs at least one value")
    if (data < 0).any() or (data > 1).any():
        raise ValueError(f"shares must be within [0, 1], got {np.nanmin(data):g} to {np.nanmax(data):g}")
    return data
