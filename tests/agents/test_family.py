"""Every learner's gradient against autograd on its published loss, written naively on full logits in float64."""

from __future__ import annotations

import dataclasses
import math
import statistics
from typing import Any

import pytest
import torch
from torch import Tensor

from agents.batch import Batch
from agents.head import CHUNK
from agents.learners import (
    CE,
    DAPO,
    GKD,
    GRPO,
    OPD,
    OPSD,
    RFT,
    RLOO,
    SDPO,
    SFT,
    DAgger,
    DistIL,
    Distillation,
    DrGRPO,
    GroupRelative,
    Imitation,
    Learner,
    MaxRL,
    MiniLLM,
    PolicyGradient,
)
from distil_envs.errors import ConfigError
from distil_envs.registry import names, resolve
from feedback.distribution import Hidden, Samples, TopK
from feedback.schedule import Schedule

H, V = 5, 13
Token = tuple[int, int]

DISTILLATIONS = [
    CE(),
    CE(importance_clip=1.1),
    SDPO(top_k=4),
    SDPO(alpha=1.0, top_k=None),
    SDPO(alpha=0.0, top_k=4, importance_clip=None),
    OPSD(),
    GKD(beta=0.1),
    GKD(beta=1.0),
]
GRADIENTS = [
    OPD(),
    MiniLLM(),
    MiniLLM(gamma=0.9, length_normalise=False),
    GRPO(),
    DrGRPO(length=7),
    DAPO(),
    RLOO(),
    MaxRL(),
    MaxRL(clip=0.05),
]
DISTILS = [
    DistIL(),
    DistIL(gamma=0.9, cost="kl", credit="attempt"),
    DistIL(charge="full-sum", future_weight=0.3),
    DistIL(charge="full-sum", baseline="none"),
    DistIL(length_normalise=True, gamma=0.8, divergence_weight="raw"),
    DistIL(divergence_weight="normalised", clip=0.05),
]
IMITATIONS = [SFT(), RFT(), DAgger()]
LEARNERS: list[Learner] = [*DISTILLATIONS, *GRADIENTS, *DISTILS, *IMITATIONS]


