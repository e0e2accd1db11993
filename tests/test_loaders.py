"""Loaders of other formats: on rows made here, and on the real files where DISTIL_DATA says where they are."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from distil_envs.errors import ConfigError, NotFoundError
from distil_envs.jsonl import BadLinesError, Rows
from distil_envs.loaders import load_file, load_hf
from distil_envs.loaders.math_like import last_box
from distil_envs.task_set import FixedTaskSet, load_tasks

Write = Callable[..., Path]
load_aime, load_gsm8k, load_math = (partial(load_file, form) for form in ("aime", "gsm8k", "math-jsonl"))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(*rows: dict[str, Any], name: str = "rows.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return written


def answers(rows: Rows) -> list[str]:
    return [task.reference["answer"] for task in rows]


def reasons(load: Callable[[Path], Rows], path: Path) -> dict[int, str]:
    with pytest.raises(BadLinesError) as caught:
        load(path)
    return {bad.line: bad.reason for bad in caught.value.bad_lines}


def test_gsm8k_rows_lose_marks_separators_and_currency(write: Write) -> None:
    working = "Half of 12 is <<12/2=6>6.\nIn all 1,000 + 6 = $<<1000+6=1006>>1,006."
    rows = load_gsm8k(write({"question": "How much?", "answer": f"{working}\n#### 1,006"}))
    (task,) = rows
    assert (task.id, task.domain, task.prompt) == ("gsm8k/rows/1", "math", "How much?")
    assert dict(task.reference) == {
        "answer": "1006",
        "solution": "Half of 12 is 6.\nIn all 1,000 + 6 = $1,006.\nAnswer: 1006",
    }


@pytest.mark.parametrize(
    ("written", "answer"),
    [("5", "5"), (" -12 ", "-12"), ("$1,234,567.50", "1234567.50"), ("0.5.", "0.5"), ("3/4", "3/4"), ("-$7", "-7")],
)
def test_gsm8k_answers(write: Write, written: str, answer: str) -> None:
    assert answers(load_gsm8k(write({"question": "q", "answer": f"because\n####{written}"}))) == [answer]


def test_gsm8k_rows_that_cannot_be_used_are_told_by_line(write: Write) -> None:
    good = {"question": "q", "answer": "#### 1"}
    path = write(
        good,
        {"question": "q", "answer": "1"},
        {"question": "q", "answer": "a ####  "},
        {"question": " ", "answer": "#### 1"},
        {"question": "q", "answer": None},
    )
    said = reasons(load_gsm8k, path)
    assert said == {
        2: "the answer has no '####' before its result",
        3: "nothing stands after '####'",
        4: "no question or problem; the row has question, answer",
        5: "no answer; the row has question, answer",
    }
    with pytest.warns(UserWarning, match="skipped 4 lines"):
        assert len(load_gsm8k(path, on_error="skip")) == 1


def test_aime_answers_are_integers_without_leading_zeros(write: Write) -> None:
    path = write(
        {"problem": "p1", "answer": "025", "solution": "s"},
        {"question": "p2", "answer": 7},
        {"Problem": "p3", "Answer": "000"},
        {"problem": "p4", "answer": "$\\boxed{113}$"},
        {"problem": "p5", "answer": 204.0},
        {"problem": "p6", "answer": "336^\\circ"},
    )
    rows = load_aime(path)
    assert answers(rows) == ["25", "7", "0", "113", "204", "336"]
    assert [task.prompt for task in rows] == ["p1", "p2", "p3", "p4", "p5", "p6"]
    assert [task.reference.get("solution") for task in rows] == ["s", None, None, None, None, None]
    assert {task.reference["kind"] for task in rows} == {"integer"}
    said = reasons(load_aime, write(*({"problem": "p", "answer": a} for a in ("1000", "-1", "1/2", "", 2.5, True))))
    assert sorted(said) == [1, 2, 3, 4, 5, 6]
    assert "an AIME answer is an integer from 0 to 999, got '1000'" in said[1]
    assert "no answer" in said[4]
    assert "answer should be text, got bool" in said[6]


def test_math_rows_with_levels_and_subjects(write: Write) -> None:
    path = write(
        {"problem": "p1", "level": "Level 5", "type": "Algebra", "solution": "so \\boxed{\\frac{1}{2}}."},
        {"problem": "p2", "answer": "x^2", "solution": "other \\boxed{y}", "level": 3, "subject": "Geometry"},
        {"question": "p3", "answer": "no solution", "level": "Level ?", "data_topic": "college.algebra"},
        {"question": "p4", "final_answer": ["$\\pi$"]},
        {"question": "p5", "answer": 7.0},
        {"question": "p6", "answer": "", "solution": "\\boxed{4}"},
        {"question": "p7", "answer": "$\\boxed{-5}$"},
    )
    rows = load_math(path)
    assert answers(rows) == ["\\frac{1}{2}", "x^2", "no solution", "$\\pi$", "7", "4", "-5"]
    assert [task.metadata.get("level") for task in rows] == [5, 3] + [None] * 5
    assert [task.metadata["family"] for task in rows] == ["Algebra", "Geometry", "college.algebra"] + ["rows"] * 4
    assert not any("kind" in task.reference for task in rows)
    levels = load_tasks(f"math-jsonl:{path}@4-5", "all")
    assert isinstance(levels, FixedTaskSet)
    assert [task.prompt for task in levels] == ["p1"]


def test_math_rows_that_cannot_be_used_say_what_they_have(write: Write) -> None:
    path = write(
        {"problem": "p"},
        {"problem": "p", "answer": None, "solution": "\\boxed{"},
        {"text": "p", "answer": "3"},
        {"problem": "p", "answer": ["1", "2"]},
    )
    said = reasons(load_math, path)
    assert "no answer: neither answer nor final_answer" in said[1]
    assert "nor has the solution a \\boxed{...}; the row has problem, answer, solution" in said[2]
    assert said[3] == "no problem or question; the row has text, answer"
    assert "answer should be text, got list" in said[4]


@pytest.mark.parametrize(
    ("solution", "inside"),
    [
        (r"first \boxed{1}, then $\boxed{2}$.", "2"),
        (r"\boxed{\frac{1}{\sqrt{2}}}", r"\frac{1}{\sqrt{2}}"),
        (r"\boxed{\left\{1, 2\right\}}", r"\left\{1, 2\right\}"),
        (r"\boxed{\}}", r"\}"),
        (r"\fbox{$x$} or \framebox{204}", "204"),
        (r"$\boxed 7$", "7"),
        (r"$\boxed\pi$", r"\pi"),
        (r"\boxed{ 5 } and later \boxed{", "5"),
        (r"\boxed{}", None),
        (r"\boxedness{3}", None),
        ("nothing", None),
    ],
)
def test_the_last_whole_box(solution: str, inside: str | None) -> None:
    assert last_box(solution) == inside


def test_rows_of_equal_questions_stay_apart(write: Write) -> None:
    rows = load_math(write({"problem": "same", "answer": "1"}, {"problem": "same", "answer": "2"}))
    assert [task.id for task in rows] == ["math/rows/1", "math/rows/2"]


class _Datasets(ModuleType):
    """Stands in for the hub, which tests do not reach: records what is asked for and serves rows."""

    def __init__(self, rows: list[dict[str, Any]] | Exception) -> None:
        super().__init__("datasets")
        self.rows = rows
        self.asked: tuple[Any, ...] = ()

    def load_dataset(self, name: str, config: str | None, *, split: str, revision: str | None) -> list[dict[str, Any]]:
        self.asked = (name, config, split, revision)
        if isinstance(self.rows, Exception):
            raise self.rows
        return self.rows


def test_hf_sets_by_name_with_options(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = _Datasets([{"prompt": f"p{i}", "target": i, "hard": "Level 2"} for i in range(30)])
    monkeypatch.setitem(sys.modules, "datasets", hub)
    spec = "hf:acme/sums?config=main&split=test&revision=abc&problem=prompt&answer=target&level=hard"
    task_set = load_tasks(spec, "all")
    assert isinstance(task_set, FixedTaskSet)
    assert hub.asked == ("acme/sums", "main", "test", "abc")
    assert [(task.id, task.prompt, task.reference["answer"], task.metadata["level"]) for task in task_set][3] == (
        "hf/acme/sums/main/test/4",
        "p3",
        "3",
        2,
    )


def test_hf_gsm8k_is_read_as_gsm8k(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", _Datasets([{"question": "q", "answer": "<<1+1=2>>2\n#### 2"}]))
    (task,) = load_hf("openai/gsm8k", "main")
    assert (task.prompt, task.reference["answer"], task.reference["solution"]) == ("q", "2", "2\nAnswer: 2")


def test_hf_errors_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)  # as if it were not installed
    with pytest.raises(ConfigError, match=re.escape("pip install 'distil-envs[datasets]'")):
        load_tasks("hf:openai/gsm8k")
    monkeypatch.setitem(sys.modules, "datasets", _Datasets(ConnectionError("no route\nto host")))
    with pytest.raises(NotFoundError, match="hf:acme/x, split 'train', could not be loaded: ConnectionError: no route"):
        load_tasks("hf:acme/x")
    monkeypatch.setitem(sys.modules, "datasets", _Datasets([{"a": "1"}]))
    with pytest.raises(BadLinesError, match="hf:acme/x:1: no column 'b'; the row has a"):
        load_tasks("hf:acme/x?problem=b")
    with pytest.raises(
        ConfigError, match=r"option 'spilt' is unknown; expected hf:NAME.*config, split, revision, form, problem"
    ):
        load_tasks("hf:acme/x?spilt=test")
    with pytest.raises(ConfigError, match="the name is missing"):
        load_tasks("hf:")
    with pytest.raises(ConfigError, match="cannot map the field 'question'"):
        load_hf("acme/x", fields={"question": "q"})


def test_hf_reads_a_folder_with_the_real_library(write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="the extra distil-envs[datasets] is not installed")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    write({"problem": "p1", "answer": "1"}, {"problem": "p2", "answer": "2"}, name="train.jsonl")
    assert answers(load_hf(str(tmp_path))) == ["1", "2"]
    with pytest.raises(NotFoundError, match="could not be loaded"):
        load_hf(str(tmp_path), split="nowhere")


REAL = {
    "gsm8k:gsm8k/train.jsonl": 2000,
    "aime:aime24/test.jsonl": 30,
    "math-jsonl:college_math/first600.jsonl": 600,
}


@pytest.mark.parametrize(("spec", "count"), REAL.items(), ids=list(REAL))
def test_every_row_of_the_real_files_loads(data_folder: Path, spec: str, count: int) -> None:
    form, _, name = spec.partition(":")
    task_set = load_tasks(f"{form}:{data_folder / name}", "all")
    assert isinstance(task_set, FixedTaskSet)
    assert len(task_set) == count
    for task in task_set:
        answer = task.reference["answer"]
        assert answer == answer.strip() != ""
        assert "####" not in task.reference.get("solution", "")
        if form == "gsm8k":
            assert re.fullmatch(r"-?\d+(\.\d+)?", answer)
            assert "<<" not in task.reference["solution"]
        if form == "aime":
            assert str(int(answer)) == answer
    train, test = (task_set.narrowed(split) for split in ("train", "test"))
    assert isinstance(train, FixedTaskSet)
    assert isinstance(test, FixedTaskSet)
    assert len(train) + len(test) == count
    assert {task.content for task in train}.isdisjoint(task.content for task in test)
