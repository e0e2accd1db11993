"""The words beside an answer: what each rule takes for an offer, a denial, a bound, a case or a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distil_envs.answers import find_answer
from distil_envs.hedging import alternatives, bounded, cases, contradicted, denied, without_denial, without_reason

WORDS = st.lists(
    st.sampled_from(["A", "5", "since", "because", "not", "or", "so", "if", ",", ".", ";", "(", ")", "\n", "is", "17"])
)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("B, since A is too large", "B"),
        ("5 because 2 + 3 = 5", "5"),
        ("5, as 2 + 3 = 5.", "5"),
        ("5, since 2 + 3 = 5, or 6", "5, since 2 + 3 = 5, or 6"),  # a doubt
        ("rises because it is hot, so 17", "rises because it is hot, so 17"),  # a conclusion
        ("5, since 2 + 3 = 5. No: 6", "5, since 2 + 3 = 5. No: 6"),  # another sentence
        ("since 2 + 3", "since 2 + 3"),  # nothing would be left
    ],
)
def test_a_reason_behind_is_left_out(text: str, left: str) -> None:
    assert without_reason(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("fcc, not bcc", "fcc"),
        ("fcc (not bcc)", "fcc "),
        ("fcc, rather than bcc", "fcc"),
        ("not bcc", "not bcc"),
        ("fcc, not bcc, hcp", "fcc, not bcc, hcp"),
    ],
)
def test_a_denial_behind_is_left_out(text: str, left: str) -> None:
    assert without_denial(text) == left


@given(WORDS)
def test_what_is_left_is_the_beginning_and_something(words: list[str]) -> None:
    text = " ".join(words)
    for left in (without_reason(text), without_denial(text)):
        assert text.startswith(left)
        assert bool(left.strip()) == bool(text.strip())


@pytest.mark.parametrize("before", ["at most ", "less than ", "no more than $", "exceeds ", "twice ", r"\leq ", "> "])
def test_bounds(before: str) -> None:
    assert bounded(before)
    assert not bounded(before + "5 ")


@pytest.mark.parametrize("before", ["not ", "it isn't ", "cannot be ", "not equal to ", "opposite of ", "rather than "])
def test_denials(before: str) -> None:
    assert denied(before)
    assert not denied(before + "5, but ")


@pytest.mark.parametrize("after", [" is wrong", " was ruled out", ") is not right", " does not work", " isn't it"])
def test_refusals(after: str) -> None:
    assert denied("", after)


def test_two_answers() -> None:
    assert all(map(alternatives, (" or ", ", ", " and maybe ", "? ", " unless ")))
    assert not any(map(alternatives, (" is reduced to ", ", which gives ", "\nThen ")))
    assert cases(" when cold, ", " when hot")
    assert not cases(" when cold. ", " when hot")
    assert not cases(" when cold, ", "")


@pytest.mark.parametrize(
    "completion",
    [
        "It is false that the answer is 17.",
        r"It is not true that it is \boxed{17}.",
        "I don't think that these are carbon, nitrogen and oxygen.",
        "It would be wrong to say that <answer>17</answer>",
    ],
)
def test_what_is_said_to_be_false_is_no_answer(completion: str) -> None:
    assert find_answer(completion) is None


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        ("It is false that 15 is prime, so the answer is 17.", "17"),
        (r"It is not true that n is odd. Hence \boxed{17}", "17"),
        ("It is false that the answer is 15.\nThe answer is 17", "17"),
        ('{"answer": "B"}', "B"),
        ('```json\n{"reasoning": "…", "final_answer": "3/4"}\n```', "3/4"),
        ('{"answer": -4.5, "sure": true}', "-4.5"),
        (r'{"answer": "\\frac{1}{2}"}', r"\frac{1}{2}"),
        ('{"answer": "A"} \\boxed{B}', "B"),
        ("The answer is:\n- carbon\n- oxygen\n\nDone.", "carbon, oxygen"),
        ("Answer:\n1. x = 3\n2) x = 4", "x = 3, x = 4"),
        ("Answer:\n- 5", "- 5"),  # one bullet may be a minus
    ],
)
def test_where_the_answer_stands(completion: str, text: str) -> None:
    found = find_answer(completion)
    assert found is not None
    assert found.text == text
    assert found.joined or completion[slice(*found.span)] == text


def test_contradicted_looks_at_the_last_clause() -> None:
    assert contradicted("It is false that it is ", "5")
    assert not contradicted("It is false that x = 4, and x is ", "5")
    assert contradicted("", "it is false that these are 2, 3")
