"""`CodeVerifier`: statuses, traces, and that private tests stay private."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from distil_envs import Check, Diagnosis, ExecutedLines, Outcome, Raised, Resources, Status, Task, TestResult
from distil_envs.code import CodeVerifier
from distil_envs.sandbox import Execution, Limits, Program, Sandbox, SandboxError
from distil_envs.text import fenced

MakeTask = Callable[..., Task]
Run = Callable[[Task, str], Outcome]

PUBLIC = [{"call": "f(2)", "expected": "4"}, {"call": "f(3)", "expected": "9"}]
SECRET = 918273
PRIVATE = [{"call": f"f({SECRET})", "expected": str(SECRET**2)}]


@pytest.fixture
def square(make_task: MakeTask) -> Task:
    return make_task(public=PUBLIC, private=PRIVATE)


STATUSES = {
    "right": ("def f(x): return x * x", Status.CORRECT, "passed"),
    "another value": ("def f(x): return x", Status.WRONG, "wrong"),
    "an exception": ("def f(x): return x / 0", Status.WRONG, "raised"),
    "a syntax error": ("def f(x) return x", Status.WRONG, "raised"),
    "an exception on loading": ("1 / 0\ndef f(x): return x * x", Status.WRONG, "raised"),
    "no such function": ("def g(x): return x * x", Status.WRONG, "raised"),
    "a bare name": ("f = 3", Status.WRONG, "raised"),
    "exit": ("import sys\ndef f(x): sys.exit(0)", Status.WRONG, ""),
    "hard exit": ("import os\nos._exit(0)", Status.WRONG, "wrong"),
    "killed": ("import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGKILL)", Status.WRONG, "wrong"),
    "endless": ("def f(x):\n    while True: pass", Status.TIMEOUT, "timeout"),
    "endless on loading": ("while True: pass", Status.TIMEOUT, "timeout"),
    "memory": ("def f(x): return 'x' * (1 << 40)", Status.LIMIT, "limit"),
    "a value that cannot travel": ("def f(x): return (i for i in [x])", Status.WRONG, "wrong"),
    "null bytes": ("def f(x): return '\x00'", Status.WRONG, "raised"),
    "surrogates": ("def f(x): return '\\ud800'", Status.WRONG, "wrong"),
    "deep recursion": ("def f(x): return f(x)", Status.WRONG, "raised"),
    "a huge integer": ("def f(x): return 1 << 10_000", Status.WRONG, "wrong"),
    "equal to everything": ("class E:\n    __eq__ = lambda s, o: True\ndef f(x): return E()", Status.WRONG, "wrong"),
}


@pytest.mark.parametrize("name", STATUSES)
def test_the_status_is_that_of_the_first_test_that_fails(name: str, square: Task, run: Run) -> None:
    program, status, told = STATUSES[name]
    outcome = run(square, program)
    assert (outcome.status, outcome.reward) == (status, float(status is Status.CORRECT))
    assert outcome.answer is not None
    assert outcome.answer.rstrip("\n") == program
    first = outcome.trace.of(TestResult)[0]
    assert first.status == told or not told


@pytest.mark.parametrize("completion", ["", "I do not know.", "```python\n\n```", "\ud800\udfff\x00"])
def test_without_code_it_is_malformed(completion: str, square: Task, verifier: CodeVerifier) -> None:
    outcome = verifier(square, completion)
    assert (outcome.status, outcome.reward, outcome.answer) == (Status.MALFORMED, 0.0, None)
    assert outcome.trace.of(Diagnosis)[0].code == "no-code"


def test_there_is_room_for_a_right_value_of_any_size(make_task: MakeTask, run: Run) -> None:
    text = "x" * 1_200_000  # more than `Limits.value_bytes`
    task = make_task(public=[{"call": "f()", "expected": repr([text])}], private=[{"call": "f()", "expected": "[]"}])
    assert run(task, f"def f():\n    return ['x' * {len(text)}]").trace.of(TestResult)[-1].passed
    assert run(make_task(public=[{"call": "f()", "expected": "[]"}]), "def f(): return 'x' * (1 << 21)").status is (
        Status.LIMIT
    )


def test_processor_time_decides_what_takes_too_long(square: Task, verifier: CodeVerifier) -> None:
    """Wall time is for programs that wait: on a busy machine it runs out for right programs too."""
    assert Limits().wall_s >= 2 * Limits().cpu_s
    by_cpu = CodeVerifier(verifier.make_sandbox(), Limits(wall_s=60.0, cpu_s=1.0))
    outcome = by_cpu(square, fenced("def f(x):\n    while x: pass"))
    assert outcome.status is Status.TIMEOUT
    [first, second] = outcome.trace.of(TestResult)
    assert (first.status, first.detail, second.status) == ("timeout", "did not end within the time limit", "not-run")
    assert outcome.trace.of(Resources)[0].limit == "cpu"
    assert outcome.trace.of(ExecutedLines)[0].head[0].code == "while x: pass"


class Watched:
    """A sandbox that keeps what it was asked to run."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.name = sandbox.name
        self.programs: list[Program] = []
        self._sandbox = sandbox

    def run(self, program: Program) -> Execution:
        self.programs.append(program)
        return self._sandbox.run(program)

    def close(self) -> None:
        """It is lent."""


