"""Divergences between expert and student: what they are, their limits, and their gradients against autograd."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from distil_envs.errors import ConfigError
from feedback.distribution import Hidden, Samples, TopK
from feedback.divergence import FLOOR, Divergence

quick = settings(max_examples=60, deadline=None, derandomize=True)
C, V = 4, 9
MODES: list[Any] = ["tail", "renormalise", "truncate"]
alphas = st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])
seeds = st.integers(0, 10**6)


def logits_of(seed: int, scale: float = 2.0) -> Tensor:
    return scale * torch.randn(C, V, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def expert_of(z: Tensor) -> Hidden:
    """The distribution softmax(z), flat."""
    return Hidden(z, torch.eye(z.shape[-1], dtype=z.dtype))


def top_k_of(z: Tensor, k: int, mode: Any) -> TopK:
    return expert_of(z[None]).top_k(k, mode=mode).rows(torch.ones(1, len(z), dtype=torch.bool))


def kl(p: Tensor, q: Tensor) -> Tensor:
    return torch.where(p > 0, p * (p.log() - q.log().clamp(min=FLOOR)), 0.0).sum(-1)


def defined(alpha: float, p: Tensor, q: Tensor) -> Tensor:
    """From probabilities, as the papers write it; but a reverse KL to nothing is finite."""
    if alpha in (0, 1):
        return kl(p, q) if alpha == 0 else kl(q, p)
    m = (1 - alpha) * q + alpha * p
    return (1 - alpha) * kl(q, m) + alpha * kl(p, m)


@given(alphas, seeds)
@quick
def test_is_what_the_papers_define_and_its_gradient_is_autograds(alpha: float, seed: int) -> None:
    z, expert = logits_of(seed).requires_grad_(), expert_of(logits_of(seed + 1))
    value = defined(alpha, expert.log_p().exp(), z.softmax(-1))
    (gradient,) = torch.autograd.grad(value.sum(), z)
    log_q, divergence = z.detach().log_softmax(-1), Divergence(alpha)
    assert torch.allclose(divergence.value(expert, log_q), value, atol=1e-12)
    assert torch.allclose(divergence.logit_gradient(expert, log_q), gradient, atol=1e-12)


@given(alphas, seeds, st.sampled_from(MODES), st.integers(1, V))
@quick
def test_of_the_experts_top_k(alpha: float, seed: int, mode: Any, k: int) -> None:
    """Between buckets; the rest has probability zero where p is renormalised, and is left out where it is truncated."""
    z, expert = logits_of(seed).requires_grad_(), top_k_of(logits_of(seed + 1), k, mode)
    q, p = z.softmax(-1), logits_of(seed + 1).softmax(-1)
    inside = torch.zeros_like(p).scatter(-1, expert.ids, 1.0) > 0
    p, q = (torch.cat([side.gather(-1, expert.ids), (side * ~inside).sum(-1, keepdim=True)], -1) for side in (p, q))
    if mode == "renormalise":
        p = torch.where(torch.arange(k + 1) < k, p / p[:, :k].sum(-1, keepdim=True), 0.0)
    if mode == "truncate" or k == V:
        p, q = p[:, :k], q[:, :k]
    value = defined(alpha, p, q)
    (gradient,) = torch.autograd.grad(value.sum(), z)
    log_q, divergence = z.detach().log_softmax(-1), Divergence(alpha)
    assert torch.allclose(divergence.value(expert, log_q), value, atol=1e-10)
    assert torch.allclose(divergence.logit_gradient(expert, log_q), gradient, atol=1e-10)


@given(alphas, seeds, st.integers(1, V + 3))
@quick
def test_on_the_students_top_k(alpha: float, seed: int, k: int) -> None:
    """And a bucket. From V tokens on it is the full divergence."""
    z, expert = logits_of(seed).requires_grad_(), expert_of(logits_of(seed + 1))
    p, q = expert.log_p().exp(), z.softmax(-1)
    order = q.argsort(-1, descending=True)
    p, q = (
        torch.cat([each[:, :k], each[:, k:].sum(-1, keepdim=True)], -1)
        for each in (p.gather(-1, order), q.gather(-1, order))
    )
    value = defined(alpha, p, q) if k < V else defined(alpha, p[:, :V], q[:, :V])
    (gradient,) = torch.autograd.grad(value.sum(), z)
    log_q, divergence = z.detach().log_softmax(-1), Divergence(alpha, student_top_k=k)
    assert torch.allclose(divergence.value(expert, log_q), value, atol=1e-12)
    assert torch.allclose(divergence.logit_gradient(expert, log_q), gradient, atol=1e-12)


@given(alphas, seeds, st.integers(1, V), st.booleans())
@quick
def test_is_positive_and_zero_at_the_expert_alone(alpha: float, seed: int, k: int, own: bool) -> None:
    """Merging tokens into a bucket never adds to it (data processing)."""
    p, log_q = logits_of(seed + 1), logits_of(seed).log_softmax(-1)
    buckets, divergence = (top_k_of(p, k, "tail"), Divergence(alpha)) if own else (expert_of(p), Divergence(alpha, k))
    full, merged = Divergence(alpha).value(expert_of(p), log_q), divergence.value(buckets, log_q)
    assert bool((full > 0).all()) and bool((merged > -1e-12).all()) and bool((merged < full + 1e-12).all())
    at_p = p.log_softmax(-1)
    assert float(divergence.value(buckets, at_p).abs().max()) < 1e-12
    assert float(divergence.logit_gradient(buckets, at_p).abs().max()) < 1e-12


@given(seeds)
@quick
def test_the_ends_are_the_scaled_limits(seed: int) -> None:
    expert, log_q, near = expert_of(logits_of(seed + 1, 1.0)), logits_of(seed, 1.0).log_softmax(-1), 1e-7
    for alpha, end in ((near, 0.0), (1 - near, 1.0)):
        for name in ("value", "logit_gradient"):
            limit = getattr(Divergence(end), name)(expert, log_q)
            assert torch.allclose(getattr(Divergence(alpha), name)(expert, log_q) / near, limit, rtol=1e-4, atol=1e-4)


@given(seeds, st.sampled_from(MODES))
@quick
def test_forward_is_the_cross_entropy_less_what_does_not_move(seed: int, mode: Any) -> None:
    log_q = logits_of(seed).log_softmax(-1)
    for expert in (expert_of(logits_of(seed + 1)), top_k_of(logits_of(seed + 1), 3, mode)):
        assert torch.allclose(Divergence(0).value(expert, log_q), expert.cross_entropy(log_q) - expert.entropy(log_q))
        assert torch.allclose(Divergence(0).logit_gradient(expert, log_q), expert.logit_gradient(log_q), atol=1e-12)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_zero_probabilities_give_no_nan(alpha: float, dtype: torch.dtype) -> None:
    """Of the expert, of the student, of both at one token; with a tail, and without one."""
    sure = torch.tensor([[0.0, -2000.0, -2000.0, -3000.0], [-2000.0, -3000.0, 0.0, -2000.0]], dtype=dtype)
    ids, empty = torch.tensor([[0, 1, 2], [0, 1, 2]]), torch.full((2,), -torch.inf, dtype=dtype)
    log_p = torch.tensor([[0.0, -torch.inf, -torch.inf], [0.0, -torch.inf, -torch.inf]], dtype=dtype)
    experts: list[Any] = [TopK(ids, log_p, empty, mode) for mode in MODES] + [expert_of(sure.flip(0))]
    for log_q in (sure.log_softmax(-1), torch.zeros_like(sure).log_softmax(-1), sure - sure.logsumexp(-1)[:, None]):
        for expert in experts:
            for divergence in (Divergence(alpha), *([Divergence(alpha, 2)] if isinstance(expert, Hidden) else [])):
                assert bool(divergence.value(expert, log_q).isfinite().all())
                assert bool(divergence.logit_gradient(expert, log_q).isfinite().all())
    # The student is as sure as the expert, of the same token.
    assert float(Divergence(alpha).value(experts[0], sure.log_softmax(-1))[0].abs()) == 0.0
    assert float(Divergence(alpha).logit_gradient(experts[0], sure.log_softmax(-1))[0].abs().max()) == 0.0


def test_reverse_between_truncated_sides_pays_for_leaving_them() -> None:
    """So `tail` is the default: without a bucket less mass on the kept tokens is a lower value, even below zero."""
    z = torch.zeros(1, V, dtype=torch.float64)
    away = torch.where(torch.arange(V) < 2, -3.0, 0.0)[None].double()
    kept = TopK(torch.tensor([[0, 1]]), torch.tensor([[0.3, 0.2]]).log(), torch.tensor([0.5]).log(), "truncate")
    values = [float(Divergence(1).value(kept, each.log_softmax(-1))) for each in (z, away)]
    assert values[0] < 0
    tail = TopK(kept.ids, kept.log_p, kept.log_tail)
    assert float(Divergence(1).value(tail, away.log_softmax(-1))) > float(Divergence(1).value(tail, z.log_softmax(-1)))


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_a_broken_side_shows(alpha: float) -> None:
    z = logits_of(0)
    z[1] = torch.nan
    good = logits_of(1)
    for p, log_q in ((z, good.log_softmax(-1)), (good, z.log_softmax(-1))):
        for expert in (expert_of(p), top_k_of(p, 3, "tail")):
            assert Divergence(alpha).value(expert, log_q).isnan().tolist() == [False, True, False, False]
            shows = Divergence(alpha).logit_gradient(expert, log_q).isnan().any(-1)
            assert shows.tolist() == [False, True, False, False]


def test_what_cannot_be_known() -> None:
    log_q = logits_of(0).log_softmax(-1)
    samples = Samples(torch.zeros(C, 1, dtype=torch.long), torch.ones(C, 1))
    for divergence in (Divergence(0), Divergence(0.5), Divergence(1, 2)):
        for act in (divergence.value, divergence.logit_gradient):
            with pytest.raises(ConfigError, match="cannot be computed from samples"):
                act(samples, log_q)
    with pytest.raises(ConfigError, match="student's top k tokens is not known from its own top k"):
        Divergence(1, 2).value(top_k_of(logits_of(1), 3, "tail"), log_q)


@pytest.mark.parametrize(("alpha", "k"), [(-0.1, None), (1.1, None), (float("nan"), None), (0.5, 0)])
def test_options_that_mean_nothing(alpha: float, k: int | None) -> None:
    with pytest.raises(ConfigError, match=r"must be in \[0, 1\]" if k is None else "at least 1"):
        Divergence(alpha, k)
