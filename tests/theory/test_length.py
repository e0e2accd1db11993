"""The length toy, against the learner's gradient in a world short enough to enumerate."""

from __future__ import annotations

import pytest
import torch

from agents.learners import DistIL
from agents.theory import length
from agents.theory.world import prefixes, tree

HORIZON = 4


@pytest.mark.parametrize("cost", ["ce", "kl"])
def test_the_learner_is_at_rest_at_the_optimum(cost: str) -> None:
    p = torch.tensor([0.1, 0.45, 0.45], dtype=torch.float64)
    states = prefixes(3, HORIZON)
    world = tree(3, HORIZON, p.log().expand(len(states), 3))
    eos = length.optimum(kl=cost == "kl", horizon=HORIZON)
    q = torch.stack([torch.stack([eos[len(prefix)], *[(1 - eos[len(prefix)]) / 2] * 2]) for prefix in states])
    learner = DistIL(future_weight=1.0, baseline="none", cost=cost)  # type: ignore[arg-type]
    assert float(world.expected_gradient(learner, q.log()).norm()) < 1e-10
    lengths = world.mask.sum(-1).double()
    assert float((world.weights(q.log()) * lengths).sum()) == pytest.approx(length.expected_length(eos), abs=1e-12)


def test_ending_pays_most_where_most_would_follow() -> None:
    eos = length.optimum()
    assert bool((eos.diff() <= 1e-12).all())
    assert float(eos[-1]) == pytest.approx(length.EOS_CHANCE)  # nothing follows the last token
