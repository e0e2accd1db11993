"""The estimators whose variance is compared are the learner's, and the order does not hang on the seed."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from agents.batch import Batch
from agents.learners import DistIL
from agents.theory import variance
from feedback.distribution import Hidden

LEARNERS = {
    "local": DistIL(future_weight=0.0),
    "γ = .9, leave-one-out": DistIL(future_weight=1.0, gamma=0.9),
    "future CE, leave-one-out": DistIL(future_weight=1.0),
    "future KL": DistIL(future_weight=1.0, cost="kl", baseline="none"),
    "future CE": DistIL(future_weight=1.0, baseline="none"),
}


@pytest.mark.parametrize("name", LEARNERS)
def test_the_gradients_are_the_learners(name: str) -> None:
    these, eye = variance.roll(8), torch.eye(variance.VOCABULARY, dtype=torch.float64)
    N = len(these.ids)
    hidden, made = these.theta[these.states].requires_grad_(), torch.ones_like(these.ids, dtype=torch.bool)
    batch = Batch(
        hidden=hidden,
        head_weight=eye,
        ids=these.ids,
        mask=made,
        turn=torch.zeros_like(these.ids),
        learnable=made,
        group=torch.arange(N) // variance.GROUP_SIZE,
        reward=torch.zeros(N),
        valid=torch.ones(N, dtype=torch.bool),
        denominator=1.0,
        expert=Hidden(these.log_p[these.states], eye),
    )
    (by_token,) = torch.autograd.grad(LEARNERS[name].loss(batch).value, hidden)
    expected = torch.zeros(N, *these.theta.shape, dtype=torch.float64)
    expected.index_put_((torch.arange(N)[:, None].expand_as(these.states), these.states), by_token, accumulate=True)
    got = these.gradients(variance.ESTIMATORS[name](these))
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", [1, 2, 4])
@pytest.mark.parametrize("length", variance.LENGTHS)
def test_the_order_holds_for_other_seeds(length: int, seed: int) -> None:
    found = list(variance.variances(length, seed).values())
    assert all(less < more for less, more in itertools.pairwise(found)), found


def test_how_fast_the_variance_grows() -> None:
    """T without a future term or discounted, T² centred, T³ with the mean cost of all that follows."""
    short, long = variance.variances(32), variance.variances(128)
    power = {name: math.log(long[name] / short[name], 4) for name in short}
    for name, expected in {
        "local": 1,
        "γ = .9, leave-one-out": 1,
        "future CE, leave-one-out": 2,
        "future CE": 3,
    }.items():
        assert power[name] == pytest.approx(expected, abs=0.25), name


def test_tokens_are_drawn_from_the_student() -> None:
    these = variance.roll(32)
    counts = torch.zeros_like(these.theta).index_put(
        (these.states.view(-1), these.ids.view(-1)), torch.ones(these.ids.numel(), dtype=torch.float64), accumulate=True
    )
    drawn = counts / counts.sum(-1, keepdim=True)
    error = (drawn - these.theta.softmax(-1)).abs() / (1 / counts.sum(-1, keepdim=True)).sqrt()
    assert float(error.max()) < 2.5  # five standard deviations of a fair coin
