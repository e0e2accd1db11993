"""Choices, words and lists: what is read, what is a hedge, and what a wrong one is told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distil_envs import Status, Task
from distil_envs.errors import TaskError
from distil_envs.outcome import Diagnosis
from distil_envs.science import grade_science
from distil_envs.science.kinds import kind_of

OPTIONS = {"A": "0.8 m", "B": "1.4 m", "C": "the mitochondrion", "D": "a vitamin"}
CHOICE = {"kind": "choice", "answer": "B", "options": OPTIONS, "why": {"A": "Half of the length was taken."}}
WORD = {"kind": "word", "answer": "mitochondria", "accept": ["mitochondrion"]}
NOTHING = {"kind": "word", "answer": "no solution"}
LIST = {"kind": "list", "answer": "carbon, nitrogen, oxygen"}
ORDERED = {"kind": "list", "answer": "3, 1/2, 0.25", "ordered": True, "item": "expression"}


def grade(reference: dict[str, Any], completion: str) -> Any:
    return grade_science(Task("t", "science", "?", reference), completion)


@pytest.mark.parametrize(
    ("reference", "completion"),
    [
        *[
            (CHOICE, text)
            for text in (
                "B", "(B)", "b", "B.", "**B**", r"\boxed{B}", r"\boxed{\text{B}}", r"\boxed{(\mathrm{B})}", "$B$",
                "B) 1.4 m", "B: 1.4 m", "<answer>\nB\n</answer>",
                "Answer: B", "The correct option is (B).", "So it is option B", "1.4 m",
                "1.40 m", "The answer is 1.4 m.", "The answer is B, not A.", "B is correct", "####B",
            )
        ],
        *[
            (WORD, text)
            for text in (
                "mitochondria", "The mitochondria.", "Mitochondria", r"\boxed{\text{mitochondria}}",
                "It is the mitochondrion.", "The organelle is called the *mitochondria*.",
                "Mito-chondria", "mitochondria, which make ATP",
                "mitochondria (the powerhouse)",
            )
        ],
        *[(NOTHING, text) for text in ("no solution", "There is no solution.", r"\boxed{\emptyset}", "No solutions")],
        *[
            (LIST, text)
            for text in (
                "carbon, nitrogen, oxygen", "oxygen, carbon and nitrogen", "[Nitrogen; Oxygen; Carbon]",
                "The elements are carbon, nitrogen, and oxygen.", "<answer>\n- carbon\n- oxygen\n- nitrogen\n</answer>",
            )
        ],
        *[(ORDERED, text) for text in ("3, 0.5, 1/4", r"\boxed{3, \frac{1}{2}, \frac14}", "(3; 1/2; 0.25)")],
    ],
)  # fmt: skip
def test_right(reference: dict[str, Any], completion: str) -> None:
    assert grade(reference, completion).status is Status.CORRECT


@pytest.mark.parametrize(
    ("reference", "completion", "status", "code"),
    [
        (CHOICE, "A", "wrong", "tempting-option"),
        (CHOICE, "(D)", "wrong", "wrong-option"),
        (CHOICE, "A or B", "malformed", "hedge"),
        (CHOICE, "either (A) or (B)", "malformed", "hedge"),
        (CHOICE, "B (or maybe C)", "malformed", "hedge"),
        (CHOICE, "B) 0.8 m", "malformed", "hedge"),
        (CHOICE, "E", "malformed", "unparsable"),
        (CHOICE, "none of these", "malformed", "unparsable"),
        (CHOICE, "not B", "malformed", "unparsable"),
        (CHOICE, "11.4 m", "malformed", "unparsable"),
        (CHOICE, "-1.4 m", "malformed", "unparsable"),
        (WORD, "ribosome", "wrong", "wrong-value"),
        (WORD, "mitochondrial DNA", "wrong", "wrong-value"),
        (WORD, "It is not the mitochondria", "wrong", "wrong-value"),
        (WORD, "mitochondria or ribosome", "malformed", "hedge"),
        (WORD, "mitochondria, ribosome", "malformed", "hedge"),
        (WORD, "...", "malformed", "unparsable"),
        (NOTHING, "one solution", "wrong", "wrong-value"),
        (LIST, "carbon, nitrogen", "wrong", "missing-item"),
        (LIST, "carbon, nitrogen, oxygen, oxygen", "wrong", "extra-item"),
        (LIST, "carbon, nitrogen, sulfur", "wrong", "extra-item"),
        (LIST, "carbon, nitrogen or oxygen", "malformed", "hedge"),
        (ORDERED, "1/2, 3, 0.25", "wrong", "order"),
        (ORDERED, "3, 1/2, 0.3", "wrong", "extra-item"),
    ],
)
def test_wrong_and_malformed(reference: dict[str, Any], completion: str, status: str, code: str) -> None:
    outcome = grade(reference, completion)
    assert (str(outcome.status), outcome.trace.of(Diagnosis)[0].code) == (status, code)
    assert outcome.reward == 0.0


def test_spans_point_into_the_completion() -> None:
    completion = "First I thought of A.\n<answer> carbon, sulfur, oxygen </answer>"
    [extra, missing] = grade(LIST, completion).trace.of(Diagnosis)
    assert completion[slice(*extra.span)] == "sulfur"
    assert missing.evidence == {"missing": 1}


@given(st.text(max_size=80))
@pytest.mark.parametrize("reference", [CHOICE, WORD, LIST, ORDERED])
def test_garbage_never_raises(reference: dict[str, Any], completion: str) -> None:
    assert grade(reference, completion).status in (Status.CORRECT, Status.WRONG, Status.MALFORMED)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ({"kind": "choice", "answer": "E", "options": OPTIONS}, "none of the options A, B, C, D"),
        ({"kind": "choice", "answer": "A", "options": {"A": "x"}}, "two or more"),
        ({"kind": "choice", "answer": "a", "options": {"a": "x", "b": "y"}}, "one capital letter"),
        ({"kind": "word", "answer": "--"}, "neither letters nor digits"),
        ({"kind": "list", "answer": ""}, "no items"),
        ({"kind": "list", "answer": "1, 2", "item": "list"}, "another kind"),
        ({"kind": "colour", "answer": "red"}, "expected one of quantity, choice"),
    ],
)
def test_references_that_cannot_be_used(reference: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskError, match=message):
        kind_of(reference).check(reference)


@pytest.mark.parametrize(
    "completion", ["B is wrong", "B is incorrect", "B isn't right", "wrong: B", "The opposite of B", "It cannot be B."]
)
def test_a_denied_option_is_no_answer(completion: str) -> None:
    assert grade(CHOICE, completion).status is Status.MALFORMED
