"""Isotopes: protons, neutrons and electrons, average atomic mass, abundances, radioactive decay."""

from __future__ import annotations

from math import exp, log, log2

from distil_envs.family import Question, Worked
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product

_NUMBERS = {
    "H": 1, "He": 2, "Li": 3, "Be": 4, "B": 5, "C": 6, "N": 7, "O": 8, "F": 9, "Ne": 10, "Na": 11, "Mg": 12, "Al": 13,
    "Si": 14, "P": 15, "S": 16, "Cl": 17, "Ar": 18, "K": 19, "Ca": 20, "Ti": 22, "Cr": 24, "Mn": 25, "Fe": 26, "Co": 27,
    "Ni": 28, "Cu": 29, "Zn": 30, "Br": 35, "Sr": 38, "Ag": 47, "Sn": 50, "I": 53, "Cs": 55, "Ba": 56, "Au": 79,
    "Pb": 82, "Ra": 88, "U": 92,
}  # fmt: skip
"""Atomic numbers."""
_ISOTOPES = (
    "H-2 H-3 He-3 He-4 Li-6 Li-7 Be-9 B-10 B-11 C-12 C-13 C-14 N-14 N-15 O-16 O-17 O-18 F-19 Ne-20 Ne-22 Na-23 Mg-24 "
    "Mg-25 Mg-26 Al-27 Si-28 Si-29 P-31 P-32 S-32 S-34 Cl-35 Cl-37 Ar-40 K-39 K-40 K-41 Ca-40 Ca-44 Ti-48 Cr-52 Mn-55 "
    "Fe-54 Fe-56 Fe-57 Co-59 Co-60 Ni-58 Ni-60 Cu-63 Cu-65 Zn-64 Zn-66 Br-79 Br-81 Sr-88 Sr-90 Ag-107 Ag-109 Sn-120 "
    "I-127 I-131 Cs-133 Cs-137 Ba-138 Au-197 Pb-206 Pb-208 Ra-226 U-235 U-238"
)
_IONS = (
    "Li-7^+ Na-23^+ K-39^+ Mg-24^2+ Ca-40^2+ Al-27^3+ Fe-56^2+ Fe-56^3+ Cu-63^+ Cu-65^2+ Zn-64^2+ Co-59^2+ Ni-58^2+ "
    "Cr-52^3+ Mn-55^2+ Ag-107^+ Sr-88^2+ Ba-138^2+ Sn-120^4+ Pb-208^2+ Cs-133^+ Au-197^3+ Ti-48^4+ F-19^- Cl-35^- "
    "Cl-37^- Br-79^- I-127^- O-16^2- S-32^2- N-14^3- P-31^3-"
)
_PAIRS = {
    "lithium": (6.015, 7.016), "boron": (10.013, 11.009), "chlorine": (34.969, 36.966), "copper": (62.930, 64.928),
    "gallium": (68.926, 70.925), "bromine": (78.918, 80.916), "silver": (106.905, 108.905),
    "indium": (112.904, 114.904), "antimony": (120.904, 122.904), "rubidium": (84.912, 86.909),
}  # fmt: skip
"""Masses in u of the two natural isotopes; the abundances in the tasks are made up."""
_HALF_LIVES = {
    "iodine-131": (8.02, "days"), "carbon-14": (5730.0, "years"), "cobalt-60": (5.27, "years"),
    "caesium-137": (30.1, "years"), "technetium-99m": (6.01, "h"), "fluorine-18": (109.8, "min"),
    "radon-222": (3.82, "days"), "strontium-90": (28.8, "years"), "phosphorus-32": (14.3, "days"),
    "tritium": (12.3, "years"),
}  # fmt: skip


def _neutrons(isotope: str) -> Worked:
    symbol, mass = isotope.split("-")
    protons, nucleons = _NUMBERS[symbol], int(mass)
    steps = [
        f"{symbol} has {protons} protons; {isotope} has {nucleons} protons and neutrons together.",
        f"Neutrons: {nucleons} - {protons} = {nucleons - protons}",
    ]
    wrong = slips(
        "",
        ("mass-number", nucleons, "The mass number was given: it counts protons and neutrons.", 1),
        ("protons", protons, "The protons were counted.", 2),
        ("added", nucleons + protons, "The protons were added to the mass number.", 2),
    )
    return exact(nucleons - protons, "", {"isotope": isotope, "z": protons}, steps, wrong)


def _mass_number(protons: int, extra: int) -> Worked:
    neutrons = protons + extra
    value = protons + neutrons
    steps = ["Mass number = protons + neutrons", f"{protons} + {neutrons} = {value}"]
    wrong = slips(
        "",
        ("subtracted", extra, "The protons were subtracted from the neutrons.", 1),
        ("with-electrons", value + protons, "The electrons were counted too.", 1),
        ("twice-protons", 2 * protons, "Neutrons were taken to be as many as protons.", 2),
        ("neutrons-only", neutrons, "Only the neutrons were counted.", 1),
    )
    return exact(value, "", {"p": protons, "n": neutrons}, steps, wrong)


