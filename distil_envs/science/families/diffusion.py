"""Diffusion: fluxes, Fick's first law, diffusion lengths, Arrhenius' law."""

from __future__ import annotations

from math import exp, log, sqrt

from distil_envs.family import Question, Worked
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity, worked
from distil_envs.science.misconceptions import Misconception
from distil_envs.science.slips import slips
from distil_envs.spaces import Distinct, Filtered, Product

R = 8.314
ZERO = 273.15


def _rate(flux: int, area: int) -> Worked:
    steps = ["rate = flux * area", f"{flux} mg/(m^2*h) * {area} m^2 = {flux * area} mg/h"]
    wrong = slips(
        "mg/h",
        ("divided", flux / area, "The flux was divided by the area.", 1),
        ("added", flux + area, "The flux and the area were added.", 1),
        ("squared-area", flux * area**2, "The area was squared.", 1),
    )
    return exact(flux * area, "mg/h", {"j": flux, "a": area}, steps, wrong)


def _gradient(step: int, thickness: int) -> Worked:
    c = step * thickness
    steps = ["gradient = difference of concentrations / thickness", f"{c} kg/m^3 / ({thickness} mm) = {step} kg/m^3/mm"]
    wrong = slips(
        "kg/m^3/mm",
        ("multiplied", c * thickness, "The difference was multiplied by the thickness.", 1),
        ("inverted", thickness / c, "The thickness was divided by the difference.", 1),
        ("subtracted", c - thickness, "The thickness was subtracted.", 1),
    )
    return exact(step, "kg/m^3/mm", {"c": c, "d": thickness}, steps, wrong)


def _fick(tenths: int, high: int, low: int, thickness: int) -> Worked:
    d = tenths / 10 * 1e-10
    drop = high - low
    value = d * drop / (thickness / 1000)
    steps = [
        f"Difference: {high} kg/m^3 - {low} kg/m^3 = {drop} kg/m^3",
        "flux = diffusion coefficient * difference / thickness",
        f"{shown(d)} m^2/s * {drop} kg/m^3 / ({thickness} mm) = {amount(value, 'kg/(m^2*s)')}",
    ]
    wrong = slips(
        "kg/(m^2*s)",
        ("millimetres-as-metres", value / 1000, "The thickness in mm was taken as m.", 3),
        ("one-side", d * high / (thickness / 1000), "The concentration of one side was taken as the difference.", 1),
        ("multiplied-by-thickness", d * drop * thickness / 1000, "The thickness was multiplied, not divided.", 2),
    )
    return quantity(value, "kg/(m^2*s)", {"d": shown(d), "c": high, "e": low, "x": thickness}, steps, wrong)


def _length(tenths: int, hours: int) -> Worked:
    d = tenths / 10 * 1e-12
    t = hours * 3600
    value = sqrt(d * t) * 1e6
    steps = [
        f"Time: {hours} h = {t} s",
        "diffusion length = sqrt(diffusion coefficient * time)",
        f"sqrt({shown(d)} m^2/s * {t} s) = {amount(value, 'um')}",
    ]
    wrong = slips(
        "um",
        ("hours-as-seconds", sqrt(d * hours) * 1e6, "The time in h was taken as s.", 1),
        ("forgot-root", d * t * 1e6, "The root was not taken.", 2),
        ("hours-as-minutes", sqrt(d * hours * 60) * 1e6, "An hour was taken to have 60 seconds.", 1),
    )
    return quantity(value, "um", {"d": shown(d), "t": hours}, steps, wrong)


def _longer(depths: tuple[int, int], hours: int) -> Worked:
    near, far = depths
    value = hours * (far / near) ** 2
    steps = [
        "The depth grows as sqrt(time), so the time grows as depth^2",
        f"{hours} h * ({far} um / ({near} um))^2 = {amount(value, 'h')}",
    ]
    wrong = slips(
        "h",
        ("straight-line", hours * far / near, "The time was taken to grow as the depth.", 1),
        ("root-for-square", hours * sqrt(far / near), "The root of the ratio was taken, not its square.", 2),
        ("inverted", hours * (near / far) ** 2, "The ratio of the depths was turned over.", 2),
    )
    return quantity(value, "h", {"x": near, "y": far, "t": hours}, steps, wrong)


