"""Baselines, costs-to-go and advantages against brute force; GRPO against a naive formula; infrastructure failures."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from agents.batch import Batch, leave_one_out
from agents.credit import cost_to_go
from agents.learners import CE, DAPO, GRPO, OPD, OPSD, RLOO, SDPO, DistIL, DrGRPO, Learner, MaxRL, MiniLLM
from agents.learners.grpo import group_advantage
from distil_envs.errors import ConfigError
from feedback.distribution import Hidden, Samples

quick = settings(max_examples=60, deadline=None, derandomize=True)
H, V = 5, 11


@st.composite
def ragged(draw: Any) -> dict[str, Tensor]:
    """Rows of random lengths in random groups, in attempts, with holes where the environment put something."""
    rows, width = draw(st.integers(1, 6)), draw(st.integers(1, 8))
    source = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    lengths = torch.randint(0, width + 1, (rows, 1), generator=source)
    inside = torch.arange(width) < lengths
    # An attempt, or what lies between two (odd numbers), ends after a column with some chance.
    piece = (torch.rand(rows, width, generator=source) < 0.3).cumsum(1)
    turn = torch.where(inside & (piece % 2 == 0), piece // 2, -1)
    return {
        "values": torch.randn(rows, width, generator=source, dtype=torch.float64),
        "mask": (turn >= 0) & (torch.rand(rows, width, generator=source) < 0.8),
        "turn": turn,
        "group": torch.randint(0, 3, (rows,), generator=source),
        "excluded": torch.rand(rows, rows, generator=source) < 0.3,
        "valid": torch.rand(rows, generator=source) < 0.8,
    }


@given(ragged(), st.booleans(), st.booleans())
@quick
def test_leave_one_out_is_the_mean_of_the_other_rows(case: dict[str, Tensor], exclude: bool, flat: bool) -> None:
    values, counted, excluded = case["values"], case["mask"], case["excluded"] if exclude else None
    rows = len(values)
    # What does not count must not matter, be it infinite.
    poisoned = torch.where(counted, values, torch.inf)
    if flat:
        got = leave_one_out(poisoned[:, 0], counted[:, 0], case["group"], excluded)[:, None]
    else:
        got = leave_one_out(poisoned, counted, case["group"], excluded)
    for i in range(rows):
        for t in range(got.shape[1]):
            others = [
                float(values[j, t])
                for j in range(rows)
                if j != i
                and case["group"][j] == case["group"][i]
                and counted[j, t]
                and not (exclude and case["excluded"][i, j])
            ]
            assert float(got[i, t]) == pytest.approx(sum(others) / len(others) if others else 0.0, abs=1e-12)


@given(ragged(), st.booleans())
@quick
def test_rows_are_compared_at_the_same_token_of_the_same_attempt(case: dict[str, Tensor], exclude: bool) -> None:
    """Wherever it stands in its row."""
    values, mask, turn, group = (case[name] for name in ("values", "mask", "turn", "group"))
    excluded = case["excluded"] if exclude else None
    counted = mask & case["valid"][:, None]
    batch = dataclasses.replace(make_batch(), ids=turn, mask=mask, turn=turn)
    got = leave_one_out(torch.where(counted, values, torch.nan), counted, group, excluded, batch.place)

    def name(i: int, t: int) -> tuple[int, int]:
        return int(turn[i, t]), int((mask[i, :t] & (turn[i, :t] == turn[i, t])).sum())

    for i, t in counted.nonzero().tolist():
        others = [
            float(values[j, u])
            for j, u in counted.nonzero().tolist()
            if j != i and group[j] == group[i] and name(j, u) == name(i, t)
            if excluded is None or not excluded[i, j]
        ]
        assert float(got[i, t]) == pytest.approx(sum(others) / len(others) if others else 0.0, abs=1e-12)


def test_in_rows_of_one_attempt_places_are_columns() -> None:
    """To the last bit what it is by columns."""
    batch = make_batch()
    assert torch.equal(batch.place[batch.mask], torch.arange(5).expand(6, 5)[batch.mask])
    values = torch.randn(6, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    by_column, by_place = (leave_one_out(values, batch.mask, batch.group, None, by) for by in (None, batch.place))
    assert torch.equal(by_column[batch.mask], by_place[batch.mask])


@given(ragged(), st.floats(0, 1), st.booleans())
@quick
def test_cost_to_go_is_the_discounted_sum_of_what_the_policy_makes_later(
    case: dict[str, Tensor], gamma: float, within: bool
) -> None:
    made, turn = case["mask"], case["turn"]
    got = cost_to_go(torch.where(made, case["values"], torch.nan), gamma, made, turn if within else None)
    cost = case["values"].tolist()
    for i, t in made.nonzero().tolist():
        later = [u for u in range(t + 1, made.shape[1]) if made[i, u] and not (within and turn[i, u] != turn[i, t])]
        expected = sum(gamma**n * cost[i][u] for n, u in enumerate(later))
        assert float(got[i, t]) == pytest.approx(expected, abs=1e-12)


@given(ragged())
@quick
def test_group_advantage_is_the_standard_score_among_valid_rows(case: dict[str, Tensor]) -> None:
    reward = torch.where(case["valid"], case["values"][:, 0], torch.nan)
    got = group_advantage(reward, case["valid"], case["group"])
    for i in range(len(reward)):
        same = [
            float(r)
            for r, g, v in zip(reward, case["group"], case["valid"], strict=True)
            if g == case["group"][i] and v
        ]
        expected = 0.0
        if case["valid"][i]:
            mean = sum(same) / len(same)
            spread = math.sqrt(sum((r - mean) ** 2 for r in same) / (len(same) - 1)) if len(same) > 1 else 0.0
            expected = (float(reward[i]) - mean) / (spread + 1e-4)
        assert float(got[i]) == pytest.approx(expected, abs=1e-9)


def make_batch(seed: int = 0, rows: int = 6, width: int = 5, attempts: int = 1) -> Batch:
    """Two groups of ragged rows, with an expert and old log-probabilities.

    Of several attempts each begins with up to `width` ids of the environment, and has one in its midst.
    """
    source = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=source, dtype=torch.float64)

    turn = torch.full((rows, 2 * width * attempts), -1)
    mask = torch.zeros(turn.shape, dtype=torch.bool)
    for row in range(rows):
        end = 0
        for attempt in range(int(torch.randint(1, attempts + 1, (), generator=source))):
            between, length = torch.randint(1, width + 1, (2,), generator=source).tolist()
            start = end + (between if attempt else 0)
            end = start + length
            turn[row, start:end], mask[row, start:end] = attempt, True
            mask[row, start + 1 : start + 2] = attempts == 1
    mask &= turn >= 0
    if attempts == 1:
        turn, mask = turn[:, :width], mask[:, :width]
    shape = mask.shape
    return Batch(
        hidden=normal(*shape, H).requires_grad_(),
        head_weight=normal(V, H).requires_grad_(),
        ids=torch.randint(V, shape, generator=source),
        mask=mask,
        turn=turn,
        learnable=turn >= 0,
        group=torch.arange(rows) % 2,
        reward=torch.randint(0, 2, (rows,), generator=source).double(),
        valid=torch.ones(rows, dtype=torch.bool),
        denominator=17.0,
        expert=Hidden(normal(*shape, H), normal(V, H)),
        depends_on=torch.zeros(rows, rows, dtype=torch.bool),
        old_logp=normal(*shape) * 0.3 - 2.4,
    )


def gradients(learner: Learner, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Loss, and its gradients with respect to hidden states and head."""
    value = learner.loss(batch).value
    d_hidden, d_weight = torch.autograd.grad(value, [batch.hidden, batch.head_weight])
    return value.detach(), d_hidden, d_weight


