"""Families of chemistry and biology: answers of each are found again from the prompt alone, by another way."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import product
from math import exp, isclose, log, log10

import pytest
import sympy

from distil_envs.counted import generator
from distil_envs.family import Item
from distil_envs.science.chemistry import WEIGHTS
from distil_envs.science.families import FAMILIES
from distil_envs.science.families.balancing import FAMILY as BALANCING

NUMBER = r"\d+(?:\.\d+)?(?:e[+-]?\d+)?"
DNA = {"A": "T", "T": "A", "C": "G", "G": "C"}
NAMES = {"hydrogen": "H", "carbon": "C", "nitrogen": "N", "oxygen": "O", "sulfur": "S", "phosphorus": "P"}


def sampled(family: str, level: int, name: str, count: int = 25) -> list[Item]:
    """Items of a question in its first phrasing."""
    found = []
    for question in FAMILIES[family].questions(level):
        if question.name == name:
            rng = generator(6, "answers", family, level, name, len(question.space))
            found += [
                FAMILIES[family]._item(question, int(index), 0)
                for index in rng.integers(len(question.space), size=count)
            ]
    assert found
    return found


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(rf"(?<![A-Za-z0-9(^.-]){NUMBER}(?![A-Za-z])", text)]


def value(item: Item) -> float:
    return float(item.answer.split()[0])


def atoms(formula: str) -> Counter[str]:
    """Counts of a formula without charge, by writing it out: brackets become repetition."""
    total: Counter[str] = Counter()
    for part in formula.split("*"):
        times, body = re.fullmatch(r"(\d*)(.*)", part).groups()
        while found := re.search(r"\(([^()]*)\)(\d*)", body):
            body = body.replace(found[0], found[1] * int(found[2] or 1), 1)
        for element, count in re.findall(r"([A-Z][a-z]?)(\d*)", body):
            total[element] += int(count or 1) * int(times or 1)
    return total


def mass(formula: str) -> float:
    return sum(WEIGHTS[element] * count for element, count in atoms(formula).items())


def exactly(found: Callable[[str], object], family: str, level: int, name: str) -> None:
    for item in sampled(family, level, name):
        assert str(found(item.prompt)) == item.answer, item


def nearly(found: Callable[[list[float]], float], family: str, level: int, name: str) -> None:
    for item in sampled(family, level, name):
        assert isclose(found(numbers(item.prompt)), value(item), rel_tol=6e-3, abs_tol=1e-9), item


def test_atom_counting() -> None:
    for name, level in (("molecules", 1), ("formula-units", 2)):
        for item in sampled("atom-counting", level, name):
            pattern = r"How many (\w+) atoms are in (\d+) .* of (\S+)\?"
            element, n, formula = re.fullmatch(pattern, item.prompt).groups()
            if element in NAMES:
                assert int(n) * atoms(formula)[NAMES[element]] == value(item), item


def test_molar_mass() -> None:
    for item in sampled("molar-mass", 3, "mass"):
        n, formula = re.search(r"of (\S+) mol of (\S+)\?", item.prompt).groups()
        assert isclose(float(n) * mass(formula), value(item), rel_tol=6e-3), item


def test_empirical_formulas_give_the_masses() -> None:
    for item in sampled("molar-mass", 4, "empirical-formula"):
        first, second = numbers(item.prompt)[:2]
        (a, n), (b, m) = atoms(item.answer).items()
        assert isclose(n * WEIGHTS[a] / (m * WEIGHTS[b]), first / second, rel_tol=5e-3), item


def test_limiting_amounts_are_used_up() -> None:
    for item in sampled("stoichiometry", 3, "limiting-amount"):
        n, one, k, two, left, right, asked = re.fullmatch(
            r"(\d+) mol of (\S+) and (\d+) mol of (\S+) react by (.*) -> (.*)\. How many mol of (\S+) form.*",
            item.prompt,
        ).groups()
        sides = {name: int(c or 1) for c, name in re.findall(r"(?:(\d+) )?([A-Z]\S*)", f"{left} + {right}")}
        extent = min(int(n) / sides[one], int(k) / sides[two])
        assert isclose(extent * sides[asked], value(item), rel_tol=6e-3), item


@pytest.mark.parametrize("level", BALANCING.levels)
def test_balanced_equations_keep_every_element_and_the_charge(level: int) -> None:
    for item in BALANCING.items(level):
        totals: list[Counter[str]] = [Counter(), Counter()]
        coefficients = []
        for side, total in zip(item.answer.split(" -> "), totals, strict=True):
            for term in side.split(" + "):
                times, formula = re.fullmatch(r"(?:(\d+) )?(\S+)", term).groups()
                body, _, charge = formula.partition("^")
                coefficients.append(int(times or 1))
                for element, count in atoms(body).items():
                    total[element] += coefficients[-1] * count
                if charge:
                    total["charge"] += coefficients[-1] * int(charge[-1] + (charge[:-1] or "1"))
        assert {key: n for key, n in totals[0].items() if n} == {key: n for key, n in totals[1].items() if n}, item
        assert sympy.gcd_list(coefficients) == 1


def test_ionic_formulas_are_neutral_and_smallest() -> None:
    for item in sampled("ionic-formulas", 1, "from-ions"):
        ions = re.findall(r"([A-Z][a-z]?)\^(\d?)([+-])", item.prompt)
        found = atoms(item.answer)
        assert sum(found[name] * int(sign + (size or "1")) for name, size, sign in ions) == 0, item
        assert sympy.gcd_list(list(found.values())) == 1 and set(found) == {name for name, _, _ in ions}


def test_solutions() -> None:
    nearly(lambda x: x[1] * x[0] / x[2], "solutions", 2, "dilution")
    nearly(lambda x: (x[0] * x[1] + x[2] * x[3]) / (x[0] + x[2]), "solutions", 4, "mixing")


def root(excess: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising function is zero, by bisection."""
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if excess(middle) > 0 else (middle, high)
    return low


