"""One update: micro-batches change nothing, passes have ratios, teachers have the weights that they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from accelerate import Accelerator
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from agents.batch import Batch, Loss
from agents.learners import GRPO, DistIL, Learner
from agents.policy import Policy, PolicyConfig
from agents.rollout import Rollouts
from agents.teacher import TeacherModel
from agents.update import Updater, micro_batches
from distil_envs import Attempt, Episode, Outcome, Status, Task, encode_chat
from distil_envs.counted import generator
from feedback import Feedback
from feedback.context import ContextTemplate
from feedback.experts.self_teacher import SelfTeacher

Load = Callable[..., Policy]


@pytest.fixture
def load(small_model: Path) -> Load:
    def policy(**changes: Any) -> Policy:
        return Policy.load(str(small_model), PolicyConfig(**{"device": "cpu", "dtype": "float32", **changes}))

    return policy


def make_rollouts(policy: Policy, *, groups: int = 3, size: int = 3) -> Rollouts:
    """Ragged rollouts with feedback, right and wrong, without running anything."""
    episodes, group_of = [], []
    for group in range(groups):
        task = Task(f"t{group}", "math", f"What is {group} + 1{'?' * (group + 1)}")
        prompt = tuple(encode_chat(policy.tokenizer, task.messages))
        for sample in range(size):
            rng = generator(0, "rollouts", group, sample)
            ids = (*rng.integers(3, 200, size=int(rng.integers(1, 9))).tolist(), policy.eos_ids[0])
            right = bool(rng.random() < 0.5)
            outcome = Outcome(float(right), Status.CORRECT if right else Status.WRONG)
            attempt = Attempt(prompt, ids, "", outcome, Feedback(text=f"It is {group + 1}. {'Yes' * sample}"))
            episodes.append(
                Episode(
                    task,
                    [attempt],
                    rollout_id=f"0/{group}/{sample}",
                    group_id=f"0/{group}",
                    messages=tuple(task.messages),
                )
            )
            group_of.append(group)
    return Rollouts(episodes, [[0.0] * len(e.attempt.completion_ids) for e in episodes], group_of)


def make_updater(
    policy: Policy, learner: Learner, *, tokens: int = 10**6, weights: Any = "frozen", **more: Any
) -> Updater:
    teacher = SelfTeacher(weights=weights, context=ContextTemplate()) if learner.needs_expert else None
    options = {"max_grad_norm": 1e9, "passes": 1, "lr": 0.0} | more
    return Updater(
        policy,
        learner,
        torch.optim.SGD(policy.trainable().values(), lr=options["lr"]),
        Accelerator(cpu=True),
        teacher,
        TeacherModel(policy, teacher) if teacher is not None else None,
        tokens,
        options["max_grad_norm"],
        options["passes"],
    )


def gradients(updater: Updater, rollouts: Rollouts) -> tuple[dict[str, Tensor], dict[str, float]]:
    """What one step leaves in the parameters, and its metrics as means."""
    metrics = {name: total / max(count, 1.0) for name, (total, count) in updater.step(rollouts).items()}
    return {n: p.grad.clone() for n, p in updater.policy.trainable().items() if p.grad is not None}, metrics


def assert_equal(first: dict[str, Tensor], second: dict[str, Tensor], tolerance: float = 1e-6) -> None:
    assert first.keys() == second.keys()
    largest = max(float(value.abs().max()) for value in first.values())
    assert largest > 0
    for name, value in first.items():
        assert float((value - second[name]).abs().max()) < tolerance * max(1.0, largest), name


@pytest.mark.parametrize("rank", [0, 4])
@pytest.mark.parametrize("learner", [DistIL(), DistIL(cost="kl", gamma=0.9), GRPO()], ids=repr)
def test_micro_batches_and_padding_change_nothing(load: Load, learner: Learner, rank: int) -> None:
    policy = load(lora_rank=rank)
    if rank:
        stir(policy)
    rollouts = make_rollouts(policy)
    whole, metrics = gradients(make_updater(policy, learner), rollouts)
    split, metrics_split = gradients(make_updater(policy, learner, tokens=1), rollouts)
    assert len(list(micro_batches(rollouts, 1))) == 3
    assert_equal(whole, split)
    assert metrics_split == pytest.approx(metrics, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("learner", [DistIL(), GRPO()], ids=repr)
def test_an_infrastructure_failure_changes_nothing(load: Load, learner: Learner) -> None:
    """Nor the denominator: the gradients are those of the rollouts without it."""
    policy = load()
    rollouts, failed = make_rollouts(policy), 4
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


def test_rows_without_feedback_do_not_dilute_the_rest(load: Load) -> None:
    policy = load()
    rollouts = make_rollouts(policy)
    for episode in rollouts.episodes[:6]:
        episode.attempt.feedback = None
    got, _ = gradients(make_updater(policy, DistIL()), rollouts)
    rest = Rollouts(rollouts.episodes[6:], rollouts.logprobs[6:], rollouts.group[6:])
    expected, _ = gradients(make_updater(policy, DistIL()), rest)
    assert_equal(got, expected)


def test_nothing_to_learn_from_leaves_the_policy_alone(load: Load) -> None:
    policy = load()
    rollouts = make_rollouts(policy)
    for episode in rollouts.episodes:
        episode.attempt.outcome = Outcome(0.0, Status.INFRA_ERROR)
    got, metrics = gradients(make_updater(policy, GRPO()), rollouts)
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
    make_updater(policy, recorder, passes=3, lr=0.05, tokens=1).step(make_rollouts(policy))
    passes = [recorder.seen[start : start + 3] for start in (0, 3, 6)]
    for part in range(3):
        first, none = passes[0][part]
        assert none is None
        for later in passes[1:]:
            now, old = later[part]
            assert old is not None and torch.allclose(old, first, atol=1e-6)
            assert float((now - first).abs().max()) > 1e-3


def test_rewards_groups_and_dependencies_reach_the_learner(load: Load) -> None:
    seen: list[Batch] = []

    @dataclass
    class Looker(DistIL):
        def loss(self, batch: Batch) -> Loss:
            seen.append(batch)
            return super().loss(batch)

    policy = load()
    rollouts = make_rollouts(policy)
    episodes = rollouts.episodes
    episodes[0].attempt.feedback = Feedback(text="See the other.", depends_on=frozenset({"0/0/0", "0/0/2"}))
    episodes[1].attempt.feedback = None
    make_updater(policy, Looker()).step(rollouts)
    (batch,) = seen
    row = {tuple(ids[mask].tolist()): i for i, (ids, mask) in enumerate(zip(batch.ids, batch.mask, strict=True))}
    at = [row[episode.attempt.completion_ids] for episode in episodes]
    assert batch.group[at].tolist() == rollouts.group
    assert batch.reward[at].tolist() == [e.outcome.reward for e in episodes if e.outcome is not None]
    assert batch.taught is not None and batch.taught[at].tolist() == [True, False] + [True] * 7
    assert batch.depends_on is not None
    assert batch.depends_on[at][:, at].nonzero().tolist() == [[0, 2]]
    assert batch.denominator == rollouts.tokens - len(episodes[1].attempt.completion_ids)


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 30)), min_size=1, max_size=8),
    st.integers(1, 200),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_micro_batches_are_whole_groups_within_the_budget(groups: list[tuple[int, int]], budget: int) -> None:
    episodes, group_of = [], []
    for number, (size, length) in enumerate(groups):
        for sample in range(size):
            attempt = Attempt((1, 2), tuple(range(max(1, length - sample))), "")
            episodes.append(Episode(Task("t", "math", "x"), [attempt]))
            group_of.append(number)
    parts = list(micro_batches(Rollouts(episodes, [[]] * len(episodes), group_of), budget))
    assert sorted(row for part in parts for row in part) == list(range(len(episodes)))
    for part in parts:
        held = {group_of[row] for row in part}
        assert sorted(part) == [row for row, group in enumerate(group_of) if group in held]
        width = max(2 + len(episodes[row].attempt.completion_ids) for row in part)
        assert len(held) == 1 or width * len(part) <= budget


def stir(policy: Policy, scale: float = 0.05, seed: int = 3) -> None:
    """Change every trained weight, as training would."""
    source = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in policy.trainable().values():
            parameter.add_(torch.randn(parameter.shape, generator=source).to(parameter.dtype), alpha=scale)


ROWS = ([[5, 6, 7], [8, 9]], [[10, 11], [12, 13, 14]])


def logits(model: Any) -> Tensor:
    states: Tensor = model.hidden(*ROWS)
    weight: Tensor = model.head_weight
    return (states.float() @ weight.float().T).detach()


@pytest.mark.parametrize("rank", [0, 4])
def test_a_frozen_teacher_stays_and_a_live_one_follows(load: Load, rank: int) -> None:
    """With adapters the frozen teacher is the base without them, and costs no memory."""
    policy = load(lora_rank=rank)
    initial = logits(policy)
    frozen, live = (TeacherModel(policy, SelfTeacher(weights=weights)) for weights in ("frozen", "live"))
    assert bool(frozen.state_dict()) == (rank == 0)
    assert live.state_dict() == {}
    stir(policy)
    for teacher in (frozen, live):
        teacher.update()
        assert not teacher.hidden(*ROWS).requires_grad and not teacher.head_weight.requires_grad
    assert torch.equal(logits(frozen), initial)
    assert torch.equal(logits(live), logits(policy))
    assert not torch.allclose(logits(policy), initial, atol=1e-3)


@pytest.mark.parametrize("rank", [0, 4])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_moving_average_is_of_dense_float32_weights(load: Load, rank: int, dtype: str) -> None:
    """Of the dense weights under adapters too: the average of products is not the product of averages."""
    policy = load(lora_rank=rank, dtype=dtype)
    teacher = TeacherModel(policy, SelfTeacher(weights="ema", ema_rate=0.25))
    expected = {name: p.detach().clone() for name, p in policy.merged_model().named_parameters()}
    for step in range(3):
        stir(policy, 1e-3, seed=step)
        teacher.update()
        for name, p in policy.merged_model().named_parameters():
            expected[name] = 0.75 * expected[name] + 0.25 * p.detach()
    state = teacher.state_dict()
    assert state.keys() == expected.keys()
    for name, value in state.items():
        assert value.dtype == torch.float32
        assert torch.allclose(value, expected[name], atol=1e-7), name
    other = TeacherModel(load(lora_rank=rank, dtype=dtype), SelfTeacher(weights="ema"))
    other.load_state_dict(state)
    assert torch.equal(logits(other), logits(teacher))


def test_the_average_moves_once_for_each_optimiser_step(load: Load) -> None:
    policy = load()
    updater = make_updater(policy, DistIL(), weights="ema", passes=2, lr=0.05, tokens=1)
    teacher = updater.teacher_model
    assert teacher is not None
    before = {name: p.detach().clone() for name, p in policy.model.named_parameters()}
    path: list[dict[str, Tensor]] = []
    updater.optimizer.register_step_post_hook(
        lambda *_: path.append({name: p.detach().clone() for name, p in policy.model.named_parameters()})
    )
    updater.step(make_rollouts(policy))
    assert len(path) == 2
    for name, average in teacher.state_dict().items():
        expected = before[name]
        for weights in path:
            expected = 0.95 * expected + 0.05 * weights[name]
        assert torch.allclose(average, expected, atol=1e-7), name
