"""Composites: laminates, rules of mixtures, load shares, porosity."""

from __future__ import annotations

from distil_envs.family import Question, Worked
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity, worked
from distil_envs.science.misconceptions import Misconception
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product


def _plies(mass: int, count: int) -> Worked:
    steps = ["mass of a laminate = plies * mass of each", f"{count} * {mass} g = {count * mass} g"]
    wrong = slips(
        "g",
        ("divided", mass / count, "The mass of a ply was divided by their number.", 1),
        ("added", mass + count, "The mass and the number were added.", 1),
        ("one-ply-too-few", (count - 1) * mass, "A ply was left out.", 2),
    )
    return exact(count * mass, "g", {"m": mass, "n": count}, steps, wrong)


def _density(rho: int, volume: int) -> Worked:
    mass = rho * volume
    steps = ["density = mass / volume", f"{mass} g / ({volume} cm^3) = {rho} g/cm^3"]
    wrong = slips(
        "g/cm^3",
        ("multiplied", mass * volume, "The mass was multiplied by the volume.", 1),
        ("inverted", volume / mass, "The volume was divided by the mass.", 1),
        ("subtracted", mass - volume, "The volume was subtracted from the mass.", 1),
    )
    return exact(rho, "g/cm^3", {"m": mass, "v": volume}, steps, wrong)


def _along(percent: int, fibre: int, matrix: int) -> Worked:
    f = percent / 100
    value = f * fibre + (1 - f) * matrix
    steps = [
        "Along the fibres: modulus = fibre share * fibre modulus + matrix share * matrix modulus",
        f"{f} * {fibre} GPa + {shown(1 - f)} * {matrix} GPa = {amount(value, 'GPa')}",
    ]
    wrong = slips(
        "GPa",
        ("across-for-along", 1 / (f / fibre + (1 - f) / matrix), "The formula for loads across was used.", 1),
        ("exchanged-shares", (1 - f) * fibre + f * matrix, "The shares were exchanged.", 2),
        ("forgot-matrix", f * fibre, "The matrix was left out.", 1),
        ("plain-mean", (fibre + matrix) / 2, "The plain mean was taken, without the shares.", 1),
    )
    return quantity(value, "GPa", {"p": percent, "f": fibre, "m": matrix}, steps, wrong)


def _across(percent: int, fibre: int, matrix: int) -> Worked:
    f = percent / 100
    inverse = f / fibre + (1 - f) / matrix
    steps = [
        "Across the fibres: 1 / modulus = fibre share / fibre modulus + matrix share / matrix modulus",
        f"{f} / ({fibre} GPa) + {shown(1 - f)} / ({matrix} GPa) = {shown(inverse)} 1/GPa",
        f"modulus = 1 / ({shown(inverse)} 1/GPa) = {amount(1 / inverse, 'GPa')}",
    ]
    wrong = slips(
        "GPa",
        ("along-for-across", f * fibre + (1 - f) * matrix, "The formula for loads along the fibres was used.", 1),
        ("forgot-inverse", inverse, "The sum of the inverses was not inverted.", 3),
        ("exchanged-shares", 1 / ((1 - f) / fibre + f / matrix), "The shares were exchanged.", 2),
    )
    return quantity(1 / inverse, "GPa", {"p": percent, "f": fibre, "m": matrix}, steps, wrong)


def _load_share(percent: int, fibre: int, matrix: int) -> Worked:
    f = percent / 100
    ours, rest = f * fibre, (1 - f) * matrix
    value = 100 * ours / (ours + rest)
    steps = [
        f"Fibres: {f} * {fibre} GPa = {shown(ours)} GPa",
        f"Matrix: {shown(1 - f)} * {matrix} GPa = {shown(rest)} GPa",
        f"Share of the fibres: {shown(ours)} GPa / ({shown(ours)} GPa + {shown(rest)} GPa) = {shown(value / 100)}",
        f"In percent: {shown(value / 100)} = {amount(value, '%')}",
    ]
    wrong = slips(
        "%",
        ("volume-share", percent, "The share of the volume was given as that of the load.", 1),
        ("forgot-shares", 100 * fibre / (fibre + matrix), "The shares of the volume were left out.", 1),
        ("load-of-the-matrix", 100 - value, "The share of the matrix was given.", 3),
        ("forgot-percent", value / 100, "The share was not turned into percent.", 4),
    )
    return quantity(value, "%", {"p": percent, "f": fibre, "m": matrix}, steps, wrong)


