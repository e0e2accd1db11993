"""Amounts and masses in reactions: mole ratios, masses, limiting reagents, yields."""

from __future__ import annotations

from distil_envs.family import Question, Worked
from distil_envs.science.chemistry import molar_mass
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product

Term = tuple[int, str]
Reaction = tuple[Term, Term, Term]
"""Two reactants and a product, each with its coefficient."""

_REACTIONS: dict[str, Reaction] = {
    "2 H2 + O2 -> 2 H2O": ((2, "H2"), (1, "O2"), (2, "H2O")),
    "N2 + 3 H2 -> 2 NH3": ((1, "N2"), (3, "H2"), (2, "NH3")),
    "4 Al + 3 O2 -> 2 Al2O3": ((4, "Al"), (3, "O2"), (2, "Al2O3")),
    "4 Fe + 3 O2 -> 2 Fe2O3": ((4, "Fe"), (3, "O2"), (2, "Fe2O3")),
    "CH4 + 2 O2 -> CO2 + 2 H2O": ((1, "CH4"), (2, "O2"), (2, "H2O")),
    "C3H8 + 5 O2 -> 3 CO2 + 4 H2O": ((1, "C3H8"), (5, "O2"), (3, "CO2")),
    "2 Al + 3 Cl2 -> 2 AlCl3": ((2, "Al"), (3, "Cl2"), (2, "AlCl3")),
    "3 Mg + N2 -> Mg3N2": ((3, "Mg"), (1, "N2"), (1, "Mg3N2")),
    "P4 + 5 O2 -> P4O10": ((1, "P4"), (5, "O2"), (1, "P4O10")),
    "Fe2O3 + 3 CO -> 2 Fe + 3 CO2": ((1, "Fe2O3"), (3, "CO"), (2, "Fe")),
    "Fe2O3 + 2 Al -> 2 Fe + Al2O3": ((1, "Fe2O3"), (2, "Al"), (2, "Fe")),
    "4 NH3 + 5 O2 -> 4 NO + 6 H2O": ((4, "NH3"), (5, "O2"), (6, "H2O")),
    "2 SO2 + O2 -> 2 SO3": ((2, "SO2"), (1, "O2"), (2, "SO3")),
    "TiCl4 + 2 Mg -> Ti + 2 MgCl2": ((1, "TiCl4"), (2, "Mg"), (2, "MgCl2")),
    "2 Na + Cl2 -> 2 NaCl": ((2, "Na"), (1, "Cl2"), (2, "NaCl")),
    "WO3 + 3 H2 -> W + 3 H2O": ((1, "WO3"), (3, "H2"), (1, "W")),
    "CaC2 + 2 H2O -> C2H2 + Ca(OH)2": ((1, "CaC2"), (2, "H2O"), (1, "C2H2")),
    "2 ZnS + 3 O2 -> 2 ZnO + 2 SO2": ((2, "ZnS"), (3, "O2"), (2, "ZnO")),
}
_PAIRS = [(0, 1), (1, 0), (0, 2), (1, 2), (2, 0), (2, 1)]
"""Which term of a reaction is given, and which is asked for."""


def _molar(formula: str) -> float:
    return round(molar_mass(formula), 2)


def _masses(*formulas: str) -> str:
    return ", ".join(f"{formula} {shown(_molar(formula))}" for formula in formulas)


def _ratio(reaction: str, pair: tuple[int, int], n: int) -> Worked:
    (a, known), (b, asked) = (_REACTIONS[reaction][place] for place in pair)
    moles = a * n
    value = b * n
    steps = [
        f"{a} mol {known} correspond to {b} mol {asked}",
        f"{moles} mol * {b} / {a} = {value} mol",
    ]
    wrong = slips(
        "mol",
        ("ratio-upside-down", moles * a / b, "The mole ratio was turned upside down.", 1),
        ("forgot-ratio", moles, "The mole ratio was left out.", 1),
        ("forgot-division", moles * b, "The coefficient of the given substance was left out.", 2),
        ("coefficient-only", b, "The coefficient itself was given.", 2),
    )
    return exact(value, "mol", {"reaction": reaction, "n": moles, "known": known, "asked": asked}, steps, wrong)


