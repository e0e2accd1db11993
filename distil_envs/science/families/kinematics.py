"""Kinematics: steady motion, steady acceleration, falls, throws, one vehicle after another."""

from __future__ import annotations

from math import cos, radians, sin, sqrt

from distil_envs.family import Question, Worked
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity, worked
from distil_envs.science.misconceptions import Misconception
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product

G = 9.81


def _distance(v: int, t: int) -> Worked:
    steps = ["distance = speed * time", f"{v} m/s * {t} s = {v * t} m"]
    wrong = slips(
        "m",
        ("divided", v / t, "The speed was divided by the time.", 1),
        ("added", v + t, "The speed and the time were added.", 1),
        ("halved", v * t / 2, "The factor 1/2 belongs to motion from rest, not to a steady speed.", 1),
    )
    return exact(v * t, "m", {"v": v, "t": t}, steps, wrong)


def _speed(v: int, t: int) -> Worked:
    d = v * t
    steps = ["speed = distance / time", f"{d} m / ({t} s) = {v} m/s"]
    wrong = slips(
        "m/s",
        ("multiplied", d * t, "The distance was multiplied by the time.", 1),
        ("inverted", t / d, "The time was divided by the distance.", 1),
        ("subtracted", d - t, "The time was subtracted from the distance.", 1),
    )
    return exact(v, "m/s", {"d": d, "t": t}, steps, wrong)


def _final_speed(v: int, a: int, t: int) -> Worked:
    steps = ["final speed = initial speed + acceleration * time", f"{v} m/s + {a} m/s^2 * {t} s = {v + a * t} m/s"]
    wrong = slips(
        "m/s",
        ("forgot-initial-speed", a * t, "The initial speed was left out.", 1),
        ("forgot-time", v + a, "The acceleration was not multiplied by the time.", 2),
        ("multiplied-everything", (v + a) * t, "The initial speed was multiplied by the time too.", 2),
    )
    return exact(v + a * t, "m/s", {"v": v, "a": a, "t": t}, steps, wrong)


def _from_rest(a: int, t: int) -> Worked:
    d = a * t**2 / 2
    steps = ["distance from rest = 1/2 * acceleration * time^2", f"1/2 * {a} m/s^2 * ({t} s)^2 = {shown(d)} m"]
    wrong = slips(
        "m",
        ("forgot-half", a * t**2, "The factor 1/2 was left out.", 1),
        ("forgot-square", a * t / 2, "The time was not squared.", 2),
        ("speed-for-distance", a * t, "Acceleration times time is the final speed, not the distance.", 1),
    )
    return exact(d, "m", {"a": a, "t": t}, steps, wrong)


def _displacement(v: int, a: int, t: int) -> Worked:
    first, second = v * t, a * t**2 / 2
    steps = [
        f"At the initial speed: {v} m/s * {t} s = {first} m",
        f"By the acceleration: 1/2 * {a} m/s^2 * ({t} s)^2 = {shown(second)} m",
        f"Together: {first} m + {shown(second)} m = {shown(first + second)} m",
    ]
    wrong = slips(
        "m",
        ("forgot-half", first + 2 * second, "The factor 1/2 was left out.", 2),
        ("forgot-square", first + a * t / 2, "The time was not squared.", 2),
        ("forgot-initial-speed", second, "The distance at the initial speed was left out.", 1),
    )
    return exact(first + second, "m", {"v": v, "a": a, "t": t}, steps, wrong)


def _fall_time(h: int) -> Worked:
    t = sqrt(2 * h / G)
    steps = ["time of a fall = sqrt(2 * height / g)", f"sqrt(2 * {h} m / (9.81 m/s^2)) = {amount(t, 's')}"]
    wrong = slips(
        "s",
        ("forgot-two", sqrt(h / G), "The factor 2 under the root was left out.", 1),
        ("forgot-root", 2 * h / G, "The root was not taken.", 2),
        ("speed-for-time", sqrt(2 * G * h), "The speed at the ground, sqrt(2 * g * height), was taken as a time.", 1),
    )
    return quantity(t, "s", {"h": h}, steps, wrong)


