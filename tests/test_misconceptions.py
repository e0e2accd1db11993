"""Misconceptions of any domain: the same event from both verifiers, and when it gives the answer away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distil_envs import Diagnosis, Outcome, Status, Task
from distil_envs.errors import TaskError
from distil_envs.jsonl import read_jsonl, write_jsonl
from distil_envs.math import MathVerifier, grade_math
from distil_envs.math.task_sets import competition
from distil_envs.misconceptions import named
from distil_envs.science import grade_science
from distil_envs.validation import validate_tasks

SLIP: dict[str, Any] = {"name": "forgot-root", "answer": "{3}", "message": "A root was lost.", "step": 1}
ROOTS = {"kind": "set", "answer": "{-2, 3}", "solution": "x^2 - x = 6\nAnswer: {-2, 3}", "misconceptions": [SLIP]}


def events(outcome: Outcome) -> list[Diagnosis]:
    return [event for event in outcome.trace.of(Diagnosis) if event.code == "misconception"]


def test_maths_names_a_misconception_first_with_the_step() -> None:
    completion = "So x = 3."
    outcome = grade_math(Task("t", "math", "?", ROOTS), completion)
    first = outcome.trace.of(Diagnosis)[0]
    assert (outcome.status, first.code) == (Status.WRONG, "misconception")
    assert first.message == "A root was lost. It goes wrong in this step: x^2 - x = 6"
    assert first.evidence == {"name": "forgot-root", "step": 1}
    assert completion[slice(*first.span)].strip(" .").endswith("3")
    assert not first.reveals_reference
    assert events(grade_math(Task("t", "math", "?", ROOTS), "{-2, 4}")) == []
    assert events(grade_math(Task("t", "math", "?", ROOTS), "{3, -2}")) == []


def test_an_expression_of_science_is_named_once() -> None:
    reference = {**ROOTS, "kind": "expression"}
    assert len(events(grade_science(Task("t", "science", "?", reference), "{3}"))) == 1


def test_every_misconception_of_the_competition_is_named() -> None:
    verify = MathVerifier()
    for task in list(competition())[::6]:
        for each in task.reference["misconceptions"]:
            outcome = verify(task, f"\\boxed{{{each['answer']}}}")
            assert [event.evidence["name"] for event in events(outcome)] == [each["name"]], task.id


@pytest.mark.parametrize(
    ("reference", "step", "reveals"),
    [
        ({"kind": "integer", "answer": "15"}, "3 * 5 = 15", True),
        ({"kind": "integer", "answer": "15"}, "3 * 5 = 150, 0.15 and 15.5", False),
        ({"kind": "list", "answer": "carbon, oxygen"}, "There is oxygen.", True),
        ({"kind": "list", "answer": "carbon, oxygen"}, "There is carbon.", False),  # which the answer has too
        ({"kind": "set", "answer": "{-2, carbon}"}, "x = -2", True),
        ({"kind": "choice", "answer": "B", "options": {"A": "2 m", "B": "4 m"}}, "s = 4 m", True),
        ({"kind": "choice", "answer": "B", "options": {"A": "2 m", "B": "4 m"}}, "s = v t", False),
    ],
)
def test_a_step_with_the_answer_or_an_item_of_it_reveals_it(reference: Any, step: str, reveals: bool) -> None:
    slip = {"name": "slip", "answer": "carbon", "message": "A slip.", "step": 1}
    [event] = named({**reference, "solution": step, "misconceptions": [slip]}, (0, 1), lambda _: True)
    assert event.reveals_reference is reveals


@pytest.mark.parametrize(
    ("slips", "said"),
    [
        ([{**SLIP, "answer": "{3, -2}"}], "correct"),
        ([SLIP, {**SLIP, "name": "again", "answer": "x = 3"}], "cannot be told from 'forgot-root'"),
        ([{**SLIP, "answer": "((3"}], "malformed"),
    ],
)
def test_validate_grades_misconceptions(tmp_path: Path, slips: list[dict[str, Any]], said: str) -> None:
    path = tmp_path / "tasks.jsonl"
    write_jsonl(path, [Task("roots", "math", "Solve x^2 - x = 6.", {**ROOTS, "misconceptions": slips})])
    [problem] = validate_tasks(str(path)).problems
    assert (problem.kind, problem.where) == ("misconception", "roots")
    assert said in problem.message


@pytest.mark.parametrize("slip", [{**SLIP, "step": 0}, {**SLIP, "why": "x"}, {"name": "a", "answer": "5"}])
def test_the_schema_refuses_a_misconception_that_lacks_something(tmp_path: Path, slip: dict[str, Any]) -> None:
    path = tmp_path / "tasks.jsonl"
    write_jsonl(path, [Task("roots", "math", "Solve x^2 - x = 6.", {**ROOTS, "misconceptions": [slip]})])
    with pytest.raises(TaskError, match="misconceptions"):
        read_jsonl(path)


def test_maths_sends_kinds_of_science_to_their_verifier() -> None:
    speed = Task("t", "math", "?", {"kind": "quantity", "answer": "5 m/s"})
    with pytest.raises(TaskError, match="the verifier 'science'"):
        grade_math(speed, "5 m/s")
    outcome = MathVerifier()(speed, "5 m/s")
    assert outcome.status is Status.INFRA_ERROR
    assert "the verifier 'science'" in outcome.trace.events[0].message


@pytest.mark.parametrize(
    ("answer", "kind", "completion"),
    [
        ("5", "integer", "5 or 6"),
        ("5", "integer", "x = 5 or x = 6"),
        ("5", "integer", "5, maybe 6"),
        ("5", "integer", "±5"),
        ("(1, 2)", "tuple", "(2, 1) or (1, 2)"),
        ("{1, 2}", "set", "{1, 3} or {1, 2}"),
        ("[[1]]", "matrix", "[[2]] or [[1]]"),
        ("y = 2x + 1", None, "y = 2x or y = 2x + 1"),
    ],
)
def test_a_hedge_in_maths_is_malformed_as_in_science(answer: str, kind: str | None, completion: str) -> None:
    reference = {"answer": answer, **({"kind": kind} if kind else {})}
    outcome = grade_math(Task("t", "math", "?", reference), completion)
    assert (outcome.status, outcome.trace.of(Diagnosis)[0].code) == (Status.MALFORMED, "hedge")


def test_cases_in_maths_are_malformed() -> None:
    outcome = grade_math(Task("t", "math", "?", {"answer": "17"}), "18 for red balls, 17 for blue ones")
    assert outcome.status is Status.MALFORMED
