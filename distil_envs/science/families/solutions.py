"""Solutions: concentration, dilution, preparation, mixing, titration."""

from __future__ import annotations

from distil_envs.family import Question, Worked
from distil_envs.science.chemistry import molar_mass
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product

_SOLUTES = (
    "NaCl",
    "KCl",
    "NaOH",
    "KNO3",
    "CaCl2",
    "Na2SO4",
    "CuSO4",
    "NH4Cl",
    "AgNO3",
    "C6H12O6",
    "C12H22O11",
    "K2CO3",
)
_VOLUMES = (50, 100, 200, 250, 400, 500, 750, 1000, 1500, 2000)


def _molar(formula: str) -> float:
    return round(molar_mass(formula), 2)


def _molarity(tenths: int, litres: int) -> Worked:
    """A number of moles in whole litres."""
    concentration = tenths / 10
    moles = tenths * litres / 10
    steps = ["c = n / V", f"{shown(moles)} mol / {litres} L = {shown(concentration)} mol/L"]
    wrong = slips(
        "mol/L",
        ("multiplied", moles * litres, "The amount was multiplied by the volume.", 1),
        ("upside-down", litres / moles, "The volume was divided by the amount.", 1),
        ("amount-only", moles, "The volume was left out.", 1),
        ("subtracted", abs(moles - litres), "The volume was subtracted from the amount.", 1),
    )
    return exact(concentration, "mol/L", {"n": shown(moles), "v": litres}, steps, wrong)


def _dissolved(formula: str, tenths: int, millilitres: int) -> Worked:
    mass, litres, molar = tenths / 10, millilitres / 1000, _molar(formula)
    moles = mass / molar
    value = moles / litres
    steps = [
        f"n = {shown(mass)} g / ({shown(molar)} g/mol) = {shown(moles)} mol",
        f"V = {millilitres} mL / 1000 = {shown(litres)} L",
        f"c = {shown(moles)} mol / {shown(litres)} L = {amount(value, 'mol/L')}",
    ]
    wrong = slips(
        "mol/L",
        ("forgot-molar-mass", mass / litres, "The mass was taken for the amount.", 1),
        ("forgot-litres", moles / millilitres, "Millilitres were taken for litres.", 2),
        ("multiplied-by-volume", moles * litres, "The amount was multiplied by the volume.", 3),
        ("multiplied-by-molar-mass", mass * molar / litres, "The mass was multiplied by the molar mass.", 1),
    )
    slots = {"formula": formula, "m": shown(mass), "v": millilitres, "molar": shown(molar)}
    return quantity(value, "mol/L", slots, steps, wrong)


def _dilution(tenths: int, small: int, large: int) -> Worked:
    stock = tenths / 10
    value = stock * small / large
    steps = [
        f"The amount stays the same: c2 = c1*V1/V2 = {shown(stock)} mol/L * {small} mL / {large} mL",
        f"{shown(stock * small)} / {large} = {amount(value, 'mol/L')}",
    ]
    wrong = slips(
        "mol/L",
        ("upside-down", stock * large / small, "The two volumes were exchanged.", 1),
        ("water-added", stock * small / (large + small), "The final volume was taken for the water added.", 1),
        ("final-minus-first", stock * small / (large - small), "The water was taken for the final volume.", 1),
        ("unchanged", stock, "The concentration was taken to stay the same.", 1),
    )
    return quantity(value, "mol/L", {"c": shown(stock), "v": small, "w": large}, steps, wrong)


def _stock_volume(stock: int, hundredths: int, millilitres: int) -> Worked:
    wanted = hundredths / 100
    value = wanted * millilitres / stock
    steps = [
        f"V1 = c2*V2/c1 = {shown(wanted)} mol/L * {millilitres} mL / ({stock} mol/L)",
        f"{shown(wanted * millilitres)} / {stock} = {amount(value, 'mL')}",
    ]
    wrong = slips(
        "mL",
        ("upside-down", stock * millilitres / wanted, "The two concentrations were exchanged.", 1),
        ("water", millilitres - value, "The volume of the water was given.", 1),
        ("forgot-wanted", millilitres / stock, "The wanted concentration was left out.", 1),
        ("amount", wanted * millilitres, "The amount in mmol was given, not the volume.", 2),
    )
    return quantity(value, "mL", {"c": stock, "d": shown(wanted), "v": millilitres}, steps, wrong)


