"""DistIL with `charge="full-sum"` is exact where feedback was made from rollouts; the usual form is not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from agents.batch import Batch
from agents.learners import DistIL
from agents.theory.siblings import Pair
from agents.theory.world import random_tree, relative, table
from feedback.distribution import Hidden

V, HORIZON = 3, 3


def make_pair(seed: int) -> Pair:
    world, _, theta = random_tree(V, HORIZON, seed)
    experts = torch.stack([table(len(theta), V, seed, f"expert of {token}") for token in range(V)])
    return Pair(world, theta, experts.log_softmax(-1))


def expected(learner: DistIL, pair: Pair, *, own: bool) -> Tensor:
    """Of the real learner on groups of two rollouts, all pairs enumerated: the mean gradient of a row, [S, V].

    The expert of each row has read the first token of its own rollout, or of its sibling's.
    """
    world, theta = pair.world, pair.theta
    N = len(world.ids)
    first, second = (each.reshape(-1) for each in torch.meshgrid(torch.arange(N), torch.arange(N), indexing="ij"))
    rows = torch.stack([first, second], 1).view(-1)  # group by group
    read = rows if own else torch.stack([second, first], 1).view(-1)
    states = world.states[rows]
    hidden = theta[states].detach().requires_grad_()
    sibling = torch.arange(len(rows)).view(-1, 2).flip(1).reshape(-1)
    depends = torch.zeros(len(rows), len(rows), dtype=torch.bool)
    depends[torch.arange(len(rows)), torch.arange(len(rows)) if own else sibling] = True
    batch = Batch(
        hidden=hidden,
        head_weight=torch.eye(V, dtype=theta.dtype),
        ids=world.ids[rows],
        mask=world.mask[rows],
        turn=torch.where(world.mask[rows], 0, -1),
        learnable=world.mask[rows],
        group=torch.arange(len(rows)) // 2,
        reward=torch.zeros(len(rows)),
        valid=torch.ones(len(rows), dtype=torch.bool),
        denominator=2.0,
        expert=Hidden(pair.log_p[world.ids[read, 0][:, None], states], torch.eye(V, dtype=theta.dtype)),
        depends_on=depends,
    )
    (by_token,) = torch.autograd.grad(learner.loss(batch).value, hidden)
    weight = (world.weights(theta)[:, None] * world.weights(theta)).view(-1).repeat_interleave(2)
    total = torch.zeros_like(theta)
    return total.index_put((states.view(-1),), (by_token * weight[:, None, None]).view(-1, V), accumulate=True)


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_the_full_sum_is_exact_with_and_without_a_baseline(seed: int, own: bool) -> None:
    pair = make_pair(seed)
    exact = pair.exact(own=own)
    choices: list[dict[str, Any]] = [{"baseline": "none"}, {"baseline": "leave-one-out"}]
    for choice in choices:
        assert relative(expected(DistIL(future_weight=1.0, charge="full-sum", **choice), pair, own=own), exact) < 1e-10
        assert relative(expected(DistIL(future_weight=1.0, **choice), pair, own=own), exact) > 1e-3
