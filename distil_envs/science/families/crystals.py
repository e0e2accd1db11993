"""Crystals: atoms in the cell, lattice parameters, densities, spacings of planes, diffraction."""

from __future__ import annotations

from math import asin, degrees, radians, sqrt

from distil_envs.family import Question, Worked
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity, worked
from distil_envs.science.misconceptions import Misconception
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product

AVOGADRO = 6.022e23
_NAMES = {"sc": "simple cubic", "bcc": "body-centred cubic", "fcc": "face-centred cubic"}
_ATOMS = {"sc": 1, "bcc": 2, "fcc": 4}
_COUNTS = {"sc": "8 * 1/8", "bcc": "8 * 1/8 + 1", "fcc": "8 * 1/8 + 6 * 1/2"}
_EDGES = {
    "sc": ("2 * radius", 2.0, "2"),
    "bcc": ("4 * radius / sqrt(3)", 4 / sqrt(3), "4 / sqrt(3)"),
    "fcc": ("2 * sqrt(2) * radius", 2 * sqrt(2), "2 * sqrt(2)"),
}


def _atoms(lattice: str, cells: int) -> Worked:
    n = _ATOMS[lattice]
    steps = [f"Atoms in a cell: {_COUNTS[lattice]} = {n}", f"{cells} * {n} = {cells * n}"]
    corners = {"sc": 8, "bcc": 9, "fcc": 14}[lattice]
    wrong = slips(
        "",
        ("whole-corners", cells * corners, "The atoms that cells share were counted in full.", 1),
        ("corners-only", cells, "Only the corners were counted.", 1),
        ("one-more", cells * (n + 1), "An atom too many was counted in a cell.", 1),
        ("divided", cells / n, "The number of cells was divided by the atoms of a cell.", 2),
    )
    return exact(cells * n, "", {"name": _NAMES[lattice], "n": cells}, steps, wrong)


def _cells(atoms: int, layers: int) -> Worked:
    steps = ["cells = length / edge", f"{atoms * layers} pm / ({atoms} pm) = {layers}"]
    wrong = slips(
        "",
        ("one-more", layers + 1, "The planes at both ends were counted, not the cells between.", 1),
        ("multiplied", atoms**2 * layers, "The length was multiplied by the edge.", 1),
        ("halved", layers / 2, "The edge was taken as the radius of an atom.", 1),
    )
    return exact(layers, "", {"l": atoms * layers, "a": atoms}, steps, wrong)


def _edge(lattice: str, radius: int) -> Worked:
    formula, factor, digits = _EDGES[lattice]
    where = {"sc": "edge", "bcc": "diagonal of the cell", "fcc": "diagonal of a face"}[lattice]
    steps = [
        f"Atoms touch along the {where}: edge = {formula}",
        f"{digits} * {radius} pm = {amount(factor * radius, 'pm')}",
    ]
    wrong = slips(
        "pm",
        *(
            (
                f"{other}-for-{lattice}",
                _EDGES[other][1] * radius,
                f"The formula of the {_NAMES[other]} cell was used.",
                1,
            )
            for other in _EDGES
            if other != lattice
        ),
        ("diameter-for-radius", 2 * factor * radius, "The diameter was taken in place of the radius.", 2),
    )
    return quantity(factor * radius, "pm", {"name": _NAMES[lattice], "r": radius}, steps, wrong)


def _spacing(a: int, hkl: tuple[int, int, int]) -> Worked:
    square = sum(index**2 for index in hkl)
    h, k, m = hkl
    steps = [
        f"h^2 + k^2 + l^2 = {h}^2 + {k}^2 + {m}^2 = {square}",
        f"spacing = edge / sqrt(h^2 + k^2 + l^2) = {a} pm / sqrt({square}) = {amount(a / sqrt(square), 'pm')}",
    ]
    wrong = slips(
        "pm",
        ("forgot-root", a / square, "The root was not taken.", 2),
        ("forgot-squares", a / sqrt(sum(hkl)), "The indices were not squared.", 1),
        ("multiplied", a * sqrt(square), "The edge was multiplied by the root.", 2),
        ("unchanged", a, "The edge itself was given.", 2),
    )
    return quantity(a / sqrt(square), "pm", {"a": a, "hkl": f"{h}{k}{m}"}, steps, wrong)