def _preparation(formula: str, hundredths: int, millilitres: int) -> Worked:
    concentration, litres, molar = hundredths / 100, millilitres / 1000, _molar(formula)
    moles = concentration * litres
    value = moles * molar
    steps = [
        f"n = c*V = {shown(concentration)} mol/L * {shown(litres)} L = {shown(moles)} mol",
        f"m = {shown(moles)} mol * {shown(molar)} g/mol = {amount(value, 'g')}",
    ]
    wrong = slips(
        "g",
        ("forgot-litres", value * 1000, "Millilitres were taken for litres.", 1),
        ("forgot-volume", concentration * molar, "The volume was left out.", 1),
        ("divided-by-volume", concentration / litres * molar, "The concentration was divided by the volume.", 1),
        ("divided-by-molar-mass", moles / molar, "The amount was divided by the molar mass.", 2),
    )
    slots = {"formula": formula, "c": shown(concentration), "v": millilitres, "molar": shown(molar)}
    return quantity(value, "g", slots, steps, wrong)


def _mixing(first: int, v: int, second: int, w: int) -> Worked:
    """Two solutions of one substance; concentrations in tenths of mol/L, volumes in mL."""
    c, d = first / 10, second / 10
    value = (c * v + d * w) / (v + w)
    steps = [
        f"{shown(c)} mol/L * {v} mL = {shown(c * v)} mmol; {shown(d)} mol/L * {w} mL = {shown(d * w)} mmol",
        f"Together {shown(c * v)} + {shown(d * w)} = {shown(c * v + d * w)} mmol in {v} + {w} = {v + w} mL",
        f"{shown(c * v + d * w)} mmol / {v + w} mL = {amount(value, 'mol/L')}",
    ]
    wrong = slips(
        "mol/L",
        ("plain-mean", (c + d) / 2, "The mean was taken without regard to the volumes.", 1),
        ("added", c + d, "The concentrations were added.", 2),
        ("weights-exchanged", (c * w + d * v) / (v + w), "Each concentration was weighted by the other volume.", 1),
        ("larger-volume", (c * v + d * w) / max(v, w), "Only the larger volume was divided by.", 3),
    )
    return quantity(value, "mol/L", {"c": shown(c), "v": v, "d": shown(d), "w": w}, steps, wrong)


_TITRATIONS = {
    "HCl with NaOH": (1, 1), "H2SO4 with NaOH": (1, 2), "H3PO4 with NaOH": (1, 3), "HNO3 with Ba(OH)2": (2, 1),
    "HCl with Ba(OH)2": (2, 1), "H2C2O4 with KOH": (1, 2), "CH3COOH with NaOH": (1, 1), "HCl with Na2CO3": (2, 1),
}  # fmt: skip
"""Acid and base, and the numbers of formula units that neutralise each other."""


def _titration(pair: str, tenths: int, hundredths: int, sample: int) -> Worked:
    acid, base = pair.split(" with ")
    a, b = _TITRATIONS[pair]
    used, c = tenths / 10, hundredths / 100
    millimoles = used * c
    value = millimoles * a / b / sample
    steps = [
        f"{base}: {shown(c)} mol/L * {shown(used)} mL = {shown(millimoles)} mmol",
        f"{acid}: {shown(millimoles)} mmol * {a} / {b} = {shown(millimoles * a / b)} mmol",
        f"c = {shown(millimoles * a / b)} mmol / {sample} mL = {amount(value, 'mol/L')}",
    ]
    wrong = slips(
        "mol/L",
        ("forgot-ratio", millimoles / sample, "The mole ratio of acid and base was left out.", 2),
        ("ratio-upside-down", millimoles * b / a / sample, "The mole ratio was turned upside down.", 2),
        ("volumes-exchanged", c * sample / used * a / b, "The two volumes were exchanged.", 1),
        ("total-volume", millimoles * a / b / (sample + used), "The volume after the titration was used.", 3),
    )
    slots = {"acid": acid, "base": base, "u": shown(used), "c": shown(c), "v": sample}
    return quantity(value, "mol/L", slots, steps, wrong)


