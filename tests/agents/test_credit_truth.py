"""Credit beside the truth: exact values by enumeration, pushes by dense logits, scores that must come out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from agents.batch import Batch, Loss
from agents.cli.credit import CreditCommand, credit
from agents.cli.parsing import UsageError
from agents.cli.run_options import configure
from agents.config import EnvConfig, TrainerConfig
from agents.credit_truth import Branched, CreditConfig, Measure, Where, agreement, ceilings, credit_of, difference
from agents.credit_truth.learned import _Prober
from agents.environments import take_provider
from agents.head import Scores
from agents.learners import CE, GRPO, OPSD, RFT, RLOO, SDPO, SFT, DAgger, DistIL, Learner
from agents.learners.policy_gradient import PolicyGradient
from agents.lessons import Lesson
from agents.limits import Limits
from agents.policy import Policy, PolicyConfig
from distil_envs import Task
from distil_envs.counted import generator
from distil_envs.errors import ConfigError
from distil_envs.grading import Grader
from distil_envs.tokenization import decode
from distil_envs.toy import exact_match
from distil_envs.vector import TokenVectorEnv
from feedback import Feedback
from feedback.context import ContextTemplate
from tests.agents.updates import Load, lessons_of, make_rollouts, make_updater

Measured = Callable[..., Branched]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """A model this small loses by more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def tiny() -> Policy:
    return Policy.load("tiny", PolicyConfig(device="cpu"))


@pytest.fixture
def branched(tiny: Policy) -> Iterator[Measured]:
    """Makes rollouts with their branches; the environment lives as long as the test."""
    made: list[TokenVectorEnv] = []
    grader = Grader(4)

    def make(*, rows: int = 128, env: Mapping[str, Any] | None = None, run: bool = True, **options: Any) -> Branched:
        options = {"tasks": 4, "candidates": 16, "tries": 8, "group_size": 4, "seeds": (0, 1), "branches": 8} | options
        arguments = {"tasks": "toy/rule@1", "num_tasks": 16, "max_new_tokens": 6, "max_prompt_tokens": 16} | dict(
            env or {}
        )
        envs = TokenVectorEnv.of(
            "distil/Toy-v0", rows, autoreset_mode="Disabled", tokenizer=tiny.tokenizer, eos_token_ids=tiny.eos_ids,
            grader=grader, feedback="answer", **arguments,
        )  # fmt: skip
        made.append(envs)
        take_provider(envs)
        of = Branched(CreditConfig(**options), tiny, envs)
        of.sample()
        if run:
            of.branch()
        return of

    with grader:
        yield make
        for envs in made:
            envs.close()


# The truth, exactly.


@torch.inference_mode()
def log_probabilities(policy: Policy, ids: Sequence[int]) -> Tensor:
    """float64 [T, V], of the token after each, by the transformers model alone."""
    logits = policy.model(input_ids=torch.tensor([list(ids)])).logits[0]
    return torch.log_softmax(logits.double(), -1)


@dataclass
class Enumerated:
    """Every completion of at most two tokens of one task, with its chance and its value."""

    policy: Policy
    task: Task
    prompt: Sequence[int]
    teacher: Sequence[int]

    def __post_init__(self) -> None:
        size = len(self.policy.tokenizer)
        ends = self.policy.eos_ids
        self.first = log_probabilities(self.policy, self.prompt)[-1].exp()
        self.cost_first = self._cost(())
        self.reward: dict[tuple[int, ...], float] = {}
        self.cost: dict[tuple[int, ...], float] = {}
        self.second: dict[int, Tensor] = {}
        for a in range(size):
            if a in ends:
                self.reward[(a,)], self.cost[(a,)] = self._right((a,)), -self.cost_first
                continue
            self.second[a] = log_probabilities(self.policy, [*self.prompt, a])[-1].exp()
            cost = -self.cost_first - self._cost((a,))
            for b in range(size):
                self.reward[(a, b)], self.cost[(a, b)] = self._right((a, b)), cost

    def _right(self, ids: tuple[int, ...]) -> float:
        return exact_match(
            self.task, decode(self.policy.tokenizer, [i for i in ids if i not in self.policy.eos_ids])
        ).reward

    def _cost(self, ids: tuple[int, ...]) -> float:
        p = log_probabilities(self.policy, [*self.teacher, *ids])[-1].exp()
        return -float(p @ log_probabilities(self.policy, [*self.prompt, *ids])[-1])

    def value(self, of: Mapping[tuple[int, ...], float], prefix: tuple[int, ...]) -> float:
        """Expected value behind a prefix of 0, 1 or 2 tokens."""
        if prefix in of:
            return of[prefix]
        if prefix:
            return sum(float(p) * of[(*prefix, b)] for b, p in enumerate(self.second[prefix[0]]))
        return sum(float(p) * self.value(of, (a,)) for a, p in enumerate(self.first))


