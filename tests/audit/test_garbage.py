"""2,000 completions that mean nothing: none raises, none hangs, none is right. Every kind of every verifier."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from distil_envs import Status, Task
from distil_envs.counted import generator
from distil_envs.math import MathVerifier
from distil_envs.science import ScienceVerifier

COUNT = 2000
SCIENCE = ("quantity", "choice", "formula", "equation", "word", "list")
REFERENCES = [
    {"answer": "7919", "kind": "integer"},
    {"answer": "355/113", "kind": "rational"},
    {"answer": "3*x^7 - 11*x + 1/13", "kind": "expression", "variables": ["x"]},
    {"answer": "{-17, 23/5}", "kind": "set"},
    {"answer": "(19, -8, 5)", "kind": "tuple"},
    {"answer": "[[1, 7], [-3, 11]]", "kind": "matrix"},
    {"answer": "(-3, 17/4]"},
    {"answer": "17*x - 5*y = 29", "variables": ["x", "y"]},
    {"answer": "12.7 m/s", "kind": "quantity", "figures": 3},
    {"answer": "D", "kind": "choice", "options": {"A": "1 m", "B": "2 m", "C": "3 m", "D": "seventeen m"}},
    {"answer": "C12H22O11", "kind": "formula"},
    {"answer": "2 H2 + O2 -> 2 H2O", "kind": "equation"},
    {"answer": "endoplasmic reticulum", "kind": "word"},
    {"answer": "carbon, nitrogen, oxygen", "kind": "list"},
    {"answer": "m*g*sin(theta)", "kind": "expression", "variables": ["m", "g", "theta"]},
]  # fmt: skip
PIECES = r"""
\frac \dfrac{ \sqrt[ \sqrt{ \left( \right. \boxed{ \text{ \mathrm{ \begin{pmatrix} \end{cases} \\ & $ $$ \( \)
\[ \] { } } ^ _ ^{ _{ + - * / = < > \leq \neq \pm \cdot \times \int_0^1 \sum_{ \lim_{x\to \infty \emptyset \cup
\cap ! % ° ∞ √ π ½ ² ⁻ ( ) [ ] , ; : . | ' x y z e i 0 1 2 10 99 0.5 1e400 10^10^10 9^9^9 sin log ln mod C( or
and maybe m/s kg eV H2O -> = 2 <answer> </answer> Answer: #### None nan inf -inf NaN __import__ lambda exec( \0
""".split()  # noqa: SIM905 (easier to read)
Make = Callable[[np.random.Generator], str]


def soup(rng: np.random.Generator) -> str:
    """LaTeX and maths in no order."""
    return rng.choice(["", " "]).join(rng.choice(PIECES, rng.integers(1, 60)))


def unicode(rng: np.random.Generator) -> str:
    codes = rng.integers(1, [0x100, 0x3000, 0x10FFFF][int(rng.integers(3))], rng.integers(1, 200))
    return "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000)


def towers(rng: np.random.Generator) -> str:
    """Powers, factorials and brackets that must not be worked out."""
    depth = int(rng.integers(3, 400))
    forms = [
        "10^" * depth + "10",
        "10^{" * depth + "10" + "}" * depth,
        "(" * depth * 20 + "1" + ")" * depth * 20,
        "9" * depth * 20 + "!" * 3,
        r"\sqrt{" * depth + "2" + "}" * depth,
        "2**" * depth + "2",
        "-" * depth * 30 + "1",
        f"1.0e{10**12} m/s",
        f"({'x+' * depth}1)^{{{depth * 1000}}}",
        " ".join(["H" * depth * 10, "->", "O" * depth * 10]),
    ]
    return f"\\boxed{{{forms[int(rng.integers(len(forms)))]}}}"


def spaces(rng: np.random.Generator) -> str:
    """What a degenerate model writes: a run of white space, and little else."""
    return f"Answer: a{str(rng.choice([' ', chr(9), ' ,', ' -', ' and '])) * int(rng.integers(1000, 9000))}b"


def huge(rng: np.random.Generator) -> str:
    """A megabyte."""
    return (str(rng.choice(PIECES)) + " ") * (1_000_000 // 8)


def garbage() -> Iterator[tuple[Task, str]]:
    for index in range(COUNT):
        rng = generator(0, "garbage", index)
        make: Make = huge if index % 200 == 7 else (soup, unicode, towers, spaces)[index % 4]
        reference = REFERENCES[int(rng.integers(len(REFERENCES)))]
        own = reference.get("kind") in SCIENCE
        domain = "science" if own or index % 2 else "math"
        if domain == "science" and not own:
            reference = {**reference, "kind": "expression"}
        yield Task(f"garbage/{index}", domain, "?", reference), make(rng)


@pytest.mark.filterwarnings("error")
def test_garbage_scores_nothing() -> None:
    verifiers = {"math": MathVerifier(), "science": ScienceVerifier()}
    pairs = list(garbage())
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda pair: verifiers[pair[0].domain](*pair), pairs))
    odd = [
        (task.id, task.reference["answer"], str(outcome.status), completion[:100], outcome.trace.events[-1:])
        for (task, completion), outcome in zip(pairs, outcomes, strict=True)
        if outcome.status not in (Status.WRONG, Status.MALFORMED) or outcome.reward != 0.0
    ]
    assert odd == []
