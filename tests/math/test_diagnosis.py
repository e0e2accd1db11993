import pytest

from distil_envs.math import grade_math
from distil_envs.outcome import Diagnosis, Status
from distil_envs.task import Task

INTEGER = {"kind": "integer"}
RATIONAL = {"kind": "rational"}
SIMPLIFIED = {"kind": "rational", "form": "simplified"}
EXPRESSION = {"kind": "expression", "variables": ["x"]}
SET = {"kind": "set", "variables": ["x"]}
PAIR = {"kind": "tuple", "variables": ["x", "y"]}
MATRIX = {"kind": "matrix"}


def diagnose(answer, completion, reference):
    outcome = grade_math(Task("t", "math", "q", {"answer": answer, **reference}), completion)
    assert not outcome.success
    return outcome, {event.code: event for event in outcome.trace.of(Diagnosis)}


# reference, its kind, completion, code, the text that the event points at, whether it reveals the reference
TABLE = [
    ("7", INTEGER, "So it is -7.", "sign", "-7", True),
    ("7", INTEGER, "So it is -7.", "too-small", "-7", False),
    ("-3/4", RATIONAL, "3/4", "sign", "3/4", True),
    ("12", INTEGER, "x = 24", "factor", "24", True),
    ("12", INTEGER, "x = 24", "too-large", "24", False),
    ("12", INTEGER, "4", "factor", "4", True),
    ("12", INTEGER, "-36", "factor", "-36", True),
    ("12", INTEGER, "1200", "factor", "1200", True),
    ("12", INTEGER, "13", "off-by-one", "13", True),
    ("12", INTEGER, "11", "off-by-one", "11", True),
    ("2/3", RATIONAL, "3/2", "reciprocal", "3/2", True),
    ("5", INTEGER, "1/5", "reciprocal", "1/5", True),
    ("1352", INTEGER, "1532", "digit-transposition", "1532", True),
    ("1352", INTEGER, "999", "too-small", "999", False),
    ("1/2", SIMPLIFIED, "The result: 2/4", "not-simplified", "2/4", True),
    ("1/2", SIMPLIFIED, "0.5", "wrong-form", "0.5", True),
    ("3", INTEGER, "(2, 3)", "wrong-form", "(2, 3)", False),
    ("sqrt(2)", {}, "2", "too-large", "2", False),
    ("pi", {}, "2*pi", "factor", "2*pi", True),
    ("3*x^2 - 2*x", EXPRESSION, "f'(x) = 2x - 3x^2", "sign", "2x - 3x^2", True),
    ("3*x^2 - 2*x", EXPRESSION, "9x^2 - 6x", "factor", "9x^2 - 6x", True),
    ("3*x^2 - 2*x", EXPRESSION, "3x^2 + 2x", "counterexample", "3x^2 + 2x", False),
    ("x^2 + 5", EXPRESSION, "x^2", "missing-constant", "x^2", False),
    ("x^2 + C", EXPRESSION, "x^2", "missing-constant", "x^2", True),
    ("x/2", EXPRESSION, "2/x", "reciprocal", "2/x", True),
    ("x^2 - 1", {**EXPRESSION, "form": "expanded"}, "(x-1)(x+1)", "wrong-form", "(x-1)(x+1)", True),
    ("(x-1)*(x+1)", {**EXPRESSION, "form": "factored"}, "x^2-1", "wrong-form", "x^2-1", True),
    ("{-3, 5}", SET, "x = 5", "missing-root", "x = 5", False),
    ("{-3, 5}", SET, "x = -3, x = 5, x = 8", "extra-root", "8", True),
    ("{-3, 5}", SET, "{-3, 8}", "extra-root", "8", False),
    ("{-3, 5}", SET, "{3, 5}", "sign", "3", True),
    ("{-3, 5}", SET, "(-3, 5)", "wrong-form", "(-3, 5)", False),
    ("(2, -1)", PAIR, "(-1, 2)", "order", "(-1, 2)", True),
    ("(2, -1, 5)", {"kind": "tuple"}, "(5, 2, -1)", "order", "(5, 2, -1)", False),
    ("(2, -1)", PAIR, "(2, 1)", "entry", "1", False),
    ("(2, -1)", PAIR, "(2, -1, 0)", "wrong-form", "(2, -1, 0)", False),
    ("[[1, 2], [3, 4]]", MATRIX, "[[1, 2], [7, 4]]", "entry", "7", False),
    ("[[1, 2], [3, 4]]", MATRIX, r"\begin{pmatrix}1&2\\7&4\end{pmatrix}", "entry", "7", False),
    ("[[1, 2], [3, 4]]", MATRIX, "[[1, 2]]", "wrong-form", "[[1, 2]]", False),
    ("x = 5", {}, "x = -5", "sign", "-5", True),
    ("no solution", {}, "5", "wrong-value", "5", False),
]


