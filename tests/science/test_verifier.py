"""`ScienceVerifier` and what it makes of any kind: checks, spans, misconceptions, and failures that are ours."""

from __future__ import annotations

from typing import Any

import pytest

from distil_envs import Check, Diagnosis, Status, Task
from distil_envs.errors import ConfigError, TaskError
from distil_envs.science import Misconception, ScienceVerifier, grade_science
from distil_envs.science.kinds import kind_of
from distil_envs.science.misconceptions import listed
from distil_envs.science.verifier import check_task

SPEED: dict[str, Any] = {
    "kind": "quantity",
    "answer": "12.5 m/s",
    "figures": 3,
    "solution": "v = s / t\nv = 100 m / 8 s = 12.5 m/s\nAnswer: 12.5 m/s",
    "misconceptions": [
        {"name": "inverted", "answer": "0.08 m/s", "message": "The time was divided by the distance.", "step": 1},
        {"name": "multiplied", "answer": "800 m/s", "message": "The two were multiplied.", "step": 2},
    ],
}


def task(**fields: Any) -> Task:
    return Task("t", "science", "A runner covers 100 m in 8 s. How fast is that?", SPEED | fields)


def checks(completion: str) -> dict[str, bool]:
    return {check.name: check.passed for check in grade_science(task(), completion).trace.of(Check)}


def test_right_answers_and_the_checks() -> None:
    assert checks("12.5 m/s") == {"exact": True, "value-anywhere": True, "format": True}
    assert checks(r"So \boxed{45.0 km/h}.") == {"exact": False, "value-anywhere": True, "format": True}
    assert checks("It was 12.5 m/s first.\nAnswer: 13 m/s") == {"exact": False, "value-anywhere": True, "format": True}
    assert checks("no idea") == {"exact": False, "value-anywhere": False, "format": False}
    assert checks("") == {"exact": False, "value-anywhere": False, "format": False}


def test_the_answer_is_what_stands_in_the_completion() -> None:
    completion = "v = 800 m / 64 s\n<answer> 12.5 m/s </answer>"
    assert grade_science(task(), completion).answer == "12.5 m/s"


def test_a_misconception_is_named_first_with_the_step() -> None:
    completion = "I divide: 8 / 100. <answer>0.08 m/s</answer>"
    named, *others = grade_science(task(), completion).trace.of(Diagnosis)
    assert named.message == "The time was divided by the distance. It goes wrong in this step: v = s / t"
    assert (named.code, named.evidence) == ("misconception", {"name": "inverted", "step": 1})
    assert completion[slice(*named.span)] == "0.08 m/s"
    assert not named.reveals_reference
    assert others


def test_a_step_that_gives_the_answer_away_says_so() -> None:
    assert grade_science(task(), "800 m/s").trace.of(Diagnosis)[0].reveals_reference


def test_misconceptions_that_cannot_be_told_apart_are_left_out() -> None:
    reference = {"kind": "quantity", "answer": "4 m", "figures": 2}
    found = [
        Misconception(name, answer, "A slip.", 1) for name, answer in [("a", "4.0 m"), ("b", "2 m"), ("c", "2.0 m")]
    ]
    assert [each["name"] for each in listed(kind_of(reference), reference, found)] == ["b"]


def test_several_boxes_are_one_answer() -> None:
    two = Task("t", "science", "Which two?", {"kind": "list", "answer": "C, N"})
    outcome = grade_science(two, r"They are \boxed{N} and \boxed{C}.")
    assert outcome.success
    completion = r"They are \boxed{N} and \boxed{O}."
    [extra, _] = grade_science(two, completion).trace.of(Diagnosis)
    assert completion[slice(*extra.span)] == r"N} and \boxed{O"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "speed"}, "expected one of quantity"),
        ({"answer": "fast"}, "fast"),
        (
            {"misconceptions": [{"name": "same", "answer": "45 km/h", "message": "", "step": 1}]},
            "'same' gives the right",
        ),
    ],
)
def test_tasks_that_cannot_be_graded(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskError, match=message):
        check_task(task(**fields))


def test_the_verifier_keeps_its_contract() -> None:
    verifier = ScienceVerifier()
    assert verifier(task(), "12.5 m/s").success
    assert verifier(task(), "\0" * 1000).status is Status.MALFORMED
    assert verifier(task(kind="speed"), "12.5 m/s").status is Status.INFRA_ERROR
    with pytest.raises(ConfigError, match="timeout_s must be a positive number"):
        ScienceVerifier(timeout_s=0)
