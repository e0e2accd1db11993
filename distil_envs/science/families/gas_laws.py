"""Gas laws: Boyle, Charles, the combined law, the ideal gas law, density and molar mass of gases."""

from __future__ import annotations

from distil_envs.family import Question, Worked
from distil_envs.science.chemistry import molar_mass
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product

R = 8.314
"""The gas constant in J/(mol*K), which is kPa*L/(mol*K), as the prompts state it."""
_GASES = ("H2", "He", "N2", "O2", "CO2", "CH4", "NH3", "Ar", "SO2", "C3H8", "Ne", "Cl2")


def _kelvin(celsius: int) -> int:
    return celsius + 273


def _boyle(pressure: int, factor: int, volume: int, compressed: bool) -> Worked:
    """One of pressure and volume is a whole multiple of the other state's."""
    p1, p2 = (100 * pressure, 100 * pressure * factor) if compressed else (100 * pressure * factor, 100 * pressure)
    v1 = volume * factor if compressed else volume
    value = p1 * v1 // p2
    steps = [
        f"p1*V1 = {p1} kPa * {v1} L = {p1 * v1} kPa*L stays the same",
        f"V2 = {p1 * v1} / {p2} = {value} L",
    ]
    wrong = slips(
        "L",
        ("pressures-exchanged", v1 * p2 / p1, "The volume was taken to grow with the pressure.", 2),
        ("unchanged", v1, "The volume was taken to stay the same.", 2),
        ("difference", abs(v1 - value), "The change of the volume was given.", 2),
    )
    return exact(value, "L", {"p": p1, "q": p2, "v": v1}, steps, wrong)


def _charles(tenths: int, first: int, second: int) -> Worked:
    v = tenths / 10
    t, u = _kelvin(first), _kelvin(second)
    value = v * u / t
    steps = [
        f"T1 = {first} + 273 = {t} K, T2 = {second} + 273 = {u} K",
        f"V2 = V1*T2/T1 = {shown(v)} L * {u} / {t} = {amount(value, 'L')}",
    ]
    wrong = slips(
        "L",
        ("celsius-for-kelvin", v * second / first, "The temperatures were left in degrees Celsius.", 1),
        ("upside-down", v * t / u, "The two temperatures were exchanged.", 2),
        ("difference", v * (second - first) / t, "The change of the volume was given.", 2),
    )
    return quantity(value, "L", {"v": shown(v), "t": first, "u": second}, steps, wrong)


def _gay_lussac(pressure: int, first: int, second: int) -> Worked:
    t, u = _kelvin(first), _kelvin(second)
    value = pressure * u / t
    steps = [
        f"T1 = {first} + 273 = {t} K, T2 = {second} + 273 = {u} K",
        f"p2 = p1*T2/T1 = {pressure} kPa * {u} / {t} = {amount(value, 'kPa')}",
    ]
    wrong = slips(
        "kPa",
        ("celsius-for-kelvin", pressure * second / first, "The temperatures were left in degrees Celsius.", 1),
        ("upside-down", pressure * t / u, "The two temperatures were exchanged.", 2),
        ("difference", pressure * (second - first) / t, "The change of the pressure was given.", 2),
    )
    return quantity(value, "kPa", {"p": pressure, "t": first, "u": second}, steps, wrong)


def _combined(tenths: int, pressure: int, first: int, final: int, second: int) -> Worked:
    v = tenths / 10
    t, u = _kelvin(first), _kelvin(second)
    value = v * pressure / final * u / t
    steps = [
        f"T1 = {first} + 273 = {t} K, T2 = {second} + 273 = {u} K",
        f"At the new pressure: {shown(v)} L * {pressure} / {final} = {shown(v * pressure / final)} L",
        f"At the new temperature: {shown(v * pressure / final)} L * {u} / {t} = {amount(value, 'L')}",
    ]
    wrong = slips(
        "L",
        ("celsius-for-kelvin", v * pressure / final * second / first, "The temperatures were left in Celsius.", 1),
        ("pressures-exchanged", v * final / pressure * u / t, "The volume was taken to grow with the pressure.", 2),
        ("temperatures-exchanged", v * pressure / final * t / u, "The two temperatures were exchanged.", 3),
        ("forgot-temperature", v * pressure / final, "The change of temperature was left out.", 3),
    )
    slots = {"v": shown(v), "p": pressure, "t": first, "q": final, "u": second}
    return quantity(value, "L", slots, steps, wrong)