def _powers(first: int, factor: int) -> Worked:
    answer = f"{factor**2}*t" if first == 1 else f"t/{factor**2}"
    less = first != 1

    def times(number: int) -> str:
        return f"t/{number}" if less else f"{number}*t"

    change = f"1/{factor} of the depth" if less else f"{factor} times the depth"
    steps = [
        "The depth grows as sqrt(D * t), so the time grows as depth^2",
        f"For {change} the time is {f'(1/{factor})' if less else factor}^2 * t = {answer}",
    ]
    wrong = (
        Misconception("straight-line", times(factor), "The time was taken to grow as the depth.", 1),
        Misconception("cube", times(factor**3), "The ratio was cubed.", 2),
        Misconception("inverted", f"{factor**2}*t" if less else f"t/{factor**2}", "The ratio was turned over.", 2),
    )
    return worked("expression", answer, {"change": change}, steps, wrong, variables=["t"])


def _arrhenius(exponent: int, q: int, celsius: int) -> Worked:
    d0 = 10.0**-exponent
    kelvin = celsius + ZERO
    power = q * 1000 / (R * kelvin)
    value = d0 * exp(-power)
    steps = [
        f"Temperature: {celsius} + 273.15 = {shown(kelvin, 7)}, so {shown(kelvin, 7)} K",
        f"Q / (R * T) = {q} kJ/mol / (8.314 J/(mol*K) * {shown(kelvin, 7)} K) = {shown(power, 6)}",
        f"D = D0 * exp(-Q / (R * T)) = {shown(d0)} m^2/s * exp(-{shown(power, 6)}) = {amount(value, 'm^2/s', 2)}",
    ]
    wrong = slips(
        "m^2/s",
        ("celsius-for-kelvin", d0 * exp(-q * 1000 / (R * celsius)), "Degrees Celsius were taken as kelvin.", 1),
        ("forgot-minus", d0 * exp(power), "The minus sign in the exponent was left out.", 3),
        ("kilojoules-as-joules", d0 * exp(-power / 1000), "The energy in kJ was taken as J.", 2),
        ("power-of-ten", d0 * 10**-power, "The base 10 was taken in place of e.", 3),
    )
    slots = {"d": shown(d0), "q": q, "t": celsius}
    return quantity(value, "m^2/s", slots, steps, wrong, figures=2)


def _activation(factor: int, temperatures: tuple[int, int]) -> Worked:
    low, high = temperatures
    gap = 1 / low - 1 / high
    value = R * log(factor) / gap / 1000
    steps = [
        "ln(D2 / D1) = Q / R * (1 / T1 - 1 / T2), so Q = R * ln(D2 / D1) / (1 / T1 - 1 / T2)",
        f"1 / ({low} K) - 1 / ({high} K) = {shown(gap, 6)} 1/K",
        f"8.314 J/(mol*K) * ln({factor}) / ({shown(gap, 6)} 1/K) = {amount(value, 'kJ/mol')}",
    ]
    wrong = slips(
        "kJ/mol",
        ("forgot-logarithm", R * factor / gap / 1000, "The logarithm was left out.", 1),
        ("common-logarithm", value / log(10), "The logarithm to base 10 was taken.", 3),
        ("joules-as-kilojoules", value * 1000, "The result in J was given as kJ.", 3),
        ("difference-of-temperatures", R * log(factor) * (high - low) / 1000, "The temperatures were subtracted, not "
         "their inverses.", 2),
    )  # fmt: skip
    return quantity(value, "kJ/mol", {"k": factor, "low": low, "high": high}, steps, wrong)


