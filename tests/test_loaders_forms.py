"""Competitions, multiple choice and the hub: rows made here in the published forms."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from distil_envs import Outcome, Status, Task, load_tasks
from distil_envs.errors import ConfigError, TaskError
from distil_envs.grading import grade
from distil_envs.jsonl import BadLinesError
from distil_envs.loaders import FORMS, load_file, load_hf
from distil_envs.math.verifier import grade_math
from distil_envs.science.chance import chance
from distil_envs.science.verifier import grade_science

Write = Callable[..., Path]
CHECKERS = {"math": grade_math, "science": grade_science}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(*rows: dict[str, Any]) -> Path:
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return written


def status(task: Task, completion: str) -> Status:
    found: Outcome = grade(CHECKERS[task.domain], task, completion)
    if "kind" in task.reference:  # then the verifier of the sciences says the same
        assert grade(grade_science, task, completion).status is found.status
    return found.status


def reason(form: str, path: Path) -> str:
    with pytest.raises(BadLinesError) as caught:
        load_file(form, path)
    [bad] = caught.value.bad_lines
    return bad.reason


OLYMPIAD: dict[str, Any] = {
    "id": 1606,
    "question": "Find $k$.",
    "solution": ["First.", "Second."],
    "final_answer": ["$\\frac{3}{4}$"],
    "context": None,
    "image_1": None,
    "modality": "Text-only",
    "difficulty": "Competition",
    "is_multiple_answer": False,
    "unit": None,
    "answer_type": "Numerical",
    "error": None,
    "question_type": "Open-ended",
    "subfield": "Algebra",
    "subject": "Math",
    "language": "English",
}
PHYSICS = {"subject": "Physics", "subfield": "Mechanics", "question": "How fast?", "context": "A ball falls."}


def olympiad(**change: Any) -> dict[str, Any]:
    return {**OLYMPIAD, **change}


def test_olympiad_rows_of_mathematics(write: Write) -> None:
    [task] = load_file("olympiadbench", write(OLYMPIAD))
    assert (task.id, task.domain, task.prompt) == ("olympiadbench/rows/1", "math", "Find $k$.")
    assert dict(task.reference) == {"answer": "\\frac{3}{4}", "kind": "expression", "solution": "First.\n\nSecond."}
    assert dict(task.metadata) == {"family": "olympiadbench", "topic": "Algebra", "level": 2}
    assert status(task, "so $\\boxed{0.75}$") is Status.CORRECT
    assert status(task, "\\boxed{4/3}") is Status.WRONG


def test_several_answers_are_a_list_in_any_order(write: Write) -> None:
    row = olympiad(final_answer=["$100,200$"], is_multiple_answer=True)
    [task] = load_file("olympiadbench", write(row))
    assert task.reference["answer"] == "100, 200"
    assert status(task, "\\boxed{200, 100}") is Status.CORRECT
    assert status(task, "\\boxed{100200}") is not Status.CORRECT
    assert status(task, "\\boxed{100}") is not Status.CORRECT


@pytest.mark.parametrize(
    ("answer", "answer_type", "right", "wrong"),
    [
        ("$x^2+2x$", "Expression", "x(x+2)", "x(x+3)"),
        ("$y=2x+1$", "Equation", "y = 1 + 2x", "y = 2x"),
        ("$(-\\infty,3]$", "Interval", "x \\le 3", "(-\\infty, 3)"),
        ("$(1,2)$", "Tuple", "(1, 2.0)", "(2, 1)"),
    ],
)
def test_olympiad_answers_of_every_type(write: Write, answer: str, answer_type: str, right: str, wrong: str) -> None:
    [task] = load_file("olympiadbench", write(olympiad(final_answer=[answer], answer_type=answer_type)))
    assert status(task, f"\\boxed{{{right}}}") is Status.CORRECT
    assert status(task, f"\\boxed{{{wrong}}}") is Status.WRONG


def test_physics_with_a_unit_is_a_quantity(write: Write) -> None:
    row = olympiad(**PHYSICS, final_answer=["$v=12.5$"], unit="$\\mathrm{m} / \\mathrm{s}$", error="5e-1")
    [task] = load_file("olympiadbench", write(row))
    assert task.domain == "science"
    assert task.prompt == "A ball falls.\n\nHow fast?\n\nGive the answer in $\\mathrm{m} / \\mathrm{s}$."
    assert task.reference["kind"] == "quantity"
    assert task.reference["error"] == 0.5
    assert "tolerance" not in task.reference
    for right in ("12.5 m/s", "13.0", "12.9", "45 km/h", "\\boxed{12.1 \\mathrm{~m/s}}"):
        assert status(task, right) is Status.CORRECT, right
    for wrong in ("13.1 m/s", "12.5 m", "12.5 km/h"):
        assert status(task, wrong) is Status.WRONG, wrong


def test_physics_without_a_unit_is_an_expression_and_several_quantities_a_list(write: Write) -> None:
    expression = olympiad(**PHYSICS, final_answer=["$\\sqrt{2gh}$"], answer_type="Expression")
    several = olympiad(**PHYSICS, final_answer=["$2.0$, $3.0$"], unit="m", is_multiple_answer=True, error="0.1,0.3")
    first, second = load_file("olympiadbench", write(expression, several))
    assert first.reference["kind"] == "expression"
    assert status(first, "\\boxed{(2gh)^{1/2}}") is Status.CORRECT
    assert tuple(second.reference["error"]) == (0.1, 0.3)
    for right in ("3 m, 200 cm", "3.3 m, 2.1 m"):
        assert status(second, right) is Status.CORRECT, right
    for wrong in ("3 m, 2.2 m", "3.4 m, 2 m"):
        assert status(second, wrong) is Status.WRONG, wrong


def test_an_absolute_error_holds_for_zero(write: Write) -> None:
    row = olympiad(**PHYSICS, final_answer=["$0.0$"], unit="m", error="0.2")
    [task] = load_file("olympiadbench", write(row))
    assert status(task, "-0.2 m") is Status.CORRECT
    assert status(task, "0.3 m") is Status.WRONG


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"question_type": "Theorem proof", "final_answer": None}, "a theorem to prove"),
        ({"final_answer": None}, "no final_answer"),
        ({"image_1": {"bytes": "…"}}, "needs its picture (image_1)"),
        ({"modality": "Multimodal"}, "needs its picture (Multimodal)"),
        ({"answer_type": "Need_human_evaluate"}, "type Need_human_evaluate cannot be graded"),
        ({"answer_type": "Numerical,Need_human_evaluate"}, "type Need_human_evaluate cannot be graded"),
        ({"final_answer": ["1", "2"]}, "2 final answers, but is_multiple_answer is not set"),
        ({"final_answer": [3]}, "final_answer should be a list of texts"),
        ({"unit": "m", "error": "small"}, "error should be a number"),
        ({"unit": "m", "error": "1,2"}, "2 errors for 1 answers"),
        ({"unit": "bananas"}, "cannot be read as a quantity"),
        ({"question": " "}, "no question"),
    ],
)
def test_olympiad_rows_that_cannot_be_graded_say_why(write: Write, change: dict[str, Any], said: str) -> None:
    assert said in reason("olympiadbench", write(olympiad(**change)))


def test_minerva_numbers_are_measured_and_the_rest_is_mathematics(write: Write) -> None:
    measured = ("4.5e33", "0.36", "1.6 \\times 10^{-19}", "-13.6", "3e8")
    exact = ("\\frac{1}{2}", "7", "x_{0} \\cos (\\omega t)", "(1, 2)")
    rows = [{"question": "q", "answer": answer} for answer in (*measured, *exact)]
    boxed = {"problem": "p", "solution": "Then $\\boxed{9.6}$.", "type": "Introduction to Astronomy", "idx": 0}
    tasks = load_file("minerva", write(*rows, boxed))
    kinds = [task.reference["kind"] for task in tasks]
    assert kinds == ["quantity"] * len(measured) + ["expression"] * len(exact) + ["quantity"]
    assert [task.domain for task in tasks] == ["science"] * len(measured) + ["math"] * len(exact) + ["science"]
    assert tasks[-1].metadata["family"] == "Introduction to Astronomy"
    for right in ("4.5e33", "4.53 \\times 10^{33}", "4.46e33"):
        assert status(tasks[0], right) is Status.CORRECT, right
    assert status(tasks[0], "4.6e33") is Status.WRONG


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("How wide is it, in units of cm?", ("2.25", "2.25 cm", "0.0225 m"), ("2.25 m", "2.5")),
        ("Find the speed in $\\mathrm{km/s}$ to two figures.", ("2.25", "2250 m/s"), ("2.25 m/s",)),
        ("What is its mass in solar masses in the end?", ("2.25",), ("2.5", "2.25 m")),
        ("How long is it in meters per second squared, in this case?", ("2.25", "2.25 m/s^2"), ("2.25 m/s",)),
    ],
)
def test_a_minerva_number_has_the_unit_of_its_question(
    write: Write, question: str, right: tuple[str, ...], wrong: tuple[str, ...]
) -> None:
    [task] = load_file("minerva", write({"question": question, "answer": "2.25"}))
    assert [status(task, answer) for answer in right] == [Status.CORRECT] * len(right)
    assert [status(task, answer) for answer in wrong] == [Status.WRONG] * len(wrong)


def test_aime_in_every_published_form(write: Write) -> None:
    rows = (
        {"ID": "2024-II-4", "Problem": "p", "Solution": "s", "Answer": 33},
        {"id": "0", "problem": "p", "answer": "70"},
        {"question": "p", "answer": "070"},
        {"id": 60, "problem": "p", "solution": "so \\boxed{204}.", "url": "…"},
        {"problem": "p", "answer": "", "solution": "\\boxed{025}"},
    )
    tasks = load_file("aime", write(*rows))
    assert [task.reference["answer"] for task in tasks] == ["33", "70", "70", "204", "25"]


def test_math_500_rows(write: Write) -> None:
    row = {"problem": "p", "solution": "\\boxed{3}", "answer": "3", "subject": "Algebra", "level": 5, "unique_id": "x"}
    [task] = load_file("math-jsonl", write(row))
    assert (task.reference["answer"], task.metadata["family"], task.metadata["level"]) == ("3", "Algebra", 5)


OPTIONS = {"A": "iron", "B": "gold", "C": "lead", "D": "zinc"}
CHOICES: dict[str, list[dict[str, Any]]] = {
    "sciknoweval": [
        {
            "question": "Which is heaviest?",
            "choices": {"text": list(OPTIONS.values()), "label": list(OPTIONS)},
            "answerKey": "B",
            "answer": "",
            "type": "mcq-4-choices",
            "domain": "Chemistry",
        },
        {
            "prompt": "Which is heaviest?\n\nA: iron\nB: gold\nC: lead\nD: zinc\nPlease reason step by step.",
            "answer": "B",
            "system": "Reply with a letter.",
            "kind": "mcq",
        },
    ],
    "mmlu": [
        {"question": "q", "choices": list(OPTIONS.values()), "answer": 1, "subject": "chemistry"},
        {"question": "q", "options": list(OPTIONS.values()), "answer": "B", "answer_index": 1, "category": "chemistry"},
        {"question": "q", "choices": {"text": list(OPTIONS.values()), "label": list("1234")}, "answerKey": "2"},
        {"question": "q", **OPTIONS, "answer": "gold"},
    ],
    "gpqa": [
        {
            "Question": "q",
            "Correct Answer": "gold",
            **{f"Incorrect Answer {n}": name for n, name in enumerate(("iron", "lead", "zinc"), 1)},
            "High-level domain": "Chemistry",
        }
    ],
}


@pytest.mark.parametrize(("form", "row"), [(form, row) for form, rows in CHOICES.items() for row in rows])
def test_multiple_choice_in_every_published_form(write: Write, form: str, row: dict[str, Any]) -> None:
    [task] = load_file(form, write(row))
    reference = task.to_dict()["reference"]
    assert sorted(reference["options"].values()) == ["gold", "iron", "lead", "zinc"]
    assert reference["options"][reference["answer"]] == "gold"
    assert all(f"{letter}: {text}" in task.text for letter, text in reference["options"].items())
    assert status(task, f"<answer>{reference['answer']}</answer>") is Status.CORRECT
    assert status(task, "<answer>lead</answer>") is Status.WRONG


def test_multiple_choice_rows_that_cannot_be_used(write: Write) -> None:
    row = CHOICES["mmlu"][0]
    assert "none of the options" in reason("mmlu", write({**row, "answer": "F"}))
    assert "none of the options" in reason("mmlu", write({**row, "answer": 4}))
    assert "no options" in reason("mmlu", write({"question": "q", "answer": "A"}))
    assert "no options" in reason("sciknoweval", write({"prompt": "Say it.", "answer": "A"}))


def test_the_order_of_gpqa_options_is_the_rows_own(write: Write) -> None:
    rows = [{**CHOICES["gpqa"][0], "Question": f"q{n}"} for n in range(40)]
    answers = [task.reference["answer"] for task in load_file("gpqa", write(*rows))]
    assert set(answers) == set("ABCD")
    backwards = [task.reference["answer"] for task in load_file("gpqa", write(*rows[::-1]))]
    assert backwards[::-1] == answers


def test_chance_is_told_of_multiple_choice_only(write: Write) -> None:
    rows = [{"question": f"q{n}", "choices": list("wxyz")[: 2 if n else 4], "answer": int(n == 1)} for n in range(3)]
    tasks = load_file("mmlu", write(*rows))
    found = chance(tasks)
    assert found is not None
    assert found.guess == pytest.approx((1 / 4 + 1 / 2 + 1 / 2) / 3)
    assert found.commonest == pytest.approx(2 / 3)
    assert str(found) == "multiple choice: a guess is right 0.417, the commonest letter 0.667"
    assert chance([*tasks, *load_file("aime", write({"problem": "p", "answer": 1}))]) is None
    assert chance([]) is None


def test_files_are_jsonl_arrays_or_tables(write: Write, tmp_path: Path) -> None:
    row = CHOICES["gpqa"][0]
    array, table = tmp_path / "rows.json", tmp_path / "rows.csv"
    array.write_text(json.dumps([row]))
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    found = [load_file("gpqa", path)[0] for path in (write(row), array, table)]
    assert found[0] == found[1] == found[2]
    table.write_text("Question,Correct Answer\nq,gold,more\n")
    assert "more cells than names" in reason("gpqa", table)
    table.write_bytes(b"Question\n\xff\n")
    with pytest.raises(TaskError, match="is not CSV in UTF-8"):
        load_file("gpqa", table)
    with pytest.raises(ConfigError, match="unknown form 'gpqa2'; expected one of gsm8k, math-jsonl"):
        load_file("gpqa2", array)


@pytest.mark.parametrize("form", ["gpqa", "mmlu", "sciknoweval", "olympiadbench", "minerva", "aime"])
def test_sets_of_the_hub_are_read_as_files_of_the_form(
    write: Write, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    others = {"olympiadbench": [OLYMPIAD], "minerva": [{"question": "q", "answer": "0.5"}]}
    rows = CHOICES.get(form) or others.get(form) or [{"Problem": "p", "Answer": 5}]
    hub = ModuleType("datasets")
    hub.load_dataset = lambda *_, **__: rows  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", hub)
    found = load_tasks(f"hf:acme/set?form={form}", "all")
    assert [dict(task.reference) for task in found] == [dict(task.reference) for task in load_file(form, write(*rows))]
    with pytest.raises(ConfigError, match=re.escape(f"unknown form 'x'; expected one of {', '.join(FORMS)}")):
        load_hf("acme/set", form="x")
