"""Atoms in formulas: molecules, formula units with brackets, moles of atoms, atoms in a mass."""

from __future__ import annotations

import re

from distil_envs.family import Question, Worked
from distil_envs.science.chemistry import counts, molar_mass
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, quantity, rounded
from distil_envs.science.slips import slips
from distil_envs.spaces import Product

NAMES = {
    "H": "hydrogen", "C": "carbon", "N": "nitrogen", "O": "oxygen", "F": "fluorine", "Na": "sodium",
    "Mg": "magnesium", "Al": "aluminium", "Si": "silicon", "P": "phosphorus", "S": "sulfur", "Cl": "chlorine",
    "B": "boron", "K": "potassium", "Ca": "calcium", "Cr": "chromium", "Mn": "manganese", "Fe": "iron",
    "Co": "cobalt", "Ni": "nickel", "Cu": "copper", "Zn": "zinc", "Br": "bromine", "Ag": "silver", "Ba": "barium",
    "Pb": "lead",
}  # fmt: skip
"""Elements by symbol, as far as the families of chemistry speak of them."""
_MOLECULES = (
    "H2O CH4 NH3 CO2 C2H6 C3H8 C2H4 C4H10 H2O2 NO2 N2O N2O4 SO2 SO3 H2S H2SO4 HNO3 H3PO4 C2H6O CH2O C6H12O6 PCl3 PCl5 "
    "CCl4 CHCl3 SF6 BF3 SiH4 SiCl4 HCN N2H4 P4O10 C6H6 C3H8O C12H22O11"
)
_BRACKETED = (
    "Ca(OH)2 Mg(OH)2 Al(OH)3 Fe(OH)3 Ba(OH)2 Mg(NO3)2 Ca(NO3)2 Al(NO3)3 Fe(NO3)3 Cu(NO3)2 Al2(SO4)3 Fe2(SO4)3 "
    "Cr2(SO4)3 Ca3(PO4)2 Mg3(PO4)2 Ba3(PO4)2 (NH4)2SO4 (NH4)2CO3 (NH4)3PO4 (NH4)2Cr2O7 Pb(NO3)2 Zn(NO3)2 Ni(NO3)2"
)
_HYDRATES = (
    "CuSO4*5H2O Na2CO3*10H2O MgSO4*7H2O FeSO4*7H2O CaSO4*2H2O NiSO4*6H2O ZnSO4*7H2O Na2SO4*10H2O Co(NO3)2*6H2O "
    "Na2S2O3*5H2O Na3PO4*12H2O CoSO4*7H2O"
)
AVOGADRO = 6.022e23


def _elements(formulas: str) -> list[tuple[str, str]]:
    """Each formula with each of its elements."""
    return [(formula, element) for formula in formulas.split() for element in counts(formula).counts]


def _molecules(pair: tuple[str, str], n: int) -> Worked:
    formula, element = pair
    found = counts(formula).counts
    one = found[element]
    steps = [f"Atoms of {element} in one {formula}: {one}", f"{n} * {one} = {n * one}"]
    wrong = slips(
        "",
        ("forgot-subscript", n, "Each molecule was taken to hold one such atom.", 1),
        ("one-molecule", one, "Only one molecule was counted.", 2),
        ("added", n + one, "The numbers were added, not multiplied.", 2),
        ("all-atoms", n * sum(found.values()), "The atoms of all elements were counted.", 1),
    )
    return exact(n * one, "", {"n": n, "formula": formula, "element": NAMES[element]}, steps, wrong)


def _all_atoms(formula: str, n: int) -> Worked:
    found = counts(formula).counts
    one = sum(found.values())
    unbracketed = sum(counts(re.sub(r"[()]", "", formula)).counts.values())
    single = sum(counts(re.sub(r"\)\d+", ")", formula)).counts.values())
    steps = [
        f"In one {formula}: {', '.join(f'{count} {element}' for element, count in found.items())}, {one} in all",
        f"{n} * {one} = {n * one}",
    ]
    wrong = slips(
        "",
        ("bracket-ignored", n * unbracketed, "The number behind the bracket was joined to the last subscript.", 1),
        ("outer-subscript-ignored", n * single, "The number behind the bracket was left out.", 1),
        ("one-unit", one, "Only one formula unit was counted.", 2),
        ("elements-counted", n * len(found), "The elements were counted, not their atoms.", 1),
    )
    return exact(n * one, "", {"n": n, "formula": formula}, steps, wrong)


