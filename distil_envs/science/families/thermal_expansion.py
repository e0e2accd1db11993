"""Thermal expansion: rods, volumes, gaps, thermal stress, shrink fits."""

from __future__ import annotations

from distil_envs.family import Question, Worked
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity, worked
from distil_envs.science.misconceptions import Misconception
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product


def _growth(alpha: int, rise: int) -> Worked:
    steps = ["growth = growth per K * rise of temperature", f"{alpha} um/K * {rise} K = {alpha * rise} um"]
    wrong = slips(
        "um",
        ("divided", alpha / rise, "The growth per K was divided by the rise.", 1),
        ("added", alpha + rise, "The numbers were added.", 1),
        ("celsius-to-kelvin", alpha * (rise + 273), "273 was added to a difference of temperatures.", 2),
    )
    return exact(alpha * rise, "um", {"a": alpha, "t": rise}, steps, wrong)


def _rise(alpha: int, rise: int) -> Worked:
    growth = alpha * rise
    steps = ["rise of temperature = growth / growth per K", f"{growth} um / ({alpha} um/K) = {rise} K"]
    wrong = slips(
        "K",
        ("multiplied", growth * alpha, "The growth was multiplied by the growth per K.", 1),
        ("inverted", alpha / growth, "The growth per K was divided by the growth.", 1),
        ("celsius-to-kelvin", rise + 273, "273 was added to a difference of temperatures.", 2),
    )
    return exact(rise, "K", {"x": growth, "a": alpha}, steps, wrong)


def _rod(metal: tuple[str, int], length: int, low: int, rise: int) -> Worked:
    name, alpha = metal
    value = alpha * 1e-6 * length * 1000 * rise
    steps = [
        f"Rise: {low + rise} - {low} = {rise}, so {rise} K",
        "growth = coefficient * length * rise",
        f"{alpha}e-6 1/K * {length} m * {rise} K = {amount(value, 'mm')}",
    ]
    wrong = slips(
        "mm",
        ("final-temperature", value * (low + rise) / rise, "The final temperature was taken as the rise.", 1),
        ("metres-as-millimetres", value / 1000, "The growth in m was given as mm.", 3),
        ("forgot-length", alpha * 1e-6 * rise, "The length was left out.", 2),
        ("kelvin", value * (rise + 273.15) / rise, "273.15 was added to a difference of temperatures.", 1),
    )
    slots = {"name": name, "alpha": alpha, "l": length, "low": low, "high": low + rise}
    return quantity(value, "mm", slots, steps, wrong)


def _stress(metal: tuple[str, int, int], rise: int) -> Worked:
    name, alpha, modulus = metal
    strain = alpha * 1e-6 * rise
    value = strain * modulus * 1000
    steps = [
        f"Hindered strain: {alpha}e-6 1/K * {rise} K = {shown(strain)}",
        f"stress = modulus * strain = {modulus} GPa * {shown(strain)} = {amount(value, 'MPa')}",
    ]
    wrong = slips(
        "MPa",
        ("gigapascals-as-megapascals", value / 1000, "The modulus in GPa was taken as MPa.", 2),
        ("kelvin", value * (rise + 273.15) / rise, "273.15 was added to a difference of temperatures.", 1),
        ("forgot-modulus", strain, "The strain was given as the stress.", 2),
        ("volume-for-length", 3 * value, "The coefficient of the volume was taken.", 1),
    )
    return quantity(value, "MPa", {"name": name, "alpha": alpha, "e": modulus, "t": rise}, steps, wrong)


def _volume(metal: tuple[str, int], volume: int, rise: int) -> Worked:
    name, alpha = metal
    value = 3 * alpha * 1e-6 * volume * rise
    steps = [
        f"Coefficient of the volume: 3 * {alpha}e-6 1/K = {shown(3 * alpha * 1e-6)} 1/K",
        f"growth = {shown(3 * alpha * 1e-6)} 1/K * {volume} cm^3 * {rise} K = {amount(value, 'cm^3')}",
    ]
    wrong = slips(
        "cm^3",
        ("length-for-volume", value / 3, "The coefficient of the length was taken.", 1),
        ("area-for-volume", value * 2 / 3, "The factor 2 of an area was taken.", 1),
        ("cubed", (alpha * 1e-6 * rise) ** 3 * volume, "The strain was cubed, not multiplied by 3.", 1),
        ("whole-volume", volume + value, "The whole volume was given, not its growth.", 2),
    )
    return quantity(value, "cm^3", {"name": name, "alpha": alpha, "v": volume, "t": rise}, steps, wrong)


