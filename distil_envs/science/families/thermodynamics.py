"""Thermodynamics: heat capacity, the first law, mixing, melting, entropy, heat engines."""

from __future__ import annotations

from math import log

from distil_envs.family import Question, Worked
from distil_envs.science.exact import choice, exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity
from distil_envs.science.misconceptions import Misconception
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product

R = 8.314
WATER, ICE = 4.18, 334
"""In J/(g*K) and J/g."""
ZERO = 273.15


def _capacity(c: int, rise: int) -> Worked:
    steps = ["heat = heat capacity * rise of temperature", f"{c} J/K * {rise} K = {c * rise} J"]
    wrong = slips(
        "J",
        ("divided", c / rise, "The heat capacity was divided by the rise.", 1),
        ("added", c + rise, "The heat capacity and the rise were added.", 1),
        ("celsius-to-kelvin", c * (rise + 273), "273 was added to a difference of temperatures.", 2),
    )
    return exact(c * rise, "J", {"c": c, "t": rise}, steps, wrong)


def _rise(c: int, rise: int) -> Worked:
    q = c * rise
    steps = ["rise of temperature = heat / heat capacity", f"{q} J / ({c} J/K) = {rise} K"]
    wrong = slips(
        "K",
        ("multiplied", q * c, "The heat was multiplied by the heat capacity.", 1),
        ("inverted", c / q, "The heat capacity was divided by the heat.", 1),
        ("celsius-to-kelvin", rise + 273, "273 was added to a difference of temperatures.", 2),
    )
    return exact(rise, "K", {"q": q, "c": c}, steps, wrong)


def _warm(m: int, low: int, rise: int) -> Worked:
    q = WATER * m * rise
    steps = [
        f"Rise: {low + rise} - {low} = {rise}, so {rise} K",
        "heat = specific heat * mass * rise",
        f"4.18 J/(g*K) * {m} g * {rise} K = {amount(q / 1000, 'kJ')}",
    ]
    wrong = slips(
        "kJ",
        ("final-temperature", WATER * m * (low + rise) / 1000, "The final temperature was taken as the rise.", 1),
        ("rise-in-kelvin", WATER * m * (rise + ZERO) / 1000, "273.15 was added to a difference of temperatures.", 1),
        ("joules-as-kilojoules", q, "Joules were given as kilojoules.", 3),
        ("forgot-specific-heat", m * rise / 1000, "The specific heat was left out.", 2),
    )
    return quantity(q / 1000, "kJ", {"m": m, "low": low, "high": low + rise}, steps, wrong)


def _first_law(heat: int, work: int) -> Worked:
    steps = ["change of internal energy = heat taken up - work done", f"{heat} J - {work} J = {heat - work} J"]
    wrong = slips(
        "J",
        ("added", heat + work, "The work was added, as if it were done on the gas.", 1),
        ("forgot-work", heat, "The work was left out.", 1),
        ("forgot-heat", -work, "The heat was left out.", 1),
        ("wrong-sign", work - heat, "The heat was subtracted from the work.", 1),
    )
    return exact(heat - work, "J", {"q": heat, "w": work}, steps, wrong)


def _mix(m: int, hot: int, n: int, cold: int) -> Worked:
    value = (m * hot + n * cold) / (m + n)
    steps = [
        "What the warm water gives the cold water takes, so the masses weigh the temperatures",
        f"({m} * {hot} + {n} * {cold}) / ({m} + {n}) = {shown(value)}",
        f"The temperature is {amount(value, 'degC')}",
    ]
    wrong = slips(
        "degC",
        ("plain-mean", (hot + cold) / 2, "The plain mean was taken, without the masses.", 1),
        ("exchanged-masses", (m * cold + n * hot) / (m + n), "The masses were exchanged.", 2),
        ("difference", (m * hot - n * cold) / (m + n), "The parts were subtracted, not added.", 2),
    )
    return quantity(value, "degC", {"m": m, "hot": hot, "n": n, "cold": cold}, steps, wrong)


def _entropy(q: int, hot: int, cold: int) -> Worked:
    h, c = hot + ZERO, cold + ZERO
    value = q / c - q / h
    steps = [
        f"Temperatures: {hot} + 273.15 = {shown(h, 7)} and {cold} + 273.15 = {shown(c, 7)}, in K",
        "The cold body gains heat / temperature, the hot one loses heat / temperature",
        f"{q} J / ({shown(c, 7)} K) - {q} J / ({shown(h, 7)} K) = {amount(value, 'J/K')}",
    ]
    wrong = slips(
        "J/K",
        ("celsius-for-kelvin", q / cold - q / hot, "The temperatures in degrees Celsius were taken as kelvin.", 1),
        ("forgot-hot", q / c, "The loss of the hot body was left out.", 2),
        ("added", q / c + q / h, "The hot body was taken to gain entropy too.", 2),
        ("difference-of-temperatures", q / (h - c), "The heat was divided by the difference of the temperatures.", 2),
    )
    return quantity(value, "J/K", {"q": q, "hot": hot, "cold": cold}, steps, wrong)


