"""Conduction: resistances of wires, temperature, carriers, semiconductors."""

from __future__ import annotations

from math import exp, pi

from distil_envs.family import Question, Worked
from distil_envs.science.exact import choice, exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity
from distil_envs.science.misconceptions import Misconception
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product

BOLTZMANN = 8.617e-5
"""In eV/K."""
CHARGE = 1.602e-19
"""In C."""


def _cable(per_km: int, length: int) -> Worked:
    steps = ["resistance = resistance per length * length", f"{per_km} ohm/km * {length} km = {per_km * length} ohm"]
    wrong = slips(
        "ohm",
        ("divided", per_km / length, "The resistance per length was divided by the length.", 1),
        ("added", per_km + length, "The numbers were added.", 1),
        ("kilometres-as-metres", per_km * length * 1000, "The length in km was turned into m, the other not.", 2),
    )
    return exact(per_km * length, "ohm", {"r": per_km, "l": length}, steps, wrong)


def _current_density(density: int, area: int) -> Worked:
    current = density * area
    steps = ["current density = current / area", f"{current} A / ({area} mm^2) = {density} A/mm^2"]
    wrong = slips(
        "A/mm^2",
        ("multiplied", current * area, "The current was multiplied by the area.", 1),
        ("inverted", area / current, "The area was divided by the current.", 1),
        ("subtracted", current - area, "The area was subtracted from the current.", 1),
    )
    return exact(density, "A/mm^2", {"i": current, "a": area}, steps, wrong)


def _wire(rho: float, length: int, tenths: int) -> Worked:
    area = tenths / 10
    value = rho * 1e-8 * length / (area * 1e-6)
    steps = [
        "resistance = resistivity * length / area",
        f"{rho}e-8 ohm*m * {length} m / ({area} mm^2) = {amount(value, 'ohm')}",
    ]
    wrong = slips(
        "ohm",
        ("inverted", rho * 1e-8 * area * 1e-6 / length, "Area and length were exchanged.", 1),
        ("square-millimetres", value / 1000, "A square mm was taken as 0.001 square metres.", 2),
        ("multiplied-by-area", rho * 1e-8 * length * area * 1e-6, "The area was multiplied, not divided.", 1),
    )
    return quantity(value, "ohm", {"rho": rho, "l": length, "a": area}, steps, wrong)


def _warm(ohms: int, rise: int, metal: tuple[str, float]) -> Worked:
    name, alpha = metal
    value = ohms * (1 + alpha * rise)
    steps = [
        f"Temperature above 20 degC: {20 + rise} - 20 = {rise}",
        "resistance = resistance at 20 degC * (1 + coefficient * rise)",
        f"{ohms} ohm * (1 + {alpha} 1/K * {rise} K) = {amount(value, 'ohm')}",
    ]
    wrong = slips(
        "ohm",
        ("final-temperature", ohms * (1 + alpha * (20 + rise)), "The temperature was taken as the rise.", 1),
        ("forgot-one", ohms * alpha * rise, "The change was given as the resistance.", 2),
        ("kelvin", ohms * (1 + alpha * (rise + 273.15)), "273.15 was added to a difference of temperatures.", 1),
        ("wrong-sign", ohms * (1 - alpha * rise), "The resistance was taken to fall.", 2),
    )
    return quantity(value, "ohm", {"r": ohms, "t": 20 + rise, "name": name, "alpha": alpha}, steps, wrong)


def _round_wire(rho: float, length: int, tenths: int) -> Worked:
    d = tenths / 10
    area = pi * d**2 / 4
    value = rho * 1e-8 * length / (area * 1e-6)
    steps = [
        f"Cross-section: pi * ({d} mm)^2 / 4 = {shown(area)} mm^2",
        "resistance = resistivity * length / area",
        f"{rho}e-8 ohm*m * {length} m / ({shown(area)} mm^2) = {amount(value, 'ohm')}",
    ]
    wrong = slips(
        "ohm",
        ("diameter-for-radius", value / 4, "The diameter was taken as the radius.", 1),
        ("forgot-square", value * d, "The diameter was not squared.", 1),
        ("forgot-pi", value * pi, "The factor pi was left out.", 1),
        ("square-millimetres", value / 1000, "A square mm was taken as 0.001 square metres.", 3),
    )
    return quantity(value, "ohm", {"rho": rho, "l": length, "d": d}, steps, wrong)