_RATE = (
    "A membrane lets {j} mg per hour through each m^2. How much passes through {a} m^2, in mg/h?",
    "The flux of a gas through a foil is {j} mg/(m^2*h). Find the rate in mg/h through {a} m^2.",
)
_GRADIENT = (
    "A concentration falls by {c} kg/m^3 over {d} mm. What is its gradient, in kg/m^3 per mm?",
    "Find the gradient in kg/m^3/mm of a concentration that drops by {c} kg/m^3 across a plate of {d} mm.",
)
_FICK = (
    "Hydrogen diffuses through a plate {x} mm thick (D = {d} m^2/s). Its concentration is {c} kg/m^3 on one side and "
    "{e} kg/m^3 on the other. What is the steady flux in kg/(m^2*s), to 3 significant figures?",
    "Find the flux in kg/(m^2*s), to 3 significant figures, through a foil of {x} mm between {c} kg/m^3 and {e} kg/m^3 "
    "with a diffusion coefficient of {d} m^2/s.",
)
_LENGTH = (
    "With D = {d} m^2/s, how large is the diffusion length sqrt(D*t) after {t} h, in um to 3 significant figures?",
    "Find the diffusion length sqrt(D*t) in um, to 3 significant figures, for {t} h at D = {d} m^2/s.",
)
_LONGER = (
    "Carbon diffuses {x} um deep into steel in {t} h. How long does it take to {y} um at the same temperature, in h "
    "to 3 significant figures?",
    "A diffusion layer is {x} um deep after {t} h. Find the time in h, to 3 significant figures, for {y} um under the "
    "same conditions.",
)
_POWERS = (
    "A diffusion layer of some depth takes the time t. What time does {change} take at the same temperature? Answer in "
    "terms of t.",
    "Diffusion reaches a certain depth after t. Give the time for {change} as a multiple of t.",
)
_ARRHENIUS = (
    "D0 = {d} m^2/s and Q = {q} kJ/mol. What is the diffusion coefficient at {t} degC, in m^2/s to 2 significant "
    "figures? Use R = 8.314 J/(mol*K) and 273.15 K for 0 degC.",
    "Find D in m^2/s, to 2 significant figures, at {t} degC (0 degC = 273.15 K) from D0 = {d} m^2/s and an activation "
    "energy of {q} kJ/mol (R = 8.314 J/(mol*K)).",
)
_ACTIVATION = (
    "A diffusion coefficient grows by the factor {k} from {low} K to {high} K. What is the activation energy in "
    "kJ/mol, to 3 significant figures? Use R = 8.314 J/(mol*K).",
    "Find Q in kJ/mol, to 3 significant figures, if D at {high} K is {k} times D at {low} K (R = 8.314 J/(mol*K)).",
)

_falls = Filtered(
    Product((5, 10, 17, 25, 38, 50, 80), range(2, 13), range(0, 5), range(1, 6)), lambda d, high, low, x: low < high
)
_depths = Distinct(range(20, 201, 20))
_heats = Filtered(Product(range(100, 2001, 100), Distinct(range(700, 1401, 50))), lambda k, t: t[1] - t[0] >= 100)

FAMILY = ScienceFamily(
    "diffusion",
    "materials",
    [
        [
            Question("rate", Product(range(2, 21), range(2, 11)), _rate, _RATE),
            Question("gradient", Product(range(2, 16), range(2, 9)), _gradient, _GRADIENT),
        ],
        [
            Question("fick", _falls, _fick, _FICK),
            Question("length", Product(range(5, 96, 5), range(1, 25)), _length, _LENGTH),
        ],
        [
            Question("longer", Product(_depths, range(1, 13)), _longer, _LONGER),
            Question("powers", Product((1, 2), range(2, 21)), _powers, _POWERS),
        ],
        [
            Question(
                "arrhenius", Product((4, 5, 6, 7), range(80, 281, 10), range(500, 1201, 50)), _arrhenius, _ARRHENIUS
            ),
            Question("activation", _heats, _activation, _ACTIVATION),
        ],
    ],
)
