"""Balancing chemical equations: common reactions by difficulty, and combustion of organic compounds."""

from __future__ import annotations

from collections.abc import Iterator
from string import ascii_lowercase

from distil_envs.family import Question, Worked
from distil_envs.science.chemistry import balance, counts
from distil_envs.science.family import ScienceFamily, worked
from distil_envs.science.misconceptions import Misconception
from distil_envs.spaces import Product

_EASY = """
H2 + O2 -> H2O
N2 + H2 -> NH3
Na + Cl2 -> NaCl
Mg + O2 -> MgO
H2 + Cl2 -> HCl
Ca + O2 -> CaO
K + Br2 -> KBr
CO + O2 -> CO2
SO2 + O2 -> SO3
NO + O2 -> NO2
H2O2 -> H2O + O2
HgO -> Hg + O2
Li + N2 -> Li3N
P4 + O2 -> P4O10
Al + Br2 -> AlBr3
N2O5 -> NO2 + O2
Cu + O2 -> CuO
Fe + Cl2 -> FeCl3
Ag2O -> Ag + O2
C + O2 -> CO
Na + O2 -> Na2O2
KClO3 -> KCl + O2
P4 + Cl2 -> PCl3
O3 -> O2
S8 + O2 -> SO2
Mg + N2 -> Mg3N2
N2O -> N2 + O2
K + I2 -> KI
Li + O2 -> Li2O
Zn + O2 -> ZnO
NaNO3 -> NaNO2 + O2
Al + I2 -> AlI3
P4 + Cl2 -> PCl5
Cr + Cl2 -> CrCl3
NCl3 -> N2 + Cl2
NaN3 -> Na + N2
Ba + O2 -> BaO
Rb + Cl2 -> RbCl
Al + N2 -> AlN
Ca + N2 -> Ca3N2
Pb + O2 -> PbO
Ni + O2 -> NiO
H2 + F2 -> HF
H2 + Br2 -> HBr
H2 + I2 -> HI
N2 + O2 -> NO
Cl2 + F2 -> ClF
P4 + Br2 -> PBr3
B + F2 -> BF3
Sb + Cl2 -> SbCl3
Bi + Cl2 -> BiCl3
N2 + F2 -> NF3
Cs + Br2 -> CsBr
Ti + N2 -> TiN
"""
_MEDIUM = """
Fe + O2 -> Fe2O3
Al + O2 -> Al2O3
Na + H2O -> NaOH + H2
Zn + HCl -> ZnCl2 + H2
Al + HCl -> AlCl3 + H2
NaHCO3 -> Na2CO3 + H2O + CO2
CaCO3 + HCl -> CaCl2 + H2O + CO2
Fe2O3 + CO -> Fe + CO2
Fe2O3 + Al -> Al2O3 + Fe
Na2CO3 + HCl -> NaCl + H2O + CO2
AgNO3 + Cu -> Cu(NO3)2 + Ag
Ca(OH)2 + HCl -> CaCl2 + H2O
NaOH + H2SO4 -> Na2SO4 + H2O
NH3 + O2 -> N2 + H2O
H2S + O2 -> SO2 + H2O
H2S + SO2 -> S + H2O
CuO + NH3 -> Cu + N2 + H2O
WO3 + H2 -> W + H2O
Fe3O4 + H2 -> Fe + H2O
SiCl4 + Mg -> Si + MgCl2
TiCl4 + Mg -> Ti + MgCl2
PbO2 -> PbO + O2
CaC2 + H2O -> C2H2 + Ca(OH)2
Mg + CO2 -> MgO + C
SiO2 + HF -> SiF4 + H2O
KOH + CO2 -> K2CO3 + H2O
BaCl2 + Na2SO4 -> BaSO4 + NaCl
Pb(NO3)2 + KI -> PbI2 + KNO3
AgNO3 + CaCl2 -> AgCl + Ca(NO3)2
MnO2 + HCl -> MnCl2 + Cl2 + H2O
NO2 + H2O -> HNO3 + NO
Fe + H2O -> Fe3O4 + H2
Li + H2O -> LiOH + H2
PCl3 + H2O -> H3PO3 + HCl
Cl2 + KBr -> KCl + Br2
"""
_HARD = """
P4O10 + H2O -> H3PO4
NH3 + O2 -> NO + H2O
FeS2 + O2 -> Fe2O3 + SO2
Al + H2SO4 -> Al2(SO4)3 + H2
Al(OH)3 + H2SO4 -> Al2(SO4)3 + H2O
Ca(OH)2 + H3PO4 -> Ca3(PO4)2 + H2O
Mg3N2 + H2O -> Mg(OH)2 + NH3
Al4C3 + H2O -> Al(OH)3 + CH4
(NH4)2Cr2O7 -> N2 + Cr2O3 + H2O
NH4NO3 -> N2 + O2 + H2O
Cu(NO3)2 -> CuO + NO2 + O2
PCl5 + H2O -> H3PO4 + HCl
ZnS + O2 -> ZnO + SO2
Fe(OH)3 + HCl -> FeCl3 + H2O
CaCl2 + Na3PO4 -> Ca3(PO4)2 + NaCl
FeCl3 + NaOH -> Fe(OH)3 + NaCl
Al2(SO4)3 + Ca(OH)2 -> Al(OH)3 + CaSO4
Ca3P2 + H2O -> Ca(OH)2 + PH3
(NH4)2SO4 + NaOH -> Na2SO4 + NH3 + H2O
Na2S2O3 + I2 -> NaI + Na2S4O6
Al2O3 + NaOH + H2O -> NaAl(OH)4
Pb(NO3)2 -> PbO + NO2 + O2
Sb2S3 + O2 -> Sb2O3 + SO2
KO2 + CO2 -> K2CO3 + O2
PH3 + O2 -> P4O10 + H2O
B2H6 + O2 -> B2O3 + H2O
As2O3 + C -> As + CO
Fe(CO)5 -> Fe + CO
C3H5N3O9 -> CO2 + H2O + N2 + O2
N2H4 + N2O4 -> N2 + H2O
CS2 + O2 -> CO2 + SO2
Bi2S3 + O2 -> Bi2O3 + SO2
"""
_REDOX = """
KMnO4 + HCl -> KCl + MnCl2 + Cl2 + H2O
Cu + HNO3 -> Cu(NO3)2 + NO + H2O
Cu + HNO3 -> Cu(NO3)2 + NO2 + H2O
Zn + HNO3 -> Zn(NO3)2 + NH4NO3 + H2O
K2Cr2O7 + HCl -> KCl + CrCl3 + Cl2 + H2O
KMnO4 + FeSO4 + H2SO4 -> K2SO4 + MnSO4 + Fe2(SO4)3 + H2O
KMnO4 + H2C2O4 + H2SO4 -> K2SO4 + MnSO4 + CO2 + H2O
K2Cr2O7 + FeSO4 + H2SO4 -> K2SO4 + Cr2(SO4)3 + Fe2(SO4)3 + H2O
Ca3(PO4)2 + SiO2 + C -> CaSiO3 + P4 + CO
KClO3 + C12H22O11 -> KCl + CO2 + H2O
P4 + HNO3 + H2O -> H3PO4 + NO
I2 + HNO3 -> HIO3 + NO2 + H2O
Cl2 + NaOH -> NaCl + NaClO3 + H2O
MnO4^- + Fe^2+ + H^+ -> Mn^2+ + Fe^3+ + H2O
Cr2O7^2- + Fe^2+ + H^+ -> Cr^3+ + Fe^3+ + H2O
MnO4^- + C2O4^2- + H^+ -> Mn^2+ + CO2 + H2O
Cr2O7^2- + I^- + H^+ -> Cr^3+ + I2 + H2O
IO3^- + I^- + H^+ -> I2 + H2O
MnO4^- + Cl^- + H^+ -> Mn^2+ + Cl2 + H2O
Cu + NO3^- + H^+ -> Cu^2+ + NO + H2O
Cl2 + OH^- -> Cl^- + ClO3^- + H2O
Al + OH^- + H2O -> Al(OH)4^- + H2
Zn + NO3^- + OH^- + H2O -> Zn(OH)4^2- + NH3
BrO3^- + Br^- + H^+ -> Br2 + H2O
S2O3^2- + I2 -> S4O6^2- + I^-
MnO4^- + SO3^2- + H^+ -> Mn^2+ + SO4^2- + H2O
MnO4^- + NO2^- + H^+ -> Mn^2+ + NO3^- + H2O
Cr2O7^2- + C2H6O + H^+ -> Cr^3+ + C2H4O + H2O
Ag + NO3^- + H^+ -> Ag^+ + NO + H2O
Cr(OH)4^- + ClO^- + OH^- -> CrO4^2- + Cl^- + H2O
MnO4^- + I^- + H2O -> MnO2 + I2 + OH^-
PbO2 + Mn^2+ + H^+ -> Pb^2+ + MnO4^- + H2O
"""

