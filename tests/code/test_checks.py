"""Tests that are code: exact where they can be run on answers alone, refused where not, and never a false pass."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing

import pytest

from distil_envs import Outcome, Raised, Status, Task, TestResult
from distil_envs.code import CodeVerifier
from distil_envs.code.cases import CheckCase
from distil_envs.code.checks import recorded
from distil_envs.errors import TaskError

MakeTask = Callable[..., Task]
Run = Callable[[Task, str], Outcome]
DOUBLE = "def helper(x):\n    return x * 2\n\ndef f(x):\n    return helper(x)\n"


def checked(make_task: MakeTask, body: str, solution: str = DOUBLE) -> Task:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return make_task(solution=solution, public=[{"check": f"def check(candidate):\n{lines}", "text": "the tests"}])


LOOPS = {
    "loop": "for i in range(30):\n    assert candidate(i) == 2 * i",
    "reference as oracle": "for i in range(5):\n    assert candidate(i) == f(i) == helper(i)",
    "tolerance": "assert abs(candidate(0.1) - 0.2) < 1e-6",
    "truth": "assert candidate(1)\nassert not candidate(0)",
    "random": "import random\nfor _ in range(20):\n    x = random.randint(0, 99)\n    assert candidate(x) == 2 * x",
    "depends on answers": "x = 1\nfor _ in range(5):\n    x = candidate(x)\nassert x == 32",
    "keyword": "assert candidate(x=4) == 8",
    "nan": "import math\nassert math.isnan(candidate(float('nan')))",
    "set": "assert candidate(3) in {6, 7}",
}
WRONG = {"truth": ("not x", "None", "1"), "nan": ("0.0", "None"), "set": ("x", "None", "[6]")}


@pytest.mark.parametrize("name", LOOPS)
def test_right_programs_pass_and_wrong_ones_do_not(name: str, make_task: MakeTask, run: Run) -> None:
    task = checked(make_task, LOOPS[name])
    assert run(task, DOUBLE).status is Status.CORRECT
    assert run(task, "def f(x):\n    return x + x").status is Status.CORRECT
    for wrong in WRONG.get(name, ("x", "x * 2 + 1", "None", "'6'")):
        assert run(task, f"def f(x):\n    return {wrong}").status is Status.WRONG, wrong


def test_the_header_is_there_for_the_solution_too(make_task: MakeTask, run: Run) -> None:
    source = "def f(xs: List[int]) -> float:\n    return floor(sum(xs))\n"
    check = "def check(candidate):\n    assert candidate([1, 2.5]) == f([3])\n"
    task = make_task(solution=source, check=check, header="from math import floor\nfrom typing import List")
    assert run(task, source).success
    assert not run(task, "def f(xs):\n    return ceil(sum(xs))").success


def test_exceptions_are_answers_too(make_task: MakeTask, run: Run) -> None:
    body = (
        "try:\n    candidate(-1)\nexcept ValueError as error:\n    assert 'low' in str(error)\nelse:\n    assert False"
    )
    task = checked(make_task, body, "def f(x):\n    raise ValueError('too low')")
    assert run(task, "def f(x):\n    raise ValueError('so low')").success
    outcome = run(task, "def f(x):\n    raise KeyError('low')")
    assert outcome.status is Status.WRONG
    assert [event.type for event in outcome.trace.of(Raised)] == ["KeyError"]
    assert not run(task, "def f(x):\n    return 1").success
    assert run(task, "class Low(ValueError): pass\ndef f(x):\n    raise Low('low')").success
    assert not run(task, "class ValueErrors(Exception): pass\ndef f(x):\n    raise ValueErrors('low')").success


def test_valid_answers_that_lead_elsewhere_are_followed(make_task: MakeTask, run: Run) -> None:
    """Any key will do, as long as it unlocks: the reference's key is not the only one."""
    body = "key = candidate(0)\nassert candidate(key) == key"
    task = checked(make_task, body, "def f(x):\n    return x or 7")
    assert run(task, "def f(x):\n    return x or 99").success
    assert not run(task, "def f(x):\n    return x + 1").success


