"""Forces: Newton's second law, weight, friction, inclines, curves, two masses on a rope."""

from __future__ import annotations

from fractions import Fraction
from math import cos, gcd, radians, sin, sqrt, tan

from distil_envs.family import Question, Worked
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity, worked
from distil_envs.science.misconceptions import Misconception
from distil_envs.science.slips import slips
from distil_envs.spaces import Distinct, Filtered, Product

G = 9.81


def _force(m: int, a: int) -> Worked:
    steps = ["force = mass * acceleration", f"{m} kg * {a} m/s^2 = {m * a} N"]
    wrong = slips(
        "N",
        ("divided", m / a, "The mass was divided by the acceleration.", 1),
        ("added", m + a, "The mass and the acceleration were added.", 1),
        ("weight", m * G, "The weight was given in place of the force that accelerates.", 1),
    )
    return exact(m * a, "N", {"m": m, "a": a}, steps, wrong)


def _acceleration(m: int, a: int) -> Worked:
    f = m * a
    steps = ["acceleration = force / mass", f"{f} N / ({m} kg) = {a} m/s^2"]
    wrong = slips(
        "m/s^2",
        ("multiplied", f * m, "The force was multiplied by the mass.", 1),
        ("inverted", m / f, "The mass was divided by the force.", 1),
        ("subtracted", f - m, "The mass was subtracted from the force.", 1),
    )
    return exact(a, "m/s^2", {"f": f, "m": m}, steps, wrong)


def _weight(grams: int) -> Worked:
    m = grams / 1000
    steps = [
        f"Mass: {grams} g = {shown(m)} kg",
        f"weight = mass * g = {shown(m)} kg * 9.81 m/s^2 = {amount(m * G, 'N')}",
    ]
    wrong = slips(
        "N",
        ("mass-in-grams", grams * G, "The mass in grams was taken as kilograms.", 1),
        ("mass-for-weight", m, "The mass in kilograms was given as the weight.", 2),
        ("divided", m / G, "The mass was divided by g.", 2),
    )
    return quantity(m * G, "N", {"m": grams}, steps, wrong)


def _pulled(f: int, friction: int, m: int) -> Worked:
    a = (f - friction) / m
    steps = [
        f"Net force: {f} N - {friction} N = {f - friction} N",
        f"acceleration = net force / mass = {f - friction} N / ({m} kg) = {amount(a, 'm/s^2')}",
    ]
    wrong = slips(
        "m/s^2",
        ("forgot-friction", f / m, "The friction was left out.", 1),
        ("added-friction", (f + friction) / m, "The friction was added to the pull.", 1),
        ("force-for-acceleration", f - friction, "The net force was not divided by the mass.", 2),
    )
    return quantity(a, "m/s^2", {"f": f, "r": friction, "m": m}, steps, wrong)


def _friction(m: int, mu: float) -> Worked:
    normal = m * G
    steps = [
        f"Normal force: {m} kg * 9.81 m/s^2 = {shown(normal)} N",
        f"friction = coefficient * normal force = {mu} * {shown(normal)} N = {amount(mu * normal, 'N')}",
    ]
    wrong = slips(
        "N",
        ("mass-for-weight", mu * m, "The mass was taken in place of the normal force.", 1),
        ("divided", normal / mu, "The normal force was divided by the coefficient.", 2),
        ("forgot-coefficient", normal, "The coefficient of friction was left out.", 2),
    )
    return quantity(mu * normal, "N", {"m": m, "mu": mu}, steps, wrong)


def _smooth_incline(angle: int) -> Worked:
    a = G * sin(radians(angle))
    steps = ["acceleration = g * sin(angle)", f"9.81 m/s^2 * sin({angle} deg) = {amount(a, 'm/s^2')}"]
    wrong = slips(
        "m/s^2",
        ("cosine-for-sine", G * cos(radians(angle)), "The cosine was taken: that is the part across the slope.", 1),
        ("degrees-as-radians", G * sin(angle), "The angle in degrees was taken as radians.", 2),
        ("tangent-for-sine", G * tan(radians(angle)), "The tangent was taken.", 1),
    )
    return quantity(a, "m/s^2", {"angle": angle}, steps, wrong)


def _normal(m: int, angle: int) -> Worked:
    value = m * G * cos(radians(angle))
    steps = ["normal force = mass * g * cos(angle)", f"{m} kg * 9.81 m/s^2 * cos({angle} deg) = {amount(value, 'N')}"]
    wrong = slips(
        "N",
        ("sine-for-cosine", m * G * sin(radians(angle)), "The sine was taken: that is the part along the slope.", 1),
        ("degrees-as-radians", m * G * cos(angle), "The angle in degrees was taken as radians.", 2),
        ("whole-weight", m * G, "The whole weight was taken as the normal force.", 1),
    )
    return quantity(value, "N", {"m": m, "angle": angle}, steps, wrong)


