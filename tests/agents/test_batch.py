"""What a learner sees of rollouts: masks, groups, dependencies, its teacher at each token."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from agents.batch import Batch, Loss
from agents.learners import (
    CE,
    GRPO,
    DistIL,
)  # fmt: skip
from agents.update import micro_batches
from feedback import Feedback
from feedback.distribution import Hidden
from feedback.experts.self_teacher import SelfTeacher
from tests.agents.updates import Load, assert_equal, gradients, lessons_of, make_rollouts, make_updater


@dataclass
class Looker(DistIL):
    """Keeps the batches."""

    batches: list[Batch] = field(default_factory=list)

    def loss(self, batch: Batch) -> Loss:
        self.batches.append(batch)
        return super().loss(batch)


def test_rewards_groups_and_dependencies_reach_the_learner(load: Load) -> None:
    policy, looker = load(), Looker()
    rollouts = make_rollouts(policy)
    episodes = rollouts.episodes
    episodes[0].attempt.feedback = Feedback(text="See the other.", depends_on=frozenset({"0/0/0", "0/0/2"}))
    episodes[1].attempt.feedback = None
    updater = make_updater(policy, looker)
    updater.step(0, lessons_of(updater, rollouts))
    (batch,) = looker.batches
    row = {tuple(ids[mask].tolist()): i for i, (ids, mask) in enumerate(zip(batch.ids, batch.mask, strict=True))}
    at = [row[episode.attempt.completion_ids] for episode in episodes]
    assert batch.group[at].tolist() == rollouts.group
    assert batch.reward[at].tolist() == [e.outcome.reward for e in episodes if e.outcome is not None]
    assert batch.learnable[at].any(1).tolist() == [True, False] + [True] * 7
    assert torch.equal(batch.mask & batch.learnable, batch.counted)
    assert batch.depends_on is not None
    # Every row on itself: the teacher reads the attempt.
    assert (batch.depends_on[at][:, at] ^ torch.eye(9, dtype=torch.bool)).nonzero().tolist() == [[0, 2]]
    assert batch.denominator == rollouts.tokens - len(episodes[1].attempt.completion_ids)


def test_what_a_teacher_reads_decides_what_a_token_is_charged_with(load: Load) -> None:
    """Feedback on the rollout itself, in its words or because the teacher sees the attempt, changes the full sum."""
    policy, rollouts = load(), make_rollouts(load())

    def gradient(charge: Any, show_attempt: bool, said: str | None = None) -> dict[str, Tensor]:
        updater = make_updater(policy, DistIL(charge=charge, baseline="none"))
        assert isinstance(updater.expert, SelfTeacher)
        updater.expert.context.show_attempt = show_attempt
        for episode in rollouts.episodes:
            named = frozenset({episode.rollout_id} if said == "own" else ())
            episode.attempt.feedback = Feedback(text="No.", depends_on=named)
        return gradients(updater, rollouts)[0]

    assert_equal(gradient("full-sum", False), gradient("strictly-future", False))
    for show, said in ((True, None), (False, "own")):
        full, future = (gradient(charge, show, said) for charge in ("full-sum", "strictly-future"))
        assert max(float((full[name] - future[name]).abs().max()) for name in full) > 1e-3


def test_an_expert_is_told_the_step_and_the_seed(load: Load) -> None:
    policy = load()
    seen = []

    class Teller(SelfTeacher):
        def distribution(self, *args: Any, **keys: Any) -> Any:
            seen.append(keys)
            return super().distribution(*args, **keys)

    expert = Teller()
    updater = replace(make_updater(policy, CE()), expert=expert, seed=5)
    updater.step(7, lessons_of(updater, make_rollouts(policy)))
    assert seen == [{"seed": 5, "step": 7}]


def test_without_lessons_the_optimiser_rests(load: Load) -> None:
    """Its momentum would move the policy by what was learned before."""
    policy = load()
    updater = make_updater(policy, CE())
    updater.optimizer = torch.optim.AdamW(policy.trainable().values(), lr=0.1, weight_decay=0.5)
    updater.step(0, lessons_of(updater, make_rollouts(policy)))
    before = {name: p.detach().clone() for name, p in policy.trainable().items()}
    metrics = updater.step(1, [replace(each, learned=()) for each in lessons_of(updater, make_rollouts(policy))])
    assert all(torch.equal(before[name], p) for name, p in policy.trainable().items())
    assert metrics["grad_norm"] == (0.0, 1.0) and metrics["lessons"] == (0.0, 9.0)


def test_kept_mass_is_that_of_the_tokens_learned_from(load: Load) -> None:
    policy, rollouts = load(), make_rollouts(load())
    rollouts.episodes[3].attempt.feedback = None
    updater = make_updater(policy, CE())
    updater.expert = SelfTeacher(top_k=3)
    total, count = updater.step(0, lessons_of(updater, rollouts))["kept_mass"]
    learned = [row for row in range(9) if row != 3]
    assert count == sum(len(rollouts.episodes[row].attempt.completion_ids) for row in learned)
    assert 0 < total < count


@pytest.mark.parametrize("train", [(), (1, -1)])
def test_a_row_is_an_episode_and_each_attempt_has_its_own_teacher(load: Load, train: tuple[int, ...]) -> None:
    """Masks, turns and the choice of attempts by the ids themselves; the teacher at each as if scored alone."""
    policy, looker = load(), Looker()
    rollouts = make_rollouts(policy, attempts=3)
    rollouts.episodes[8].attempts[1].feedback = None
    rollouts.episodes[4].attempts[0].feedback = Feedback(text="As there.", depends_on=frozenset({"0/1/0"}))
    updater = make_updater(policy, looker)
    lessons = lessons_of(updater, rollouts, train)
    updater.step(0, lessons)
    (batch,) = looker.batches
    assert updater.expert is not None and updater.models is not None
    assert isinstance(batch.expert, Hidden) and batch.depends_on is not None
    rows = [lessons.index(lesson) for part in micro_batches(lessons, 10**6) for lesson in part]
    counted = 0
    for index, row in enumerate(rows):
        episode = rollouts.episodes[row]
        attempts = episode.attempts
        size = len(episode.continuation_ids)
        assert batch.ids[index, :size].tolist() == list(episode.continuation_ids)
        assert not batch.mask[index, size:].any() and bool(batch.turn[index, size:].eq(-1).all())
        chosen = {k for k in range(len(attempts)) if not train or k in train or k - len(attempts) in train}
        for k, attempt in enumerate(attempts):
            own = batch.turn[index] == k
            assert batch.ids[index, own].tolist() == list(attempt.completion_ids)
            assert batch.mask[index, own].tolist() == list(attempt.sampled)
            taught = k in chosen and attempt.feedback is not None
            assert batch.learnable[index, own].tolist() == [taught] * len(attempt.completion_ids)
            if taught:
                counted += sum(attempt.sampled)
                alone = updater.expert.distribution(
                    updater.models, [episode.upto(k)], [attempt.completion_ids], seed=0, step=0
                )
                assert isinstance(alone, Hidden)
                assert torch.allclose(batch.expert.states[index, own], alone.states[0], atol=1e-5)
        assert int(batch.mask[index].sum()) == sum(sum(attempt.sampled) for attempt in attempts)
    assert batch.denominator == counted == int(batch.counted.sum())
    others = batch.depends_on ^ torch.eye(len(rows), dtype=torch.bool)
    assert others.nonzero().tolist() == [[rows.index(4), rows.index(3)]]


def test_the_gradient_of_whole_episodes(load: Load) -> None:
    """GRPO's, from the model's own logits over all ids of each episode, one at a time."""
    policy = load()
    rollouts = make_rollouts(policy, attempts=3)
    got, _ = gradients(make_updater(policy, GRPO()), rollouts, (-1, 0))
    policy.model.zero_grad()
    total, count = torch.zeros(()), 0
    reward = torch.tensor([e.outcome.reward for e in rollouts.episodes if e.outcome]).view(3, 3)
    advantage = ((reward - reward.mean(1, keepdim=True)) / (reward.std(1, keepdim=True) + 1e-4)).flatten()
    for episode, weight in zip(rollouts.episodes, advantage, strict=True):
        last = episode.attempt
        ids = torch.tensor([*last.prompt_ids, *last.completion_ids])
        logp = policy.model(input_ids=ids[None]).logits[0].log_softmax(-1)
        for attempt in (episode.attempts[0], last) if len(episode.attempts) > 1 else (last,):
            for at, made in enumerate(attempt.policy_mask):
                if made:
                    total = total - weight * logp[at - 1, ids[at]]
                    count += 1
    (total / count).backward()
    assert_equal({n: p.grad for n, p in policy.trainable().items() if p.grad is not None}, got)