def test_tests_that_never_stop_asking_are_no_pass(make_task: MakeTask, run: Run) -> None:
    body = "x = 1\nwhile x < 100:\n    x = candidate(x)"
    task = checked(make_task, body, "def f(x):\n    return 100")
    assert run(task, "def f(x):\n    return x + 50").success
    outcome = run(task, "def f(x):\n    return x + 1")
    assert outcome.status is Status.WRONG
    assert "still asked more" in outcome.trace.of(TestResult)[0].detail


def test_the_failing_line_is_told(make_task: MakeTask, run: Run) -> None:
    task = checked(make_task, "assert candidate(1) == 2\nassert candidate(2) == 4, 'two'")
    [test] = run(task, "def f(x):\n    return 2").trace.of(TestResult)
    assert test.detail == "assert candidate(2) == 4, 'two' (AssertionError: two)"
    assert (test.input, test.actual, test.status) == ("the tests", "2", "wrong")


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("def f(x):\n    while True: pass", Status.TIMEOUT),
        ("import os\ndef f(x):\n    os._exit(0)", Status.WRONG),
        ("def f(x):\n    return 'x' * (1 << 40)", Status.LIMIT),
        ("def f(x):\n    return lambda: 1", Status.WRONG),
        ("def f(x:\n", Status.WRONG),
        ("def g(x): pass", Status.WRONG),
    ],
)
def test_programs_that_give_no_answer(program: str, status: Status, make_task: MakeTask, run: Run) -> None:
    task = checked(make_task, "assert candidate(1) == 2")
    assert run(task, program).status is status