def _rough_incline(angle: int, mu: float) -> Worked:
    along, friction = G * sin(radians(angle)), mu * G * cos(radians(angle))
    steps = [
        f"Pull along the slope per mass: 9.81 m/s^2 * sin({angle} deg) = {shown(along)} m/s^2",
        f"Friction per mass: {mu} * 9.81 m/s^2 * cos({angle} deg) = {shown(friction)} m/s^2",
        f"{shown(along)} m/s^2 - {shown(friction)} m/s^2 = {amount(along - friction, 'm/s^2')}",
    ]
    wrong = slips(
        "m/s^2",
        ("forgot-friction", along, "The friction was left out.", 2),
        ("whole-weight", along - mu * G, "The friction was taken from the whole weight, not from its part.", 2),
        ("added-friction", along + friction, "The friction was added to the pull.", 3),
        ("exchanged-sine-and-cosine", friction / mu - mu * along, "Sine and cosine were exchanged.", 1),
    )
    return quantity(along - friction, "m/s^2", {"angle": angle, "mu": mu}, steps, wrong)


def _curve(r: int, mu: float) -> Worked:
    v = sqrt(mu * G * r)
    steps = [
        "Friction holds the car: mass * speed^2 / radius = coefficient * mass * g",
        f"speed = sqrt({mu} * 9.81 m/s^2 * {r} m) = {amount(v, 'm/s')}",
    ]
    wrong = slips(
        "m/s",
        ("forgot-root", v**2, "The root was not taken.", 2),
        ("forgot-coefficient", sqrt(G * r), "The coefficient of friction was left out.", 1),
        ("diameter-for-radius", sqrt(2 * mu * G * r), "The diameter was taken in place of the radius.", 2),
    )
    return quantity(v, "m/s", {"r": r, "mu": mu}, steps, wrong)


def _tension(masses: tuple[int, int]) -> Worked:
    m, n = masses
    value = 2 * m * n * G / (m + n)
    a = (n - m) * G / (m + n)
    steps = [
        f"Acceleration: ({n} kg - {m} kg) * 9.81 m/s^2 / ({n} kg + {m} kg) = {shown(a)} m/s^2",
        f"Tension at the lighter mass: {m} kg * (9.81 m/s^2 + {shown(a)} m/s^2) = {amount(value, 'N')}",
    ]
    wrong = slips(
        "N",
        ("weight-of-the-lighter", m * G, "The masses were taken to be at rest.", 2),
        ("difference-of-weights", (n - m) * G, "The difference of the weights was taken as the tension.", 2),
        ("wrong-sign", m * (G - a), "The acceleration was subtracted from g at the mass that goes up.", 2),
        ("divided-by-one-mass", m * (G + (n - m) * G / n), "Only the heavier mass was accelerated.", 1),
    )
    return quantity(value, "N", {"m": m, "n": n}, steps, wrong)


def _two_masses(masses: tuple[int, int]) -> Worked:
    m, n = masses

    def times_g(factor: Fraction) -> str:
        top = "g" if factor.numerator == 1 else f"{factor.numerator}*g"
        return top if factor.denominator == 1 else f"{top}/{factor.denominator}"

    answer = times_g(Fraction(n - m, n + m))
    steps = [
        f"The weights pull against each other: ({n} - {m}) * m * g",
        f"Both masses are accelerated: ({n} + {m}) * m",
        f"a = ({n} - {m}) * g / ({n} + {m}) = {answer}",
    ]
    wrong = (
        Misconception("one-mass", times_g(Fraction(n - m, n)), "Only the heavier mass was accelerated.", 2),
        Misconception("added-weights", times_g(Fraction(n + m, n - m)), "The fraction was turned over.", 3),
        Misconception("free-fall", "g", "The lighter mass was left out, as in a free fall.", 1),
        Misconception("ratio", times_g(Fraction(m, n)), "The ratio of the masses was taken.", 3),
    )
    slots = {"m": "m" if m == 1 else f"{m}*m", "n": f"{n}*m"}
    return worked("expression", answer, slots, steps, wrong, variables=["g"])


