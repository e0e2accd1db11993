"""DistIL's gradient, through the real learner and the real head, against enumeration of every completion.

The policy is a table of logits, one row for each state (the tokens so far); the expert is another, or depends on what a
sibling wrote. The hidden state is the row itself and the head weight the identity, so that logits = hidden.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from agents.batch import Batch
from agents.learners import DistIL
from feedback.distribution import Hidden

EOS = 0
Completion = tuple[int, ...]


class World:
    """All completions over V tokens that end with EOS or after `horizon` tokens, and the states that they pass."""

    def __init__(self, vocabulary: int, horizon: int) -> None:
        self.V, self.T = vocabulary, horizon
        self.completions = [
            ids
            for length in range(1, horizon + 1)
            for ids in itertools.product(range(vocabulary), repeat=length)
            if EOS not in ids[:-1] and (ids[-1] == EOS or length == horizon)
        ]
        prefixes = sorted({ids[:t] for ids in self.completions for t in range(len(ids))})
        number = {prefix: index for index, prefix in enumerate(prefixes)}
        self.S, n = len(prefixes), len(self.completions)
        self.ids = torch.zeros(n, horizon, dtype=torch.long)
        self.states = torch.zeros(n, horizon, dtype=torch.long)
        self.mask = torch.zeros(n, horizon, dtype=torch.bool)
        for row, ids in enumerate(self.completions):
            for t, token in enumerate(ids):
                self.ids[row, t], self.states[row, t], self.mask[row, t] = token, number[ids[:t]], True

    def table(self, seed: int) -> Tensor:
        source = torch.Generator().manual_seed(seed)
        return torch.randn(self.S, self.V, generator=source, dtype=torch.float64)

    def log_chance(self, theta: Tensor) -> Tensor:
        """Log-probability of every completion."""
        log_q = theta.log_softmax(-1)[self.states].gather(-1, self.ids[..., None])[..., 0]
        return (log_q * self.mask).sum(-1)

    def objective(self, roll: Tensor, ce: Tensor, expert: Tensor, cost: str = "ce") -> Tensor:
        """L(θ_roll, θ_ce): the expected sum of costs of θ_ce on the states of θ_roll."""
        p = expert.softmax(-1)
        costs = -(p * ce.log_softmax(-1)).sum(-1)
        if cost == "kl":
            costs = costs + (p * expert.log_softmax(-1)).sum(-1)
        return (self.log_chance(roll).exp() * (costs[self.states] * self.mask).sum(-1)).sum()


def finite_differences(function: Callable[[Tensor], Tensor], at: Tensor, step: float = 1e-4) -> Tensor:
    """Central differences of fourth order, one for each entry of the table."""
    shifts = step * torch.eye(at.numel(), dtype=at.dtype).view(-1, *at.shape)
    value = torch.vmap(function)
    near = value(at + shifts) - value(at - shifts)
    far = value(at + 2 * shifts) - value(at - 2 * shifts)
    gradient: Tensor = (8 * near - far) / (12 * step)
    return gradient.view_as(at)


def expected_gradient(
    world: World,
    theta: Tensor,
    expert_of: Callable[[int, tuple[int, ...]], Tensor | None],
    learner: DistIL,
    group_size: int = 1,
    depends_on: Callable[[tuple[int, ...]], Tensor] | None = None,
    top_k: bool = False,
) -> Tensor:
    """Expectation of the gradient of `learner.loss`, over all groups of completions, divided by the group's size.

    `expert_of(member, group)` is the table of expert logits for one member of a group of completions, None where it
    gets no feedback; `depends_on(group)` says between its members whose was made from whom. One batch holds every group
    that can be drawn; each row's gradient is weighted with the chance of its group.
    """
    groups = list(itertools.product(range(len(world.completions)), repeat=group_size))
    rows = torch.tensor(groups).view(-1)
    chance = world.log_chance(theta).exp()[torch.tensor(groups)].prod(-1)
    assert float(chance.sum()) == pytest.approx(1.0, abs=1e-12)
    eye = torch.eye(world.V, dtype=torch.float64)
    members = [(member, group) for group in groups for member in range(group_size)]
    tables = [expert_of(member, group) for member, group in members]
    nothing = torch.full((world.T, world.V), torch.nan, dtype=torch.float64)
    experts = [
        nothing if table is None else table[world.states[group[member]]]
        for table, (member, group) in zip(tables, members, strict=True)
    ]
    exact = Hidden(torch.stack(experts), eye)
    dependencies = None
    if depends_on is not None:
        dependencies = torch.block_diag(*[depends_on(group).double() for group in groups]).bool()
    hidden = theta[world.states[rows]].requires_grad_()
    batch = Batch(
        hidden=hidden,
        head_weight=eye,
        ids=world.ids[rows],
        mask=world.mask[rows],
        turn=torch.where(world.mask[rows], 0, -1),
        group=torch.arange(len(groups)).repeat_interleave(group_size),
        reward=torch.zeros(len(rows)),
        valid=torch.ones(len(rows), dtype=torch.bool),
        denominator=float(group_size),
        expert=exact.top_k(world.V, mode="tail") if top_k else exact,
        learnable=torch.tensor([table is not None for table in tables])[:, None].expand_as(world.mask[rows]),
        depends_on=dependencies,
    )
    (by_row,) = torch.autograd.grad(learner.loss(batch).value, hidden)
    weighted = by_row * chance.repeat_interleave(group_size)[:, None, None]
    return torch.zeros_like(theta).index_put(
        (world.states[rows].view(-1),), weighted.view(-1, world.V), accumulate=True
    )


def relative(got: Tensor, expected: Tensor) -> float:
    return float((got - expected).norm() / expected.norm())


WORLDS = {"V=3, T=4": (3, 4), "V=4, T=3": (4, 3)}


@pytest.fixture(params=WORLDS, ids=list(WORLDS))
def world(request: pytest.FixtureRequest) -> World:
    return World(*WORLDS[request.param])


def fixed(expert: Tensor) -> Callable[[int, tuple[int, ...]], Tensor]:
    """Feedback that depends on no rollout."""
    return lambda member, group: expert


@pytest.mark.parametrize("top_k", [False, True])
def test_is_the_gradient_of_the_objective(world: World, top_k: bool) -> None:
    theta, expert = world.table(0), world.table(100)
    got = expected_gradient(world, theta, fixed(expert), DistIL(future_weight=1.0, baseline="none"), top_k=top_k)
    exact = finite_differences(lambda each: world.objective(each, each, expert), theta)
    assert relative(got, exact) < 1e-8


def test_the_future_term_matters(world: World) -> None:
    """So that the test above could fail: local credit alone is far from the gradient."""
    theta, expert = world.table(0), world.table(100)
    local = expected_gradient(world, theta, fixed(expert), DistIL(baseline="none", future_weight=0.0))
    exact = finite_differences(lambda each: world.objective(each, each, expert), theta)
    assert relative(local, exact) > 0.1


@pytest.mark.parametrize("cost", ["ce", "kl"])
@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0, 2.5])
def test_other_weights_are_the_two_argument_field(world: World, weight: float, cost: str) -> None:
    """∂_ce + w ∂_roll of L(θ_roll, θ_ce), each by finite differences in its own argument."""
    theta, expert = world.table(1), world.table(101)
    learner = DistIL(baseline="none", future_weight=weight, cost=cost)  # type: ignore[arg-type]
    got = expected_gradient(world, theta, fixed(expert), learner)
    by_ce = finite_differences(lambda each: world.objective(theta, each, expert, cost), theta)
    by_roll = finite_differences(lambda each: world.objective(each, theta, expert, cost), theta)
    assert relative(got, by_ce + weight * by_roll) < 1e-8


def test_the_kl_cost_is_the_gradient_of_the_expected_kl(world: World) -> None:
    theta, expert = world.table(2), world.table(102)
    got = expected_gradient(world, theta, fixed(expert), DistIL(future_weight=1.0, baseline="none", cost="kl"))
    exact = finite_differences(lambda each: world.objective(each, each, expert, "kl"), theta)
    assert relative(got, exact) < 1e-8
    at_the_expert = expected_gradient(
        world, expert, fixed(expert), DistIL(future_weight=1.0, baseline="none", cost="kl")
    )
    assert float(at_the_expert.norm()) < 1e-12
    with_ce = expected_gradient(world, expert, fixed(expert), DistIL(future_weight=1.0, baseline="none"))
    assert float(with_ce.norm()) > 1e-2  # the optimum of CE is not the teacher (tabular: q = p/(V*+λ))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.9])
def test_discounting_is_the_stated_estimator(world: World, gamma: float) -> None:
    """No scalar objective exists for γ ≠ 1: the expectation of the estimator is written out token by token."""
    theta, expert, weight = world.table(3), world.table(103), 0.7
    q, p = theta.softmax(-1), expert.softmax(-1)
    costs = -(p * theta.log_softmax(-1)).sum(-1)
    expected = torch.zeros_like(theta)
    for row, ids in enumerate(world.completions):
        states = world.states[row].tolist()
        chance = 1.0
        for t, token in enumerate(ids):
            chance *= float(q[states[t], token])
        for t, token in enumerate(ids):
            to_go = sum(gamma ** (i - t - 1) * float(costs[states[i]]) for i in range(t + 1, len(ids)))
            local = q[states[t]] - p[states[t]]
            score = -q[states[t]].clone()
            score[token] += 1.0
            expected[states[t]] += chance * (local + weight * to_go * score)
    learner = DistIL(gamma=gamma, future_weight=weight, baseline="none")
    assert relative(expected_gradient(world, theta, fixed(expert), learner), expected) < 1e-10


@pytest.mark.parametrize(("gamma", "cost"), [(1.0, "ce"), (0.8, "ce"), (1.0, "kl")])
def test_leave_one_out_leaves_the_expectation_unchanged(gamma: float, cost: str) -> None:
    """All pairs of rollouts, with feedback that depends on no rollout."""
    world = World(3, 3)
    theta, expert = world.table(4), world.table(104)
    options = {"gamma": gamma, "cost": cost}
    plain = expected_gradient(world, theta, fixed(expert), DistIL(future_weight=1.0, baseline="none", **options))  # type: ignore[arg-type]
    paired = expected_gradient(world, theta, fixed(expert), DistIL(future_weight=1.0, **options), group_size=2)  # type: ignore[arg-type]
    assert relative(paired, plain) < 1e-10


def test_own_trace_feedback_keeps_the_baseline_unbiased() -> None:
    """f = f(y): each row's expert depends on its own first token, so no row's costs depend on a sibling's tokens."""
    world = World(3, 3)
    theta, experts = world.table(5), [world.table(105 + token) for token in range(3)]

    def expert_of(member: int, group: tuple[int, ...]) -> Tensor:
        return experts[world.completions[group[member]][0]]

    plain = expected_gradient(world, theta, expert_of, DistIL(future_weight=1.0, baseline="none"))
    assert relative(expected_gradient(world, theta, expert_of, DistIL(future_weight=1.0), group_size=2), plain) < 1e-10