def make_batch(seed: int = 0, rows: int = 12, width: int = 24, dtype: torch.dtype = torch.float64) -> Batch:
    """Ragged rows of several attempts in three groups: holes that the environment filled, attempts not learned from,
    rows that failed, and harmful numbers wherever nothing counts. The rewards of group 2 are all 0.
    """
    source = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=source, dtype=torch.float64).to(dtype)

    inside = torch.arange(width) < torch.randint(3, width + 1, (rows, 1), generator=source)
    # A piece ends after a column with some chance; odd ones lie between two attempts.
    piece = (torch.rand(rows, width, generator=source) < 0.2).cumsum(1)
    turn = torch.where(inside & (piece % 2 == 0), piece // 2, -1)
    untaught = torch.rand(rows, width, generator=source) < 0.2
    learnable = (turn >= 0) & ~untaught.gather(1, turn.clamp(min=0))
    group = torch.arange(rows) % 3
    reward = torch.rand(rows, generator=source).to(dtype) * (torch.rand(rows, generator=source) < 0.8) * (group != 2)
    batch = Batch(
        hidden=normal(rows, width, H),
        head_weight=normal(V, H),
        ids=torch.randint(V, (rows, width), generator=source),
        mask=(turn >= 0) & (torch.rand(rows, width, generator=source) < 0.8),
        turn=turn,
        learnable=learnable,
        group=group,
        reward=reward,
        valid=torch.arange(rows) != int(torch.randint(rows, (), generator=source)),
        denominator=23.0,
        expert=Hidden(normal(rows, width, H), normal(V, H)),
        depends_on=torch.rand(rows, rows, generator=source) < 0.2,
    )
    logp = torch.log_softmax(batch.hidden @ batch.head_weight.T, -1).gather(-1, batch.ids[..., None])[..., 0]
    batch.old_logp = logp + 0.5 * normal(rows, width)
    assert isinstance(batch.expert, Hidden)
    out = ~batch.counted
    for harmful in (batch.hidden, batch.expert.states, batch.old_logp):
        harmful[out] = torch.nan
    batch.reward[~batch.valid] = torch.nan
    for leaf in (batch.hidden, batch.head_weight):
        leaf.requires_grad_()
    return batch


class Naive:
    """Losses token by token, from dense probabilities."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.tokens: list[Token] = [(i, t) for i, t in batch.counted.nonzero().tolist()]
        assert isinstance(batch.expert, Hidden)
        self.q = {at: torch.softmax(batch.head_weight @ batch.hidden[at], -1) for at in self.tokens}
        self.p = {at: torch.softmax(batch.expert.weight @ batch.expert.states[at], -1) for at in self.tokens}
        self.y = {at: int(batch.ids[at]) for at in self.tokens}
        self.logp = {at: self.q[at][self.y[at]].log() for at in self.tokens}
        old = batch.old_logp
        self.old = {at: self.logp[at].detach() if old is None else old[at] for at in self.tokens}
        self.ratio = {at: (self.logp[at] - self.old[at]).exp() for at in self.tokens}

    def loss(self, learner: Learner) -> Tensor:
        if isinstance(learner, DistIL):
            return self.distil(learner)
        if isinstance(learner, Distillation):
            return self.distillation(learner)
        if isinstance(learner, DAgger):
            labels = {at: int(self.p[at].argmax()) for at in self.tokens}
            return -torch.stack([self.q[at][labels[at]].log() for at in self.tokens]).sum() / self.batch.denominator
        if isinstance(learner, Imitation):
            return -torch.stack(list(self.logp.values())).sum() / self.batch.denominator
        assert isinstance(learner, PolicyGradient)
        return self.surrogate(learner)

    def distillation(self, learner: Distillation) -> Tensor:
        total, bound = torch.zeros((), dtype=torch.float64), learner.importance_clip
        for at in self.tokens:
            p, q = self.p[at], self.q[at]
            if isinstance(learner, SDPO) and learner.top_k is not None:
                order = q.argsort(descending=True)
                p, q = p[order], q[order]
                k = learner.top_k
                p, q = (torch.cat([each[:k], each[k:].sum()[None]]) for each in (p, q))
            value = -(p * q.log()).sum() if isinstance(learner, CE) else jsd(weight_of(learner), p, q)
            total = total + (1.0 if bound is None else min(float(self.ratio[at].detach()), bound)) * value
        return total / self.batch.denominator

    def surrogate(self, learner: PolicyGradient) -> Tensor:
        total, high = torch.zeros((), dtype=torch.float64), learner.clip
        if isinstance(learner, DAPO):
            high = learner.clip_high
        for at in self.tokens:
            advantage, ratio = self.advantage(learner, at), self.ratio[at]
            bounded = ratio.clamp(max=1 + high) if advantage > 0 else ratio.clamp(min=1 - learner.clip)
            total = total - bounded * advantage
        return total / self.batch.denominator / (learner.length if isinstance(learner, DrGRPO) else 1)

    def advantage(self, learner: PolicyGradient, at: Token) -> float:
        if isinstance(learner, GroupRelative):
            return self.of_group(learner, at[0])
        assert isinstance(learner, OPD | MiniLLM)
        if isinstance(learner, OPD):
            return self.log_ratio(at)
        row, made = at[0], self.batch.mask[at[0]]
        later = [t for i, t in self.tokens if i == row and t >= at[1]]
        terms = [learner.gamma ** int(made[at[1] : t].sum()) * self.log_ratio((row, t)) for t in later]
        return sum(terms) / (len(terms) if learner.length_normalise else 1)

    def log_ratio(self, at: Token) -> float:
        return math.log(self.p[at][self.y[at]]) - float(self.old[at])

    def of_group(self, learner: GroupRelative, row: int) -> float:
        batch = self.batch
        rows = [j for j in range(len(batch.ids)) if batch.valid[j] and batch.group[j] == batch.group[row]]
        own, rewards = float(batch.reward[row]), [float(batch.reward[j]) for j in rows]
        mean = statistics.fmean(rewards)
        if isinstance(learner, GRPO):  # DAPO too
            return (own - mean) / (statistics.stdev(rewards) + 1e-4)
        if isinstance(learner, RLOO):
            return own - statistics.fmean(float(batch.reward[j]) for j in rows if j != row)
        if isinstance(learner, MaxRL):
            return (own - mean) / mean if mean else 0.0
        return own - mean

    def distil(self, learner: DistIL) -> Tensor:
        cost = {at: -(self.p[at] * self.q[at].log()).sum() for at in self.tokens}
        charged = {at: float(cost[at].detach()) for at in self.tokens}
        if learner.cost == "kl":
            charged = {at: charged[at] + float((self.p[at] * self.p[at].log()).sum()) for at in self.tokens}
        future = {at: self.charged(learner, charged, at) for at in self.tokens}
        rho = self.state_weights(learner)
        total = torch.zeros((), dtype=torch.float64)
        for at in self.tokens:
            peers = [future[other] for other in self.tokens if self.is_peer(learner, at, other)]
            baseline = statistics.fmean(peers) if peers and learner.baseline == "leave-one-out" else 0.0
            advantage = -learner.future_weight * (future[at] - baseline)
            bounded = self.ratio[at].clamp(1 - learner.clip, 1 + learner.clip)
            term = cost[at] - torch.minimum(self.ratio[at] * advantage, bounded * advantage)
            total = total + rho[at] * term
        return total / self.batch.denominator

    def state_weights(self, learner: DistIL) -> dict[Token, float]:
        if learner.divergence_weight == "none":
            return dict.fromkeys(self.tokens, 1.0)
        turn, group = self.batch.turn, self.batch.group
        rho = {}
        for i, t in self.tokens:
            earlier = [at for at in self.tokens if at[0] == i and at[1] < t and turn[at] == turn[i, t]]
            rho[i, t] = math.prod(min(1.0, float((self.p[at] / self.q[at].detach())[self.y[at]])) for at in earlier)
        if learner.divergence_weight == "raw":
            return rho
        mean = {int(g): statistics.fmean(rho[at] for at in self.tokens if group[at[0]] == g) for g in group.unique()}
        return {at: value / mean[int(group[at[0]])] for at, value in rho.items()}

    def charged(self, learner: DistIL, cost: dict[Token, float], at: Token) -> float:
        (row, t), batch = at, self.batch
        assert batch.depends_on is not None
        same = [u for i, u in self.tokens if i == row and u > t]
        if learner.credit == "attempt":
            same = [u for u in same if batch.turn[row, u] == batch.turn[row, t]]
        discounts = [learner.gamma ** int(batch.mask[row, t + 1 : u].sum()) for u in same]
        future = sum(discount * cost[row, u] for discount, u in zip(discounts, same, strict=True))
        if learner.length_normalise:
            future /= max(sum(discounts), 1)
        if learner.charge == "full-sum":
            for (i, u), value in cost.items():
                if i == row:
                    future += value * bool(batch.depends_on[i, i] and u <= t and batch.turn[i, u] == batch.turn[i, t])
                else:
                    future += value * bool(batch.depends_on[i, row])
        return future

    def is_peer(self, learner: DistIL, at: Token, other: Token) -> bool:
        (i, _), (k, _), batch = at, other, self.batch
        depends = batch.depends_on
        assert depends is not None
        charged = {k} | {j for j in range(len(depends)) if learner.charge == "full-sum" and depends[j, k]}
        hangs = any(j == i or depends[j, i] for j in charged)
        return bool(batch.group[i] == batch.group[k] and self.place(at) == self.place(other) and not hangs)

    def place(self, at: Token) -> tuple[int, int]:
        (row, t), batch = at, self.batch
        before = batch.mask[row, :t] & (batch.turn[row, :t] == batch.turn[row, t])
        return int(batch.turn[row, t]), int(before.sum())


def weight_of(learner: Learner) -> float:
    assert isinstance(learner, SDPO | GKD | OPSD)
    return learner.alpha if isinstance(learner, SDPO) else learner.beta


def jsd(weight: float, p: Tensor, q: Tensor) -> Tensor:
    def kl(a: Tensor, b: Tensor) -> Tensor:
        return (a * (a / b).log()).sum()

    if weight in (0.0, 1.0):
        return kl(q, p) if weight else kl(p, q)
    m = weight * p + (1 - weight) * q
    return weight * kl(p, m) + (1 - weight) * kl(q, m)


def gradients(learner: Learner, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    value = learner.loss(batch).value
    d_hidden, d_weight = torch.autograd.grad(value, [batch.hidden, batch.head_weight])
    return value.detach(), d_hidden, d_weight


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("learner", LEARNERS, ids=repr)
def test_equals_autograd_on_full_logits(learner: Learner, fresh: bool) -> None:
    for seed in range(3):
        batch = make_batch(seed)
        if fresh:
            batch.old_logp = None
        assert int(batch.turn.max()) > 0 and bool((batch.mask & ~batch.learnable).any())
        expected = Naive(batch).loss(learner)
        of_loss = torch.autograd.grad(expected, [batch.hidden, batch.head_weight])
        assert float(of_loss[0][batch.counted].abs().max()) > 1e-3
        value, *got = gradients(learner, batch)
        assert abs(float(value - expected.detach())) < 1e-9
        for mine, theirs in zip(got, of_loss, strict=True):
            assert float((mine - theirs.nan_to_num(0.0)).abs().max()) < 1e-9


@pytest.mark.parametrize("mode", ["tail", "renormalise", "truncate"])
@pytest.mark.parametrize("learner", [CE(), SDPO(alpha=1.0, top_k=None), OPSD(), GKD(beta=0.3)], ids=repr)
def test_with_all_tokens_the_experts_top_k_is_the_full_objective(learner: Learner, mode: Any) -> None:
    batch = make_batch()
    assert isinstance(batch.expert, Hidden)
    expected = gradients(learner, batch)
    states = batch.expert.states.nan_to_num(0.0)
    got = gradients(learner, dataclasses.replace(batch, expert=Hidden(states, batch.expert.weight).top_k(V, mode=mode)))
    assert all(float((mine - theirs).abs().max()) < 1e-9 for mine, theirs in zip(got, expected, strict=True))


@pytest.mark.parametrize("learner", LEARNERS, ids=repr)
def test_chunks_and_padding_change_nothing(monkeypatch: pytest.MonkeyPatch, learner: Learner) -> None:
    """In float32."""
    batch = make_batch(1, dtype=torch.float32)
    expected = gradients(learner, batch)
    monkeypatch.setitem(CHUNK, "cpu", 3)
    assert isinstance(batch.expert, Hidden) and batch.old_logp is not None

    def wider(value: Tensor, fill: float) -> Tensor:
        return torch.cat([value, torch.full((len(value), 4, *value.shape[2:]), fill, dtype=value.dtype)], 1)

    padded = dataclasses.replace(
        batch,
        hidden=wider(batch.hidden.detach(), torch.nan).requires_grad_(),
        ids=wider(batch.ids, 0),
        mask=wider(batch.mask, 0),
        turn=wider(batch.turn, -1),
        learnable=wider(batch.learnable, 0),
        expert=Hidden(wider(batch.expert.states, torch.nan), batch.expert.weight),
        old_logp=wider(batch.old_logp, torch.nan),
    )
    value, d_hidden, d_weight = gradients(learner, padded)
    assert not d_hidden[:, -4:].any()
    for mine, theirs in zip((value, d_hidden[:, :-4], d_weight), expected, strict=True):
        assert float((mine - theirs).abs().max()) < 1e-6 * max(1.0, float(theirs.abs().max()))


def test_importance_is_truncated_and_ratios_are_clipped() -> None:
    """So that the tests above could fail."""
    batch = make_batch(2)
    assert batch.old_logp is not None
    with torch.no_grad():
        batch.old_logp -= 0.25
    for learner, changed in (
        (SDPO(importance_clip=1.3), SDPO(importance_clip=None)),
        (DAPO(), DAPO(clip_high=0.2)),
        (GRPO(), GRPO(clip=0.5)),
    ):
        assert not torch.allclose(gradients(learner, batch)[2], gradients(changed, batch)[2])
    total, count = SDPO(importance_clip=1.3).loss(batch).metrics["importance"]
    assert 1.0 < total / count < 1.3
    assert "importance" not in SDPO(importance_clip=None).loss(batch).metrics
    assert GRPO().loss(batch).metrics["clipped"][0] > DAPO().loss(batch).metrics["clipped"][0] > 0


def test_samples_teach_a_cross_entropy_and_nothing_more() -> None:
    batch = make_batch()
    shape = batch.ids.shape
    batch.expert = Samples(batch.ids[..., None], torch.ones(*shape, 1, dtype=torch.float64))
    assert float(CE().loss(batch).value.detach()) == pytest.approx(
        -float(batch.scores(batch.counted).logp.detach().sum()) / batch.denominator
    )
    for learner in (SDPO(), SDPO(top_k=None), OPSD(), GKD(), OPD(), MiniLLM()):
        with pytest.raises(ConfigError, match=r"samples.*CE"):
            learner.loss(batch)


def test_the_students_top_k_needs_the_experts_states() -> None:
    batch = make_batch()
    ids = torch.arange(3).expand(*batch.ids.shape, 3)
    batch.expert = TopK(ids, torch.zeros_like(ids).double().log_softmax(-1), torch.full(batch.ids.shape, -torch.inf))
    assert torch.isfinite(SDPO(top_k=None).loss(batch).value)
    with pytest.raises(ConfigError, match="not known from its own top k"):
        SDPO().loss(batch)
    batch.expert = None
    with pytest.raises(ConfigError, match="needs an expert"):
        SDPO().loss(batch)


@pytest.mark.parametrize(
    ("learner", "group_size", "match"),
    [
        (SDPO(alpha=1.5), 4, r"alpha, beta\) must be in \[0, 1\], got 1.5"),
        (SDPO(top_k=0), 4, "top k must be at least 1, or None for all, got 0"),
        (SDPO(importance_clip=0.5), 4, "importance_clip must be at least 1, or None for no weight, got 0.5"),
        (CE(importance_clip=math.nan), 4, "importance_clip must be at least 1"),
        (GKD(beta=-0.1), 4, "must be in"),
        (OPSD(beta=math.nan), 4, "must be in"),
        (OPD(clip=0.0), 4, "clip must be positive, got 0.0"),
        (MiniLLM(gamma=1.1), 4, r"gamma must be in \[0, 1\], got 1.1"),
        (DrGRPO(length=0), 4, "length must be at least 1 token, got 0"),
        (DAPO(clip_high=0.0), 4, "clip_high must be positive, got 0.0"),
        (GKD(student_share=1.5), 4, r"student_share must be in \[0, 1\], got 1.5"),
        (DAgger(Schedule(2.0, 2.0)), 4, r"learner.beta is a share, in \[0, 1\], got 2.0"),
        (DAgger(keep=0), 4, "keep must be at least 1 rollout, got 0"),
        (DistIL(clip=0.0), 4, "clip must be positive, got 0.0"),
        (DistIL(cost="ec"), 4, "learner.cost must be one of ce, kl, got 'ec'"),  # type: ignore[arg-type]
        (DistIL(charge="full-sum", gamma=0.9), 4, "charge=full-sum is the exact weight"),
        (DAPO(), 1, "DAPO compares the rollouts of a group, but group_size is 1"),
        (DrGRPO(), 1, "DrGRPO compares"),
        (RLOO(), 1, "RLOO compares"),
        (MaxRL(), 1, "MaxRL compares"),
    ],
    ids=lambda value: repr(value) if isinstance(value, Learner) else "",
)
def test_options_that_cannot_work(learner: Learner, group_size: int, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        learner.validate(group_size)


def test_only_a_baseline_that_is_asked_for_is_logged() -> None:
    """Or a run without one would be told that it lacks one."""
    batch = make_batch()
    total, count = DistIL().loss(batch).metrics["with_baseline"]
    assert 0 < total < count
    for learner in (DistIL(baseline="none"), DistIL(future_weight=0.0)):
        assert "with_baseline" not in learner.loss(batch).metrics


def test_options_that_work() -> None:
    for learner in LEARNERS:
        learner.validate(2)
        if not isinstance(learner, GroupRelative | DistIL):
            learner.validate(1)


def test_every_learner_is_found_by_its_name() -> None:
    built_in = {type(learner).__name__ for learner in LEARNERS}
    assert built_in <= set(names("learners"))
    for learner in LEARNERS:
        assert resolve("learners", type(learner).__name__) is type(learner)
