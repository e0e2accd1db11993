"""What is kept of an update's tokens is what the update did to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from agents.batch import Batch
from agents.learners import CE, GRPO, OPSD, RFT, SDPO, SFT, DAgger, DistIL, Learner
from agents.learners.distillation import Distillation
from agents.lessons import Lesson
from agents.rollout import Rollouts
from agents.update import Updater
from feedback.distribution import TokenDistribution
from feedback.mixed import Hard
from tests.agents.updates import Load, lessons_of, make_rollouts, make_updater, prompt_of

LEARNERS: list[Learner] = [
    DistIL(future_weight=1.0, baseline="none"),
    DistIL(divergence_weight="raw", gamma=0.9),
    CE(),
    SDPO(top_k=5),
    OPSD(),
    GRPO(),
    RFT(),
    DAgger(),
]


def local_gradient(learner: Learner, expert: TokenDistribution, log_q: torch.Tensor) -> torch.Tensor:
    """∂D/∂z of what the learner measures."""
    measure = learner.divergence() if isinstance(learner, Distillation) else None
    return expert.logit_gradient(log_q) if measure is None else measure.logit_gradient(expert, log_q)


def recorded(updater: Updater, rollouts: Rollouts) -> dict[str, Any]:
    updater.recorder.begin(rollouts)
    updater.step(0, lessons_of(updater, rollouts))
    return updater.recorder.found


@pytest.mark.parametrize("learner", LEARNERS, ids=repr)
@pytest.mark.parametrize("attempts", [1, 3])
def test_the_factors_rebuild_the_gradient_of_the_states(
    load: Load, monkeypatch: pytest.MonkeyPatch, learner: Learner, attempts: int
) -> None:
    """dz = w (q - p) + c (q - onehot), times the head, is what autograd left in the states."""
    policy = load(lora_rank=0)
    rollouts = make_rollouts(policy, attempts=attempts)
    updater = make_updater(policy, learner, record_groups=99)
    hidden, look = policy.hidden, updater.recorder.look
    compared: set[str] = set()

    def kept(*args: Any, **more: Any) -> torch.Tensor:
        made = hidden(*args, **more)
        made.retain_grad()
        return made

    def compare(batch: Batch, lessons: Sequence[Lesson]) -> None:
        look(batch, lessons)
        assert batch.hidden.grad is not None
        for row, lesson in enumerate(lessons):
            tokens = updater.recorder.found.get(lesson.episode.rollout_id)
            if tokens is None:
                assert not batch.hidden.grad[row].any()
                continue
            weight, credit = (torch.tensor(tokens[name])[:, None] for name in ("weight", "credit"))
            left = batch.hidden.grad[row, : len(weight)] * batch.denominator
            log_q = torch.log_softmax((batch.hidden[row, : len(weight)] @ batch.head_weight.T).float(), -1)
            onehot = torch.nn.functional.one_hot(batch.ids[row, : len(weight)], log_q.shape[-1])
            local = torch.zeros_like(log_q)
            if batch.expert is not None:
                learned = torch.zeros_like(batch.mask)
                learned[row] = batch.counted[row]
                at = batch.counted[row, : len(weight)]
                experts = batch.expert if not isinstance(learner, DAgger) else Hard(batch.expert)
                local[at] = local_gradient(learner, experts.rows(learned).chunk(0, int(at.sum())), log_q[at])
            made = (weight * local + credit * (log_q.exp() - onehot)) @ batch.head_weight
            torch.testing.assert_close(made, left, rtol=1e-3, atol=1e-4)
            compared.add(lesson.episode.rollout_id)

    monkeypatch.setattr(policy, "hidden", kept)
    monkeypatch.setattr(updater.recorder, "look", compare)
    found = recorded(updater, rollouts)
    assert found
    assert compared == set(found)
    for tokens in found.values():
        assert {len(value) for value in tokens.values() if value is not None} == {len(tokens["learned"])}


def test_cross_entropy_and_likeliest_tokens_are_exact(load: Load) -> None:
    """Against full distributions, computed apart."""
    policy = load(lora_rank=0)
    rollouts = make_rollouts(policy, groups=2, size=2)
    updater = make_updater(policy, CE(), record_groups=99)
    found = recorded(updater, rollouts)
    assert set(found) == {episode.rollout_id for episode in rollouts.episodes}
    episode = rollouts.episodes[0]
    tokens = found[episode.rollout_id]
    with torch.no_grad():
        states = policy.hidden([prompt_of(policy, rollouts.episodes[0].upto(-1))], [episode.continuation_ids])
        log_q = torch.log_softmax((states @ policy.head_weight.T).float(), -1)[0]
    ids = torch.tensor(episode.continuation_ids)
    assert tokens["logp"] == pytest.approx(log_q.gather(-1, ids[:, None])[:, 0].tolist(), rel=1e-3)
    assert tokens["entropy"] == pytest.approx((-(log_q.exp() * log_q).sum(-1)).tolist(), rel=1e-3)
    for place, top in enumerate(tokens["student"]):
        best = log_q[place].exp().topk(5)
        assert [p for _, p in top] == pytest.approx(best.values.tolist(), rel=1e-3)
        assert [text for text, _ in top] == [policy.tokenizer.decode([i]) for i in best.indices.tolist()]
    assert tokens["weight"] == [1.0] * len(ids)
    assert tokens["credit"] == [0.0] * len(ids)
    assert all(sum(p for _, p in top) <= 1.0001 for top in tokens["expert"])


def test_credit_is_the_advantage(load: Load) -> None:
    policy = load(lora_rank=0)
    rollouts = make_rollouts(policy, groups=4, size=4)
    found = recorded(make_updater(policy, GRPO(), record_groups=4), rollouts)
    assert found
    for episode in rollouts.episodes:
        if episode.rollout_id in found:
            tokens = found[episode.rollout_id]
            assert len(set(tokens["credit"])) == 1
            assert episode.outcome is not None
            assert (tokens["credit"][0] > 0) == episode.outcome.success
            assert tokens["expert"] is None


def test_only_the_first_groups_and_only_the_first_pass(load: Load) -> None:
    policy = load(lora_rank=0)
    rollouts = make_rollouts(policy)
    once = recorded(make_updater(policy, DistIL(), record_groups=1), rollouts)
    assert {name.split("/")[1] for name in once} == {"0"}
    twice = recorded(make_updater(load(lora_rank=0), DistIL(), record_groups=1, passes=2, lr=0.1), rollouts)
    assert twice == once
    assert recorded(make_updater(policy, DistIL(), record_groups=0), rollouts) == {}


def test_a_correction_in_place_of_a_rollout_is_not_taken_for_it(load: Load) -> None:
    policy = load(lora_rank=0)
    rollouts = make_rollouts(policy)
    for episode in rollouts.episodes:
        episode.attempt.feedback = episode.attempt.feedback.__class__(text="no", correction="4")
    assert recorded(make_updater(policy, SFT(), record_groups=9), rollouts) == {}
