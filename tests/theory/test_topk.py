"""What a top k hides."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.theory.topk import renormalised_reverse_kl, truncated_reverse_kl

tokens = st.lists(st.tuples(st.floats(0.01, 1.0), st.floats(0.01, 1.0)), min_size=1, max_size=5)


@given(tokens)
def test_moving_mass_out_lowers_the_truncated_reverse_kl(rows: list[tuple[float, float]]) -> None:
    p, q = torch.tensor(rows, dtype=torch.float64).unbind(-1)
    least = -float(p.sum()) / math.e
    assert truncated_reverse_kl(q, p) >= least - 1e-12
    assert truncated_reverse_kl(p / math.e, p) == pytest.approx(least, abs=1e-12)


@given(tokens)
def test_renormalised_it_cannot_be_negative_and_says_nothing_at_one_token(rows: list[tuple[float, float]]) -> None:
    p, q = torch.tensor(rows, dtype=torch.float64).unbind(-1)
    assert renormalised_reverse_kl(q, p) >= -1e-12
    assert renormalised_reverse_kl(q[:1], p[:1]) == pytest.approx(0.0, abs=1e-12)
