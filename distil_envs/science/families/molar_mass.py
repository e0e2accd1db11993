"""Molar masses: with rounded and exact atomic masses, mass percent, amounts, empirical formulas."""

from __future__ import annotations

import re
from fractions import Fraction

from distil_envs.family import Question, Worked
from distil_envs.science.chemistry import WEIGHTS, counts, molar_mass
from distil_envs.science.exact import exact, shown
from distil_envs.science.families.atom_counting import NAMES
from distil_envs.science.family import ScienceFamily, amount, quantity, worked
from distil_envs.science.misconceptions import Misconception
from distil_envs.science.slips import slips
from distil_envs.spaces import Product

_ROUND = {"H": 1, "C": 12, "N": 14, "O": 16, "F": 19, "Na": 23, "Al": 27, "P": 31, "S": 32}
_SIMPLE = (
    "H2O CH4 NH3 CO2 CO NO NO2 N2O N2O4 N2O3 N2O5 SO2 SO3 H2S H2O2 HF HCN NaOH NaF Na2O Na2S Al2O3 AlF3 PH3 PF3 PF5 "
    "SF6 SF4 CS2 CF4 HNO3 H2SO4 H3PO4 Na2SO4 NaNO3 NaHCO3 C2H4 C2H6 C3H8 C4H10 C2H2 C6H6 CH4O C2H6O C2H4O2 CH2O CH2O2 "
    "C3H6O C6H12O6 N2H4 CH5N CH4N2O P4O10 P4O6 Al2S3 AlN Na3PO4 NaCN Na2CO3 C8H18"
)
_REAL = (
    "NaCl KCl CaCl2 MgCl2 FeCl3 CuSO4 AgNO3 KMnO4 K2Cr2O7 CaCO3 MgO ZnO Fe2O3 Fe3O4 CuO SiO2 TiO2 KBr KI NaBr BaCl2 "
    "BaSO4 PbI2 ZnS FeS2 HgO MnO2 Ca(OH)2 Mg(OH)2 Al(OH)3 Ba(OH)2 Ca(NO3)2 Al2(SO4)3 (NH4)2SO4 Ca3(PO4)2 Pb(NO3)2 "
    "Cu(NO3)2 CuSO4*5H2O MgSO4*7H2O Na2CO3*10H2O CoCl2*6H2O C12H22O11 C8H10N4O2 C9H8O4"
)


def _sum(formula: str, masses: dict[str, float]) -> str:
    terms = [f"{count} * {shown(masses[element])}" for element, count in counts(formula).atoms]
    return " + ".join(terms)


def _round_mass(formula: str) -> Worked:
    atoms = counts(formula).atoms
    value = sum(_ROUND[element] * count for element, count in atoms)
    steps = [
        f"Atoms: {', '.join(f'{count} {element}' for element, count in atoms)}",
        f"{' + '.join(f'{count} * {_ROUND[element]}' for element, count in atoms)} = {value} g/mol",
    ]
    first, last = atoms[0], atoms[-1]
    wrong = slips(
        "g/mol",
        ("forgot-subscripts", sum(_ROUND[element] for element, _ in atoms), "The subscripts were left out.", 1),
        ("forgot-first-subscript", value - (first[1] - 1) * _ROUND[first[0]], "One subscript was left out.", 1),
        ("forgot-last-subscript", value - (last[1] - 1) * _ROUND[last[0]], "One subscript was left out.", 1),
        (
            "subscripts-for-all",
            sum(_ROUND[element] for element, _ in atoms) * sum(count for _, count in atoms),
            "The masses were added first and then multiplied by all atoms.",
            2,
        ),
        ("subscripts-added", sum(_ROUND[e] + n for e, n in atoms), "The subscripts were added to the masses.", 2),
    )
    masses = ", ".join(f"{element} {_ROUND[element]}" for element, _ in atoms)
    return exact(value, "g/mol", {"formula": formula, "masses": masses}, steps, wrong)


def _amount(formula: str, tenths: int) -> Worked:
    mass, molar = tenths / 10, round(molar_mass(formula), 2)
    value = mass / molar
    steps = ["n = m / M", f"{shown(mass)} g / ({shown(molar)} g/mol) = {amount(value, 'mol')}"]
    wrong = slips(
        "mol",
        ("multiplied", mass * molar, "The mass was multiplied by the molar mass.", 1),
        ("upside-down", molar / mass, "The molar mass was divided by the mass.", 1),
        ("thousandfold", value * 1000, "Grams were taken for kilograms.", 2),
    )
    return quantity(value, "mol", {"formula": formula, "m": shown(mass), "molar": shown(molar)}, steps, wrong)


