"""Samples from an expert, enumerated."""

from __future__ import annotations

import pytest

from agents.learners import CE, DistIL
from agents.theory.blackbox import expected_from_samples
from agents.theory.world import random_tree, relative


@pytest.mark.parametrize(
    "learner",
    [DistIL(future_weight=1.0, baseline="none"), DistIL(future_weight=1.0, baseline="none", gamma=0.7), CE()],
    ids=repr,
)
@pytest.mark.parametrize(("count", "ask"), [(1, 1.0), (2, 1.0), (1, 0.25), (2, 0.5)])
def test_the_expectation_is_exact(learner: DistIL, count: int, ask: float) -> None:
    world, _, theta = random_tree(2, 3, 1)
    exact = world.expected_gradient(learner, theta)
    assert relative(expected_from_samples(world, learner, theta, count, ask), exact) < 1e-10
