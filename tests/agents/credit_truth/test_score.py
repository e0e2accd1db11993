"""Scores that must come out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.credit_truth import Where, agreement, ceilings, difference
from distil_envs.counted import generator


def drawn(tasks: int = 30, each: int = 20, seed: int = 0) -> tuple[Where, np.random.Generator]:
    task = np.repeat(np.arange(tasks), each)
    return Where(task, np.tile(np.arange(each) % 5, tasks)), generator(seed, "score")


@given(scale=st.floats(0.1, 10), shift=st.lists(st.floats(-100, 100), min_size=30, max_size=30))
@settings(max_examples=25, deadline=None)
def test_scale_and_what_differs_between_tasks_do_not_matter(scale: float, shift: list[float]) -> None:
    where, rng = drawn()
    truth, credit = rng.normal(size=(2, 600))
    credit += truth
    moved = scale * credit + np.array(shift)[where.task]
    one, two = agreement(credit, truth, where), agreement(moved, truth, where)
    for kind in ("pearson", "spearman", "same_place"):
        assert getattr(one, kind).mean == pytest.approx(getattr(two, kind).mean, abs=1e-6)


def test_an_offset_of_places_is_seen_but_not_at_the_same_place() -> None:
    where, rng = drawn()
    truth = rng.normal(size=600)
    found = agreement(truth + 3.0 * where.place, truth, where)
    assert found.pearson.mean < 0.5
    assert found.same_place.mean == pytest.approx(1.0)


def test_one_task_by_hand() -> None:
    where = Where(np.zeros(4, np.int64), np.zeros(4, np.int64))
    credit, truth = np.array([1.0, 2.0, 4.0, 4.0]), np.array([1.0, 3.0, 2.0, 4.0])
    found = agreement(credit, truth, where)
    assert found.pearson.mean == pytest.approx(np.corrcoef(credit, truth)[0, 1])
    assert found.spearman.mean == pytest.approx(np.corrcoef([1, 2, 3.5, 3.5], [1, 3, 2, 4])[0, 1])
    assert np.isnan(agreement(np.ones(4), truth, where).pearson.mean)
    assert agreement(np.ones(4), truth, where).to_dict()["pearson"] is None


def test_ceilings_say_what_noise_leaves() -> None:
    """Truth of variance 1, noise of variance 1 in all branches and 2 in each half: sqrt(1/2) can be reached."""
    where, rng = drawn(200, 50)
    truth = rng.normal(size=10_000)
    halves = tuple(truth + rng.normal(scale=2**0.5, size=10_000) for _ in range(2))
    found = ceilings(halves, where)["pearson"]  # type: ignore[arg-type]
    reached = agreement(truth, (halves[0] + halves[1]) / 2, where).pearson.mean
    assert found == pytest.approx(0.5**0.5, abs=0.03)
    assert found == pytest.approx(reached, abs=0.03)
    assert ceilings((truth, -truth), where)["pearson"] is None


def test_intervals_cover() -> None:
    """Tasks differ in how well credit agrees; the interval is about other tasks."""
    inside = 0
    for seed in range(30):
        where, rng = drawn(40, 15, seed)
        truth, noise = rng.normal(size=(2, 600))
        strength = rng.uniform(0, 2, size=40)[where.task]
        found = agreement(strength * truth + noise, truth, where).pearson
        inside += found.low < 1 / (4 / 3 + 1) ** 0.5 < found.high  # E[s] / sqrt(E[s²] + 1)
    assert inside >= 26


def test_differences_are_paired() -> None:
    where, rng = drawn()
    truth, noise = rng.normal(size=(2, 600))
    near, far = truth + noise, truth + 1.1 * noise
    both = difference(near, far, truth, where)
    one, two = agreement(near, truth, where).pearson, agreement(far, truth, where).pearson
    assert both.mean == pytest.approx(one.mean - two.mean)
    assert both.low > 0
    assert both.high - both.low < (one.high - one.low) / 3