def test_siblings_in_the_feedback_stay_out_of_the_baseline() -> None:
    """Row 0's feedback is made from row 1 (a sibling).

    Its costs depend on row 1's tokens: as a baseline of row 1 they would bias its gradient. With `depends_on` the
    expectation is the one without any baseline. (What both lack is row 0's costs in row 1's own score weight.)
    """
    world = World(3, 2)
    theta, experts = world.table(6), [world.table(106 + token) for token in range(3)]

    def expert_of(member: int, group: tuple[int, ...]) -> Tensor:
        return experts[world.completions[group[1]][0]] if member == 0 else experts[0]

    depends_on = torch.zeros(3, 3, dtype=torch.bool)
    depends_on[0, 1] = True
    plain = expected_gradient(world, theta, expert_of, DistIL(future_weight=1.0, baseline="none"), group_size=3)
    guarded = expected_gradient(
        world, theta, expert_of, DistIL(future_weight=1.0), group_size=3, depends_on=lambda group: depends_on
    )
    unguarded = expected_gradient(world, theta, expert_of, DistIL(future_weight=1.0), group_size=3)
    assert relative(guarded, plain) < 1e-10
    assert relative(unguarded, plain) > 1e-2


def test_siblings_that_a_choice_passed_over_count_too() -> None:
    """Row 0 is shown the first sibling that succeeded, as `peer` does.

    To name only the one shown would bias the gradient of a failed sibling: row 0 is in its baseline just when it fails.
    """
    world = World(3, 2)
    theta, experts = world.table(7), [world.table(108 + number) for number in range(3)]

    def succeeded(group: tuple[int, ...], member: int) -> bool:
        return world.completions[group[member]][0] == 1

    def expert_of(member: int, group: tuple[int, ...]) -> Tensor | None:
        if member:
            return experts[0]
        return experts[1] if succeeded(group, 1) else experts[2] if succeeded(group, 2) else None

    def depends_on(group: tuple[int, ...], *, passed_over: bool) -> Tensor:
        table = torch.zeros(3, 3, dtype=torch.bool)
        table[0, 1] = passed_over or succeeded(group, 1)
        table[0, 2] = not succeeded(group, 1)
        return table

    plain = expected_gradient(world, theta, expert_of, DistIL(future_weight=1.0, baseline="none"), group_size=3)
    for passed_over, unbiased in ((True, True), (False, False)):
        named = functools.partial(depends_on, passed_over=passed_over)
        got = expected_gradient(world, theta, expert_of, DistIL(future_weight=1.0), group_size=3, depends_on=named)
        assert (relative(got, plain) < 1e-10) == unbiased
        assert unbiased or relative(got, plain) > 1e-3
