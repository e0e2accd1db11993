"""The bound on log V, and its gradient, in other worlds."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.theory.posterior import bound, chances_to_win, log_value, posterior_gradient, successes
from agents.theory.world import differences, random_tree, relative


@pytest.mark.parametrize("seed", range(1, 4))
def test_ce_to_the_posterior_ascends_log_v(seed: int) -> None:
    world, _, theta = random_tree(4, 3, seed)
    success = successes(world, seed)
    exact = differences(lambda each: log_value(world, each, success), theta)
    assert relative(posterior_gradient(world, theta, success), exact) < 1e-9
    assert float(chances_to_win(world, theta, success)[0].sum().log()) == pytest.approx(
        float(log_value(world, theta, success)), abs=1e-12
    )


@given(st.lists(st.tuples(*(st.floats(1e-3, 1.0) for _ in range(3))), min_size=2, max_size=6))
def test_the_bound_holds_and_is_tight_at_the_posterior(rows: list[tuple[float, ...]]) -> None:
    policy, success, p = torch.tensor(rows, dtype=torch.float64).unbind(-1)
    joint = policy / policy.sum() * success
    log_v = float(joint.sum().log())
    assert float(bound(p / p.sum(), joint)) <= log_v + 1e-12
    assert float(bound(joint / joint.sum(), joint)) == pytest.approx(log_v, abs=1e-12)