def test_acids() -> None:
    nearly(lambda x: -log10(root(lambda h: h * h - x[1] * (x[0] - h), 0, x[0])), "acids", 4, "weak-acid")
    nearly(lambda x: -log10(x[1] * x[0] / x[2]), "acids", 4, "buffer")


def test_gas_laws() -> None:
    nearly(lambda x: x[0] * (x[2] + 273) / (x[1] + 273), "gas-laws", 2, "charles")
    nearly(lambda x: x[0] * x[1] / x[3] * (x[4] + 273) / (x[2] + 273), "gas-laws", 4, "combined")


def test_oxidation_states_of_oxoanions() -> None:
    for item in sampled("oxidation-states", 3, "state"):
        element, body, charge = re.fullmatch(r".* of (\S+) in (\S+)\^(\S+)\?", item.prompt).groups()
        found = atoms(body)
        if set(found) == {element, "O"}:
            total = found[element] * value(item) - 2 * found["O"]
            assert total == int(charge[-1] + (charge[:-1] or "1")), item


def test_isotopes() -> None:
    nearly(lambda x: (x[0] * x[1] + (100 - x[0]) * x[2]) / 100, "isotopes", 3, "average")
    for item in sampled("isotopes", 2, "halvings"):
        half_life, left, time = numbers(item.prompt)
        while time > 0:
            left, time = left / 2, time - half_life
        assert left == value(item), item


def test_dna() -> None:
    exactly(lambda prompt: "".join(DNA[base] for base in re.search("5'-([ACGT]+)", prompt)[1]), "dna", 1, "complement")
    exactly(lambda prompt: re.search("5'-([ACGT]+)", prompt)[1].replace("T", "U"), "dna", 2, "coding")


def test_translation_of_known_codons() -> None:
    """Codons that everybody knows, and how many each amino acid has (Crick 1968)."""
    from distil_envs.science.families.dna import CODE

    assert {CODE[codon] for codon in ("UAA", "UAG", "UGA")} == {"Stop"}
    known = {"AUG": "Met", "UGG": "Trp", "UUU": "Phe", "AAA": "Lys", "GGC": "Gly", "CAU": "His", "GAC": "Asp"}
    assert all(CODE[codon] == acid for codon, acid in known.items())
    counts = Counter(CODE.values())
    assert {acid for acid, n in counts.items() if n == 6} == {"Leu", "Ser", "Arg"}
    assert {acid for acid, n in counts.items() if n == 4} == {"Val", "Pro", "Thr", "Ala", "Gly"}
    assert {acid for acid, n in counts.items() if n == 3} == {"Ile", "Stop"}
    for item in sampled("dna", 3, "translation"):
        mrna = re.search("5'-([ACGU]+)", item.prompt)[1]
        assert item.answer == ", ".join(CODE[codon] for codon in re.findall("...", mrna)[:-1])


