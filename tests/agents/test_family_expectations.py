"""What the policy gradients estimate, by enumeration of every group of sequences: no baseline or sample is drawn."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from agents.batch import Batch
from agents.learners import CE, GKD, OPD, RLOO, DrGRPO, Learner, MaxRL, MiniLLM
from feedback.distribution import Hidden

V, T = 3, 2
SEQUENCES = list(itertools.product(range(V), repeat=T))
STATES = [prefix for length in range(T) for prefix in itertools.product(range(V), repeat=length)]
AT = torch.tensor([[STATES.index(ids[:t]) for t in range(T)] for ids in SEQUENCES])
IDS = torch.tensor(SEQUENCES)
REWARD = torch.tensor([float(ids in ((0, 1), (2, 2), (1, 0))) for ids in SEQUENCES], dtype=torch.float64)


def table(seed: int) -> Tensor:
    """Logits of a policy or an expert, a row for each state."""
    source = torch.Generator().manual_seed(seed)
    return torch.randn(len(STATES), V, generator=source, dtype=torch.float64)


def log_chance(theta: Tensor) -> Tensor:
    """Of every sequence, [9]."""
    return theta.log_softmax(-1)[AT].gather(-1, IDS[..., None])[..., 0].sum(-1)


def expected_gradient(learner: Learner, theta: Tensor, expert: Tensor, group_size: int) -> Tensor:
    """Of the learner's loss over groups of independent sequences, with a denominator of one rollout each."""
    groups = torch.tensor(list(itertools.product(range(len(SEQUENCES)), repeat=group_size)))
    rows, eye = groups.view(-1), torch.eye(V, dtype=torch.float64)
    hidden, made = theta[AT[rows]].requires_grad_(), torch.ones(len(rows), T, dtype=torch.bool)
    batch = Batch(
        hidden=hidden,
        head_weight=eye,
        ids=IDS[rows],
        mask=made,
        turn=torch.zeros(len(rows), T, dtype=torch.long),
        learnable=made,
        group=torch.arange(len(groups)).repeat_interleave(group_size),
        reward=REWARD[rows],
        valid=torch.ones(len(rows), dtype=torch.bool),
        denominator=float(group_size),
        expert=Hidden(expert[AT[rows]], eye) if learner.needs_expert else None,
    )
    (by_row,) = torch.autograd.grad(learner.loss(batch).value, hidden)
    chance = log_chance(theta).exp()[groups].prod(-1).repeat_interleave(group_size)
    weighted = by_row * chance[:, None, None]
    return torch.zeros_like(theta).index_put((AT[rows].view(-1),), weighted.view(-1, V), accumulate=True)


def gradient_of(objective: Callable[[Tensor], Tensor], theta: Tensor) -> Tensor:
    leaf = theta.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(objective(leaf), leaf)
    return gradient


def pass_rate(theta: Tensor) -> Tensor:
    return (log_chance(theta).exp() * REWARD).sum()


@pytest.mark.parametrize("size", [2, 3])
def test_rloo_is_unbiased_and_the_groups_mean_shrinks_it(size: int) -> None:
    """A baseline that includes the rollout itself takes 1/size of the gradient away."""
    theta, expert = table(0), table(1)
    exact = -gradient_of(pass_rate, theta)
    assert torch.allclose(expected_gradient(RLOO(), theta, expert, size), exact, atol=1e-12)
    shrunk = expected_gradient(DrGRPO(length=1), theta, expert, size)
    assert torch.allclose(shrunk, exact * (size - 1) / size, atol=1e-12)


@pytest.mark.parametrize("size", [2, 3])
def test_maxrl_is_the_likelihood_to_the_groups_order(size: int) -> None:
    theta, expert = table(0), table(1)
    p, slope = float(pass_rate(theta)), gradient_of(pass_rate, theta)
    exact = -sum((1 - p) ** (k - 1) for k in range(1, size)) * slope
    assert torch.allclose(expected_gradient(MaxRL(), theta, expert, size), exact, atol=1e-12)


def test_minillm_without_normalisation_is_the_reverse_kl_of_sequences() -> None:
    theta, expert = table(2), table(3)
    log_p = log_chance(expert)
    exact = gradient_of(lambda each: (log_chance(each).exp() * (log_chance(each) - log_p)).sum(), theta)
    got = expected_gradient(MiniLLM(length_normalise=False), theta, expert, 1)
    assert torch.allclose(got, exact, atol=1e-12)


def test_opd_is_the_reverse_kl_of_tokens_with_the_states_held_fixed() -> None:
    """The same as from full logits, which is GKD's at its end; a forward one is another."""
    theta, expert = table(2), table(3)
    got = expected_gradient(OPD(), theta, expert, 1)
    assert torch.allclose(got, expected_gradient(MiniLLM(gamma=0.0, length_normalise=False), theta, expert, 1))
    assert torch.allclose(got, expected_gradient(GKD(beta=1.0), theta, expert, 1), atol=1e-12)
    assert not torch.allclose(got, expected_gradient(CE(), theta, expert, 1), atol=1e-3)
