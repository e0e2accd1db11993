"""The weight of states after a divergence, against its definition."""

from __future__ import annotations

import pytest
import torch

from agents.batch import Batch
from agents.credit import reach
from agents.head import score
from agents.learners import DistIL
from distil_envs.errors import ConfigError
from feedback.distribution import Hidden, Samples, TopK

B, T, H, V = 3, 4, 6, 9


def batch_of(expert: object) -> Batch:
    draw = torch.Generator().manual_seed(3)
    lengths = torch.tensor([4, 2, 3])
    mask = torch.arange(T) < lengths[:, None]
    return Batch(
        hidden=torch.randn(B, T, H, generator=draw, dtype=torch.float64).requires_grad_(),
        head_weight=torch.randn(V, H, generator=draw, dtype=torch.float64),
        ids=torch.randint(V, (B, T), generator=draw),
        mask=mask,
        turn=torch.where(mask, 0, -1),
        learnable=mask,
        group=torch.zeros(B, dtype=torch.long),
        reward=torch.zeros(B),
        valid=torch.ones(B, dtype=torch.bool),
        denominator=float(lengths.sum()),
        expert=expert,  # type: ignore[arg-type]
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
    rho = reach(batch.scores(batch.mask), batch.turn)

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
    learner = DistIL(future_weight=0.0, divergence_weight="raw")
    learner.loss(batch).value.backward()
    scores = batch.scores(batch.mask)
    by_hand = torch.autograd.grad(
        (reach(scores, batch.turn).detach() * scores.ce).sum() / batch.denominator, batch.hidden
    )[0]
    torch.testing.assert_close(batch.hidden.grad, by_hand, rtol=1e-12, atol=1e-12)


def test_a_token_the_expert_excludes_mutes_what_follows() -> None:
    batch = batch_of(None)
    never = (batch.ids + 1) % V
    batch.expert = TopK(never[..., None], torch.zeros(B, T, 1), torch.full((B, T), -torch.inf))
    rho = reach(batch.scores(batch.mask), batch.turn)
    assert rho[:, 0].eq(1).all()
    assert rho[:, 1:][batch.mask[:, 1:]].eq(0).all()  # no NaN from -inf


@pytest.mark.parametrize("logit", [-1.0, -torch.inf])
def test_it_begins_anew_with_each_attempt_and_passes_over_the_environments_ids(logit: float) -> None:
    """Attempts of two columns and of three with one between them; of the second the environment made the middle one."""
    ids = torch.arange(6)[None]
    turn = torch.tensor([[0, 0, -1, 1, 1, 1]])
    mask = torch.tensor([[True, True, False, True, False, True]])
    log_p = torch.where(torch.eye(6) > 0, logit, 0.0).log_softmax(-1)
    expert = TopK(torch.arange(6).expand(1, 6, 6), log_p[None], torch.full((1, 6), -torch.inf))
    rho = reach(score(torch.zeros(1, 6, H), torch.ones(6, H), ids, mask, expert), turn)  # the student is uniform
    ratio = 6 * float(log_p[0, 0].exp())
    assert ratio < 1
    assert rho[mask].tolist() == pytest.approx([1.0, ratio, 1.0, ratio], rel=1e-6)


def test_samples_cannot_weigh() -> None:
    batch = batch_of(Samples(torch.zeros(B, T, 2, dtype=torch.long), torch.full((B, T, 2), 0.5)))
    with pytest.raises(ConfigError, match="divergence_weight"):
        DistIL(divergence_weight="raw").loss(batch)