def _melt(m: int, t: int) -> Worked:
    melting, warming = ICE * m / 1000, WATER * m * t / 1000
    steps = [
        f"To melt: 334 J/g * {m} g = {shown(melting)} kJ",
        f"To warm: 4.18 J/(g*K) * {m} g * {t} K = {shown(warming)} kJ",
        f"Together: {shown(melting)} kJ + {shown(warming)} kJ = {amount(melting + warming, 'kJ')}",
    ]
    wrong = slips(
        "kJ",
        ("forgot-melting", warming, "The heat of melting was left out.", 1),
        ("forgot-warming", melting, "The heat that warms the water was left out.", 2),
        ("melting-per-kelvin", melting * t + warming, "The heat of melting was multiplied by the rise.", 1),
        ("joules-as-kilojoules", 1000 * (melting + warming), "Joules were given as kilojoules.", 3),
    )
    return quantity(melting + warming, "kJ", {"m": m, "t": t}, steps, wrong)


def _engine(q: int, hot: int, cold: int) -> Worked:
    h, c = hot + ZERO, cold + ZERO
    efficiency = 1 - c / h
    steps = [
        f"Temperatures: {hot} + 273.15 = {shown(h, 7)} and {cold} + 273.15 = {shown(c, 7)}, in K",
        f"Greatest efficiency: 1 - {shown(c, 7)} K / ({shown(h, 7)} K) = {shown(efficiency)}",
        f"work = efficiency * heat = {shown(efficiency)} * {q} J = {amount(q * efficiency, 'J')}",
    ]
    wrong = slips(
        "J",
        ("celsius-for-kelvin", q * (1 - cold / hot), "The temperatures in degrees Celsius were taken as kelvin.", 1),
        ("heat-given-off", q * c / h, "The heat that is given off was taken as the work.", 2),
        ("divided-by-the-cold", q * (h - c) / c, "The difference was divided by the lower temperature.", 2),
    )
    return quantity(q * efficiency, "J", {"q": q, "hot": hot, "cold": cold}, steps, wrong)


def _expansion_work(tenths: int, celsius: int, ratio: int) -> Worked:
    n, kelvin = tenths / 10, celsius + ZERO
    w = n * R * kelvin * log(ratio)
    steps = [
        f"Temperature: {celsius} + 273.15 = {shown(kelvin, 7)}, so {shown(kelvin, 7)} K",
        "work = amount * R * temperature * ln(final volume / initial volume)",
        f"{n} mol * 8.314 J/(mol*K) * {shown(kelvin, 7)} K * ln({ratio}) = {amount(w, 'J')}",
    ]
    wrong = slips(
        "J",
        ("celsius-for-kelvin", n * R * celsius * log(ratio), "Degrees Celsius were taken as kelvin.", 1),
        ("forgot-logarithm", n * R * kelvin * ratio, "The ratio of the volumes was taken, not its logarithm.", 2),
        ("common-logarithm", w / log(10), "The logarithm to base 10 was taken.", 3),
        ("steady-pressure", n * R * kelvin * (ratio - 1), "The pressure was taken to stay the same.", 2),
    )
    return quantity(w, "J", {"n": n, "t": celsius, "k": ratio}, steps, wrong)


def _process(volume: int, pressure: int) -> Worked:
    """The gas goes to ``volume`` times its volume and 1/``pressure`` of its pressure."""
    names = {"cooler": "It is cooler", "same": "It is as warm as before", "warmer": "It is warmer"}
    right = "same" if volume == pressure else "warmer" if volume > pressure else "cooler"
    steps = [
        "The absolute temperature goes as pressure * volume",
        f"Its factor: 1/{pressure} * {volume} = {shown(volume / pressure)}",
        f"{names[right]}",
    ]
    others = {
        names[name]: Misconception(f"says-{name}", "", message, 2)
        for name, message in (
            ("cooler", "Only the fall of the pressure was looked at, or the factor was turned over."),
            ("same", "Pressure and volume were taken to balance each other whatever their factors are."),
            ("warmer", "Only the growth of the volume was looked at, or the factor was turned over."),
        )
        if name != right
    }
    return choice(names[right], others, {"v": volume, "p": pressure}, steps, volume + 2 * pressure)