def _mass_to_mass(reaction: str, pair: tuple[int, int], tenths: int) -> Worked:
    (a, known), (b, asked) = (_REACTIONS[reaction][place] for place in pair)
    mass, first, second = tenths / 10, _molar(known), _molar(asked)
    moles = mass / first
    value = moles * b / a * second
    steps = [
        f"{known}: {shown(mass)} g / ({shown(first)} g/mol) = {shown(moles)} mol",
        f"{asked}: {shown(moles)} mol * {b} / {a} = {shown(moles * b / a)} mol",
        f"{shown(moles * b / a)} mol * {shown(second)} g/mol = {amount(value, 'g')}",
    ]
    wrong = slips(
        "g",
        ("ratio-upside-down", moles * a / b * second, "The mole ratio was turned upside down.", 2),
        ("forgot-ratio", moles * second, "The mole ratio was left out.", 2),
        ("ratio-of-masses", mass * b / a, "The coefficients were taken as a ratio of masses.", 1),
        ("molar-masses-exchanged", mass / second * b / a * first, "The molar masses were exchanged.", 1),
        ("same-mass", mass, "The mass was taken to stay the same.", 1),
    )
    slots = {"reaction": reaction, "m": shown(mass), "known": known, "asked": asked, "masses": _masses(known, asked)}
    return quantity(value, "g", slots, steps, wrong)


def _limiting(reaction: str, first: int, second: int) -> Worked:
    """The product's amount from amounts of both reactants."""
    (a, one), (b, two), (c, product) = _REACTIONS[reaction]
    runs = first / a, second / b
    value = min(runs) * c
    limiting = one if runs[0] < runs[1] else two
    steps = [
        f"{one}: {first} mol / {a} = {shown(runs[0])} mol; {two}: {second} mol / {b} = {shown(runs[1])} mol",
        f"The smaller one limits: {limiting}",
        f"{product}: {shown(min(runs))} mol * {c} = {amount(value, 'mol')}",
    ]
    by_amount = runs[0] if first < second else runs[1]
    wrong = slips(
        "mol",
        ("excess-reagent", max(runs) * c, "The reagent in excess was taken for the limiting one.", 2),
        ("smaller-amount-limits", by_amount * c, "The smaller amount was taken to limit.", 2),
        ("forgot-ratio", min(first, second), "The coefficients were left out.", 1),
        ("amounts-added", (first + second) * c / (a + b), "The amounts of both reactants were added.", 2),
        ("forgot-product-coefficient", min(runs), "The coefficient of the product was left out.", 3),
    )
    slots = {"reaction": reaction, "n": first, "one": one, "k": second, "two": two, "product": product}
    return quantity(value, "mol", slots, steps, wrong)


def _limiting_mass(reaction: str, first: int, second: int) -> Worked:
    """The product's mass from masses of both reactants."""
    (a, one), (b, two), (c, product) = _REACTIONS[reaction]
    moles = first / _molar(one), second / _molar(two)
    runs = moles[0] / a, moles[1] / b
    value = min(runs) * c * _molar(product)
    limiting = one if runs[0] < runs[1] else two
    steps = [
        f"{one}: {first} g / ({shown(_molar(one))} g/mol) = {shown(moles[0])} mol, / {a} = {shown(runs[0])} mol",
        f"{two}: {second} g / ({shown(_molar(two))} g/mol) = {shown(moles[1])} mol, / {b} = {shown(runs[1])} mol",
        f"{limiting} limits: {shown(min(runs))} mol * {c} = {shown(min(runs) * c)} mol {product}",
        f"{shown(min(runs) * c)} mol * {shown(_molar(product))} g/mol = {amount(value, 'g')}",
    ]
    by_mass = runs[0] if first < second else runs[1]
    by_amount = runs[0] if moles[0] < moles[1] else runs[1]
    wrong = slips(
        "g",
        ("excess-reagent", max(runs) * c * _molar(product), "The reagent in excess was taken for the limiting one.", 3),
        ("smaller-mass-limits", by_mass * c * _molar(product), "The smaller mass was taken to limit.", 3),
        ("smaller-amount-limits", by_amount * c * _molar(product), "The smaller amount was taken to limit.", 3),
        ("masses-added", first + second, "The masses of both reactants were added.", 1),
        ("forgot-product-coefficient", min(runs) * _molar(product), "The product's coefficient was left out.", 3),
    )
    slots = {"reaction": reaction, "n": first, "one": one, "k": second, "two": two, "product": product}
    return quantity(value, "g", slots | {"masses": _masses(one, two, product)}, steps, wrong)