def _electrons(ion: str) -> Worked:
    isotope, charge = ion.split("^")
    symbol, mass = isotope.split("-")
    protons = _NUMBERS[symbol]
    size = int(charge[:-1] or 1)
    positive = charge.endswith("+")
    value = protons - size if positive else protons + size
    steps = [
        f"A neutral {symbol} atom has as many electrons as protons: {protons}",
        f"The charge {size}{charge[-1]} means {size} {'fewer' if positive else 'more'}: {value}",
    ]
    slots = {"isotope": isotope, "charge": f"{size}{charge[-1]}", "symbol": symbol, "z": protons}
    wrong = slips(
        "",
        ("forgot-charge", protons, "The charge was left out.", 2),
        (
            "wrong-way",
            2 * protons - value,
            "A positive charge was taken for more electrons, or a negative for fewer.",
            2,
        ),
        ("neutrons", int(mass) - protons, "The neutrons were counted.", 1),
        ("mass-number", int(mass), "The mass number was given.", 1),
    )
    return exact(value, "", slots, steps, wrong)


def _average(element: str, percent: int) -> Worked:
    light, heavy = _PAIRS[element]
    rest = 100 - percent
    value = (light * percent + heavy * rest) / 100
    steps = [
        f"Lighter isotope: {light:.3f} u * {percent}/100 = {shown(light * percent / 100)} u",
        f"Heavier isotope: 100 % - {percent} % = {rest} %, {heavy:.3f} u * {rest}/100 = {shown(heavy * rest / 100)} u",
        f"{shown(light * percent / 100)} + {shown(heavy * rest / 100)} = {amount(value, 'u', 4)}",
    ]
    wrong = slips(
        "u",
        ("plain-mean", (light + heavy) / 2, "The mean was taken without regard to the abundances.", 1),
        ("abundances-exchanged", (light * rest + heavy * percent) / 100, "The abundances were exchanged.", 2),
        ("lighter-only", light * percent / 100, "Only the lighter isotope was counted.", 3),
        ("added", light + heavy, "The masses were added.", 1),
    )
    slots = {"element": element, "light": f"{light:.3f}", "heavy": f"{heavy:.3f}", "p": percent}
    return quantity(value, "u", slots, steps, wrong, figures=4)


def _abundance(element: str, percent: int) -> Worked:
    light, heavy = _PAIRS[element]
    average = round((light * percent + heavy * (100 - percent)) / 100, 3)
    value = 100 * (heavy - average) / (heavy - light)
    steps = [
        f"{light:.3f}*x + {heavy:.3f}*(1 - x) = {average:.3f}",
        f"x = ({heavy:.3f} - {average:.3f}) / ({heavy:.3f} - {light:.3f})",
        f"{shown(heavy - average)} / {shown(heavy - light)} * 100 % = {amount(value, '%')}",
    ]
    wrong = slips(
        "%",
        ("other-isotope", 100 - value, "The abundance of the heavier isotope was given.", 2),
        ("ratio-of-masses", 100 * light / average, "The masses themselves were divided.", 2),
        ("half", 50, "Both isotopes were taken to be equally abundant.", 1),
        ("fraction", value / 100, "The fraction was not turned into a percentage.", 3),
    )
    slots = {"element": element, "light": f"{light:.3f}", "heavy": f"{heavy:.3f}", "average": f"{average:.3f}"}
    return quantity(value, "%", slots, steps, wrong)


def _halvings(sixteenths: int, half_life: int, number: int) -> Worked:
    """A mass that is halved a whole number of times without a rest."""
    start = sixteenths * 2**number
    time = half_life * number
    steps = [
        f"Half-lives: {time} / {half_life} = {number}",
        f"2^{number} = {2**number}",
        f"{start} mg / {2**number} = {sixteenths} mg",
    ]
    wrong = slips(
        "mg",
        ("divided-by-two-n", start / (2 * number), "The mass was divided by 2*n, not by 2^n.", 3),
        ("divided-by-n", start / number, "The mass was divided by the number of half-lives.", 3),
        ("decayed-part", start - sixteenths, "The mass that has decayed was given.", 3),
        ("one-less", 2 * sixteenths, "One half-life too few was counted.", 1),
        ("linear", 0, "All was taken to be gone after two half-lives.", 2),
    )
    return exact(sixteenths, "mg", {"start": start, "h": half_life, "t": time}, steps, wrong)


def _remaining(isotope: str, percent_of_half_life: int, start: int) -> Worked:
    half_life, unit = _HALF_LIVES[isotope]
    time = float(f"{half_life * percent_of_half_life / 100:.3g}")
    n = time / half_life
    value = start * 0.5**n
    steps = [
        f"Half-lives: {shown(time)} {unit} / {shown(half_life)} {unit} = {shown(n)}",
        f"0.5^{shown(n)} = {shown(0.5**n)}",
        f"{start} mg * {shown(0.5**n)} = {amount(value, 'mg')}",
    ]
    wrong = slips(
        "mg",
        ("base-e", start * exp(-n), "The half-life was taken for the time constant: e was the base.", 2),
        ("linear", max(start * (1 - n / 2), 0), "Decay was taken to be linear.", 2),
        ("decayed-part", start - value, "The mass that has decayed was given.", 3),
        ("time-upside-down", start * 0.5 ** (1 / n), "The half-life was divided by the time.", 1),
    )
    slots = {"isotope": isotope, "h": shown(half_life), "units": unit, "t": shown(time), "m": start}
    return quantity(value, "mg", slots, steps, wrong)