def _drawn(length_factor: int, ohms: int) -> Worked:
    value = ohms * length_factor**2
    steps = [
        f"The volume stays, so the area falls to 1/{length_factor}",
        f"resistance = resistivity * length / area grows by {length_factor} * {length_factor} = {length_factor**2}",
        f"{length_factor**2} * {ohms} ohm = {value} ohm",
    ]
    wrong = slips(
        "ohm",
        ("forgot-area", ohms * length_factor, "The area was taken to stay the same.", 1),
        ("cubed", ohms * length_factor**3, "The area was taken to fall by the square of the factor.", 1),
        ("unchanged", ohms, "The resistance was taken to stay, as the volume does.", 2),
        ("inverted", ohms / length_factor, "The length was put below the line.", 2),
    )
    return exact(value, "ohm", {"k": length_factor, "r": ohms}, steps, wrong)


def _doped(mantissa: int, exponent: int, mobility: int) -> Worked:
    n = mantissa * 10.0**exponent
    value = n * CHARGE * mobility
    steps = [
        "conductivity = carriers per volume * charge * mobility",
        f"{mantissa}e{exponent} 1/cm^3 * 1.602e-19 C * {mobility} cm^2/(V*s) = {amount(value, 'S/cm')}",
    ]
    wrong = slips(
        "S/cm",
        ("resistivity", 1 / value, "The inverse was given: that is the resistivity.", 1),
        ("forgot-charge", n * mobility, "The charge was left out.", 1),
        ("forgot-mobility", n * CHARGE, "The mobility was left out.", 1),
    )
    return quantity(value, "S/cm", {"n": f"{mantissa}e{exponent}", "mu": mobility}, steps, wrong)


def _intrinsic(hundredths: int, low: int, rise: int) -> Worked:
    gap, high = hundredths / 100, low + rise
    factor = gap / (2 * BOLTZMANN)
    power = factor * (1 / low - 1 / high)
    value = exp(power)
    steps = [
        f"gap / (2 * k) = {gap} eV / (2 * 8.617e-5 eV/K) = {shown(factor, 6)} K",
        f"Exponent: {shown(factor, 6)} K * (1 / ({low} K) - 1 / ({high} K)) = {shown(power)}",
        f"exp({shown(power)}) = {amount(value, '')}",
    ]
    wrong = slips(
        "",
        ("forgot-two", exp(2 * power), "The factor 2 below the gap was left out.", 1),
        ("wrong-sign", exp(-power), "The temperatures were exchanged.", 2),
        ("power-of-ten", 10**power, "The base 10 was taken in place of e.", 3),
        ("forgot-exponential", power, "The exponent was given as the ratio.", 3),
    )
    return quantity(value, "", {"g": gap, "low": low, "high": high}, steps, wrong)


def _larger(first: tuple[int, int], second: tuple[int, int]) -> Worked:
    """Which of two copper wires (length in m, diameter in mm) has the larger resistance."""
    (a, b), (c, d) = first, second
    names = ("the first", "the second", "both are equal")
    one, two = a / b**2, c / d**2
    best = 2 if a * d**2 == c * b**2 else 0 if one > two else 1
    simple = 2 if a * d == c * b else 0 if a / b > c / d else 1
    steps = [
        "The resistance goes as length / diameter^2",
        f"First: {a} / {b}^2 = {shown(one)}; second: {c} / {d}^2 = {shown(two)}",
        f"The larger one: {names[best]}",
    ]
    said = {
        rod: ("forgot-square", "The diameters were not squared.")
        if rod == simple
        else ("equal", "The longer wire was taken to be just as much thicker.")
        if rod == 2
        else ("one-dimension", "Only the lengths or only the diameters were compared.")
        for rod in range(3)
    }
    others = {
        names[rod]: Misconception(said[rod][0], "", said[rod][1], 2 if rod == 2 else 1)
        for rod in range(3)
        if rod != best
    }
    return choice(names[best], others, {"a": a, "b": b, "c": c, "d": d}, steps, a + b + c + d)


