"""HumanEval, MBPP and LiveCodeBench: rows in their form, made here; and the real HumanEval where it is at hand."""

from __future__ import annotations

import base64
import json
import pickle
import re
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from distil_envs import Status, Task
from distil_envs.code import CodeVerifier
from distil_envs.code.cases import CheckCase, suite_of
from distil_envs.errors import NotFoundError, TaskError
from distil_envs.jsonl import BadLinesError
from distil_envs.loaders import load_file
from distil_envs.loaders.livecodebench import only_string, unpacked
from distil_envs.task_set import load_tasks
from distil_envs.text import fenced

Write = Callable[..., Path]
load_humaneval, load_livecodebench, load_mbpp = (
    partial(load_file, form) for form in ("humaneval", "livecodebench", "mbpp")
)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(*rows: Any, array: bool = False) -> Path:
        path = tmp_path / ("rows.json" if array else "rows.jsonl")
        path.write_text(json.dumps(rows) if array else "".join(json.dumps(row) + "\n" for row in rows))
        return path

    return written


def reason(load: Callable[[Path], Any], path: Path) -> str:
    with pytest.raises(BadLinesError) as caught:
        load(path)
    [bad] = caught.value.bad_lines
    return bad.reason


HUMANEVAL = {
    "task_id": "HumanEval/900",
    "prompt": (
        "import math\n\n\ndef half(x):\n    return x / 2\n\n\ndef quarter(x: float) -> float:\n"
        '    """Half of the half.\n    >>> quarter(8)\n    2.0\n    >>> quarter(1)\n    7.5\n    >>> quarter(4)\n'
        '    one\n    """\n'
    ),
    "entry_point": "quarter",
    "canonical_solution": "    y = half(x)\n    return half(y)\n",
    "test": "def check(candidate):\n    assert candidate(1) == 0.25\n    assert candidate(-8) == -2.0\n    pass\n",
}


def test_humaneval_rows(write: Write, verifier: CodeVerifier) -> None:
    [task] = load_humaneval(write(HUMANEVAL))
    assert (task.id, task.domain) == ("HumanEval/900", "code")
    assert HUMANEVAL["prompt"].rstrip() in task.text
    reference = task.to_dict()["reference"]
    # The second example contradicts the row's own tests, the third is no literal.
    assert reference["public"] == [{"call": "quarter(8)", "expected": "2.0", "tolerance": 1e-6}]
    assert reference["private"] == [
        {"call": "quarter(1)", "expected": "0.25"},
        {"call": "quarter(-8)", "expected": "-2.0"},
    ]
    for answer in (
        task.answer,
        "    return half(half(x))\n",
        fenced("def quarter(x):\n    return half(half(x))"),
        fenced("    return half(half(x))"),
    ):
        assert verifier(task, answer or "").success, answer
    assert verifier(task, fenced("def quarter(x): return half(x)")).status is Status.WRONG


def test_humaneval_tests_that_are_code(write: Write, verifier: CodeVerifier) -> None:
    test = "def check(candidate):\n    for x in range(9):\n        assert candidate(x) == half(half(x))\n"
    prompt = HUMANEVAL["prompt"].replace("7.5", "0.25")
    [task] = load_humaneval(write({**HUMANEVAL, "prompt": prompt, "test": test}))
    assert isinstance(suite_of(task).private[0], CheckCase)
    assert "private" not in task.reference
    assert verifier(task, task.answer or "").success
    assert not verifier(task, fenced("def quarter(x): return 2.0")).success


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"test": "def check("}, "does not parse"),
        ({"test": ""}, "no test"),
        ({"prompt": "def other():\n"}, "does not begin the function quarter"),
        ({"prompt": "def quarter(x"}, "no head of a function"),
        ({"canonical_solution": None}, "no canonical_solution"),
        ({"entry_point": ""}, "no entry_point"),
    ],
)
def test_humaneval_rows_that_cannot_be_used(write: Write, change: dict[str, Any], said: str) -> None:
    assert said in reason(load_humaneval, write({**HUMANEVAL, **change}))


MBPP = {
    "text": "Write a function to triple a number.",
    "code": "import math\r\ndef helper(x):\r\n  return x\r\ndef triple(x):\r\n  return 3 * helper(x)",
    "task_id": 900,
    "test_setup_code": "import math",
    "test_list": ["assert triple(2) == 6", "assert math.isclose(triple(0.1), 0.3)"],
    "challenge_test_list": ["assert triple(-1) == -3"],
}