def _shape(shape: str, factor: int) -> Worked:
    """By what a hole, a side, an area or a volume grows, in terms of alpha*t."""
    dimension = {"length": 1, "area": 2, "volume": 3}[shape]
    number = dimension * factor

    def times(count: int) -> str:
        return "a*t" if count == 1 else f"{count}*a*t"

    steps = [
        f"The coefficient of the {shape} is {dimension} * a for small changes",
        f"Over {factor} * t the relative growth is {dimension} * {factor} * a*t = {times(number)}",
    ]
    wrong = (
        *(
            Misconception(f"{other}-for-{shape}", times(d * factor), f"The coefficient of the {other} was taken.", 1)
            for other, d in (("length", 1), ("area", 2), ("volume", 3))
            if other != shape
        ),
        Misconception("forgot-factor", times(dimension), "The rise was taken as t.", 2),
    )
    rise = "t" if factor == 1 else f"{factor}*t"
    return worked("expression", times(number), {"shape": shape, "rise": rise}, steps, wrong, variables=["a", "t"])


def _gap(metal: tuple[str, int], length: int, cold: int, hot: int) -> Worked:
    name, alpha = metal
    span = hot - cold
    value = alpha * 1e-6 * length * 1000 * span
    steps = [
        f"From {cold} degC to {hot} degC: {hot} - ({cold}) = {span}, so {span} K",
        "Each gap takes the growth of one rail: coefficient * length * rise",
        f"{alpha}e-6 1/K * {length} m * {span} K = {amount(value, 'mm')}",
    ]
    wrong = slips(
        "mm",
        ("forgot-the-cold", value * hot / span, "The temperatures were counted from 0 degC.", 1),
        ("wrong-sign", value * (hot + cold) / span, "The temperatures were added, not subtracted.", 1),
        ("half-gap", value / 2, "Half of the growth was taken.", 2),
        ("metres-as-millimetres", value / 1000, "The growth in m was given as mm.", 3),
    )
    slots = {"name": name, "alpha": alpha, "l": length, "cold": cold, "hot": hot}
    return quantity(value, "mm", slots, steps, wrong)


def _shrink_fit(metal: tuple[str, int], diameter: int, excess: int) -> Worked:
    """``excess`` of the shaft over the ring in um."""
    name, alpha = metal
    rise = excess / 1000 / (alpha * 1e-6 * diameter)
    value = 20 + rise
    steps = [
        f"The ring must grow by {excess} um = {shown(excess / 1000)} mm",
        f"rise = growth / (coefficient * diameter) = {shown(excess / 1000)} mm / ({alpha}e-6 1/K * {diameter} mm)"
        f" = {shown(rise)} K",
        f"The temperature is 20 + {shown(rise)} = {shown(value)}, so {amount(value, 'degC')}",
    ]
    wrong = slips(
        "degC",
        ("rise-for-temperature", rise, "The rise was given as the temperature.", 3),
        ("area-for-length", 20 + rise / 2, "The coefficient of the area was taken.", 2),
        ("diameter-for-circumference", 20 + rise / 3.14159265, "The circumference was taken for the diameter.", 2),
        ("kelvin", value + 273.15, "The temperature in kelvin was given as degrees Celsius.", 3),
    )
    return quantity(value, "degC", {"name": name, "alpha": alpha, "d": diameter, "x": excess}, steps, wrong)


def _pair(first: tuple[str, int], second: tuple[str, int], length: int, rise: int) -> Worked:
    (name, alpha), (other, beta) = first, second
    gap = abs(beta - alpha)
    value = gap * 1e-6 * length * 1000 * rise
    steps = [
        f"Difference of the coefficients: {max(alpha, beta)}e-6 1/K - {min(alpha, beta)}e-6 1/K = {gap}e-6 1/K",
        f"difference of the lengths = {gap}e-6 1/K * {length} m * {rise} K = {amount(value, 'mm')}",
    ]
    wrong = slips(
        "mm",
        ("added", (alpha + beta) * 1e-3 * length * rise, "The growths were added.", 1),
        ("one-bar", alpha * 1e-3 * length * rise, "The growth of the first bar was given.", 1),
        ("metres-as-millimetres", value / 1000, "The difference in m was given as mm.", 2),
    )
    slots = {"name": name, "alpha": alpha, "other": other, "beta": beta, "l": length, "t": rise}
    return quantity(value, "mm", slots, steps, wrong)


