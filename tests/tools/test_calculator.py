"""Expressions mean what they say, with units; and no text does more than fail."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distil_envs.tools import CalculatorTool, ToolError
from distil_envs.tools.arithmetic import FUNCTIONS, evaluate
from distil_envs.tools.calculator import _calculate

VALUES = {
    "3 km / 2 h in m/s": "0.416666666667 m/s",
    "3 km / 2 h": "1.5 km/h",
    "1/2 m": "0.5 1/m",
    "1/3*3": "1",
    "1/3": "0.333333333333",
    "0.1 + 0.2": "0.3",
    "2^100": "1267650600228229401496703205376",
    "10^400": "1.00000000000e+400",
    "-2^2": "-4",
    "2**3**2": "512",
    "2^-1": "0.5",
    "7 % 3": "1",
    "(1 + 2)(3 + 4)": "21",
    "2 pi": "6.28318530718",
    "sqrt(16)": "4",
    "sqrt(9 m^2)": "3 m",
    "sin(30 degrees)": "0.5",
    "sin(30)": "-0.988031624093",
    "asin(0.5) in degrees": "30 deg",
    "log(e)": "1",
    "log(8, 2)": "3",
    "log10(1000)": "3",
    "exp(0)": "1",
    "factorial(20)": "2432902008176640000",
    "round(2.567, 2)": "2.57",
    "abs(-3 m)": "3 m",
    "min(3 m, 20 cm)": "20 cm",
    "max(1, 5/2, 2)": "2.5",
    "5 min in s": "300 s",
    "5 in": "5 in",
    "5 in to cm": "12.7 cm",
    "5 ft in in": "60 in",
    "3 in * 2 in": "6 in**2",
    "20 degC in degF": "68 °F",
    "-40°C -> °F": "-40 °F",
    "100 cm / 1 m": "1",
    "3 kg m / s^2 in N": "3 N",
    "2 m² in cm²": "20000 cm**2",
    "1 µs to ns": "1000 ns",
    "1/4 in percent": "25 %",
}
ERRORS = {
    "3 m + 2 s": "Cannot convert from 'meter' ([length]) to 'second' ([time])",
    "3 m in s": "Cannot convert from 'meter' ([length]) to 'second' ([time])",
    "exp(2 m)": "'meter' ([length]) to 'dimensionless'",
    "3 + 2 m": "'meter' to 'dimensionless'",
    "foo + 1": "'foo' is no unit, constant or function",
    "nan": "'nan' is no unit",
    "3 +": "got the end",
    "(3": "expected ')'",
    "": "got the end",
    "2 3": "unexpected '3'",
    "3 m in 2 m": "unexpected",
    "sqrt(1, 2)": "sqrt: too many positional arguments",
    "sqrt(-1)": "no real number",
    "(-8)^(1/3)": "no real number",
    "log(0)": "math domain error",
    "1/0": "division by zero",
    "0^-1": "division by zero",
    "5 m % 0 m": "division by zero",
    "10**10**10": "too large",
    "9^9^9^9": "too large",
    "1e308 * 10": "too large",
    "factorial(10^9)": "factorial takes",
    "9" * 5000: "too large",
    "(" * 5000: "nested too deeply",
    "__import__('os').getpid()": "'__import__' is no unit",
    "2 .real": "unexpected",
}
SIGNS = ["°", "²", "¼", "٣", "µ", "'", "[", "@", "nan", "inf", "__class__", "1e300", "0.5", "10"]
WORDS = [*FUNCTIONS, *"()+-*/%^,.12e_", "in", "to", "->", "**", "m", "s", "kg", "degC", "pi", *SIGNS]
plain = st.recursive(
    st.integers(0, 50).map(str),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"),
        inner.map(lambda text: f"-{text}"),
        st.tuples(inner, st.integers(0, 3)).map(lambda parts: f"({parts[0]})^{parts[1]}"),
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("expression", VALUES)
def test_values(expression: str) -> None:
    assert _calculate(expression) == VALUES[expression]


@pytest.mark.parametrize("expression", ERRORS, ids=lambda text: text[:20])
def test_errors(expression: str) -> None:
    with pytest.raises(ToolError) as caught:
        _calculate(expression)
    assert ERRORS[expression] in str(caught.value)
    assert len(str(caught.value)) < 300


@given(text=st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=2)), max_size=8).map(" ".join))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_no_text_does_more_than_fail(text: str) -> None:
    with suppress(ToolError):
        assert _calculate(text)


@given(text=plain)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_plain_arithmetic_is_exact(text: str) -> None:
    python = re.sub(r"(\d+)", r"Fraction(\1)", text).replace("^", "**")
    try:
        wanted = eval(python, {"Fraction": Fraction})
    except ZeroDivisionError:
        with pytest.raises(ZeroDivisionError):
            evaluate(text)
    else:
        assert evaluate(text) == wanted


@given(
    number=st.floats(0.001, 1000),
    units=st.sampled_from([("km", "m", 1000), ("h", "s", 3600), ("mile", "m", 1609.344), ("kg", "g", 1000)]),
)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_what_is_shown_can_be_put_in_again(number: float, units: tuple[str, str, float]) -> None:
    large, small, factor = units
    shown = _calculate(f"{number!r} {large} in {small}")
    assert math.isclose(float(shown.split()[0]), number * factor, rel_tol=1e-10)
    assert math.isclose(float(_calculate(f"{shown} in {large}").split()[0]), number, rel_tol=1e-10)


def test_it_runs_in_a_process_that_is_killed_in_time() -> None:
    calculator = CalculatorTool()
    assert calculator({"expression": "3 km / 2 h in m/s"}) == "0.416666666667 m/s"
    with pytest.raises(ToolError, match=r"Cannot convert from 'meter' \(\[length\]\)"):
        calculator({"expression": "1 m + 1 s"})
    with pytest.raises(ToolError, match="took longer than 0"):
        CalculatorTool(timeout_s=0.001)({"expression": "*".join(["factorial(4000)"] * 2000)})