_CAPACITY = (
    "A body has a heat capacity of {c} J/K. How much heat, in J, warms it by {t} K?",
    "Find the heat in J that raises the temperature of a cup (heat capacity {c} J/K) by {t} K.",
)
_RISE = (
    "A body with a heat capacity of {c} J/K takes up {q} J. By how many K does it get warmer?",
    "Find the rise of temperature in K when {q} J heat a block of {c} J/K.",
)
_WARM = (
    "How much heat in kJ warms {m} g of water from {low} degC to {high} degC? Use 4.18 J/(g*K) and give 3 significant "
    "figures.",
    "Find the heat in kJ, to 3 significant figures, that takes {m} g of water (4.18 J/(g*K)) from {low} degC to "
    "{high} degC.",
)
_FIRST_LAW = (
    "A gas takes up {q} J of heat and does {w} J of work. By how much does its internal energy change, in J (negative "
    "for a loss)?",
    "While {q} J of heat flow into a gas, it does {w} J of work. Find the change of its internal energy in J, negative "
    "if it falls.",
)
_MIX = (
    "{m} g of water at {hot} degC are mixed with {n} g at {cold} degC (no losses). What is the temperature in degC, "
    "to 3 significant figures?",
    "Find the final temperature in degC, to 3 significant figures, when {n} g of water at {cold} degC and {m} g at "
    "{hot} degC are poured together (no losses).",
)
_ENTROPY = (
    "{q} J of heat flow from a large body at {hot} degC to one at {cold} degC. By how much does the entropy of both "
    "together grow, in J/K to 3 significant figures? Use 273.15 K for 0 degC.",
    "Find the total gain of entropy in J/K, to 3 significant figures, when {q} J pass from a reservoir at {hot} degC "
    "to one at {cold} degC (0 degC = 273.15 K).",
)
_MELT = (
    "How much heat in kJ turns {m} g of ice at 0 degC into water at {t} degC? Use 334 J/g for melting and "
    "4.18 J/(g*K), and give 3 significant figures.",
    "Find the heat in kJ, to 3 significant figures, that melts {m} g of ice at 0 degC (334 J/g) and warms the water to "
    "{t} degC (4.18 J/(g*K)).",
)
_ENGINE = (
    "A heat engine takes {q} J from {hot} degC and gives heat off at {cold} degC. What work can it do at most, in J to "
    "3 significant figures? Use 273.15 K for 0 degC.",
    "Find the greatest work in J, to 3 significant figures, that an engine between {hot} degC and {cold} degC (0 degC "
    "= 273.15 K) gets out of {q} J of heat.",
)
_EXPANSION_WORK = (
    "{n} mol of an ideal gas expand slowly at a steady {t} degC to {k} times the volume. What work does the gas do, in "
    "J to 3 significant figures? Use R = 8.314 J/(mol*K) and 273.15 K for 0 degC.",
    "Find the work in J, to 3 significant figures, of {n} mol of ideal gas in a reversible expansion at {t} degC to "
    "{k} times its volume (R = 8.314 J/(mol*K), 0 degC = 273.15 K).",
)
_PROCESS = (
    "An ideal gas expands to {v} times its volume while its pressure falls to 1/{p}. How does its temperature "
    "compare with before?\n{options}",
    "The volume of an ideal gas grows by the factor {v}, and its pressure is divided by {p}. What happens to its "
    "temperature?\n{options}",
)

_heat_and_work = Filtered(Product(range(50, 1001, 25), range(50, 1001, 25)), lambda q, w: q not in (w, 2 * w))

FAMILY = ScienceFamily(
    "thermodynamics",
    "physics",
    [
        [
            Question("capacity", Product(range(2, 21), range(2, 11)), _capacity, _CAPACITY),
            Question("rise", Product(range(2, 21), range(2, 11)), _rise, _RISE),
        ],
        [
            Question("warm", Product(range(50, 1001, 50), range(5, 26), range(10, 66, 5)), _warm, _WARM),
            Question("first-law", _heat_and_work, _first_law, _FIRST_LAW),
            Question("process", Product(range(2, 13), range(2, 13)), _process, _PROCESS),
        ],
        [
            Question(
                "mix",
                Filtered(
                    Product(range(50, 401, 50), range(50, 96, 5), range(50, 401, 50), range(5, 31, 5)),
                    lambda m, hot, n, cold: m != n,
                ),
                _mix,
                _MIX,
            ),
            Question(
                "entropy", Product(range(500, 5001, 250), range(80, 401, 20), range(5, 51, 5)), _entropy, _ENTROPY
            ),
        ],
        [
            Question("melt", Product(range(20, 501, 20), range(5, 91, 5)), _melt, _MELT),
            Question("engine", Product(range(500, 3001, 100), range(120, 601, 20), range(10, 61, 5)), _engine, _ENGINE),
            Question(
                "expansion-work", Product(range(2, 31), range(5, 96, 5), range(2, 8)), _expansion_work, _EXPANSION_WORK
            ),
        ],
    ],
)