def _ideal_pressure(hundredths: int, volume: int, celsius: int) -> Worked:
    n, t = hundredths / 100, _kelvin(celsius)
    value = n * R * t / volume
    steps = [
        f"T = {celsius} + 273 = {t} K",
        f"n*R*T = {shown(n)} mol * 8.314 * {t} K = {shown(n * R * t)} kPa*L",
        f"p = {shown(n * R * t)} / {volume} = {amount(value, 'kPa')}",
    ]
    wrong = slips(
        "kPa",
        ("celsius-for-kelvin", n * R * celsius / volume, "The temperature was left in degrees Celsius.", 1),
        ("multiplied-by-volume", n * R * t * volume, "It was multiplied by the volume.", 3),
        ("forgot-amount", R * t / volume, "The amount was left out.", 2),
        ("other-constant", n * 0.08206 * t / volume, "R was taken in atm*L, which does not give kPa.", 2),
    )
    return quantity(value, "kPa", {"n": shown(n), "v": volume, "t": celsius}, steps, wrong)


def _ideal_amount(pressure: int, tenths: int, celsius: int) -> Worked:
    v, t = tenths / 10, _kelvin(celsius)
    value = pressure * v / (R * t)
    steps = [
        f"T = {celsius} + 273 = {t} K",
        f"R*T = 8.314 * {t} = {shown(R * t)} kPa*L/mol",
        f"n = p*V/(R*T) = {pressure} * {shown(v)} / {shown(R * t)} = {amount(value, 'mol')}",
    ]
    wrong = slips(
        "mol",
        ("celsius-for-kelvin", pressure * v / (R * celsius), "The temperature was left in degrees Celsius.", 1),
        ("upside-down", R * t / (pressure * v), "The fraction was turned upside down.", 3),
        ("standard-volume", v / 22.4, "The molar volume at other conditions was used.", 3),
        ("other-constant", pressure * v / (0.08206 * t), "R was taken in atm*L, but the pressure in kPa.", 2),
    )
    return quantity(value, "mol", {"p": pressure, "v": shown(v), "t": celsius}, steps, wrong)


def _density(gas: str, pressure: int, celsius: int) -> Worked:
    molar, t = round(molar_mass(gas), 2), _kelvin(celsius)
    value = pressure * molar / (R * t)
    steps = [
        f"T = {celsius} + 273 = {t} K",
        f"p*M = {pressure} * {shown(molar)} = {shown(pressure * molar)}, R*T = 8.314 * {t} = {shown(R * t)}",
        f"Density = p*M/(R*T) = {shown(pressure * molar)} / {shown(R * t)} = {amount(value, 'g/L')}",
    ]
    wrong = slips(
        "g/L",
        ("celsius-for-kelvin", pressure * molar / (R * celsius), "The temperature was left in degrees Celsius.", 1),
        ("forgot-molar-mass", pressure / (R * t), "The molar mass was left out.", 2),
        ("upside-down", R * t / (pressure * molar), "The fraction was turned upside down.", 3),
        ("standard-volume", molar / 22.4, "The molar volume at other conditions was used.", 3),
    )
    return quantity(value, "g/L", {"gas": gas, "molar": shown(molar), "p": pressure, "t": celsius}, steps, wrong)


def _gas_molar_mass(mass_hundredths: int, tenths: int, pressure: int, celsius: int) -> Worked:
    mass, v, t = mass_hundredths / 100, tenths / 10, _kelvin(celsius)
    n = pressure * v / (R * t)
    value = mass / n
    steps = [
        f"T = {celsius} + 273 = {t} K",
        f"n = p*V/(R*T) = {pressure} * {shown(v)} / (8.314 * {t}) = {shown(n)} mol",
        f"M = {shown(mass)} g / {shown(n)} mol = {amount(value, 'g/mol')}",
    ]
    wrong = slips(
        "g/mol",
        ("celsius-for-kelvin", mass * R * celsius / (pressure * v), "The temperature was left in Celsius.", 1),
        ("multiplied", mass * n, "The mass was multiplied by the amount.", 3),
        ("standard-volume", mass / (v / 22.4), "The molar volume at other conditions was used.", 2),
        ("upside-down", n / mass, "The amount was divided by the mass.", 3),
    )
    return quantity(value, "g/mol", {"m": shown(mass), "v": shown(v), "p": pressure, "t": celsius}, steps, wrong)


