"""Reading formulas in any typography, molar masses, balancing."""

from __future__ import annotations

from itertools import product
from math import gcd
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from distil_envs.science.chemistry import ELEMENTS, WEIGHTS, Formula, balance, counts, molar_mass

FORMULAS = {
    "H2O4S": (
        "H2SO4", "H_2SO_4", r"\mathrm{H_2SO_4}", r"\ce{H2SO4}", "H₂SO₄", r"$\text{H}_{2}\text{SO}_{4}$", "SO4H2",
        "H2SO4(aq)", r"\mathrm{H_2 SO_4}", "H<sub>2</sub>SO<sub>4</sub>", "(H)2[S(O)4]", r"{\rm H}_2{\rm SO}_4",
    ),
    "H8N2O4S": ("(NH4)2SO4", "(NH₄)₂SO₄", r"(\mathrm{NH}_4)_2\mathrm{SO}_4"),
    "C6FeN6 4-": ("[Fe(CN)6]^{4-}", "[Fe(CN)6]4-", "[Fe(CN)₆]⁴⁻", r"\left[\mathrm{Fe(CN)_6}\right]^{4-}", "Fe(CN)6^4-"),
    "O4S 2-": (
        "SO4^2-", "SO4^{2-}", "SO₄²⁻", "SO42-", r"\mathrm{SO_4^{2-}}", "SO_{4}{}^{2-}", "SO4^-2", "SO4-2", "SO4--",
        "SO4(2-)", "SO4 2−", "SO<sub>4</sub><sup>2-</sup>", r"\ce{SO4^2-}", "SO₄2-",
    ),
    "Na 1+": ("Na+", "Na^+", "Na⁺", "Na^{+}", "Na^1+", "Na+(aq)"),
    "Fe 3+": ("Fe^3+", "Fe3+", "Fe³⁺", "Fe^{3+}", "Fe+3", "Fe+++", r"\text{Fe}^{3+}"),
    "NO3 1-": ("NO3-", "NO3^-", "NO₃⁻", r"\mathrm{NO_3^-}", "NO_3-"),
    "Hg2 2+": ("Hg2^2+", "Hg22+", "Hg_2^{2+}", "Hg_{2}2+"),
    "CuH10O9S": (
        "CuSO4·5H2O", "CuSO4*5H2O", "CuSO4.5H2O", r"\mathrm{CuSO_4 \cdot 5H_2O}", "CuSO₄ • 5 H₂O", "CuSO4(H2O)5",
    ),
    "C2H6O": ("C2H5OH", "CH3-CH2-OH", "CH3CH2OH", "C2H6O"),
    "C2H4": ("CH2=CH2",),
    "Co": ("Co",),
    "CO": ("CO", r"\mathrm{C}\mathrm{O}"),
    " 1-": ("e-", "e^-", "e^{-}", r"\mathrm{e}^-", "e⁻"),
}  # fmt: skip


def shown(formula: Formula) -> str:
    atoms = "".join(f"{element}{count if count > 1 else ''}" for element, count in formula.atoms)
    sign = "+" if formula.charge > 0 else "-"
    return f"{atoms} {abs(formula.charge)}{sign}" if formula.charge else atoms