def test_grpo_is_the_clipped_surrogate() -> None:
    batch = make_batch()
    batch.expert = batch.depends_on = None
    logp = torch.log_softmax(batch.hidden @ batch.head_weight.T, -1)
    noise = torch.randn(batch.ids.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    batch.old_logp = logp.detach().gather(-1, batch.ids[..., None])[..., 0] + 0.3 * noise
    clipped_at_least_once = set()
    total = torch.zeros((), dtype=torch.float64)
    for i in range(len(batch.ids)):
        group = batch.reward[batch.group == batch.group[i]]
        advantage = (batch.reward[i] - group.mean()) / (group.std() + 1e-4)
        for t in range(int(batch.mask[i].sum())):
            ratio = (logp[i, t, batch.ids[i, t]] - batch.old_logp[i, t]).exp()
            held = ratio.clamp(0.8, 1.2)
            total = total - torch.minimum(ratio * advantage, held * advantage) / 17.0
            clipped_at_least_once.add(bool(ratio != held))
    assert clipped_at_least_once == {True, False}
    expected = torch.autograd.grad(total, [batch.hidden, batch.head_weight])
    value, *got = gradients(GRPO(), batch)
    assert torch.allclose(value, total, rtol=1e-12)
    assert all(torch.allclose(mine, theirs, atol=1e-12) for mine, theirs in zip(got, expected, strict=True))


def test_grpo_on_fresh_rollouts_is_the_policy_gradient() -> None:
    batch = make_batch()
    batch.old_logp = None
    advantage = group_advantage(batch.reward, batch.valid, batch.group)[:, None]
    logp = torch.log_softmax(batch.hidden @ batch.head_weight.T, -1).gather(-1, batch.ids[..., None])[..., 0]
    expected = torch.autograd.grad(-(advantage * logp * batch.mask).sum() / 17.0, [batch.hidden, batch.head_weight])
    _, *got = gradients(GRPO(), batch)
    assert all(torch.allclose(mine, theirs, atol=1e-12) for mine, theirs in zip(got, expected, strict=True))


def without(batch: Batch, row: int) -> Batch:
    """The batch as if a row had never been."""
    keep = [i for i in range(len(batch.ids)) if i != row]
    assert isinstance(batch.expert, Hidden) and batch.depends_on is not None
    rows = {
        item.name: getattr(batch, item.name)[keep]
        for item in dataclasses.fields(batch)
        if item.name not in ("head_weight", "denominator", "expert", "depends_on", "hidden", "seen", "probe")
    }
    hidden = batch.hidden.detach()[keep].requires_grad_()
    expert = Hidden(batch.expert.states[keep], batch.expert.weight)
    return Batch(
        **rows,
        hidden=hidden,
        head_weight=batch.head_weight,
        denominator=batch.denominator,
        expert=expert,
        depends_on=batch.depends_on[keep][:, keep],
    )


LEARNERS = [
    DistIL(),
    DistIL(cost="kl", gamma=0.9, credit="attempt", divergence_weight="raw"),
    DistIL(baseline="none", future_weight=0.5),
    CE(),
    SDPO(top_k=3),
    OPSD(),
    OPD(),
    MiniLLM(),
    GRPO(),
    DrGRPO(),
    DAPO(),
    RLOO(),
    MaxRL(),
]


@pytest.mark.parametrize("learner", LEARNERS, ids=repr)
def test_what_the_environment_put_between_takes_no_part(learner: Learner) -> None:
    """Ids, states and experts there change nothing, be they NaN, and get a gradient of exactly zero.

    Nor does an attempt that is not learned from, but for its number of tokens.
    """
    batch = make_batch(attempts=3)
    batch.learnable &= batch.turn != 1
    expected = gradients(learner, batch)
    out, expert = ~batch.counted, batch.expert
    assert isinstance(expert, Hidden) and batch.old_logp is not None
    assert bool((out & (batch.turn == 0)).any()) and bool((batch.turn == 2).any())
    with torch.no_grad():
        batch.hidden[out] = torch.nan
        expert.states[out] = torch.nan
        batch.old_logp[out] = torch.nan
        batch.ids[out] = V - 1
    got = gradients(learner, batch)
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(got, expected, strict=True))
    assert not got[1][out].any() and bool(got[1][~out].any())