ATTACKS = {
    "patched assertion": "import builtins\nbuiltins.AssertionError = ValueError\ndef f(x): return 0",
    "equal to everything": "class E:\n    def __eq__(self, o): return True\ndef f(x): return E()",
    "exit in the tests": "import sys\ndef f(x):\n    sys.exit(0)",
    "a subclass of int": "class I(int):\n    def __eq__(self, o): return True\ndef f(x): return I(0)",
    "the harness, forged": "def _distil_replay(*a): return [['passed'], 0]\ndef f(x): return 0",
    "a check of its own": "def check(candidate): pass\ndef f(x): return 0",
    "an answer as deep as may travel": ("def f(x):\n    a = []\n    for _ in range(198): a = [a]\n    return a"),
    "a large answer": "def f(x): return 'x' * 400_000",
    "looking for the tests": (
        "import gc\nanswer = [o for o in gc.get_objects() if 'candidate' in str(o)[:500]]\ndef f(x): return 0"
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_that_a_program_does_reaches_the_tests(name: str, make_task: MakeTask, run: Run) -> None:
    task = checked(make_task, "assert candidate(3) == 6")
    assert run(task, ATTACKS[name]).status is Status.WRONG
    passed_on = checked(make_task, "assert candidate([candidate(3)]) == 6", "def f(x):\n    return 6")
    assert run(passed_on, ATTACKS[name]).status is Status.WRONG
    private = make_task(solution=DOUBLE, check="def check(candidate):\n    assert candidate(3) == 6\n")
    assert run(private, ATTACKS[name]).status is Status.WRONG


@pytest.mark.parametrize(
    ("body", "solution", "said"),
    [
        ("assert candidate(1) == 3", DOUBLE, "the reference solution fails its own tests: assert candidate(1) == 3"),
        ("xs = [2, 1]\ncandidate(xs)\nassert xs == [1, 2]", "def f(x):\n    x.sort()", "on returned values alone"),
        ("x = candidate(1)\nassert x is candidate(1)", "one = [1]\ndef f(x):\n    return one", "on returned values"),
        ("candidate(lambda: 1)", "def f(x):\n    return 1", "cannot leave the sandbox"),
        ("candidate(1)", "def f(x:\n", "SyntaxError"),
        ("while True: pass", DOUBLE, "ended with timeout"),
        ("undefined", DOUBLE, "NameError"),
    ],
)
def test_tests_that_cannot_be_trusted_are_refused(
    verifier: CodeVerifier, make_task: MakeTask, run: Run, body: str, solution: str, said: str
) -> None:
    source = "".join(f"    {line}\n" for line in body.splitlines())
    case = CheckCase(f"def check(candidate):\n{source}", solution, "f")
    with pytest.raises(TaskError, match=re.escape(said)):
        recorded(verifier.make_sandbox(), case, verifier.limits)
    outcome = run(checked(make_task, body, solution), "def f(x):\n    return 2")
    assert outcome.status is Status.INFRA_ERROR, "never a wrong answer, and never a pass"
    assert said in outcome.trace.of(Raised)[0].message


def test_methods_are_tested_on_fresh_instances(run: Run) -> None:
    solution = (
        "class C:\n    def __init__(self): self.n = 0\n    def m(self, x):\n        self.n += x\n        return self.n"
    )
    check = "def check(candidate):\n    assert candidate(1) == 1\n    assert candidate(x=2) == 2"
    task = Task("m", "code", "p", {"solution": solution, "entry_point": "C.m", "check": check})
    assert run(task, solution).success
    assert not run(task, solution.replace("self.n = 0", "self.n = 1")).success


PEEKING = """
import sys

def f(s):
    frame = sys._getframe(1)
    while "body" not in frame.f_locals:
        frame = frame.f_back
    calls, at = frame.f_locals["body"]["calls"], frame.f_locals["index"]
    return calls[at + 1 if at % 2 == 0 else at - 1]["items"][0]
"""
"""Answers with the question after its own, and with the one before: a round trip by looking ahead."""


@pytest.mark.parametrize(
    "body",
    [
        "for word in ('abc', 'de'):\n    assert candidate(candidate(word)) == word",
        "for word in ('abc', 'de'):\n    once = candidate(word)\n    assert candidate(once) == word",
        "for word in ('abc', 'de'):\n    assert candidate(word) == f(word)\n    assert candidate(f(word)) == word",
    ],
)
def test_a_question_cannot_be_read_before_the_one_that_it_answers(body: str, make_task: MakeTask, run: Run) -> None:
    task = checked(make_task, body, "def f(s):\n    return s[::-1]")
    assert run(task, "def f(s):\n    return ''.join(reversed(s))").success
    assert run(task, PEEKING).status is Status.WRONG


def test_an_answer_cannot_end_a_loop_of_the_tests(make_task: MakeTask, run: Run) -> None:
    body = "assert all(map(lambda n: candidate(n) == 2 * n, range(5)))"
    task = checked(make_task, body)
    assert run(task, DOUBLE).success
    assert run(task, "def f(x):\n    raise StopIteration").status is Status.WRONG


def test_tests_that_swallow_everything_do_not_swallow_that_there_is_no_answer(make_task: MakeTask, run: Run) -> None:
    body = "ok = False\ntry:\n    candidate(-1)\nexcept:\n    ok = True\nassert ok"
    task = checked(make_task, body, "def f(x):\n    raise ValueError")
    assert run(task, "def f(x):\n    raise TypeError").success
    assert run(task, "import os\ndef f(x):\n    os._exit(0)").status is Status.WRONG


def test_tests_without_a_question_are_refused(make_task: MakeTask, run: Run) -> None:
    assert run(checked(make_task, "assert f(1) == 2"), DOUBLE).status is Status.INFRA_ERROR


def test_questions_asked_apart_may_take_some_time_and_no_more(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distil_envs.code.checks.PATIENCE", 0)
    task = checked(make_task, "x = 1\nfor _ in range(5):\n    x = candidate(x)\nassert x == 32")
    with closing(CodeVerifier("subprocess")) as verifier:
        assert verifier(task, f"```python\n{DOUBLE}```").status is Status.TIMEOUT
