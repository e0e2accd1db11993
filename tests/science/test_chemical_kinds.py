"""Formulas, equations and SMILES as answers: what is right, what is a hedge, and how a wrong one is wrong."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distil_envs import Status, Task
from distil_envs.errors import ConfigError, TaskError
from distil_envs.outcome import Diagnosis
from distil_envs.science import grade_science
from distil_envs.science.chemistry import balance
from distil_envs.science.kinds import kind_of

WATER = "2 H2 + O2 -> 2 H2O"
REDOX = "MnO4^- + 5 Fe^2+ + 8 H^+ -> Mn^2+ + 5 Fe^3+ + 4 H2O"
ALANINE = "C[C@H](N)C(=O)O"


def grade(kind: str, answer: str, completion: str) -> Any:
    if kind == "smiles":
        pytest.importorskip("rdkit", reason="rdkit (extra chemistry) is not installed")
    reference = {"kind": kind, "answer": answer}
    kind_of(reference).check(reference)
    return grade_science(Task("t", "science", "?", reference), completion)


RIGHT = {
    ("formula", "H2SO4"): (
        "H2SO4", r"\boxed{\mathrm{H_2 SO_4}}", r"The formula is $\text{H}_{2}\text{SO}_{4}$.", "**H₂SO₄**",
        "formula=H2SO4",
        "Sulfuric acid: H2SO4, I think", "H2SO4 (sulfuric acid)", "not H2SO3 but H2SO4", "H2SO4, not H2SO3",
        "H2SO4(aq)",
        "From SO3 we get H2SO4 at 298 K.", "H2SO4, or (H)2(SO4)", r"<answer>\ce{H2SO4}</answer>", "H2SO4 as asked",
        r"The formula is $\mathrm{H_2 SO_4}$ (sulfuric acid).", "(H2SO4)", "It is called oil of vitriol (H2SO4).",
    ),
    ("formula", "Fe2O3"): ("iron(III) oxide, Fe2O3", "Fe2O3 (iron III oxide)", "Fe2O3(iron oxide)", "O3Fe2"),
    ("formula", "CuSO4*5H2O"): ("The hydrate is CuSO4 · 5 H2O.", r"$\mathrm{CuSO_4 \cdot 5H_2O}$", "CuSO4.5H2O."),
    ("formula", "SO4^2-"): ("The ion is SO4 2-.", "SO42-", "SO₄²⁻", r"$\mathrm{SO_4^{2-}}$"),
    ("formula", "I3^-"): ("I3-", "I₃⁻"),
    ("formula", "He"): ("The symbol is He.", "He (helium)"),
    ("equation", WATER): (
        "2H2 + O2 -> 2H2O", "2H2+O2=2H2O", "2H₂ + O₂ → 2H₂O", r"\ce{2H2 + O2 -> 2H2O}", "O2 + 2H2 ⇌ 2H2O",
        "2H2 + O2 <=> 2H2O",
        r"$2\,\mathrm{H_2} + \mathrm{O_2} \longrightarrow 2\,\mathrm{H_2O}$",
        r"\boxed{2\text{H}_2+\text{O}_2\to 2\text{H}_2\text{O}}",
        r"$\mathrm{2H_2(g) + O_2(g) \xrightarrow{\Delta} 2H_2O(l)}$", "$2H_2$ + $O_2$ → $2H_2O$",
        "2*H2 + 1 O2 --> 2*H2O",
        r"2 \, \text{H}_2 \, + \, \text{O}_2 \, \overset{\Delta}{\rightarrow} \, 2 \, \text{H}_2\text{O}",
        "4H2 + 2O2 -> 4H2O",
        "The balanced equation is 2 H2 (g) + O2 (g) -> 2 H2O (l).", "2H2 + O2 -> 2H2O, ΔH = -572 kJ",
        "2H2 + O2 -> 2H2O + heat",
        "Unbalanced: H2 + O2 -> H2O. Balanced: 2H2 + O2 -> 2H2O", "2H2 + O2 -> 2H2O (balanced)", "2 HH + OO -> 2 HOH",
        r"2H_2 + O_2 \rightarrow 2H_2O \text{ (balanced)}", "2 H2 + O2 -> 2 H2O, I think", "$2H_2$+$O_2$→$2H_2O$",
        "2H2 + O2 -> 2H2O, or 4H2 + 2O2 -> 4H2O", "H2 + H2 + O2 -> 2H2O",
        r"2H_{2(g)} + O_{2(g)} \rightarrow 2H_2O_{(l)}",
    ),
    ("equation", REDOX): (
        "MnO4- + 5Fe2+ + 8H+ → Mn2+ + 5Fe3+ + 4H2O", "MnO4-+5Fe2++8H+->Mn2++5Fe3++4H2O",
        r"$\mathrm{MnO_4^- + 5Fe^{2+} + 8H^+ \rightarrow Mn^{2+} + 5Fe^{3+} + 4H_2O}$",
        "MnO₄⁻ + 5Fe²⁺ + 8H⁺ → Mn²⁺ + 5Fe³⁺ + 4H₂O",
        "MnO4- (aq) + 5 Fe2+ (aq) + 8 H+ (aq) -> Mn2+ (aq) + 5 Fe3+ (aq) + 4 H2O (l)",
        r"\ce{MnO4-} + 5\ce{Fe^{2+}} + 8\ce{H+} -> \ce{Mn^{2+}} + 5\ce{Fe^{3+}} + 4\ce{H2O}",
    ),
    ("equation", "Fe^3+ + e^- -> Fe^2+"): ("Fe3+ + e- → Fe2+", r"$\mathrm{Fe^{3+} + e^- \rightarrow Fe^{2+}}$"),
    ("equation", "I2 + I^- -> I3^-"): ("I2 + I- <=> I3-",),
    ("equation", "CuSO4*5H2O -> CuSO4 + 5 H2O"): ("CuSO4·5H2O → CuSO4 + 5H2O", "CuSO4 · 5 H2O ->[heat] CuSO4 + 5 H2O"),
    ("equation", "Zn + Cu^2+ -> Zn^2+ + Cu"): ("Zn + Cu+2 -> Zn+2 + Cu", r"Zn + Cu²⁺ &\to Zn²⁺ + Cu"),
    ("equation", "Ag^+ + Cl^- -> AgCl"): ("Ag+(aq) + Cl-(aq) -> AgCl(s)", "Ag+ + Cl- = AgCl↓"),
    # Two independent reactions: any positive whole coefficients that balance.
    ("equation", "3 H2 + 2 O2 -> 2 H2O + H2O2"): ("5 H2 + 4 O2 -> 2 H2O + 3 H2O2",),
    ("smiles", "CCO"): (
        "OCC", "The SMILES is `OCC`.", r"\boxed{\text{CCO}}", "CCO (ethanol)", "SMILES: C(O)C", "SMILES:CCO",
        "CCO, or OCC", "(CCO)",
        "I think it is CCO", "CCO, I think", "CCO, not COC",
    ),
    ("smiles", "CC(N)C(=O)O"): (ALANINE, "C[C@@H](N)C(=O)O"),
    ("smiles", ALANINE): ("OC(=O)[C@@H](N)C", "OC(=O)[C@H](C)N"),
    ("smiles", "F/C=C/F"): (r"\boxed{F\C=C\F}",),
    ("smiles", "c1ccccc1"): ("C1=CC=CC=C1",),
    ("smiles", "[Na+].[Cl-]"): ("[Cl-].[Na+]",),
    ("smiles", "CC#N"): (r"$\mathrm{CC\#N}$",),
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "answer", "text"), [(*key, text) for key, texts in RIGHT.items() for text in (key[1], *texts)]
)
def test_right_in_any_dress(kind: str, answer: str, text: str) -> None:
    outcome = grade(kind, answer, text)
    assert outcome.success and outcome.answer and outcome.answer in text


HEDGE, UNREADABLE = "hedge", "unparsable"
WRONG = [
    # kind, reference, completion, code, evidence that it has, whether it reveals the reference
    ("formula", "CO2", "CO or CO2", HEDGE, {}, False),
    ("formula", "CO2", "CO2, CO", HEDGE, {}, False),
    ("formula", "CO2", "CO2 (or maybe CO)", HEDGE, {}, False),
    ("formula", "CO2", "CO; no wait, CO2", HEDGE, {}, False),
    ("formula", "CO2", r"$\ce{CO or CO2}$", HEDGE, {}, False),
    ("formula", "CO2", r"\boxed{CO} and \boxed{CO_2}", HEDGE, {}, False),
    ("formula", "CO2", "CO2 or carbon monoxide", HEDGE, {}, False),
    ("formula", "H2O", "H2O/D2O", HEDGE, {}, False),
    ("formula", "CO2", "C + O2 -> CO2", UNREADABLE, {}, False),
    ("formula", "NaCl", "NACL", UNREADABLE, {}, False),
    ("formula", "CO2", "co2", UNREADABLE, {}, False),
    ("formula", "FeI3", "Fe(III)", UNREADABLE, {}, False),
    ("formula", "Ca(OH)2", "Ca(OH)2)", UNREADABLE, {}, False),
    ("formula", "I2", "I do not know", UNREADABLE, {}, False),
    ("formula", "Co", "CO", "missing-element", {"element": "Co", "count": 0}, False),
    ("formula", "H2O", "2 H2O", "coefficient", {}, False),
    ("formula", "H2O2", "2HO", "coefficient", {}, False),
    ("formula", "H2SO4", "H2SO5", "element-count", {"element": "O", "count": 5}, False),
    ("formula", "HCl", "H2Cl", "element-count", {"element": "H", "count": 2}, True),  # fewer than 2 is 1
    ("formula", "NaCl", "NaClO", "extra-element", {"element": "O", "count": 1}, True),
    ("formula", "SO4^2-", "SO4", "charge", {"charge": 0}, False),
    ("formula", "SO4^2-", "SO4^2+", "charge", {"charge": 2}, True),
    ("formula", "O2^2-", "O2-", "element-count", {"element": "O", "count": 1}, False),
    ("formula", "C6H12O6", "CH2O", "empirical", {}, False),
    ("formula", "CH2O", "C6H12O6", "empirical", {}, True),
    ("formula", "Al2O3", "Al3O2", "swapped", {}, True),
    ("formula", "Ca(OH)2", "Ca2OH", "swapped", {}, True),
    ("equation", WATER, "2h2 + o2 -> 2h2o", UNREADABLE, {}, False),
    ("equation", WATER, "2H2 + O2 -> H2O -> 2H2O", UNREADABLE, {}, False),
    ("equation", WATER, "2H2 + O2 -> 2H2O or H2 + O2 -> H2O2", HEDGE, {}, False),
    ("equation", WATER, "H2 + O2 -> H2O", "skeleton", {}, False),
    ("equation", WATER, "H2 + O2 -> H2O", "unbalanced", {"element": "O", "left": 2, "right": 1}, False),
    ("equation", WATER, "H2 + 1/2 O2 -> H2O", "fractional-coefficient", {"species": "O2", "coefficient": "1/2"}, True),
    ("equation", WATER, r"H_2 + \frac{1}{2}O_2 \to H_2O", "fractional-coefficient", {"coefficient": "1/2"}, True),
    ("equation", WATER, "H2 + ½O2 = H2O", "fractional-coefficient", {"coefficient": "1/2"}, True),
    ("equation", WATER, "2H2 + 0.5 O2 -> H2O", "fractional-coefficient", {"coefficient": "1/2"}, False),
    ("equation", WATER, "2H2O -> 2H2 + O2", "reversed", {}, True),
    ("equation", WATER, "2H2 -> O2 + 2H2O", "wrong-side", {"species": "O2", "side": "right"}, True),
    ("equation", WATER, "2H2 + O2 + N2 -> 2H2O", "extra-species", {"species": "N2", "side": "left"}, True),
    ("equation", WATER, "H2 + O2 -> H2O2", "extra-species", {"species": "H2O2", "side": "right"}, False),
    ("equation", WATER, "H2 + O2 -> H2O2", "missing-species", {"side": "right", "missing": 1}, False),
    ("equation", WATER, "0H2 + O2 -> H2O", "coefficient", {"species": "H2", "coefficient": "0"}, False),
    ("equation", WATER, "-2H2 + -1O2 -> -2H2O", "coefficient", {"coefficient": "-2"}, False),
    ("equation", REDOX, REDOX.replace("5 ", ""), "unbalanced-charge", {"left": 9, "right": 5}, False),
    ("smiles", "CCO", "CCO or COC", HEDGE, {}, False),
    ("smiles", "CCO", "CCO, COC", HEDGE, {}, False),
    ("smiles", "CCO", "C1CO", UNREADABLE, {}, False),
    ("smiles", "CCO", "CCO)", UNREADABLE, {}, False),
    ("smiles", "CCO", "ethanol", UNREADABLE, {}, False),
    ("smiles", "CC", "C$C", "missing-element", {"element": "H", "count": 0}, False),
    ("smiles", "[Na+]", "[Na+257]", UNREADABLE, {}, False),  # rdkit wraps around at 256
    ("smiles", "CCO", "COC", "isomer", {}, False),
    ("smiles", "C", "[13CH4]", "isotope", {}, False),
    ("smiles", ALANINE, "C[C@@H](N)C(=O)O", "stereo", {}, True),
    ("smiles", ALANINE, "CC(N)C(=O)O", "stereo", {}, False),
    ("smiles", "F/C=C/F", "F/C=C\\F", "stereo", {}, True),
    ("smiles", "CC(=O)O", "CC(=O)[O-]", "protonation", {"protons": -1}, True),
    ("smiles", "[Fe+2]", "[Fe+3]", "charge", {"charge": 3}, False),
    ("smiles", "CCO", "CC=O", "element-count", {"element": "H", "count": 4}, False),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "answer", "text", "code", "evidence", "reveals"), WRONG)
def test_diagnosis(kind: str, answer: str, text: str, code: str, evidence: dict[str, Any], reveals: bool) -> None:
    outcome = grade(kind, answer, text)
    assert outcome.reward == 0
    assert outcome.status is (Status.MALFORMED if code in (HEDGE, UNREADABLE) else Status.WRONG)
    events = [event for event in outcome.trace.of(Diagnosis) if event.code == code]
    assert events, outcome.trace.of(Diagnosis)
    assert any(evidence.items() <= event.evidence.items() for event in events)
    assert {event.reveals_reference for event in events} == {reveals}


def test_a_malformed_smiles_says_what_rdkit_says(capfd: pytest.CaptureFixture[str]) -> None:
    [event] = grade("smiles", "CCO", "C1CO").trace.of(Diagnosis)
    assert event.message == "There is no valid SMILES: unclosed ring."
    [event] = grade("smiles", "CCO", "C(C)(C)(C)(C)C").trace.of(Diagnosis)
    assert "valence" in event.message
    assert capfd.readouterr().err == "", "its log lines are silenced"


def test_smiles_without_rdkit_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rdkit", None)
    reference = {"kind": "smiles", "answer": "CCO"}
    with pytest.raises(ConfigError, match=r"pip install 'distil-envs\[chemistry\]'"):
        kind_of(reference).check(reference)


@pytest.mark.parametrize(
    ("kind", "answer", "message"),
    [
        ("formula", "H2S04x", "cannot be read as a formula"),
        ("formula", None, "cannot be read as a formula"),
        ("equation", "H2 + O2", "cannot be read as one equation"),
        ("equation", "H2 + O2 -> H2O", "not balanced with positive whole numbers"),
        ("equation", "H2 + 1/2 O2 -> H2O", "not balanced with positive whole numbers"),
        ("smiles", "C1CC", "not a valid SMILES: unclosed ring"),
    ],
)
def test_unusable_references_are_named(kind: str, answer: str | None, message: str) -> None:
    if kind == "smiles":
        pytest.importorskip("rdkit", reason="rdkit (extra chemistry) is not installed")
    reference = {"kind": kind, "answer": answer}
    with pytest.raises(TaskError, match=message):
        kind_of(reference).check(reference)


def test_a_misconception_may_be_an_equation_that_is_not_balanced() -> None:
    known = {"name": "skeleton", "answer": "H2 + O2 -> H2O", "message": "Nothing was balanced.", "step": 1}
    reference = {"kind": "equation", "answer": WATER, "misconceptions": [known], "solution": "Count.\nAnswer: ..."}

    def codes(completion: str) -> list[str]:
        outcome = grade_science(Task("t", "science", "?", reference), completion)
        return [event.code for event in outcome.trace.of(Diagnosis)]

    assert codes("O2 + H2 → H2O")[0] == "misconception"
    assert "misconception" not in codes("3H2 + O2 -> H2O")
    assert codes(WATER) == []


@pytest.mark.parametrize(
    ("kind", "text"),
    [("formula", "A: CO2, B: CO"), ("equation", f"a) {WATER} b) C + O2 -> CO2"), ("smiles", "CCO vs COC")],
)
def test_parts_can_be_judged_alone(kind: str, text: str) -> None:
    parts = kind_of({"kind": kind}).parts(text)
    assert 2 <= len(parts) <= 40
    assert all(part in text for part in parts)


REACTIONS = [
    (["H2", "O2"], ["H2O"]),
    (["C3H8", "O2"], ["CO2", "H2O"]),
    (["MnO4^-", "Fe^2+", "H^+"], ["Mn^2+", "Fe^3+", "H2O"]),
    (["Cu", "HNO3"], ["Cu(NO3)2", "NO", "H2O"]),
    (["Cr2O7^2-", "e^-", "H^+"], ["Cr^3+", "H2O"]),
]


def equation(left: list[str], right: list[str], coefficients: list[int]) -> str:
    terms = [f"{number} {species}" for number, species in zip(coefficients, left + right, strict=True)]
    return f"{' + '.join(terms[: len(left)])} -> {' + '.join(terms[len(left) :])}"


@settings(deadline=None)
@given(st.sampled_from(REACTIONS), st.integers(1, 10**9), st.integers(0, 99), st.integers(1, 9))
def test_a_multiple_is_right_and_one_changed_coefficient_is_not(
    reaction: tuple[list[str], list[str]], times: int, place: int, change: int
) -> None:
    coefficients = [times * number for number in balance(*reaction)]
    reference = {"kind": "equation", "answer": equation(*reaction, balance(*reaction))}
    judge = kind_of(reference).judge
    assert judge(reference, equation(*reaction, coefficients)).status is Status.CORRECT
    coefficients[place % len(coefficients)] += change
    assert judge(reference, equation(*reaction, coefficients)).status is Status.WRONG


PIECES = ("H", "2", "O", "CO2", "Na+", "->", "=", "+", "-", "^", "_", "{", "}", "(", ")", "[", "]", "$", r"\ce{",
        r"\frac", "1/2", "⇌",
          " ", "\n", "or", "and", ",", ".", "₂", "²⁻", "é", "\0", "9" * 30, "c1ccccc1", "@", "#", "%",
        r"\xrightarrow{", "answer is")  # fmt: skip


@settings(deadline=None)
@given(st.sampled_from(["formula", "equation", "smiles"]), st.lists(st.sampled_from(PIECES), max_size=30))
def test_garbage_raises_nothing_and_is_never_right(kind: str, pieces: list[str]) -> None:
    answer = {"formula": "XeF4", "equation": "Xe + 2 F2 -> XeF4", "smiles": "F[Xe](F)(F)F"}[kind]
    outcome = grade(kind, answer, "".join(pieces))
    assert outcome.reward == 0
    length = len("".join(pieces))
    assert all(0 <= event.span[0] <= event.span[1] <= length for event in outcome.trace.of(Diagnosis) if event.span)


@pytest.mark.parametrize("kind", ["formula", "equation", "smiles"])
@pytest.mark.parametrize(
    "piece",
    [
        "(",
        "[",
        "{",
        "$",
        " ",
        "H",
        "H2 + ",
        "and ",
        "->",
        "=",
        "^{",
        r"\ce{",
        r"\xrightarrow{",
        "9",
        "C(",
        "(H",
        "ab",
        "·",
    ],
)
def test_long_garbage_ends(kind: str, piece: str) -> None:
    answer = {"formula": "XeF4", "equation": "Xe + 2 F2 -> XeF4", "smiles": "F[Xe](F)(F)F"}[kind]
    assert grade(kind, answer, "<answer>H" + piece * (1_000_000 // len(piece)) + " x</answer>").reward == 0
    assert grade(kind, answer, r"\boxed{H" + piece.replace("{", "") * (18_000 // len(piece)) + " x}").reward == 0