def test_the_lines_of_a_time_out_are_recorded_for_a_short_time_only(square: Task, verifier: CodeVerifier) -> None:
    watched = Watched(verifier.make_sandbox())
    limits = Limits(wall_s=1.5, cpu_s=3.0)
    outcome = CodeVerifier(watched, limits)(square, fenced("def f(x):\n    while x: pass"))
    assert outcome.trace.of(ExecutedLines)[0].cut > 0
    assert [(program.trace_call, program.limits.wall_s, program.limits.cpu_s) for program in watched.programs] == [
        (None, 1.5, 3.0),
        (0, 1.0, 1.0),
    ]
    CodeVerifier(watched, limits)(square, fenced("def f(x):\n    return 0"))
    assert watched.programs[-1].trace_call == 0
    assert watched.programs[-1].limits.wall_s == 1.5


def test_a_later_failure_does_not_hide_the_first(make_task: MakeTask, run: Run) -> None:
    task = make_task(public=[{"call": f"f({x})", "expected": "1"} for x in range(3)])
    outcome = run(task, "def f(x):\n    while x == 2: pass\n    return 1 if x == 0 else 5")
    assert outcome.status is Status.WRONG
    assert [test.status for test in outcome.trace.of(TestResult)] == ["passed", "wrong", "timeout"]
    outcome = run(task, "def f(x):\n    while x == 1: pass\n    return 1")
    assert outcome.status is Status.TIMEOUT
    assert [test.status for test in outcome.trace.of(TestResult)] == ["passed", "timeout", "not-run"]
    assert outcome.trace.of(Resources)[0].limit == "wall"


def test_the_trace_of_an_exception(square: Task, verifier: CodeVerifier) -> None:
    completion = (
        "So:\n```python\ndef g(y):\n    return 1 // (y - 2)\n\ndef f(x):\n    print('é', x)\n    return g(x)\n```"
    )
    outcome = verifier(square, completion)
    [raised] = outcome.trace.of(Raised)
    assert (raised.type, raised.line, raised.code, raised.test) == (
        "ZeroDivisionError",
        2,
        "return 1 // (y - 2)",
        "public test 1",
    )
    assert completion[slice(*raised.span)] == "    return 1 // (y - 2)"
    assert [(frame.function, frame.line, dict(frame.locals)) for frame in raised.frames] == [
        ("f", 6, {"x": "2"}),
        ("g", 2, {"y": "2"}),
    ]
    first, second, *_ = outcome.trace.of(TestResult)
    assert (first.input, first.expected, first.actual, first.stdout) == (
        "f(2)",
        "4",
        "raises ZeroDivisionError",
        "é 2\n",
    )
    assert (second.actual, second.passed, second.diff) == ("1", False, "")
    [lines] = outcome.trace.of(ExecutedLines)
    assert [(step.line, step.code) for step in lines.head] == [
        (5, "print('é', x)"),
        (6, "return g(x)"),
        (2, "return 1 // (y - 2)"),
    ]


