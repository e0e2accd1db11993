"""Quantities are read in any dress: numbers, units, and the words around them."""

from __future__ import annotations

import pytest

from distil_envs.errors import TaskError
from distil_envs.outcome import Status
from distil_envs.science.kinds import kind_of
from distil_envs.science.kinds.quantity import check, judge, parts

SPEED = "12.5 m/s"


def judged(reference: str, text: str, **fields: object) -> Status:
    judgement = judge({"answer": reference, **fields}, text)
    start, end = judgement.span
    assert 0 <= start <= end <= len(text)
    assert (judgement.status is Status.CORRECT) == (not judgement.events)
    return judgement.status


def code(reference: str, text: str, **fields: object) -> str:
    return judge({"answer": reference, **fields}, text).events[0].code


def test_it_is_a_kind() -> None:
    assert kind_of({"kind": "quantity"}).judge({"answer": SPEED}, SPEED).status is Status.CORRECT


@pytest.mark.parametrize(
    "text",
    [
        "1200 m", "1,200 m", "1 200 m", "1'200 m", r"1{,}200 m", r"1\,200\,m", "1.2e3m", "1.2E+3 m", "1.2 x 10^3 m",
        "1.2 × 10³ m", "1.2·10³ m", r"1.2\times10^{3}\,\mathrm{m}", r"1.2\cdot 10^{3}~\text{m}", "1.2 * 10**3 m",
        "0.12x10^4 m", "12×10² m", "1.2 km", "1,2 km", "1.2 thousand metres", "１２００ m", "about 1200 m", "≈ 1200 m",
        "~1200 m", r"\approx 1200 \text{ m}", "2400/2 m", r"\frac{2400}{2} m", "sqrt(1440000) m", "1000 + 200 m",
        "+1200 m", "1200.0 m", "1200. m", "(1200 m)", "(1200) m", "1200 ± 5 m", r"$1200\ \mathrm{m}$", "**1200 m**",
        r"\SI{1200}{\meter}", "1 1/5 km", "1200 meters", "1200 Metres.", "12 × 10^{2} m!", "1200 [m]", "1200-m",
    ],
)  # fmt: skip
def test_numbers(text: str) -> None:
    assert judged("1200 m", text) is Status.CORRECT
    assert judged("1300 m", text) is Status.WRONG


@pytest.mark.parametrize("text", ["-5 C", "−5 C", "–5 C", "- 5 coulombs", "minus 5 C", "negative 5 C", "-500 cC"])
def test_signs(text: str) -> None:
    assert judged("-5 C", text) is Status.CORRECT
    assert code("5 C", text) == "sign"


