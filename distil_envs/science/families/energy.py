"""Energy: work, power, kinetic and potential energy, springs, losses."""

from __future__ import annotations

from math import sqrt

from distil_envs.family import Question, Worked
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product

G = 9.81


def _work(f: int, d: int) -> Worked:
    steps = ["work = force * distance", f"{f} N * {d} m = {f * d} J"]
    wrong = slips(
        "J",
        ("divided", f / d, "The force was divided by the distance.", 1),
        ("added", f + d, "The force and the distance were added.", 1),
        ("halved", f * d / 2, "The factor 1/2 belongs to a force that grows, as of a spring.", 1),
    )
    return exact(f * d, "J", {"f": f, "d": d}, steps, wrong)


def _power(p: int, t: int) -> Worked:
    e = p * t
    steps = ["power = energy / time", f"{e} J / ({t} s) = {p} W"]
    wrong = slips(
        "W",
        ("multiplied", e * t, "The energy was multiplied by the time.", 1),
        ("inverted", t / e, "The time was divided by the energy.", 1),
        ("subtracted", e - t, "The time was subtracted from the energy.", 1),
    )
    return exact(p, "W", {"e": e, "t": t}, steps, wrong)


def _kinetic(m: int, v: int) -> Worked:
    e = m * v**2 / 2
    steps = ["kinetic energy = 1/2 * mass * speed^2", f"1/2 * {m} kg * ({v} m/s)^2 = {shown(e)} J"]
    wrong = slips(
        "J",
        ("forgot-half", m * v**2, "The factor 1/2 was left out.", 1),
        ("forgot-square", m * v / 2, "The speed was not squared.", 2),
        ("momentum", m * v, "Mass times speed is the momentum, not the energy.", 1),
    )
    return exact(e, "J", {"m": m, "v": v}, steps, wrong)


def _lift(m: int, h: int) -> Worked:
    e = m * G * h
    steps = ["potential energy = mass * g * height", f"{m} kg * 9.81 m/s^2 * {h} m = {amount(e, 'J')}"]
    wrong = slips(
        "J",
        ("forgot-g", m * h, "The factor g was left out.", 1),
        ("added-half", e / 2, "The factor 1/2 belongs to the kinetic energy.", 1),
        ("squared-height", m * G * h**2, "The height was squared.", 1),
    )
    return quantity(e, "J", {"m": m, "h": h}, steps, wrong)


def _spring(k: int, x: int) -> Worked:
    m = x / 100
    e = k * m**2 / 2
    steps = [
        f"Stretch: {x} cm = {shown(m)} m",
        "energy of a spring = 1/2 * stiffness * stretch^2",
        f"1/2 * {k} N/m * ({shown(m)} m)^2 = {amount(e, 'J')}",
    ]
    wrong = slips(
        "J",
        ("stretch-in-cm", k * x**2 / 2, "The stretch in cm was taken as m.", 1),
        ("forgot-half", 2 * e, "The factor 1/2 was left out.", 2),
        ("forgot-square", k * m / 2, "The stretch was not squared.", 3),
    )
    return quantity(e, "J", {"k": k, "x": x}, steps, wrong)


def _impact(h: int) -> Worked:
    v = sqrt(2 * G * h)
    steps = [
        "All of mass * g * height becomes 1/2 * mass * speed^2, so speed = sqrt(2 * g * height)",
        f"sqrt(2 * 9.81 m/s^2 * {h} m) = {amount(v, 'm/s')}",
    ]
    wrong = slips(
        "m/s",
        ("forgot-root", 2 * G * h, "The root was not taken.", 2),
        ("forgot-half", sqrt(G * h), "The factor 1/2 of the kinetic energy was left out.", 1),
        ("time-for-speed", sqrt(2 * h / G), "The time of the fall was taken as the speed.", 1),
    )
    return quantity(v, "m/s", {"h": h}, steps, wrong)


def _pump(m: int, h: int, t: int, efficiency: int) -> Worked:
    useful = m * G * h
    p = useful / (t * 60) / (efficiency / 100)
    steps = [
        f"Useful work: {m} kg * 9.81 m/s^2 * {h} m = {shown(useful)} J",
        f"Time: {t} min = {t * 60} s",
        f"Useful power: {shown(useful)} J / ({t * 60} s) = {shown(useful / t / 60)} W",
        f"Divided by the efficiency: {shown(useful / t / 60)} W / {efficiency / 100} = {amount(p, 'W')}",
    ]
    wrong = slips(
        "W",
        ("minutes-as-seconds", 60 * p, "The time in minutes was taken as seconds.", 2),
        ("forgot-efficiency", useful / t / 60, "The efficiency was left out.", 4),
        ("multiplied-efficiency", p * (efficiency / 100) ** 2, "The power was multiplied by the efficiency.", 4),
        ("forgot-g", p / G, "The factor g was left out.", 1),
    )
    return quantity(p, "W", {"m": m, "h": h, "t": t, "eff": efficiency}, steps, wrong)


def _slide(h: int, loss: int) -> Worked:
    kept = G * h * (1 - loss / 100)
    v = sqrt(2 * kept)
    steps = [
        f"Energy per mass at the top: 9.81 m/s^2 * {h} m = {shown(G * h)} J/kg",
        f"Without the {loss} % lost: {shown(G * h)} J/kg * {shown(1 - loss / 100)} = {shown(kept)} J/kg",
        f"speed = sqrt(2 * energy per mass) = sqrt(2 * {shown(kept)} J/kg) = {amount(v, 'm/s')}",
    ]
    wrong = slips(
        "m/s",
        ("forgot-loss", sqrt(2 * G * h), "The loss was left out.", 2),
        ("kept-what-is-lost", sqrt(2 * G * h * loss / 100), "The part that is lost was taken as what is left.", 2),
        ("loss-of-speed", sqrt(2 * G * h) * (1 - loss / 100), "The loss was taken from the speed, not the energy.", 2),
        ("forgot-root", 2 * kept, "The root was not taken.", 3),
    )
    return quantity(v, "m/s", {"h": h, "loss": loss}, steps, wrong)


