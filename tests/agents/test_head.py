"""The chunked head against autograd on full logits in float64, on ragged batches."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from agents.head import score
from distil_envs.errors import ConfigError
from feedback.distribution import Hidden, Samples, TopK
from feedback.divergence import Divergence

B, T, H, V = 5, 9, 6, 23
LENGTHS = (9, 1, 4, 7, 0)
EXPERTS = ["none", "hidden", "tail", "renormalise", "truncate", "samples"]


def draw(seed: int = 0, dtype: torch.dtype = torch.float64, scale: float = 1.5) -> dict[str, Tensor]:
    """A ragged batch, with what the masked positions hold made harmful on purpose."""
    source = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=source, dtype=torch.float64).to(dtype) * scale

    mask = torch.arange(T) < torch.tensor(LENGTHS)[:, None]
    hidden, states = normal(B, T, H), normal(B, T, H)
    hidden[~mask] = torch.nan
    states[~mask] = torch.nan
    return {
        "hidden": hidden,
        "weight": normal(V, H),
        "ids": torch.randint(V, (B, T), generator=source),
        "mask": mask,
        "states": states,
        "teacher_weight": normal(V, H),
        "drawn": torch.randint(V, (B, T, 4), generator=source),
        # What a loss might send back to logp and to ce.
        "to_logp": normal(B, T),
        "to_ce": normal(B, T),
    }


def expert_of(kind: str, batch: dict[str, Tensor], k: int = 5) -> Hidden | TopK | Samples | None:
    if kind == "none":
        return None
    if kind == "samples":
        weights = torch.full(batch["drawn"].shape, 0.25, dtype=torch.float64)
        weights[0] *= 3.0  # a position drawn with probability 1/3
        return Samples(batch["drawn"], weights)
    exact = Hidden(batch["states"], batch["teacher_weight"])
    return exact if kind == "hidden" else exact.top_k(k, mode=kind)  # type: ignore[arg-type]


def naive(kind: str, batch: dict[str, Tensor], k: int = 5) -> dict[str, Tensor]:
    """Values and gradients from full logits, position by position."""
    hidden = batch["hidden"].detach().double().clone().requires_grad_()
    weight = batch["weight"].detach().double().clone().requires_grad_()
    values = {name: torch.zeros(B, T, dtype=torch.float64) for name in ("logp", "ce", "entropy", "expert_entropy")}
    total = torch.zeros((), dtype=torch.float64)
    for b, t in batch["mask"].nonzero().tolist():
        z = weight @ hidden[b, t]
        q = z.exp() / z.exp().sum()
        logp = q[batch["ids"][b, t]].log()
        ce, entropy = torch.zeros(()), torch.zeros(())
        if kind == "samples":
            share = 3.0 if b == 0 else 1.0
            ce = -share * q[batch["drawn"][b, t]].log().mean()
        elif kind != "none":
            logits = batch["teacher_weight"].double() @ batch["states"].double()[b, t]
            p = logits.exp() / logits.exp().sum()
            order = p.argsort(descending=True)
            top, rest = (order, order[:0]) if kind == "hidden" else (order[:k], order[k:])
            p_top, q_top = p[top], q[top]
            if kind == "renormalise":
                p_top = p_top / p_top.sum()
            ce, entropy = -(p_top * q_top.log()).sum(), -(p_top * p_top.log()).sum()
            if kind == "tail":
                ce = ce - p[rest].sum() * q[rest].sum().log()
                entropy = entropy - p[rest].sum() * p[rest].sum().log()
        total = total + batch["to_logp"].double()[b, t] * logp + batch["to_ce"].double()[b, t] * ce
        for name, value in (("logp", logp), ("ce", ce), ("entropy", -(q * q.log()).sum()), ("expert_entropy", entropy)):
            values[name][b, t] = value.detach()
    total.backward()
    assert hidden.grad is not None and weight.grad is not None
    return values | {"d_hidden": hidden.grad, "d_weight": weight.grad}


def chunked(
    batch: dict[str, Tensor], expert: Any, *, chunk: int | None = None, frozen: bool = False
) -> dict[str, Tensor]:
    hidden = batch["hidden"].clone().requires_grad_()
    weight = batch["weight"].clone().requires_grad_(not frozen)
    scores = score(hidden, weight, batch["ids"], batch["mask"], expert, chunk=chunk)
    loss = (batch["to_logp"] * scores.logp).sum()
    if expert is not None:
        loss = loss + (batch["to_ce"] * scores.ce).sum()
    loss.backward()
    assert hidden.grad is not None
    values = {"logp": scores.logp, "ce": scores.ce, "entropy": scores.entropy}
    if scores.expert_entropy is not None:
        values["expert_entropy"] = scores.expert_entropy
    gradients = {"d_hidden": hidden.grad} | ({} if weight.grad is None else {"d_weight": weight.grad})
    return {name: value.detach() for name, value in {**values, **gradients}.items()}


def worst(got: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    return max(float((got[name] - expected[name]).abs().max()) for name in got)


@pytest.mark.parametrize("chunk", [1, 7, 128, None])
@pytest.mark.parametrize("kind", EXPERTS)
def test_equals_full_logits_in_float64(kind: str, chunk: int | None) -> None:
    for seed in range(3):
        batch = draw(seed)
        assert worst(chunked(batch, expert_of(kind, batch), chunk=chunk), naive(kind, batch)) < 1e-9


@pytest.mark.parametrize("mode", ["tail", "renormalise", "truncate"])
def test_with_all_tokens_every_mode_is_the_full_objective(mode: str) -> None:
    batch = draw()
    assert worst(chunked(batch, expert_of(mode, batch, k=V)), naive("hidden", batch)) < 1e-9


def test_gradient_of_truncation_is_kept_mass_times_q_less_p() -> None:
    batch = draw()
    expert = expert_of("truncate", batch)
    assert isinstance(expert, TopK)
    flat = expert.rows(batch["mask"])
    log_q = torch.log_softmax(batch["hidden"][batch["mask"]] @ batch["weight"].T, -1)
    p = torch.zeros_like(log_q).scatter(-1, flat.ids, flat.log_p.exp())
    mass = flat.kept_mass[:, None]
    assert 0.3 < float(mass.mean()) < 0.99
    assert torch.allclose(flat.logit_gradient(log_q), mass * log_q.exp() - p, atol=1e-12)
    assert torch.allclose(p.sum(-1, keepdim=True), mass, atol=1e-12)


@pytest.mark.parametrize("mode", ["tail", "renormalise", "truncate"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_zero_probabilities_give_no_nan(mode: Any, dtype: torch.dtype) -> None:
    """A teacher sure of one token, padded with -inf; a student that gives others no probability at all."""
    batch = draw(dtype=dtype)
    ids = torch.arange(3).expand(B, T, 3)
    log_p = torch.tensor([0.0, -torch.inf, -torch.inf], dtype=dtype).expand(B, T, 3)
    expert = TopK(ids, log_p, torch.full((B, T), -torch.inf, dtype=dtype), mode)
    certain = {**batch, "hidden": torch.zeros(B, T, H, dtype=dtype), "weight": torch.zeros(V, H, dtype=dtype)}
    certain["hidden"][..., 0] = 1.0
    certain["weight"][1:, 0] = -2000.0  # log q of all tokens but 0 is -2000: q underflows to 0
    for each in (batch, certain):
        got = chunked(each, expert)
        assert all(bool(value.isfinite().all()) for value in got.values())
        kept = chunked(each, TopK(ids[..., :1], log_p[..., :1], expert.log_tail, mode))
        assert worst(kept, got) < 1e-6
    got = chunked(certain, expert)
    assert float(got["ce"].abs().max()) == 0.0
    assert float(got["entropy"].abs().max()) == 0.0


def test_a_tail_that_the_student_leaves_nothing_for() -> None:
    """The bucket's gradient is p_rest shared out as q is, even where Σ q over the rest underflows."""
    log_q = torch.log_softmax(torch.tensor([[0.0, -300.0, -301.0, -400.0]]), -1)
    expert = TopK(torch.tensor([[0]]), torch.tensor([[0.5]]).log(), torch.tensor([0.5]).log())
    e = torch.tensor(1.0).exp()
    gradient = expert.logit_gradient(log_q)
    assert torch.allclose(gradient, torch.tensor([[0.5, -0.5 * e / (1 + e), -0.5 / (1 + e), 0.0]]), atol=1e-6)
    assert torch.allclose(expert.cross_entropy(log_q), torch.tensor([150.0]), atol=0.5)