def test_the_changes_of_variables_line_by_line(square: Task, run: Run) -> None:
    outcome = run(square, "def f(x):\n    total = 0\n    for i in range(x):\n        total += i\n    return total")
    [lines] = outcome.trace.of(ExecutedLines)
    assert [(step.line, dict(step.changed)) for step in lines.head] == [
        (2, {"total": "0"}),
        (3, {"i": "0"}),
        (4, {}),
        (3, {"i": "1"}),
        (4, {"total": "1"}),
        (3, {}),
        (5, {"return": "1"}),
    ]
    assert (lines.cut, lines.tail, lines.test) == (0, (), "public test 1")


def test_a_syntax_error_points_at_line_and_column(square: Task, verifier: CodeVerifier) -> None:
    completion = "```python\ndef f(x):\n    return (x +\n```"
    [raised] = verifier(square, completion).trace.of(Raised)
    assert (raised.type, raised.line, raised.column) == ("SyntaxError", 2, 12)
    assert completion[slice(*raised.span)].startswith("(")


def test_lines_of_the_prompt_are_not_the_completions(make_task: MakeTask, verifier: CodeVerifier) -> None:
    prefix = "def helper(x):\n    return x.missing\n\ndef f(x):\n    '''Doc.'''\n"
    task = make_task(prefix=prefix, public=PUBLIC)
    completion = "    y = x\n    return helper(y)\n"
    [raised] = verifier(task, completion).trace.of(Raised)
    assert (raised.type, raised.line, raised.span) == ("AttributeError", None, None)
    assert [(frame.line, frame.code) for frame in raised.frames] == [(2, "return helper(y)")]
    [lines] = verifier(task, completion).trace.of(ExecutedLines)
    assert [step.line for step in lines.head] == [1, 2]
    assert completion[slice(*lines.span)] == "    return helper(y)"


def test_a_header_is_there_and_not_the_completions(make_task: MakeTask, run: Run) -> None:
    task = make_task(header="import math\nfrom typing import List", public=[{"call": "f([4])", "expected": "2"}])
    assert run(task, "def f(xs: List[int]) -> int:\n    return math.isqrt(xs[0])").success
    assert run(task, "from __future__ import annotations\ndef f(xs: List[int]) -> int:\n    return xs[0] // 2").success
    outcome = run(task, "def f(xs: List[int]) -> int:\n    y = 0\n    return math.isqrt(xs[1])")
    [raised] = outcome.trace.of(Raised)
    assert (raised.line, raised.code) == (3, "return math.isqrt(xs[1])")
    assert [step.line for step in outcome.trace.of(ExecutedLines)[0].head] == [2, 3]
    [raised] = run(task, "x = (\ndef f(xs): pass").trace.of(Raised)
    assert (raised.type, raised.line, raised.column) == ("SyntaxError", 1, 5)


def test_examples_of_use_beside_the_code_are_not_the_program(square: Task, verifier: CodeVerifier) -> None:
    code = fenced("def f(x):\n    return x * x", label="python")
    for rest in (
        fenced("print(f(3))", label="python"),
        fenced("assert f(2) == 4", label="py"),
        fenced("9"),
        fenced("print(f(3))", label="python") + "\nprints\n" + fenced("9"),
        fenced("$ python f.py", label="bash"),
    ):
        assert verifier(square, f"{code}\nFor example:\n{rest}").success


LEAKS = {
    "as a value": "def f(x): return x if x > 9 else x * x",
    "raised": "def f(x):\n    if x > 9: raise ValueError(x)\n    return x * x",
    "printed": "def f(x):\n    print(x, flush=True)\n    return x * x if x < 9 else 0",
    "to stderr": "import sys\ndef f(x):\n    print(x, file=sys.stderr)\n    return x * x if x < 9 else 0",
    "kept in a file": (
        "import pathlib, tempfile\np = pathlib.Path('kept')\nold = p.read_text() if p.exists() else ''\n"
        "def f(x):\n    print(old)\n    p.write_text(str(x))\n    return x * x if x < 9 else 0"
    ),
    "searched for in memory": (
        "import gc\n"
        "held = [o for o in gc.get_objects() if type(o) in (tuple, list)]\n"
        f"found = [i for o in held for i in o if type(i) is int and i * 7 == {SECRET * 7}]\n"
        "def f(x):\n    print(found)\n    return x * x if x < 9 else 0"
    ),
    "slow": "def f(x):\n    while x > 9: pass\n    return x * x",
}


