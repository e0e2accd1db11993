"""Elasticity: stress, strain, Young's modulus, lateral contraction, stored energy."""

from __future__ import annotations

from math import pi

from distil_envs.family import Question, Worked
from distil_envs.science.exact import choice, exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity
from distil_envs.science.misconceptions import Misconception
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product


def _stress(stress: int, area: int) -> Worked:
    force = stress * area
    steps = ["stress = force / area, and 1 N/mm^2 is 1 MPa", f"{force} N / ({area} mm^2) = {stress} MPa"]
    wrong = slips(
        "MPa",
        ("multiplied", force * area, "The force was multiplied by the area.", 1),
        ("inverted", area / force, "The area was divided by the force.", 1),
        ("pascals-as-megapascals", stress * 10**6, "The result in Pa was given as MPa.", 2),
    )
    return exact(stress, "MPa", {"f": force, "a": area}, steps, wrong)


def _load(stress: int, area: int) -> Worked:
    steps = ["force = stress * area, and 1 MPa is 1 N/mm^2", f"{stress} MPa * {area} mm^2 = {stress * area} N"]
    wrong = slips(
        "N",
        ("divided", stress / area, "The stress was divided by the area.", 1),
        ("added", stress + area, "The stress and the area were added.", 1),
        ("square-millimetres", stress * area * 1000, "A square mm was taken as 0.001 square metres.", 1),
    )
    return exact(stress * area, "N", {"s": stress, "a": area}, steps, wrong)


def _wire(force: int, d: int) -> Worked:
    area = pi * d**2 / 4
    steps = [
        f"Cross-section: pi * ({d} mm)^2 / 4 = {shown(area)} mm^2",
        f"stress = force / area = {force} N / ({shown(area)} mm^2) = {amount(force / area, 'MPa')}",
    ]
    wrong = slips(
        "MPa",
        ("diameter-for-radius", force / area / 4, "The diameter was taken as the radius.", 1),
        ("forgot-square", force / (pi * d / 4), "The diameter was not squared.", 1),
        ("forgot-pi", force / (d**2 / 4), "The factor pi was left out.", 1),
        ("multiplied", force * area, "The force was multiplied by the area.", 2),
    )
    return quantity(force / area, "MPa", {"f": force, "d": d}, steps, wrong)


def _strain(hundredths: int, length: int) -> Worked:
    stretch = hundredths / 100
    value = stretch / length / 10  # mm over m, in percent
    steps = [
        f"Length: {length} m = {1000 * length} mm",
        f"strain = elongation / length = {stretch} mm / ({1000 * length} mm) = {shown(value / 100)}",
        f"In percent: {shown(value / 100)} = {amount(value, '%')}",
    ]
    wrong = slips(
        "%",
        ("forgot-percent", value / 100, "The strain was not turned into percent.", 3),
        ("metres-as-millimetres", value * 1000, "The length in m was taken as mm.", 1),
        ("inverted", length * 1e5 / stretch, "The length was divided by the elongation.", 2),
    )
    return quantity(value, "%", {"x": stretch, "l": length}, steps, wrong)


def _elongation(force: int, length: int, area: int, modulus: int) -> Worked:
    stress = force * 1000 / area
    value = stress * length * 1000 / (modulus * 1000)
    steps = [
        f"stress = force / area = {force} kN / ({area} mm^2) = {shown(stress)} MPa",
        f"strain = stress / modulus = {shown(stress)} MPa / ({modulus} GPa) = {shown(stress / modulus / 1000)}",
        f"elongation = strain * length = {shown(stress / modulus / 1000)} * {length} m = {amount(value, 'mm')}",
    ]
    wrong = slips(
        "mm",
        ("gigapascals-as-megapascals", value * 1000, "The modulus in GPa was taken as MPa.", 2),
        ("forgot-length", stress / modulus / 1000, "The strain was given as the elongation.", 3),
        ("forgot-area", value * area, "The force was not divided by the area.", 1),
        ("kilonewtons-as-newtons", value / 1000, "The force in kN was taken as N.", 1),
    )
    return quantity(value, "mm", {"f": force, "l": length, "a": area, "e": modulus}, steps, wrong)


