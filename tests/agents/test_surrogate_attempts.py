"""DistIL's gradient with several attempts, through the real learner and the real head, against enumeration.

A world of at most two attempts of at most two tokens. An attempt that ends with `RIGHT` ends the episode. After any
other one the environment puts ids between, more or fewer according to what was said, and the second attempt begins; in
the midst of an attempt a token may call a tool, whose result is one id more. So the states of the second attempt depend
on the first and on what lies between. The policy is a table of logits, one row for each state, and so is the expert;
the hidden state is the row itself and the head weight the identity.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from agents.batch import Batch
from agents.learners import DistIL
from feedback.distribution import Hidden

V = 3
RIGHT, CALL, END = 0, 1, 2
FED_BACK, RESULT = 1, 2
"""What the environment says: ids too, so that only the mask tells them from the policy's."""


@dataclass
class Row:
    """One possible episode, column by column."""

    ids: list[int] = field(default_factory=list)
    turn: list[int] = field(default_factory=list)
    made: list[bool] = field(default_factory=list)

    def plus(self, ids: Sequence[int], turn: int, *, made: bool) -> Row:
        count = len(ids)
        return Row([*self.ids, *ids], [*self.turn, *[turn] * count], [*self.made, *[made] * count])


def attempts(before: Row, turn: int) -> Iterator[tuple[Row, tuple[int, ...]]]:
    """All attempts that can follow, each with the tokens of the policy."""
    for first in range(V):
        begun = before.plus([first], turn, made=True)
        if first != CALL:
            yield begun, (first,)
            continue
        for second in range(V):
            yield begun.plus([RESULT], turn, made=False).plus([second], turn, made=True), (first, second)


def episodes() -> Iterator[Row]:
    for one, said in attempts(Row(), 0):
        if said[-1] == RIGHT:
            yield one
            continue
        between = one.plus([FED_BACK] * (1 + len(said) + (said[-1] == CALL)), -1, made=False)
        yield from (row for row, _ in attempts(between, 1))


class World:
    """All episodes, right-padded, and the number of the state (all ids before) at each column."""

    def __init__(self) -> None:
        self.rows = list(episodes())
        n, width = len(self.rows), max(len(row.ids) for row in self.rows)
        prefixes: dict[tuple[int, ...], int] = {}
        self.ids = torch.zeros(n, width, dtype=torch.long)
        self.states = torch.zeros(n, width, dtype=torch.long)
        self.turn = torch.full((n, width), -1)
        self.mask = torch.zeros(n, width, dtype=torch.bool)
        for i, row in enumerate(self.rows):
            size = len(row.ids)
            self.ids[i, :size], self.turn[i, :size] = torch.tensor(row.ids), torch.tensor(row.turn)
            self.mask[i, :size] = torch.tensor(row.made)
            for t in range(size):
                self.states[i, t] = prefixes.setdefault(tuple(row.ids[:t]), len(prefixes))
        self.S = len(prefixes)

    def table(self, seed: int) -> Tensor:
        return torch.randn(self.S, V, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)

    def logp(self, theta: Tensor) -> Tensor:
        """[n, T], of each token of the policy; 0 elsewhere."""
        log_q = theta.log_softmax(-1)[self.states].gather(-1, self.ids[..., None])[..., 0]
        return torch.where(self.mask, log_q, 0.0)

    def costs(self, theta: Tensor, expert: Tensor) -> Tensor:
        """[n, T], CE on each token of the policy; 0 elsewhere."""
        ce = -(expert.softmax(-1) * theta.log_softmax(-1)).sum(-1)
        return torch.where(self.mask, ce[self.states], 0.0)

    def objective(self, theta: Tensor, expert: Tensor) -> Tensor:
        """L(θ): the expected sum of costs over all tokens of the policy in all attempts."""
        return (self.logp(theta).sum(-1).exp() * self.costs(theta, expert).sum(-1)).sum()

    def by_attempt(self, theta: Tensor, held: Tensor, expert: Tensor, of: Sequence[int] = (0, 1)) -> Tensor:
        """The expected costs of some attempts, each of them reached as the policy `held` reaches it."""
        total = theta.new_zeros(())
        for k in of:
            logp = torch.where(self.turn == k, self.logp(theta), self.logp(held))
            total = total + (logp.sum(-1).exp() * (self.costs(theta, expert) * (self.turn == k)).sum(-1)).sum()
        return total

    def chosen(self, *attempts: int) -> Tensor:
        """bool [n, T], the attempts with these indices, negative ones from the end."""
        last = self.turn.amax(1, keepdim=True)
        chosen = [self.turn == (k if k >= 0 else last + 1 + k) for k in attempts]
        return torch.stack(chosen).any(0) & (self.turn >= 0)

    @property
    def failed(self) -> Tensor:
        """bool [n, T], the attempts that were not right."""
        right = torch.tensor([row.ids[-1] == RIGHT for row in self.rows])[:, None]
        return (self.turn >= 0) & ~(right & self.chosen(-1))