def test_mbpp_in_full(write: Write, verifier: CodeVerifier) -> None:
    [task] = load_mbpp(write(MBPP))
    assert task.id == "mbpp/900"
    assert task.text.startswith("Write a function to triple a number.")
    assert "assert triple(2) == 6\nassert math.isclose(triple(0.1), 0.3)" in task.text
    assert "-3" not in task.text
    reference = task.to_dict()["reference"]
    assert reference["entry_point"] == "triple"
    assert reference["public"][0] == {"call": "triple(2)", "expected": "6"}
    assert reference["public"][1]["text"] == "assert math.isclose(triple(0.1), 0.3)"
    assert reference["private"] == [{"call": "triple(-1)", "expected": "-3"}]
    assert verifier(task, task.answer or "").success
    assert verifier(task, fenced("def triple(x): return x + x + x")).success
    for wrong in ("2 * x + 2", "round(3 * x)", "abs(3 * x)"):
        assert verifier(task, fenced(f"def triple(x): return {wrong}")).status is Status.WRONG, wrong


def test_mbpp_sanitized(write: Write, verifier: CodeVerifier) -> None:
    row = {
        "source_file": "x.ipynb",
        "task_id": 901,
        "prompt": "Write a function to find the common numbers.",
        "code": "def common(a, b):\n    return tuple(set(a) & set(b))",
        "test_imports": ["import math"],
        "test_list": ["assert set(common((1, 2, 3), (2, 3, 4))) == {2, 3}", "assert common((1,), (2,)) == ()"],
    }
    [task] = load_mbpp(write(row))
    assert verifier(task, task.answer or "").success
    assert verifier(task, fenced("def common(a, b): return tuple(x for x in reversed(a) if x in b)")).success
    assert not verifier(task, fenced("def common(a, b): return a")).success


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"test_list": []}, "test_list has no tests"),
        ({"test_list": "assert triple(1) == 3"}, "test_list should be a list of texts"),
        ({"test_list": ["assert other(1) == 3"], "challenge_test_list": []}, "call none of the functions"),
        ({"test_list": ["assert triple(1"]}, "does not parse"),
        ({"code": "def triple("}, "does not parse"),
        ({"text": None}, "no text or prompt"),
    ],
)
def test_mbpp_rows_that_cannot_be_used(write: Write, change: dict[str, Any], said: str) -> None:
    assert said in reason(load_mbpp, write({**MBPP, **change}))


def packed(value: Any) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(value))).decode()


def livecodebench(**change: Any) -> dict[str, Any]:
    row = {
        "question_title": "Sum",
        "question_content": "Print the sum.",
        "platform": "atcoder",
        "question_id": "abc900_a",
        "contest_date": "2024-01-01T00:00:00",
        "starter_code": "",
        "difficulty": "easy",
        "public_test_cases": json.dumps([{"input": "1 2\n", "output": "3\n", "testtype": "stdin"}]),
        "private_test_cases": packed(json.dumps([{"input": "5 5\n", "output": "10\n", "testtype": "stdin"}])),
        "metadata": "{}",
    }
    return row | change


FUNCTIONAL = livecodebench(
    question_id="lc900",
    starter_code="class Solution:\n    def pair(self, xs: List[int], last: bool) -> List[int]:\n        ",
    public_test_cases=json.dumps([{"input": "[1, 2]\ntrue", "output": "[2, 1]", "testtype": "functional"}]),
    private_test_cases=json.dumps([{"input": "[]\nfalse", "output": "null", "testtype": "functional"}]),
    metadata='{"func_name": "pair"}',
)


@pytest.mark.parametrize("array", [False, True])
def test_livecodebench_programs_and_functions(write: Write, verifier: CodeVerifier, array: bool) -> None:
    script, method = load_livecodebench(write(livecodebench(), FUNCTIONAL, array=array))
    assert (script.id, script.metadata["level"]) == ("livecodebench/abc900_a", 2)
    assert script.reference["private"][0]["stdin"] == "5 5\n"
    assert verifier(script, fenced("print(sum(map(int, input().split())))")).success
    assert not verifier(script, fenced("print(3)")).success
    assert method.reference["entry_point"] == "Solution.pair"
    assert method.reference["private"][0] == {"call": "pair([], False)", "expected": "None"}
    assert "class Solution" in method.text
    starter = FUNCTIONAL["starter_code"]  # which uses List without importing it
    assert verifier(method, fenced(f"{starter}return list(reversed(xs)) or None", label="python")).success
    used = "Counter(xs), heapq.nlargest(1, xs), math.inf, lru_cache, deque(xs), bisect.bisect_left(xs, 1)"
    assert verifier(method, fenced(f"{starter}{used}\n        return list(reversed(xs)) or None")).success
    body = "class Solution:\n    def pair(self, xs, last):\n        return {} or None"
    assert verifier(method, fenced(body.format("tuple(reversed(xs))"))).success
    assert not verifier(method, fenced(body.format("xs"))).success


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"public_test_cases": "[]", "private_test_cases": "[]"}, "no tests"),
        ({"public_test_cases": "{}"}, "tests should be a list"),
        ({"public_test_cases": '[{"input": 1}]'}, "should have the texts input and output"),
        ({"private_test_cases": "%%%"}, "neither JSON nor packed JSON"),
        ({"private_test_cases": packed(["a"])}, "pickle of something else than a string"),
        ({"private_test_cases": packed("no json")}, "the packed tests is not JSON"),
        ({"metadata": "{"}, "metadata is not JSON"),
        ({"question_id": None}, "no question_id"),
        ({"metadata": '{"func_name": "f"}'}, "an argument is not JSON"),
        ({**FUNCTIONAL, "public_test_cases": '[{"input": "NaN", "output": "1"}]'}, "NaN is no JSON number"),
    ],
)
def test_livecodebench_rows_that_cannot_be_used(write: Write, change: dict[str, Any], said: str) -> None:
    assert said in reason(load_livecodebench, write(livecodebench(**change)))


