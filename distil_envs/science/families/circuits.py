"""Circuits: Ohm's law, power, resistors in series and in parallel, dividers, the price of energy."""

from __future__ import annotations

from distil_envs.family import Question, Worked
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity, worked
from distil_envs.science.misconceptions import Misconception
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product, Unordered


def _voltage(i: int, r: int) -> Worked:
    steps = ["voltage = current * resistance", f"{i} A * {r} ohm = {i * r} V"]
    wrong = slips(
        "V",
        ("divided", r / i, "The resistance was divided by the current.", 1),
        ("added", i + r, "The current and the resistance were added.", 1),
        ("power-for-voltage", i**2 * r, "The power was given: the current was squared.", 1),
    )
    return exact(i * r, "V", {"i": i, "r": r}, steps, wrong)


def _current(i: int, r: int) -> Worked:
    v = i * r
    steps = ["current = voltage / resistance", f"{v} V / ({r} ohm) = {i} A"]
    wrong = slips(
        "A",
        ("multiplied", v * r, "The voltage was multiplied by the resistance.", 1),
        ("inverted", r / v, "The resistance was divided by the voltage.", 1),
        ("subtracted", v - r, "The resistance was subtracted from the voltage.", 1),
    )
    return exact(i, "A", {"v": v, "r": r}, steps, wrong)


def _series(v: int, resistors: tuple[int, int]) -> Worked:
    r, s = resistors
    value = v / (r + s)
    steps = [
        f"In series: {r} ohm + {s} ohm = {r + s} ohm",
        f"current = voltage / resistance = {v} V / ({r + s} ohm) = {amount(value, 'A')}",
    ]
    wrong = slips(
        "A",
        ("parallel-for-series", v * (r + s) / (r * s), "The resistors were combined as if in parallel.", 1),
        ("one-resistor", v / r, "Only one of the resistors was taken into account.", 1),
        ("multiplied", v * (r + s), "The voltage was multiplied by the resistance.", 2),
    )
    return quantity(value, "A", {"v": v, "r": r, "s": s}, steps, wrong)


def _heat(v: int, r: int) -> Worked:
    p = v**2 / r
    steps = ["power = voltage^2 / resistance", f"({v} V)^2 / ({r} ohm) = {amount(p, 'W')}"]
    wrong = slips(
        "W",
        ("forgot-square", v / r, "The voltage was not squared: that is the current.", 2),
        ("voltage-for-current", v**2 * r, "The formula current^2 * resistance was used with the voltage.", 1),
        ("halved", p / 2, "There is no factor 1/2 with a steady voltage.", 1),
    )
    return quantity(p, "W", {"v": v, "r": r}, steps, wrong)


def _parallel(resistors: tuple[int, int]) -> Worked:
    r, s = resistors
    total = 1 / r + 1 / s
    steps = [
        "In parallel: 1 / total = 1 / first + 1 / second",
        f"1 / ({r} ohm) + 1 / ({s} ohm) = {shown(total)} 1/ohm",
        f"total = 1 / ({shown(total)} 1/ohm) = {amount(1 / total, 'ohm')}",
    ]
    wrong = slips(
        "ohm",
        ("series-for-parallel", r + s, "The resistances were added as if in series.", 1),
        ("forgot-inverse", total, "The sum of the inverses was not inverted.", 3),
        ("mean", (r + s) / 2, "The mean of the resistances was taken.", 1),
    )
    return quantity(1 / total, "ohm", {"r": r, "s": s}, steps, wrong)


def _three_parallel(resistors: tuple[int, int, int]) -> Worked:
    total = sum(1 / each for each in resistors)
    r, s, t = resistors
    steps = [
        "In parallel the inverses add up",
        f"1 / ({r} ohm) + 1 / ({s} ohm) + 1 / ({t} ohm) = {shown(total)} 1/ohm",
        f"total = 1 / ({shown(total)} 1/ohm) = {amount(1 / total, 'ohm')}",
    ]
    wrong = slips(
        "ohm",
        ("series-for-parallel", r + s + t, "The resistances were added as if in series.", 1),
        ("forgot-inverse", total, "The sum of the inverses was not inverted.", 3),
        ("product-over-sum", r * s * t / (r + s + t), "Product over sum holds for two resistors only.", 1),
    )
    return quantity(1 / total, "ohm", {"r": r, "s": s, "t": t}, steps, wrong)


