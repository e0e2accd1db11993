"""Feedback made from rollouts: the bias and its mend on several worlds."""

from __future__ import annotations

import pytest

from agents.theory.siblings import errors


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("vocabulary", "horizon"), [(2, 4), (3, 3), (4, 2)])
def test_only_the_full_weight_is_exact(vocabulary: int, horizon: int, seed: int) -> None:
    found = errors(vocabulary, horizon, seed)
    exact = {"sibling: later costs and the sibling's", "own trace: all costs"}
    assert {name for name, error in found.items() if error < 1e-10} == exact
    assert min(error for name, error in found.items() if name not in exact) > 1e-3
