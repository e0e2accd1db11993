"""Worked solutions of physics and materials, recomputed with units: every chain of equalities holds in pint."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from typing import Any

import pint
import pytest

from distil_envs.counted import generator
from distil_envs.science.families import FAMILIES

NAMES = [name for name, family in FAMILIES.items() if family.topic in ("physics", "materials")]
NUMBER = r"(?<![\w.^])\d+(?:\.\d+)?(?:e[+-]?\d+)?"
POWER = r"(?:\^-?\d+)?"
UNIT = rf"(?:[A-Za-z]+{POWER}|1)(?:[*/](?:[A-Za-z]+{POWER}|\([A-Za-z0-9^*]+\)))*"
AMOUNT = re.compile(rf"({NUMBER}) (%|{UNIT})")

units = pint.UnitRegistry(autoconvert_offset_to_baseunit=True)


def angle(value: Any) -> float:
    return float(units.Quantity(value).to("rad").magnitude)


FUNCTIONS = {
    "sqrt": lambda value: value**0.5,
    "sin": lambda value: math.sin(angle(value)),
    "cos": lambda value: math.cos(angle(value)),
    "asin": lambda value: units.Quantity(math.asin(value), "rad"),
    "exp": lambda value: math.exp(units.Quantity(value).to("").magnitude),
    "ln": math.log,
    "pi": math.pi,
    "Q": lambda number, unit: units.Quantity(number, "percent" if unit == "%" else unit),
}


def value(text: str) -> Any:
    """The value of one side as pint sees it; None for words and symbols."""
    code = AMOUNT.sub(r"Q(\1, '\2')", text).replace("^", "**")
    code = re.sub(r"'[^']*'", lambda unit: unit.group().replace("**", "^"), code)
    try:
        return units.Quantity(eval(code, {"__builtins__": {}}, FUNCTIONS)).to_base_units()
    except (SyntaxError, NameError, TypeError, AttributeError, pint.UndefinedUnitError):
        return None


def sides(line: str) -> list[tuple[str, Any]]:
    """The sides of a line's equalities that can be computed, without what stands before a colon."""
    if ", " in line or ";" in line or " and " in line:  # several equalities: not told apart
        return []
    texts = line.rpartition(": ")[2].split(" = ")
    return [(text, found) for text in texts if (found := value(text)) is not None]


@pytest.mark.parametrize("name", NAMES)
def test_chains_of_equalities_hold_with_their_units(name: str) -> None:
    """Of every question that asks for a quantity, and up to the answer."""
    family = FAMILIES[name]
    for level in family.levels:
        for question in family.questions(level):
            for index in generator(0, "steps", name, question.name).integers(len(question.space), size=3).tolist():
                item = family._item(question, index, 0)
                slack = 0.6 * 10 ** (1 - item.extra.get("figures", 4))  # half a unit of the last figure, and a little
                chains = [sides(line) for line in item.solution.splitlines()]
                for (left, first), (right, second) in (pair for chain in chains for pair in pairwise(chain)):
                    assert first.dimensionality == second.dimensionality, (left, right, item)
                    assert math.isclose(first.magnitude, second.magnitude, rel_tol=slack), (left, right, item)
                if item.kind == "quantity" and "degC" not in item.answer:
                    reached = [chain[-1][1] for chain in chains if len(chain) > 1]
                    assert reached, item
                    assert math.isclose(reached[-1].magnitude, value(item.answer).magnitude, rel_tol=slack), item


def test_the_check_can_fail() -> None:
    [(_, first), (_, second)] = sides("energy = 1/2 * 3 kg * (4 m/s)^2 = 24 J")
    assert first == second
    assert sides("3 N * 2 m = 6 W")[0][1].dimensionality != sides("6 W")[0][1].dimensionality
    assert sides("sin(30 deg) = 0.5")[0][1].magnitude == pytest.approx(0.5)
    assert sides("In percent: 0.25 = 25 %")[1][1].magnitude == pytest.approx(0.25)
    assert sides("speed = distance / time") == []
