"""Photons and nuclei: half-lives, decay chains, photon energies, the photoelectric effect, dating."""

from __future__ import annotations

from math import log, sqrt

from distil_envs.family import Question, Worked
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity, worked
from distil_envs.science.misconceptions import Misconception
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product

HC = 1240
"""h * c in eV*nm."""


def _halvings(rest: int, count: int) -> Worked:
    start = rest * 2**count
    steps = ["Each half-life leaves a half", f"{start} g{' / 2' * count} = {rest} g"]
    wrong = slips(
        "g",
        ("divided-by-the-count", start / count, "The mass was divided by the number of half-lives.", 1),
        ("one-too-few", 2 * rest, "One half-life too few was counted.", 2),
        ("what-decayed", start - rest, "The mass that has decayed was given.", 2),
        ("one-too-many", rest / 2, "One half-life too many was counted.", 2),
    )
    return exact(rest, "g", {"m": start, "n": count}, steps, wrong)


def _photons(e: int, n: int) -> Worked:
    steps = ["energy together = number * energy of each", f"{n} * {e} eV = {n * e} eV"]
    wrong = slips(
        "eV",
        ("divided", e / n, "The energy of a photon was divided by the number.", 1),
        ("added", n + e, "The number and the energy were added.", 1),
        ("squared", n * e**2, "The energy was squared.", 1),
    )
    return exact(n * e, "eV", {"e": e, "n": n}, steps, wrong)


def _energy(wavelength: int) -> Worked:
    e = HC / wavelength
    steps = ["energy = h * c / wavelength", f"1240 eV*nm / ({wavelength} nm) = {amount(e, 'eV')}"]
    wrong = slips(
        "eV",
        ("inverted", wavelength / HC, "The wavelength was divided by h * c.", 1),
        ("multiplied", HC * wavelength, "The product h * c was multiplied by the wavelength.", 1),
        ("halved", e / 2, "There is no factor 1/2 in the energy of a photon.", 1),
    )
    return quantity(e, "eV", {"w": wavelength}, steps, wrong)


def _wavelength(hundredths: int) -> Worked:
    e = hundredths / 100
    steps = ["wavelength = h * c / energy", f"1240 eV*nm / ({e} eV) = {amount(HC / e, 'nm')}"]
    wrong = slips(
        "nm",
        ("inverted", e / HC, "The energy was divided by h * c.", 1),
        ("multiplied", HC * e, "The product h * c was multiplied by the energy.", 1),
        ("doubled", 2 * HC / e, "There is no factor 2 in the energy of a photon.", 1),
    )
    return quantity(HC / e, "nm", {"e": e}, steps, wrong)


def _left(m: int, half: int, t: int) -> Worked:
    count = t / half
    value = m * 0.5**count
    steps = [
        f"Number of half-lives: {t} h / ({half} h) = {shown(count)}",
        f"left = mass * (1/2)^number = {m} mg * (1/2)^{shown(count)} = {amount(value, 'mg')}",
    ]
    wrong = slips(
        "mg",
        ("what-decayed", m - value, "The mass that has decayed was given.", 2),
        ("straight-line", m / (2 * count), "The mass was divided by twice the number of half-lives.", 2),
        ("base-e", m * 2.718281828459045**-count, "The base e was taken in place of 2, without ln(2).", 2),
        ("inverted", m * 0.5 ** (half / t), "The half-life was divided by the time.", 1),
    )
    return quantity(value, "mg", {"m": m, "h": half, "t": t}, steps, wrong)


