"""Oxidation states: in compounds, in ions, what is oxidised, electrons transferred."""

from __future__ import annotations

from itertools import permutations

from distil_envs.family import Question, Worked
from distil_envs.science.chemistry import counts
from distil_envs.science.exact import choice, exact
from distil_envs.science.family import ScienceFamily
from distil_envs.science.misconceptions import Misconception
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered

_KNOWN = {"H": 1, "O": -2, "F": -1, "Cl": -1, "Li": 1, "Na": 1, "K": 1, "Mg": 2, "Ca": 2, "Ba": 2, "Al": 3, "Ag": 1}
_COMPOUNDS = (
    "H2S CO CO2 SO2 SO3 NO NO2 N2O N2O3 N2O5 N2O4 NH3 N2H4 PH3 PCl3 PCl5 P4O10 P4O6 CH4 CCl4 SiO2 SiCl4 SF4 SF6 NF3 "
    "BF3 FeCl2 FeCl3 FeO Fe2O3 CuCl CuCl2 Cu2O CuO MnO MnO2 Mn2O7 Mn2O3 CrO3 Cr2O3 CrCl3 PbO PbO2 PbCl2 SnCl2 SnCl4 "
    "SnO2 TiO2 TiCl4 V2O5 VCl3 NiO CoCl2 CoF3 ZnO ZnCl2 Hg2Cl2 HgO XeF2 XeF4 XeF6 IF7 BrF5 UF6 WO3 OsO4 MoO3 As2O3 "
    "SbCl3 Bi2O3 GeO2 SeO2 TeO2"
)
_TERNARY = (
    "H2SO4:S H2SO3:S HNO3:N HNO2:N H3PO4:P H3PO3:P H2CO3:C HClO:Cl HClO2:Cl HClO3:Cl HClO4:Cl KMnO4:Mn K2MnO4:Mn "
    "K2Cr2O7:Cr K2CrO4:Cr Na2SO4:S Na2SO3:S Na2S2O3:S KNO3:N KNO2:N CaCO3:C Na2C2O4:C H2C2O4:C KClO3:Cl NaClO:Cl "
    "KIO3:I HIO4:I KBrO3:Br NaBrO4:Br Ca3(PO4)2:P Al2(SO4)3:S Ba(NO3)2:N Mg(ClO4)2:Cl Ca(ClO)2:Cl Na2FeO4:Fe "
    "LiAlO2:Al K2S2O7:S Na3VO4:V K2WO4:W Ag2CrO4:Cr CaSiO3:Si Na3AsO4:As H2SeO4:Se H3AsO4:As Na2MoO4:Mo "
    "H2CrO4:Cr HIO3:I HBrO3:Br NaVO3:V BaSO4:S Li3PO4:P AgNO3:N KClO2:Cl Ca(HCO3)2:C NaHSO3:S Mg(NO2)2:N K2TeO3:Te "
    "Na2SnO3:Sn"
)
_IONS = (
    "SO4^2-:S SO3^2-:S S2O3^2-:S S4O6^2-:S NO3^-:N NO2^-:N NH4^+:N PO4^3-:P CO3^2-:C C2O4^2-:C ClO^-:Cl ClO2^-:Cl "
    "ClO3^-:Cl ClO4^-:Cl BrO3^-:Br IO3^-:I IO4^-:I MnO4^-:Mn MnO4^2-:Mn CrO4^2-:Cr Cr2O7^2-:Cr FeO4^2-:Fe VO2^+:V "
    "VO^2+:V UO2^2+:U SiO3^2-:Si AlO2^-:Al Al(OH)4^-:Al Zn(OH)4^2-:Zn AlF6^3-:Al SiF6^2-:Si PF6^-:P BF4^-:B "
    "FeCl4^-:Fe CuCl4^2-:Cu PtCl6^2-:Pt PtCl4^2-:Pt AuCl4^-:Au HSO4^-:S HCO3^-:C HPO4^2-:P H2PO4^-:P SnCl6^2-:Sn "
    "MoO4^2-:Mo WO4^2-:W AsO4^3-:As "
    "IO^-:I BrO^-:Br SeO4^2-:Se VO4^3-:V ReO4^-:Re S2O7^2-:S HSO3^-:S TeO3^2-:Te BrO4^-:Br PO3^3-:P"
)


def _state(formula: str, element: str) -> float:
    """Of an element, from the others' usual states and the charge."""
    found = counts(formula)
    rest = sum(_KNOWN[other] * count for other, count in found.atoms if other != element)
    return (found.charge - rest) / found.counts[element]


def _signed(value: float) -> str:
    return f"{value:+g}" if value else "0"


