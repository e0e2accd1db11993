"""Mendelian genetics: Punnett squares, expected numbers, two genes, sex-linked traits, several children."""

from __future__ import annotations

from fractions import Fraction
from math import comb

from distil_envs.family import Question, Worked
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, quantity, rounded, worked
from distil_envs.science.misconceptions import Misconception
from distil_envs.science.slips import slips
from distil_envs.spaces import Distinct, Filtered, Product, Unordered

_LETTERS = "ABDEGHRT"  # whose capital and small forms can be told apart
_TYPES = ("AA", "Aa", "aa")


def _of(letter: str, genotype: str) -> str:
    """A genotype written with another letter: ``Rr``."""
    return genotype.replace("A", letter).replace("a", letter.lower())


def offspring(first: str, second: str) -> dict[str, int]:
    """How many of the four boxes of a Punnett square hold each genotype."""
    boxes = ["".join(sorted(a + b)) for a in first for b in second]
    return {genotype: boxes.count(genotype) for genotype in _TYPES}


_SHOWS = {
    "dominant": ("AA", "Aa"),
    "recessive": ("aa",),
    "heterozygous": ("Aa",),
    "homozygous": ("AA", "aa"),
}
_ASKED = {
    "dominant": "show the dominant trait",
    "recessive": "show the recessive trait",
    "heterozygous": "are heterozygous",
    "homozygous": "are homozygous",
}


_OF_AA_X_AA = {"dominant": 75, "recessive": 25}
_EXPECTED = {"recessive": "show the recessive trait", "heterozygous": "be heterozygous"}
_MOTHERS = {"carrier": "X+ X-", "affected": "X- X-"}
_FATHERS = {"healthy": "X+ Y", "affected": "X- Y"}
_LINKED = ("red-green colour blindness", "haemophilia", "G6PD deficiency", "X-linked ichthyosis")


def _share(cross: tuple[str, str], trait: str) -> Fraction:
    boxes = offspring(*cross)
    return Fraction(sum(boxes[genotype] for genotype in _SHOWS[trait]), 4)


def _monohybrid(letter: str, cross: tuple[str, str], trait: str) -> Worked:
    boxes = offspring(*cross)
    count = sum(boxes[genotype] for genotype in _SHOWS[trait])
    found = ", ".join(f"{number} {_of(letter, genotype)}" for genotype, number in boxes.items() if number)
    wanted = " or ".join(_of(letter, genotype) for genotype in _SHOWS[trait])
    steps = [
        f"The four boxes of the Punnett square: {found}",
        f"Wanted are {wanted}: {count} of 4",
        f"{count} / 4 * 100 % = {25 * count} %",
    ]
    slots = {"a": _of(letter, cross[0]), "b": _of(letter, cross[1]), "asked": _ASKED[trait]}
    rows = [
        ("other-offspring", 25 * (4 - count), "The offspring without it were counted.", 2),
        ("counted-alleles", 12.5 * (2 * boxes["aa"] + boxes["Aa"]), "Recessive alleles were counted, not boxes.", 2),
        ("boxes-not-percent", count, "The boxes were given, not a percentage.", 3),
    ]
    if trait in _OF_AA_X_AA:
        as_recessive = boxes["AA"] if trait == "dominant" else boxes["Aa"] + boxes["aa"]
        rows += [
            ("carriers-as-recessive", 25 * as_recessive, "Aa was taken to show the recessive trait.", 2),
            ("always-three-to-one", _OF_AA_X_AA[trait], "The 3 to 1 of Aa x Aa was taken for another cross.", 1),
        ]
    return exact(25 * count, "%", slots, steps, slips("%", *rows))


