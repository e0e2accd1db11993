"""Mixtures and hard labels: dense distributions made of others, against dense arithmetic."""

from __future__ import annotations

import math

import pytest
import torch

from distil_envs.errors import ConfigError
from feedback.distribution import Hidden, Samples, TopK
from feedback.divergence import Divergence
from feedback.mixed import Hard, Mixed, UniformRest
from feedback.schedule import Schedule

B, T, H, V = 2, 3, 4, 11


def normal(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def parts() -> tuple[Hidden, TopK]:
    exact = Hidden(normal(B, T, H, seed=1), normal(V, H, seed=2))
    return exact, Hidden(normal(B, T, H, seed=3), normal(V, H, seed=2)).top_k(3)


def flat(distribution: Mixed | Hard) -> Mixed | Hard:
    made: Mixed | Hard = distribution.rows(torch.ones(B, T).bool())
    return made


def test_a_mixture_is_the_mean_of_its_parts() -> None:
    exact, top = parts()
    z = normal(B * T, V, seed=4).requires_grad_()
    log_q = z.log_softmax(-1)
    keep = torch.ones(B, T).bool()
    dense = [part.rows(keep).dense(log_q.detach()).exp() for part in (exact, top)]
    assert all(torch.allclose(p.sum(-1), torch.ones(B * T).double()) for p in dense)
    p = 0.3 * dense[0] + 0.7 * dense[1]
    mixed = flat(Mixed((exact, top), (0.3, 0.7)))
    ce = -(p * log_q).sum(-1)
    assert torch.allclose(mixed.cross_entropy(log_q.detach()), ce.detach())
    (gradient,) = torch.autograd.grad(ce.sum(), z)
    assert torch.allclose(mixed.logit_gradient(log_q.detach()), gradient)
    assert torch.allclose(mixed.entropy(log_q.detach()), -(p * p.log()).sum(-1))
    ids = torch.arange(B * T) % V
    assert torch.allclose(mixed.log_prob(ids, log_q.detach()), p.log().gather(-1, ids[:, None])[:, 0])
    assert mixed.has_probabilities and mixed.kept_mass is None
    for alpha in (0.0, 0.5, 1.0):
        whole = Hidden(p.log(), torch.eye(V).double())
        mine, theirs = (Divergence(alpha).logit_gradient(each, log_q.detach()) for each in (mixed, whole))
        assert torch.allclose(mine, theirs)


def test_alone_it_is_its_part() -> None:
    exact, top = parts()
    log_q = normal(B * T, V, seed=4).log_softmax(-1)
    mixed = flat(Mixed((exact, top), (1.0, 0.0)))
    alone = exact.rows(torch.ones(B, T).bool())
    assert torch.allclose(mixed.cross_entropy(log_q), alone.cross_entropy(log_q))
    assert torch.allclose(mixed.chunk(2, 4).entropy(log_q[2:4]), alone.entropy(log_q)[2:4])


def test_the_gradient_of_a_bucket_is_that_of_the_top_k() -> None:
    """A tail that is spread as the student spreads it teaches what the bucket teaches."""
    _, top = parts()
    log_q = normal(B * T, V, seed=4).log_softmax(-1)
    mixed = flat(Mixed((top, top), (0.5, 0.5)))
    assert torch.allclose(mixed.logit_gradient(log_q), top.rows(torch.ones(B, T).bool()).logit_gradient(log_q))


def test_hard_labels() -> None:
    exact, _ = parts()
    z = normal(B * T, V, seed=4).requires_grad_()
    log_q = z.log_softmax(-1)
    hard = flat(Hard(exact))
    labels = exact.rows(torch.ones(B, T).bool()).log_p().argmax(-1)
    expected = torch.nn.functional.cross_entropy(z, labels, reduction="none")
    assert torch.allclose(hard.cross_entropy(log_q.detach()), expected.detach())
    (gradient,) = torch.autograd.grad(expected.sum(), z)
    assert torch.allclose(hard.logit_gradient(log_q.detach()), gradient)
    assert not hard.entropy(log_q.detach()).any()


def test_the_label_is_among_the_tokens_that_are_told_apart() -> None:
    """Not the student's own favourite of the rest; and nothing where nobody asked."""
    p = torch.tensor([[0.4, 0.15, 0.15, 0.15, 0.15]]).double().log()
    log_q = torch.tensor([[0.02, 0.02, 0.02, 0.92, 0.02]]).double().log()
    ids = torch.tensor([[[0]]])
    top = TopK(ids, p[:, None, :1], p[:, None, 1:].logsumexp(-1))
    assert Hard(top).rows(torch.ones(1, 1).bool()).dense(log_q).argmax(-1).tolist() == [0]
    equal = TopK(torch.tensor([[4, 2, 3]]), torch.full((1, 3), 0.3).log(), torch.full((1,), 0.1).log())
    assert Hard(equal).dense(log_q).argmax(-1).tolist() == [2]
    asked = Samples(torch.tensor([[1, 1, 3], [0, 0, 0]]), torch.tensor([[2.0, 2.0, 2.0], [0.0, 0.0, 0.0]]).double())
    hard = Hard(asked)
    two = log_q.expand(2, -1)
    assert hard.cross_entropy(two).tolist() == pytest.approx([-6 * math.log(0.02), 0.0])
    assert not hard.logit_gradient(two)[1].any()
    assert torch.allclose(hard.logit_gradient(two)[0].sum(), torch.zeros(()).double(), atol=1e-6)


def test_a_uniform_rest() -> None:
    top = TopK(torch.tensor([[3, 0]]), torch.tensor([[0.5, 0.2]]).double().log(), torch.tensor([0.3]).double().log())
    expected = torch.tensor([[0.2, 0.1, 0.1, 0.5, 0.1]]).double()
    rest = UniformRest(top, 5)
    z = normal(1, 5, seed=7).requires_grad_()
    log_q = z.log_softmax(-1)
    assert torch.allclose(rest.dense(log_q.detach()).exp(), expected)
    ce = -(expected * log_q).sum()
    assert torch.allclose(rest.cross_entropy(log_q.detach())[0], ce.detach())
    assert torch.allclose(rest.logit_gradient(log_q.detach()), torch.autograd.grad(ce, z)[0])
    at = rest.at(torch.tensor([[1, 3]]))
    assert torch.allclose(at.log_p.exp(), torch.tensor([[0.1, 0.5]]).double())
    assert torch.allclose(at.log_tail.exp(), torch.tensor([0.4]).double())
    everything = UniformRest(TopK(torch.arange(5)[None], expected.log(), torch.tensor([-torch.inf])), 5)
    assert torch.allclose(everything.dense(log_q.detach()).exp(), expected)
    assert rest.kept_mass.item() == pytest.approx(0.7) and rest.label(log_q)[0].item() == 3


def test_placed_parts_stay_together() -> None:
    exact, top = parts()
    source, target = torch.ones(B, T).bool(), torch.zeros(B, T + 2).bool()
    target[:, 1:-1] = True
    log_q = normal(B * T, V, seed=4).log_softmax(-1)
    mixed = Mixed((exact, top), (0.4, 0.6))
    moved = mixed.placed(source, target).rows(target)
    assert torch.allclose(moved.cross_entropy(log_q), flat(mixed).cross_entropy(log_q))


def test_samples_in_a_mixture_give_a_cross_entropy_and_nothing_more() -> None:
    exact, _ = parts()
    ids = torch.zeros(B, T, 1, dtype=torch.long)
    mixed = flat(Mixed((exact, Samples(ids, torch.ones(B, T, 1).double())), (0.5, 0.5)))
    log_q = normal(B * T, V, seed=4).log_softmax(-1)
    expected = 0.5 * exact.rows(torch.ones(B, T).bool()).cross_entropy(log_q) - 0.5 * log_q[:, 0]
    assert torch.allclose(mixed.cross_entropy(log_q), expected)
    assert not mixed.has_probabilities
    for ask in (mixed.entropy, mixed.bins):
        with pytest.raises(ConfigError, match="samples"):
            ask(log_q)


def test_schedules() -> None:
    falling = Schedule(1.0, 0.2, 4)
    assert [round(falling.at(step), 3) for step in range(6)] == [1.0, 0.8, 0.6, 0.4, 0.2, 0.2]
    halving = Schedule(0.8, 0.1, 3, "exponential")
    assert [round(halving.at(step), 3) for step in range(5)] == [0.8, 0.4, 0.2, 0.1, 0.1]
    assert [Schedule(1.0, 0.0, 1).at(step) for step in range(3)] == [1.0, 0.0, 0.0]
    for shares, match in (((0.7, 0.3), "in 0 steps"), ((1.2, 1.2), "is a share")):
        with pytest.raises(ConfigError, match=match):
            Schedule(*shares).validate_share("β")
    for values, match in (
        ((1.0, 0.0, -1), "steps must not be negative"),
        ((1.0, 0.0, 2, "exponential"), "stays positive"),
        ((1.0, 0.0, 2, "cubic"), "must be one of linear, exponential"),
    ):
        with pytest.raises(ConfigError, match=match):
            Schedule(*values)  # type: ignore[arg-type]