@pytest.mark.parametrize(("answer", "reference", "completion", "code", "pointed", "reveals"), TABLE)
def test_codes_places_and_what_they_reveal(answer, reference, completion, code, pointed, reveals):
    outcome, events = diagnose(answer, completion, reference)
    assert outcome.status is Status.WRONG
    assert code in events
    event = events[code]
    assert completion[slice(*event.span)] == pointed
    assert event.reveals_reference is reveals
    assert event.message.endswith(".")


@pytest.mark.parametrize(("answer", "reference", "completion", "code", "pointed", "reveals"), TABLE)
def test_messages_do_not_state_the_reference(answer, reference, completion, code, pointed, reveals):
    _, events = diagnose(answer, completion, reference)
    if len(answer) > 1:  # a single digit may stand in a count
        for event in events.values():
            assert answer not in event.message


def test_evidence():
    assert diagnose("12", "24", INTEGER)[1]["factor"].evidence == {"ratio": "2"}
    assert diagnose("12", "-4", INTEGER)[1]["factor"].evidence == {"ratio": "-1/3"}
    assert diagnose("x^2", "x^2 + x", EXPRESSION)[1]["counterexample"].evidence == {
        "x": "2",
        "got": "6",
        "expected": "4",
    }
    assert diagnose("{1, 2, 3}", "2", SET)[1]["missing-root"].evidence == {"missing": 2}
    assert diagnose("[[1, 2], [3, 4]]", "[[1, 0], [3, 4]]", MATRIX)[1]["entry"].evidence == {"entry": [1, 2]}


def test_counterexample_is_true():
    events = diagnose("sin(x)*y", "x*y", {"kind": "expression"})[1]
    evidence = events["counterexample"].evidence
    assert (evidence["x"], evidence["y"]) == ("2", "3")
    assert evidence["got"] == "6"
    assert abs(float(evidence["expected"]) - 2.7278922804770453) < 1e-4


def test_unrelated_ratios_are_no_factors():
    assert "factor" not in diagnose("12", "30", INTEGER)[1]
    assert "factor" not in diagnose("12", "156", INTEGER)[1]
    assert "digit-transposition" not in diagnose("123", "312", INTEGER)[1]


def test_every_wrong_entry_is_pointed_at():
    completion = "[[9, 2], [3, 8]]"
    outcome = grade_math(Task("t", "math", "q", {"answer": "[[1, 2], [3, 4]]", **MATRIX}), completion)
    assert [completion[slice(*event.span)] for event in outcome.trace.of(Diagnosis)] == ["9", "8"]


@pytest.mark.parametrize(
    ("completion", "pointed"),
    [("The answer is 5 @ 6", "@"), (r"\boxed{\foo{3}}", r"\foo"), ("5 6", "6"), ("x ^^ 2", "^"), ("4 + + )", ")")],
)
def test_unparsable_points_at_the_part(completion, pointed):
    outcome, events = diagnose("5", completion, INTEGER)
    assert outcome.status is Status.MALFORMED
    assert completion[slice(*events["unparsable"].span)] == pointed
