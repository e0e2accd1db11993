"""Measures over environments and curves, against slow ways, exact values and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from agents.statistics import area_under_curve, interquartile_mean, mean_interval, probability_of_improvement
from distil_envs.counted import generator


def test_interquartile_mean_is_of_the_middle_half() -> None:
    scores = [[0.0, 10.0], [1.0, 2.0], [3.0, 4.0], [-50.0, 5.0]]  # in order: -50 0 | 1 2 3 4 | 5 10
    assert interquartile_mean(scores, generator(0, "iqm")).mean == pytest.approx(2.5)


def test_interquartile_mean_of_few_scores_is_the_mean_with_its_t_interval() -> None:
    """Of three scores none is cut, and the bootstrap's standard error of a mean is known."""
    found, expected = (
        interquartile_mean([[0.1], [0.2], [0.6]], generator(0, "t"), resamples=200_000),
        mean_interval([0.1, 0.2, 0.6]),
    )
    assert found.mean == pytest.approx(expected.mean)
    assert found.high - found.low == pytest.approx(expected.high - expected.low, rel=0.01)


def test_probability_of_improvement_is_mann_whitneys() -> None:
    rng = generator(0, "poi")
    one, other = rng.integers(0, 5, (4, 3)).astype(float), rng.integers(0, 5, (6, 3)).astype(float)
    by_environment = [mannwhitneyu(one[:, e], other[:, e]).statistic / 24 for e in range(3)]
    found = probability_of_improvement(one, other, rng)
    assert found.mean == pytest.approx(np.mean(by_environment))
    assert 0.0 <= found.low < found.mean < found.high <= 1.0


def test_who_always_wins_with_few_seeds_is_not_certain() -> None:
    one, other = np.ones((3, 1)), np.zeros((3, 1))
    always = probability_of_improvement(one, other, generator(0, "always"))
    assert (always.mean, always.high) == (1.0, 1.0)
    assert always.low == pytest.approx(3 / (3 + 1.959964**2), abs=1e-4)  # Wilson's, 3 of 3
    never = probability_of_improvement(other, one, generator(0, "always"))
    assert (never.low, never.high) == pytest.approx((0.0, 1 - always.low))
    tied = probability_of_improvement(one, one, generator(0, "tied"))
    assert (tied.mean, tied.low, tied.high) == pytest.approx((0.5, 0.25, 0.75))  # never less than one standard error


@given(st.integers(0, 10_000))
def test_measures_over_environments_do_not_depend_on_scale_or_order(seed: int) -> None:
    rng = generator(seed, "scores")
    one, other = rng.normal(size=(2, 3, 4))

    def again() -> np.random.Generator:
        return generator(seed, "bootstrap")

    found = probability_of_improvement(one, other, again(), resamples=50)
    assert found == probability_of_improvement(np.exp(one), np.exp(other), again(), resamples=50)
    assert found.mean == pytest.approx(1 - probability_of_improvement(other, one, again(), resamples=50).mean)
    middle, moved = (interquartile_mean(scores, again(), resamples=50) for scores in (one, 3 * one + 1))
    assert (moved.mean, moved.low, moved.high) == pytest.approx([3 * each + 1 for each in vars(middle).values()])
    assert interquartile_mean(one[::-1], again(), resamples=50).mean == pytest.approx(middle.mean)


@pytest.mark.parametrize("seeds", [3, 5])
def test_intervals_over_environments_cover_normal_scores(seeds: int) -> None:
    """Six environments; a difference of one standard deviation wins with probability Φ(1/√2)."""
    rng = generator(0, "cover", seeds)
    better, held, runs = 0.5 * (1 + math.erf(0.5)), np.zeros(2), 400
    for _ in range(runs):
        one, other = rng.normal(size=(2, seeds, 6)) + np.array([1.0, 0.0])[:, None, None]
        middle = interquartile_mean(other, rng, resamples=200)
        found = probability_of_improvement(one, other, rng, resamples=200)
        held += (middle.low <= 0.0 <= middle.high, found.low <= better <= found.high)
    assert ((held / runs > 0.91) & (held / runs < 0.99)).all(), held / runs


def test_area_under_a_curve() -> None:
    assert area_under_curve([0, 10, 20], [0.0, 1.0, 1.0]) == pytest.approx(0.75)
    assert area_under_curve([5, 15], [0.2, 0.4]) == pytest.approx(0.3)
    assert area_under_curve([0, 1, 100], [0.0, 1.0, 1.0]) == pytest.approx(0.995)  # early is good


@given(st.lists(st.tuples(st.floats(0.01, 10), st.floats(0, 1)), min_size=2, max_size=9), st.floats(0.1, 100))
def test_an_area_lies_within_the_values_and_knows_no_unit(points: list[tuple[float, float]], unit: float) -> None:
    spent, values = np.cumsum([step for step, _ in points]), [value for _, value in points]
    area = area_under_curve(spent.tolist(), values)
    assert min(values) - 1e-9 <= area <= max(values) + 1e-9
    assert area_under_curve((unit * spent).tolist(), values) == pytest.approx(area, abs=1e-9)


def test_too_little_is_refused() -> None:
    rng = generator(0, "refused")
    for spent, values in (([0], [1.0]), ([0, 0], [1.0, 1.0]), ([1, 0], [1.0, 1.0]), ([0, 1], [1.0])):
        with pytest.raises(ValueError, match="two or more values at increasing budgets"):
            area_under_curve(spent, values)
    for scores in ([[1.0, 2.0]], [1.0, 2.0], [[], []]):
        with pytest.raises(ValueError, match="two or more seeds × environments"):
            interquartile_mean(scores, rng)
    with pytest.raises(ValueError, match="share their environments, got 2 and 1"):
        probability_of_improvement([[1.0, 2.0]] * 2, [[1.0]] * 2, rng)


def test_the_middle_of_shares_stays_within_them_and_is_no_point() -> None:
    rng = np.random.default_rng(0)
    for value, other in ((0.0, 0.0), (1.0, 1.0), (0.6, 0.6), (0.0, 1.0)):
        found = interquartile_mean([[value, value], [other, other]], rng, shares=True)
        assert 0 <= found.low <= found.mean <= found.high <= 1
        assert found.high - found.low > 0.4