FAMILY = ScienceFamily(
    "gas-laws",
    "chemistry",
    [
        [
            Question(
                "boyle",
                Product(range(1, 11), (2, 3, 4, 5), range(1, 13), (True, False)),
                _boyle,
                (
                    "A gas takes {v} L at {p} kPa. What is its volume in L at {q} kPa and the same temperature?",
                    "At constant temperature the pressure of {v} L of gas goes from {p} kPa to {q} kPa. Find the new "
                    "volume in L.",
                ),
            )
        ],
        [
            Question(
                "charles",
                Product(range(10, 200, 6), range(5, 100, 6), range(110, 301, 10)),
                _charles,
                (
                    "A gas takes {v} L at {t} degC. What is its volume in L at {u} degC and the same pressure? Use 273 "
                    "K for 0 degC and give 3 significant figures.",
                    "At constant pressure {v} L of gas are heated from {t} degC to {u} degC (0 degC = 273 K). Find the "
                    "volume in L to 3 significant figures.",
                ),
            ),
            Question(
                "gay-lussac",
                Product(range(80, 400, 8), range(5, 100, 6), range(110, 301, 10)),
                _gay_lussac,
                (
                    "A sealed can holds gas at {p} kPa and {t} degC. What is the pressure in kPa at {u} degC? Use 273 "
                    "K for 0 degC and give 3 significant figures.",
                    "Gas in a rigid tank is heated from {t} degC to {u} degC (0 degC = 273 K), from {p} kPa on. Find "
                    "the pressure in kPa to 3 significant figures.",
                ),
            ),
        ],
        [
            Question(
                "ideal-pressure",
                Product(range(10, 300, 15), range(2, 41), range(10, 91, 5)),
                _ideal_pressure,
                (
                    "What is the pressure in kPa of {n} mol of gas in {v} L at {t} degC? R = 8.314 kPa*L/(mol*K), 0 "
                    "degC = 273 K. Give 3 significant figures.",
                    "{n} mol of an ideal gas fill {v} L at {t} degC (273 K at 0 degC). With R = 8.314 J/(mol*K), find "
                    "p in kPa to 3 significant figures.",
                ),
            ),
            Question(
                "ideal-amount",
                Product(range(80, 300, 9), range(10, 200, 7), range(10, 91, 5)),
                _ideal_amount,
                (
                    "How many mol of gas are in {v} L at {p} kPa and {t} degC? R = 8.314 kPa*L/(mol*K), 0 degC = 273 "
                    "K. Give 3 significant figures.",
                    "An ideal gas at {t} degC (273 K at 0 degC) and {p} kPa fills {v} L. With R = 8.314 J/(mol*K), "
                    "find n in mol to 3 significant figures.",
                ),
            ),
        ],
        [
            Question(
                "combined",
                Product(
                    range(10, 100, 7), range(80, 200, 15), range(5, 50, 9), range(210, 500, 35), range(60, 200, 20)
                ),
                _combined,
                (
                    "{v} L of gas at {p} kPa and {t} degC are brought to {q} kPa and {u} degC. Find the volume in L (0 "
                    "degC = 273 K) to 3 significant figures.",
                    "A gas goes from {p} kPa, {t} degC and {v} L to {q} kPa and {u} degC. With 273 K at 0 degC, what "
                    "is its volume in L, to 3 significant figures?",
                ),
            ),
            Question(
                "density",
                Product(_GASES, range(80, 250, 10), range(5, 96, 10)),
                _density,
                (
                    "What is the density in g/L of {gas} ({molar} g/mol) at {p} kPa and {t} degC? R = 8.314 "
                    "kPa*L/(mol*K), 0 degC = 273 K. Give 3 significant figures.",
                    "Find the density of {gas}, M = {molar} g/mol, in g/L at {t} degC (273 K at 0 degC) and {p} kPa, "
                    "with R = 8.314 J/(mol*K), to 3 significant figures.",
                ),
            ),
            Question(
                "gas-molar-mass",
                Filtered(
                    Product(range(50, 1000, 45), range(5, 60, 5), range(90, 180, 15), range(15, 100, 20)),
                    lambda m, v, p, t: 15 < m / 100 * R * (t + 273) / (p * v / 10) < 200,
                ),
                _gas_molar_mass,
                (
                    "{m} g of a gas fill {v} L at {p} kPa and {t} degC. Find its molar mass in g/mol (R = 8.314 "
                    "kPa*L/(mol*K), 0 degC = 273 K) to 3 significant figures.",
                    "What is the molar mass in g/mol of a gas of which {v} L at {t} degC (273 K at 0 degC) and {p} kPa "
                    "weigh {m} g? R = 8.314 J/(mol*K); 3 significant figures.",
                ),
            ),
        ],
    ],
)