Side = tuple[str, ...]


def _read(table: str) -> list[tuple[Side, Side]]:
    """The two sides of each line."""
    sides = (line.split(" -> ") for line in table.strip().splitlines())
    return [(tuple(left.split(" + ")), tuple(right.split(" + "))) for left, right in sides]


def _shown(left: Side, right: Side, coefficients: list[int]) -> str:
    terms = [f"{n} {name}" if n > 1 else name for n, name in zip(coefficients, left + right, strict=True)]
    return f"{' + '.join(terms[: len(left)])} -> {' + '.join(terms[len(left) :])}"


def _terms(names: Side, letters: str, element: str) -> str:
    """``2*a + b``: the atoms of an element on one side, by the unknown coefficients."""
    numbers = [counts(name).counts.get(element, 0) for name in names]
    found = [f"{n}*{letter}" if n > 1 else letter for n, letter in zip(numbers, letters, strict=True) if n]
    return " + ".join(found)


def _atoms(element: str, names: Side, coefficients: list[int]) -> int:
    return sum(n * counts(name).counts.get(element, 0) for n, name in zip(coefficients, names, strict=False))


def _charge(names: Side, coefficients: list[int]) -> int:
    return sum(n * counts(name).charge for n, name in zip(coefficients, names, strict=True))