def _braking(v: int, a: int) -> Worked:
    d = v**2 / (2 * a)
    steps = [
        "braking distance = speed^2 / (2 * deceleration)",
        f"({v} m/s)^2 / (2 * {a} m/s^2) = {amount(d, 'm')}",
    ]
    wrong = slips(
        "m",
        ("forgot-half", 2 * d, "The factor 2 in the denominator was left out.", 1),
        ("forgot-square", v / (2 * a), "The speed was not squared.", 2),
        ("time-for-distance", v / a, "Speed over deceleration is the time to stop, not the distance.", 1),
    )
    return quantity(d, "m", {"v": v, "a": a}, steps, wrong)


def _range(v: int, angle: int) -> Worked:
    d = v**2 * sin(radians(2 * angle)) / G
    steps = [
        "range = speed^2 * sin(2 * angle) / g",
        f"Twice the angle: 2 * {angle} deg = {2 * angle} deg",
        f"({v} m/s)^2 * sin({2 * angle} deg) / (9.81 m/s^2) = {amount(d, 'm')}",
    ]
    wrong = slips(
        "m",
        ("angle-not-doubled", v**2 * sin(radians(angle)) / G, "The sine of the angle itself was taken.", 2),
        ("degrees-as-radians", v**2 * sin(2 * angle) / G, "The angle in degrees was taken as radians.", 3),
        ("forgot-square", d / v, "The speed was not squared.", 3),
    )
    return quantity(d, "m", {"v": v, "angle": angle}, steps, wrong)


def _peak(v: int, angle: int) -> Worked:
    up = v * sin(radians(angle))
    h = up**2 / (2 * G)
    steps = [
        f"Upward part of the speed: {v} m/s * sin({angle} deg) = {shown(up)} m/s",
        "greatest height = upward speed^2 / (2 * g)",
        f"({shown(up)} m/s)^2 / (2 * 9.81 m/s^2) = {amount(h, 'm')}",
    ]
    wrong = slips(
        "m",
        ("cosine-for-sine", (v * cos(radians(angle))) ** 2 / (2 * G), "The horizontal part of the speed was taken.", 1),
        ("degrees-as-radians", (v * sin(angle)) ** 2 / (2 * G), "The angle in degrees was taken as radians.", 1),
        ("whole-speed", v**2 / (2 * G), "The whole speed was taken in place of its upward part.", 1),
        ("forgot-half", 2 * h, "The factor 2 in the denominator was left out.", 2),
    )
    return quantity(h, "m", {"v": v, "angle": angle}, steps, wrong)


def _catch_up(v: int, a: int) -> Worked:
    t, d = 2 * v / a, 2 * v**2 / a
    steps = [
        "They meet when 1/2 * acceleration * time^2 = speed * time, so time = 2 * speed / acceleration",
        f"2 * {v} m/s / ({a} m/s^2) = {shown(t)} s",
        f"Distance of the car: {v} m/s * {shown(t)} s = {amount(d, 'm')}",
    ]
    wrong = slips(
        "m",
        ("equal-speeds", v**2 / (2 * a), "The place was taken where the speeds are equal, not the distances.", 1),
        ("forgot-half", v**2 / a, "The factor 1/2 in the motion from rest was left out.", 1),
        ("time-for-distance", t, "The time of the meeting was given as the distance.", 3),
    )
    return quantity(d, "m", {"v": v, "a": a}, steps, wrong)


def _table_throw(v: int, h: int) -> Worked:
    t = sqrt(2 * h / G)

    def pair(time: float, speed: float = v) -> str:
        return f"{amount(time, 's')}, {amount(speed * time, 'm')}"

    steps = [
        f"Time of the fall: sqrt(2 * {h} m / (9.81 m/s^2)) = {shown(t)} s",
        f"Horizontal distance: {v} m/s * {shown(t)} s = {amount(v * t, 'm')}",
    ]
    wrong = (
        Misconception("forgot-two", pair(sqrt(h / G)), "The factor 2 under the root was left out.", 1),
        Misconception("forgot-root", pair(2 * h / G), "The root was not taken.", 1),
        Misconception("halved-distance", pair(t, v / 2), "The horizontal speed is steady: no factor 1/2.", 2),
    )
    slots = {"v": v, "h": h}
    return worked("list", pair(t), slots, steps, wrong, ordered=True, item="quantity", figures=3, unit="optional")