def _bragg(wavelength: float, spacing: int) -> Worked:
    ratio = wavelength / (2 * spacing)
    value = 2 * degrees(asin(ratio))
    steps = [
        "sin(theta) = wavelength / (2 * spacing)",
        f"{wavelength} pm / (2 * {spacing} pm) = {shown(ratio)}",
        f"theta = asin({shown(ratio)}) = {shown(value / 2)} deg",
        f"2 theta = 2 * {shown(value / 2)} deg = {amount(value, 'deg')}",
    ]
    wrong = slips(
        "deg",
        ("theta-for-two-theta", value / 2, "Theta was given, not 2 theta.", 4),
        ("forgot-two", 2 * degrees(asin(2 * ratio)), "The factor 2 of the path difference was left out.", 1),
        ("radians-for-degrees", radians(value), "The angle was given in radians.", 3),
    )
    return quantity(value, "deg", {"w": wavelength, "d": spacing}, steps, wrong)


def _density(lattice: str, mass: int, edge: int) -> Worked:
    n = _ATOMS[lattice]
    volume = (edge * 1e-10) ** 3
    value = n * mass / AVOGADRO / volume
    steps = [
        f"Atoms in a cell: {_COUNTS[lattice]} = {n}",
        f"Mass of a cell: {n} * {mass} g/mol / (6.022e23 1/mol) = {shown(n * mass / AVOGADRO)} g",
        f"Volume of a cell: ({edge} pm)^3 = {shown(volume)} cm^3",
        f"density = {shown(n * mass / AVOGADRO)} g / ({shown(volume)} cm^3) = {amount(value, 'g/cm^3')}",
    ]
    wrong = slips(
        "g/cm^3",
        ("one-atom", mass / AVOGADRO / volume, "One atom in a cell was counted.", 1),
        ("whole-corners", (n + 7) * mass / AVOGADRO / volume, "The corner atoms were counted in full.", 1),
        ("forgot-cube", n * mass / AVOGADRO / (edge * 1e-10), "The edge was not cubed.", 3),
    )
    return quantity(value, "g/cm^3", {"name": _NAMES[lattice], "m": mass, "a": edge}, steps, wrong)


def _lattice(lattice: str, mass: int, edge: int) -> Worked:
    """Which lattice has this density."""
    n = _ATOMS[lattice]
    volume = (edge * 1e-10) ** 3
    density = float(f"{n * mass / AVOGADRO / volume:.3g}")
    found = density * volume * AVOGADRO / mass
    steps = [
        f"Volume of a cell: ({edge} pm)^3 = {shown(volume)} cm^3",
        f"Mass of a cell: {density} g/cm^3 * {shown(volume)} cm^3 = {shown(density * volume)} g",
        f"Mass of an atom: {mass} g/mol / (6.022e23 1/mol) = {shown(mass / AVOGADRO)} g",
        f"Atoms in a cell: {shown(density * volume)} g / ({shown(mass / AVOGADRO)} g) = {shown(found, 4)}",
        f"That is {n}, so the lattice is {lattice}",
    ]
    said = {
        "sc": "One atom in a cell was found, as without the factor of the count.",
        "bcc": "Two atoms in a cell were found.",
        "fcc": "Four atoms in a cell were found.",
    }
    wrong = [Misconception(f"found-{other}", other, said[other], 4) for other in _ATOMS if other != lattice]
    slots = {"m": mass, "a": edge, "rho": density}
    spelled = {"bcc": "body-centered cubic", "fcc": "face-centered cubic", "sc": "primitive cubic"}[lattice]
    return worked("word", lattice, slots, steps, wrong, accept=[_NAMES[lattice], spelled])


def _reflection(wavelength: float, a: int, hkl: tuple[int, int, int]) -> Worked:
    square = sum(index**2 for index in hkl)
    spacing = a / sqrt(square)
    ratio = wavelength / (2 * spacing)
    value = 2 * degrees(asin(ratio))
    steps = [
        f"spacing = edge / sqrt(h^2 + k^2 + l^2) = {a} pm / sqrt({square}) = {shown(spacing)} pm",
        f"sin(theta) = wavelength / (2 * spacing) = {shown(ratio)}",
        f"theta = asin({shown(ratio)}) = {shown(value / 2)} deg",
        f"2 theta = 2 * {shown(value / 2)} deg = {amount(value, 'deg')}",
    ]
    wrong = slips(
        "deg",
        ("theta-for-two-theta", value / 2, "Theta was given, not 2 theta.", 4),
        ("edge-for-spacing", 2 * degrees(asin(wavelength / 2 / a)), "The edge was taken as the spacing.", 1),
        ("forgot-half", 4 * degrees(ratio), "The factor 2 was left out, and the sine taken to be the angle.", 2),
        ("radians-for-degrees", radians(value), "The angle was given in radians.", 3),
    )
    slots = {"w": wavelength, "a": a, "hkl": "".join(map(str, hkl))}
    return quantity(value, "deg", slots, steps, wrong)


