"""Formulas of ionic compounds from names and ions: simple ions, polyatomic ions, Roman numerals, hydrates."""

from __future__ import annotations

import re
from math import gcd, lcm

from distil_envs.family import Question, Worked
from distil_envs.science.family import ScienceFamily, worked
from distil_envs.science.misconceptions import Misconception
from distil_envs.spaces import Filtered, Product

_MAIN = {
    "lithium": ("Li", 1), "sodium": ("Na", 1), "potassium": ("K", 1), "rubidium": ("Rb", 1), "caesium": ("Cs", 1),
    "magnesium": ("Mg", 2), "calcium": ("Ca", 2), "strontium": ("Sr", 2), "barium": ("Ba", 2), "zinc": ("Zn", 2),
    "silver": ("Ag", 1), "aluminium": ("Al", 3), "gallium": ("Ga", 3), "scandium": ("Sc", 3), "cadmium": ("Cd", 2),
}  # fmt: skip
_ROMAN = {
    "iron(II)": ("Fe", 2), "iron(III)": ("Fe", 3), "copper(I)": ("Cu", 1), "copper(II)": ("Cu", 2),
    "cobalt(II)": ("Co", 2), "cobalt(III)": ("Co", 3), "nickel(II)": ("Ni", 2), "chromium(II)": ("Cr", 2),
    "chromium(III)": ("Cr", 3), "manganese(II)": ("Mn", 2), "tin(II)": ("Sn", 2), "tin(IV)": ("Sn", 4),
    "lead(II)": ("Pb", 2), "lead(IV)": ("Pb", 4), "vanadium(III)": ("V", 3), "titanium(IV)": ("Ti", 4),
}  # fmt: skip
_SIMPLE = {
    "fluoride": ("F", 1), "chloride": ("Cl", 1), "bromide": ("Br", 1), "iodide": ("I", 1), "oxide": ("O", 2),
    "sulfide": ("S", 2), "selenide": ("Se", 2), "nitride": ("N", 3), "phosphide": ("P", 3),
}  # fmt: skip
_POLYATOMIC = {
    "hydroxide": ("OH", 1), "nitrate": ("NO3", 1), "nitrite": ("NO2", 1), "cyanide": ("CN", 1),
    "perchlorate": ("ClO4", 1), "chlorate": ("ClO3", 1), "permanganate": ("MnO4", 1), "hydrogencarbonate": ("HCO3", 1),
    "sulfate": ("SO4", 2), "sulfite": ("SO3", 2), "carbonate": ("CO3", 2), "chromate": ("CrO4", 2),
    "dichromate": ("Cr2O7", 2), "phosphate": ("PO4", 3), "acetate": ("CH3COO", 1),
}  # fmt: skip
_AMMONIUM = {"ammonium": ("NH4", 1)}
_PREFIXES = {"mono": 1, "di": 2, "tri": 3, "tetra": 4, "penta": 5, "hexa": 6, "hepta": 7, "octa": 8, "deca": 10}
_IONS = _MAIN | _ROMAN | _SIMPLE | _POLYATOMIC | _AMMONIUM


def _counted(ion: str, count: int) -> str:
    if count == 1:
        return ion
    return f"({ion}){count}" if len(re.findall("[A-Z]", ion)) > 1 else f"{ion}{count}"


def _compound(cation: str, anion: str, cations: int, anions: int) -> str:
    return _counted(cation, cations) + _counted(anion, anions)


def _charge(size: int, sign: str) -> str:
    return f"{size if size > 1 else ''}{sign}"


def _binary(cation: str, anion: str) -> Worked:
    """An ionic compound by its name."""
    (metal, plus), (other, minus) = _IONS[cation], _IONS[anion]
    total = lcm(plus, minus)
    cations, anions = total // plus, total // minus
    value = _compound(metal, other, cations, anions)
    steps = [
        f"Ions: {metal}^{_charge(plus, '+')} and {other}^{_charge(minus, '-')}",
        f"The charges cancel at {total}: {cations} * {plus} = {anions} * {minus}",
        f"Formula with {cations} {metal} and {anions} {other}: {value}",
    ]
    return worked("formula", value, {"name": f"{cation} {anion}"}, steps, _mistakes(cation, anion, cations, anions))


