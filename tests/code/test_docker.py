"""Grading in containers: the same verdicts, and the whole way of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from distil_envs import Outcome, Raised, Status, TestResult, TokenVectorEnv
from distil_envs.code import CodeVerifier
from distil_envs.task_set import load_tasks
from distil_envs.text import fenced
from distil_envs.validation import validate_tasks

Attempt = Callable[[TokenVectorEnv, Sequence[str]], list[Outcome]]
pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def docker() -> Iterator[CodeVerifier]:
    made = CodeVerifier("docker")
    yield made
    made.close()


def test_the_shipped_tasks_are_sound_in_containers(docker: CodeVerifier) -> None:
    tasks = [
        task.to_dict()
        for task in load_tasks("code", "all").take(24, seed=2)
        if all(row["status"] != "timeout" for row in task.reference["wrong"])
    ]
    report = validate_tasks(tasks, sandbox=docker.make_sandbox())
    assert report.problems == []
    assert report.graded == len(tasks) > 8


def test_tests_that_are_code_in_containers(docker: CodeVerifier) -> None:
    check = "def check(candidate):\n    for x in range(50):\n        assert candidate(x) == f(x)\n"
    row = {"solution": "def f(x): return x * x", "entry_point": "f", "check": check}
    [task] = load_tasks([{"id": "t", "domain": "code", "prompt": "p", "reference": row}], "all")  # type: ignore[misc]
    assert docker(task, fenced("def f(x): return x ** 2")).success
    assert docker(task, fenced("def f(x): return x ** 2 if x < 49 else 0")).status is Status.WRONG


def test_limits_and_traces_in_containers(docker: CodeVerifier) -> None:
    row = {"entry_point": "f", "public": [{"call": "f(1)", "expected": "1"}]}
    [task] = load_tasks([{"id": "t", "domain": "code", "prompt": "p", "reference": row}], "all")  # type: ignore[misc]
    assert docker(task, fenced("def f(x): return bytearray(1 << 40)")).status is Status.LIMIT
    outcome = docker(task, fenced("def f(x):\n    y = x - 1\n    return x // y"))
    [raised] = outcome.trace.of(Raised)
    assert (raised.type, raised.line, dict(raised.frames[0].locals)) == ("ZeroDivisionError", 3, {"x": "1", "y": "0"})
    assert [test.status for test in outcome.trace.of(TestResult)] == ["raised"]


def test_rows_of_an_environment_share_the_containers(attempt: Attempt) -> None:
    envs = TokenVectorEnv.of(
        "distil/Code-v0", 4, tasks="code@1", sandbox="docker", feedback="execution-trace", autoreset_mode="Disabled"
    )
    try:
        assert envs.rows[0].resources() == {"sandbox": "docker"}
        _, infos = envs.reset(seed=0)
        outcomes = attempt(envs, [task.answer for task in infos["task"]])
        assert [outcome.status for outcome in outcomes] == [Status.CORRECT] * 4
    finally:
        envs.close()