WORLD = World()
ALL = WORLD.turn >= 0
CHOICES = {
    "all": ALL,
    "first": WORLD.chosen(0),
    "second": WORLD.chosen(1),
    "last": WORLD.chosen(-1),
    "last but one": WORLD.chosen(-2),
    "failed": WORLD.failed,
}


def expected_gradient(
    theta: Tensor, expert: Tensor, learner: DistIL, *, learnable: Tensor = ALL, group_size: int = 1
) -> Tensor:
    """Expectation of the gradient of `learner.loss` over all groups of episodes, divided by the group's size.

    One batch holds every group that can be drawn; each row's gradient is weighted with the chance of its group. What
    the policy did not make has NaN for states and experts.
    """
    groups = torch.tensor(list(itertools.product(range(len(WORLD.rows)), repeat=group_size)))
    rows = groups.view(-1)
    chance = WORLD.logp(theta).sum(-1).exp()[groups].prod(-1)
    assert float(chance.sum()) == pytest.approx(1.0, abs=1e-12)
    eye, states, made = torch.eye(V, dtype=torch.float64), WORLD.states[rows], WORLD.mask[rows][..., None]
    hidden = torch.where(made, theta[states], torch.nan).requires_grad_()
    batch = Batch(
        hidden=hidden,
        head_weight=eye,
        ids=WORLD.ids[rows],
        mask=WORLD.mask[rows],
        turn=WORLD.turn[rows],
        learnable=learnable[rows],
        group=torch.arange(len(groups)).repeat_interleave(group_size),
        reward=torch.zeros(len(rows)),
        valid=torch.ones(len(rows), dtype=torch.bool),
        denominator=float(group_size),
        expert=Hidden(torch.where(made, expert[states], torch.nan), eye),
    )
    (by_row,) = torch.autograd.grad(learner.loss(batch).value, hidden)
    assert not by_row[~batch.counted].any()
    weighted = by_row * chance.repeat_interleave(group_size)[:, None, None]
    return torch.zeros_like(theta).index_put((states.view(-1),), weighted.view(-1, V), accumulate=True)


def stated_estimator(theta: Tensor, expert: Tensor, learner: DistIL, counted: Tensor) -> Tensor:
    """The expectation of what `agents.learners.distil` says, without a baseline, written out token by token."""
    q, p = theta.softmax(-1), expert.softmax(-1)
    costs = -(p * q.log()).sum(-1)
    expected = torch.zeros_like(theta)
    for i, row in enumerate(WORLD.rows):
        made = [t for t in range(len(row.ids)) if row.made[t]]
        state = {t: int(WORLD.states[i, t]) for t in made}
        chance = 1.0
        for t in made:
            chance *= float(q[state[t], row.ids[t]])
        for place, t in enumerate(made):
            if not counted[i, t]:
                continue
            to_go = sum(
                learner.gamma**n * float(costs[state[later]])
                for n, later in enumerate(made[place + 1 :])
                if counted[i, later] and (learner.credit == "episode" or row.turn[later] == row.turn[t])
            )
            score = -q[state[t]].clone()
            score[row.ids[t]] += 1.0
            expected[state[t]] += chance * (q[state[t]] - p[state[t]] + learner.future_weight * to_go * score)
    return expected


def finite_differences(function: Callable[[Tensor], Tensor], at: Tensor, step: float = 1e-3) -> Tensor:
    """Central differences of sixth order, one for each entry of the table."""
    shifts = step * torch.eye(at.numel(), dtype=at.dtype).view(-1, *at.shape)
    value = torch.vmap(function)
    weights = {1: 45.0, 2: -9.0, 3: 1.0}
    total = sum(weight * (value(at + n * shifts) - value(at - n * shifts)) for n, weight in weights.items())
    return (torch.as_tensor(total) / (60 * step)).view_as(at)