def _mistakes(cation: str, anion: str, cations: int, anions: int) -> list[Misconception]:
    (metal, plus), (other, minus) = _IONS[cation], _IONS[anion]
    common = gcd(plus, minus)
    return [
        Misconception(
            "one-to-one", _compound(metal, other, 1, 1), "One ion of each was taken, whatever the charges.", 2
        ),
        Misconception("exchanged", _compound(metal, other, anions, cations), "The two subscripts were exchanged.", 3),
        Misconception(
            "not-reduced",
            _compound(metal, other, cations * common, anions * common),
            "The charges were crossed over but not reduced to the smallest numbers.",
            2,
        ),
        Misconception(
            "no-brackets",
            f"{metal}{cations if cations > 1 else ''}{other}{anions if anions > 1 else ''}",
            "The brackets around a polyatomic ion were left out.",
            3,
        ),
        Misconception("charge-as-subscript", _compound(metal, other, plus, minus), "The charges became subscripts.", 2),
        Misconception("anion-twice", _compound(metal, other, cations, anions + 1), "One anion too many was taken.", 2),
        Misconception(
            "cation-twice", _compound(metal, other, cations + 1, anions), "One cation too many was taken.", 2
        ),
    ]


def _from_ions(cation: str, anion: str) -> Worked:
    """The same when both ions are given."""
    (metal, plus), (other, minus) = _IONS[cation], _IONS[anion]
    total = lcm(plus, minus)
    cations, anions = total // plus, total // minus
    value = _compound(metal, other, cations, anions)
    steps = [
        "The charges of all ions must cancel.",
        f"{cations} * {plus} positive = {anions} * {minus} negative",
        f"Formula with {cations} {metal} and {anions} {other}: {value}",
    ]
    slots = {"plus": f"{metal}^{_charge(plus, '+')}", "minus": f"{other}^{_charge(minus, '-')}"}
    return worked("formula", value, slots, steps, _mistakes(cation, anion, cations, anions))


def _hydrate(salt: tuple[str, str], prefix: str) -> Worked:
    (metal, plus), (other, minus) = (_IONS[name] for name in salt)
    water = _PREFIXES[prefix]
    total = lcm(plus, minus)
    cations, anions = total // plus, total // minus
    dry = _compound(metal, other, cations, anions)
    value = f"{dry}*{water if water > 1 else ''}H2O"
    steps = [
        f"{' '.join(salt)}, {metal}^{_charge(plus, '+')} and {other}^{_charge(minus, '-')}: {dry}",
        f"{prefix}hydrate: {water} H2O, so {value}",
    ]
    salt_wrong = _compound(metal, other, anions, cations)
    wrong = [
        Misconception("forgot-water", dry, "The water was left out.", 2),
        Misconception("wrong-prefix", f"{dry}*{water + 1}H2O", "The prefix was taken for another number.", 2),
        Misconception("exchanged", f"{salt_wrong}*{water}H2O", "The subscripts of the salt were exchanged.", 1),
        Misconception("oxygen-only", f"{dry}*{water}O", "Oxygen was added in place of water.", 2),
    ]
    return worked("formula", value, {"name": f"{' '.join(salt)} {prefix}hydrate"}, steps, wrong)


_HYDRATED = Product((*_ROMAN, "magnesium", "calcium", "barium", "zinc"), ("chloride", "sulfate", "nitrate"))
_NAMED = (
    "What is the formula of {name}?",
    "Write the chemical formula of {name}.",
)


def _any_charge(cation: str, anion: str) -> bool:
    """Not every name stands for a salt that can be handled: no oxidising anion with a reducing cation."""
    return not (anion in ("permanganate", "dichromate", "nitrite") and cation in _ROMAN)


FAMILY = ScienceFamily(
    "ionic-formulas",
    "chemistry",
    [
        [
            Question(
                "from-ions",
                Product(tuple(_MAIN), tuple(_SIMPLE)),
                _from_ions,
                (
                    "What is the formula of the compound of {plus} and {minus}?",
                    "Combine {plus} and {minus} to a neutral formula.",
                ),
            )
        ],
        [Question("name", Product(tuple(_MAIN), tuple(_SIMPLE)), _binary, _NAMED)],
        [
            Question("name", Product((*_MAIN, *_AMMONIUM), tuple(_POLYATOMIC)), _binary, _NAMED),
            Question("name", Product(tuple(_ROMAN), tuple(_SIMPLE)), _binary, _NAMED),
        ],
        [
            Question("name", Filtered(Product(tuple(_ROMAN), tuple(_POLYATOMIC)), _any_charge), _binary, _NAMED),
            Question("hydrate", Product(_HYDRATED, tuple(_PREFIXES)), _hydrate, _NAMED),
        ],
    ],
)
