"""What a learner does to single tokens, against dense logits, and what a perfect one scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from agents.batch import Batch, Loss
from agents.credit_truth import Branched, Measure, agreement, credit_of
from agents.credit_truth.learned import _Prober
from agents.head import Scores
from agents.learners import CE, GRPO, OPSD, RFT, RLOO, SDPO, SFT, DAgger, DistIL, Learner
from agents.learners.policy_gradient import PolicyGradient
from agents.lessons import Lesson
from distil_envs.counted import generator
from tests.agents.updates import Load, lessons_of, make_rollouts, make_updater

Measured = Callable[..., Branched]

pytestmark = pytest.mark.usefixtures("one_thread")


LEARNERS: list[Learner] = [
    DistIL(future_weight=1.0), DistIL(future_weight=0.0), CE(), SDPO(top_k=5), OPSD(), GRPO(), RFT(),
    DAgger(),
]  # fmt: skip


@pytest.mark.parametrize("learner", LEARNERS, ids=repr)
def test_the_push_is_the_gradient_of_dense_logits(
    load: Load, monkeypatch: pytest.MonkeyPatch, learner: Learner
) -> None:
    """The same loss on logits themselves, by autograd alone."""
    policy = load(lora_rank=0)
    rollouts = make_rollouts(policy, attempts=2)
    updater = make_updater(policy, learner)
    prober = _Prober(99, policy.tokenizer)
    updater.recorder = prober
    prober.begin(rollouts)
    loss = type(learner).loss
    expected = {name: [0.0] * len(each.push) for name, each in prober.credit.items()}
    dense: list[Tensor] = []

    def also_dense(self: Learner, batch: Batch) -> Loss:
        logits = (batch.hidden.detach() @ batch.head_weight.detach().T).requires_grad_()
        alone = replace(batch, hidden=logits, head_weight=torch.eye(logits.shape[-1]), probe=None, seen=None)
        (dz,) = torch.autograd.grad(loss(self, alone).value, logits)
        dense.append(-dz * batch.denominator)
        return loss(self, batch)

    look = prober.look

    def compare(batch: Batch, lessons: Sequence[Lesson]) -> None:
        for row, lesson in enumerate(lessons):
            for t, token in enumerate(lesson.episode.continuation_ids):
                expected[lesson.judged.rollout_id][t] += float(dense[-1][row, t, token])
        look(batch, lessons)

    monkeypatch.setattr(type(learner), "loss", also_dense)
    monkeypatch.setattr(prober, "look", compare)
    updater.step(0, lessons_of(updater, rollouts))
    assert any(any(each.push) for each in prober.credit.values())
    for name, each in prober.credit.items():
        assert each.push == pytest.approx(expected[name], abs=2e-5)


def test_rewards_push_by_their_advantage(branched: Measured) -> None:
    """RLOO: A (1 - q) on every token, A itself as coefficient; and nothing has been moved."""
    of = branched(run=False)
    before = [parameter.clone() for parameter in of.policy.trainable().values()]
    rollouts = of.rollouts[0]
    config = replace(of.config, learner=RLOO())
    credit = credit_of(config, of.policy, of.envs.rows[0], rollouts)
    assert credit == credit_of(config, of.policy, of.envs.rows[0], rollouts)
    assert all((a == b).all() for a, b in zip(before, of.policy.trainable().values(), strict=True))
    rewards = np.array([e.outcome.reward for e in rollouts.episodes if e.outcome]).reshape(-1, 4)
    advantage = (rewards - (rewards.sum(1, keepdims=True) - rewards) / 3).ravel()
    assert np.abs(advantage).max() > 0
    for episode, logprobs, a in zip(rollouts.episodes, rollouts.logprobs, advantage, strict=True):
        found = credit[episode.rollout_id]
        assert found.coefficient == pytest.approx([a] * len(logprobs), abs=1e-5)
        assert found.push == pytest.approx(list(a * (1 - np.exp(logprobs))), abs=1e-4)
        assert found.cost == 0


def test_a_correction_pushes_the_rollout_up_to_where_they_part(branched: Measured) -> None:
    of = branched(run=False)
    rollouts = of.rollouts[0]
    credit = credit_of(replace(of.config, learner=SFT()), of.policy, of.envs.rows[0], rollouts)
    parted = set()
    for episode, logprobs in zip(rollouts.episodes, rollouts.logprobs, strict=True):
        own, found = episode.continuation_ids, credit[episode.rollout_id]
        answer = of.policy.tokenizer.encode(episode.task.reference["answer"], add_special_tokens=False)
        right = [*answer, *of.policy.eos_ids]
        part = next((t for t, (a, b) in enumerate(zip(own, right, strict=False)) if a != b), len(right))
        expected = [float(t < part) - np.exp(logp) if t <= part else 0.0 for t, logp in enumerate(logprobs)]
        assert found.push == pytest.approx(expected, abs=1e-4)
        assert found.coefficient == pytest.approx([float(t < part) for t in range(len(own))], abs=1e-5)
        parted.add(part)
    assert len(parted) > 1


@dataclass
class Oracle(PolicyGradient):
    """Weighs each log-probability with a number from a table, by group and ids up to the token."""

    table: dict[tuple[int, ...], float] = field(default_factory=dict)
    needs_expert = False  # type: ignore[misc]

    def advantage(self, batch: Batch, scores: Scores) -> Tensor:
        of = torch.zeros(batch.ids.shape)
        for row, t in batch.counted.nonzero().tolist():
            of[row, t] = self.table[(int(batch.group[row]), *batch.ids[row, : t + 1].tolist())]
        return of


def test_the_true_advantage_scores_one_and_a_shuffled_one_nothing(branched: Measured) -> None:
    """Through a real learner and real updates."""
    of = branched(tasks=8, candidates=16, branches=16)
    where, true = of.where, of.advantages(of.rewards())
    keys = []
    for group, (seed, row, at, _) in zip(where.task.tolist(), of.tokens.tolist(), strict=True):
        keys.append((group, *of.rollouts[seed].episodes[row].continuation_ids[: at + 1]))
    measure = Measure(of.config)
    measure.branched = of
    given = measure.credits(replace(of.config, learner=Oracle(table=dict(zip(keys, true.mean.tolist(), strict=True)))))
    best = agreement(given["coefficient"], true.mean, where)
    assert best.pearson.mean == pytest.approx(1.0, abs=1e-6)
    assert best.same_place.mean == pytest.approx(1.0, abs=1e-6)
    assert best.spearman.mean > 0.99  # float32 parts equals
    assert 0.7 < agreement(given["push"], true.mean, where).pearson.mean < 1
    found = [
        agreement(generator(0, "shuffle", draw).permutation(given["coefficient"]), true.mean, where).pearson.mean
        for draw in range(20)
    ]
    assert abs(np.mean(found)) < 4 * np.std(found) / 20**0.5 + 0.02
    assert max(map(abs, found)) < 0.3
