"""Properties of the judge of quantities: pint agrees, and no text makes it raise, hang or evaluate anything."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from distil_envs.outcome import Status
from distil_envs.science.kinds.quantity import judge, parts
from distil_envs.science.units import registry

quick = settings(max_examples=80, deadline=None, derandomize=True)
UNITS = (
    ("m", "km", "cm", "nm", "inch", "mile", "angstrom"),
    ("s", "ms", "hour", "day", "min"),
    ("m/s", "km/hour", "mile/hour", "cm/s"),
    ("kg", "g", "mg", "pound", "dalton"),
    ("J", "kJ", "eV", "kcal", "erg", "kg*m^2/s^2", "kW*hour"),
    ("Pa", "kPa", "atm", "mmHg", "bar", "N/m^2"),
    ("mol/L", "mmol/mL", "mol/m^3", "M"),
    ("J/(mol*K)", "cal/(mol*K)", "kJ/(mol*K)"),
    ("degC", "K", "degF"),
    ("T", "mT", "V*s/m^2"),
)  # fmt: skip
values = st.floats(0.01, 1e6).map(lambda value: float(f"{value:.6g}"))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[float, str, str]:
    units = draw(st.sampled_from(UNITS))
    return draw(values), draw(st.sampled_from(units)), draw(st.sampled_from(units))


@quick
@given(pairs(), st.sampled_from((1, -1)))
def test_a_converted_value_is_right_and_a_perturbed_one_is_not(pair: tuple[float, str, str], side: int) -> None:
    value, unit, other = pair
    reference = {"answer": f"{value!r} {unit}", "tolerance": 0.01}
    quantity = registry().Quantity

    def converted(number: float) -> str:
        return f"{quantity(number, unit).to(other).magnitude:.12g} {other}"

    assert judge(reference, converted(value)).status is Status.CORRECT
    assert judge(reference, converted(value * (1 + side * 0.02))).status is Status.WRONG


@quick
@given(st.floats(1e-9, 1e9), st.integers(1, 6), st.sampled_from((1, -1)))
def test_figures_allow_half_a_unit_of_the_last(value: float, figures: int, side: int) -> None:
    answer = f"{value:.{figures - 1}e}"
    half = 0.5 * 10.0 ** (math.floor(math.log10(float(answer))) - figures + 1)
    reference = {"answer": f"{answer} kg", "figures": figures}
    assert judge(reference, f"{float(answer) + side * 0.999 * half!r} kg").status is Status.CORRECT
    assert judge(reference, f"{float(answer) + side * 1.01 * half!r} kg").status is Status.WRONG


PIECES = (
    "12.5", "m/s", "{", "}", "(", ")", "\\frac", "^", "10", "e400", "-", "°", "²", "⁻", "½", "or", "=", "\\text", "kg",
    "per", "\\sqrt", "/", "*", "**", "_", "%", "±", "pi", "!", ",", ".", "x", "9" * 400, "squared", "square", "not",
    "\\", "$", "~", "to", "0", "million", "\\mu", "Ω", "\\circ", "1e308", "5e-324", "m^13", "≤", "inf", "nan", "²³",
)  # fmt: skip
REFERENCES = ({"answer": "88.71 m/s"}, {"answer": "88.71 degC"}, {"answer": "8.871e-34"}, {"answer": "-8871 degree"})


@quick
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join)))
@example("10^10^10")
@example("1" + "0" * 400 + " m/s")
def test_garbage_never_raises_and_is_never_right(text: str) -> None:
    for reference in REFERENCES:
        judgement = judge(reference, text)
        assert judgement.status is not Status.CORRECT
        assert 0 <= judgement.span[0] <= judgement.span[1] <= len(text)
    parts(text)


@pytest.mark.parametrize(
    "text",
    [
        "10^10^10 m/s", "((((10^9)^9)^9)^9)^9 m/s", "999999! m/s", "12.5 m^10^10^10", "1" * 1_000_000,
        "(" * 1_000_000, "{" * 1_000_000, "\\frac{" * 100_000, "m/" * 500_000, "1/" * 500_000, "-" * 1_000_000,
        "\\sqrt{" * 60 + "2" + "}" * 60 + " m/s", "(" * 60 + "2" + ")" * 60 + " m/s", "12.5 m" + "/(m" * 400,
        "__import__('os').system('true') m/s", "12.5 m/s if True else 0 m", "lambda: 12.5 m/x",
    ],
)  # fmt: skip
def test_nothing_is_evaluated(text: str) -> None:
    assert judge({"answer": "88.71 m/s", "unit": "optional"}, text).status is not Status.CORRECT
