"""One update: micro-batches change nothing, passes have ratios, teachers have the weights that they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from accelerate import Accelerator
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
from agents.lessons import Lesson, Lessons
from agents.policy import Policy, PolicyConfig
from agents.rollout import Rollouts
from agents.scorers import Scorers
from agents.update import Updater, micro_batches
from distil_envs import Attempt, Episode, Outcome, Status, Task, encode_chat
from distil_envs.counted import generator
from feedback import Feedback
from feedback.context import ContextTemplate
from feedback.distribution import Hidden
from feedback.experts.expert import Source
from feedback.experts.self_teacher import SelfTeacher

Load = Callable[..., Policy]


@pytest.fixture
def load(small_model: Path) -> Load:
    def policy(**changes: Any) -> Policy:
        return Policy.load(str(small_model), PolicyConfig(**{"device": "cpu", "dtype": "float32", **changes}))

    return policy


def make_rollouts(policy: Policy, *, groups: int = 3, size: int = 3, attempts: int = 1) -> Rollouts:
    """Ragged rollouts with feedback, right and wrong, without running anything.

    Of several attempts an episode has one to `attempts`, each but the last wrong, and some call a tool.
    """
    episodes, group_of = [], []
    for group in range(groups):
        task = Task(f"t{group}", "math", f"What is {group} + 1{'?' * (group + 1)}")
        for sample in range(size):
            rng = generator(0, "rollouts", group, sample)
            name = f"0/{group}/{sample}"
            episode = Episode(task, [], rollout_id=name, group_id=f"0/{group}", messages=tuple(task.messages))
            count = 1 + (group + sample) % attempts
            for number in range(count):
                ids = (*rng.integers(3, 200, size=int(rng.integers(1, 9))).tolist(), policy.eos_ids[0])
                right = number == count - 1 and bool(rng.random() < 0.5)
                outcome = Outcome(float(right), Status.CORRECT if right else Status.WRONG)
                words = Feedback(text=f"It is {group + 1}. {'Yes' * (sample + number)}")
                attempt = Attempt(prompt_of(policy, episode), ids, "", outcome, words, reply=words.text + " Again.")
                if attempts > 1 and (sample + number) % 2:
                    attempt.inserted = ((len(ids), len(ids) + 5),)
                    attempt.completion_ids = (*ids, *rng.integers(3, 200, size=5).tolist(), 40, 41, policy.eos_ids[0])
                episode.attempts.append(attempt)
            episodes.append(episode)
            group_of.append(group)
    return Rollouts(episodes, [[0.0] * sum(sum(a.sampled) for a in e.attempts) for e in episodes], group_of)


def prompt_of(policy: Policy, episode: Episode) -> tuple[int, ...]:
    """Ids before the next attempt."""
    if not episode.attempts:
        return tuple(encode_chat(policy.tokenizer, episode.task.messages))
    last = episode.attempt
    turns = [{"role": "user", "content": last.reply}]
    reply = episode.format.continued(policy.tokenizer, episode.chat, turns, last.completion_ids[-1])
    return (*last.prompt_ids, *last.completion_ids, *reply)


def make_updater(
    policy: Policy, learner: Learner, *, tokens: int = 10**6, weights: Any = "frozen", **more: Any
) -> Updater:
    expert = SelfTeacher(weights=weights, context=ContextTemplate()) if learner.needs_expert else None
    options = {"max_grad_norm": 1e9, "passes": 1, "lr": 0.0} | more
    return Updater(
        policy,
        learner,
        torch.optim.SGD(policy.trainable().values(), lr=options["lr"]),
        Accelerator(cpu=True),
        expert,
        Scorers(policy, expert, policy.eos_ids[0]) if expert is not None else None,
        tokens,
        options["max_grad_norm"],
        options["passes"],
        0,
    )


def lessons_of(updater: Updater, rollouts: Rollouts, train: tuple[int, ...] = ()) -> list[Lesson]:
    end = updater.policy.eos_ids[0]
    return Lessons(updater.learner, updater.expert, updater.policy.tokenizer, end, 0, train).take(0, rollouts)


def gradients(
    updater: Updater, rollouts: Rollouts, train: tuple[int, ...] = ()
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """What one step leaves in the parameters, and its metrics as means."""
    metrics = {
        name: total / max(count, 1.0)
        for name, (total, count) in updater.step(0, lessons_of(updater, rollouts, train)).items()
    }
    return {n: p.grad.clone() for n, p in updater.policy.trainable().items() if p.grad is not None}, metrics


def assert_equal(first: dict[str, Tensor], second: dict[str, Tensor], tolerance: float = 1e-6) -> None:
    assert first.keys() == second.keys()
    largest = max(float(value.abs().max()) for value in first.values())
    assert largest > 0
    for name, value in first.items():
        assert float((value - second[name]).abs().max()) < tolerance * max(1.0, largest), name


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
    frozen, live = (Scorers(policy, SelfTeacher(weights=weights), 1) for weights in ("frozen", "live"))
    assert bool(frozen.state_dict()["frozen"]) == (rank == 0)
    assert live.state_dict() == {"live": {}}
    stir(policy)
    for models in (frozen, live):
        models.update()
    scorers = [models.scorer(Source(kind)) for models, kind in ((frozen, "frozen"), (live, "live"))]
    for scorer in scorers:
        assert not scorer.hidden(*ROWS).requires_grad and not scorer.head_weight.requires_grad
    assert torch.equal(logits(scorers[0]), initial)
    assert torch.equal(logits(scorers[1]), logits(policy))
    assert not torch.allclose(logits(policy), initial, atol=1e-3)


@pytest.mark.parametrize("rank", [0, 4])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_moving_average_is_of_dense_float32_weights(load: Load, rank: int, dtype: str) -> None:
    """Of the dense weights under adapters too: the average of products is not the product of averages."""
    policy = load(lora_rank=rank, dtype=dtype)
    models = Scorers(policy, SelfTeacher(weights="ema", ema_rate=0.25), 1)
    expected = {name: p.detach().clone() for name, p in policy.merged_model().named_parameters()}
    for step in range(3):
        stir(policy, 1e-3, seed=step)
        models.update()
        for name, p in policy.merged_model().named_parameters():
            expected[name] = 0.75 * expected[name] + 0.25 * p.detach()
    state = models.state_dict()["ema 0.25"]
    assert state.keys() == expected.keys()
    for name, value in state.items():
        assert value.dtype == torch.float32
        assert torch.allclose(value, expected[name], atol=1e-7), name
    other = Scorers(load(lora_rank=rank, dtype=dtype), SelfTeacher(weights="ema", ema_rate=0.25), 1)
    other.load_state_dict(models.state_dict())
    average = Source("ema", 0.25)
    assert torch.equal(logits(other.scorer(average)), logits(models.scorer(average)))


def test_the_average_moves_once_for_each_optimiser_step(load: Load) -> None:
    policy = load()
    updater = make_updater(policy, DistIL(), weights="ema", passes=2, lr=0.05, tokens=1)
    models = updater.models
    assert models is not None
    before = {name: p.detach().clone() for name, p in policy.model.named_parameters()}
    path: list[dict[str, Tensor]] = []
    updater.optimizer.register_step_post_hook(
        lambda *_: path.append({name: p.detach().clone() for name, p in policy.model.named_parameters()})
    )
    updater.step(0, lessons_of(updater, make_rollouts(policy)))
    assert len(path) == 2
    for name, average in models.state_dict()["ema 0.05"].items():
        expected = before[name]
        for weights in path:
            expected = 0.95 * expected + 0.05 * weights[name]
        assert torch.allclose(average, expected, atol=1e-7), name