def _reaction(left: Side, right: Side) -> Worked:
    names, split = left + right, len(left)
    coefficients = balance(left, right)
    letters = ascii_lowercase[: len(names)]
    elements = list(dict.fromkeys(element for name in left for element in counts(name).counts))
    steps = [
        f"Let the coefficients be {', '.join(f'{x} for {name}' for x, name in zip(letters, names, strict=True))}.",
        *(f"{e}: {_terms(left, letters[:split], e)} = {_terms(right, letters[split:], e)}" for e in elements),
        "Smallest whole numbers: " + ", ".join(f"{x} = {n}" for x, n in zip(letters, coefficients, strict=True)),
    ]
    if any(counts(name).charge for name in names):
        sums = _charge(left, coefficients[:split]), _charge(right, coefficients[split:])
        steps.append(f"Charge: {sums[0]} on the left, {sums[1]} on the right")
    slots = {"skeleton": _shown(left, right, [1] * len(names))}
    wrong = _mistakes(left, right, coefficients, elements)
    return worked("equation", _shown(left, right, coefficients), slots, steps, wrong)


def _mistakes(left: Side, right: Side, coefficients: list[int], elements: list[str]) -> Iterator[Misconception]:
    names, split = left + right, len(left)

    def mistake(name: str, numbers: list[int], message: str) -> Misconception:
        """It goes wrong at the first element that is not balanced."""
        sides = ([_atoms(element, left, numbers), _atoms(element, right, numbers[split:])] for element in elements)
        step = next((place for place, (a, b) in enumerate(sides, start=2) if a != b), 1)
        return Misconception(name, _shown(left, right, numbers), message, step)

    def changed(place: int, number: int) -> list[int]:
        return [*coefficients[:place], number, *coefficients[place + 1 :]]

    yield mistake("left-as-it-was", [1] * len(names), "The equation was copied without coefficients.")
    for place, name in enumerate(names):
        if [count for _, count in counts(name).atoms] == [2]:
            numbers = changed(place, 2 * coefficients[place])
            yield mistake("molecule-as-atom", numbers, f"{name} was counted as a single atom.")
            break
    largest = coefficients.index(max(coefficients))
    name = names[largest]
    yield mistake("forgotten-coefficient", changed(largest, 1), f"The coefficient of {name} was forgotten.")
    ones = [1] * len(names)
    yield mistake("left-side-only", coefficients[:split] + ones[split:], "Only the left side was given coefficients.")
    yield mistake("right-side-only", ones[:split] + coefficients[split:], "Only the right side was given coefficients.")
    yield mistake(
        "one-too-many", changed(largest, coefficients[largest] + 1), f"The coefficient of {name} is too large."
    )


def _combustion(carbon: int, unsaturation: int, oxygen: int, nitrogen: int) -> Worked:
    """Of a compound with so many rings or double bonds, which settle its hydrogen."""
    hydrogen = 2 * carbon + 2 + nitrogen - 2 * unsaturation
    parts = (("C", carbon), ("H", hydrogen), ("N", nitrogen), ("O", oxygen))
    fuel = "".join(f"{element}{count if count > 1 else ''}" for element, count in parts if count)
    return _reaction((fuel, "O2"), ("CO2", "H2O", "N2") if nitrogen else ("CO2", "H2O"))


_hydrocarbons = Product(range(2, 14), range(3), (0,), (0,))
_oxygenated = Product(range(1, 13), range(2), (1, 2), (0,))
_nitrogenous = Product(range(1, 11), range(2), range(3), (1,))
_BALANCE = (
    "Balance this equation with whole numbers: {skeleton}",
    "Write the balanced equation for {skeleton}",
    "Put coefficients into {skeleton} so that it is balanced.",
)


def _listed(table: str) -> Question:
    return Question("reaction", _read(table), _reaction, _BALANCE)


FAMILY = ScienceFamily(
    "balancing",
    "chemistry",
    [
        [_listed(_EASY)],
        [_listed(_MEDIUM), Question("combustion", _hydrocarbons, _combustion, _BALANCE)],
        [_listed(_HARD), Question("combustion", _oxygenated, _combustion, _BALANCE)],
        [_listed(_REDOX), Question("combustion", _nitrogenous, _combustion, _BALANCE)],
    ],
)