_GROWTH = (
    "A bar grows by {a} um for each K. By how much does it grow when it gets {t} K warmer, in um?",
    "Find the growth in um of a rod that expands by {a} um per K and is heated by {t} K.",
)
_RISE = (
    "A bar that grows by {a} um for each K has grown by {x} um. By how many K did it get warmer?",
    "Find the rise of temperature in K that makes a rod {x} um longer, if it grows by {a} um per K.",
)
_ROD = (
    "A rod of {name} ({alpha}e-6 1/K) is {l} m long and is heated from {low} degC to {high} degC. By how much does it "
    "grow, in mm to 3 significant figures?",
    "Find the growth in mm, to 3 significant figures, of {l} m of {name} from {low} degC to {high} degC (coefficient "
    "{alpha}e-6 1/K).",
)
_STRESS = (
    "A bar of {name} (E = {e} GPa, {alpha}e-6 1/K) is held fixed at both ends and heated by {t} K. What stress arises, "
    "in MPa to 3 significant figures?",
    "Find the thermal stress in MPa, to 3 significant figures, of clamped {name} with {alpha}e-6 1/K and E = {e} GPa "
    "after a rise of {t} K.",
)
_VOLUME = (
    "A block of {name} ({alpha}e-6 1/K along each side) has a volume of {v} cm^3. By how much does it grow when it "
    "gets {t} K warmer, in cm^3 to 3 significant figures?",
    "Find the growth of the volume in cm^3, to 3 significant figures, of {v} cm^3 of {name} heated by {t} K (linear "
    "coefficient {alpha}e-6 1/K).",
)
_SHAPE = (
    "A solid has the linear coefficient of expansion a. What is the relative growth of its {shape} for a small rise of "
    "{rise}, to first order, in terms of a and t?",
    "To first order, by which fraction does the {shape} of a body grow on a rise of {rise}, if its coefficient of "
    "linear expansion is a? Answer in terms of a and t.",
)
_GAP = (
    "Rails of {name} ({alpha}e-6 1/K) are {l} m long and laid at {cold} degC. What gap between them do they need to "
    "reach {hot} degC, in mm to 3 significant figures?",
    "Find the gap in mm, to 3 significant figures, between slabs of {name} {l} m long laid at {cold} degC, so that "
    "they just touch at {hot} degC ({alpha}e-6 1/K).",
)
_SHRINK_FIT = (
    "A ring of {name} ({alpha}e-6 1/K) has an inner diameter of {d} mm at 20 degC and is {x} um too narrow for a "
    "shaft. To what temperature must it be heated to fit, in degC to 3 significant figures?",
    "Find the temperature in degC, to 3 significant figures, at which the bore of a {name} ring ({d} mm at 20 degC, "
    "{alpha}e-6 1/K) has grown by {x} um.",
)
_PAIR = (
    "Bars of {name} ({alpha}e-6 1/K) and {other} ({beta}e-6 1/K) are both {l} m long. By how much do their lengths "
    "differ after a rise of {t} K, in mm to 3 significant figures?",
    "Find the difference of length in mm, to 3 significant figures, between {l} m of {name} ({alpha}e-6 1/K) and {l} m "
    "of {other} ({beta}e-6 1/K), both {t} K warmer.",
)

_solids = (("glass", 9), ("steel", 12), ("iron", 11), ("copper", 17), ("brass", 19), ("aluminium", 23), ("zinc", 30))
_clamped = (("glass", 9, 70), ("steel", 12, 200), ("copper", 17, 120), ("brass", 19, 100), ("aluminium", 23, 70))
_pairs = Filtered(
    Product(_solids, _solids, range(1, 6), range(20, 151, 10)), lambda one, two, length, rise: one[1] < two[1]
)

FAMILY = ScienceFamily(
    "thermal-expansion",
    "materials",
    [
        [
            Question("growth", Product(range(2, 25), range(2, 11)), _growth, _GROWTH),
            Question("rise", Product(range(2, 25), range(2, 11)), _rise, _RISE),
        ],
        [
            Question("rod", Product(_solids, range(1, 13), (5, 10, 15, 20), range(20, 101, 10)), _rod, _ROD),
            Question("shape", Product(("length", "area", "volume"), range(1, 13)), _shape, _SHAPE),
        ],
        [
            Question("volume", Product(_solids, range(100, 1001, 50), range(20, 151, 10)), _volume, _VOLUME),
            Question("stress", Product(_clamped, range(10, 101, 2)), _stress, _STRESS),
        ],
        [
            Question("gap", Product(_solids, range(5, 31, 5), (-20, -10, -5, 5, 10), range(30, 71, 5)), _gap, _GAP),
            Question("shrink-fit", Product(_solids, range(40, 161, 10), range(40, 161, 10)), _shrink_fit, _SHRINK_FIT),
            Question("pair", _pairs, _pair, _PAIR),
        ],
    ],
)
