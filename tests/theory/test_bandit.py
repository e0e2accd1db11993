"""One step on a divergence, against closed forms and against really taking it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from agents.theory import bandit

arms = st.lists(
    st.tuples(*(st.floats(0.01, 1.0) for _ in range(3))),  # unnormalised q and p, and r
    min_size=2,
    max_size=6,
)


def columns(rows: list[tuple[float, ...]]) -> tuple[Tensor, Tensor, Tensor]:
    q, p, r = torch.tensor(rows, dtype=torch.float64).unbind(-1)
    return q / q.sum(), p / p.sum(), r


def covariance(q: Tensor, r: Tensor, of: Tensor) -> float:
    return float((q * r * of).sum() - (q * r).sum() * (q * of).sum())


@given(arms)
def test_the_gain_is_a_covariance(rows: list[tuple[float, ...]]) -> None:
    q, p, r = columns(rows)
    forms = {"forward CE": p / q, "reverse KL": (p / q).log(), "JSD": 0.5 * ((p + q) / (2 * q)).log()}
    for name, alpha in bandit.DIVERGENCES.items():
        assert float(bandit.mirror_gain(alpha, p, q, r)) == pytest.approx(covariance(q, r, forms[name]), abs=1e-12)


@given(arms)
def test_forward_ce_improves_by_as_much_as_the_expert_is_better(rows: list[tuple[float, ...]]) -> None:
    q, p, r = columns(rows)
    assert float(bandit.mirror_gain(0.0, p, q, r)) == pytest.approx(float(((p - q) * r).sum()), abs=1e-12)


@given(arms.map(lambda rows: rows[:2]), st.sampled_from([0.5, 1.0]))
def test_two_arms_have_no_counterexample(rows: list[tuple[float, ...]], alpha: float) -> None:
    q, p, r = columns(rows)
    better = float(((p - q) * r).sum())
    assert float(bandit.mirror_gain(alpha, p, q, r)) * better >= -1e-15


@pytest.mark.parametrize("alpha", bandit.DIVERGENCES.values(), ids=bandit.DIVERGENCES)
def test_the_gains_are_those_of_small_steps_really_taken(alpha: float) -> None:
    q, p, r = bandit.instance()
    step = 1e-5

    def slope(direction: Tensor) -> float:
        up, down = ((q.log() + sign * step * direction).softmax(-1) @ r for sign in (1, -1))
        return float(up - down) / (2 * step)

    assert slope(bandit.mirror_step(alpha, p, q)) == pytest.approx(float(bandit.mirror_gain(alpha, p, q, r)), rel=1e-5)
    plain = slope(-bandit.logit_gradient(alpha, p, q))
    assert plain == pytest.approx(float(bandit.plain_gain(alpha, p, q, r)), rel=1e-5)


def test_which_arms_rise() -> None:
    q, p, r = bandit.instance()
    assert (float(q @ r), float(p @ r)) == pytest.approx((0.5, 0.6))
    rising = {name: (bandit.mirror_step(alpha, p, q) > 0).tolist() for name, alpha in bandit.DIVERGENCES.items()}
    assert rising == {
        "forward CE": [True, False, False],
        "reverse KL": [True, False, True],  # the bad arm rises
        "JSD": [True, False, True],
    }
