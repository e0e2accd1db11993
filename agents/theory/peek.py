"""A world where only the future term helps: to peek, and then know.

A bit f in {L, R}, even odds, is hidden from the student. First token: peek, which shows f, or go. Second token: a door,
and the one that f names wins. The expert knows f: it peeks with chance .3, since it has no need to, and takes the right
door with chance .95 on both branches. After go the student can do no better than even odds.

Local credit copies q(peek) = .3. The future term charges `go` with log 2 and `peek` with the expert's entropy, so with
weight w the fixed point is q = p/(w V + λ). KL cost takes the same entropy off both branches, and changes nothing.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from agents.learners import CE, DistIL, Learner
from agents.theory.claim import Claim, near
from agents.theory.optimum import stationary
from agents.theory.world import World

PEEK, RIGHT = 0.3, 0.95
"""The expert's chances."""
START, GONE, SEES = 0, 1, 2
"""States of the student: at first, after go, and after peek where f = 0; then the one where f = 1."""
FIXED_POINTS = {1.0: 0.42, 3.0: 0.64, 10.0: 0.87}
"""q(peek) for each weight of the future term, to two decimals."""


def world() -> World:
    """Token 0 peeks, token 1 goes; then the token is the door."""
    rows = list(itertools.product(range(2), repeat=3))  # f, first token, door
    doors = [[RIGHT, 1 - RIGHT], [1 - RIGHT, RIGHT]]
    p = torch.tensor([[[PEEK, 1 - PEEK], doors[f]] for f, _, _ in rows], dtype=torch.float64)
    return World(
        ids=torch.tensor([[first, door] for _, first, door in rows]),
        states=torch.tensor([[START, SEES + f if first == 0 else GONE] for f, first, _ in rows]),
        mask=torch.ones(len(rows), 2, dtype=torch.bool),
        log_p=p.log(),
        chance=torch.full((len(rows),), 0.5, dtype=torch.float64),
    )


def fixed_point(weight: float, kl: bool = False) -> float:
    """q(peek) where the field of DistIL with this `future_weight` vanishes."""
    p, right = (torch.tensor([each, 1 - each], dtype=torch.float64) for each in (PEEK, RIGHT))
    entropy, even = float(torch.special.entr(right).sum()), float(torch.tensor(2.0, dtype=torch.float64).log())
    later = torch.tensor([entropy, even], dtype=torch.float64) - (entropy if kl else 0.0)
    return float(stationary(p, weight * later)[0])


def policy(peek: float) -> Tensor:
    """The student's table of logits [4, 2] that peeks so often and takes the doors that cross-entropy asks for."""
    doors = [[0.5, 0.5], [RIGHT, 1 - RIGHT], [1 - RIGHT, RIGHT]]
    return torch.tensor([[peek, 1 - peek], *doors], dtype=torch.float64).log()


def reward(theta: Tensor) -> float:
    """J: the chance of the right door under a student's table."""
    here = world()
    won = here.ids[:, 1] == torch.tensor([0] * 4 + [1] * 4)  # f is the slowest index of the rows
    return float(here.weights(theta)[won].sum())


def residual(learner: Learner, peek: float) -> float:
    """Norm of the learner's expected gradient at `policy(peek)`."""
    return float(world().expected_gradient(learner, policy(peek)).norm())


def claims() -> list[Claim]:
    distil = fixed_point(1.0)
    return [
        near("expected gradient of CE (local credit) at q(peek) = .30", residual(CE(), PEEK), 0.0, 1e-10),
        near("J there", reward(policy(PEEK)), 0.635, 5e-4),
        *(near(f"q(peek), future weight {w:g}", fixed_point(w), at, 5e-3) for w, at in FIXED_POINTS.items()),
        near(
            "expected gradients of DistIL at these, largest",
            max(residual(DistIL(baseline="none", future_weight=w), fixed_point(w)) for w in FIXED_POINTS),
            0.0,
            1e-10,
        ),
        near("J at future weight 1", reward(policy(distil)), 0.689, 5e-4),
        near("q(peek) with KL cost", fixed_point(1.0, kl=True), 0.42, 5e-3),
        near(
            "expected gradient of DistIL with KL cost there",
            residual(DistIL(future_weight=1.0, baseline="none", cost="kl"), fixed_point(1.0, kl=True)),
            0.0,
            1e-10,
        ),
    ]
