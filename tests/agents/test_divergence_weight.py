"""The weight of states after a divergence, against its definition."""

from __future__ import annotations

import pytest
import torch

from agents.batch import Batch
from agents.learners.distil import DistIL, reach
from distil_envs.errors import ConfigError
from feedback.distribution import Hidden, Samples, TopK

B, T, H, V = 3, 4, 6, 9


def batch_of(expert: object) -> Batch:
    draw = torch.Generator().manual_seed(3)
    lengths = torch.tensor([4, 2, 3])
    return Batch(
        hidden=torch.randn(B, T, H, generator=draw, dtype=torch.float64).requires_grad_(),
        head_weight=torch.randn(V, H, generator=draw, dtype=torch.float64),
        ids=torch.randint(V, (B, T), generator=draw),
        mask=torch.arange(T) < lengths[:, None],
        group=torch.zeros(B, dtype=torch.long),
        reward=torch.zeros(B),
        valid=torch.ones(B, dtype=torch.bool),
        denominator=float(lengths.sum()),
        expert=expert,  # type: ignore[arg-type]
        taught=torch.ones(B, dtype=torch.bool),
    )


def hidden_expert() -> Hidden:
    draw = torch.Generator().manual_seed(4)
    return Hidden(
        2 * torch.randn(B, T, H, generator=draw, dtype=torch.float64),
        torch.randn(V, H, generator=draw, dtype=torch.float64),
    )


@pytest.mark.parametrize("k", [None, 1, 3, V])
def test_reach_is_the_product_of_the_clipped_ratios_before(k: int | None) -> None:
    exact = hidden_expert()
    expert = exact if k is None else exact.top_k(k)
    batch = batch_of(expert)
    rho = reach(batch.scores(batch.mask))

    q = torch.log_softmax(batch.hidden.detach() @ batch.head_weight.T, -1).exp()
    p = exact.log_p().exp()
    if k is not None:  # outside the k tokens the bucket is spread as the student spreads it
        kept = torch.zeros_like(p).scatter(-1, expert.ids, 1.0).bool()
        rest = torch.where(kept, 0.0, q)
        share = rest / rest.sum(-1, keepdim=True).clamp(min=1e-300)
        p = torch.where(kept, p, (1 - torch.where(kept, p, 0.0).sum(-1, keepdim=True)) * share)
    for row in range(B):
        weight = 1.0
        for t in range(int(batch.mask[row].sum())):
            assert float(rho[row, t]) == pytest.approx(weight, rel=1e-9)
            token = batch.ids[row, t]
            weight *= min(1.0, float(p[row, t, token] / q[row, t, token]))


def test_the_loss_is_weighted_and_the_weight_has_no_gradient() -> None:
    batch = batch_of(hidden_expert())
    learner = DistIL(future_weight=0.0, divergence_weight=True)
    learner.loss(batch).value.backward()
    scores = batch.scores(batch.mask)
    by_hand = torch.autograd.grad((reach(scores).detach() * scores.ce).sum() / batch.denominator, batch.hidden)[0]
    torch.testing.assert_close(batch.hidden.grad, by_hand, rtol=1e-12, atol=1e-12)


def test_a_token_the_expert_excludes_mutes_what_follows() -> None:
    batch = batch_of(None)
    never = (batch.ids + 1) % V
    batch.expert = TopK(never[..., None], torch.zeros(B, T, 1), torch.full((B, T), -torch.inf))
    rho = reach(batch.scores(batch.mask))
    assert rho[:, 0].eq(1).all()
    assert rho[:, 1:].eq(0).all()  # no NaN from -inf


def test_samples_cannot_weigh() -> None:
    batch = batch_of(Samples(torch.zeros(B, T, 2, dtype=torch.long), torch.full((B, T, 2), 0.5)))
    with pytest.raises(ConfigError, match="divergence_weight"):
        DistIL(divergence_weight=True).loss(batch)
