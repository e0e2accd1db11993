"""The steps of worked solutions are true, not only their last line, and answers look as their kind promises."""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction

import sympy
from sympy.parsing.sympy_parser import (
    convert_xor,
    implicit_multiplication_application,
    parse_expr,
    standard_transformations,
)

from distil_envs.counted import generator
from distil_envs.math.families import FAMILIES

LEVELS = [(name, level) for name, family in FAMILIES.items() for level in family.levels]
x, y, z = sympy.symbols("x y z")


def value(text: str) -> sympy.Expr:
    return parse_expr(
        text,
        local_dict={"x": x, "y": y, "z": z},
        transformations=(*standard_transformations, convert_xor, implicit_multiplication_application),
    )


def test_equalities_in_worked_solutions_hold() -> None:
    """Chains of numbers such as ``3/12 + 5/12 = 8/12``, also after a label such as ``tens:``, are true."""
    checked = Counter[str]()
    chain = re.compile(r"[\d+\-*/ ()^]+(?: = [\d+\-*/ ()^]+)+")
    for name, level in LEVELS:
        rng = generator(9, "steps", name, level)
        for _ in range(30):
            item = FAMILIES[name].draw(rng, level)
            for part in re.split(r"\n|: |, | and | eliminates", item.solution):
                if chain.fullmatch(part) and part.count("(") == part.count(")"):
                    assert len({value(side) for side in part.split(" = ")}) == 1, (part, item)
                    checked[name] += 1
    assert all(checked[name] > 100 for name in ("arithmetic", "fractions", "number-theory", "matrices")), checked
    assert len(checked) >= 7, checked


def test_equations_in_worked_solutions_are_solved_by_the_answer() -> None:
    equations = re.compile(r"[\dxyz+\-*/ ()]+=[\dxyz+\-*/ ()]+")
    for name in ("linear-equations", "linear-systems"):
        for level in FAMILIES[name].levels:
            rng = generator(10, "equations", name, level)
            checked = 0
            for _ in range(40):
                item = FAMILIES[name].draw(rng, level)
                values = item.answer.strip("()").split(", ")
                solution = dict(zip((x, y, z), map(sympy.Rational, values), strict=False))
                for part in re.split(r"\n|: | and |, | gives |\(-?\d+\) \* \(|\) minus |\) eliminates", item.solution):
                    if equations.fullmatch(part) and part.count("(") == part.count(")"):
                        left, right = (value(side).subs(solution) for side in part.split("="))
                        assert left == right, (part, item)
                        checked += 1
            assert checked >= 40, (name, level)


def test_the_answer_has_the_form_that_its_kind_promises() -> None:
    rational = r"-?\d+(?:/\d+)?"
    forms = {
        "integer": r"-?\d+",
        "rational": r"-?\d+/\d+",
        "expression": r"[\dxn+\-*/^() a-z]+",
        "set": r"\{[^{}]+\}",
        "tuple": rf"\({rational}(, {rational})+\)",
        "matrix": rf"\[(\[{rational}(, {rational})*\](, )?)+\]",
    }
    for name, level in LEVELS:
        rng = generator(8, "form", name, level)
        for _ in range(150):
            item = FAMILIES[name].draw(rng, level)
            assert re.fullmatch(forms[item.kind], item.answer), item
            for part in re.findall(rational, item.answer) if item.kind != "expression" else ():
                assert str(Fraction(part)) == part, item  # in lowest terms
