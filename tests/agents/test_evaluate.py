"""What an evaluation makes of episodes, against counting by hand; and what a run tells of several attempts."""

from __future__ import annotations

import io
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