def test_livecodebench_files_that_cannot_be_read(write: Write, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        load_livecodebench(tmp_path / "none.json")
    path = tmp_path / "broken.json"
    path.write_text("[{]")
    with pytest.raises(TaskError, match="is not JSON"):
        load_livecodebench(path)
    assert "expected an object, got int" in reason(load_livecodebench, write(3, array=True))


class Exploding:
    def __reduce__(self) -> tuple[Any, ...]:
        raise AssertionError("never pickled")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("text", ["", "[]", "é🙂\ud800\n\\u0041", "x" * 70_000])
def test_one_string_is_read_from_every_protocol(protocol: int, text: str) -> None:
    assert only_string(pickle.dumps(text, protocol)) == text


EVIL = {
    "a call": b"cos\nsystem\n(S'touch /tmp/owned'\ntR.",
    "a call, protocol 4": b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.",
    "a class": b"\x80\x04\x8c\x08builtins\x8c\x04list\x93.",
    "a list": pickle.dumps(["a"]),
    "a number": pickle.dumps(3),
    "bytes": pickle.dumps(b"a"),
    "an old string": b"S'a'\n.",
    "two strings": b"\x80\x04\x8c\x01a\x8c\x01b.",
    "none": b"\x80\x04.",
    "a memo": b"\x80\x04\x8c\x01a\x940h\x00.",
    "a persistent id": b"P1\n.",
    "cut off": pickle.dumps("abc")[:-3],
    "no pickle": b"hello",
    "empty": b"",
}


@pytest.mark.parametrize("name", EVIL)
def test_every_other_pickle_is_refused_and_never_unpickled(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for function in ("loads", "load"):
        monkeypatch.setattr(pickle, function, Exploding().__reduce__)
    with pytest.raises(TaskError, match="the packed tests are"):
        only_string(EVIL[name])


def test_packed_tests_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distil_envs.loaders.livecodebench.MAX_BYTES", 1000)
    assert unpacked(packed("a" * 900)) == "a" * 900
    with pytest.raises(TaskError, match="more than 1000 bytes when unpacked"):
        unpacked(packed("a" * 10**6))
    whole = base64.b64decode(packed("abc" * 30))
    with pytest.raises(TaskError, match="cut off"):
        unpacked(base64.b64encode(whole[:-5]).decode())


@pytest.fixture(scope="module")
def humaneval(data_folder: Path) -> list[Task]:
    tasks = load_tasks(f"humaneval:{data_folder / 'humaneval' / 'HumanEval.first100.jsonl'}", "all")
    return list(tasks)  # type: ignore[call-overload,no-any-return]


def test_humaneval_at_hand_is_read_as_it_should_be(humaneval: list[Task]) -> None:
    suites = [suite_of(task) for task in humaneval]
    assert len(suites) == 100
    assert sum(any(isinstance(case, CheckCase) for case in suite.private) for suite in suites) == 19
    assert all(suite.private for suite in suites)
    assert not any(isinstance(case, CheckCase) for suite in suites for case in suite.public)


def test_every_humaneval_solution_passes_and_without_its_last_line_none_does(
    humaneval: list[Task], verifier: CodeVerifier
) -> None:
    for task in humaneval:
        solution = str(task.reference["solution"]).rstrip("\n")
        assert verifier(task, fenced(solution, label="python")).success, task.id
        assert verifier(task, solution[len(str(task.reference["prefix"])) :]).success, task.id
        shorter, _, _ = solution.rpartition("\n")
        outcome = verifier(task, fenced(shorter, label="python"))
        assert outcome.status not in (Status.CORRECT, Status.INFRA_ERROR), task.id


def test_examples_that_the_tests_contradict_are_left_out(humaneval: list[Task]) -> None:
    [median] = [task for task in humaneval if task.id == "HumanEval/47"]
    assert re.search(r"median\(\[-10, 4, 6, 1000, 10, 20\]\)\n +15.0", median.text)
    assert "15.0" not in json.dumps(median.to_dict()["reference"]["public"])