def _needed(target: int, fibre: int, matrix: int) -> Worked:
    value = 100 * (target - matrix) / (fibre - matrix)
    steps = [
        "target = share * fibre + (1 - share) * matrix, so share = (target - matrix) / (fibre - matrix)",
        f"({target} GPa - {matrix} GPa) / ({fibre} GPa - {matrix} GPa) = {shown(value / 100)}",
        f"In percent: {shown(value / 100)} = {amount(value, '%')}",
    ]
    wrong = slips(
        "%",
        ("forgot-matrix", 100 * target / fibre, "The matrix was left out.", 1),
        ("share-of-the-matrix", 100 - value, "The share of the matrix was given.", 1),
        ("added-moduli", 100 * (target - matrix) / (fibre + matrix), "The moduli were added below the line.", 2),
        ("forgot-percent", value / 100, "The share was not turned into percent.", 3),
    )
    return quantity(value, "%", {"t": target, "f": fibre, "m": matrix}, steps, wrong)


def _by_mass(percent: int, fibre: int, matrix: int) -> Worked:
    """Densities in hundredths of g/cm^3."""
    w, rho, sigma = percent / 100, fibre / 100, matrix / 100
    first, second = w / rho, (1 - w) / sigma
    value = 1 / (first + second)
    steps = [
        f"Volume of the fibres in 1 g: {w} g / ({rho} g/cm^3) = {shown(first)} cm^3",
        f"Volume of the matrix in 1 g: {shown(1 - w)} g / ({sigma} g/cm^3) = {shown(second)} cm^3",
        f"density = 1 g / ({shown(first)} cm^3 + {shown(second)} cm^3) = {amount(value, 'g/cm^3')}",
    ]
    wrong = slips(
        "g/cm^3",
        ("mass-as-volume-share", w * rho + (1 - w) * sigma, "Shares of mass were taken as shares of volume.", 1),
        ("forgot-inverse", first + second, "The volume of 1 g was given.", 3),
        ("exchanged-shares", 1 / ((1 - w) / rho + w / sigma), "The shares were exchanged.", 1),
    )
    return quantity(value, "g/cm^3", {"p": percent, "f": rho, "m": sigma}, steps, wrong)


def _both_ways(share: int, matrix: int, ratio: int) -> Worked:
    fibre = matrix * ratio
    f = share / 100
    along, across = f * fibre + (1 - f) * matrix, 1 / (f / fibre + (1 - f) / matrix)
    steps = [
        f"Across the fibres: 1 / ({f} / ({fibre} GPa) + {shown(1 - f)} / ({matrix} GPa)) = {amount(across, 'GPa')}",
        f"Along the fibres: {f} * {fibre} GPa + {shown(1 - f)} * {matrix} GPa = {amount(along, 'GPa')}",
    ]

    def pair(first: float, second: float) -> str:
        return f"{amount(first, 'GPa')}, {amount(second, 'GPa')}"

    mean = (fibre + matrix) / 2
    wrong = (
        Misconception("exchanged", pair(along, across), "The two directions were exchanged.", 1),
        Misconception("same-both-ways", pair(along, along), "The formula along the fibres was used for both.", 1),
        Misconception("plain-mean", pair(across, mean), "The plain mean was taken along the fibres.", 2),
        Misconception("forgot-matrix", pair(fibre / f, f * fibre), "The matrix was left out.", 1),
    )
    slots = {"p": share, "m": matrix, "f": fibre}
    return worked(
        "list", pair(across, along), slots, steps, wrong, ordered=True, item="quantity", figures=3, unit="optional"
    )


def _porous(percent: int, modulus: int) -> Worked:
    p = percent / 100
    factor = 1 - 1.9 * p + 0.9 * p**2
    steps = [
        f"Factor: 1 - 1.9 * {p} + 0.9 * {p}^2 = {shown(factor)}",
        f"modulus = {modulus} GPa * {shown(factor)} = {amount(modulus * factor, 'GPa')}",
    ]
    wrong = slips(
        "GPa",
        ("forgot-square", modulus * (1 - 1.9 * p + 0.9 * p), "The porosity was not squared.", 1),
        ("wrong-sign", modulus * (1 - 1.9 * p - 0.9 * p**2), "The last term was subtracted.", 1),
        ("share-of-solid", modulus * (1 - p), "The share of the solid was taken as the factor.", 1),
    )
    return quantity(modulus * factor, "GPa", {"p": percent, "e": modulus}, steps, wrong)