_DISTANCE = (
    "A car moves at {v} m/s for {t} s. How far does it go, in m?",
    "How many m does a cyclist at a steady {v} m/s cover in {t} s?",
)
_SPEED = (
    "A runner covers {d} m in {t} s. What is the speed, in m/s?",
    "A train moves {d} m in {t} s at a steady speed. Find that speed in m/s.",
)
_FINAL_SPEED = (
    "A car at {v} m/s speeds up by {a} m/s^2 for {t} s. What is its final speed, in m/s?",
    "A boat has the initial speed {v} m/s and the acceleration {a} m/s^2. Find its speed in m/s after {t} s.",
)
_FROM_REST = (
    "A car starts from rest with the acceleration {a} m/s^2. How far does it get in {t} s, in m?",
    "Find the distance in m that a sledge covers in {t} s from rest at a steady {a} m/s^2.",
)
_DISPLACEMENT = (
    "A car at {v} m/s accelerates by {a} m/s^2 for {t} s. How far does it move in that time, in m?",
    "Find the distance in m covered in {t} s at an initial speed of {v} m/s and an acceleration of {a} m/s^2.",
)
_FALL_TIME = (
    "A stone falls {h} m from rest (g = 9.81 m/s^2, no air resistance). How long does it take, in s? "
    "Give 3 significant figures.",
    "Without air resistance and with g = 9.81 m/s^2, find the time in s of a fall of {h} m from rest, "
    "to 3 significant figures.",
)
_BRAKING = (
    "A car at {v} m/s brakes at {a} m/s^2. What is its braking distance in m, to 3 significant figures?",
    "How far, in m to 3 significant figures, does a train at {v} m/s go until it stands, if it slows by {a} m/s^2?",
)
_RANGE = (
    "A ball is thrown at {v} m/s at {angle} degrees above level ground (g = 9.81 m/s^2, no air resistance). "
    "How far away does it land, in m to 3 significant figures?",
    "Find the range in m, to 3 significant figures, of a shot at {v} m/s and {angle} degrees over flat ground. "
    "Take g = 9.81 m/s^2 and no air resistance.",
)
_PEAK = (
    "A ball is kicked at {v} m/s at {angle} degrees above the ground (g = 9.81 m/s^2, no air resistance). "
    "How high does it rise, in m to 3 significant figures?",
    "Find the greatest height in m, to 3 significant figures, of a throw at {v} m/s and {angle} degrees above the "
    "horizontal. Take g = 9.81 m/s^2 and no air resistance.",
)
_CATCH_UP = (
    "A car passes at a steady {v} m/s. At that moment a motorcycle starts beside it from rest at {a} m/s^2. "
    "After how many m does it catch the car? Give 3 significant figures.",
    "A bus starts from rest at {a} m/s^2 just when a van overtakes it at a constant {v} m/s. "
    "How far from there, in m to 3 significant figures, are they level again?",
)
_TABLE_THROW = (
    "A ball leaves the edge of a roof {h} m high horizontally at {v} m/s (g = 9.81 m/s^2, no air resistance). Give the "
    "time of its fall in s and the horizontal distance in m, separated by a comma, to 3 significant figures each.",
    "A stone is thrown horizontally at {v} m/s from a cliff of {h} m. With g = 9.81 m/s^2 and no air resistance, give "
    "the time until it lands (s), a comma, and how far out it lands (m), each to 3 significant figures.",
)

_throws = Filtered(Product(range(8, 41), range(15, 81, 5)), lambda v, angle: angle != 45)

FAMILY = ScienceFamily(
    "kinematics",
    "physics",
    [
        [
            Question("distance", Product(range(2, 21), range(2, 11)), _distance, _DISTANCE),
            Question("speed", Product(range(2, 21), range(2, 11)), _speed, _SPEED),
        ],
        [
            Question("final-speed", Product(range(2, 21), range(2, 7), range(2, 11)), _final_speed, _FINAL_SPEED),
            Question("from-rest", Product(range(2, 9), range(3, 13)), _from_rest, _FROM_REST),
        ],
        [
            Question("displacement", Product(range(2, 21), range(2, 7), range(3, 13)), _displacement, _DISPLACEMENT),
            Question("fall-time", Product(range(3, 121)), _fall_time, _FALL_TIME),
            Question("braking", Product(range(8, 41), range(3, 9)), _braking, _BRAKING),
        ],
        [
            Question("range", _throws, _range, _RANGE),
            Question("peak", _throws, _peak, _PEAK),
        ],
        [
            Question("catch-up", Product(range(8, 36), range(2, 8)), _catch_up, _CATCH_UP),
            Question("table-throw", Product(range(3, 21), range(3, 61)), _table_throw, _TABLE_THROW),
        ],
    ],
)
