"""One update: micro-batches change nothing, passes have ratios."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from agents.batch import Batch, Loss
from agents.head import CHUNK
from agents.learners import (
    CE,
    DAPO,
    GRPO,
    OPD,
    OPSD,
    RFT,
    RLOO,
    SDPO,
    DAgger,
    DistIL,
    DrGRPO,
    Learner,
    MaxRL,
    MiniLLM,
)  # fmt: skip
from agents.lessons import Lesson
from agents.rollout import Rollouts
from agents.update import micro_batches
from distil_envs import Attempt, Episode, Outcome, Status, Task
from tests.agents.updates import Load, assert_equal, gradients, lessons_of, make_rollouts, make_updater, stir

LATER = DistIL(gamma=0.9, credit="attempt", divergence_weight="raw")


@pytest.mark.parametrize(
    ("learner", "rank", "attempts", "train"),
    [
        (DistIL(), 0, 1, ()),
        (DistIL(), 4, 3, ()),
        (DistIL(cost="kl", gamma=0.9), 0, 3, (0, -1)),
        (LATER, 4, 3, (0, -1)),
        (GRPO(), 4, 1, ()),
        (GRPO(), 0, 3, (0, -1)),
        *(
            (learner, 0, 1, ())
            for learner in (CE(), SDPO(top_k=5), OPSD(), OPD(), RLOO(), DrGRPO(), DAPO(), MaxRL(), RFT())
        ),
        (MiniLLM(), 0, 3, ()),
        (DAgger(), 0, 3, (0, -1)),
        (DistIL(charge="full-sum", divergence_weight="normalised"), 0, 3, ()),
    ],
    ids=repr,
)
def test_micro_batches_chunks_and_padding_change_nothing(
    load: Load, monkeypatch: pytest.MonkeyPatch, learner: Learner, rank: int, attempts: int, train: tuple[int, ...]
) -> None:
    policy = load(lora_rank=rank)
    if rank:
        stir(policy)
    rollouts = make_rollouts(policy, attempts=attempts)
    whole, metrics = gradients(make_updater(policy, learner), rollouts, train)
    monkeypatch.setitem(CHUNK, "cpu", 7)
    split, metrics_split = gradients(make_updater(policy, learner, tokens=1), rollouts, train)
    assert len(list(micro_batches(lessons_of(make_updater(policy, learner), rollouts), 1))) >= 3
    assert_equal(whole, split)
    assert metrics_split == pytest.approx(metrics, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("attempts", [1, 3])
@pytest.mark.parametrize("learner", [DistIL(), GRPO()], ids=repr)
def test_an_infrastructure_failure_changes_nothing(load: Load, learner: Learner, attempts: int) -> None:
    """Nor the denominator: the gradients are those of the rollouts without it."""
    policy = load()
    rollouts, failed = make_rollouts(policy, attempts=attempts), 4
    rollouts.episodes[failed].attempt.outcome = Outcome(0.0, Status.INFRA_ERROR)
    rollouts.episodes[failed].attempt.feedback = None
    got, _ = gradients(make_updater(policy, learner), rollouts)
    keep = [row for row in range(len(rollouts.episodes)) if row != failed]
    rest = Rollouts(
        [rollouts.episodes[row] for row in keep],
        [rollouts.logprobs[row] for row in keep],
        [rollouts.group[row] for row in keep],
    )
    expected, _ = gradients(make_updater(policy, learner), rest)
    assert_equal(got, expected)


@pytest.mark.parametrize("learner", [SDPO(top_k=5), MiniLLM(), DrGRPO(), DAPO()], ids=repr)
def test_what_a_learner_adds_to_the_others_is_split_likewise(load: Load, learner: Learner) -> None:
    """Buckets, sums over the rest of the episode, a mean over rollouts, groups that are left out."""
    policy = load()
    rollouts = make_rollouts(policy, attempts=3)
    whole, metrics = gradients(make_updater(policy, learner), rollouts)
    split, metrics_split = gradients(make_updater(policy, learner, tokens=1), rollouts)
    assert_equal(whole, split)
    assert metrics_split == pytest.approx(metrics, rel=1e-4, abs=1e-6)


def test_groups_with_nothing_to_compare_are_as_if_never_drawn(load: Load) -> None:
    policy = load()
    rollouts = make_rollouts(policy, groups=4)
    for row, episode in enumerate(rollouts.episodes):
        right = (row < 3 and row != 1) or 6 <= row < 9
        episode.attempt.outcome = Outcome(float(right), Status.CORRECT if right else Status.WRONG)
    rollouts.episodes[9].attempt.outcome = Outcome(0.0, Status.INFRA_ERROR)  # of group 3: the others agree
    rest = Rollouts(rollouts.episodes[:3], rollouts.logprobs[:3], rollouts.group[:3])
    for learner, same in ((DAPO(clip_high=0.2), True), (GRPO(), False)):
        got, _ = gradients(make_updater(policy, learner), rollouts)
        expected, _ = gradients(make_updater(policy, learner), rest)
        close = all(torch.allclose(got[name], expected[name], atol=1e-6) for name in expected)
        assert close == same


def test_a_mean_over_rollouts(load: Load) -> None:
    """Of those that are learned from; GRPO without the standard deviation, but for the denominator."""
    policy = load()
    rollouts = make_rollouts(policy)
    for episode in rollouts.episodes[:6]:
        episode.attempt.outcome = Outcome(0.0, Status.INFRA_ERROR)
    batches: list[Batch] = []

    class Spy(DrGRPO):
        def loss(self, batch: Batch) -> Loss:
            batches.append(batch)
            return super().loss(batch)

    got, _ = gradients(make_updater(policy, Spy(length=1)), rollouts)
    tenth, _ = gradients(make_updater(policy, DrGRPO(length=10)), rollouts)
    assert [batch.denominator for batch in batches] == [3.0]
    assert_equal(got, {name: 10 * value for name, value in tenth.items()})


def test_rows_without_feedback_do_not_dilute_the_rest(load: Load) -> None:
    policy = load()
    rollouts = make_rollouts(policy)
    for episode in rollouts.episodes[:6]:
        episode.attempt.feedback = None
    got, _ = gradients(make_updater(policy, DistIL()), rollouts)
    rest = Rollouts(rollouts.episodes[6:], rollouts.logprobs[6:], rollouts.group[6:])
    expected, _ = gradients(make_updater(policy, DistIL()), rest)
    assert_equal(got, expected)


@pytest.mark.parametrize("learner", [GRPO(), DistIL(cost="kl", divergence_weight="raw")], ids=repr)
def test_nothing_to_learn_from_leaves_the_policy_alone(load: Load, learner: Learner) -> None:
    policy = load()
    rollouts = make_rollouts(policy)
    for episode in rollouts.episodes:
        episode.attempt.outcome = Outcome(0.0, Status.INFRA_ERROR)
    got, metrics = gradients(make_updater(policy, learner), rollouts)
    assert all(float(value.abs().max()) == 0.0 for value in got.values())
    assert metrics["loss"] == 0.0


@dataclass
class Recorder(Learner):
    """Writes down what it is given; its loss moves the policy."""

    needs_expert: ClassVar[bool] = False
    seen: list[tuple[Tensor, Tensor | None]] = field(default_factory=list)

    def loss(self, batch: Batch) -> Loss:
        scores = batch.scores()
        self.seen.append((scores.logp.detach().clone(), batch.old_logp))
        return Loss(-scores.logp.sum() / batch.denominator)


def test_later_passes_know_the_log_probabilities_of_the_first(load: Load) -> None:
    policy, recorder = load(), Recorder()
    updater = make_updater(policy, recorder, passes=3, lr=0.05, tokens=1)
    updater.step(0, lessons_of(updater, make_rollouts(policy)))
    passes = [recorder.seen[start : start + 3] for start in (0, 3, 6)]
    for part in range(3):
        first, none = passes[0][part]
        assert none is None
        for later in passes[1:]:
            now, old = later[part]
            assert old is not None and torch.allclose(old, first, atol=1e-6)
            assert float((now - first).abs().max()) > 1e-3


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 30)), min_size=1, max_size=8),
    st.integers(1, 200),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_micro_batches_are_whole_groups_within_the_budget(groups: list[tuple[int, int]], budget: int) -> None:
    lessons = []
    for number, (size, length) in enumerate(groups):
        for sample in range(size):
            attempt = Attempt((1, 2), tuple(range(max(1, length - sample))), "")
            episode = Episode(Task("t", "math", "x"), [attempt], rollout_id=str(len(lessons)))
            lessons.append(Lesson(episode, number, (0,), episode))
    parts = list(micro_batches(lessons, budget))
    rows = [[int(lesson.episode.rollout_id) for lesson in part] for part in parts]
    assert sorted(row for part in rows for row in part) == list(range(len(lessons)))
    for part, of_part in zip(parts, rows, strict=True):
        held = {lesson.group for lesson in part}
        assert sorted(of_part) == [row for row, lesson in enumerate(lessons) if lesson.group in held]
        width = max(2 + len(lesson.episode.attempt.completion_ids) for lesson in part)
        assert len(held) == 1 or width * len(part) <= budget
