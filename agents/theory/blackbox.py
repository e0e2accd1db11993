"""Samples from an expert give the exact gradient on average, in the local and in the future term.

Forward cross-entropy needs the expert only as an expectation: c_t ≈ -mean log q(a'), a' from p_t. Both terms of the
gradient are linear in it, also where only some positions are asked, with chance π, and weighted 1/π. All samples at all
positions are enumerated.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import torch
from torch import Tensor

from agents.learners import DistIL
from agents.theory.claim import Claim, above, near
from agents.theory.world import World, random_tree, relative
from feedback.distribution import Samples


def expected_from_samples(world: World, learner: DistIL, theta: Tensor, count: int, ask: float) -> Tensor:
    """The learner's expected gradient [S, V] with `count` samples at each position, asked with chance `ask`."""
    V, (N, T) = theta.shape[-1], world.ids.shape
    one = [(draws, 1.0) for draws in itertools.product(range(V), repeat=count)]
    silent = [((0,) * count, 0.0)] if ask < 1 else []
    answers = list(itertools.product([*one, *silent], repeat=T))  # at all positions of a completion
    ids = torch.tensor([[draws for draws, _ in answer] for answer in answers])  # [M, T, count]
    heard = torch.tensor([[asked for _, asked in answer] for answer in answers], dtype=theta.dtype)  # [M, T]
    M = len(answers)
    # Chance of each answer to each completion; at padding too, where it does not matter which.
    drawn = world.log_p[:, None].expand(N, M, T, V).gather(-1, ids.expand(N, M, T, count)).sum(-1).exp()
    chance = torch.where(heard > 0, ask * drawn, 1 - ask).prod(-1)  # [N, M]
    samples = Samples(
        ids.expand(N, M, T, count).reshape(-1, T, count),
        (heard / (ask * count))[None, :, :, None].expand(N, M, T, count).reshape(-1, T, count),
    )
    rows = torch.arange(N).repeat_interleave(M)
    every = replace(
        world,
        ids=world.ids[rows],
        states=world.states[rows],
        mask=world.mask[rows],
        log_p=world.log_p[rows],
        chance=(world.chance[:, None] * chance).view(-1),
    )
    return every.expected_gradient(learner, theta, samples)


def claims(seed: int = 0) -> list[Claim]:
    world, _, theta = random_tree(3, 3, seed)
    learner, local = DistIL(future_weight=1.0, baseline="none"), DistIL(baseline="none", future_weight=0.0)
    exact = world.expected_gradient(learner, theta)
    return [
        near(f"{what}, relative error", relative(expected_from_samples(world, learner, theta, *how), exact), 0.0, 1e-10)
        for what, how in (
            ("one sample a position", (1, 1.0)),
            ("two samples a position", (2, 1.0)),
            ("one sample at a position in three, weighted 3", (1, 1 / 3)),
        )
    ] + [above("the future term's part of that gradient", relative(world.expected_gradient(local, theta), exact), 0.05)]