def relative(got: Tensor, expected: Tensor) -> float:
    return float((got - expected).norm() / expected.norm())


THETA, EXPERT = WORLD.table(0), WORLD.table(100)


def test_the_world_has_what_it_should() -> None:
    """Episodes of one and of two attempts, with and without tools, of all widths, and states that tell them apart."""
    turns = {tuple(sorted(set(row.turn))) for row in WORLD.rows}
    assert turns == {(0,), (-1, 0, 1)}
    inserted = [[t for t, k in zip(row.made, row.turn, strict=True) if k >= 0 and not t] for row in WORLD.rows]
    assert {len(each) for each in inserted} == {0, 1, 2}
    starts = {row.turn.index(1) for row in WORLD.rows if 1 in row.turn}
    assert len(starts) > 2
    assert len({tuple(row.ids) for row in WORLD.rows}) == len(WORLD.rows) == 17


@pytest.mark.parametrize("seed", [0, 1])
def test_credit_for_the_episode_is_the_gradient_of_the_objective(seed: int) -> None:
    theta, expert = WORLD.table(seed), WORLD.table(100 + seed)
    got = expected_gradient(theta, expert, DistIL(future_weight=1.0, baseline="none"))
    exact = finite_differences(lambda each: WORLD.objective(each, expert), theta)
    assert relative(got, exact) < 1e-9


def test_credit_for_the_attempt_is_the_gradient_with_the_way_to_it_held_fixed() -> None:
    learner = DistIL(future_weight=1.0, baseline="none", credit="attempt")
    got = expected_gradient(THETA, EXPERT, learner)
    exact = finite_differences(lambda each: WORLD.by_attempt(each, THETA, EXPERT), THETA)
    assert relative(got, exact) < 1e-9
    assert relative(got, expected_gradient(THETA, EXPERT, DistIL(future_weight=1.0, baseline="none"))) > 0.1


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("credit", ["episode", "attempt"])
@pytest.mark.parametrize("gamma", [0.0, 0.6, 1.0])
def test_the_stated_estimator(gamma: float, credit: str, choice: str) -> None:
    """Also for γ ≠ 1, for which no scalar objective exists, and for every choice of attempts."""
    learner = DistIL(gamma=gamma, credit=credit, future_weight=0.7, baseline="none")  # type: ignore[arg-type]
    got = expected_gradient(THETA, EXPERT, learner, learnable=CHOICES[choice])
    assert relative(got, stated_estimator(THETA, EXPERT, learner, CHOICES[choice])) < 1e-10


@pytest.mark.parametrize("attempt", [0, 1])
def test_one_attempt_alone_is_the_gradient_of_its_own_costs(attempt: int) -> None:
    """Of the first exactly; of the second with the way to it held fixed, whatever the credit."""
    exact = finite_differences(lambda each: WORLD.by_attempt(each, THETA, EXPERT, (attempt,)), THETA)
    for credit in ("episode", "attempt"):
        learner = DistIL(future_weight=1.0, baseline="none", credit=credit)  # type: ignore[arg-type]
        got = expected_gradient(THETA, EXPERT, learner, learnable=WORLD.chosen(attempt))
        assert relative(got, exact) < 1e-9


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("credit", ["episode", "attempt"])
@pytest.mark.parametrize("gamma", [0.6, 1.0])
def test_leave_one_out(gamma: float, credit: str, choice: str) -> None:
    """Over all pairs of episodes, whose attempts begin at different columns or are not there at all.

    It leaves the expectation unchanged, except where an attempt is learned from because of what is said in it: the
    first, counted from the end, just when it is right, or when it is not.
    """
    options = {"gamma": gamma, "credit": credit}
    learnable = CHOICES[choice]
    plain = expected_gradient(THETA, EXPERT, DistIL(future_weight=1.0, baseline="none", **options), learnable=learnable)  # type: ignore[arg-type]
    paired = expected_gradient(THETA, EXPERT, DistIL(future_weight=1.0, **options), learnable=learnable, group_size=2)  # type: ignore[arg-type]
    if choice in ("all", "first", "second"):
        assert relative(paired, plain) < 1e-10
    else:
        assert relative(paired, plain) > 1e-2