def test_branches_give_the_true_advantages(tiny: Policy, branched: Measured) -> None:
    """Of reward and of cost, against the sum over all completions; within five standard errors everywhere."""
    task = Task("one", "toy", "147!", {"answer": "74"})
    environment = {"tasks": [task], "split": "all", "num_tasks": None, "max_new_tokens": 2}
    of = branched(
        env=environment, candidates=1, lowest=0.0, highest=1.0, branches=512, group_size=24, seeds=(0,), rows=256
    )
    episode = of.rollouts[0].episodes[0]
    episode.attempt.feedback = Feedback(text="The correct answer is 74.")
    teacher = ContextTemplate(show_attempt=False).ids(tiny.tokenizer, episode, episode.attempt.feedback)
    exact = Enumerated(tiny, task, episode.attempt.prompt_ids, teacher)
    assert 0.15 < exact.value(exact.reward, ()) < 0.85
    costs = of.costs(of.config)
    assert costs is not None
    for values, table in ((of.rewards(), exact.reward), (costs, exact.cost)):
        found, seen = of.advantages(values), set()
        for at, (_, row, place, _) in enumerate(of.tokens.tolist()):
            ids = of.rollouts[0].episodes[row].continuation_ids
            true = exact.value(table, ids[: place + 1]) - exact.value(table, ids[:place])
            assert abs(found.mean[at] - true) < 5 * found.error[at] + 1e-4
            assert np.mean([half[at] for half in found.halves]) == pytest.approx(found.mean[at], abs=1e-9)
            seen.add(round(true, 6))
        assert len(seen) > 2
        assert found.error.max() > 0


def test_the_last_token_at_the_budget_changes_no_cost(branched: Measured) -> None:
    """The feedback hangs on the task alone, and nothing follows: what it costs to stand there is the same for all."""
    of = branched(env={"max_new_tokens": 3})
    costs = of.costs(of.config)
    assert costs is not None
    found, last = np.abs(of.advantages(costs).mean), of.tokens[:, 3] == 2
    assert last.sum() > 20
    assert found[last].max() < 1e-4
    assert np.median(found[~last]) > 1e-2


def test_prefixes_of_several_attempts_are_branched(branched: Measured) -> None:
    of = branched(env={"max_attempts": 2}, lowest=0.0, highest=1.0, group_size=6, seeds=(0,))
    episodes = of.rollouts[0].episodes
    assert {len(episode.attempts) for episode in episodes} == {1, 2}
    made = [(row, at) for row, e in enumerate(episodes) for at in range(sum(sum(a.sampled) for a in e.attempts))]
    assert [(row, place) for _, row, _, place in of.tokens.tolist()] == made
    later = [s for s in of.states if isinstance(s, dict) and s["attempts"]]
    assert later
    found = of.advantages(of.rewards())
    for row, episode in enumerate(episodes):  # they add up to what came of it, from the value of the task
        own = of.tokens[:, 1] == row
        start = of.rewards()[of.drawn[of.ends[own][0, 0]]].mean()
        assert episode.outcome is not None
        assert found.mean[own].sum() == pytest.approx(episode.outcome.reward - start)