def _modulus(force: int, area: int, hundredths: int, length: int) -> Worked:
    stretch = hundredths / 100
    stress, strain = force * 1000 / area, stretch / (length * 1000)
    value = stress / strain / 1000
    steps = [
        f"stress = {force} kN / ({area} mm^2) = {shown(stress)} MPa",
        f"strain = {stretch} mm / ({length} m) = {shown(strain)}",
        f"modulus = stress / strain = {shown(stress)} MPa / {shown(strain)} = {amount(value, 'GPa')}",
    ]
    wrong = slips(
        "GPa",
        ("forgot-length", stress / stretch / 1000, "The elongation was taken as the strain.", 2),
        ("megapascals-as-gigapascals", value * 1000, "The result in MPa was given as GPa.", 3),
        ("multiplied", stress * strain / 1000, "The stress was multiplied by the strain.", 3),
    )
    return quantity(value, "GPa", {"f": force, "a": area, "x": stretch, "l": length}, steps, wrong)


def _contraction(stress: int, modulus: int, hundredths: int, d: int) -> Worked:
    nu = hundredths / 100
    strain = stress / (modulus * 1000)
    value = nu * strain * d * 1000
    steps = [
        f"Strain along the rod: {stress} MPa / ({modulus} GPa) = {shown(strain)}",
        f"Strain across it: {nu} * {shown(strain)} = {shown(nu * strain)}",
        f"Loss of diameter: {shown(nu * strain)} * {d} mm = {amount(value, 'um')}",
    ]
    wrong = slips(
        "um",
        ("forgot-poisson", value / nu, "Poisson's ratio was left out.", 2),
        ("divided-by-poisson", value / nu**2, "The strain was divided by Poisson's ratio.", 2),
        ("radius-for-diameter", value / 2, "The radius was taken in place of the diameter.", 3),
        ("gigapascals-as-megapascals", value * 1000, "The modulus in GPa was taken as MPa.", 1),
    )
    return quantity(value, "um", {"s": stress, "e": modulus, "nu": nu, "d": d}, steps, wrong)


def _resilience(strength: int, modulus: int) -> Worked:
    value = strength**2 / (2 * modulus)
    steps = [
        "energy per volume = stress^2 / (2 * modulus)",
        f"({strength} MPa)^2 / (2 * {modulus} GPa) = {amount(value, 'kJ/m^3')}",
    ]
    wrong = slips(
        "kJ/m^3",
        ("forgot-half", 2 * value, "The factor 2 in the denominator was left out.", 1),
        ("forgot-square", strength / (2 * modulus), "The stress was not squared.", 2),
        ("strain", strength / modulus / 1000, "The strain was calculated, not the energy.", 1),
    )
    return quantity(value, "kJ/m^3", {"s": strength, "e": modulus}, steps, wrong)