def test_in_one_attempt_credit_for_it_is_credit_for_the_episode() -> None:
    episode, attempt = DistIL(gamma=0.9), DistIL(gamma=0.9, credit="attempt")
    pairs = zip(gradients(episode, make_batch()), gradients(attempt, make_batch()), strict=True)
    assert all(torch.equal(mine, theirs) for mine, theirs in pairs)
    _, of_episode, _ = gradients(episode, make_batch(attempts=3))
    _, of_attempt, _ = gradients(attempt, make_batch(attempts=3))
    assert not torch.allclose(of_episode, of_attempt)


@pytest.mark.parametrize("attempts", [1, 3])
@pytest.mark.parametrize("learner", LEARNERS, ids=repr)
def test_an_infrastructure_failure_changes_nothing(learner: Learner, attempts: int) -> None:
    """Neither the loss, nor the gradients and baselines of other rows, nor a metric, whatever its numbers are."""
    batch, failed = make_batch(attempts=attempts), 2
    assert isinstance(batch.expert, Hidden)
    with torch.no_grad():
        batch.hidden[failed] = torch.nan
        batch.expert.states[failed] = torch.inf
        batch.reward[failed] = torch.nan
        batch.old_logp[failed] = torch.nan  # type: ignore[index]
    batch.valid[failed] = False
    value, d_hidden, d_weight = gradients(learner, batch)
    absent = without(batch, failed)
    expected, d_hidden_absent, d_weight_absent = gradients(learner, absent)
    assert torch.allclose(value, expected, rtol=1e-12)
    assert torch.allclose(d_weight, d_weight_absent, atol=1e-12)
    others = torch.arange(len(batch.ids)) != failed
    assert torch.allclose(d_hidden[others], d_hidden_absent, atol=1e-12)
    assert float(d_hidden[failed].abs().max()) == 0.0
    metrics, metrics_absent = learner.loss(batch).metrics, learner.loss(absent).metrics
    assert metrics.keys() == metrics_absent.keys()
    for name, numbers in metrics.items():
        assert numbers == pytest.approx(metrics_absent[name], rel=1e-12), name


