"""The same answer in other dresses, class by class, each beside wrong answers in the same dress."""

import pytest

from distil_envs.math import grade_math, read_answer
from distil_envs.math.characters import plain
from distil_envs.math.spelled import spelled
from distil_envs.outcome import Status
from distil_envs.task import Task

X = {"variables": ["x"]}
XY = {"variables": ["x", "y"]}
INTEGER = {"kind": "integer"}
RATIONAL = {"kind": "rational"}
SET = {"kind": "set", **X}
PAIR = {"kind": "tuple", **XY}
MATRIX = {"kind": "matrix"}
SIMPLIFIED = {"kind": "expression", "form": "simplified"}


def right(answer, completion, **reference):
    outcome = grade_math(Task("t", "math", "What is it?", {"answer": answer, **reference}), completion)
    assert outcome.status in (Status.CORRECT, Status.WRONG, Status.MALFORMED)
    return outcome.status is Status.CORRECT


def check(answer, reference, accepted, refused):
    assert [text for text in accepted if not right(answer, text, **reference)] == []
    assert [text for text in refused if right(answer, text, **reference)] == []


NUMBERS = [
    ("17", INTEGER, ["１７", "17\u200b", "𝟏𝟕", "`17`", "So **17**", "seventeen", "There are seventeen.", "17 (prime)",
                     "17 (since 46 - 29 = 17)", "The answer is 17, not 18.", "17, which is more than 10",
                     r"\boxed{\text{seventeen}}", "\\[\n17\n\\]", "So\n$$\n17\n$$"],
     ["18 (since 17 + 1 = 18)", "at least 17", "not 17", "It isn't 17.", "no more than 17", "17 or more", "16 or 17",
      "17 (or maybe 18)", "between 16 and 17", "nearly 17", "17 is impossible", "17 does not work",
      "The answer is 18, not 17.",
      "seventeen or eighteen"]),
    ("48250", INTEGER, ["48\u2009250", "48 250", r"48\,250", "48,250"], ["48\u2009251", "4 8250", "48,25 0"]),
    ("10080", INTEGER, [r"\frac{8!}{2!\,2!}", "8!/(2! 2!)"], [r"\frac{8!}{2!\,3!}"]),
    ("3/8", RATIONAL, ["³⁄₈", "It is ³/₈"], ["³⁄₉"]), ("10", {}, ["binomial(5, 2)"], ["binomial(5, 1)"]),
    ("-3/2", RATIONAL, [r"-1\frac12", "-1 1/2", "−1½"], [r"-1+\frac12", "-1/2"]),
    ("1/6", RATIONAL, [r"0.1\overline{6}", r"0.1\bar6", "0.1666...", "0.16̅", "one sixth"],
     ["0.1666", r"0.\overline{16}", "0.16", "one sixteenth"]),
    ("1/3", RATIONAL, ["0.(3)", "0.333...", "１/３", r"{1 \over 3}", r"\frac13 \approx 0.333"],
     ["0.333", "3.333...", r"0.333 \approx \frac13"]),
    ("1/4", RATIONAL, [r"\cos^2 60^\circ", "sin 30° / 2", "25%", "250‰"], [r"\sin^2 60^\circ", "0.25%", "25"]),
    ("25", {}, ["25%", "25"], ["250%", "0.25"]),
    ("0.67", {}, ["2/3", "0.67"], ["0.665", "0.66", "3/5"]),
    ("0.5", {}, ["1/2"], ["6/11"]),
    ("3.14", {}, [r"\pi", "22/7"], ["3", "63/20"]),
]  # fmt: skip
LABELS = [
    ("11", INTEGER, ["f(2) = 11", "f(2) = 3*4 - 1 = 11", "AB = 11", r"|A \cup B| = 11", r"\angle ABC = 11^\circ",
                     r"\det A = 11", r"1 + 2 + \cdots + 5 = 11", r"\lim_{x\to0} f(x) = 11", "E[X] = 11", "[ABC] = 11"],
     ["f(2) = 12", "AB = 11 + 1", "2x = 11", "xy = 11", "p(p + 1) = 11", "x + 1 = 11", "12 = 11"]),
    ("5/36", RATIONAL, [r"P(\text{sum is } 8) = \frac{5}{36}", "P(X = 8) = 5/36", r"\cos C = \frac{5}{36}"],
     ["P(X = 8) = 5/37", "P(5/36) = 1"]),
    ("3", {**INTEGER, **X}, ["x = 3", "f(2) = 3"], ["|x| = 3", "y = 3", "x > 3", r"x \neq 3"]),
    ("sqrt(5)", {"kind": "expression", **X}, ["√5", "x = √5"], ["y = √5"]),
]  # fmt: skip
EXPRESSIONS = [
    ("2*sqrt(3)", SIMPLIFIED, ["2√3"], ["sqrt(12)", "sqrt(3) + sqrt(3)", r"\frac{4\sqrt3}{2}"]),
    ("x*(x - 2)^2", {"kind": "expression", "form": "factored", **X}, ["x(x-2)(x-2)"], ["x(x^2 - 4x + 4)"]),
    ("sqrt(x^2)", X, ["|x|"], ["x"]), ("sqrt(x^2*y)", {}, ["x*sqrt(y)"], ["x*y"]),
    (r"\sqrt{3}x", X, [r"x\sqrt3"], [r"\sqrt{3x}"]), (r"\frac{1}{23}", {}, ["1/23"], [r"\frac{12}{3}"]),
    ("9*pi", {}, [r"9\pi\ \text{cm}^2", "9π cm²", r"9\pi\,\mathrm{cm^2}"], [r"9\text{ cm}^2"]),
    ("n*(n + 1)/2", {"variables": ["n"]}, [r"\binom{n+1}{2}"], [r"\binom{n}{2}"]), ("pi/4", {}, ["45°"], ["45"]),
    ("2^n", {"variables": ["n"]}, ["2ⁿ"], ["n²"]), ("sin(x)^2", X, ["sin²x"], ["sin(x²)"]),
    ("0", {}, ["1 - 1"], [r"e^{\pi\sqrt{163}} - 262537412640768744"]),
]  # fmt: skip
SEVERAL = [
    ("{2, 3}", SET, ["x ∈ {2, 3}", "x₁ = 2, x₂ = 3", r"x = 2 \lor x = 3", "**x = 2** or **x = 3**", "S = {2, 3}",
                     r"\{x \mid x = 2 \text{ or } x = 3\}", "x = 2 (multiplicity 2), x = 3", "｛２，３｝"],
     ["y ∈ {2, 3}", "t = 2 or t = 3", "not 2 or 3", "between 2 and 3", "x = 2, y = 3", "[2, 3]"]),
    ("{1, 2, 3, 4, 5}", SET, ["{1, 2, ..., 5}", r"\{1, 2, \dots, 5\}"],
     ["{1, 2, ..., 6}", "{1, 3, ..., 5}", "{1, 2, ...}"]),
    ("(6, -8)", {"kind": "tuple"}, ["2(3, -4)", "v = -2(-3, 4) = (6, -8)"], ["2(3, 4)", "2v = (6, -8)", "(6, -8]"]),
    ("{}", SET, ["the empty set", "The equation has no real roots.", "The solution set is empty."],
     ["no solution, or x = 1", "{0}", "no solution other than 2"]),
    ("(2, 3)", PAIR, ["P(2, 3)", "⟨2, 3⟩", r"\begin{cases} y = 3, \\ x = 2 \end{cases}", "**x = 2** and **y = 3**",
                      r"\left\{\begin{array}{l} x = 2 \\ y = 3 \end{array}\right.",
                      r"\begin{pmatrix} 2 & 3 \end{pmatrix}^T",
                      r"\begin{pmatrix} x \\ y \end{pmatrix} = \begin{pmatrix} 2 \\ 3 \end{pmatrix}"],
     ["P(3, 2)", r"\begin{cases} x = 3 \\ y = 2 \end{cases}", "x ∈ (2, 3)", "2 < x < 3"]),
    ("[[1, 2], [3, 4]]", MATRIX, ["[1 2; 3 4]", "A = [1, 2; 3, 4]", "[[1 2]\n [3 4]]", "-[[-1, -2], [-3, -4]]",
                                  r"\frac12\begin{pmatrix} 2 & 4 \\ 6 & 8 \end{pmatrix}",
                                  r"\left[\begin{matrix} 1 & 2 \\[4pt] 3 & 4 \end{matrix}\right]",
                                  r"\begin{pmatrix} 1 & 3 \\ 2 & 4 \end{pmatrix}^T",
                                  "A = [[1, 1], [0, 1]]*[[1, 0], [1, 1]] = [[1, 2], [3, 4]]",
                                  "Answer:\n\\begin{bmatrix}\n1 & 2 \\\\\n3 & 4\n\\end{bmatrix}\n"],
     ["[1 3; 2 4]", r"2\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", "[1 2 3 4]", "[1 2; 3]",
      r"\begin{vmatrix} 1 & 2 \\ 3 & 4 \end{vmatrix}",
      r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}, or maybe its transpose"]),
]  # fmt: skip
INTERVALS = [
    ("(1, 2]", X, ["]1; 2]", "x > 1 and x ≤ 2", "x ∈ (1, 2]", "x is greater than 1 and at most 2", "2 ≥ x > 1",
                   r"\{x \in \mathbb{R} : 1 < x \leqslant 2\}", "(1, 2) ∪ {2}", "(1, 1.5] ∪ (1.2, 2]"],
     ["[1, 2]", "]1; 2[", "x > 1 or x ≤ 2", "y > 1 and y ≤ 2", "not in (1, 2]", "(2, 1]",
      r"\{x \in \mathbb{Z} : 1 < x \leq 2\}"]),
    ("(-oo, 2) U (2, oo)", X, ["x ≠ 2", r"\mathbb{R} \setminus \{2\}", r"ℝ \ {2}", "all real numbers except 2",
                               "x < 2 or x > 2", "(-inf, 2) union (2, inf)"],
     ["x = 2", "all real numbers", "x < 2 and x > 2", "all real numbers except -2", "(-inf, 2] ∪ (2, inf)"]),
    ("(-3, 3)", X, ["|x| < 3", "-3 < x < 3", "|2x| < 6", "-6 < 2x < 6"], ["|x| ≤ 3", "x^2 < 9", "x < 3", "{-3, 3}"]),
    ("(-3, 3)", {}, ["|x| < 3", "-3 < x < 3", "x ∈ (-3, 3)", "(-3, 3)"], ["[-3, 3]", "-3 <= x <= 3", "(3, -3)"]),
    ("(-oo, -4] U [4, oo)", {"variables": ["k"]}, ["|k| ≥ 4"], ["|k| ≤ 4", "|k| > 4", "|x| ≥ 4"]),
    ("{0} U [1, oo)", X, ["x = 0 or x ≥ 1", "x ≥ 1 or x = 0"], ["x = 0 and x ≥ 1", "x ≥ 0", "x ≥ 1"]),
    ("x < 5", X, ["-2x > -10", "x - 5 < 0", "(-oo, 5)", "x is less than 5"], ["-2x < -10", "y < 5", "x ≤ 5", "x = 5"]),
]  # fmt: skip
RELATIONS = [
    ("y = 2x + 1", XY, ["4x - 2y + 2 = 0", "x = (y - 1)/2", "With slope 2: $y - 3 = 2(x - 1)$",
                        "y = 2(x + 1) - 1 = 2x + 1", "y = 2x + 1, where x is real"],
     ["x(y - 2x - 1) = 0", "-y = 2x + 1", "(y - 1)/x = 2", "y = 2x + 1 or y = 2x", "y ≈ 2x + 1"]),
    ("xy = 6", {}, ["y = 6/x", "2xy - 12 = 0"], ["y = x/6", "x^2 y = 6x"]),
    ("b = c/a", {}, ["b = c/a"], ["ab = c"]), ("x = 3", X, ["x - 3 = 0", "3"], ["2x = 6", "y = 3"]),
    ("y^2 = 8x", XY, ["x = y^2/8"], ["y = sqrt(8x)"]),
    ("F = m*a", {"variables": ["F", "m", "a"]}, ["F = ma"], ["F = m/a"]),
    ("s = u*t + a*t^2/2", {"variables": ["s", "u", "t", "a"]}, [r"$s = ut + \frac12 at^2$", "s = t(u + at/2)"],
     ["s = ut + at^2"]),
    (r"y = \sqrt{3} x", XY, [r"\sqrt{3} y = 3x"], [r"y = \sqrt{3x}"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "reference", "accepted", "refused"), NUMBERS + LABELS + EXPRESSIONS + SEVERAL + INTERVALS + RELATIONS
)
def test_dresses(answer, reference, accepted, refused):
    check(answer, reference, accepted, refused)


@pytest.mark.parametrize("text", ["１７", "𝑥 ＋ 1", "a\u200bb", "**x = 4** or **5**", "2**3", "（１，２］", "∖µØ"])
def test_plain_characters_keep_their_places(text):
    assert len(plain(text)) == len(text)
    assert plain(plain(text)) == plain(text)


def test_numbers_in_words():
    words = {"twelve": 12, "minus twenty-one": -21, "two thousand and six": 2006, "five and a half": 5.5, "zero": 0}
    assert {text: spelled(text) for text in words} == words
    for text in ("", "two dozen", "one or two", "ten five", "twenty thirteen", "one hundred and two thirds", "the one"):
        assert spelled(text) is None


def test_the_answer_is_shown_as_it_was_written():
    completion = "残りは <answer>１７</answer>"
    assert grade_math(Task("t", "math", "?", {"answer": "17", **INTEGER}), completion).answer == "１７"
    assert read_answer("x is at least 3").text.replace(" ", "") == "x≥3"