_CABLE = (
    "A cable has {r} ohm per km. What is the resistance of {l} km of it, in ohm?",
    "Find the resistance in ohm of {l} km of wire with {r} ohm/km.",
)
_CURRENT_DENSITY = (
    "A current of {i} A flows through a wire of {a} mm^2. What is the current density, in A/mm^2?",
    "Find the current density in A/mm^2 of {i} A in a cross-section of {a} mm^2.",
)
_WIRE = (
    "A wire {l} m long has a cross-section of {a} mm^2 and a resistivity of {rho}e-8 ohm*m. What is its resistance in "
    "ohm, to 3 significant figures?",
    "Find the resistance in ohm, to 3 significant figures, of {l} m of wire with {a} mm^2 and {rho}e-8 ohm*m.",
)
_WARM = (
    "A coil of {name} has {r} ohm at 20 degC. What is its resistance at {t} degC, in ohm to 3 significant figures? The "
    "temperature coefficient is {alpha} 1/K (at 20 degC).",
    "Find the resistance in ohm at {t} degC, to 3 significant figures, of a {name} wire with {r} ohm at 20 degC and a "
    "coefficient of {alpha} 1/K there.",
)
_ROUND_WIRE = (
    "A round wire {l} m long and {d} mm in diameter has a resistivity of {rho}e-8 ohm*m. What is its resistance in "
    "ohm, to 3 significant figures?",
    "Find the resistance in ohm, to 3 significant figures, of {l} m of round wire with a diameter of {d} mm and "
    "{rho}e-8 ohm*m.",
)
_DRAWN = (
    "A wire of {r} ohm is drawn out to {k} times its length; its volume stays the same. What is its resistance then, "
    "in ohm?",
    "Find the resistance in ohm of a wire that had {r} ohm before it was stretched evenly to {k} times its length at "
    "constant volume.",
)
_DOPED = (
    "A semiconductor has {n} free electrons per cm^3 with a mobility of {mu} cm^2/(V*s). What is its conductivity in "
    "S/cm, to 3 significant figures? The elementary charge is 1.602e-19 C.",
    "Find the conductivity in S/cm, to 3 significant figures, for {n} electrons per cm^3 and a mobility of {mu} "
    "cm^2/(V*s) (charge 1.602e-19 C).",
)
_INTRINSIC = (
    "The number of carriers of a pure semiconductor goes as exp(-gap/(2*k*T)), with a gap of {g} eV. By what factor "
    "does it grow from {low} K to {high} K? Give 3 significant figures and use k = 8.617e-5 eV/K.",
    "Find the ratio of the carriers at {high} K to those at {low} K, to 3 significant figures, if they go as "
    "exp(-gap/(2*k*T)) with a gap of {g} eV and k = 8.617e-5 eV/K.",
)
_LARGER = (
    "One copper wire is {a} m long and {b} mm in diameter, another {c} m long and {d} mm in diameter. Which has the "
    "larger resistance?\n{options}",
    "Two round copper wires: the first of {a} m and {b} mm diameter, the second of {c} m and {d} mm. Which one's "
    "resistance is larger?\n{options}",
)

_rhos = (1.59, 1.68, 2.44, 2.65, 5.6, 9.7, 10.6, 22.0, 49.0)
_metals = (("copper", 0.00393), ("aluminium", 0.00403), ("silver", 0.0038), ("tungsten", 0.0045), ("iron", 0.005))
_wires = Filtered(
    Product(Product(range(2, 13, 2), range(1, 4)), Product(range(2, 13, 2), range(1, 4))),
    lambda first, second: first[0] < second[0] and first[1] < second[1],
)

FAMILY = ScienceFamily(
    "resistivity",
    "materials",
    [
        [
            Question("cable", Product(range(2, 21), range(2, 11)), _cable, _CABLE),
            Question("current-density", Product(range(2, 13), range(2, 13)), _current_density, _CURRENT_DENSITY),
        ],
        [
            Question("wire", Product(_rhos, range(5, 101, 5), (5, 10, 15, 25, 40, 60)), _wire, _WIRE),
            Question("drawn", Product(range(2, 7), range(2, 31)), _drawn, _DRAWN),
        ],
        [
            Question("warm", Product(range(5, 101, 5), range(20, 121, 10), _metals), _warm, _WARM),
            Question("round-wire", Product(_rhos, range(5, 101, 5), (5, 8, 12, 15, 20, 30)), _round_wire, _ROUND_WIRE),
            Question("larger", _wires, _larger, _LARGER),
        ],
        [
            Question("doped", Product(range(1, 10), range(14, 18), range(400, 1501, 50)), _doped, _DOPED),
            Question(
                "intrinsic",
                Product((67, 112, 134, 142), range(290, 331, 5), range(10, 101, 10)),
                _intrinsic,
                _INTRINSIC,
            ),
        ],
    ],
)