def test_precisions_may_differ_between_student_and_expert() -> None:
    for student, teacher in ((torch.float64, torch.float32), (torch.float32, torch.float64)):
        batch = draw(dtype=student)
        other = {**batch, "states": batch["states"].to(teacher), "teacher_weight": batch["teacher_weight"].to(teacher)}
        for kind in EXPERTS[1:]:
            assert worst(chunked(batch, expert_of(kind, other)), naive(kind, batch)) < 2e-4


@pytest.mark.parametrize("kind", EXPERTS)
def test_bfloat16_stays_close_to_float64(kind: str) -> None:
    """Inputs are rounded once; everything after is float32, and gradients are rounded to bfloat16 at the end."""
    batch = draw(dtype=torch.bfloat16)
    exact = naive(kind, batch)
    got = chunked(batch, expert_of(kind, batch), chunk=7)
    for name, value in got.items():
        assert value.dtype == (torch.bfloat16 if name.startswith("d_") else torch.float32)
        tolerance = 2.0**-8 * float(exact[name].abs().max()) if name.startswith("d_") else 1e-4
        assert float((value.double() - exact[name]).abs().max()) <= tolerance, name


@pytest.mark.parametrize("divergence", [Divergence(0.5), Divergence(1), Divergence(1, 4)], ids=repr)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_divergences_stay_close_to_float64(divergence: Divergence, dtype: torch.dtype) -> None:
    """Beside a gradient of logp, in chunks, and from an expert of another precision."""
    rounded = draw(dtype=dtype, scale=1.0)
    results = []
    for batch, chunk in ((rounded, 7), ({name: wide(value) for name, value in rounded.items()}, None)):
        hidden, weight = (batch[name].clone().requires_grad_() for name in ("hidden", "weight"))
        expert = Hidden(rounded["states"].float(), rounded["teacher_weight"].float())
        scores = score(hidden, weight, batch["ids"], batch["mask"], expert, divergence, chunk=chunk)
        (batch["to_ce"] * scores.divergence + batch["to_logp"] * scores.logp).sum().backward()
        assert hidden.grad is not None and weight.grad is not None
        assert scores.divergence.dtype == (torch.float64 if chunk is None else torch.float32)
        results.append((scores.divergence.detach(), hidden.grad, weight.grad))
    relative = 2.0**-8 if dtype == torch.bfloat16 else 1e-5
    for got, exact, tolerance in zip(*results, (1e-5, relative, relative), strict=True):
        assert float((got.double() - exact).abs().max()) <= tolerance * max(1.0, float(exact.abs().max()))