def _expected(cross: tuple[str, str], trait: str, quarter: int) -> Worked:
    boxes = offspring(*cross)
    count = sum(boxes[genotype] for genotype in _SHOWS[trait])
    found = ", ".join(f"{number} {genotype}" for genotype, number in boxes.items() if number)
    total = 4 * quarter
    steps = [
        f"The four boxes of the Punnett square: {found}, so {count} of 4",
        f"{count} / 4 * {total} = {count * quarter}",
    ]
    slots = {"a": cross[0], "b": cross[1], "asked": _EXPECTED[trait], "n": total}
    wrong = slips(
        "",
        ("other-offspring", (4 - count) * quarter, "The offspring without it were counted.", 1),
        ("one-box", quarter, "Only one box of the Punnett square was counted.", 1),
        ("three-boxes", 3 * quarter, "Three boxes of the Punnett square were counted.", 1),
        ("half", 2 * quarter, "Each parent was taken to decide for half of the offspring.", 1),
    )
    return exact(count * quarter, "", slots, steps, wrong)


def _fraction(
    value: Fraction, slots: dict[str, object], steps: list[str], wrong: list[tuple[str, Fraction, str, int]]
) -> Worked:
    """A question that asks for a probability as a fraction."""
    found = [Misconception(name, str(result), message, step) for name, result, message, step in wrong]
    return worked("expression", str(value), slots, steps, found)


def _dihybrid(letters: tuple[str, str], first: tuple[str, str], second: tuple[str, str], traits: str) -> Worked:
    a, b = letters
    shown_traits = [{"D": "dominant", "r": "recessive"}[trait] for trait in traits]
    p, q = (_share(cross, trait) for cross, trait in zip((first, second), shown_traits, strict=True))
    steps = [
        f"Gene {a}: {_of(a, first[0])} x {_of(a, first[1])} gives the {shown_traits[0]} trait with {p}",
        f"Gene {b}: {_of(b, second[0])} x {_of(b, second[1])} gives the {shown_traits[1]} trait with {q}",
        f"Both, as the genes assort independently: {p} * {q} = {p * q}",
    ]
    slots: dict[str, object] = {
        "mother": _of(a, first[0]) + _of(b, second[0]),
        "father": _of(a, first[1]) + _of(b, second[1]),
        "one": f"{shown_traits[0]} trait of gene {a}",
        "two": f"{shown_traits[1]} trait of gene {b}",
    }
    wrong = [
        ("added", p + q, "The two probabilities were added, not multiplied.", 3),
        ("first-gene-only", p, "Only the first gene was looked at.", 3),
        ("second-gene-only", q, "Only the second gene was looked at.", 3),
        ("complement", 1 - p * q, "The probability of all other offspring was given.", 3),
        ("averaged", (p + q) / 2, "The two probabilities were averaged, not multiplied.", 3),
    ]
    return _fraction(p * q, slots, steps, wrong)


def _linked(trait: str, mother: str, father: str, asked: str) -> Worked:
    """An X-linked recessive trait."""
    sons = Fraction(1) if mother == "affected" else Fraction(1, 2)
    daughters = sons if father == "affected" else Fraction(0)
    value = {"son": sons, "daughter": daughters, "child": (sons + daughters) / 2}[asked]
    one_allele = 1 - sons if father == "affected" else sons
    carriers = {"son": Fraction(0), "daughter": one_allele, "child": one_allele / 2}[asked]
    steps = [
        f"A son has his X from his mother, who is {_MOTHERS[mother]}: affected with {sons}",
        f"A daughter is affected when both X carry the allele, and the father is {_FATHERS[father]}: {daughters}",
        f"A child is a son or a daughter with 1/2 each: ({sons} + {daughters}) / 2 = {(sons + daughters) / 2}",
        f"Asked for is a {asked}: {value}",
    ]
    others = {
        "son": ("other-sex", daughters, "The daughters were counted.", 4),
        "daughter": ("other-sex", sons, "The sons were counted.", 4),
        "child": ("sons-only", sons, "Only the sons were counted.", 4),
    }
    as_father = Fraction(father == "affected")
    from_father = {"son": as_father, "daughter": value, "child": (as_father + daughters) / 2}[asked]
    wrong = [
        ("autosomal", Fraction(1, 4), "The 1/4 of Aa x Aa was taken: that is for a gene on an autosome.", 1),
        others[asked],
        ("carriers-affected", value + carriers, "Daughters with a single allele for it were counted as affected.", 2),
        ("x-from-father", from_father, "A son was taken to have his X from his father.", 1),
        ("sex-counted-again", value / 2, "The probability of the child's sex was multiplied in once more.", 4),
        ("complement", 1 - value, "The probability of a healthy child was given.", 4),
    ]
    slots: dict[str, object] = {
        "trait": trait,
        "mother": {"carrier": "a healthy carrier", "affected": "affected"}[mother],
        "father": {"healthy": "healthy", "affected": "affected"}[father],
        "asked": asked,
    }
    return _fraction(value, slots, steps, wrong)