def _divider(v: int, r: int, s: int) -> Worked:
    value = v * s / (r + s)
    steps = [
        f"current = {v} V / ({r} ohm + {s} ohm) = {shown(v / (r + s))} A",
        f"voltage across the second = {shown(v / (r + s))} A * {s} ohm = {amount(value, 'V')}",
    ]
    wrong = slips(
        "V",
        ("other-resistor", v - value, "The voltage across the other resistor was given.", 2),
        ("ratio-of-resistors", v * s / r, "The voltage was multiplied by the ratio of the two, not by the share.", 1),
        ("equal-halves", v / 2, "The voltage was shared equally.", 2),
    )
    return quantity(value, "V", {"v": v, "r": r, "s": s}, steps, wrong)


def _branches(v: int, resistors: tuple[int, int]) -> Worked:
    r, s = resistors

    def pair(first: float, second: float) -> str:
        return f"{amount(first, 'A')}, {amount(second, 'A')}"

    steps = [
        "Both resistors lie at the whole voltage",
        f"First current: {v} V / ({r} ohm) = {amount(v / r, 'A')}",
        f"Second current: {v} V / ({s} ohm) = {amount(v / s, 'A')}",
    ]
    series = v / (r + s)
    wrong = (
        Misconception("one-current", pair(series, series), "One current was taken, as if they were in series.", 1),
        Misconception("exchanged", pair(v / s, v / r), "The larger resistance was given the larger current.", 2),
        Misconception("half-voltage", pair(v / r / 2, v / s / 2), "The voltage was shared between the branches.", 1),
    )
    slots = {"v": v, "r": r, "s": s}
    return worked(
        "list", pair(v / r, v / s), slots, steps, wrong, ordered=True, item="quantity", figures=3, unit="optional"
    )


def _mixed(v: int, r: int, pair: tuple[int, int]) -> Worked:
    s, t = pair
    both = s * t / (s + t)
    value = v / (r + both)
    steps = [
        f"The two in parallel: {s} ohm * {t} ohm / ({s} ohm + {t} ohm) = {shown(both)} ohm",
        f"With the one in series: {r} ohm + {shown(both)} ohm = {shown(r + both)} ohm",
        f"current = {v} V / ({shown(r + both)} ohm) = {amount(value, 'A')}",
    ]
    wrong = slips(
        "A",
        ("series-for-parallel", v / (r + s + t), "The parallel resistors were added as if in series.", 1),
        ("forgot-series-resistor", v / both, "The resistor in series was left out.", 2),
        ("all-parallel", v * (1 / r + 1 / both), "All three resistors were combined as if in parallel.", 2),
    )
    return quantity(value, "A", {"v": v, "r": r, "s": s, "t": t}, steps, wrong)


def _bill(p: int, minutes: int, days: int, cents: int) -> Worked:
    energy = p / 1000 * minutes / 60 * days
    steps = [
        f"Power: {p} W = {shown(p / 1000)} kW",
        f"Time: {days} * {minutes} min = {shown(days * minutes / 60)} h",
        f"Energy: {shown(p / 1000)} kW * {shown(days * minutes / 60)} h = {shown(energy)} kW*h",
        f"Price in cents: {shown(energy)} * {cents} = {amount(energy * cents, '')}",
    ]
    wrong = slips(
        "",
        ("watts-as-kilowatts", energy * cents * 1000, "The power in W was taken as kW.", 1),
        ("minutes-as-hours", energy * cents * 60, "The minutes were taken as hours.", 2),
        ("one-day", energy * cents / days, "The price of one day was given.", 2),
        ("divided-by-time", p / 1000 / (days * minutes / 60) * cents, "The power was divided by the time.", 3),
    )
    return quantity(energy * cents, "", {"p": p, "t": minutes, "d": days, "c": cents}, steps, wrong)