def test_base_pairs() -> None:
    def percent(prompt: str) -> str:
        [strand] = re.findall(r"[ACGT]{4,}", prompt)
        return f"{100 * sum(base in 'GC' for base in strand) // len(strand)} %"

    exactly(percent, "base-pairs", 1, "gc-content")


def test_dihybrid_crosses_by_counting_sixteen_boxes() -> None:
    for item in sampled("genetics", 3, "dihybrid"):
        parents = re.search(r"offspring of (\S{4}) x (\S{4})", item.prompt).groups()
        wanted = re.findall(r"(dominant|recessive) trait of gene (\w)", item.prompt)
        boxes = [
            [a + b, c + d]
            for (a, b), (c, d) in product(
                product(parents[0][:2], parents[1][:2]), product(parents[0][2:], parents[1][2:])
            )
        ]

        def shows(genotypes: Sequence[str], trait: str, gene: str) -> bool:
            [found] = [genotype for genotype in genotypes if genotype.upper() == 2 * gene]
            return (gene in found) == (trait == "dominant")

        count = sum(all(shows(box, trait, gene) for trait, gene in wanted) for box in boxes)
        assert sympy.Rational(item.answer) == sympy.Rational(count, 16), item


def test_affected_children_by_listing_all_families() -> None:
    for item in sampled("genetics", 4, "children"):
        p = 0.25 if "Aa x Aa" in item.prompt else 0.5
        n, k = (int(x) for x in re.search(r"have (\d+) children.* exactly (\d+)", item.prompt).groups())
        orders = (sum(family) for family in product((0, 1), repeat=n))
        assert isclose(sum(p**k * (1 - p) ** (n - k) for ill in orders if ill == k), value(item), rel_tol=6e-3), item


def test_hardy_weinberg_selection_generation_by_generation() -> None:
    for item in sampled("hardy-weinberg", 5, "selection"):
        q, generations = numbers(item.prompt)[:2]
        for _ in range(int(generations)):
            p = 1 - q
            q = p * q / (p * p + 2 * p * q)  # half of the alleles of Aa, among those that reproduce
        assert isclose(q, value(item), rel_tol=6e-3), item


def test_population_growth() -> None:
    nearly(lambda x: log(2) / x[0], "population-growth", 3, "doubling-time")
    for item in sampled("population-growth", 5, "logistic", 8):
        n, r, k, years = numbers(item.prompt)[:4]
        steps = 4000
        for _ in range(steps):  # the midpoint rule for dN/dt = r*N*(1 - N/K)
            half = n + r * n * (1 - n / k) * years / steps / 2
            n += r * half * (1 - half / k) * years / steps
        assert isclose(n, value(item), rel_tol=6e-3), item
    nearly(lambda x: x[0] * exp(x[1] * x[2]), "population-growth", 3, "exponential")


def test_enzyme_kinetics() -> None:
    nearly(lambda x: 1 / (1 / x[0] + x[1] / x[0] / x[2]), "enzyme-kinetics", 2, "rate")
    nearly(lambda x: x[0] / (1 + x[1] / x[2] * (1 + x[4] / x[3])), "enzyme-kinetics", 4, "competitive")


def test_microscopy() -> None:
    nearly(lambda x: x[1] * 1000 / x[0], "microscopy", 2, "magnification")
    nearly(lambda x: x[2] * x[0] / x[1], "microscopy", 3, "scale-bar")


def test_ecology() -> None:
    nearly(lambda x: x[0] * x[1] / x[2], "ecology", 2, "recapture")
    for item in sampled("ecology", 4, "simpson"):
        species = [label for label, n in enumerate(map(int, numbers(item.prompt)[:4])) for _ in range(n)]
        different = sum(a != b for a, b in product(species, repeat=2))
        assert isclose(different / (len(species) * (len(species) - 1)), value(item), rel_tol=6e-3), item
