"""Phase diagrams: shares of alloys, the lever rule, steels, the phase rule."""

from __future__ import annotations

from distil_envs.family import Question, Worked
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity, worked
from distil_envs.science.misconceptions import Misconception
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product

EUTECTOID, FERRITE, CEMENTITE = 0.76, 0.022, 6.7
"""Carbon in weight percent: of the eutectoid steel, of ferrite and of cementite."""


def _share(hundreds: int, percent: int) -> Worked:
    mass = 100 * hundreds
    value = hundreds * percent
    steps = ["mass of a part = share * mass", f"{percent}/100 * {mass} g = {value} g"]
    wrong = slips(
        "g",
        ("the-rest", mass - value, "The mass of the rest was given.", 1),
        ("forgot-percent", percent * mass, "The percent were not divided by 100.", 2),
        ("divided", 100 * mass / percent, "The mass was divided by the share.", 1),
        ("percent-as-grams", percent, "The percent were given as g.", 2),
    )
    return exact(value, "g", {"m": mass, "p": percent}, steps, wrong)


def _freedom(components: int, phases: int) -> Worked:
    value = components - phases + 1
    steps = [
        "At a fixed pressure: degrees of freedom = components - phases + 1",
        f"{components} - {phases} + 1 = {value}",
    ]
    wrong = slips(
        "",
        ("free-pressure", value + 1, "The pressure was counted as free: 2 was added in place of 1.", 1),
        ("forgot-one", value - 1, "The 1 was left out.", 1),
        ("added", components + phases + 1, "The number of phases was added.", 1),
    )
    return exact(value, "", {"c": components, "p": phases}, steps, wrong)


def _lever(low: int, alloy: int, high: int) -> Worked:
    value = 100 * (high - alloy) / (high - low)
    steps = [
        "share of alpha = opposite arm / whole lever = (liquid - alloy) / (liquid - alpha)",
        f"({high} - {alloy}) / ({high} - {low}) = {shown(value / 100)}",
        f"In percent: {shown(value / 100)} = {amount(value, '%')}",
    ]
    wrong = slips(
        "%",
        ("near-arm", 100 - value, "The arm on the side of alpha was taken: that is the share of the liquid.", 1),
        ("ratio-of-arms", 100 * (high - alloy) / (alloy - low), "One arm was divided by the other.", 1),
        ("composition-as-share", alloy, "The composition of the alloy was given as the share.", 1),
        ("forgot-percent", value / 100, "The share was not turned into percent.", 3),
    )
    return quantity(value, "%", {"a": low, "c": alloy, "l": high}, steps, wrong)


def _masses(low: int, alloy: int, high: int, mass: int) -> Worked:
    share = (high - alloy) / (high - low)

    def pair(alpha: float) -> str:
        return f"{amount(alpha * mass, 'g')}, {amount((1 - alpha) * mass, 'g')}"

    steps = [
        f"Share of alpha: ({high} - {alloy}) / ({high} - {low}) = {shown(share)}",
        f"Mass of alpha: {shown(share)} * {mass} g = {amount(share * mass, 'g')}",
        f"Mass of beta: {mass} g - {amount(share * mass, 'g', 5)} = {amount((1 - share) * mass, 'g')}",
    ]
    wrong = (
        Misconception("near-arm", pair(1 - share), "The arms were exchanged.", 1),
        Misconception("equal-shares", pair(0.5), "The phases were given equal masses.", 2),
        Misconception("composition-as-share", pair(alloy / 100), "The composition was taken as the share.", 1),
    )
    slots = {"a": low, "c": alloy, "b": high, "m": mass}
    return worked("list", pair(share), slots, steps, wrong, ordered=True, item="quantity", figures=3, unit="optional")


