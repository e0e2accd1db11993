"""What an evaluation makes of episodes, against counting by hand; and what a run tells of several attempts."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from scipy.stats import ttest_rel

from agents import EnvConfig, PolicyConfig, Trainer, TrainerConfig
from agents.evaluate import FIRST, shares, summary
from agents.learners import GRPO
from agents.statistics import proportion_interval
from distil_envs import Attempt, Episode, Outcome, Status, Task
from distil_envs.errors import ConfigError

MOST = 3
FAILED = [Status.WRONG, Status.MALFORMED]


def episode(number: int, statuses: Sequence[Status]) -> Episode:
    """Attempts that ended so; the k-th of k + 1 tokens."""
    attempts = [Attempt((1,), (2,) * (k + 1), "x", Outcome(0.0, status)) for k, status in enumerate(statuses)]
    return Episode(Task(f"t{number}", "toy", "What?"), attempts)


def until_success(statuses: Sequence[Status]) -> list[Status]:
    """As ``attempt_reward="first-success"`` has it; what fails on our side ends an episode in any case."""
    ends = [at for at, status in enumerate(statuses) if status in (Status.CORRECT, Status.INFRA_ERROR)]
    return list(statuses[: ends[0] + 1 if ends else MOST])


SOME = st.sampled_from([*FAILED, Status.CORRECT, Status.INFRA_ERROR])
MADE = st.lists(st.lists(SOME, min_size=MOST, max_size=MOST).map(until_success), min_size=1, max_size=12)
ALL_MADE = st.lists(
    st.lists(st.sampled_from([*FAILED, Status.CORRECT]), min_size=MOST, max_size=MOST), min_size=1, max_size=12
)


@given(st.one_of(MADE, ALL_MADE))
def test_accuracy_by_attempt_and_its_gain(made: list[list[Status]]) -> None:
    episodes = [episode(number, statuses) for number, statuses in enumerate(made)]
    usable = [statuses for statuses in made if statuses[-1] is not Status.INFRA_ERROR]
    if not usable:
        with pytest.raises(ConfigError, match=f"none of the {len(made)} attempts could be graded"):
            summary(episodes, [], ks=(), max_attempts=MOST)
        return
    found = summary(episodes, [], ks=(), max_attempts=MOST)
    after = []
    for k in range(MOST):
        right = []
        for statuses in usable:
            stood = statuses[k] if k < len(statuses) else statuses[-1]  # who had ended stays as it was
            right.append(float(stood is Status.CORRECT))
        after.append(right)
        assert found.by_attempt[k] == proportion_interval(sum(right), len(right))
    assert found.tasks == len(usable)
    assert found.accuracy == found.by_attempt[-1]
    assert found.gain is not None
    assert found.gain.mean == pytest.approx(found.by_attempt[-1].mean - found.by_attempt[0].mean)
    changes = {last - first for first, last in zip(after[0], after[-1], strict=True)}
    if -1 not in changes:
        assert found.gain == proportion_interval(sum(after[-1]) - sum(after[0]), len(usable))  # never without a width
    elif len(changes) > 1:
        interval = ttest_rel(after[-1], after[0]).confidence_interval()  # of pairs
        assert (found.gain.low, found.gain.high) == pytest.approx((interval.low, interval.high))
    assert found.length == pytest.approx(sum(n * (n + 1) / 2 for n in map(len, usable)) / len(usable))
    row = found.to_dict()
    assert shares(row) == {"accuracy": row["accuracy"], FIRST: row["by_attempt"][0]}
    assert [task["attempts"] for task in row["per_task"]] == made


def test_one_attempt_has_no_gain() -> None:
    row = summary([episode(0, [Status.WRONG])], [], ks=(), max_attempts=1).to_dict()
    assert (row["by_attempt"], row["gain"]) == ([], None)
    assert shares(row) == {"accuracy": row["accuracy"]}


def test_pass_at_k_counts_final_attempts() -> None:
    right, wrong = episode(0, [Status.WRONG, Status.CORRECT]), episode(0, [Status.WRONG, Status.WRONG])
    broken = episode(0, [Status.INFRA_ERROR])
    found = summary([wrong], [[right], [wrong], [wrong], [broken]], ks=(1, 2, 4, 8), max_attempts=2)
    assert {k: value.mean for k, value in found.pass_at.items()} == pytest.approx({1: 1 / 3, 2: 2 / 3})
    assert found.per_task[0].items() >= {"samples": 3, "right": 1}.items()


def graded(task: Task, answer: str | None, reward: float, status: Status) -> Episode:
    return Episode(task, [Attempt((1,), (2,), "x", Outcome(reward, status, answer))])


KINDS = [("math", 1), ("math", 2), ("science", 2), ("math", 1)]
GRADES = st.sampled_from(
    [("5", 1.0, Status.CORRECT), ("6", 0.5, Status.WRONG), ("7", 0.0, Status.WRONG), (None, 0.0, Status.MALFORMED)]
)
SAMPLED = st.lists(st.lists(GRADES, min_size=4, max_size=4), min_size=1, max_size=5)


@given(SAMPLED)
def test_samples_are_counted_by_task_and_by_kind(drawn: list[list[tuple[str | None, float, Status]]]) -> None:
    """Against a count of subsets for each task, and an evaluation of the tasks of a kind alone."""
    tasks = [
        Task(f"t{number}", domain, "What?", metadata={"family": "sums", "level": level})
        for number, (domain, level) in enumerate(KINDS)
    ]
    greedy = [graded(task, "5", 1.0, Status.CORRECT) for task in tasks]
    sampled = [[graded(task, *grade) for task, grade in zip(tasks, row, strict=True)] for row in drawn]
    n, ks = len(drawn), (1, 2, 9)
    found = summary(greedy, sampled, ks=ks, max_attempts=1)
    columns = [[row[at] for row in drawn] for at in range(4)]
    right = [sum(status is Status.CORRECT for *_, status in column) for column in columns]
    assert found.avg_at.keys() == {n}
    assert found.avg_at[n].mean == pytest.approx(sum(right) / (4 * n))
    for k in (1, 2):
        if k > n:
            assert not {k} & (found.pass_at.keys() | found.maj_at.keys() | found.best_at.keys())
            continue
        subsets = [list(itertools.combinations(column, k)) for column in columns]
        best = [sum(max(reward for _, reward, _ in subset) for subset in each) / len(each) for each in subsets]
        assert found.best_at[k].mean == pytest.approx(sum(best) / 4)
        passed = [sum(any(g[2] is Status.CORRECT for g in subset) for subset in each) / len(each) for each in subsets]
        assert found.pass_at[k].mean == pytest.approx(sum(passed) / 4)
        assert 0.0 <= found.maj_at[k].low <= found.maj_at[k].mean <= found.pass_at[k].mean + 1e-9
    assert found.maj_at[1].mean == pytest.approx(found.pass_at[1].mean)
    assert found.by.keys() == {"math", "science", "@1", "@2", "math/sums@1", "math/sums@2", "science/sums@2"}
    members = {"math": [0, 1, 3], "science": [2], "@1": [0, 3], "math/sums@2": [1]}
    for name, of in members.items():
        alone = summary([greedy[i] for i in of], [[row[i] for i in of] for row in sampled], ks=ks, max_attempts=1)
        assert vars(found.by[name]).items() <= vars(alone).items()
    rows = json.loads(json.dumps(found.to_dict()))
    assert rows["by"]["math"]["avg_at"][str(n)]["mean"] == pytest.approx(found.by["math"].avg_at[n].mean)
    assert (
        rows["per_task"][1].items()
        >= {
            "bucket": "math/sums@2",
            "answers": [answer for answer, *_ in columns[1]],
            "rewards": [reward for _, reward, _ in columns[1]],
            "marks": [status is Status.CORRECT for *_, status in columns[1]],
            "right": right[1],
            "samples": n,
        }.items()
    )


def test_what_fails_on_our_side_is_no_sample_and_no_kind() -> None:
    tasks = [Task("a", "math", "What?"), Task("b", "code", "What?")]
    broken = [graded(task, None, 0.0, Status.INFRA_ERROR) for task in tasks]
    right = [graded(task, "5", 1.0, Status.CORRECT) for task in tasks]
    found = summary([right[0], broken[1]], [right, [right[0], broken[1]]], ks=(1, 2), max_attempts=1)
    assert found.by.keys() == {"math"}  # no greedy episode of code was graded
    assert [row["samples"] for row in found.per_task] == [2, 1]
    assert found.pass_at[2].mean == 1.0  # of the one task that has two
    lost = summary(right, [broken, broken], ks=(1,), max_attempts=1)
    assert (lost.avg_at, lost.pass_at, lost.maj_at, lost.best_at) == ({}, {}, {}, {})


def test_there_is_no_vote_where_right_samples_have_no_answer() -> None:
    task = Task("a", "acme", "What?")
    done = graded(task, None, 1.0, Status.CORRECT)
    found = summary([done], [[done], [done]], ks=(1, 2), max_attempts=1)
    assert (found.maj_at, found.pass_at[2].mean) == ({}, 1.0)


def test_a_run_tells_of_first_attempts_too(tmp_path: Path) -> None:
    """`tiny` seldom knows the answer, but repeats what it is told."""
    console = Console(file=io.StringIO(), width=200)
    config = TrainerConfig(
        model="tiny",
        env="distil/Toy-v0",
        feedback="answer",
        learner=GRPO(),
        steps=1,
        tasks_per_step=2,
        group_size=2,
        eval_tasks=0,
        base_shots=0,
        environment=EnvConfig(tasks="toy/rule@1", num_tasks=12, max_new_tokens=6, max_prompt_tokens=16, max_attempts=2),
        policy=PolicyConfig(device="cpu"),
        run_dir=str(tmp_path / "run"),
    )
    Trainer(config, console=console).train()
    rows = [json.loads(line) for line in (tmp_path / "run" / "evaluations.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 1]
    first, last = (value["mean"] for value in rows[0]["by_attempt"])
    assert first < 0.5 < last
    told = next(line for line in console.file.getvalue().splitlines() if line.startswith("step    0  pool"))  # type: ignore[attr-defined]
    assert f"accuracy {last:.3f} [" in told
    assert f"], first attempt {first:.3f}, exact {last:.3f}" in told
    assert (tmp_path / "run" / "learning-curve.png").read_bytes().startswith(b"\x89PNG")