def _chain(nucleus: tuple[str, int, int], alphas: int, betas: int) -> Worked:
    name, z, a = nucleus
    charge, mass = z - 2 * alphas + betas, a - 4 * alphas
    steps = [
        "An alpha particle takes away 2 protons and 4 nucleons; a beta(-) decay turns a neutron into a proton",
        f"Protons: {z} - 2 * {alphas} + {betas} = {charge}",
        f"Nucleons: {a} - 4 * {alphas} = {mass}",
    ]
    wrong = (
        Misconception("beta-takes-a-proton", f"{charge - 2 * betas}, {mass}", "Beta decays lowered the charge.", 2),
        Misconception("forgot-beta", f"{charge - betas}, {mass}", "The beta decays were left out.", 2),
        Misconception("alpha-of-mass-two", f"{charge}, {a - 2 * alphas}", "Each alpha took away 2 nucleons.", 3),
        Misconception("beta-takes-a-nucleon", f"{charge}, {mass - betas}", "Each beta took away a nucleon.", 3),
        Misconception("forgot-alpha-charge", f"{z + betas}, {mass}", "The charge of the alphas was left out.", 2),
    )
    slots = {"name": name, "z": z, "a": a, "alpha": alphas, "beta": betas}
    return worked("list", f"{charge}, {mass}", slots, steps, wrong, ordered=True, item="expression")


def _photoelectric(wavelength: int, tenths: int) -> Worked:
    work = tenths / 10
    e = HC / wavelength
    steps = [
        f"Energy of a photon: 1240 eV*nm / ({wavelength} nm) = {shown(e)} eV",
        "kinetic energy = photon energy - work function",
        f"{shown(e)} eV - {work} eV = {amount(e - work, 'eV')}",
    ]
    wrong = slips(
        "eV",
        ("forgot-work-function", e, "The work function was left out.", 2),
        ("added-work-function", e + work, "The work function was added.", 2),
        ("exchanged", wavelength / HC + work, "The wavelength was divided by h * c.", 1),
    )
    return quantity(e - work, "eV", {"w": wavelength, "work": work}, steps, wrong)


def _age(percent: int, half: int) -> Worked:
    ratio = percent / 100
    count = -log(ratio) / log(2)
    steps = [
        "left = (1/2)^number of half-lives, so number = ln(1 / left) / ln(2)",
        f"ln(1 / {ratio}) / ln(2) = {shown(count)}",
        f"age = {shown(count)} * {half} years = {amount(count * half, 'years')}",
    ]
    wrong = slips(
        "years",
        ("straight-line", 2 * (1 - ratio) * half, "The decay was taken to be a straight line.", 1),
        ("forgot-ln-2", -log(ratio) * half, "The logarithm was not divided by ln(2).", 2),
        ("what-decayed", -log(1 - ratio) / log(2) * half, "The part that has decayed was taken as what is left.", 2),
        ("inverted", half / count, "The half-life was divided by the number.", 3),
    )
    return quantity(count * half, "years", {"p": percent, "h": half}, steps, wrong)


def _de_broglie(volts: int) -> Worked:
    pc = sqrt(2 * 511e3 * volts)
    value = HC / pc
    steps = [
        f"momentum * c = sqrt(2 * rest energy * kinetic energy) = sqrt(2 * 511000 eV * {volts} eV) = {shown(pc)} eV",
        f"wavelength = h * c / (momentum * c) = 1240 eV*nm / ({shown(pc)} eV) = {amount(value, 'nm')}",
    ]
    wrong = slips(
        "nm",
        ("as-a-photon", HC / volts, "The electron was treated as a photon.", 1),
        ("forgot-two", HC / sqrt(511e3 * volts), "The factor 2 under the root was left out.", 1),
        ("forgot-root", HC / pc**2, "The root was not taken.", 1),
    )
    return quantity(value, "nm", {"u": volts}, steps, wrong)