def _steel(hundredths: int) -> Worked:
    carbon = hundredths / 100
    less = carbon < EUTECTOID
    right, other = ("ferrite", "cementite") if less else ("cementite", "ferrite")
    steps = [
        f"Compare {carbon} % with the eutectoid composition of 0.76 %",
        f"The steel has {'less' if less else 'more'} carbon: it is {'hypo' if less else 'hyper'}eutectoid",
        f"Before the eutectoid reaction {right} forms",
    ]
    wrong = (
        Misconception(f"{other}-first", other, "The two sides of the eutectoid point were exchanged.", 2),
        Misconception("pearlite-first", "pearlite", "Pearlite only forms in the eutectoid reaction.", 3),
        Misconception("martensite-first", "martensite", "Martensite only forms on fast cooling.", 3),
    )
    accept = {"ferrite": ["alpha ferrite", "alpha iron", "alpha"], "cementite": ["Fe3C", "iron carbide"]}[right]
    return worked("word", right, {"c": carbon}, steps, wrong, accept=accept)


def _pearlite(hundredths: int) -> Worked:
    carbon = hundredths / 100
    value = 100 * (carbon - FERRITE) / (EUTECTOID - FERRITE)
    steps = [
        "Above the eutectoid temperature: share of austenite = (alloy - ferrite) / (eutectoid - ferrite)",
        f"({carbon} - 0.022) / (0.76 - 0.022) = {shown(value / 100)}",
        f"The austenite becomes pearlite; in percent: {shown(value / 100)} = {amount(value, '%')}",
    ]
    whole = 100 * (carbon - FERRITE) / (CEMENTITE - FERRITE)
    wrong = slips(
        "%",
        ("ferrite-for-pearlite", 100 - value, "The share of the ferrite that forms first was given.", 1),
        ("lever-to-cementite", whole, "The lever to cementite was taken: that is the share of all cementite.", 1),
        ("forgot-percent", value / 100, "The share was not turned into percent.", 3),
    )
    return quantity(value, "%", {"c": carbon}, steps, wrong)


def _ferrite(hundredths: int) -> Worked:
    carbon = hundredths / 100
    value = 100 * (CEMENTITE - carbon) / (CEMENTITE - FERRITE)
    steps = [
        "share of ferrite = (cementite - alloy) / (cementite - ferrite)",
        f"(6.7 - {carbon}) / (6.7 - 0.022) = {shown(value / 100)}",
        f"In percent: {shown(value / 100)} = {amount(value, '%', 4)}",
    ]
    wrong = slips(
        "%",
        ("near-arm", 100 - value, "The share of cementite was given.", 1),
        ("forgot-ferrite", 100 * (CEMENTITE - carbon) / CEMENTITE, "The carbon in ferrite was left out.", 1),
        ("forgot-percent", value / 100, "The share was not turned into percent.", 3),
    )
    return quantity(value, "%", {"c": carbon}, steps, wrong, figures=4)


def _eutectic(alpha: int, alloy: int, eutectic: int, beta: int) -> Worked:
    first = (eutectic - alloy) / (eutectic - alpha)
    total = (beta - alloy) / (beta - alpha)
    value = 100 * (total - first)
    steps = [
        f"All alpha below the eutectic: ({beta} - {alloy}) / ({beta} - {alpha}) = {shown(total)}",
        f"Primary alpha: ({eutectic} - {alloy}) / ({eutectic} - {alpha}) = {shown(first)}",
        f"In the eutectic mixture: {shown(total)} - {shown(first)} = {shown(total - first)}",
        f"In percent: {shown(total - first)} = {amount(value, '%')}",
    ]
    wrong = slips(
        "%",
        ("all-alpha", 100 * total, "All of the alpha was given.", 3),
        ("primary-alpha", 100 * first, "The primary alpha was given.", 3),
        ("near-arms", 100 * (1 - first), "The share of the whole eutectic mixture was given.", 2),
        ("forgot-percent", value / 100, "The share was not turned into percent.", 4),
    )
    return quantity(value, "%", {"a": alpha, "c": alloy, "e": eutectic, "b": beta}, steps, wrong)


