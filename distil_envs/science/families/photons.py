"""Photons and nuclei: photon energies, spectral lines, the photoelectric effect, matter waves, decay chains."""

from __future__ import annotations

from math import sqrt

from distil_envs.family import Question, Worked
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity, worked
from distil_envs.science.misconceptions import Misconception
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product

HC = 1240
"""h * c in eV*nm."""
EV = 1.602e-19
"""In J."""
RYDBERG = 13.6
"""The binding energy of hydrogen, in eV."""


def _levels(upper: int, lower: int) -> Worked:
    steps = ["photon energy = upper level - lower level", f"-{upper} eV - (-{lower} eV) = {lower - upper} eV"]
    wrong = slips(
        "eV",
        ("added", upper + lower, "The distances of the levels from zero were added.", 1),
        ("upper-only", upper, "Only the upper level was looked at.", 1),
        ("lower-only", lower, "Only the lower level was looked at: that is the energy that frees the electron.", 1),
        ("exchanged", upper - lower, "The upper level was subtracted from the lower one.", 2),
    )
    return exact(lower - upper, "eV", {"a": upper, "b": lower}, steps, wrong)


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


def _rate(power: int, wavelength: int) -> Worked:
    e = HC / wavelength
    value = power / 1000 / (e * EV)
    steps = [
        f"Energy of a photon: 1240 eV*nm / ({wavelength} nm) = {shown(e)} eV",
        f"In joules: {shown(e)} eV * 1.602e-19 J/eV = {shown(e * EV)} J",
        f"photons per second = power / energy = {power} mW / ({shown(e * EV)} J) = {amount(value, '1/s')}",
    ]
    wrong = slips(
        "1/s",
        ("milliwatts-as-watts", value * 1000, "The power in mW was taken as W.", 3),
        ("electronvolts-as-joules", power / 1000 / e, "The energy in eV was taken as J.", 2),
        ("inverted", 1 / value, "The energy was divided by the power.", 3),
        ("divided-by-charge", power / 1000 / (e / EV), "The energy was divided by 1.602e-19 J/eV.", 2),
    )
    return quantity(value, "1/s", {"p": power, "w": wavelength}, steps, wrong)


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
        ("inverted", wavelength / HC - work, "The wavelength was divided by h * c.", 1),
    )
    return quantity(e - work, "eV", {"w": wavelength, "work": work}, steps, wrong)


def _line(atom: str, lower: int, higher: int) -> Worked:
    z = _ATOMS[atom]
    scale = RYDBERG * z**2
    e = scale * (1 / lower**2 - 1 / higher**2)
    steps = [
        f"photon energy = 13.6 eV * {z}^2 * (1 / {lower}^2 - 1 / {higher}^2) = {shown(e)} eV",
        f"wavelength = h * c / energy = 1240 eV*nm / ({shown(e)} eV) = {amount(HC / e, 'nm')}",
    ]
    wrong = slips(
        "nm",
        ("forgot-charge", HC / e * z**2, "The factor Z^2 was left out.", 1),
        ("forgot-squares", HC / (scale * (1 / lower - 1 / higher)), "The numbers n were not squared.", 1),
        ("subtracted-first", HC * (higher - lower) ** 2 / scale, "The numbers n were subtracted before squaring.", 1),
        ("upper-level-only", HC * higher**2 / scale, "Only the upper level was looked at.", 1),
        ("lower-level-only", HC * lower**2 / scale, "The upper level was taken to be at zero.", 1),
    )
    return quantity(HC / e, "nm", {"atom": atom, "z": z, "k": lower, "n": higher}, steps, wrong)


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


_ATOMS = {"a hydrogen atom": 1, "a He^+ ion": 2, "a Li^2+ ion": 3, "a Be^3+ ion": 4}
"""Those with one electron, and their numbers of protons."""
_LEVELS = (
    "An electron in an atom falls from a level at -{a} eV to one at -{b} eV. What energy has the photon that it emits, "
    "in eV?",
    "An atom has energy levels at -{b} eV and -{a} eV. Find the energy in eV of the photon that leaves when its "
    "electron goes from the upper to the lower one.",
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
_RATE = (
    "A laser emits {p} mW of light of {w} nm. How many photons leave it per second, to 3 significant figures? Use "
    "h*c = 1240 eV*nm and 1 eV = 1.602e-19 J.",
    "Find the number of photons per second, to 3 significant figures, in a beam of {p} mW at {w} nm (h*c = 1240 eV*nm, "
    "1 eV = 1.602e-19 J).",
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
_LINE = (
    "In {atom} (Z = {z}) the electron falls from n = {n} to n = {k}. What is the wavelength of the photon in nm, to 3 "
    "significant figures? Use levels at -13.6 eV*Z^2/n^2 and h*c = 1240 eV*nm.",
    "The levels of {atom} lie at -13.6 eV*Z^2/n^2 with Z = {z}. Find the wavelength in nm, to 3 significant figures, "
    "of its line from n = {n} to n = {k} (h*c = 1240 eV*nm).",
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
    Product(_nuclei, range(1, 7), range(1, 5)),
    lambda nucleus, alphas, betas: 2.48 <= (nucleus[2] - 4 * alphas) / (nucleus[1] - 2 * alphas + betas) <= 2.62,
)
"""To nuclei with about as many neutrons as real ones."""
_steps = Filtered(Product(tuple(_ATOMS), range(1, 6), range(2, 10)), lambda atom, lower, higher: lower < higher)
_lit = Filtered(Product(range(150, 601, 5), range(18, 56)), lambda w, tenths: HC / w > tenths / 10 + 0.2)

FAMILY = ScienceFamily(
    "photons",
    "physics",
    [
        [
            Question("levels", Filtered(Product(range(1, 16), range(2, 31)), lambda a, b: a < b), _levels, _LEVELS),
            Question("photons", Product(range(2, 13), range(2, 13)), _photons, _PHOTONS),
        ],
        [
            Question("energy", Product(range(100, 1001, 5)), _energy, _ENERGY),
            Question("wavelength", Product(range(120, 1001, 5)), _wavelength, _WAVELENGTH),
        ],
        [
            Question("rate", Product(range(1, 51), range(400, 1101, 10)), _rate, _RATE),
            Question("chain", _decays, _chain, _CHAIN),
            Question("photoelectric", _lit, _photoelectric, _PHOTOELECTRIC),
        ],
        [
            Question("line", _steps, _line, _LINE),
            Question("de-broglie", Product(range(20, 1001, 10)), _de_broglie, _DE_BROGLIE),
        ],
    ],
)