@pytest.mark.parametrize(("meaning", "text"), [(key, text) for key, texts in FORMULAS.items() for text in texts])
def test_every_typography_is_read(meaning: str, text: str) -> None:
    assert shown(counts(text)) == meaning


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("NACL", "A is not the symbol"), ("co2", "'c' cannot stand"), ("Xy2", "Xy is not the symbol"),
        ("2H2O", "'2' cannot stand"), ("Fe(III)", "oxidation number"), ("H2O)", "closes nothing"),
        ("(H2O", "never closed"), ("(H2O]", "closes nothing"), ("H0", "zero"), ("", "no element"),
        ("()2", "no element"), ("Na^2", "not a charge"), ("Na^2+-", "not a charge"), ("SO4^", "cannot stand"),
        ("H" * 301, "too long"),
        ("H9999999999", "cannot stand"), (r"\frac{H}{2}", "cannot stand"), ("H²O", "not a charge|cannot stand"),
    ],
)  # fmt: skip
def test_what_is_no_formula_says_why(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        counts(text)


def test_an_ambiguous_charge_is_read_as_a_known_formula() -> None:
    iodide, triiodide = counts("I^3-"), counts("I3^-")
    assert counts("I3-") == iodide
    assert counts("I3-", {triiodide}) == triiodide
    assert counts("I^3-", {triiodide}) == iodide, "a raised figure is not ambiguous"
    assert counts("I_3-", {iodide}) == triiodide, "nor is a lowered one"


DRESS = {
    "plain": lambda n: str(n),
    "tex": lambda n: f"_{n}" if n < 10 else f"_{{{n}}}",
    "braces": lambda n: f"_{{{n}}}",
    "unicode": lambda n: str(n).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")),
    "html": lambda n: f"<sub>{n}</sub>",
}
trees: Any = st.recursive(
    st.sampled_from(sorted(ELEMENTS - {"I", "V"})),  # (I) and (V) are oxidation numbers
    lambda inner: st.lists(st.tuples(inner, st.integers(1, 12)), min_size=1, max_size=3),
    max_leaves=8,
)


def written(tree: Any, dress: Any, shuffled: Any) -> str:
    if isinstance(tree, str):
        return tree
    parts = []
    for unit, count in shuffled(tree):
        text = written(unit, dress, shuffled)
        bracket = text if isinstance(unit, str) else f"({text})"
        parts.append(bracket + (dress(count) if count > 1 else ""))
    return "".join(parts)


def weighed(tree: Any, times: int = 1) -> dict[str, int]:
    """An independent count."""
    if isinstance(tree, str):
        return {tree: times}
    total: dict[str, int] = {}
    for unit, count in tree:
        for element, number in weighed(unit, times * count).items():
            total[element] = total.get(element, 0) + number
    return total


@settings(deadline=None)
@given(
    trees, st.sampled_from(sorted(DRESS)), st.sampled_from(["{}", r"\mathrm{{{}}}", r"\ce{{{}}}", "${}$"]), st.randoms()
)
def test_order_and_typography_never_matter(tree: Any, dress: str, wrapped: str, random: Any) -> None:
    text = written(tree, DRESS[dress], lambda units: random.sample(units, len(units)))
    assert counts(wrapped.format(text)) == Formula(tuple(sorted(weighed(tree).items())))


@settings(deadline=None)
@given(st.text(alphabet=r"HOCaNe0123456789()[]{}^_+-.·*=| \$₂⁻Ω", max_size=40))
def test_garbage_raises_nothing_but_a_value_error(text: str) -> None:
    try:
        formula = counts(text)
    except ValueError:
        return
    assert all(element in ELEMENTS and count > 0 for element, count in formula.atoms)


def test_nested_brackets_and_huge_counts_are_exact() -> None:
    assert counts("(" * 140 + "H" + ")" * 140).counts == {"H": 1}
    assert counts("((H999999999)999999999)999999999").counts == {"H": 999999999**3}


def test_molar_masses() -> None:
    assert molar_mass("H2O") == pytest.approx(18.015)
    assert molar_mass("CuSO4*5H2O") == pytest.approx(249.68, abs=0.01)
    assert molar_mass("SO4^2-") == molar_mass("SO4")
    with pytest.raises(ValueError, match="Tc has no standard atomic weight"):
        molar_mass("Tc2O7")


def test_elements_and_weights_agree_with_rdkit() -> None:
    chem = pytest.importorskip("rdkit.Chem", reason="rdkit (extra chemistry) is not installed")
    table = chem.GetPeriodicTable()
    assert {table.GetElementSymbol(number) for number in range(1, 119)} == ELEMENTS
    for symbol, weight in WEIGHTS.items():  # an older edition: it differs in the fourth figure at most
        assert weight == pytest.approx(table.GetAtomicWeight(symbol), rel=5e-4)


@pytest.mark.parametrize(
    ("left", "right", "coefficients"),
    [
        (["H2", "O2"], ["H2O"], [2, 1, 2]),
        (["Fe", "O2"], ["Fe2O3"], [4, 3, 2]),
        (["C3H8", "O2"], ["CO2", "H2O"], [1, 5, 3, 4]),
        (["MnO4^-", "Fe^2+", "H^+"], ["Mn^2+", "Fe^3+", "H2O"], [1, 5, 8, 1, 5, 4]),
        (["Fe^3+", "e^-"], ["Fe^2+"], [1, 1, 1]),
        (["K4Fe(CN)6", "H2SO4", "H2O"], ["K2SO4", "FeSO4", "(NH4)2SO4", "CO"], [1, 6, 6, 2, 1, 3, 6]),
    ],
)
def test_balance(left: list[str], right: list[str], coefficients: list[int]) -> None:
    assert balance(left, right) == coefficients


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        (["Na"], ["Cl"], "nothing balances"),
        (["H2O", "O2"], ["H2"], "on the sides given"),
        (["H2", "O2"], ["H2O", "H2O2"], "more than one"),
        (["Fe^2+"], ["Fe^3+"], "nothing balances"),
    ],
)
def test_what_cannot_be_balanced(left: list[str], right: list[str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        balance(left, right)


SPECIES = ("H2", "O2", "H2O", "H2O2", "O3", "H^+", "OH^-", "O^2-")


@settings(deadline=None)
@given(st.lists(st.sampled_from(SPECIES), min_size=2, max_size=3, unique=True), st.integers(1, 2))
def test_balance_against_brute_force(species: list[str], split: int) -> None:
    left, right = species[:split], species[split:]
    assume(right)
    formulas = [counts(text) for text in species]
    signs = [1] * len(left) + [-1] * len(right)
    found = []
    for numbers in product(range(1, 7), repeat=len(species)):
        totals = [
            sum(sign * number * value(formula) for sign, number, formula in zip(signs, numbers, formulas, strict=True))
            for value in (lambda f: f.counts.get("H", 0), lambda f: f.counts.get("O", 0), lambda f: f.charge)
        ]
        if not any(totals) and gcd(*numbers) == 1:
            found.append(list(numbers))
    try:
        assert found == [balance(left, right)]
    except ValueError:
        assert len(found) != 1