@pytest.mark.parametrize(
    ("reference", "texts"),
    [
        ("9.8 m/s^2", ["9.8 m/s²", "9.8 m s^-2", "9.8 m·s⁻²", r"9.8\,\mathrm{m/s^2}", "9.8 m/s/s", "9.8 m s-2",
                       r"9.8\,\frac{\text{m}}{\text{s}^2}", r"9.8\ \text{m s}^{-2}", "9.8 metres per second squared",
                       "9.8 meters per second per second", "9.8 m.s^-2", "9.8 m s^{-2}", "9.8 N/kg", "980 cm/s2",
                       r"9.8 \si{\meter\per\second\squared}", "9.8 ms^{-2}", "9.8 m/s**2", "9.8 meter / second ** 2"]),
        ("4 J", ["4 kg m^2/s^2", "4 kg·m²·s⁻²", "4 N·m", "4 Nm", "4 newton-metres", "4 joules", "4e7 erg", "4 W s",
                 "4 Pa m³", "4 V C", "2.4966e19 eV"]),
        ("4180 J/(kg*K)", ["4180 J/kg K", "4180 J/kg·K", "4.18 J/g/°C", "4180 J kg⁻¹ K⁻¹", "4.18 kJ/(kg K)",
                           "4180 J/(kg °C)", "4180 joules per kilogram kelvin", "4180 Jkg^{-1}K^{-1}"]),
        ("4.7e3 ohm", ["4.7 kΩ", "4.7 k\u2126", r"4.7\,k\Omega", r"4.7\ \mathrm{k\Omega}", "4.7 kilohms", "4.7 kohm"]),
        ("5e-6 m", ["5 \u00b5m", "5 \u03bcm", "5 um", r"5\,\mu\mathrm{m}", r"5 \mu m", "5 microns", "5 micrometres"]),
        ("1.54e-10 m", ["1.54 Å", "1.54 \u212b", r"1.54\,\AA", "1.54 angstroms", "0.154 nm", "154 pm"]),
        ("25 degC", ["25 °C", "25 ℃", r"25\,^{\circ}\text{C}", r"25^\circ C", "25 degrees Celsius", "25 deg C", "25 C",
                     "298.15 K", "77 °F", "77 degrees Fahrenheit", "298.15 kelvin"]),
        ("5 delta_degC", ["5 K", "5 °C", "9 °F", "5 delta_degC"]),
        ("45 degree", ["45°", r"45^{\circ}", "45 degrees", "45 deg", "0.7854 rad", r"\pi/4", r"\frac{\pi}{4} rad",
                       "2700 arcmin"]),
        ("0.25", ["25%", r"25\%", "25 per cent", "25 percent", "1/4", "¼", "0.25", "250000 ppm"]),
        ("0.1 mol/L", ["0.1 M", "100 mM", "0.1 mol dm⁻³", "0.1 molar", "0.1 mol L-1", "0.1 moles per liter",
                       "0.1 mol/dm3", "100 mol/m^3"]),
        ("1 atm", ["760 mmHg", "760 mm Hg", "760 torr", "101.325 kPa", "1.01325 bar", "14.696 psi"]),
        ("1 kcal", ["4184 J", "1000 cal", "1 Cal", "4.184 kJ"]),
        ("18 dalton", ["18 u", "18 Da", "18 amu", "2.989e-26 kg"]),
        ("4600 base_pair", ["4600 bp", "4.6 kb", "4.6 kbp", "4600 base pairs"]),
        ("12 cm^3", ["12 cc", "12 mL", "12 cubic centimetres", "12 cubic cm", "0.012 L"]),
        ("3 m^2", ["3 square metres", "3 sq m", "3 metres squared", "3e4 cm²"]),
        ("90 mg/dL", ["90 mg/100 mL", "0.9 g/L", "900 mg per litre"]),
        ("72 1/min", ["72 beats per minute", "72 bpm", "1.2 Hz", "1.2 s^-1", "1.2 /s", "1.2 per second"]),
        ("1e6 1/mL", ["1e6 cells/mL", "10^6 cells per mL", "10⁶ mL⁻¹", "1 million cells/mL"]),
        ("3.2044e-19 C", ["2 e", "0.32044 aC"]),
        ("60 dB", ["60 decibels", "60 dB"]),
        ("10 rad/s", ["95.493 rpm", "573 degrees per second", "10 s^-1"]),
        ("1 W/m^2", ["1 Wm^-2", "1000 mW/m²"]),
    ],
)  # fmt: skip
def test_units(reference: str, texts: list[str]) -> None:
    for text in texts:
        assert judged(reference, text, tolerance=0.001) is Status.CORRECT, text


@pytest.mark.parametrize(
    "text",
    [
        "v = 12.5 m/s", "v_1 = 12.5 m/s", r"v_{f}=12.5\text{ m/s}", "The speed is 12.5 m/s, as expected.",
        "speed - 12.5 m/s", "Part 2: 12.5 m/s", "2) 12.5 m/s", "At 20 °C, 12.5 m/s", "12.5 m/s (3 s.f.)",
        "12.5 m/s to 3 significant figures", "12.5 m/s in the x direction", "12.5 m/s or so", "12.5 m/s, not 45 m/s",
        "100 m / 8 s = 12.5 m/s", "(25 m)/(2 s) = 12.5 m/s", r"v = \sqrt{2gh} = 12.5 m/s", "v = at^2 = 12.5 m/s",
        "5 m/s + 7.5 m/s = 12.5 m/s", "v = 12.48 ≈ 12.5 m/s", "v = d/8 = 12.5 m/s", "= 12.48 m/s ≈ 12.5",
        "12.5 m/s (about 45 km/h)", "12.5 m/s = 45 km/h", "12.5 m/s, i.e. 45 km/h", "12.5 m/s or 45 km/h",
        "first 13 m/s, but it is 12.5 m/s",
    ],
)  # fmt: skip
def test_the_last_quantity_of_a_sentence_counts(text: str) -> None:
    assert judged(SPEED, text, figures=3) is Status.CORRECT


@pytest.mark.parametrize(
    "text",
    [
        "12 or 12.5 m/s", "12.5 m/s or 14 m/s", "12.5 m/s, maybe 14", "12.5 m/s and 14 m/s", "12.5, 14 m/s",
        "12.5 to 13 m/s", "12.5-13 m/s", "12.5–13 m/s", "between 12.5 and 13 m/s", "±12.5 m/s", "12.5 m/s; 3 s",
        "12.5 m/s = 46 km/h", "12.5 m/s (about 50 km/h)", "12.5 m/s\n14 m/s", "either 12.5 m/s or 12.5 kg", "12 or 13",
    ],
)  # fmt: skip
def test_two_answers_are_none(text: str) -> None:
    assert judged(SPEED, text, figures=3) is Status.MALFORMED
    assert code(SPEED, text, figures=3) == "hedge"


