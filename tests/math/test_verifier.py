from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distil_envs.counted import generator
from distil_envs.errors import ConfigError
from distil_envs.grading import Grader, shared_pool
from distil_envs.math import MathVerifier, grade_math, read_answer
from distil_envs.math.families import FAMILIES
from distil_envs.outcome import Check, Diagnosis, Outcome, Raised, Status, Trace
from distil_envs.task import Task

HANGS = r"\int_0^1 \sin(\sin(\sin(x^{x^x}))) dx"
EXPRESSION = {"kind": "expression", "variables": ["x"]}


def task(answer, **reference):
    return Task("t", "math", "What is it?", {"answer": answer, **reference})


def status(answer, completion, **reference):
    return grade_math(task(answer, **reference), completion).status


UNREADABLE = [
    "", "   \n\t ", "hello", "\x00", "\ud800 5", "((((((5", "(" * 5000 + "5" + ")" * 5000, "5 6", "^", "x^^2",
    "1 +", "\\frac{1}", "\\unknown{5}", "5 @ 6", "\\boxed{", "-" * 30_000, "1" * 1_000_000, "{" * 3000, "|" * 3000,
    "2^" * 3000 + "2", "!" * 99, "\\boxed{" * 5000, "\\begin{pmatrix}1 & 2", "\\int", "\\sum_{k", "=", "= =", "1 = = 1",
    ",", "5,,6", "5 or", "a_", "sin",
]  # fmt: skip


@pytest.mark.parametrize("completion", UNREADABLE)
def test_unreadable_is_malformed(completion):
    outcome = grade_math(task("5", kind="integer"), completion)
    assert (outcome.status, outcome.reward) == (Status.MALFORMED, 0.0), outcome
    (event,) = outcome.trace.of(Diagnosis)
    assert event.code == "unparsable"
    start, end = event.span
    assert 0 <= start <= end <= max(len(completion), 1)


READ = [
    (r"So \boxed{\frac{1}{2}} it is, not 7.", r"\frac{1}{2}"),
    (r"First \boxed{3}, then more work, and finally \boxed{4}.", "4"),
    ("<answer> 12 </answer> and #### 13", "12"),
    ("#### 5\n#### 6", "6"),
    ("The answer is 5.\nThanks!", "5"),
    ("Answer:\n\n  x + 1  ", "x + 1"),
    ("We get 3.\n\nSo it is 4 apples.\n", "4"),
    ("48/2 = 24\n48+24 = 72", "72"),
    ("Natalia sold 48 clips and then 24, altogether 72 clips.", "72"),
    ("There are 12 ducks (that is 12).", "12"),
    ("It is \\(x^2 + 1\\).", "x^2 + 1"),
    ("Total = $1,234.50.", "1,234.50"),
    ("it is 5. That is a lot. I am sure.", "5"),
    ("the length is 5 cm", "5 cm"),
    (r"\boxed{\text{The total is }5}", "5"),
    (r"The solutions are \boxed{-3} and \boxed{5}.", "-3, 5"),
    ("x = 2 and y = -1", "x = 2 and y = -1"),
    ("no idea", "no idea"),
]


@pytest.mark.parametrize(("completion", "text"), READ)
def test_reading(completion, text):
    answer = read_answer(completion)
    if ", 5" in text:  # several boxes
        assert answer.text == text
    elif answer.text != text:  # what the tree narrows further
        assert grade_math(task("0"), completion).answer == text
    start, end = answer.span
    assert ", 5" in text or completion[start:end] == answer.text


def test_only_the_end_of_a_long_completion_is_read():
    assert read_answer("#### 5\n" + "x" * 30_000 + "\n\n#### 6\n").text == "6"
    far = read_answer("\\boxed{5}\n" + "word " * 8_000 + "\nso 6")
    assert far.text == "6"
    # A long line is read from a word on, never from the middle of an expression.
    assert read_answer("1+" * 9_000 + "5").text.startswith("1+1+")
    assert status("5", "1+" * 9_000 + "5") is Status.MALFORMED


def checks(answer, completion, **reference):
    trace = grade_math(task(answer, **reference), completion).trace
    return {check.name: check.passed for check in trace.of(Check)}


