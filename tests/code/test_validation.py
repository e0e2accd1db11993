"""`validate_tasks` on code tasks: what it proves, and that it notices each thing that may be wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distil_envs.code import CodeVerifier
from distil_envs.code.validation import examine
from distil_envs.jsonl import write_jsonl
from distil_envs.task import Task
from distil_envs.task_set import load_tasks
from distil_envs.validation import Problem, validate_tasks

ROW: dict[str, Any] = {
    "id": "add",
    "domain": "code",
    "prompt": "Write add.",
    "reference": {
        "solution": "def add(a, b):\n    return a + b\n",
        "entry_point": "add",
        "public": [{"call": "add(1, 2)", "expected": "3"}],
        "private": [{"call": "add(0, 5)", "expected": "5"}, {"call": "add('a', 1)", "raises": "TypeError"}],
        "wrong": [
            {"solution": "def add(a, b):\n    return a - b\n", "why": "-", "fails": "add(1, 2)", "actual": "-1"},
            {
                "solution": "def add(a, b):\n    return a + b if a else {b, 1}\n",
                "fails": "add(0, 5)",
                "actual": "{5, 1}",
            },
            {"solution": "def add(a, b):\n    return a / b + 2.5\n", "status": "wrong", "fails": "add(0, 5)"},
            {"solution": "def add(a, b):\n    return int(a) + b\n", "fails": "add('a', 1)", "raises": "ValueError"},
            {"solution": "def add(a, b:\n", "raises": "SyntaxError"},
        ],
    },
}
LAST = "def add(a, b):\n    return a + b\n"


def problems(verifier: CodeVerifier, row: dict[str, Any]) -> list[Problem]:
    return validate_tasks([Task.from_dict(row)], sandbox=verifier.make_sandbox()).problems


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    row = copy.deepcopy(ROW)
    row["reference"]["wrong"] = row["reference"]["wrong"][:1]
    change(row["reference"])
    return row


def test_a_sound_task_has_no_problem(verifier: CodeVerifier) -> None:
    report = validate_tasks([ROW], sandbox=verifier.make_sandbox())
    assert report.problems == []
    assert (report.graded, report.ungraded) == (1, {})


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], object], str, str]] = {
    "the solution fails": (
        lambda reference: reference.update(solution="def add(a, b): return a"),
        "reference",
        "the solution fails its tests: it is wrong, first at 'add(1, 2)', which gives 1",
    ),
    "the tests cannot be read": (lambda reference: reference.update(public=[{"call": "add("}]), "reference", "public"),
    "the tests never ask": (
        lambda reference: reference.update(public=[], private=[], check="def check(candidate): pass", wrong=[]),
        "reference",
        "the tests never call the candidate",
    ),
    "the tests ask for nothing": (
        lambda reference: reference.update(
            public=[], private=[], check="def check(candidate): candidate(1, 2)", wrong=[]
        ),
        "empty answer",
        "a program that does nothing passes all tests",
    ),
    "a wrong solution passes": (
        lambda reference: reference["wrong"][0].update(solution=LAST),
        "wrong solution",
        "number 1: should be graded wrong, but: it is correct",
    ),
    "it fails elsewhere": (
        lambda reference: reference["wrong"][0].update(fails="add(0, 5)"),
        "wrong solution",
        "should first fail 'add(0, 5)', but: it is wrong, first at 'add(1, 2)'",
    ),
    "it gives something else": (
        lambda reference: reference["wrong"][0].update(actual="-2"),
        "wrong solution",
        "should give -2, but: it is wrong, first at 'add(1, 2)', which gives -1",
    ),
    "it raises nothing": (
        lambda reference: reference["wrong"][0].update(raises="KeyError"),
        "wrong solution",
        "should raise KeyError",
    ),
    "it has another status": (
        lambda reference: reference["wrong"][0].update(status="timeout"),
        "wrong solution",
        "should be graded timeout, but: it is wrong",
    ),
    "no solution in the row": (
        lambda reference: reference["wrong"].append({"why": "?"}),
        "wrong solution",
        "number 2: expected an object with a solution",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_every_kind_of_fault_is_noticed(name: str, verifier: CodeVerifier) -> None:
    change, kind, said = BROKEN[name]
    [problem] = problems(verifier, changed(change))
    assert (problem.kind, problem.where) == (kind, "add")
    assert said in problem.message


def test_a_solution_that_fails_in_two_ways_is_noticed(verifier: CodeVerifier) -> None:
    flaky = "import os\ndef add(a, b): return os.urandom(8).hex()"
    [problem] = problems(verifier, changed(lambda reference: reference["wrong"][0].update(solution=flaky, actual="?")))[
        :1
    ]
    assert "fails in two ways" in problem.message


def test_time_outs_are_proven_too(verifier: CodeVerifier) -> None:
    endless = {"solution": "def add(a, b):\n    while a == 0: pass\n    return a + b", "status": "timeout"}
    task = Task.from_dict(changed(lambda reference: reference.update(wrong=[{**endless, "fails": "add(0, 5)"}])))
    assert list(examine(verifier, task)) == []
    task = Task.from_dict(changed(lambda reference: reference.update(wrong=[{**endless, "status": "wrong"}])))
    assert [kind for kind, _ in examine(verifier, task)] == ["wrong solution"]


def test_tasks_without_a_solution_are_told_as_not_graded(verifier: CodeVerifier) -> None:
    row = changed(lambda reference: reference.pop("solution"))
    report = validate_tasks([row], sandbox=verifier.make_sandbox())
    assert (report.problems, report.graded, report.ungraded) == ([], 0, {"no reference.solution": 1})


def test_other_domains_keep_their_own_verifier(verifier: CodeVerifier, tmp_path: Path) -> None:
    maths = {"id": "m", "domain": "math", "prompt": "1 + 1 = ?", "reference": {"answer": "2"}}
    path = tmp_path / "mixed.jsonl"
    write_jsonl(path, [Task.from_dict(ROW), Task.from_dict(maths)])
    report = validate_tasks(path, sandbox=verifier.make_sandbox())
    assert (report.problems, report.graded) == ([], 2)


def test_a_sample_of_the_shipped_tasks_is_sound(verifier: CodeVerifier) -> None:
    """All of them: ``distil tasks validate code``. Here those without a time-out."""
    tasks = [
        task.to_dict()
        for task in load_tasks("code", "all").take(16, seed=1)
        if all(row["status"] != "timeout" for row in task.reference["wrong"])
    ]
    assert len(tasks) > 5
    assert validate_tasks(tasks, sandbox=verifier.make_sandbox()).problems == []
