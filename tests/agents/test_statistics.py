"""Estimates against enumeration and textbook values; intervals against what they promise."""

from __future__ import annotations

import itertools
import math

import pytest

from agents.statistics import Interval, mean_interval, paired_difference, pass_at_k, proportion_interval
from distil_envs.counted import generator


def test_pass_at_k_is_the_share_of_subsets_with_a_right_sample() -> None:
    for n in range(1, 8):
        for c in range(n + 1):
            samples = [True] * c + [False] * (n - c)
            for k in range(1, n + 1):
                subsets = list(itertools.combinations(samples, k))
                share = sum(any(subset) for subset in subsets) / len(subsets)
                assert pass_at_k(n, c, k) == pytest.approx(share, abs=1e-15)


def test_pass_at_k_is_unbiased() -> None:
    """Averaged over all outcomes of n samples that are right with probability p, it is 1 - (1 - p)^k exactly."""
    n, p = 6, 0.3
    for k in range(1, n + 1):
        mean = sum(math.comb(n, c) * p**c * (1 - p) ** (n - c) * pass_at_k(n, c, k) for c in range(n + 1))
        assert mean == pytest.approx(1 - (1 - p) ** k, abs=1e-12)


def test_pass_at_k_of_many_samples_does_not_overflow() -> None:
    assert pass_at_k(10_000, 1, 5_000) == pytest.approx(0.5)
    assert pass_at_k(10_000, 0, 5_000) == 0.0
    assert pass_at_k(10_000, 6_000, 5_000) == 1.0


@pytest.mark.parametrize(("n", "c", "k"), [(3, 4, 1), (3, -1, 1), (3, 1, 4), (3, 1, 0)])
def test_pass_at_k_of_impossible_counts(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match="pass@k needs"):
        pass_at_k(n, c, k)


def test_t_interval_is_the_textbooks() -> None:
    """Student's example: t(4) = 2.7764 at 97.5 %, standard deviation √2.5."""
    got = mean_interval([1, 2, 3, 4, 5])
    half = 2.7764451 * math.sqrt(2.5) / math.sqrt(5)
    assert (got.mean, got.low, got.high) == pytest.approx((3.0, 3.0 - half, 3.0 + half), abs=1e-6)
    assert mean_interval([0.5] * 4) == Interval(0.5, 0.5, 0.5)


def test_one_value_has_no_finite_interval() -> None:
    alone = mean_interval([0.25])
    assert (alone.mean, alone.low, alone.high) == (0.25, -math.inf, math.inf)
    assert alone.to_dict() == {"mean": 0.25, "low": None, "high": None}
    assert str(mean_interval([0.25, 0.25])) == "0.250 [0.250, 0.250]"
    with pytest.raises(ValueError, match="at least one value"):
        mean_interval([])


def test_paired_difference_is_of_what_both_have() -> None:
    before, after = {"a": 0.0, "b": 1.0, "c": 0.5}, {"b": 0.0, "c": 1.0, "d": 1.0}
    assert paired_difference(before, after) == Interval(-0.25, -1.0, 1.0)  # within what shares can differ
    assert paired_difference({"a": 0.0}, {"b": 1.0}) is None


def test_t_interval_of_five_covers_what_it_promises() -> None:
    rng = generator(0, "coverage")
    covered = sum(
        got.low <= 0.0 <= got.high for got in (mean_interval(rng.normal(size=5).tolist()) for _ in range(2000))
    )
    assert 0.935 < covered / 2000 < 0.965


def test_wilson_interval_solves_its_equation() -> None:
    """Its ends are the shares p at which the observed one is 1.96 standard errors away."""
    z = 1.959963984540054
    for n in (1, 5, 48, 1000):
        for successes in range(0, n + 1, max(1, n // 5)):
            got = proportion_interval(successes, n)
            share = successes / n
            assert got.mean == share
            assert 0.0 <= got.low <= share <= got.high <= 1.0
            for end in (got.low, got.high):
                if 0.0 < end < 1.0:
                    assert (share - end) ** 2 == pytest.approx(z * z * end * (1 - end) / n, abs=1e-12)
            assert got.high > got.low


def test_wilson_interval_is_the_textbooks() -> None:
    """Newcombe 1998 (Statistics in Medicine 17, 857), table I, method 3."""
    rows = ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718))
    for successes, n, low, high in rows:
        got = proportion_interval(successes, n)
        assert (got.low, got.high) == pytest.approx((low, high), abs=5e-5)
    with pytest.raises(ValueError, match="at least one trial"):
        proportion_interval(0, 0)