def _age(isotope: str, percent: int) -> Worked:
    half_life, unit = _HALF_LIVES[isotope]
    n = -log2(percent / 100)
    value = n * half_life
    steps = [
        f"0.5^n = {percent}/100, so n = ln({shown(100 / percent)}) / ln(2) = {shown(n)} half-lives",
        f"{shown(n)} * {shown(half_life)} {unit} = {amount(value, unit)}",
    ]
    wrong = slips(
        unit,
        ("forgot-ln-two", log(100 / percent) * half_life, "The division by ln(2) was left out.", 1),
        ("decayed-for-left", -log2(1 - percent / 100) * half_life, "The part left was taken for the part gone.", 1),
        ("linear", (100 - percent) / 50 * half_life, "Decay was taken to be linear.", 1),
        ("ratio", 100 / percent * half_life, "The ratio was taken for the number of half-lives.", 1),
    )
    return quantity(value, unit, {"isotope": isotope, "h": shown(half_life), "units": unit, "p": percent}, steps, wrong)


_nuclei = Filtered(Product(range(3, 93), range(1, 60)), lambda p, extra: abs(extra - 0.0065 * p**2) <= 2)
"""Protons, and by how many the neutrons are more: near the line of stability."""

FAMILY = ScienceFamily(
    "isotopes",
    "chemistry",
    [
        [
            Question(
                "neutrons",
                Product(_ISOTOPES.split()),
                _neutrons,
                (
                    "How many neutrons are in an atom of {isotope} (atomic number {z})?",
                    "The atomic number of {isotope} is {z}. How many neutrons does its nucleus hold?",
                ),
            ),
            Question(
                "mass-number",
                _nuclei,
                _mass_number,
                (
                    "An atom has {p} protons and {n} neutrons. What is its mass number?",
                    "Find the mass number of a nucleus of {n} neutrons and {p} protons.",
                ),
            ),
        ],
        [
            Question(
                "electrons",
                Product(_IONS.split()),
                _electrons,
                (
                    "An ion of {isotope} has the charge {charge}. {symbol} has the atomic number {z}. How many "
                    "electrons has the ion?",
                    "The atomic number of {symbol} is {z}. Count the electrons of {isotope} with the charge {charge}.",
                ),
            ),
            Question(
                "halvings",
                Product(range(1, 26), (2, 3, 5, 8, 10, 12, 20, 30), range(2, 7)),
                _halvings,
                (
                    "A nuclide has a half-life of {h} days. How many mg of {start} mg are left after {t} days?",
                    "{start} mg of a nuclide decay with a half-life of {h} days. How many mg remain after {t} days?",
                ),
            ),
        ],
        [
            Question(
                "average",
                Filtered(Product(tuple(_PAIRS), range(5, 96)), lambda element, p: p != 50),
                _average,
                (
                    "A sample of {element} has {p} % atoms of {light} u, the others {heavy} u. Find the average atomic "
                    "mass in u to 4 significant figures.",
                    "Two isotopes of {element}, {light} u ({p} %) and {heavy} u. What is the mean atomic mass in u, to "
                    "4 significant figures?",
                ),
            ),
            Question(
                "abundance",
                Filtered(Product(tuple(_PAIRS), range(5, 96)), lambda element, p: p != 50),
                _abundance,
                (
                    "A sample of {element} with isotopes of {light} u and {heavy} u averages {average} u. What "
                    "percentage is the lighter isotope? Give 3 significant figures.",
                    "{element} of mean mass {average} u consists of isotopes of {light} u and {heavy} u. Find the "
                    "percentage of the lighter one to 3 significant figures.",
                ),
            ),
        ],
        [
            Question(
                "remaining",
                Product(tuple(_HALF_LIVES), range(15, 500, 12), range(5, 101, 5)),
                _remaining,
                (
                    "The half-life of {isotope} is {h} {units}. How many mg of {m} mg are left after {t} {units}? Give "
                    "3 significant figures.",
                    "What mass in mg of {m} mg {isotope} (half-life {h} {units}) remains after {t} {units}, to 3 "
                    "significant figures?",
                ),
            ),
            Question(
                "age",
                Filtered(Product(tuple(_HALF_LIVES), range(3, 98)), lambda isotope, p: p not in (25, 50)),
                _age,
                (
                    "The half-life of {isotope} is {h} {units}. After how many {units} is {p} % of it left? Give 3 "
                    "significant figures.",
                    "{p} % of the original {isotope} (half-life {h} {units}) is left in a sample. Find its age in "
                    "{units} to 3 significant figures.",
                ),
            ),
        ],
    ],
)