def test_fewer_positions_and_rows_change_no_other(branched: Measured) -> None:
    whole, few = branched(), branched(positions=2, run=False)
    assert [each.episodes for each in few.rollouts] == [each.episodes for each in whole.rollouts]
    assert set(map(tuple, few.tokens.tolist())) < set(map(tuple, whole.tokens.tolist()))
    counts = np.unique(few.tokens[:, :2], axis=0, return_counts=True)[1]
    assert set(counts.tolist()) == {2}
    again = branched(rows=40)
    assert (again.tokens == whole.tokens).all()
    assert (again.rewards()[again.drawn] == whole.rewards()[whole.drawn]).all()


def test_tasks_that_are_always_or_never_right_teach_nothing(branched: Measured) -> None:
    of = branched(run=False)
    assert all(0.1 <= share <= 0.9 for share in of.success)
    with pytest.raises(ConfigError, match=r"none of \d+ tasks is solved in 0\.99 to 1"):
        branched(lowest=0.99, highest=1.0, run=False)


# What a learner does.

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


# Scores.


def drawn(tasks: int = 30, each: int = 20, seed: int = 0) -> tuple[Where, np.random.Generator]:
    task = np.repeat(np.arange(tasks), each)
    return Where(task, np.tile(np.arange(each) % 5, tasks)), generator(seed, "score")


@given(scale=st.floats(0.1, 10), shift=st.lists(st.floats(-100, 100), min_size=30, max_size=30))
@settings(max_examples=25, deadline=None)
def test_scale_and_what_differs_between_tasks_do_not_matter(scale: float, shift: list[float]) -> None:
    where, rng = drawn()
    truth, credit = rng.normal(size=(2, 600))
    credit += truth
    moved = scale * credit + np.array(shift)[where.task]
    one, two = agreement(credit, truth, where), agreement(moved, truth, where)
    for kind in ("pearson", "spearman", "same_place"):
        assert getattr(one, kind).mean == pytest.approx(getattr(two, kind).mean, abs=1e-6)


def test_an_offset_of_places_is_seen_but_not_at_the_same_place() -> None:
    where, rng = drawn()
    truth = rng.normal(size=600)
    found = agreement(truth + 3.0 * where.place, truth, where)
    assert found.pearson.mean < 0.5
    assert found.same_place.mean == pytest.approx(1.0)


def test_one_task_by_hand() -> None:
    where = Where(np.zeros(4, np.int64), np.zeros(4, np.int64))
    credit, truth = np.array([1.0, 2.0, 4.0, 4.0]), np.array([1.0, 3.0, 2.0, 4.0])
    found = agreement(credit, truth, where)
    assert found.pearson.mean == pytest.approx(np.corrcoef(credit, truth)[0, 1])
    assert found.spearman.mean == pytest.approx(np.corrcoef([1, 2, 3.5, 3.5], [1, 3, 2, 4])[0, 1])
    assert np.isnan(agreement(np.ones(4), truth, where).pearson.mean)
    assert agreement(np.ones(4), truth, where).to_dict()["pearson"] is None


def test_ceilings_say_what_noise_leaves() -> None:
    """Truth of variance 1, noise of variance 1 in all branches and 2 in each half: sqrt(1/2) can be reached."""
    where, rng = drawn(200, 50)
    truth = rng.normal(size=10_000)
    halves = tuple(truth + rng.normal(scale=2**0.5, size=10_000) for _ in range(2))
    found = ceilings(halves, where)["pearson"]  # type: ignore[arg-type]
    reached = agreement(truth, (halves[0] + halves[1]) / 2, where).pearson.mean
    assert found == pytest.approx(0.5**0.5, abs=0.03)
    assert found == pytest.approx(reached, abs=0.03)
    assert ceilings((truth, -truth), where)["pearson"] is None


