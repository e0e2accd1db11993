"""References: what can be read, and what is refused with its place."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from distil_envs import Task
from distil_envs.code.asserts import called_function, read_asserts, read_check
from distil_envs.code.cases import CallCase, CheckCase, ScriptCase, read_call, suite_of
from distil_envs.errors import TaskError
from distil_envs.sandbox import Call, Raised

MakeTask = Callable[..., Task]
GOOD = {"call": "f(1)", "expected": "2"}


def test_every_kind_of_test_is_read(make_task: MakeTask) -> None:
    suite = suite_of(
        make_task(
            solution="def f(): ...",
            public=[{"call": "f((1, {2}), k=b'x')", "expected": "None", "tolerance": 0.5}],
            private=[{"call": "f([])", "raises": "ValueError"}, {"check": "def check(c): pass"}],
            check="def check(candidate): pass",
            tolerance=0.25,
        )
    )
    [first] = suite.public
    assert isinstance(first, CallCase)
    assert first.call == Call(((1, {2}),), {"k": b"x"})
    assert (first.expected, first.rule.tolerance, first.wanted) == (None, 0.5, "None")
    raises, one, other = suite.private
    assert isinstance(raises, CallCase)
    assert (raises.raises, raises.rule.tolerance) == ("ValueError", 0.25)
    assert isinstance(one, CheckCase)
    assert isinstance(other, CheckCase)
    assert suite.size == 4
    script = Task("s", "code", "p", {"public": [{"stdin": "1\n", "stdout": "2\n"}]})
    assert isinstance(suite_of(script).public[0], ScriptCase)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ({}, "there are no tests"),
        ({"public": {}}, "public: expected a list"),
        ({"public": ["f(1)"]}, "public[0]: expected an object"),
        ({"private": [GOOD, {}]}, "private[1]: expected 'call', 'stdin' or 'check'"),
        ({"public": [{"call": "f(1)"}]}, "either 'expected' or 'raises'"),
        ({"public": [{"call": "f(1)", "expected": "1", "raises": "E"}]}, "either 'expected' or 'raises'"),
        ({"public": [{"call": "g(1)", "expected": "1"}]}, "expected a call of f"),
        ({"public": [{"call": "f(x)", "expected": "1"}]}, "no Python literals"),
        ({"public": [{"call": "f(**{})", "expected": "1"}]}, "** cannot be used"),
        ({"public": [{"call": "f(", "expected": "1"}]}, "no Python literals"),
        ({"public": [{"call": "f()", "expected": "__import__('os')"}]}, "is no Python literal"),
        ({"public": [{"call": "f()", "expected": 1}]}, "'expected' must be text"),
        ({"public": [{"stdin": "", "stdout": ""}]}, "belongs to a task without entry_point"),
        ({"check": "def check(c): pass"}, "need reference.solution"),
        ({"public": [GOOD], "tolerance": 2}, "tolerance must be"),
        ({"public": [GOOD], "solution": 3}, "'solution' must be text"),
        ({"public": [{"call": "f()", "expected": "..."}]}, "no program can return '...': a value of type ellipsis"),
        ({"public": [GOOD], "header": ["import math"]}, "'header' must be text"),
    ],
)
def test_a_reference_that_cannot_be_used_is_told_by_its_place(
    make_task: MakeTask, reference: dict[str, Any], said: str
) -> None:
    with pytest.raises(TaskError, match=re.escape(said)) as caught:
        suite_of(make_task(**reference))
    assert str(caught.value).startswith("task 't': reference: ")


def test_calls_need_an_entry_point() -> None:
    with pytest.raises(TaskError, match=re.escape("public[0]: a test with 'call' needs reference.entry_point")):
        suite_of(Task("t", "code", "p", {"public": [GOOD]}))


@pytest.mark.parametrize("text", ["m(1, a=2)", "C.m(1, a=2)", "C().m(1, a=2)"])
def test_methods_are_called_by_their_name(text: str) -> None:
    assert read_call(text, "C.m") == Call((1,), {"a": 2})


@pytest.mark.parametrize(
    ("raises", "raised", "right"),
    [
        ("ValueError", Raised("ValueError", ""), True),
        ("LookupError", Raised("KeyError", "", bases=("LookupError", "Exception")), True),
        ("KeyError", Raised("LookupError", "", bases=("Exception",)), False),
        ("IOError", Raised("FileNotFoundError", "", bases=("OSError", "Exception")), True),
        ("Custom", Raised("Custom", ""), True),
        ("Custom", Raised("Special", "", bases=("Custom", "Exception")), True),
        ("Exception", Raised("Custom", "", bases=("Exception",)), True),
        ("ValueError", Raised("Custom", "", bases=("Exception",)), False),
    ],
)
def test_exceptions_go_by_name_and_by_base(make_task: MakeTask, raises: str, raised: Raised, right: bool) -> None:
    [case] = suite_of(make_task(public=[{"call": "f()", "raises": raises}])).public
    assert isinstance(case, CallCase)
    assert case.is_wanted_exception(raised) is right
    assert not CallCase("f()", Call(), case.rule, expected=1).is_wanted_exception(raised)


PLAIN = '''
METADATA = {"author": "x"}

def check(candidate):
    """Doc."""
    assert True, "nothing"
    assert candidate([1, -2.5], k=(3,)) == {"a": None}
    assert candidate("é") == [], "message"
    pass
'''


def test_plain_assertions_become_calls() -> None:
    assert read_check(PLAIN, "f") == [
        {"call": "f([1, -2.5], k=(3,))", "expected": "{'a': None}"},
        {"call": "f('é')", "expected": "[]"},
    ]


@pytest.mark.parametrize(
    "body",
    [
        "for i in range(3): assert candidate(i) == i",
        "assert candidate(1)",
        "assert not candidate(1)",
        "assert candidate(1) is True",
        "assert candidate(1) == 1 == 1",
        "assert candidate(2 * 3) == 1",
        "assert candidate(1) == f(1)",
        "assert abs(candidate(1) - 1) < 1e-6",
        "assert candidate(*[1]) == 1",
        "assert candidate(**{}) == 1",
        "assert 1 == candidate(1)",
        "x = 1",
        "assert False",
        "assert True",
    ],
)
def test_everything_else_stays_code(body: str) -> None:
    assert read_check(f"def check(candidate):\n    {body}\n", "f") is None


@pytest.mark.parametrize("source", ["def check(", "x = 1", "def check(): pass", "def test(candidate): pass"])
def test_tests_without_a_check_are_refused(source: str) -> None:
    with pytest.raises(TaskError, match=r"does not parse|no function check"):
        read_check(source, "f")


def test_assertions_one_by_one() -> None:
    rows = read_asserts(["assert f(1) == 2", "assert set(f(2)) == {1}\n"], "f", "import math")
    assert rows[0] == {"call": "f(1)", "expected": "2"}
    assert rows[1]["text"] == "assert set(f(2)) == {1}"
    assert rows[1]["check"] == "import math\ndef check(f):\n    assert set(f(2)) == {1}\n"
    assert called_function("def g(): pass\ndef f(): pass", ["assert set(f(2)) == {1}"]) == "f"
    with pytest.raises(TaskError, match="call none of the functions of the solution"):
        called_function("def g(): pass", ["assert f(2)"])