_FORCE = (
    "A body of {m} kg is accelerated by {a} m/s^2. What force acts on it, in N?",
    "Find the net force in N that gives {m} kg an acceleration of {a} m/s^2.",
)
_ACCELERATION = (
    "A net force of {f} N acts on {m} kg. What is the acceleration, in m/s^2?",
    "Find the acceleration in m/s^2 of a cart of {m} kg under a net force of {f} N.",
)
_WEIGHT = (
    "What is the weight in N of {m} g of sugar? Use g = 9.81 m/s^2 and give 3 significant figures.",
    "A bag has a mass of {m} g. Find its weight in N to 3 significant figures (g = 9.81 m/s^2).",
)
_PULLED = (
    "A box of {m} kg is pulled with {f} N against a friction of {r} N. What is its acceleration in m/s^2, "
    "to 3 significant figures?",
    "An engine pushes a cart of {m} kg with {f} N, and friction holds it back with {r} N. Find the acceleration in "
    "m/s^2 to 3 significant figures.",
)
_FRICTION = (
    "A crate of {m} kg slides on level ground with a friction coefficient of {mu}. What is the friction in N, to 3 "
    "significant figures? Use g = 9.81 m/s^2.",
    "Find the friction in N, to 3 significant figures, on {m} kg that slide over a level floor (coefficient {mu}, "
    "g = 9.81 m/s^2).",
)
_SMOOTH_INCLINE = (
    "A block slides without friction down a slope of {angle} degrees. What is its acceleration in m/s^2, to 3 "
    "significant figures? Use g = 9.81 m/s^2.",
    "Find the acceleration in m/s^2, to 3 significant figures, on a smooth incline of {angle} degrees "
    "(g = 9.81 m/s^2).",
)
_NORMAL = (
    "A block of {m} kg lies on a slope of {angle} degrees. With what force does the slope push on it at right angles, "
    "in N to 3 significant figures? Use g = 9.81 m/s^2.",
    "Find the normal force in N, to 3 significant figures, on {m} kg on an incline of {angle} degrees "
    "(g = 9.81 m/s^2).",
)
_ROUGH_INCLINE = (
    "A block slides down a slope of {angle} degrees with a friction coefficient of {mu}. What is its acceleration in "
    "m/s^2, to 3 significant figures? Use g = 9.81 m/s^2.",
    "Find the acceleration in m/s^2, to 3 significant figures, of a sledge that slides down an incline of {angle} "
    "degrees (friction coefficient {mu}, g = 9.81 m/s^2).",
)
_CURVE = (
    "A car takes a level curve of radius {r} m; the friction coefficient is {mu} and g = 9.81 m/s^2. What is the "
    "greatest speed without sliding, in m/s to 3 significant figures?",
    "How fast in m/s, to 3 significant figures, can a bicycle go round a flat bend of radius {r} m with a friction "
    "coefficient of {mu}? Use g = 9.81 m/s^2.",
)
_TENSION = (
    "Masses of {m} kg and {n} kg hang on a light rope over a frictionless pulley and are let go. What is the tension "
    "of the rope in N, to 3 significant figures? Use g = 9.81 m/s^2.",
    "A light rope over a light, smooth pulley joins {n} kg and {m} kg that move freely. Find the tension in N to 3 "
    "significant figures (g = 9.81 m/s^2).",
)
_TWO_MASSES = (
    "Masses of {m} and {n} hang on a light rope over a frictionless pulley and are let go. Give the acceleration "
    "in terms of g.",
    "A light rope over a light, smooth pulley joins a mass {n} and a mass {m}. With what acceleration do they "
    "move, as a multiple of g?",
)

_mus = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6)
_slides = Filtered(Product(range(15, 61), _mus), lambda angle, mu: tan(radians(angle)) > mu + 0.1)
_coprime = Filtered(Product(Distinct(range(1, 14))), lambda masses: gcd(*masses) == 1)

FAMILY = ScienceFamily(
    "forces",
    "physics",
    [
        [
            Question("force", Product(range(2, 21), range(2, 10)), _force, _FORCE),
            Question("acceleration", Product(range(2, 21), range(2, 10)), _acceleration, _ACCELERATION),
        ],
        [
            Question("weight", Product(range(50, 2001, 25)), _weight, _WEIGHT),
            Question("pulled", Product(range(40, 121, 5), range(5, 31, 5), range(3, 16)), _pulled, _PULLED),
            Question("friction", Product(range(4, 61, 2), _mus), _friction, _FRICTION),
        ],
        [
            Question("smooth-incline", Product(range(5, 66)), _smooth_incline, _SMOOTH_INCLINE),
            Question("normal", Product(range(2, 31), range(10, 61, 5)), _normal, _NORMAL),
        ],
        [
            Question("rough-incline", _slides, _rough_incline, _ROUGH_INCLINE),
            Question("curve", Product(range(10, 151, 5), _mus), _curve, _CURVE),
        ],
        [
            Question("tension", Product(Distinct(range(1, 16))), _tension, _TENSION),
            Question("two-masses", _coprime, _two_masses, _TWO_MASSES),
        ],
    ],
)
