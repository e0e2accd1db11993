"""The regret inequality on random decision processes of many sizes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.theory.regret import random_mdps, tight


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 10), st.integers(1, 5), st.integers(2, 5), st.integers(0, 2**31))
def test_the_bound_holds(horizon: int, states: int, actions: int, seed: int) -> None:
    mdps = random_mdps(20, horizon, states, actions, seed)
    assert bool((mdps.regret() <= mdps.bound()).all())
    torch.testing.assert_close(mdps.regret(), mdps.by_difference(), rtol=0, atol=1e-12)
    assert mdps.visits().sum(-1).sub(1).abs().max() < 1e-12


def test_the_constant_cannot_be_smaller() -> None:
    mdps = tight(1e-4)
    assert float(mdps.regret() / mdps.bound()) == pytest.approx(1.0, abs=1e-7)
    assert float(mdps.regret()) == pytest.approx(1e-4)


def test_the_learner_may_be_better() -> None:
    """So that the inequality is about a signed regret: both signs occur."""
    regret = random_mdps().regret()
    assert float(regret.min()) < -0.1 < 0.1 < float(regret.max())
