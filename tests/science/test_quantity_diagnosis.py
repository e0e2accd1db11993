"""Every way in which a quantity can be wrong, by example."""

from __future__ import annotations

from typing import Any

import pytest

from distil_envs.outcome import Diagnosis, Status
from distil_envs.science.kinds.quantity import judge


def events(reference: str, text: str, **fields: Any) -> tuple[Diagnosis, ...]:
    judgement = judge({"answer": reference, **fields}, text)
    assert judgement.status is Status.WRONG
    assert all(event.message.endswith(".") and event.span == judgement.span for event in judgement.events)
    return judgement.events


@pytest.mark.parametrize(
    ("reference", "text", "code", "evidence"),
    [
        ("12.5 m/s", "12.5 kg", "wrong-dimension", {"got": "a mass", "expected": "a speed"}),
        ("12.5 m/s", "12.5 m/s^2", "wrong-dimension", {"got": "an acceleration", "expected": "a speed"}),
        ("12.5", "12.5 J", "wrong-dimension", {"got": "an energy", "expected": "a pure number"}),
        ("5 Hz", "5 rad/s", "wrong-dimension", {"got": "an angular speed", "expected": "a frequency"}),
        ("5 kg", "5 m^3*K", "wrong-dimension", {"got": "a quantity in kelvin meter^3", "expected": "a mass"}),
        ("12.5 m/s", "12.5", "missing-unit", {}),
        ("12.5 m/s", "12500 m/s", "prefix", {"power": 3}),
        ("12.5 m/s", "12.5 mm/s", "prefix", {"power": -3}),
        ("3.3 nF", "3.3 F", "prefix", {"power": 9}),
        ("12.5 m/s", "12.5 km/h", "unit", {}),
        ("30 degree", "0.5236 degree", "degrees-for-radians", {"got": "radians", "expected": "degrees"}),
        ("0.5236 rad", "30 rad", "degrees-for-radians", {"got": "degrees", "expected": "radians"}),
        ("300 K", "27 K", "celsius-for-kelvin", {"scale": "degree Celsius"}),
        ("25 degC", "298 °C", "celsius-for-kelvin", {"scale": "kelvin"}),
        ("25 degC", "77 °C", "celsius-for-kelvin", {"scale": "degree Fahrenheit"}),
        ("25 degC", "-248 °C", "celsius-for-kelvin", {"shift": -273.15}),
        ("12.5 m/s", "0.08 m/s", "inverse", {}),
        ("5", "1/5", "inverse", {}),
        ("12.5 m/s", "25 m/s", "factor", {"ratio": "2"}),
        ("12.5 m/s", "6.25 m/s", "factor", {"ratio": "1/2"}),
        ("12.5 m/s", "-37.5 m/s", "factor", {"ratio": "-3"}),
        ("12.5 m/s", "39.3 m/s", "factor", {"ratio": "pi"}),
        ("12.5 m/s", "78.5 m/s", "factor", {"ratio": "2 pi"}),
        ("12.5 m/s", "0.995 m/s", "factor", {"ratio": "1/(4 pi)"}),
        ("12.5 m/s", "17.7 m/s", "factor", {"ratio": "sqrt(2)"}),
        ("12.5 m/s", "123 m/s", "factor", {"ratio": "9.81"}),
        ("12.5 m/s", "-12.5 m/s", "sign", {}),
        ("12.57 m/s", "12.6 m/s", "rounding", {"figures": 3}),
        ("12.57 m/s", "13 m/s", "rounding", {"figures": 2}),
        ("12.57 m/s", "10 m/s", "rounding", {"figures": 1}),
        ("12.57 m/s", "45 km/h", "rounding", {"figures": 2}),
        ("12.57 m/s", "12.58 m/s", "rounding", {"figures": 3}),
        ("12.5 m/s", "77000 m/s", "too-large", {"orders": 4}),
        ("12.5 m/s", "0 m/s", "too-small", {"orders": 0}),
        ("0 m/s", "3 m/s", "too-large", {"orders": 0}),
    ],
)  # fmt: skip
def test_codes(reference: str, text: str, code: str, evidence: dict[str, Any]) -> None:
    figures = 4 if "12.57" in reference else 3
    [first, *rest] = events(reference, text, figures=figures)
    assert (first.code, dict(first.evidence)) == (code, evidence)
    reveals = code in ("prefix", "unit", "degrees-for-radians", "celsius-for-kelvin", "inverse", "factor", "sign")
    assert first.reveals_reference is reveals
    assert all(event.code in ("too-large", "too-small") for event in rest)


def test_a_missing_unit_is_followed_by_what_is_wrong_with_the_number() -> None:
    assert [event.code for event in events("12.5 m/s", "12.5")] == ["missing-unit"]
    assert [event.code for event in events("12.5 m/s", "25")] == ["missing-unit", "factor", "too-large"]


def test_spans_count_characters_of_the_text() -> None:
    text = "x" * 5000 + " v = 12.5 kg, as was asked"
    judgement = judge({"answer": "12.5 m/s"}, text)
    assert text[slice(*judgement.span)] == "12.5 kg"
    boxed = r"v = 12.5\,\mathrm{kg}"
    assert boxed[slice(*judge({"answer": "12.5 m/s"}, boxed).span)] == r"12.5\,\mathrm{kg}"


def test_messages_never_state_the_reference() -> None:
    for text in ("12.4 m/s", "25 m/s", "13 m/s", "3 kg", "7", "-3 m/s", "12.57 km/h"):
        assert all("12.57" not in event.message for event in events("12.57 m/s", text, figures=4))