@pytest.mark.parametrize("name", LEAKS)
def test_nothing_of_a_private_test_is_in_the_trace(name: str, square: Task, verifier: CodeVerifier) -> None:
    for _ in range(2):  # what one run keeps must not reach the next
        outcome = verifier(square, fenced(LEAKS[name]))
        assert not outcome.success
        told = [event for event in outcome.trace.to_dict()["events"] if event["kind"] != "check"]
        assert str(SECRET) not in json.dumps(told)
        private = [test for test in outcome.trace.of(TestResult) if not test.public]
        status = "timeout" if name == "slow" else "wrong"
        assert private == [TestResult("private tests", False, status=status, public=False)]
        assert all(test.passed for test in outcome.trace.of(TestResult) if test.public)


def test_the_number_of_private_tests_is_not_told(make_task: MakeTask, run: Run) -> None:
    traces = []
    for count in (1, 5):
        task = make_task(public=PUBLIC, private=[{"call": f"f({x})", "expected": "0"} for x in range(9, 9 + count)])
        events = run(task, "def f(x): return x * x").trace.events
        traces.append([event for event in events if not isinstance(event, Resources)])
    assert traces[0] == traces[1]


def test_private_tests_wait_for_the_public_ones(make_task: MakeTask, run: Run) -> None:
    """And globals that a program kept from public calls are gone."""
    task = make_task(public=[{"call": "f(1)", "expected": "1"}], private=[{"call": "f(1)", "expected": "1"}])
    assert run(task, "seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen)").success
    outcome = run(task, "def f(x): return 0")
    assert not [test for test in outcome.trace.of(TestResult) if not test.public]


def test_without_public_tests_only_loading_is_told(make_task: MakeTask, run: Run) -> None:
    task = make_task(private=PRIVATE)
    assert run(task, "def f(x): return x * x").success
    outcome = run(task, "x = 1\ny = x.nothing")
    assert outcome.status is Status.WRONG
    [raised] = outcome.trace.of(Raised)
    assert (raised.type, raised.line, raised.code) == ("AttributeError", 2, "y = x.nothing")
    assert not outcome.trace.of(TestResult)
    assert run(task, "while True: pass").status is Status.TIMEOUT
    assert [check.passed for check in outcome.trace.of(Check)] == [True, False]


def test_scripts_read_and_print(run: Run) -> None:
    task = Task(
        "s",
        "code",
        "Add.",
        {
            "public": [{"stdin": "1 2\n", "stdout": "3\n"}, {"stdin": "5 5\n", "stdout": "10\n"}],
            "private": [{"stdin": f"{SECRET} 1\n", "stdout": f"{SECRET + 1}\n"}],
        },
    )
    assert run(task, "print(sum(map(int, input().split())))").success
    outcome = run(task, "a, b = input().split()\nprint(a + b)")
    first, _ = outcome.trace.of(TestResult)
    assert (first.actual, first.diff) == ("12\n", "line 1 is '12', not '3'")
    assert [step.code for step in outcome.trace.of(ExecutedLines)[0].head] == ["a, b = input().split()", "print(a + b)"]
    outcome = run(task, "import sys\na, b = map(int, input().split())\nprint(a + b)\nsys.exit(3)")
    assert outcome.trace.of(TestResult)[0].detail == "ended by itself with exit code 3"
    outcome = run(task, "print(input())\nraise KeyError('x')")
    assert (outcome.trace.of(Raised)[0].line, outcome.trace.of(TestResult)[0].status) == (2, "raised")
    outcome = run(task, "print(int(input().split()[0]) +")
    assert outcome.trace.of(Check)[1].passed is False
    outcome = run(task, "a, b = map(int, input().split())\nprint(a + b if a < 9 else a)")
    assert str(SECRET) not in json.dumps(outcome.trace.to_dict()["events"])
    assert not outcome.success