_ATOMS_OF = (
    "How many atoms are in {n} unit cells of a {name} crystal of one element?",
    "A {name} crystal of an element has {n} unit cells. Find the number of atoms in them.",
)
_CELLS = (
    "The edge of a cubic cell is {a} pm. How many cells fit along {l} pm?",
    "A row of cubic cells with an edge of {a} pm is {l} pm long. Find the number of cells.",
)
_EDGE = (
    "An element with the atomic radius {r} pm crystallises {name}. What is the edge of its cell, in pm to 3 "
    "significant figures?",
    "Find the lattice parameter in pm, to 3 significant figures, of a {name} metal of atomic radius {r} pm (hard "
    "spheres).",
)
_SPACING = (
    "What is the distance of the ({hkl}) planes of a cubic crystal with a cell edge of {a} pm, in pm to 3 significant "
    "figures?",
    "Find the spacing of the ({hkl}) planes in pm, to 3 significant figures, for a cubic lattice parameter of {a} pm.",
)
_BRAGG = (
    "X-rays of {w} pm are diffracted by planes {d} pm apart. At what angle 2 theta is the first order, in degrees to 3 "
    "significant figures?",
    "Find 2 theta in degrees, to 3 significant figures, of the first-order reflection of {w} pm radiation by planes "
    "with a spacing of {d} pm.",
)
_DENSITY = (
    "A {name} element has a molar mass of {m} g/mol and a cell edge of {a} pm. What is its density in g/cm^3, to 3 "
    "significant figures? Use 6.022e23 1/mol.",
    "Find the density in g/cm^3, to 3 significant figures, of a {name} metal with {m} g/mol and a lattice parameter of "
    "{a} pm (Avogadro constant 6.022e23 1/mol).",
)
_LATTICE = (
    "A cubic element of {m} g/mol has a density of {rho} g/cm^3 and a cell edge of {a} pm. Is it sc, bcc or fcc? Use "
    "6.022e23 1/mol.",
    "Which cubic lattice (sc, bcc or fcc) has an element with {rho} g/cm^3, {m} g/mol and a lattice parameter of {a} "
    "pm? The Avogadro constant is 6.022e23 1/mol.",
)
_REFLECTION = (
    "A cubic crystal with a cell edge of {a} pm is examined with X-rays of {w} pm. At what angle 2 theta is the "
    "({hkl}) reflection, in degrees to 3 significant figures?",
    "Find 2 theta in degrees, to 3 significant figures, of the ({hkl}) reflection of a cubic crystal (edge {a} pm) at "
    "a wavelength of {w} pm.",
)
_metals = Filtered(
    Product(tuple(_ATOMS), range(20, 211, 10), range(280, 451, 10)),
    lambda lattice, mass, edge: 1 < _ATOMS[lattice] * mass / AVOGADRO / (edge * 1e-10) ** 3 < 23,
)
_planes = (
    (1, 0, 0),
    (1, 1, 0),
    (1, 1, 1),
    (2, 0, 0),
    (2, 1, 0),
    (2, 1, 1),
    (2, 2, 0),
    (3, 1, 0),
    (3, 1, 1),
    (2, 2, 2),
    (3, 2, 1),
    (3, 3, 1),
)

FAMILY = ScienceFamily(
    "crystals",
    "materials",
    [
        [
            Question("atoms", Product(tuple(_ATOMS), range(2, 51)), _atoms, _ATOMS_OF),
            Question("cells", Product(range(200, 601, 50), range(2, 21)), _cells, _CELLS),
        ],
        [
            Question("edge", Product(tuple(_EDGES), range(110, 221)), _edge, _EDGE),
            Question("spacing", Product(range(280, 601, 10), _planes[1:]), _spacing, _SPACING),
        ],
        [
            Question("bragg", Product((70.9, 154.06, 178.9, 193.6), range(200, 451, 5)), _bragg, _BRAGG),
            Question("density", _metals, _density, _DENSITY),
        ],
        [
            Question("lattice", _metals, _lattice, _LATTICE),
            Question(
                "reflection",
                Product((70.9, 154.06, 178.9), range(280, 451, 10), _planes[1:6]),
                _reflection,
                _REFLECTION,
            ),
        ],
    ],
)