@pytest.mark.parametrize(
    ("answer", "completion", "exact", "anywhere", "readable"),
    [
        ("7", " 7\n", True, True, True),
        ("7", "It is 7.", False, True, True),
        ("7", "7 + 1 = 8", False, True, True),
        ("7", "17, 70 or -7", False, False, False),
        ("7", "10 - 7 = 3", False, True, True),
        ("-7", "x = -7 so 49", False, True, True),
        ("3/4", "half of 3/4 is 3/8", False, True, True),
        ("7", "7 but then 1 +", False, True, False),
        ("3*x^2 - 2*x", "3*x^2-2*x", True, True, True),
        ("3*x^2 - 2*x", "Since f' = x(3x - 2), the slope is 8", False, True, True),
        ("{-3, 5}", "roots {5, -3}, sum 2", False, True, True),
        ("{-3, 5}", "roots 4 and 5", False, False, True),
        ("no solution", "whatever", False, False, True),
    ],
)
def test_checks(answer, completion, exact, anywhere, readable):
    assert checks(answer, completion) == {"exact": exact, "value-anywhere": anywhere, "format": readable}


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_references_of_generated_tasks(name):
    family = FAMILIES[name]
    for level in family.levels:
        items = [family.draw(generator(0, "verifier-test", name, level, index), level) for index in range(4)]
        for item, other in pairwise(items):
            reference = {"kind": item.kind, **item.extra}
            assert status(item.answer, item.answer, **reference) is Status.CORRECT
            assert status(item.answer, f"So it is \\boxed{{{item.answer}}}.", **reference) is Status.CORRECT
            if other.kind == "integer" and other.answer != item.answer:
                assert status(item.answer, other.answer, **reference) is not Status.CORRECT


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.text("0123456789x+-*/^(){}[]=,.\\frac sqrt|!%$_±√orand\n", max_size=40))
def test_garbage_never_raises(completion):
    for answer in ("7", "x^2 + 1", "{1, 2}"):
        outcome = grade_math(task(answer), completion)
        assert outcome.status in (Status.CORRECT, Status.WRONG, Status.MALFORMED)
        assert (outcome.reward == 1.0) == outcome.success
        for event in outcome.trace.events:
            if event.span is not None:
                assert 0 <= event.span[0] <= event.span[1] <= len(completion)
        assert Trace.from_dict(outcome.trace.to_dict()) == outcome.trace


CASES = [
    ("7", "x = 7", {"kind": "integer"}, True),
    ("7", "-7", {"kind": "integer"}, False),
    ("x^2 - 1", "(x-1)(x+1)", EXPRESSION, True),
    ("x^2 - 1", "(x-1)(x+2)", EXPRESSION, False),
    (r"\sqrt{1/n}", r"1/\sqrt{n}", {}, True),
    ("{-3, 5}", "x = 5 or x = -3", {"kind": "set"}, True),
    ("{-3, 5}", "x = 5 or x = 3", {"kind": "set"}, False),
    ("1/2^99", "1/2^98", {}, False),
]


def test_the_verifier_agrees_with_the_pure_function():
    verifier = MathVerifier()
    for answer, completion, reference, _ in CASES:
        assert verifier(task(answer, **reference), completion) == grade_math(task(answer, **reference), completion)


def test_many_threads():
    verifier = MathVerifier()
    with ThreadPoolExecutor(12) as threads:
        outcomes = list(threads.map(lambda case: verifier(task(case[0], **case[2]), case[1]), CASES * 8))
    assert [outcome.success for outcome in outcomes] == [case[3] for case in CASES * 8]


def test_a_hanging_verification_is_killed_while_others_return():
    hanging, quick = MathVerifier(timeout_s=2.0), MathVerifier()
    with Grader() as grader:
        late = [grader.submit(partial(hanging, task("x + 1"), HANGS)) for _ in range(2)]
        others = [grader.submit(partial(quick, task("x + 1", **EXPRESSION), "1 + x")) for _ in range(30)]
        assert all(other.result(30).success for other in others)
        outcomes = [future.result(60) for future in late]
    for outcome in outcomes:
        assert (outcome.status, outcome.reward) == (Status.TIMEOUT, 0.0)
        assert outcome.answer == HANGS
        assert "2 s" in outcome.trace.of(Raised)[0].message
    assert quick(task("x + 1", **EXPRESSION), "1 + x").success


def test_plain_numbers_need_no_worker(monkeypatch):
    def no_pool():
        raise AssertionError("a worker was asked for")

    monkeypatch.setattr("distil_envs.grading.shared_pool", no_pool)
    verifier = MathVerifier()
    for completion in ("7", "x = 7", "The answer is 14/2.", "-7", "5 or 7", "what?", "", "1 +", "10^10^10", "7 apples"):
        outcome = verifier(task("7", kind="integer"), completion)
        assert outcome == grade_math(task("7", kind="integer"), completion) or completion == "10^10^10"


def test_bad_options():
    for timeout_s in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="timeout_s"):
            MathVerifier(timeout_s=timeout_s)


def test_verifier_travels_to_workers():
    outcome = shared_pool().run(grade_math, task("7"), "7", timeout_s=10)
    assert isinstance(outcome, Outcome)
    assert outcome.success