def _in_units(pair: tuple[str, str], n: int) -> Worked:
    formula, element = pair
    found = counts(formula).counts
    one = found[element]
    single = counts(re.sub(r"\)\d+", ")", formula)).counts[element]
    steps = [
        f"Atoms of {element} in one {formula}: {one} (a number behind a bracket multiplies all inside)",
        f"{n} * {one} = {n * one}",
    ]
    wrong = slips(
        "",
        ("outer-subscript-ignored", n * single, "The number behind the bracket was left out.", 1),
        ("one-unit", one, "Only one formula unit was counted.", 2),
        ("forgot-subscript", n, "Each formula unit was taken to hold one such atom.", 1),
        ("all-atoms", n * sum(found.values()), "The atoms of all elements were counted.", 1),
        ("added", n + one, "The numbers were added, not multiplied.", 2),
    )
    return exact(n * one, "", {"n": n, "formula": formula, "element": NAMES[element]}, steps, wrong)


def _hydrate(formula: str, hundredths: int) -> Worked:
    """Moles of oxygen atoms."""
    moles = hundredths / 100
    salt, water = formula.split("*")
    one, in_salt = (counts(text).counts["O"] for text in (formula, salt))
    in_water = one - in_salt
    steps = [
        f"O in {salt}: {in_salt}; in {water}: {in_water}; together {one}",
        f"{shown(moles)} mol * {one} = {shown(moles * one)} mol",
    ]
    wrong = slips(
        "mol",
        ("forgot-water", moles * in_salt, "The water of the hydrate was left out.", 1),
        ("water-once", moles * (in_salt + 1), "The water was counted only once.", 1),
        ("water-only", moles * in_water, "Only the water was counted.", 1),
        ("divided", moles / one, "The amount was divided by the subscript.", 2),
    )
    return exact(moles * one, "mol", {"formula": formula, "n": shown(moles)}, steps, wrong)


def _atoms_in_mass(pair: tuple[str, str], tenths: int) -> Worked:
    formula, element = pair
    mass, molar = tenths / 10, round(molar_mass(formula), 2)
    one = counts(formula).counts[element]
    moles = mass / molar
    value = moles * AVOGADRO * one
    steps = [
        f"n = {shown(mass)} g / ({shown(molar)} g/mol) = {shown(moles)} mol",
        f"N = {shown(moles)} * 6.022e23 = {shown(moles * AVOGADRO)} units of {formula}",
        f"{one} {element} in each: {one} * {shown(moles * AVOGADRO)} = {rounded(value)}",
    ]
    wrong = slips(
        "",
        ("forgot-subscript", value / one, "Each unit was taken to hold one such atom.", 3),
        ("forgot-molar-mass", mass * AVOGADRO * one, "The mass was taken for the amount.", 1),
        ("multiplied-by-molar-mass", mass * molar * AVOGADRO * one, "The mass was multiplied by the molar mass.", 1),
        ("divided-by-subscript", value / one**2, "The number was divided by the subscript.", 3),
        ("forgot-avogadro", moles * one, "The amount in mol was given, not a number of atoms.", 2),
    )
    slots = {"m": shown(mass), "formula": formula, "element": NAMES[element], "molar": shown(molar)}
    return quantity(value, "", slots, steps, wrong)


FAMILY = ScienceFamily(
    "atom-counting",
    "chemistry",
    [
        [
            Question(
                "molecules",
                Product(_elements(_MOLECULES), range(2, 13)),
                _molecules,
                (
                    "How many {element} atoms are in {n} molecules of {formula}?",
                    "Count the {element} atoms in {n} {formula} molecules.",
                ),
            )
        ],
        [
            Question(
                "formula-units",
                Product(_elements(_BRACKETED), range(2, 10)),
                _in_units,
                (
                    "How many {element} atoms are in {n} formula units of {formula}?",
                    "Count the {element} atoms in {n} units of {formula}.",
                ),
            ),
            Question(
                "all-atoms",
                Product(_BRACKETED.split(), range(2, 10)),
                _all_atoms,
                (
                    "How many atoms in all are in {n} formula units of {formula}?",
                    "Count all atoms in {n} units of {formula}.",
                ),
            ),
        ],
        [
            Question(
                "hydrates",
                Product(_HYDRATES.split(), range(5, 200, 5)),
                _hydrate,
                (
                    "How many mol of oxygen atoms are in {n} mol of {formula}?",
                    "Find the amount of oxygen atoms, in mol, in {n} mol of the hydrate {formula}.",
                ),
            )
        ],
        [
            Question(
                "in-mass",
                Product(_elements(f"{_MOLECULES} {_BRACKETED}"), range(5, 400, 5)),
                _atoms_in_mass,
                (
                    "How many {element} atoms are in {m} g of {formula} ({molar} g/mol)? Use 6.022e23 1/mol and give 3 "
                    "significant figures.",
                    "Find the number of {element} atoms in {m} g of {formula}, M = {molar} g/mol, to 3 significant "
                    "figures (Avogadro constant 6.022e23 1/mol).",
                ),
            )
        ],
    ],
)