def _mass(formula: str, hundredths: int) -> Worked:
    moles = hundredths / 100
    molar = molar_mass(formula)
    value = moles * molar
    steps = [
        f"M = {_sum(formula, WEIGHTS)} = {shown(molar)} g/mol",
        f"m = n * M = {shown(moles)} mol * {shown(molar)} g/mol = {amount(value, 'g')}",
    ]
    single = sum(WEIGHTS[element] for element, _ in counts(formula).atoms)
    wrong = slips(
        "g",
        ("divided", molar / moles, "The molar mass was divided by the amount.", 2),
        ("molar-mass-only", molar, "The mass of one mole was given.", 2),
        ("forgot-subscripts", moles * single, "The subscripts were left out of the molar mass.", 1),
        ("upside-down", moles / molar, "The amount was divided by the molar mass.", 2),
    )
    return quantity(value, "g", {"formula": formula, "n": shown(moles), "masses": _masses(formula)}, steps, wrong)


def _masses(formula: str) -> str:
    return ", ".join(f"{element} {shown(WEIGHTS[element])}" for element, _ in counts(formula).atoms)


def _percent(pair: tuple[str, str]) -> Worked:
    formula, element = pair
    molar, weight, count = molar_mass(formula), WEIGHTS[element], counts(formula).counts[element]
    value = 100 * count * weight / molar
    total = sum(counts(formula).counts.values())
    steps = [
        f"M = {_sum(formula, WEIGHTS)} = {shown(molar)} g/mol",
        f"{element} in it: {count} * {shown(weight)} = {shown(count * weight)} g/mol",
        f"{shown(count * weight)} / {shown(molar)} * 100 % = {amount(value, '%')}",
    ]
    wrong = slips(
        "%",
        ("forgot-subscript", 100 * weight / molar, "Only one atom of the element was counted.", 2),
        ("atom-percent", 100 * count / total, "The atoms were counted, not their masses.", 2),
        ("other-elements", 100 - value, "The share of the other elements was given.", 3),
        ("fraction", value / 100, "The fraction was not turned into a percentage.", 3),
    )
    slots = {"formula": formula, "element": NAMES[element], "masses": _masses(formula)}
    return quantity(value, "%", slots, steps, wrong)


def _grams(formula: str, n: int) -> Worked:
    atoms = counts(formula).atoms
    one = sum(_ROUND[element] * count for element, count in atoms)
    single = sum(_ROUND[element] for element, _ in atoms)
    steps = [
        f"M = {' + '.join(f'{count} * {_ROUND[element]}' for element, count in atoms)} = {one} g/mol",
        f"{n} mol * {one} g/mol = {n * one} g",
    ]
    wrong = slips(
        "g",
        ("molar-mass-only", one, "The mass of one mole was given.", 2),
        ("forgot-subscripts", n * single, "The subscripts were left out.", 1),
        ("divided", one / n, "The molar mass was divided by the amount.", 2),
        ("added", one + n, "The amount was added, not multiplied.", 2),
    )
    masses = ", ".join(f"{element} {_ROUND[element]}" for element, _ in atoms)
    return exact(n * one, "g", {"formula": formula, "n": n, "masses": masses}, steps, wrong)


def _formula(a: str, first: int, b: str, second: int) -> str:
    return "".join(f"{element}{count if count > 1 else ''}" for element, count in ((a, first), (b, second)))