def wide(value: Tensor) -> Tensor:
    return value.double() if value.is_floating_point() else value


def test_a_frozen_head_gets_no_gradient() -> None:
    batch = draw()
    expert = expert_of("hidden", batch)
    got = chunked(batch, expert, frozen=True)
    assert "d_weight" not in got
    assert worst(got, naive("hidden", batch)) < 1e-9


def test_only_ce_or_only_logp_may_be_used() -> None:
    batch = draw()
    zero = torch.zeros_like(batch["to_ce"])
    for changed in ({"to_ce": zero}, {"to_logp": zero}):
        each = {**batch, **changed}
        assert worst(chunked(each, expert_of("tail", each)), naive("tail", each)) < 1e-9


def test_a_batch_in_which_nothing_counts() -> None:
    batch = draw()
    batch["mask"] = torch.zeros(B, T, dtype=torch.bool)
    got = chunked(batch, expert_of("hidden", batch))
    assert all(float(value.abs().max()) == 0.0 for value in got.values())


def test_a_kl_needs_probabilities() -> None:
    batch = draw()
    scores = score(batch["hidden"], batch["weight"], batch["ids"], batch["mask"], expert_of("hidden", batch))
    expected = naive("hidden", batch)
    assert torch.allclose(scores.kl, expected["ce"] - expected["expert_entropy"], atol=1e-9)
    assert float(scores.kl.min()) >= 0.0
    for kind in ("samples", "none"):
        scores = score(batch["hidden"], batch["weight"], batch["ids"], batch["mask"], expert_of(kind, batch))
        with pytest.raises(ConfigError, match="cost='ce'"):
            _ = scores.kl


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("kind", EXPERTS)
def test_on_cuda_close_to_float64_on_the_cpu(kind: str, dtype: torch.dtype) -> None:
    batch = draw(dtype=dtype)
    exact = naive(kind, batch)
    moved = {name: value.cuda() for name, value in batch.items()}
    got = chunked(moved, expert_of(kind, moved), chunk=7)
    for name, value in got.items():
        limit = 2.0**-6 if dtype == torch.bfloat16 else 1e-4
        scale = max(1.0, float(exact[name].abs().max()))
        assert float((value.cpu().double() - exact[name]).abs().max()) <= limit * scale, name
