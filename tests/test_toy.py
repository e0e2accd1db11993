"""The toy dialects and `exact_match`, which has to survive whatever a model writes."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from distil_envs.counted import generator
from distil_envs.errors import TaskError
from distil_envs.family import Item, make_task
from distil_envs.outcome import Check, Outcome, Raised, Status, TestResult
from distil_envs.task import Task
from distil_envs.toy import FACT, FAMILIES, FUNCTION, HIDDEN, RULE, SHOWN, exact_match


def item(name: str, level: int = 1, index: int = 0) -> Item:
    return list(FAMILIES[name].items(level))[index]


def task(name: str, level: int = 1, index: int = 0) -> Task:
    return make_task(FAMILIES[name], level, item(name, level, index))


def points(expression: str) -> Task:
    """The function task whose reference is this expression."""
    found = next(it for level in FUNCTION.levels for it in FUNCTION.items(level) if it.answer == expression)
    return make_task(FUNCTION, 1, found)


def checks(outcome: Outcome) -> dict[str, bool]:
    return {check.name: check.passed for check in outcome.trace.of(Check)}


def test_the_dialects() -> None:
    assert task("rule", 1, 147).prompt == "147!"
    assert item("rule", 1, 147).answer == "741"
    assert item("rule", 2, 120).prompt == "0120!"
    assert item("rule", 2, 120).answer == "0210"
    assert re.fullmatch(r"[a-z]{2}\?", task("fact").text)
    assert points("2*x+1").prompt == "f(1)=3 f(2)=5 f(3)=7"
    assert item("rule").solution == item("rule").answer
    assert [FAMILIES[name].size(1) for name in ("rule", "fact", "function")] == [1000, 676, 90]
    assert all(family.domain == "toy" for family in FAMILIES.values())


def test_rules_reverse_and_facts_are_fixed_and_spread() -> None:
    for level in RULE.levels:
        for it in RULE.items(level):
            assert it.answer == it.prompt[:-1][::-1]
    facts = {it.prompt: it.answer for it in FACT.items(1)}
    assert facts == {it.prompt: it.answer for it in FACT.items(1)}
    assert facts["aa?"] == "523"  # pinned: weights trained on these facts must keep their meaning
    assert all(re.fullmatch(r"\d{3}", answer) for answer in facts.values())
    assert len(set(facts.values())) > 450  # 676 draws out of 1000 leave about 491 values


def test_functions_are_determined_by_their_prompt_and_pass_their_own_tests() -> None:
    prompts = Counter(it.prompt for level in FUNCTION.levels for it in FUNCTION.items(level))
    assert max(prompts.values()) == 1
    for level in FUNCTION.levels:
        for it in FUNCTION.items(level):
            reference = make_task(FUNCTION, level, it)
            outcome = exact_match(reference, it.answer)
            assert outcome.success and outcome.reward == 1.0
            assert [int(result.input) for result in outcome.trace.of(TestResult)] == [*SHOWN, *HIDDEN]
            assert all(eval(it.answer, {"x": x}) == y for x, y in reference.reference["tests"])


@pytest.mark.parametrize("completion", ["741", " 741\n", "\t741 "])
def test_the_right_text(completion: str) -> None:
    outcome = exact_match(task("rule", 1, 147), completion)
    assert outcome.success
    assert outcome.answer == "741"
    assert checks(outcome) == {"exact": True, "value-anywhere": True}
    (exact, _) = outcome.trace.of(Check)
    assert completion[slice(*exact.span)] == "741"


@pytest.mark.parametrize(
    ("completion", "anywhere"),
    [("740", False), ("7410", False), ("it is 741.", True), ("1741", False), ("74", False), ("٧٤١", False)],
)
def test_the_wrong_text(completion: str, anywhere: bool) -> None:
    outcome = exact_match(task("rule", 1, 147), completion)
    assert outcome.status is Status.WRONG
    assert outcome.reward == 0.0
    assert checks(outcome) == {"exact": False, "value-anywhere": anywhere}


@pytest.mark.parametrize("name", ["rule", "fact", "function"])
def test_nothing_is_malformed(name: str) -> None:
    for completion in ("", "  \n"):
        outcome = exact_match(task(name), completion)
        assert outcome.status is Status.MALFORMED
        assert outcome.answer is None
        assert checks(outcome) == {"exact": False, "value-anywhere": False}


@pytest.mark.parametrize(
    "completion", ["2*x+1", "1+x+x", "x*2 - -1", "(x+1)*2-1", " +(((2)))*x+01*0+1 ".replace("01", "1")]
)
def test_any_expression_with_the_right_values_is_right(completion: str) -> None:
    assert exact_match(points("2*x+1"), completion).success


def test_a_wrong_function_shows_expected_and_actual_values() -> None:
    outcome = exact_match(points("2*x+1"), "x*x+2")
    assert outcome.status is Status.WRONG
    first, second, third, *hidden = outcome.trace.of(TestResult)
    assert (first.name, first.passed, first.input, first.expected, first.actual) == ("shown f(1)", True, "1", "3", "3")
    assert (second.passed, second.expected, second.actual) == (False, "5", "6")
    assert (third.expected, third.actual) == ("7", "11")
    assert [result.name for result in hidden] == ["hidden f(0)", "hidden f(5)", "hidden f(10)", "hidden f(-4)"]


def test_fitting_only_the_shown_inputs_is_not_enough() -> None:
    cheat = "2*x+1+(x-1)*(x-2)*(x-3)"
    outcome = exact_match(points("2*x+1"), cheat)
    assert [result.passed for result in outcome.trace.of(TestResult)] == [True] * 3 + [False] * 4
    assert not outcome.success


@pytest.mark.parametrize("completion", ["it is 2*x+1", "f(x)=2*x+1", "2x+1\n2*x+1"])
def test_a_right_expression_among_other_text_counts_as_anywhere_only(completion: str) -> None:
    outcome = exact_match(points("2*x+1"), completion)
    assert outcome.status is Status.MALFORMED
    assert checks(outcome) == {"exact": False, "value-anywhere": True}
    (raised,) = outcome.trace.of(Raised)
    assert "2*x+1" in raised.message


NASTY = [
    "2x+1",
    "x**9**9**9",
    "(" * 199 + "x",
    "-" * 199 + "x",
    "(" * 90 + "x" + ")" * 90,
    "9" * 200,
    "*".join("9" * 100),
    "x*" * 5000 + "x",
    "x(1)",
    "0x1f",
    "1_000",
    "__import__('os')",
    "x if x else x",
    "lambda: x",
    "x\n+1",
    "()",
    "x,x",
    "*x",
    "٢*x",
    "\x00",
    "\ud800",
    "007",
    "x" * 100_000,
    "9 " * 100_000,
]


@given(st.one_of(st.text(), st.text(alphabet="0123456789x+-*() \n", max_size=300), st.sampled_from(NASTY)))
@example("x" * 201)
def test_no_completion_breaks_the_verifier(completion: str) -> None:
    for name in FAMILIES:
        outcome = exact_match(task(name), completion)
        assert outcome.status in (Status.CORRECT, Status.WRONG, Status.MALFORMED)
        assert Outcome.from_dict(outcome.to_dict()) == outcome
        assert set(checks(outcome)) == {"exact", "value-anywhere"}
        assert checks(outcome)["exact"] == outcome.success
        assert outcome.answer is None or len(outcome.answer) <= 200
        for event in outcome.trace.events:
            if span := getattr(event, "span", None):
                assert 0 <= span[0] < span[1] <= len(completion)


@pytest.mark.parametrize("completion", NASTY)
def test_nasty_completions_are_not_right(completion: str) -> None:
    outcome = exact_match(points("2*x+1"), completion)
    assert not outcome.success


def test_expressions_evaluate_as_python_does() -> None:
    expression = st.recursive(
        st.one_of(st.just("x"), st.integers(0, 99).map(str)),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda part: f"({part[0]}{part[1]}{part[2]})"),
            inner.map(lambda part: f"-{part}"),
        ),
        max_leaves=12,
    )

    @given(expression)
    def agrees(text: str) -> None:
        outcome = exact_match(points("2*x+1"), text)
        for result in outcome.trace.of(TestResult):
            assert int(result.actual) == eval(text, {"x": int(result.input)})
        assert outcome.trace.of(TestResult) or len(text) > 200

    agrees()


def test_a_task_without_an_answer_is_the_users_mistake() -> None:
    broken = replace(task("rule"), reference={})
    with pytest.raises(TaskError, match="no reference answer"):
        exact_match(broken, "1")


def test_draws_are_counted() -> None:
    for family in FAMILIES.values():
        first = [family.draw(generator(0, "toy", k), 1) for k in range(20)]
        assert first == [family.draw(generator(0, "toy", k), 1) for k in range(20)]
        assert len({it.content for it in first}) > 10