def _children(quarters: int, children: int, affected: int) -> Worked:
    p = Fraction(quarters, 4)
    ways = comb(children, affected)
    one = p**affected * (1 - p) ** (children - affected)
    value = ways * one
    steps = [
        f"Each child is affected with p = {p} and healthy with 1 - p = {1 - p}",
        f"One order: ({p})^{affected} * ({1 - p})^{children - affected} = {shown(float(one))}",
        f"Orders: C({children}, {affected}) = {ways}",
        f"{ways} * {shown(float(one))} = {rounded(float(value))}",
    ]
    wrong = slips(
        "",
        ("one-order", float(one), "Only one order of the children was counted.", 3),
        ("healthy-forgotten", float(p**affected), "Only the affected children were reckoned with.", 2),
        (
            "exchanged",
            float(ways * (1 - p) ** affected * p ** (children - affected)),
            "The probabilities of affected and healthy were exchanged.",
            2,
        ),
        ("expected-share", affected / children, "The share of the children was taken for it.", 1),
    )
    slots = {"parents": {1: "Aa x Aa", 2: "Aa x aa"}[quarters], "n": children, "k": affected}
    return quantity(float(value), "", slots, steps, wrong)


_crosses = Unordered(_TYPES)
_mixed = [("Aa", "Aa"), ("Aa", "aa")]
_dihybrids = Product(Distinct(_LETTERS), _mixed, _mixed, ("DD", "Dr", "rD", "rr"))
_families = Filtered(Product((1, 2), range(2, 9), range(9)), lambda q, n, k: k < n and 2 * k != n)

FAMILY = ScienceFamily(
    "genetics",
    "biology",
    [
        [
            Question(
                "monohybrid",
                Product(_LETTERS, _crosses, tuple(_SHOWS)),
                _monohybrid,
                (
                    "What percentage of the offspring of {a} x {b} {asked}?",
                    "Cross {a} with {b}: what percentage of the offspring {asked}?",
                ),
            )
        ],
        [
            Question(
                "expected",
                Product(_mixed, ("recessive", "heterozygous"), range(5, 101)),
                _expected,
                (
                    "A cross {a} x {b} has {n} offspring. How many of them are expected to {asked}?",
                    "About how many of {n} offspring of the cross {a} x {b} should {asked}?",
                ),
            )
        ],
        [
            Question(
                "dihybrid",
                _dihybrids,
                _dihybrid,
                (
                    "The genes assort independently. What fraction of the offspring of {mother} x {father} shows the "
                    "{one} and the {two}?",
                    "Find the probability, as a fraction, that a child of {mother} x {father} shows the {one} and the "
                    "{two} (unlinked genes).",
                ),
            ),
        ],
        [
            Question(
                "linked",
                Product(_LINKED, tuple(_MOTHERS), tuple(_FATHERS), ("son", "daughter", "child")),
                _linked,
                (
                    "The gene for {trait} lies on the X chromosome, and the trait is recessive. The mother is "
                    "{mother}, the father {father}. What is the probability, as a fraction, that a {asked} of theirs "
                    "is affected?",
                    "Take {trait}, a recessive trait of the X chromosome. The father is {father}, the mother {mother}. "
                    "Give the fraction that says how likely a {asked} of theirs has it.",
                ),
            ),
            Question(
                "children",
                _families,
                _children,
                (
                    "Parents {parents} have {n} children; aa is affected. What is the probability that exactly {k} "
                    "are affected? Give 3 significant figures.",
                    "aa causes a disorder. Find the probability, to 3 significant figures, that exactly {k} of the "
                    "{n} children of {parents} have it.",
                ),
            ),
        ],
    ],
)