def test_a_row_without_feedback_is_not_taught_and_is_no_baseline() -> None:
    batch, silent = make_batch(), 3
    batch.learnable[silent] = False
    value, d_hidden, d_weight = gradients(DistIL(), batch)
    expected, _, d_weight_absent = gradients(DistIL(), without(batch, silent))
    assert torch.allclose(value, expected, rtol=1e-12)
    assert torch.allclose(d_weight, d_weight_absent, atol=1e-12)
    assert float(d_hidden[silent].abs().max()) == 0.0


def test_a_row_made_into_a_siblings_feedback_does_not_meet_it_in_its_baseline() -> None:
    """The feedback of row 0 was made from row 2: out of row 2's baseline goes row 0, and out of no other."""
    batch = make_batch()
    assert batch.depends_on is not None
    _, before, _ = gradients(DistIL(), batch)
    batch.depends_on[0, 2] = True
    _, after, _ = gradients(DistIL(), batch)
    changed = (before - after).abs().amax((1, 2)) > 1e-9
    assert changed.tolist() == [False, False, True, False, False, False]


@pytest.mark.parametrize("attempts", [1, 3])
def test_metrics_of_parts_add_up_to_those_of_the_whole(attempts: int) -> None:
    batch = make_batch(attempts=attempts)
    assert isinstance(batch.expert, Hidden) and batch.depends_on is not None and batch.old_logp is not None
    for learner in LEARNERS:
        whole = learner.loss(batch)
        total: dict[str, tuple[float, float]] = {}
        value = 0.0
        for group in (0, 1):
            part = batch
            for row in reversed(range(len(batch.ids))):
                if batch.group[row] != group:
                    part = without(part, row)
            loss = learner.loss(part)
            value += float(loss.value.detach())
            for name, (number, count) in loss.metrics.items():
                before = total.get(name, (0.0, 0.0))
                total[name] = (before[0] + number, before[1] + count)
        assert value == pytest.approx(float(whole.value.detach()), rel=1e-12)
        assert total.keys() == whole.metrics.keys()
        assert all(total[name] == pytest.approx(whole.metrics[name], rel=1e-9) for name in total)
        assert "entropy" in total


def test_a_kl_cost_from_samples_is_an_error() -> None:
    batch = make_batch()
    batch.expert = Samples(batch.ids[..., None], torch.ones(*batch.ids.shape, 1, dtype=torch.float64))
    assert torch.isfinite(DistIL().loss(batch).value)
    with pytest.raises(ConfigError, match="samples do not give"):
        DistIL(cost="kl").loss(batch)


@pytest.mark.parametrize(
    ("learner", "group_size", "match"),
    [
        (DistIL(gamma=1.5), 4, r"gamma must be in \[0, 1\], got 1.5"),
        (DistIL(gamma=math.nan), 4, "gamma"),
        (DistIL(future_weight=-1.0), 4, "future_weight must not be negative"),
        (DistIL(), 1, "at least two rollouts per task, but group_size is 1"),
        (DistIL(credit="turn"), 4, "credit must be one of episode, attempt, got 'turn'"),  # type: ignore[arg-type]
        (DistIL(cost="jsd"), 4, "cost must be one of ce, kl"),  # type: ignore[arg-type]
        (DistIL(baseline="mean"), 4, "baseline must be one of leave-one-out, none"),  # type: ignore[arg-type]
        (GRPO(clip=0.0), 4, "clip must be positive"),
        (GRPO(), 1, "group_size is 1"),
    ],
)
def test_options_that_cannot_work(learner: Learner, group_size: int, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        learner.validate(group_size)


def test_options_that_work() -> None:
    for learner, group_size in (
        (DistIL(), 2),
        (DistIL(baseline="none"), 1),
        (DistIL(future_weight=0.0), 1),
        (GRPO(), 2),
    ):
        learner.validate(group_size)
