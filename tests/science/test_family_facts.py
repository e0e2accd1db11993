"""Prompts state what answers depend on, values are possible ones, misconceptions follow from their messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from math import isclose

import pytest

from distil_envs.counted import generator
from distil_envs.family import Item, make_task
from distil_envs.outcome import Status
from distil_envs.science.families import FAMILIES
from distil_envs.science.family import rounded
from distil_envs.science.verifier import grade_science

CONSTANTS = ("273.15", "8.314", "0.08206", "1240", "13.6", "1.602e-19", "9.81", "4.18", "334", "343", "6.022e23")
NUMBER = r"(?<![A-Za-z\d.^-])\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![A-Za-z])"


def items(family: str, name: str = "", count: int = 20) -> Iterator[tuple[int, Item]]:
    """Contents of one question or of all, by turns in each phrasing, with their levels."""
    for level in FAMILIES[family].levels:
        for question in FAMILIES[family].questions(level):
            if name in ("", question.name):
                rng = generator(7, "facts", family, question.name)
                for turn, index in enumerate(rng.integers(len(question.space), size=count).tolist()):
                    yield level, FAMILIES[family]._item(question, index, turn % len(question.phrasings))


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(NUMBER, text)]


def slips(family: str, name: str, count: int = 60) -> Iterator[tuple[Item, dict[str, str]]]:
    """Items with what their misconceptions lead to, by name."""
    for level, item in items(family, name, count):
        found = make_task(FAMILIES[family], level, item).reference["misconceptions"]
        assert found
        yield item, {each["name"]: each["answer"] for each in found}


@pytest.mark.parametrize("family", FAMILIES)
def test_constants_of_the_solution_stand_in_the_prompt(family: str) -> None:
    for _, item in items(family):
        for constant in CONSTANTS:
            used = re.search(rf"(?<![\d.]){re.escape(constant)}(?![\d.e])", item.solution.rpartition("\n")[0])
            assert not used or constant in item.prompt or " = " + constant in item.solution, (constant, item)


@pytest.mark.parametrize("family", FAMILIES)
def test_long_decimals_are_asked_for(family: str) -> None:
    """A number with more than two decimals that must not be rounded is called exact."""
    for _, item in items(family):
        if item.kind == "quantity" and item.extra.get("tolerance", 1) < 1e-3:
            decimals = item.answer.split()[0].partition(".")[2]
            assert len(decimals) <= 2 or "exact" in item.prompt or "e-" in decimals, item


def test_both_roundings_of_a_value_halfway_are_right() -> None:
    assert [rounded(value) for value in (7.175, 0.012345, 1235, -7.175)] == ["7.175", "0.0123", "1235", "-7.175"]
    halfway = [
        (level, item)
        for level, item in items("ecology", "efficiency", 2000)
        if len(item.answer.split()[0].replace(".", "").lstrip("0")) == 4
    ]
    assert halfway
    for level, item in halfway:
        task = make_task(FAMILIES["ecology"], level, item)
        value, last = float(item.answer.split()[0]), 10.0 ** -len(item.answer.split()[0].partition(".")[2])
        for near in (value - 5 * last, value, value + 5 * last):
            assert grade_science(task, f"{near:.10g} %").status is Status.CORRECT, (item, near)
        assert grade_science(task, f"{value + 7 * last:.10g} %").status is Status.WRONG


def test_nuclei_are_near_the_line_of_stability() -> None:
    for question in FAMILIES["isotopes"].questions(1):
        if question.name == "mass-number":
            for protons, extra in question.space:
                assert 2 * protons < 2 * protons + extra <= 2.7 * protons, (protons, extra)
    for item, _ in slips("photons", "chain"):
        z, a = (int(number) for number in item.answer.split(", "))
        assert 2.4 * z < a < 2.7 * z


def test_the_ions_of_water_do_not_count_beside_a_strong_acid() -> None:
    for item, _ in slips("acids", "powers-of-ten"):
        assert numbers(item.prompt)[0] >= 1e-5


def test_genotypes_that_are_mistaken_for_others() -> None:
    for item, wrong in slips("hardy-weinberg", "genotype"):
        q = numbers(item.prompt)[0]
        genotype = re.search("AA|Aa|aa", item.prompt)[0]
        frequency = {"AA": (1 - q) ** 2, "Aa": 2 * q * (1 - q), "aa": q * q}
        assert isclose(float(item.answer), frequency[genotype], rel_tol=1e-9)
        assert ("forgot-two" in wrong) <= (genotype == "Aa")
        for name, other in (
            ("other-homozygote", {"AA": "aa", "aa": "AA"}.get(genotype)),
            ("heterozygotes", "Aa"),
            ("first-homozygote", "AA"),
            ("second-homozygote", "aa"),
        ):
            if name in wrong:
                assert other != genotype
                assert isclose(float(wrong[name]), frequency[other], rel_tol=1e-9), (item, name)


def test_what_is_left_out_of_the_carriers_is_not_left_out_of_an_allele() -> None:
    for item, wrong in slips("hardy-weinberg", "from-affected"):
        assert ("forgot-two" in wrong) == ("carriers" in item.prompt)
        if "halved" in wrong:
            q = numbers(item.prompt)[0] / 2
            value = 2 * q * (1 - q) if "carriers" in item.prompt else q
            assert isclose(float(wrong["halved"]), value, rel_tol=1e-9), item


def test_the_photoelectric_effect_with_an_inverted_energy() -> None:
    for item, wrong in slips("photons", "photoelectric"):
        w, work = re.search(r"(\d+) nm", item.prompt)[1], re.search(r"([\d.]+) eV", item.prompt)[1]
        assert isclose(float(wrong["inverted"].split()[0]), float(w) / 1240 - float(work), rel_tol=1e-8)


def test_sons_and_daughters() -> None:
    """By writing out the four children of an X-linked cross."""
    for item, wrong in slips("genetics", "linked"):
        carrier, ill = "carrier" in item.prompt, "father is affected" in item.prompt or "father affected" in item.prompt
        mothers, fathers = ("+-" if carrier else "--"), ("-" if ill else "+")
        sons = [x == "-" for x in mothers]
        daughters = [x + fathers == "--" for x in mothers]
        wanted = {"son": sons, "daughter": daughters, "child": sons + daughters}
        asked = re.search("a (son|daughter|child) of theirs", item.prompt)[1]
        assert Fraction(item.answer) == Fraction(sum(wanted[asked]), len(wanted[asked])), item
        others = {"son": daughters, "daughter": sons, "child": sons}[asked]
        for name in ("other-sex", "sons-only"):
            if name in wrong:
                assert Fraction(wrong[name]) == Fraction(sum(others), len(others)), item
        if "x-from-father" in wrong:
            assert asked != "daughter"
            taken = [ill, ill, *(daughters if asked == "child" else ())]
            assert Fraction(wrong["x-from-father"]) == Fraction(sum(taken), len(taken)), item


def test_three_to_one_is_of_two_heterozygotes() -> None:
    for item, wrong in slips("genetics", "monohybrid"):
        if "always-three-to-one" in wrong:
            assert wrong["always-three-to-one"] == ("75 %" if "dominant" in item.prompt else "25 %"), item
        assert not ({"always-three-to-one", "carriers-as-recessive"} & wrong.keys() and "zygous" in item.prompt), item