def test_much_output_is_compared_whole_and_too_much_is_wrong(run: Run) -> None:
    wanted = "x" * 100_000
    task = Task("s", "code", "p", {"public": [{"stdin": "", "stdout": wanted}]})
    assert run(task, f"print('x' * {len(wanted)})").success
    outcome = run(task, f"for _ in range(40): print('x' * {len(wanted)})")
    assert outcome.status is Status.WRONG
    assert len(json.dumps(outcome.to_dict())) < 30_000


def test_partial_credit_is_the_fraction_of_all_tests(make_task: MakeTask, verifier: CodeVerifier) -> None:
    partial = CodeVerifier(verifier.make_sandbox(), verifier.limits, partial_credit=True)
    task = make_task(public=PUBLIC, private=[{"call": f"f({x})", "expected": str(x * x)} for x in (0, 5)])
    for program, reward in [
        ("def f(x): return x * x", 1.0),
        ("def f(x): return 0", 0.25),
        ("def f(x): return 4", 0.25),
        ("def f(x): return x", 0.25),
        ("def f(x", 0.0),
        ("def f(x):\n    while x == 3: pass\n    return x * x", 0.75),
    ]:
        outcome = partial(task, fenced(program))
        assert (outcome.reward, outcome.success) == (reward, reward == 1), program


def test_lines_are_recorded_only_when_asked(square: Task, verifier: CodeVerifier) -> None:
    plain = CodeVerifier(verifier.make_sandbox(), record_lines=False)
    outcome = plain(square, fenced("def f(x): return x"))
    assert not outcome.trace.of(ExecutedLines)
    assert outcome.trace.of(TestResult)[0].actual == "2"


class Broken:
    """A sandbox whose daemon is gone."""

    name = "broken"

    def run(self, program: Program) -> Execution:
        raise SandboxError("no daemon answers; start one")

    def close(self) -> None:
        """Nothing."""


def test_a_failure_of_the_sandbox_is_no_wrong_answer(square: Task) -> None:
    outcome = CodeVerifier(Broken())(square, fenced("def f(x): return 0"))
    assert outcome.status is Status.INFRA_ERROR
    [raised] = outcome.trace.of(Raised)
    assert (raised.type, raised.message) == ("SandboxError", "no daemon answers; start one")


def test_a_task_whose_tests_cannot_be_read_is_no_wrong_answer(make_task: MakeTask, run: Run) -> None:
    outcome = run(make_task(public=[{"call": "f("}]), "def f(x): return 0")
    assert outcome.status is Status.INFRA_ERROR
    assert "no Python literals" in outcome.trace.of(Raised)[0].message


def test_many_threads_share_one_verifier(square: Task, verifier: CodeVerifier) -> None:
    programs = {
        fenced("def f(x): return x * x"): Status.CORRECT,
        fenced("def f(x): return x"): Status.WRONG,
        "nothing": Status.MALFORMED,
        fenced("import os\ndef f(x): os._exit(1)"): Status.WRONG,
    }
    started = threading.Barrier(8)

    def grade(index: int) -> tuple[Status, Status]:
        if index < 8:
            started.wait(timeout=30)
        program = list(programs)[index % len(programs)]
        return verifier(square, program).status, programs[program]

    with ThreadPoolExecutor(8) as pool:
        for found, expected in pool.map(grade, range(40)):
            assert found is expected


def test_closing(square: Task) -> None:
    closed = CodeVerifier("subprocess")
    assert closed.resources() == {"sandbox": "subprocess"}
    closed.close()
    closed.close()
    outcome = closed(square, fenced("def f(x): return x * x"))
    assert outcome.status is Status.INFRA_ERROR
    assert "closed" in outcome.trace.of(Raised)[0].message


def test_a_closed_verifier_leaves_a_given_sandbox_open(square: Task, verifier: CodeVerifier) -> None:
    CodeVerifier(verifier.make_sandbox()).close()
    assert verifier(square, fenced("def f(x): return x * x")).success