@pytest.mark.parametrize(
    "text",
    ["", "m/s", "no answer", "not 12.5 m/s", "> 12.5 m/s", r"\leq 12.5 m/s", "less than 12.5 m/s", "v(12.5)",
     "12.5 m/s = 10^10^10 m/s", "(12.5)^10^10 m/s", "12.5^^2 m/s", "12.5 m^99", "1e999 m/s", "12.5k m/s", "H12.5",
     "12.5n", "12.5 m/banana", "12.5 + m/s"],
)  # fmt: skip
def test_no_answer(text: str) -> None:
    assert judged(SPEED, text, unit="optional") in (Status.MALFORMED, Status.WRONG)


def test_a_ratio_is_not_its_last_number() -> None:
    for text in ("1:4", "1 : 4", "The ratio is 1:4."):
        assert judged("4", text) is Status.MALFORMED
        assert code("0.25", text) == "unparsable"
    assert judged("0.25", "1:4 = 0.25") is judged("4", "Part 1: 4") is judged("4 m", "1:4 m") is Status.CORRECT


def test_a_tiny_number_is_not_zero() -> None:
    assert judged("0 m", "0.0 m") is Status.CORRECT
    assert judged("0 m", "1e-400 m") is Status.MALFORMED
    assert judged("0 m", "1e-300 m") is Status.WRONG


def test_words_that_are_no_unit() -> None:
    assert judged("12", "12 atoms") is Status.CORRECT
    assert judged("12", "12 cats") is Status.CORRECT  # not centi-technical-atmospheres
    assert judged("12", "twelve") is Status.CORRECT
    assert judged("7.4", "7.4 pH") is Status.CORRECT
    assert judged("1200", "1200 bp") is Status.CORRECT
    assert code("12", "12 kg") == "wrong-dimension"
    assert code(SPEED, "12.5 bananas") == "missing-unit"
    assert judged("12 V", "12 V AC") is Status.CORRECT


def test_a_bare_number() -> None:
    assert judged(SPEED, "12.5", unit="optional") is Status.CORRECT
    assert code(SPEED, "12.5", unit="required") == "missing-unit"
    assert code("25 percent", "25") == "missing-unit"
    assert judged("25 percent", "25", unit="optional") is Status.CORRECT
    assert judged("25 degC", "25 degrees", unit="optional") is Status.CORRECT
    assert code("25 degC", "25 degrees") == "missing-unit"


def test_radians_are_one_but_hertz_are_cycles() -> None:
    assert judged("5 Hz", "300 rpm") is Status.CORRECT
    assert judged("5 Hz", "5 1/s") is Status.CORRECT
    assert judged("5 Hz", "5 rad/s") is Status.WRONG
    assert judged("5 rad/s", "0.79577 Hz") is Status.WRONG


@pytest.mark.parametrize(
    ("reference", "fields", "right", "wrong"),
    [
        ("12.5 m/s", {"figures": 3}, ["12.45 m/s", "12.55 m/s", "44.9 km/h"], ["12.449 m/s", "12.551 m/s"]),
        ("12.5 m/s", {}, ["12.38 m/s", "12.62 m/s"], ["12.37 m/s", "12.63 m/s"]),
        ("12.5 m/s", {"tolerance": 0.1}, ["11.3 m/s", "13.7 m/s"], ["11.2 m/s", "13.8 m/s"]),
        ("12.5 m/s", {"tolerance": 0.1, "figures": 3}, ["11.3 m/s"], ["11.2 m/s"]),
        ("12.5 m/s", {"tolerance": 0.0, "figures": 3}, ["12.54 m/s"], ["12.56 m/s"]),
        ("25 degC", {}, ["25.2 degC", "298.3 K"], ["25.3 degC", "298.5 K"]),
        ("0 degC", {}, ["0 °C", "273.15 K", "32 °F"], ["0.1 °C", "273 K", "0 K"]),
        ("6.626e-34 J*s", {"figures": 4}, ["6.626e-34 J s", "4.1357e-15 eV s"], ["0 J s", "6.62e-34 J s"]),
    ],
)  # fmt: skip
def test_tolerance(reference: str, fields: dict[str, object], right: list[str], wrong: list[str]) -> None:
    assert [judged(reference, text, **fields) for text in right] == [Status.CORRECT] * len(right)
    assert [judged(reference, text, **fields) for text in wrong] == [Status.WRONG] * len(wrong)


@pytest.mark.parametrize(
    "reference",
    [{}, {"answer": 12.5}, {"answer": "fast"}, {"answer": "12 furlongz"}, {"answer": "5 or 6 m"}, {"answer": "x = 5 m"},
     {"answer": "5 m", "figures": 0}, {"answer": "5 m", "figures": True}, {"answer": "5 m", "tolerance": -1},
     {"answer": "5 m", "unit": "maybe"}],
)  # fmt: skip
def test_references_that_cannot_be_used(reference: dict[str, object]) -> None:
    with pytest.raises(TaskError):
        check(reference)


def test_parts_are_the_quantities_of_a_line() -> None:
    assert parts("After 3 s it has 12.5 m/s, or 45 km/h.") == ["3 s", "12.5 m/s", "45 km/h"]
    assert len(parts("1 m; " * 500)) == 40
