"""The world in which only the future term helps."""

from __future__ import annotations

import pytest
import torch

from agents.learners import CE, DistIL
from agents.theory import peek
from agents.theory.world import differences


def test_weights_are_chances() -> None:
    world = peek.world()
    assert float(world.weights(peek.policy(0.37)).sum()) == pytest.approx(1.0, abs=1e-12)


def test_the_fixed_point_is_the_least_of_the_objective_at_weight_one() -> None:
    """L is least at .42 over all chances to peek, with the doors as they are."""
    values = [float(peek.world().objective(peek.policy(step / 1000))) for step in range(1, 1000)]
    assert (1 + values.index(min(values))) / 1000 == pytest.approx(peek.fixed_point(1.0), abs=1e-3)
    slope = differences(peek.world().objective, peek.policy(peek.fixed_point(1.0)))
    assert float(slope.norm()) < 1e-9


@pytest.mark.parametrize("kl", [False, True])
@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0, 3.0, 10.0])
def test_the_learner_rests_at_its_fixed_point_and_nowhere_near(weight: float, kl: bool) -> None:
    learner = DistIL(baseline="none", future_weight=weight, cost="kl" if kl else "ce")
    at = peek.fixed_point(weight, kl=kl)
    assert peek.residual(learner, at) < 1e-10
    assert peek.residual(learner, at - 0.05) > 1e-2


def test_local_credit_copies_the_expert_and_the_future_term_earns_more() -> None:
    assert peek.residual(CE(), 0.3) < 1e-10
    assert peek.fixed_point(0.0) == pytest.approx(0.3)
    rewards = torch.tensor([peek.reward(peek.policy(peek.fixed_point(weight))) for weight in (0.0, 1.0, 3.0, 10.0)])
    assert bool((rewards.diff() > 0).all())