_mixtures = Filtered(
    Product(range(1, 16, 2), range(50, 401, 50), range(2, 21, 2), range(75, 400, 50)), lambda c, v, d, w: c != d
)

FAMILY = ScienceFamily(
    "solutions",
    "chemistry",
    [
        [
            Question(
                "molarity",
                Filtered(Product(range(1, 41), range(2, 11)), lambda c, v: c != 10),
                _molarity,
                (
                    "{n} mol of salt are dissolved to {v} L of solution. What is the concentration in mol/L?",
                    "Find the molarity in mol/L of {v} L of a solution that holds {n} mol of sugar.",
                ),
            )
        ],
        [
            Question(
                "dilution",
                Filtered(Product(range(2, 121, 3), range(5, 101, 5), _VOLUMES), lambda c, v, w: w > 2 * v),
                _dilution,
                (
                    "{v} mL of a {c} mol/L solution are diluted to {w} mL. What is the new concentration in mol/L? "
                    "Give 3 significant figures.",
                    "Water is added to {v} mL of a solution ({c} mol/L) until the volume is {w} mL. Find its "
                    "concentration in mol/L to 3 significant figures.",
                ),
            ),
            Question(
                "stock-volume",
                Product(range(2, 19), range(5, 100, 5), _VOLUMES),
                _stock_volume,
                (
                    "How many mL of {c} mol/L acid make {v} mL of {d} mol/L acid? Give 3 significant figures.",
                    "{v} mL of a {d} mol/L solution are made from a {c} mol/L stock. Find the volume of stock in mL to "
                    "3 significant figures.",
                ),
            ),
        ],
        [
            Question(
                "dissolved",
                Product(_SOLUTES, range(5, 300, 7), _VOLUMES[2:]),
                _dissolved,
                (
                    "{m} g of {formula} ({molar} g/mol) are dissolved to {v} mL. What is the concentration in mol/L? "
                    "Give 3 significant figures.",
                    "Find the molarity in mol/L, to 3 significant figures, of {m} g of {formula} (M = {molar} g/mol) "
                    "in {v} mL of solution.",
                ),
            ),
            Question(
                "preparation",
                Product(_SOLUTES, range(5, 126, 5), _VOLUMES),
                _preparation,
                (
                    "How many g of {formula} ({molar} g/mol) are needed for {v} mL of a {c} mol/L solution? Give 3 "
                    "significant figures.",
                    "Find the mass of {formula}, M = {molar} g/mol, in {v} mL of a {c} mol/L solution, in g to 3 "
                    "significant figures.",
                ),
            ),
        ],
        [
            Question(
                "mixing",
                _mixtures,
                _mixing,
                (
                    "{v} mL of {c} mol/L and {w} mL of {d} mol/L NaCl solution are mixed; volumes add. Find the "
                    "concentration in mol/L to 3 significant figures.",
                    "What concentration in mol/L, to 3 significant figures, results from {w} mL of {d} mol/L and {v} "
                    "mL of {c} mol/L solution of one salt (volumes add)?",
                ),
            ),
            Question(
                "titration",
                Product(tuple(_TITRATIONS), range(85, 350, 7), (5, 8, 10, 12, 15, 20), (10, 20, 25, 50)),
                _titration,
                (
                    "{v} mL of {acid} need {u} mL of {c} mol/L {base} for complete neutralisation. Find the acid's "
                    "concentration in mol/L to 3 significant figures.",
                    "{u} mL of {base} ({c} mol/L) just neutralise {v} mL of {acid}. What is the concentration of "
                    "{acid} in mol/L, to 3 significant figures?",
                ),
            ),
        ],
    ],
)
