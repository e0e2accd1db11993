"""Momentum and gravitation: impulse, collisions, recoil, orbits."""

from __future__ import annotations

from math import pi, sqrt

from distil_envs.family import Question, Worked
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity, worked
from distil_envs.science.misconceptions import Misconception
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product

GM, RADIUS = 3.986e14, 6371
"""Of the Earth, in m^3/s^2 and km."""


def _momentum(m: int, v: int) -> Worked:
    steps = ["momentum = mass * speed", f"{m} kg * {v} m/s = {m * v} kg*m/s"]
    wrong = slips(
        "kg*m/s",
        ("divided", m / v, "The mass was divided by the speed.", 1),
        ("added", m + v, "The mass and the speed were added.", 1),
        ("energy-for-momentum", m * v**2 / 2, "The kinetic energy was calculated.", 1),
    )
    return exact(m * v, "kg*m/s", {"m": m, "v": v}, steps, wrong)


def _impulse(f: int, t: int) -> Worked:
    steps = ["impulse = force * time", f"{f} N * {t} s = {f * t} N*s"]
    wrong = slips(
        "N*s",
        ("divided", f / t, "The force was divided by the time.", 1),
        ("added", f + t, "The force and the time were added.", 1),
        ("halved", f * t / 2, "There is no factor 1/2 with a steady force.", 1),
    )
    return exact(f * t, "N*s", {"f": f, "t": t}, steps, wrong)


def _stick(m: int, v: int, n: int) -> Worked:
    value = m * v / (m + n)
    steps = [
        f"Momentum before: {m} kg * {v} m/s = {m * v} kg*m/s",
        f"Mass after: {m} kg + {n} kg = {m + n} kg",
        f"speed = {m * v} kg*m/s / ({m + n} kg) = {amount(value, 'm/s')}",
    ]
    wrong = slips(
        "m/s",
        ("forgot-first-mass", m * v / n, "The momentum was divided by the mass that was hit only.", 2),
        ("kept-energy", v * sqrt(m / (m + n)), "The kinetic energy was kept, not the momentum.", 1),
        ("halved-speed", v / 2, "The speed was halved whatever the masses.", 3),
    )
    return quantity(value, "m/s", {"m": m, "v": v, "n": n}, steps, wrong)


def _recoil(m: int, v: int, n: int) -> Worked:
    mass = m / 1000
    value = mass * v / n
    steps = [
        f"Mass of the ball: {m} g = {shown(mass)} kg",
        f"Its momentum: {shown(mass)} kg * {v} m/s = {shown(mass * v)} kg*m/s",
        f"The other momentum is as large: speed = {shown(mass * v)} kg*m/s / ({n} kg) = {amount(value, 'm/s')}",
    ]
    wrong = slips(
        "m/s",
        ("mass-in-grams", m * v / n, "The mass in grams was taken as kilograms.", 1),
        ("equal-energies", v * sqrt(mass / n), "The energies were taken to be equal, not the momenta.", 3),
        ("inverted", v * n / mass, "The ratio of the masses was turned over.", 3),
    )
    return quantity(value, "m/s", {"m": m, "v": v, "n": n}, steps, wrong)


def _lost(m: int, v: int, n: int) -> Worked:
    before, speed = m * v**2 / 2, m * v / (m + n)
    after = (m + n) * speed**2 / 2
    steps = [
        f"Speed after: {m} kg * {v} m/s / ({m} kg + {n} kg) = {shown(speed)} m/s",
        f"Energy before: 1/2 * {m} kg * ({v} m/s)^2 = {shown(before)} J",
        f"Energy after: 1/2 * {m + n} kg * ({shown(speed)} m/s)^2 = {shown(after)} J",
        f"Lost: {shown(before)} J - {shown(after)} J = {amount(before - after, 'J')}",
    ]
    wrong = slips(
        "J",
        ("energy-left", after, "The energy that is left was given.", 4),
        ("forgot-half", 2 * (before - after), "The factor 1/2 was left out.", 2),
        ("forgot-second-mass", before - m * speed**2 / 2, "Only the first mass was counted after the collision.", 3),
        ("nothing-left", before, "All of the energy was taken to be lost.", 4),
    )
    return quantity(before - after, "J", {"m": m, "v": v, "n": n}, steps, wrong)


def _bounce(m: int, n: int, v: int) -> Worked:
    first, second = (m - n) * v / (m + n), 2 * m * v / (m + n)

    def pair(a: float, b: float) -> str:
        return f"{amount(a, 'm/s')}, {amount(b, 'm/s')}"

    steps = [
        "In an elastic collision momentum and kinetic energy are kept",
        f"First: ({m} kg - {n} kg) * {v} m/s / ({m} kg + {n} kg) = {amount(first, 'm/s')}",
        f"Second: 2 * {m} kg * {v} m/s / ({m} kg + {n} kg) = {amount(second, 'm/s')}",
    ]
    common = m * v / (m + n)
    wrong = (
        Misconception("stuck-together", pair(common, common), "The masses were taken to stick together.", 1),
        Misconception("exchanged-speeds", pair(0, v), "The speeds were exchanged, as between equal masses.", 1),
        Misconception("wrong-sign", pair(-first, second), "The sign of the first velocity was turned round.", 2),
        Misconception("forgot-two", pair(first, common), "The factor 2 was left out.", 3),
    )
    slots = {"m": m, "n": n, "v": v}
    return worked(
        "list", pair(first, second), slots, steps, wrong, ordered=True, item="quantity", figures=3, unit="optional"
    )