def _stiffest(values: tuple[int, int, int], stretches: tuple[int, int, int]) -> Worked:
    """Three rods of one size: the loads in kN and the elongations in um."""
    ratios = [load / stretch for load, stretch in zip(values, stretches, strict=True)]
    best = ratios.index(max(ratios))
    names = ("rod 1", "rod 2", "rod 3")
    steps = [
        "Rods of one size: the modulus goes as load / elongation",
        ", ".join(
            f"{name}: {load} kN / ({stretch} um) = {shown(ratio)} kN/um"
            for name, load, stretch, ratio in zip(names, values, stretches, ratios, strict=True)
        ),
        f"So {names[best]} is the stiffest",
    ]
    said = {
        values.index(max(values)): ("largest-load", "The rod with the largest load was taken."),
        stretches.index(max(stretches)): ("largest-elongation", "The rod with the largest elongation was taken."),
        stretches.index(min(stretches)): ("smallest-elongation", "Only the elongations were compared."),
        ratios.index(min(ratios)): ("inverted", "The elongation was divided by the load."),
    }
    others = {names[rod]: Misconception(*_named(said, rod), 2) for rod in range(3) if rod != best}
    slots = {f"f{rod}": load for rod, load in enumerate(values)} | {f"x{rod}": x for rod, x in enumerate(stretches)}
    return choice(names[best], others, slots, steps, sum(values) // 10 + sum(stretches) // 50)


def _named(said: dict[int, tuple[str, str]], rod: int) -> tuple[str, str, str]:
    name, message = said.get(rod, ("miscalculated", "A quotient was miscalculated."))
    return name, "", message


_STRESS = (
    "A force of {f} N pulls at a bar with a cross-section of {a} mm^2. What is the stress, in MPa?",
    "Find the stress in MPa of {f} N on {a} mm^2.",
)
_LOAD = (
    "A bar of {a} mm^2 may be stressed by {s} MPa. What force can it carry, in N?",
    "Find the force in N that causes a stress of {s} MPa in a cross-section of {a} mm^2.",
)
_WIRE = (
    "A load of {f} N hangs on a round wire {d} mm in diameter. What is the stress in MPa, to 3 significant figures?",
    "Find the stress in MPa, to 3 significant figures, of {f} N in a round rod with a diameter of {d} mm.",
)
_STRAIN = (
    "A wire of {l} m is stretched by {x} mm. What is the strain in percent, to 3 significant figures?",
    "Find the strain in percent of a rod of {l} m that gets {x} mm longer, to 3 significant figures.",
)
_ELONGATION = (
    "A rod of {l} m with a cross-section of {a} mm^2 and a Young's modulus of {e} GPa carries {f} kN. How much longer "
    "does it get, in mm to 3 significant figures?",
    "Find the elongation in mm, to 3 significant figures, of a bar ({l} m long, {a} mm^2, E = {e} GPa) under {f} kN.",
)
_MODULUS = (
    "A rod of {l} m and {a} mm^2 gets {x} mm longer under {f} kN. What is its Young's modulus in GPa, to 3 significant "
    "figures?",
    "Find Young's modulus in GPa, to 3 significant figures: {f} kN stretch a bar of {l} m length and {a} mm^2 "
    "cross-section by {x} mm.",
)
_CONTRACTION = (
    "A rod {d} mm in diameter (E = {e} GPa, Poisson's ratio {nu}) is under a tensile stress of {s} MPa. By how much "
    "does its diameter shrink, in um to 3 significant figures?",
    "Find the loss of diameter in um, to 3 significant figures, of a {d} mm rod with E = {e} GPa and Poisson's ratio "
    "{nu}, pulled with {s} MPa.",
)
_RESILIENCE = (
    "A material with a modulus of {e} GPa yields at {s} MPa. How much elastic energy per volume can it store, in "
    "kJ/m^3 to 3 significant figures?",
    "Find the modulus of resilience in kJ/m^3, to 3 significant figures, for a yield strength of {s} MPa and "
    "E = {e} GPa.",
)
_STIFFEST = (
    "Three rods of equal size are pulled: rod 1 gets {x0} um longer under {f0} kN, rod 2 {x1} um under {f1} kN, rod 3 "
    "{x2} um under {f2} kN. Which has the largest Young's modulus?\n{options}",
    "Which of three rods of equal size is made of the stiffest material? Rod 1: {f0} kN, {x0} um; rod 2: {f1} kN, "
    "{x1} um; rod 3: {f2} kN, {x2} um (load and elongation).\n{options}",
)

_moduli = (45, 70, 110, 120, 190, 200, 210)
_bars = Filtered(
    Product(range(5, 31, 5), range(100, 301, 50), range(50, 301, 25), range(2, 6)),
    lambda force, area, x, length: 40 < 1e5 * force * length / area / x < 420,
)
"""Of materials between magnesium and tungsten."""

_loads = Filtered(Product(*[(10, 20, 30, 40)] * 3), lambda a, b, c: len({a, b, c}) == 3)
_stretches = Filtered(Product(*[(100, 150, 200, 250, 300)] * 3), lambda a, b, c: len({a, b, c}) == 3)
_rods = Filtered(Product(_loads, _stretches), lambda loads, x: len({a / b for a, b in zip(loads, x, strict=True)}) == 3)

FAMILY = ScienceFamily(
    "elasticity",
    "materials",
    [
        [
            Question("stress", Product(range(2, 21), range(2, 11)), _stress, _STRESS),
            Question("load", Product(range(2, 21), range(2, 11)), _load, _LOAD),
        ],
        [
            Question("wire", Product(range(100, 3001, 100), range(2, 13)), _wire, _WIRE),
            Question("strain", Product(range(20, 301, 4), range(2, 8)), _strain, _STRAIN),
        ],
        [
            Question(
                "elongation",
                Product(range(5, 41, 5), range(2, 7), range(100, 501, 50), _moduli),
                _elongation,
                _ELONGATION,
            ),
            Question(
                "modulus",
                _bars,
                _modulus,
                _MODULUS,
            ),
            Question("resilience", Product(range(100, 901, 25), _moduli), _resilience, _RESILIENCE),
        ],
        [
            Question(
                "contraction",
                Product(range(50, 301, 25), _moduli, (28, 30, 33, 35), range(10, 51, 5)),
                _contraction,
                _CONTRACTION,
            ),
            Question("stiffest", _rods, _stiffest, _STIFFEST),
        ],
    ],
)