_VOLTAGE = (
    "A current of {i} A flows through {r} ohm. What is the voltage, in V?",
    "Find the voltage in V across a resistor of {r} ohm that carries {i} A.",
)
_CURRENT = (
    "A resistor of {r} ohm lies at {v} V. What current flows, in A?",
    "Find the current in A that {v} V drive through {r} ohm.",
)
_SERIES = (
    "Resistors of {r} ohm and {s} ohm in series are connected to {v} V. What current flows, in A to 3 significant "
    "figures?",
    "A battery of {v} V feeds {r} ohm and {s} ohm, in series. Find the current in A to 3 significant figures.",
)
_HEAT = (
    "What power in W does a resistor of {r} ohm take at {v} V? Give 3 significant figures.",
    "A heater of {r} ohm runs at {v} V. Find its power in W to 3 significant figures.",
)
_PARALLEL = (
    "Resistors of {r} ohm and {s} ohm are in parallel. What is the total resistance in ohm, to 3 significant figures?",
    "Find the resistance in ohm, to 3 significant figures, of {r} ohm and {s} ohm side by side (in parallel).",
)
_THREE_PARALLEL = (
    "Find the total resistance in ohm, to 3 significant figures, of {r} ohm, {s} ohm and {t} ohm in parallel.",
    "Three resistors, {r} ohm, {s} ohm and {t} ohm, are connected in parallel. What is their resistance together, in "
    "ohm to 3 significant figures?",
)
_DIVIDER = (
    "{v} V lie across {r} ohm and {s} ohm in series. What is the voltage across the {s} ohm (the second one), in V to "
    "3 significant figures?",
    "A divider of {r} ohm and then {s} ohm is fed with {v} V. Find the voltage across its second resistor in V, to 3 "
    "significant figures.",
)
_BRANCHES = (
    "Resistors of {r} ohm and {s} ohm are in parallel at {v} V. Give the currents through them in A, in that order, "
    "separated by a comma, to 3 significant figures each.",
    "A battery of {v} V feeds {r} ohm and, beside it, {s} ohm. List the current in the first and in the second, in A "
    "with a comma between, each to 3 significant figures.",
)
_MIXED = (
    "A resistor of {r} ohm is in series with {s} ohm and {t} ohm, which are in parallel with each other. What current "
    "does a battery of {v} V deliver, in A to 3 significant figures?",
    "{v} V feed {r} ohm followed by a parallel pair of {s} ohm and {t} ohm. Find the total current in A to 3 "
    "significant figures.",
)
_BILL = (
    "A device of {p} W runs {t} minutes a day for {d} days. At {c} cents per kWh, what does its energy cost, in cents "
    "to 3 significant figures? Give the number only.",
    "Energy costs {c} cents per kWh. What is the price, in cents to 3 significant figures, of using {p} W for {t} "
    "minutes on each of {d} days? Give the number only.",
)

_pairs = Unordered(range(2, 41), 2)
_different = Filtered(Product(range(6, 25, 2), _pairs), lambda v, pair: pair[0] != pair[1])
_dividers = Filtered(Product(range(5, 25), range(10, 101, 10), range(10, 101, 10)), lambda v, r, s: r != s)

FAMILY = ScienceFamily(
    "circuits",
    "physics",
    [
        [
            Question("voltage", Product(range(2, 13), range(2, 13)), _voltage, _VOLTAGE),
            Question("current", Product(range(2, 13), range(2, 13)), _current, _CURRENT),
        ],
        [
            Question("series", Product(range(3, 25), _pairs), _series, _SERIES),
            Question("heat", Product(range(3, 49), range(2, 61, 2)), _heat, _HEAT),
        ],
        [
            Question("parallel", Product(_pairs), _parallel, _PARALLEL),
            Question("divider", _dividers, _divider, _DIVIDER),
            Question("branches", _different, _branches, _BRANCHES),
        ],
        [
            Question("three-parallel", Product(Unordered(range(2, 31), 3)), _three_parallel, _THREE_PARALLEL),
            Question("mixed", Product(range(6, 25, 3), range(1, 16), Unordered(range(2, 21))), _mixed, _MIXED),
            Question(
                "bill",
                Product(range(200, 2401, 100), range(10, 121, 5), range(5, 31, 5), range(20, 41, 5)),
                _bill,
                _BILL,
            ),
        ],
    ],
)