_HALVINGS = (
    "Of {m} g of a radioactive substance, how many g are left after {n} half-lives?",
    "A sample holds {m} g of an isotope. Find what is left of it, in g, after {n} half-lives.",
)
_PHOTONS = (
    "Each photon carries {e} eV. What energy do {n} photons carry, in eV?",
    "Find the energy in eV of {n} photons of {e} eV each.",
)
_ENERGY = (
    "What is the energy of a photon of {w} nm, in eV to 3 significant figures? Use h*c = 1240 eV*nm.",
    "Find the photon energy in eV, to 3 significant figures, of radiation of {w} nm (h*c = 1240 eV*nm).",
)
_WAVELENGTH = (
    "A photon has {e} eV. What is its wavelength in nm, to 3 significant figures? Use h*c = 1240 eV*nm.",
    "Find the wavelength in nm, to 3 significant figures, of photons of {e} eV (h*c = 1240 eV*nm).",
)
_LEFT = (
    "An isotope has a half-life of {h} h. How much of {m} mg is left after {t} h, in mg to 3 significant figures?",
    "Find what remains of {m} mg after {t} h, in mg to 3 significant figures, if the half-life is {h} h.",
)
_CHAIN = (
    "{name} has {z} protons and {a} nucleons. Give the numbers of protons and of nucleons after {alpha} alpha and "
    "{beta} beta(-) decays, in that order, separated by a comma.",
    "A nucleus of {name} (Z = {z}, A = {a}) goes through {alpha} alpha and {beta} beta(-) decays. List the new Z and "
    "the new A with a comma between.",
)
_PHOTOELECTRIC = (
    "Light of {w} nm falls on a metal with a work function of {work} eV. What is the greatest kinetic energy of the "
    "electrons, in eV to 3 significant figures? Use h*c = 1240 eV*nm.",
    "Find the greatest energy in eV, to 3 significant figures, of photoelectrons from a metal (work function {work} "
    "eV) under light of {w} nm (h*c = 1240 eV*nm).",
)
_AGE = (
    "{p} % of an isotope with a half-life of {h} years is left in a sample. How old is it, in years to 3 significant "
    "figures?",
    "How many years, to 3 significant figures, does it take until {p} % of an isotope is left, if its half-life is {h} "
    "years?",
)
_DE_BROGLIE = (
    "What is the wavelength of an electron with a kinetic energy of {u} eV, in nm to 3 significant figures? Use "
    "h*c = 1240 eV*nm and a rest energy of 511 keV, without relativity.",
    "Find the de Broglie wavelength in nm, to 3 significant figures, of an electron of {u} eV (non-relativistic; "
    "h*c = 1240 eV*nm, rest energy 511 keV).",
)

_nuclei = (
    ("Thorium-232", 90, 232),
    ("Uranium-235", 92, 235),
    ("Uranium-238", 92, 238),
    ("Radium-226", 88, 226),
    ("Neptunium-237", 93, 237),
    ("Plutonium-239", 94, 239),
    ("Americium-241", 95, 241),
)
_decays = Filtered(
    Product(range(20, 501, 20), range(2, 25), range(3, 61)), lambda m, half, t: t % half and t < 5 * half
)
_ages = Filtered(Product(range(3, 96), (30, 1600, 5730)), lambda percent, half: percent != 50)
_lit = Filtered(Product(range(150, 601, 5), range(18, 56)), lambda w, tenths: HC / w > tenths / 10 + 0.2)

FAMILY = ScienceFamily(
    "photons",
    "physics",
    [
        [
            Question("halvings", Product(range(2, 26), range(2, 5)), _halvings, _HALVINGS),
            Question("photons", Product(range(2, 13), range(2, 13)), _photons, _PHOTONS),
        ],
        [
            Question("energy", Product(range(100, 1001, 5)), _energy, _ENERGY),
            Question("wavelength", Product(range(120, 1001, 5)), _wavelength, _WAVELENGTH),
        ],
        [
            Question("left", _decays, _left, _LEFT),
            Question("chain", Product(_nuclei, range(1, 7), range(1, 5)), _chain, _CHAIN),
            Question("photoelectric", _lit, _photoelectric, _PHOTOELECTRIC),
        ],
        [
            Question("age", _ages, _age, _AGE),
            Question("de-broglie", Product(range(20, 1001, 10)), _de_broglie, _DE_BROGLIE),
        ],
    ],
)