_SHARE = (
    "An alloy of {m} g is {p} percent nickel by mass. How much nickel does it hold, in g?",
    "Find the mass in g of the tin in {m} g of a solder with {p} weight percent tin.",
)
_FREEDOM = (
    "An alloy of {c} components shows {p} phases in equilibrium at a fixed pressure. How many degrees of freedom has "
    "it?",
    "Find the number of degrees of freedom of a system of {c} components and {p} phases at constant pressure.",
)
_LEVER = (
    "An alloy of {c} wt% B consists of alpha with {a} wt% B and liquid with {l} wt% B. How many percent of its mass "
    "are alpha? Give 3 significant figures.",
    "In a two-phase field alpha has {a} wt% B and the liquid {l} wt% B; the alloy has {c} wt% B. Find the share of "
    "alpha in percent. Give 3 significant figures.",
)
_MASSES = (
    "{m} g of an alloy of {c} wt% B consist of alpha with {a} wt% B and beta with {b} wt% B. Give the masses of alpha "
    "and of beta in g, in that order, separated by a comma, to 3 significant figures each.",
    "Alpha holds {a} wt% B and beta {b} wt% B. List the masses in g of alpha and then beta in {m} g of an alloy with "
    "{c} wt% B, with a comma between, each to 3 significant figures.",
)
_STEEL = (
    "A steel of {c} wt% carbon cools slowly from the austenite field. Which phase forms first, before the eutectoid "
    "reaction? The eutectoid composition is 0.76 wt%.",
    "Austenite of {c} wt% carbon is cooled slowly. Name the proeutectoid phase (eutectoid: 0.76 wt% C).",
)
_PEARLITE = (
    "A steel of {c} wt% carbon has cooled slowly. How many percent of it are pearlite? Use 0.76 wt% for the eutectoid "
    "and 0.022 wt% for ferrite, and give 3 significant figures.",
    "Find the share of pearlite, in percent to 3 significant figures, of a slowly cooled steel with {c} wt% C "
    "(eutectoid 0.76 wt%, ferrite 0.022 wt%).",
)
_FERRITE = (
    "A steel of {c} wt% carbon consists of ferrite (0.022 wt%) and cementite (6.7 wt%). How many percent of it are "
    "ferrite? Give 4 significant figures.",
    "Find the whole share of ferrite, in percent to 4 significant figures, of a steel with {c} wt% C just below the "
    "eutectoid temperature (ferrite 0.022 wt%, cementite 6.7 wt%).",
)
_EUTECTIC = (
    "At the eutectic temperature alpha has {a} wt% B, the eutectic {e} wt% B and beta {b} wt% B. How many percent of "
    "an alloy of {c} wt% B are alpha inside the eutectic mixture just below it? Give 3 "
    "significant figures.",
    "An alloy of {c} wt% B solidifies with a eutectic at {e} wt% B between alpha ({a} wt% B) and beta ({b} wt% B). "
    "Find the share of eutectic alpha in the alloy in percent. Give 3 significant figures.",
)

_levers = Filtered(
    Product(range(5, 46, 5), range(10, 86), range(50, 96, 5)), lambda low, c, high: low + 2 < c < high - 2
)
_weighed = Filtered(
    Product(range(5, 41, 5), range(10, 91, 2), range(60, 96, 5), range(100, 901, 200)),
    lambda low, c, high, m: low + 2 < c < high - 2,
)
_eutectics = Filtered(
    Product(range(4, 21, 4), range(10, 70, 2), range(50, 76, 5), range(85, 98, 3)),
    lambda a, c, e, b: a + 4 < c < e - 4,
)

FAMILY = ScienceFamily(
    "phase-diagrams",
    "materials",
    [
        [
            Question("share", Product(range(1, 10), range(5, 96, 5)), _share, _SHARE),
        ],
        [
            Question(
                "freedom", Filtered(Product(range(2, 8), range(2, 9)), lambda c, p: p <= c + 1), _freedom, _FREEDOM
            ),
            Question("lever", _levers, _lever, _LEVER),
        ],
        [
            Question("masses", _weighed, _masses, _MASSES),
            Question("steel", Filtered(Product(range(10, 181, 2)), lambda c: c != 76), _steel, _STEEL),
        ],
        [
            Question("pearlite", Product(range(5, 75)), _pearlite, _PEARLITE),
            Question("ferrite", Product(range(5, 181)), _ferrite, _FERRITE),
            Question("eutectic", _eutectics, _eutectic, _EUTECTIC),
        ],
    ],
)