def _gravity(h: int) -> Worked:
    r = RADIUS + h
    value = GM / (r * 1000) ** 2
    steps = [
        f"Distance from the centre: 6371 km + {h} km = {r} km",
        f"In m: {r} km = {shown(r * 1000.0)} m",
        f"g = GM / distance^2 = 3.986e14 m^3/s^2 / ({shown(r * 1000.0)} m)^2 = {amount(value, 'm/s^2')}",
    ]
    wrong = slips(
        "m/s^2",
        ("height-for-distance", GM / (h * 1000) ** 2, "The height was taken as the distance from the centre.", 1),
        ("forgot-square", GM / (r * 1000), "The distance was not squared.", 3),
        ("at-the-ground", GM / (RADIUS * 1000) ** 2, "The value at the ground was given.", 1),
        ("kilometres-as-metres", GM / r**2, "The distance in km was taken as m.", 2),
    )
    return quantity(value, "m/s^2", {"h": h}, steps, wrong)


def _orbit(h: int) -> Worked:
    r = RADIUS + h
    v = sqrt(GM / (r * 1000))
    t = 2 * pi * r * 1000 / v
    steps = [
        f"Radius of the orbit: 6371 km + {h} km = {r} km",
        f"speed = sqrt(GM / radius) = sqrt(3.986e14 m^3/s^2 / ({r} km)) = {shown(v)} m/s",
        f"period = 2 * pi * radius / speed = 2 * pi * {r} km / ({shown(v)} m/s) = {amount(t / 60, 'min')}",
    ]
    wrong = slips(
        "min",
        ("height-for-radius", 2 * pi * sqrt((h * 1000) ** 3 / GM) / 60, "The height was taken as the radius.", 1),
        ("forgot-two-pi", r * 1000 / v / 60, "The circumference was taken to be the radius.", 3),
        ("diameter", pi * r * 1000 / v / 60, "The circumference was taken to be pi * radius.", 3),
        ("seconds-as-minutes", t, "The period in seconds was given as minutes.", 3),
    )
    return quantity(t / 60, "min", {"h": h}, steps, wrong)


_MOMENTUM = (
    "What is the momentum, in kg*m/s, of {m} kg at {v} m/s?",
    "A cart of {m} kg moves at {v} m/s. Find its momentum in kg*m/s.",
)
_IMPULSE = (
    "A force of {f} N acts for {t} s. What is its impulse, in N*s?",
    "Find the impulse in N*s that {f} N give in {t} s.",
)
_STICK = (
    "A cart of {m} kg at {v} m/s hits one of {n} kg at rest, and they stick together. How fast do they move on, in m/s "
    "to 3 significant figures?",
    "{m} kg at {v} m/s run into {n} kg at rest and stay joined. Find their speed in m/s to 3 significant figures.",
)
_RECOIL = (
    "A skater of {n} kg on smooth ice throws a ball of {m} g at {v} m/s (as seen from the ice). How fast does the "
    "skater glide back, in m/s to 3 significant figures?",
    "A toy cannon of {n} kg at rest fires a ball of {m} g at {v} m/s over the ground. Find the speed of its recoil in "
    "m/s to 3 significant figures.",
)
_LOST = (
    "A cart of {m} kg at {v} m/s hits one of {n} kg at rest, and they stick together. How much kinetic energy is lost, "
    "in J to 3 significant figures?",
    "Find the kinetic energy in J, to 3 significant figures, that turns into heat when {m} kg at {v} m/s stick to {n} "
    "kg at rest.",
)
_BOUNCE = (
    "{m} kg at {v} m/s hit {n} kg at rest, head-on and elastically. Give the velocities of the first and of the second "
    "in m/s afterwards (positive: forward), separated by a comma, to 3 significant figures each.",
    "In a head-on elastic collision {m} kg at {v} m/s meet {n} kg at rest. List both velocities afterwards in m/s, the "
    "first body first, with a comma between, each to 3 significant figures (backward is negative).",
)
_GRAVITY = (
    "What is the acceleration of gravity {h} km above the ground, in m/s^2 to 3 significant figures? For the Earth "
    "GM = 3.986e14 m^3/s^2 and the radius is 6371 km.",
    "Find g in m/s^2, to 3 significant figures, at a height of {h} km over the Earth (GM = 3.986e14 m^3/s^2, radius "
    "6371 km).",
)
_ORBIT = (
    "A satellite circles the Earth {h} km above the ground. What is its period in min, to 3 significant figures? Use "
    "GM = 3.986e14 m^3/s^2 and a radius of 6371 km for the Earth.",
    "Find the time of one circular orbit in min, to 3 significant figures, at a height of {h} km over the Earth "
    "(GM = 3.986e14 m^3/s^2, radius 6371 km).",
)

_collisions = Filtered(Product(range(1, 16), range(2, 16), range(1, 16)), lambda m, v, n: m != n)
_unequal = Filtered(Product(range(1, 13), range(1, 13), range(2, 16)), lambda m, n, v: m != n)

FAMILY = ScienceFamily(
    "momentum",
    "physics",
    [
        [
            Question("momentum", Product(range(2, 21), range(2, 11)), _momentum, _MOMENTUM),
            Question("impulse", Product(range(2, 21), range(2, 11)), _impulse, _IMPULSE),
        ],
        [
            Question("stick", _collisions, _stick, _STICK),
            Question("recoil", Product(range(100, 1001, 50), range(3, 21), range(20, 81, 5)), _recoil, _RECOIL),
        ],
        [
            Question("lost", _collisions, _lost, _LOST),
            Question("bounce", _unequal, _bounce, _BOUNCE),
        ],
        [
            Question("gravity", Product(range(200, 3001, 10)), _gravity, _GRAVITY),
            Question("orbit", Product(range(200, 3001, 10)), _orbit, _ORBIT),
        ],
    ],
)
