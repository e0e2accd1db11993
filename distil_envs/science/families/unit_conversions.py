"""Unit conversions: prefixes, areas and volumes, speeds, densities, energies. The answers are numbers alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from distil_envs.family import Question, Worked
from distil_envs.science.exact import shown, written
from distil_envs.science.family import ScienceFamily, worked
from distil_envs.science.misconceptions import Misconception
from distil_envs.science.slips import slips
from distil_envs.spaces import Distinct, Product


def _number(value: float, slots: dict[str, Any], steps: list[str], wrong: Iterable[Misconception]) -> Worked:
    # A number without a unit: "5 km" is no answer to the question how many m they are.
    answer = str(value) if isinstance(value, int) else written(value)
    return worked("expression", answer, slots, steps, wrong)


def _smaller(value: int, pair: tuple[str, str, int]) -> Worked:
    """Into a smaller unit."""
    large, small, factor = pair
    steps = [f"1 {large} = {factor} {small}", f"{value} * {factor} = {value * factor}"]
    wrong = slips(
        "",
        ("divided", value / factor, "The number was divided by the factor.", 2),
        ("factor-too-small", value * (10 if factor != 10 else 100), "A factor of 10 was used where it is another.", 1),
        ("added", value + factor, "The factor was added.", 2),
        ("unchanged", value, "The number was left as it is.", 2),
    )
    return _number(value * factor, {"v": value, "large": large, "small": small}, steps, wrong)


def _larger(value: int, pair: tuple[str, str, int]) -> Worked:
    """Into a larger unit; ``value`` is the result."""
    large, small, factor = pair
    given = value * factor
    steps = [f"{factor} {small} = 1 {large}", f"{given} / {factor} = {value}"]
    wrong = slips(
        "",
        ("multiplied", given * factor, "The number was multiplied by the factor.", 2),
        ("factor-too-small", given / 10 if factor != 10 else given / 100, "Another factor was used.", 1),
        ("unchanged", given, "The number was left as it is.", 2),
    )
    return _number(value, {"v": given, "large": large, "small": small}, steps, wrong)


def _power(value: int, pair: tuple[str, str, int], power: int) -> Worked:
    large, small, factor = pair
    whole = factor**power
    word = "squared" if power == 2 else "cubed"
    steps = [
        f"1 {large} = {factor} {small}",
        f"So 1 {large}^{power} = {factor}^{power} {small}^{power} = {whole} {small}^{power}",
        f"{value} * {whole} = {value * whole}",
    ]
    wrong = slips(
        "",
        (f"factor-not-{word}", value * factor, f"The factor was not {word}.", 2),
        ("divided", value / whole, "The number was divided by the factor.", 3),
        (f"{word}-the-number", value**power * factor, f"The number was {word}, not the factor.", 2),
    )
    slots = {"v": value, "large": f"{large}^{power}", "small": f"{small}^{power}"}
    return _number(value * whole, slots, steps, wrong)


def _speed(step: int) -> Worked:
    kmh, ms = 18 * step, 5 * step
    steps = ["1 km = 1000 m and 1 h = 3600 s", f"{kmh} * 1000 / 3600 = {ms}"]
    wrong = slips(
        "",
        ("multiplied", kmh * 3.6, "The number was multiplied by 3.6.", 2),
        ("minutes-for-hours", kmh * 1000 / 60, "An hour was taken to have 60 seconds.", 1),
        ("forgot-hours", kmh * 1000, "The hours were left as they are.", 1),
    )
    return _number(ms, {"v": kmh}, steps, wrong)


def _back(ms: int) -> Worked:
    steps = ["1 m/s = 3600 m/h = 3.6 km/h", f"{ms} * 3.6 = {shown(ms * 3.6)}"]
    wrong = slips(
        "",
        ("divided", ms / 3.6, "The number was divided by 3.6.", 2),
        ("minutes-for-hours", ms * 60 / 1000, "An hour was taken to have 60 seconds.", 1),
        ("forgot-seconds", ms / 1000, "The seconds were left as they are.", 1),
    )
    return _number(ms * 3.6, {"v": ms}, steps, wrong)


def _density(tenths: int) -> Worked:
    value = tenths / 10
    steps = ["1 g = 0.001 kg and 1 cm^3 = 0.000001 m^3", f"{value} * 0.001 / 0.000001 = {tenths * 100}"]
    wrong = slips(
        "",
        ("volume-not-cubed", value / 1000 * 100, "A cubic metre was taken to have 100 cubic centimetres.", 1),
        ("divided", value / 1000, "The number was divided by 1000.", 2),
        ("volume-only", value * 1e6, "Only the cubic centimetres were converted.", 1),
    )
    return _number(tenths * 100, {"v": value}, steps, wrong)


def _kilowatt_hours(tenths: int) -> Worked:
    value = tenths / 10
    steps = ["1 kWh = 1000 W * 3600 s = 3600000 J = 3.6 MJ", f"{value} * 3.6 = {shown(value * 3.6)}"]
    wrong = slips(
        "",
        ("divided", value / 3.6, "The number was divided by 3.6.", 2),
        ("minutes-for-hours", value * 0.06, "An hour was taken to have 60 seconds.", 1),
        ("kilojoules", value * 3600, "The energy was given in kJ.", 1),
    )
    return _number(value * 3.6, {"v": value}, steps, wrong)


def _flow(step: int) -> Worked:
    value = 50 * step
    steps = ["1 L = 0.001 m^3 and 1 h = 60 min", f"{value} * 0.001 * 60 = {3 * step}"]
    wrong = slips(
        "",
        ("divided-by-60", value * 0.001 / 60, "The number was divided by 60.", 2),
        ("forgot-minutes", value * 0.001, "The minutes were left as they are.", 1),
        ("forgot-litres", value * 60, "The litres were left as they are.", 1),
        ("seconds", value * 3.6, "An hour was taken to have 3600 minutes.", 1),
    )
    return _number(3 * step, {"v": value}, steps, wrong)


def _specific_heat(tenths: int, molar: int) -> Worked:
    value = tenths / 10
    result = value * molar
    steps = [
        f"1 kJ = 1000 J and 1 kg = 1000 g, so {value} kJ/(kg*K) = {value} J/(g*K)",
        f"One mole is {molar} g: {value} * {molar} = {shown(result)}",
    ]
    wrong = slips(
        "",
        ("forgot-kilograms", result * 1000, "The kilograms were left as they are.", 1),
        ("divided", value / molar, "The number was divided by the molar mass.", 2),
        ("forgot-kilojoules", result / 1000, "The kilojoules were left as they are.", 1),
    )
    return _number(result, {"v": value, "m": molar}, steps, wrong)


def _order(lengths: tuple[int, int, int], units: tuple[str, str, str]) -> Worked:
    """``lengths`` in mm, increasing; ``units`` to write them in."""
    texts = [f"{length / _MM[unit]:.10g} {unit}" for length, unit in zip(lengths, units, strict=True)]
    numbers = sorted(texts, key=lambda text: float(text.split()[0]))
    steps = [f"{text} = {length} mm" for text, length in zip(texts, lengths, strict=True)]

    def listed(items: list[str]) -> str:
        return ", ".join(items)

    wrong = (
        Misconception("compared-numbers", listed(numbers), "The numbers were compared without their units.", 1),
        Misconception("falling-order", listed(texts[::-1]), "The lengths were put in falling order.", 3),
        Misconception("exchanged-the-first", listed([texts[1], texts[0], texts[2]]), "A conversion went wrong.", 2),
    )
    slots = {"list": ", ".join((texts[1], texts[2], texts[0]))}
    return worked("list", listed(texts), slots, steps, wrong, ordered=True, item="quantity")


_MM = {"mm": 1, "cm": 10, "m": 1000}
_PAIRS = (
    ("km", "m", 1000),
    ("m", "cm", 100),
    ("cm", "mm", 10),
    ("kg", "g", 1000),
    ("g", "mg", 1000),
    ("h", "min", 60),
    ("min", "s", 60),
    ("kW", "W", 1000),
)
_LENGTHS = (("m", "cm", 100), ("cm", "mm", 10), ("km", "m", 1000), ("m", "mm", 1000))

_CONVERT = (
    "How many {small} are {v} {large}? Give the number only.",
    "Convert {v} {large} to {small}. Give the number only.",
)
_RAISE = (
    "How many {large} are {v} {small}? Give the number only.",
    "Convert {v} {small} to {large}. Give the number only.",
)
_SPEED = (
    "How many m/s are {v} km/h? Give the number only.",
    "Convert {v} km/h to m/s. Give the number only.",
)
_BACK = (
    "How many km/h are {v} m/s? Give the number only.",
    "Convert {v} m/s to km/h. Give the number only.",
)
_DENSITY = (
    "A density is {v} g/cm^3. What is it in kg/m^3? Give the number only.",
    "Convert {v} g/cm^3 to kg/m^3. Give the number only.",
)
_KILOWATT_HOURS = (
    "How many MJ are {v} kWh? Give the number only.",
    "A battery holds {v} kWh. What is that in MJ? Give the number only.",
)
_FLOW = (
    "A pump moves {v} L/min. What is that in m^3/h? Give the number only.",
    "Convert {v} L/min to m^3/h. Give the number only.",
)
_SPECIFIC_HEAT = (
    "A substance of {m} g/mol has a specific heat of {v} kJ/(kg*K). What is it in J/(mol*K)? Give the number only.",
    "Convert {v} kJ/(kg*K) to J/(mol*K) for a molar mass of {m} g/mol. Give the number only.",
)
_ORDER = (
    "Put these lengths in order, the smallest first, separated by commas: {list}.",
    "List from the shortest to the longest, with commas between: {list}.",
)

_units = (("cm", "m", "mm"), ("mm", "cm", "m"), ("cm", "mm", "m"), ("m", "cm", "mm"), ("m", "mm", "cm"))
_lengths = Distinct((20, 50, 80, 120, 200, 300, 450, 500, 700, 900, 1200, 1500, 2000, 3500), 3)

FAMILY = ScienceFamily(
    "unit-conversions",
    "physics",
    [
        [
            Question("smaller", Product(range(2, 21), _PAIRS), _smaller, _CONVERT),
            Question("larger", Product(range(2, 21), _PAIRS), _larger, _RAISE),
        ],
        [
            Question("power", Product(range(2, 31), _LENGTHS, (2, 3)), _power, _CONVERT),
            Question("order", Product(_lengths, _units), _order, _ORDER),
        ],
        [
            Question("speed", Product(range(1, 41)), _speed, _SPEED),
            Question("back", Product(range(2, 101)), _back, _BACK),
            Question("density", Product(range(5, 221)), _density, _DENSITY),
        ],
        [
            Question("kilowatt-hours", Product(range(5, 201)), _kilowatt_hours, _KILOWATT_HOURS),
            Question("flow", Product(range(1, 81)), _flow, _FLOW),
            Question("specific-heat", Product(range(1, 46), range(12, 121, 4)), _specific_heat, _SPECIFIC_HEAT),
        ],
    ],
)
