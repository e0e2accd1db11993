"""q* = p/(V* + λ), on many trees and at single states."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.learners import DistIL
from agents.theory.optimum import stationary, tabular_optimum
from agents.theory.world import prefixes, random_tree

states = st.lists(st.tuples(st.floats(1e-6, 1.0), st.floats(0.0, 50.0), st.floats(1e-6, 1.0)), min_size=2, max_size=8)


@given(states)
def test_no_other_choice_costs_less_at_a_state(rows: list[tuple[float, ...]]) -> None:
    p, later, other = torch.tensor(rows, dtype=torch.float64).unbind(-1)
    p, other = p / p.sum(), other / other.sum()
    q = stationary(p, later)
    assert bool((q > 0).all()) and float(q.sum()) == pytest.approx(1.0, abs=1e-12)
    cost, costlier = (float(-(p * each.log()).sum() + (each * later).sum()) for each in (q, other))
    assert cost <= costlier + 1e-9 * costlier
    multiplier = p / q - later  # λ, at every action
    assert float(multiplier.max() - multiplier.min()) <= 1e-9 * float((p / q).max())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shape", [(2, 5), (3, 4), (5, 2)])
def test_the_learners_gradient_vanishes_there(shape: tuple[int, int], seed: int) -> None:
    world, log_p, _ = random_tree(*shape, seed)
    optimum, least = tabular_optimum(dict(zip(prefixes(*shape), log_p, strict=True)))
    theta = torch.stack([optimum[prefix].log() for prefix in prefixes(*shape)])
    assert float(world.expected_gradient(DistIL(future_weight=1.0, baseline="none"), theta).norm()) < 1e-10
    assert float(world.objective(theta)) == pytest.approx(least, abs=1e-12)
    assert float(world.objective(log_p)) > least + 1e-3  # the expert itself costs more
