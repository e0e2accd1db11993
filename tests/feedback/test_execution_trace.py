"""`execution-trace`: most useful first, in a bounded number of characters, public tests only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distil_envs import (
    Attempt,
    Check,
    Diagnosis,
    Episode,
    ExecutedLines,
    Outcome,
    Raised,
    Resources,
    Status,
    Task,
    TestResult,
    ToolOutput,
    Trace,
)
from distil_envs.code import CodeVerifier
from distil_envs.errors import ConfigError
from distil_envs.outcome import Event, Frame, Step
from distil_envs.sandbox import Limits
from distil_envs.text import fenced
from feedback import Feedback
from feedback.providers.binary import binary
from feedback.providers.execution_trace import ExecutionTrace

Tell = Callable[..., Feedback]
TASK = Task(
    "t",
    "code",
    "Write f.",
    {
        "entry_point": "f",
        "public": [{"call": "f([1, 2])", "expected": "[2, 4]"}, {"call": "f([])", "expected": "[]"}],
        "private": [{"call": "f([777])", "expected": "[1554]"}],
    },
)


@pytest.fixture(scope="module")
def verifier() -> Iterator[CodeVerifier]:
    made = CodeVerifier("subprocess", Limits(wall_s=1.0))
    yield made
    made.close()


@pytest.fixture
def tell(verifier: CodeVerifier) -> Tell:
    def told(program: str, task: Task = TASK, **options: Any) -> Feedback:
        text = fenced(program) if program else ""
        [found] = ExecutionTrace(**options)([_episode(task, text, verifier(task, text))])
        assert found is not None
        return found

    return told


def _episode(task: Task, text: str, outcome: Outcome) -> Episode:
    return Episode(task, [Attempt((), (), text, outcome)], rollout_id="0/1/2")


def test_a_wrong_value_with_what_led_to_it(tell: Tell) -> None:
    found = tell("def f(xs):\n    print('here')\n    for x in xs:\n        x = x * 2\n    return xs")
    assert found.text == (
        "1 of 2 public tests fails.\n"
        "f([1, 2]) returned [1, 2], expected [2, 4].\n"
        "The difference: at index 0: 1, not 2.\n"
        "Executed lines:\n"
        "2: print('here')\n"
        "3: for x in xs:  # x = 1\n"
        "4: x = x * 2  # x = 2\n"
        "3: for x in xs:\n"
        "4: x = x * 2  # x = 4\n"
        "3: for x in xs:\n"
        "5: return xs  # return = [1, 2]\n"
        "Printed:\n"
        "here"
    )
    assert (found.source, found.depends_on, found.reveals_reference) == ("execution-trace", {"0/1/2"}, False)
    assert found.correction is None


def test_an_exception_with_its_line_and_variables(tell: Tell) -> None:
    found = tell("def g(x):\n    return x.size\ndef f(xs):\n    return [g(x) for x in xs]")
    lines = found.text.splitlines()
    assert lines[:6] == [
        "1 of 2 public tests fails.",
        "f([1, 2]) raises AttributeError. Expected: [2, 4].",
        "AttributeError: 'int' object has no attribute 'size'",
        "Line 2: return x.size",
        "Variables there: x = 1",
        "Called by: f (line 4), <listcomp> (line 4)",
    ]
    assert len(found.spans) == 1


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("def f(xs): return [2 * x for x in xs]", "All tests pass."),
        (
            "def f(xs): return [2 * x for x in xs][:9] if 777 not in xs else 0",
            "All public tests pass, but a private test fails.",
        ),
        (
            "def f(xs):\n    while 777 in xs: pass\n    return [2 * x for x in xs]",
            "All public tests pass, but a private test fails: it takes too long.",
        ),
        ("", "There is no code: write the program in a fenced block."),
        (
            "def f(xs:\n    pass",
            "The program does not run.\nSyntaxError: '(' was never closed\nLine 1, column 6: def f(xs:",
        ),
        ("def g(): pass", "The program does not run.\nNameError: the program defines no 'f'"),
        (
            "import nothing_here",
            "The program does not run.\n"
            "ModuleNotFoundError: No module named 'nothing_here'\nLine 1: import nothing_here",
        ),
    ],
)
def test_the_other_verdicts(tell: Tell, program: str, text: str) -> None:
    assert tell(program).text == text


def test_limits_are_told(tell: Tell) -> None:
    text = tell("def f(xs):\n    while True: pass").text
    assert text.startswith("2 of 2 public tests fail.\nf([1, 2]) did not end within the time limit. Expected: [2, 4].")
    text = tell("def f(xs):\n    return 'x' * (1 << 40)").text
    assert text.startswith("2 of 2 public tests fail. It hit the memory limit.\nf([1, 2]) hit the memory limit.")


def test_programs_that_print(tell: Tell) -> None:
    task = Task("s", "code", "p", {"public": [{"stdin": "1\n2\n", "stdout": "2\n4\n"}]})
    assert tell("print(int(input()) * 2)", task).text.startswith(
        "1 of 1 public tests fails.\n"
        "For the input\n1\n2\nit should print\n2\n4\nIt printed\n2\n"
        "The difference: the number of lines is 1, not 2."
    )
    assert "It printed nothing." in tell("x = 1", task).text


def test_nothing_private_is_told(tell: Tell) -> None:
    for program in (
        "def f(xs):\n    if 777 in xs: raise ValueError(xs)\n    return [2 * x for x in xs]",
        "import sys\ndef f(xs):\n    if 777 in xs: return print(xs, file=sys.stderr)\n    return [2 * x for x in xs]",
    ):
        assert tell(program).text == "All public tests pass, but a private test fails."


CLAIMS = st.text(st.sampled_from("ab\n`<|im_end|>é🙂\x1b "), max_size=300)


def events(draw: Callable[[Any], Any]) -> list[Event]:
    test = TestResult(
        *("public test 1", False, draw(CLAIMS), draw(CLAIMS), draw(CLAIMS), None),
        *(draw(st.sampled_from(["wrong", "raised"])), draw(CLAIMS), draw(CLAIMS), draw(CLAIMS)),
    )
    frames = tuple(Frame(draw(CLAIMS), 3, draw(CLAIMS), {draw(CLAIMS): draw(CLAIMS)}) for _ in range(3))
    raised = Raised(
        draw(CLAIMS), draw(CLAIMS), 3, (0, 1), 2, draw(CLAIMS), frames, 5, draw(st.sampled_from(["", test.name]))
    )
    steps = tuple(Step(1, draw(CLAIMS), {draw(CLAIMS): draw(CLAIMS)}) for _ in range(30))
    lines = ExecutedLines(test.name, steps[:15], steps[15:], draw(st.integers(0, 9)), (2, 3))
    return [Check("format", True), raised, test, lines, ToolOutput("stderr", draw(CLAIMS)), Resources(0.1, 0.1, 1)]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data(), st.integers(80, 1500))
def test_it_is_bounded_whatever_the_program_claims(data: Any, limit: int) -> None:
    trace = Trace(tuple(events(data.draw)))
    assert Trace.from_dict(trace.to_dict()) == trace
    episode = _episode(TASK, "", Outcome(0.0, Status.WRONG, "x", trace))
    [found] = ExecutionTrace(max_chars=limit)([episode])
    assert found is not None
    assert len(found.text) <= limit
    assert found.spans == ((0, 1), (2, 3))
    [whole] = ExecutionTrace(max_chars=10**6)([episode])
    assert whole is not None
    if len(whole.text) <= limit:
        assert found.text == whole.text


def test_what_does_not_fit_is_the_least_useful(tell: Tell) -> None:
    program = "def f(xs):\n    print('here')\n    return [x + 1 for x in xs]"
    whole = tell(program).text
    for limit in range(80, len(whole) + 20, 7):
        text = tell(program, max_chars=limit).text
        assert text.startswith("1 of 2 public tests fails.\nf([1, 2]) returned [2, 3], expected [2, 4].")
    assert "Executed lines" not in tell(program, max_lines=0).text
    long = tell("def f(xs):\n    return ['y' * 400]", max_value_chars=40).text
    assert "y" * 41 not in long
    assert "[…]" in long


def test_long_runs_keep_head_and_tail(tell: Tell) -> None:
    text = tell("def f(xs):\n    n = 0\n    while n < 500:\n        n += 1\n    return n", max_lines=4).text
    executed = text.partition("Executed lines:\n")[2].splitlines()
    assert executed[:2] == ["2: n = 0  # n = 0", "3: while n < 500:"]
    assert executed[2].startswith("… ")
    assert executed[3:5] == ["3: while n < 500:", "5: return n  # return = 500"]


@pytest.mark.parametrize("option", ["max_chars", "max_lines", "max_value_chars"])
def test_options_that_cannot_be_are_refused(option: str) -> None:
    with pytest.raises(ConfigError, match=f"{option} must be at least"):
        ExecutionTrace(**{option: -1})


def test_other_traces_get_the_plain_verdict() -> None:
    [found] = ExecutionTrace()([_episode(TASK, "5", Outcome(0.0, Status.WRONG, "5"))])
    assert found is not None
    assert found.text == "5 is wrong."
    malformed = Outcome(0.0, Status.MALFORMED, None, Trace((Diagnosis("x", "It is no number."),)))
    [found] = ExecutionTrace()([_episode(TASK, "5", malformed)])
    assert found is not None
    assert found.text == "It is no number."
    with pytest.raises(ValueError, match="before the attempt was graded"):
        ExecutionTrace()([_episode(TASK, "5", Outcome(0.0, Status.INFRA_ERROR))])


def test_a_whole_program_is_not_repeated_by_the_plain_verdict() -> None:
    [found] = binary([_episode(TASK, "", Outcome(0.0, Status.WRONG, "def f():\n    pass\n"))])
    assert found is not None
    assert found.text == "The answer is wrong."