def _single(formula: str, element: str) -> Worked:
    found = counts(formula)
    value = _state(formula, element)
    number = found.counts[element]
    others = [(other, count) for other, count in found.atoms if other != element]
    rest = sum(_KNOWN[other] * count for other, count in others)
    known = ", ".join(f"{other} is {_signed(_KNOWN[other])}" for other, _ in others)
    terms = " + ".join(f"{count} * ({_signed(_KNOWN[other])})" for other, count in others)
    steps = [
        f"Usual states: {known}",
        f"Others together: {terms} = {rest}",
        f"All states add up to the charge {found.charge}: {number} * x + ({rest}) = {found.charge}",
        f"x = ({found.charge} - ({rest})) / {number} = {value:g}",
    ]
    once = sum(_KNOWN[other] for other, _ in others)
    wrong = slips(
        "",
        ("wrong-sign", -value, "The sign was turned around.", 4),
        ("forgot-charge", -rest / number, "The charge of the ion was left out.", 3),
        ("charge-turned", (-found.charge - rest) / number, "The charge was counted with the other sign.", 3),
        ("forgot-subscripts", found.charge - once, "The subscripts of the other atoms were left out.", 2),
        ("all-atoms-together", found.charge - rest, "The state of all its atoms together was given.", 4),
        ("charge-only", found.charge, "The charge of the whole was given.", 3),
    )
    return exact(value, "", {"formula": formula, "element": element}, steps, wrong)


def _pairs(table: str) -> list[tuple[str, str]]:
    """Each formula with the element that is asked for: after a colon, or the one whose state varies."""
    entries = [entry.partition(":") for entry in table.split()]
    return [
        (formula, named or next(element for element in counts(formula).counts if element not in ("H", "O", "F", "Cl")))
        for formula, _, named in entries
    ]


_CHANGES = [
    (element, first, second)
    for (first, element), (second, other) in permutations((*_pairs(_COMPOUNDS), *_pairs(_TERNARY), *_pairs(_IONS)), 2)
    if element == other and element in ("N", "S", "P", "C", "Mn", "Cr", "Fe", "Cu", "V", "Cl", "I", "Br", "Pb", "Sn")
]
"""An element and two of its compounds or ions."""


def _states(element: str, first: str, second: str) -> tuple[float, float, list[str]]:
    before, after = _state(first, element), _state(second, element)
    return (
        before,
        after,
        [
            f"{element} in {first}: {_signed(before)}",
            f"{element} in {second}: {_signed(after)}",
        ],
    )


def _electrons(element: str, first: str, second: str) -> Worked:
    before, after, steps = _states(element, first, second)
    value = abs(after - before)
    steps.append(f"Difference: |{after:g} - ({before:g})| = {value:g}")
    charges = counts(first).charge, counts(second).charge
    subscript = counts(first).counts[element]
    wrong = slips(
        "",
        ("states-added", abs(after) + abs(before), "The sizes of the two states were added.", 3),
        ("new-state", after, "The new state was given.", 3),
        ("old-state", before, "The old state was given.", 3),
        ("charges-compared", abs(charges[1] - charges[0]), "The charges of the ions were compared.", 1),
        ("all-atoms", value * subscript, "The electrons of all atoms of the formula were counted.", 3),
    )
    return exact(value, "", {"element": element, "first": first, "second": second}, steps, wrong)


_SAID = {
    "oxidised": {
        "reduced": "A rising state was taken for a gain of electrons.",
        "neither oxidised nor reduced": "The states were taken to be the same.",
    },
    "reduced": {
        "oxidised": "A falling state was taken for a loss of electrons.",
        "neither oxidised nor reduced": "The states were taken to be the same.",
    },
    "neither oxidised nor reduced": {
        "oxidised": "A new formula was taken for a higher state.",
        "reduced": "A new formula was taken for a lower state.",
    },
}


def _change(element: str, first: str, second: str) -> Worked:
    before, after, steps = _states(element, first, second)
    right = "oxidised" if after > before else "reduced" if after < before else "neither oxidised nor reduced"
    steps.append(f"From {_signed(before)} to {_signed(after)}, so {element} is {right}.")
    others = {
        text: Misconception(f"called-{text.split()[0]}", "", message, 3) for text, message in _SAID[right].items()
    }
    slots = {"element": element, "first": first, "second": second}
    return choice(right, others, slots, steps, len(first) + 2 * len(second))


_STATE = (
    "What is the oxidation state of {element} in {formula}?",
    "Find the oxidation number of {element} in {formula}.",
)

FAMILY = ScienceFamily(
    "oxidation-states",
    "chemistry",
    [
        [Question("state", _pairs(_COMPOUNDS), _single, _STATE)],
        [Question("state", _pairs(_TERNARY), _single, _STATE)],
        [Question("state", _pairs(_IONS), _single, _STATE)],
        [
            Question(
                "electrons",
                Filtered(_CHANGES, lambda element, first, second: _state(first, element) != _state(second, element)),
                _electrons,
                (
                    "When {first} becomes {second}, how many electrons does each {element} atom exchange?",
                    "{first} is turned into {second}. How many electrons per {element} atom are transferred?",
                ),
            ),
            Question(
                "change",
                _CHANGES,
                _change,
                (
                    "When {first} becomes {second}, {element} is\n{options}",
                    "{first} is turned into {second}. What happens to {element}? It is\n{options}",
                ),
            ),
        ],
    ],
)