def _launch(k: int, x: int, m: int) -> Worked:
    stretch, mass = x / 100, m / 1000
    e = k * stretch**2 / 2
    h = e / (mass * G)
    steps = [
        f"Squeeze: {x} cm = {shown(stretch)} m",
        f"Mass: {m} g = {shown(mass)} kg",
        f"Energy of the spring: 1/2 * {k} N/m * ({shown(stretch)} m)^2 = {shown(e)} J",
        f"height = energy / (mass * g) = {shown(e)} J / ({shown(mass)} kg * 9.81 m/s^2) = {amount(h, 'm')}",
    ]
    wrong = slips(
        "m",
        ("forgot-half", 2 * h, "The factor 1/2 of the energy of a spring was left out.", 3),
        ("forgot-square", k * stretch / 2 / (mass * G), "The squeeze was not squared.", 3),
        ("mass-in-grams", h / 1000, "The mass in grams was taken as kilograms.", 2),
        ("forgot-g", e / mass, "The factor g was left out.", 4),
    )
    return quantity(h, "m", {"k": k, "x": x, "m": m}, steps, wrong)


_WORK = (
    "A force of {f} N moves a cart {d} m along its direction. How much work is done, in J?",
    "Find the work in J of {f} N over a distance of {d} m in the direction of the force.",
)
_POWER = (
    "A motor does {e} J of work in {t} s. What is its power, in W?",
    "Find the power in W of a lamp that takes {e} J in {t} s.",
)
_KINETIC = (
    "What is the kinetic energy in J of {m} kg at {v} m/s?",
    "A cart of {m} kg rolls at {v} m/s. Find its kinetic energy in J.",
)
_LIFT = (
    "How much energy in J does it take to lift {m} kg by {h} m? Use g = 9.81 m/s^2 and give 3 significant figures.",
    "Find the gain of potential energy in J, to 3 significant figures, of {m} kg raised by {h} m (g = 9.81 m/s^2).",
)
_SPRING = (
    "A spring of {k} N/m is stretched by {x} cm. What energy does it hold, in J to 3 significant figures?",
    "Find the energy in J, to 3 significant figures, of a spring (stiffness {k} N/m) stretched by {x} cm.",
)
_IMPACT = (
    "A stone falls {h} m from rest without air resistance. How fast is it then, in m/s to 3 significant figures? "
    "Use g = 9.81 m/s^2.",
    "Find the speed in m/s, to 3 significant figures, that a drop of {h} m gives a ball (from rest, no air "
    "resistance, g = 9.81 m/s^2).",
)
_PUMP = (
    "A pump lifts {m} kg of water by {h} m in {t} min with an efficiency of {eff} %. What power does it take up, in W "
    "to 3 significant figures? Use g = 9.81 m/s^2.",
    "Find the electric power in W, to 3 significant figures, of a lift motor that raises {m} kg by {h} m in {t} min at "
    "{eff} % efficiency (g = 9.81 m/s^2).",
)
_SLIDE = (
    "A child slides from rest down a slide {h} m high and loses {loss} % of the energy to friction. How fast is it at "
    "the bottom, in m/s to 3 significant figures? Use g = 9.81 m/s^2.",
    "A cart rolls from rest down a hill of {h} m, and {loss} % of its energy turns into heat. Find its final speed in "
    "m/s to 3 significant figures (g = 9.81 m/s^2).",
)
_LAUNCH = (
    "A spring of {k} N/m, squeezed by {x} cm, shoots a ball of {m} g straight up. How high does it rise above the "
    "squeezed position, in m to 3 significant figures? Use g = 9.81 m/s^2 and no losses.",
    "Find the height in m, to 3 significant figures, to which a spring ({k} N/m, squeezed by {x} cm) can throw {m} g, "
    "measured from the squeezed position, without losses (g = 9.81 m/s^2).",
)

_launches = Filtered(
    Product(range(200, 1001, 50), range(4, 13), range(20, 101, 10)),
    lambda k, x, m: 0.5 < k * x**2 / 20 / m / G < 30,
)

FAMILY = ScienceFamily(
    "energy",
    "physics",
    [
        [
            Question("work", Product(range(2, 21), range(2, 11)), _work, _WORK),
            Question("power", Product(range(2, 21), range(2, 11)), _power, _POWER),
        ],
        [
            Question("kinetic", Product(range(1, 13), range(3, 13)), _kinetic, _KINETIC),
            Question("lift", Product(range(2, 31), range(2, 21)), _lift, _LIFT),
        ],
        [
            Question("spring", Product(range(50, 801, 25), range(3, 21)), _spring, _SPRING),
            Question("impact", Product(range(2, 81)), _impact, _IMPACT),
        ],
        [
            Question(
                "pump", Product(range(100, 1001, 100), range(5, 31, 5), range(2, 7), (50, 60, 70, 75, 80)), _pump, _PUMP
            ),
            Question("slide", Product(range(2, 31), range(5, 61, 5)), _slide, _SLIDE),
            Question("launch", _launches, _launch, _LAUNCH),
        ],
    ],
)