def test_intervals_cover() -> None:
    """Tasks differ in how well credit agrees; the interval is about other tasks."""
    inside = 0
    for seed in range(30):
        where, rng = drawn(40, 15, seed)
        truth, noise = rng.normal(size=(2, 600))
        strength = rng.uniform(0, 2, size=40)[where.task]
        found = agreement(strength * truth + noise, truth, where).pearson
        inside += found.low < 1 / (4 / 3 + 1) ** 0.5 < found.high  # E[s] / sqrt(E[s²] + 1)
    assert inside >= 26


def test_differences_are_paired() -> None:
    where, rng = drawn()
    truth, noise = rng.normal(size=(2, 600))
    near, far = truth + noise, truth + 1.1 * noise
    both = difference(near, far, truth, where)
    one, two = agreement(near, truth, where).pearson, agreement(far, truth, where).pearson
    assert both.mean == pytest.approx(one.mean - two.mean)
    assert both.low > 0
    assert both.high - both.low < (one.high - one.low) / 3


# Options.


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"branches": 3}, "branches must be an even number"),
        ({"positions": 0}, "positions must be at least 1"),
        ({"lowest": 0.9, "highest": 0.1}, "lowest and highest"),
        ({"seeds": ()}, "seeds must be one or several"),
        ({"tries": 0}, "tries must be at least 1"),
        ({"learner": RLOO(), "group_size": 1}, "group_size is 1"),
    ],
)
def test_options_that_cannot_work(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Measure(CreditConfig(**options))


def test_what_only_training_needs_is_no_option_and_of_a_run_s_file_nothing(tmp_path: Path) -> None:
    run = TrainerConfig(
        model="tiny", env="distil/Toy-v0", learner=GRPO(), seed=3, steps=7, limits=Limits(tokens=5), eval_at=(0.5,),
        held_out={"tasks": "toy/rule@2"}, record_groups=5, trackers=("no such tracker",), tracker_project="a/b",
    )  # fmt: skip
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(run.to_dict()))
    config = CreditConfig.load(file)
    config.validate()
    assert (config.seed, config.learner) == (3, GRPO())
    for name in (
        "steps",
        "limits",
        "eval_at",
        "held_out",
        "record_groups",
        "trackers",
        "tracker_project",
        "save_model",
    ):
        assert getattr(config, name) == getattr(CreditConfig(), name)
        with pytest.raises(UsageError):
            configure(
                CreditCommand, "distil credit", [f"--{name.replace('_', '-')}{'.tokens' * (name == 'limits')}", "1"]
            )


def test_the_measure_of_one_learner(capsys: pytest.CaptureFixture[str]) -> None:
    """The command: its cost first, then the result, in JSON what the table says."""
    words = ["--learner", "CE", "--environment.tasks", "toy/rule@1", "--environment.max-new-tokens", "6"]
    words += ["--environment.max-prompt-tokens", "16", "--tasks", "3", "--candidates", "8", "--tries", "8"]
    words += ["--branches", "8", "--seeds", "0", "--group-size", "4", "--rows", "64"]
    credit("distil credit", [*words, "--json"])
    said = capsys.readouterr()
    assert "distinct prefixes" in " ".join(said.err.split())
    report = json.loads(said.out)
    assert report["learner"] == "CE"
    assert set(report["agreement"]) == {"reward", "cost"}
    assert report["agreement"]["reward"]["push"]["pearson"]["mean"] is not None
    assert report["agreement"]["reward"]["coefficient"]["pearson"] is None  # local credit alone
    credit("distil credit", words)
    assert f"{report['agreement']['reward']['push']['pearson']['mean']:.3f}" in capsys.readouterr().out


def test_without_feedback_there_is_no_cost() -> None:
    config = CreditConfig(
        feedback=None, learner=RLOO(), tasks=2, candidates=8, tries=8, branches=4, seeds=(0,), group_size=4, rows=64,
        environment=EnvConfig(tasks="toy/rule@1", max_new_tokens=6, max_prompt_tokens=16),
    )  # fmt: skip
    with Measure(config) as measure:
        measure.run()
        assert set(measure.report(config).agreement) == {"reward"}