_PLIES = (
    "A laminate has {n} plies of {m} g each. What is its mass, in g?",
    "Find the mass in g of a plate made of {n} layers that weigh {m} g each.",
)
_DENSITY = (
    "A piece of a composite has a mass of {m} g and a volume of {v} cm^3. What is its density, in g/cm^3?",
    "Find the density in g/cm^3 of a part of {m} g that fills {v} cm^3.",
)
_ALONG = (
    "A composite has {p} volume percent of parallel fibres of {f} GPa in a matrix of {m} GPa. What is its Young's "
    "modulus along the fibres, in GPa to 3 significant figures?",
    "Find the longitudinal modulus in GPa, to 3 significant figures, for {p} vol% fibres (E = {f} GPa) in a resin "
    "(E = {m} GPa) by the rule of mixtures.",
)
_ACROSS = (
    "A composite has {p} volume percent of parallel fibres of {f} GPa in a matrix of {m} GPa. What is its modulus "
    "across the fibres by the inverse rule of mixtures, in GPa to 3 significant figures?",
    "Find the transverse modulus in GPa, to 3 significant figures, for {p} vol% fibres (E = {f} GPa) in a resin "
    "(E = {m} GPa) at equal stress.",
)
_LOAD_SHARE = (
    "{p} volume percent of parallel fibres ({f} GPa) lie in a matrix of {m} GPa. How many percent of a load along them "
    "do the fibres carry? Give 3 significant figures.",
    "Find the share of the load, in percent to 3 significant figures, on fibres of {f} GPa that make up {p} vol% of a "
    "composite with a matrix of {m} GPa, pulled along them.",
)
_NEEDED = (
    "Fibres of {f} GPa are to stiffen a resin of {m} GPa to {t} GPa along them. How many volume percent of fibres "
    "does it take? Give 3 significant figures.",
    "Find the volume share of fibres, in percent to 3 significant figures, that gives a longitudinal modulus of {t} "
    "GPa (fibres {f} GPa, matrix {m} GPa).",
)
_BY_MASS = (
    "A composite is {p} percent fibres by mass (density {f} g/cm^3) in a resin of {m} g/cm^3. What is its density in "
    "g/cm^3, to 3 significant figures?",
    "Find the density in g/cm^3, to 3 significant figures, of {p} weight percent fibres ({f} g/cm^3) and resin "
    "({m} g/cm^3) without pores.",
)
_BOTH_WAYS = (
    "A composite has {p} vol% fibres ({f} GPa) in a matrix of {m} GPa. Give its modulus across and along the fibres in "
    "GPa, in that order, separated by a comma, to 3 significant figures each (rules of mixtures).",
    "By the rules of mixtures, list the transverse and then the longitudinal modulus in GPa, with a comma between and "
    "each to 3 significant figures, for {p} vol% fibres of {f} GPa in a resin of {m} GPa.",
)
_POROUS = (
    "The modulus of a ceramic falls with the porosity P as E = E0*(1 - 1.9*P + 0.9*P^2). What is it at a porosity of "
    "{p} percent for E0 = {e} GPa, in GPa to 3 significant figures?",
    "Find the modulus in GPa, to 3 significant figures, of a ceramic with {p} percent pores, where "
    "E = E0*(1 - 1.9*P + 0.9*P^2), P is a fraction and E0 = {e} GPa.",
)

_mixtures = Product(range(20, 71, 5), (72, 85, 131, 230, 380, 400), range(2, 6))

FAMILY = ScienceFamily(
    "composites",
    "materials",
    [
        [
            Question("plies", Product(range(2, 21), range(2, 11)), _plies, _PLIES),
            Question("density", Product(range(2, 10), range(2, 21)), _density, _DENSITY),
        ],
        [
            Question("along", _mixtures, _along, _ALONG),
            Question("porous", Product(range(8, 41), range(200, 451, 25)), _porous, _POROUS),
        ],
        [
            Question("across", _mixtures, _across, _ACROSS),
            Question("load-share", _mixtures, _load_share, _LOAD_SHARE),
            Question(
                "needed",
                Filtered(
                    Product(range(20, 161, 5), (72, 131, 230, 380), range(2, 6)), lambda t, f, m: 0.1 < t / f < 0.7
                ),
                _needed,
                _NEEDED,
            ),
        ],
        [
            Question("by-mass", Product(range(20, 81, 2), (144, 180, 255), range(110, 141, 5)), _by_mass, _BY_MASS),
            Question("both-ways", Product(range(20, 71, 5), range(2, 7), (20, 25, 40, 60, 80)), _both_ways, _BOTH_WAYS),
        ],
    ],
)