def _empirical(compound: tuple[str, int, str, int], hundredths: int) -> Worked:
    """From the masses of two elements in a sample."""
    a, first, b, second = compound
    mass_a, mass_b = (round(hundredths / 100 * n * WEIGHTS[e], 3) for e, n in ((a, first), (b, second)))
    n_a, n_b = mass_a / WEIGHTS[a], mass_b / WEIGHTS[b]
    least = min(n_a, n_b)
    steps = [
        f"{a}: {shown(mass_a)} g / ({shown(WEIGHTS[a])} g/mol) = {shown(n_a)} mol",
        f"{b}: {shown(mass_b)} g / ({shown(WEIGHTS[b])} g/mol) = {shown(n_b)} mol",
        f"Divided by the smaller amount: {shown(n_a / least, 3)} {a} to {shown(n_b / least, 3)} {b}",
        f"In whole numbers {first} to {second}: {_formula(*compound)}",
    ]
    by_mass = Fraction(mass_a / mass_b).limit_denominator(6)
    wrong = [
        Misconception("exchanged", _formula(a, second, b, first), "The two subscripts were exchanged.", 4),
        Misconception(
            "mass-ratio",
            _formula(a, max(by_mass.numerator, 1), b, by_mass.denominator),
            "The ratio of the masses was taken, not of the amounts.",
            1,
        ),
        Misconception(
            "rounded-early",
            _formula(a, round(n_a / least), b, round(n_b / least)),
            "The ratio was rounded before it was made whole.",
            4,
        ),
        Misconception("one-to-one", a + b, "One atom of each element was taken for granted.", 3),
        Misconception("not-reduced", _formula(a, 2 * first, b, 2 * second), "These are not the smallest numbers.", 4),
    ]
    slots = {"a": NAMES[a], "b": NAMES[b], "m": shown(mass_a), "k": shown(mass_b), "masses": _masses(a + b)}
    return worked("formula", _formula(*compound), slots, steps, wrong)


_BINARY = [
    (a, int(first or 1), b, int(second or 1))
    for a, first, b, second in re.findall(
        r"([A-Z][a-z]?)(\d*)([A-Z][a-z]?)(\d*)\b",
        "N2O NO NO2 N2O3 N2O5 P2O3 P2O5 FeO Fe2O3 Fe3O4 Cr2O3 CrO3 MnO2 Mn2O7 Mn3O4 Mn2O3 Pb3O4 PbO2 CH4 C3H8 CH2 CH3 "
        "C2H5 SF6 SF4 SO2 SO3 Cl2O7 ClO2 Al2O3 Al4C3 Si3N4 CuO Cu2O Co3O4 Mg3N2 PCl3 PCl5 S2Cl2 CS2",
    )
]
_shares = [
    (formula, element)
    for formula in f"{_SIMPLE} {_REAL}".split()
    for element in counts(formula).counts
    if element in NAMES and len(counts(formula).counts) > 1
]

FAMILY = ScienceFamily(
    "molar-mass",
    "chemistry",
    [
        [
            Question(
                "round-molar-mass",
                Product(_SIMPLE.split()),
                _round_mass,
                (
                    "What is the molar mass of {formula} in g/mol? Atomic masses: {masses}.",
                    "With the atomic masses {masses}, find the molar mass of {formula} in g/mol.",
                ),
            ),
            Question(
                "round-mass",
                Product(_SIMPLE.split(), range(2, 11)),
                _grams,
                (
                    "What is the mass in g of {n} mol of {formula}? Atomic masses: {masses}.",
                    "With the atomic masses {masses}, find the mass of {n} mol of {formula} in g.",
                ),
            ),
        ],
        [
            Question(
                "amount",
                Product(f"{_SIMPLE} {_REAL}".split(), range(5, 500, 7)),
                _amount,
                (
                    "How many mol are {m} g of {formula} (M = {molar} g/mol)? Give 3 significant figures.",
                    "Find the amount in mol, to 3 significant figures, of {m} g of {formula}, M = {molar} g/mol.",
                ),
            )
        ],
        [
            Question(
                "mass",
                Product(f"{_SIMPLE} {_REAL}".split(), range(5, 300, 5)),
                _mass,
                (
                    "What is the mass in g of {n} mol of {formula}? Atomic masses in g/mol: {masses}. Give 3 "
                    "significant figures.",
                    "Find the mass of {n} mol of {formula} in g to 3 significant figures ({masses} g/mol).",
                ),
            ),
            Question(
                "mass-percent",
                Product(_shares),
                _percent,
                (
                    "What percentage of the mass of {formula} is {element}? Atomic masses: {masses}. Give 3 "
                    "significant figures.",
                    "Find the mass percent of {element} in {formula} to 3 significant figures ({masses} g/mol).",
                ),
            ),
        ],
        [
            Question(
                "empirical-formula",
                Product(_BINARY, range(3, 60)),
                _empirical,
                (
                    "A compound of {a} and {b} holds {m} g of {a} and {k} g of {b}. What is its empirical formula? "
                    "Atomic masses: {masses}.",
                    "{m} g of {a} combine with {k} g of {b}. Find the empirical formula of the product ({masses} "
                    "g/mol).",
                ),
            )
        ],
    ],
)