def _yield(reaction: str, place: int, tenths: int, percent: int) -> Worked:
    """Percent yield from the masses of a reactant and of the product that was isolated."""
    (a, known), (c, product) = _REACTIONS[reaction][place], _REACTIONS[reaction][2]
    mass = tenths / 10
    moles = mass / _molar(known)
    theory = moles * c / a * _molar(product)
    got = float(f"{theory * percent / 100:.3g}")
    value = 100 * got / theory
    steps = [
        f"{known}: {shown(mass)} g / ({shown(_molar(known))} g/mol) = {shown(moles)} mol",
        f"{product} at most: {shown(moles)} mol * {c} / {a} = {shown(moles * c / a)} mol",
        f"{shown(moles * c / a)} mol * {shown(_molar(product))} g/mol = {shown(theory)} g",
        f"Yield: {shown(got)} g / {shown(theory)} g * 100 % = {amount(value, '%')}",
    ]
    wrong = slips(
        "%",
        ("of-the-reactant", 100 * got / mass, "The product was compared with the mass of the reactant.", 4),
        ("forgot-ratio", 100 * got / (moles * _molar(product)), "The mole ratio was left out.", 2),
        ("upside-down", 100 * theory / got, "The theoretical mass was divided by the isolated one.", 4),
        ("lost-part", 100 - value, "The part that was lost was given.", 4),
        ("ratio-upside-down", 100 * got * c / (moles * a * _molar(product)), "The mole ratio was turned over.", 2),
    )
    slots = {"reaction": reaction, "m": shown(mass), "known": known, "got": shown(got), "product": product}
    return quantity(value, "%", slots | {"masses": _masses(known, product)}, steps, wrong)


def _differ(reaction: str, pair: tuple[int, int], n: int) -> bool:
    terms = _REACTIONS[reaction]
    return terms[pair[0]][0] != terms[pair[1]][0]


def _limited(reaction: str, first: int, second: int) -> bool:
    """Both reactants are of a size, yet neither is just used up."""
    (a, one), (b, two), _ = _REACTIONS[reaction]
    ratio = first / (a * _molar(one)) / (second / (b * _molar(two)))
    return 0.2 < ratio < 5 and abs(ratio - 1) > 0.1


def _limited_moles(reaction: str, first: int, second: int) -> bool:
    (a, _), (b, _), _ = _REACTIONS[reaction]
    return first * b != second * a and first != second


_names = tuple(_REACTIONS)

FAMILY = ScienceFamily(
    "stoichiometry",
    "chemistry",
    [
        [
            Question(
                "mole-ratio",
                Filtered(Product(_names, _PAIRS, range(1, 11)), _differ),
                _ratio,
                (
                    "In {reaction}, how many mol of {asked} correspond to {n} mol of {known}?",
                    "{reaction}: {n} mol of {known} go with how many mol of {asked}?",
                ),
            )
        ],
        [
            Question(
                "mass-to-mass",
                Filtered(Product(_names, _PAIRS, range(10, 500, 7)), _differ),
                _mass_to_mass,
                (
                    "In {reaction}, how many g of {asked} correspond to {m} g of {known}? Molar masses in g/mol: "
                    "{masses}. Give 3 significant figures.",
                    "{reaction}. Find the mass of {asked} in g, to 3 significant figures, that goes with {m} g of "
                    "{known} ({masses} g/mol).",
                ),
            )
        ],
        [
            Question(
                "limiting-amount",
                Filtered(Product(_names, range(1, 21), range(1, 21)), _limited_moles),
                _limiting,
                (
                    "{n} mol of {one} and {k} mol of {two} react by {reaction}. How many mol of {product} form at "
                    "most? Give 3 significant figures.",
                    "{reaction}: from {n} mol {one} and {k} mol {two}, find the largest amount of {product} in mol to "
                    "3 significant figures.",
                ),
            )
        ],
        [
            Question(
                "limiting-mass",
                Filtered(Product(_names, range(5, 100, 5), range(6, 100, 5)), _limited),
                _limiting_mass,
                (
                    "{n} g of {one} and {k} g of {two} react by {reaction}. How many g of {product} form at most? "
                    "Molar masses in g/mol: {masses}. Give 3 significant figures.",
                    "{reaction}: find the largest mass of {product} in g, to 3 significant figures, from {n} g of "
                    "{one} and {k} g of {two} ({masses} g/mol).",
                ),
            ),
            Question(
                "yield",
                Product(_names, (0, 1), range(20, 500, 15), range(45, 98, 4)),
                _yield,
                (
                    "{reaction} gave {got} g of {product} from {m} g of {known}. What is the yield in percent? Molar "
                    "masses in g/mol: {masses}. Give 3 significant figures.",
                    "From {m} g of {known}, {got} g of {product} were isolated ({reaction}; {masses} g/mol). Find the "
                    "percent yield to 3 significant figures.",
                ),
            ),
        ],
    ],
)
