"""Hardy-Weinberg equilibrium: allele and genotype frequencies, carriers, selection, inbreeding."""

from __future__ import annotations

from math import sqrt

from distil_envs.family import Question, Worked
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, quantity, rounded
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product


def _other(hundredths: int, known: str) -> Worked:
    value = (100 - hundredths) / 100
    frequency = hundredths / 100
    asked = "a" if known == "A" else "A"
    steps = [
        "The frequencies of the two alleles add up to 1.",
        f"1 - {shown(frequency)} = {shown(value)}",
    ]
    wrong = slips(
        "",
        ("same", frequency, "Both alleles were taken to be equally frequent.", 1),
        ("squared-rest", 1 - frequency**2, "The frequency was squared before subtracting.", 2),
        ("square", value**2, "The frequency of a genotype was given, not of an allele.", 2),
    )
    return exact(value, "", {"known": known, "asked": asked, "f": shown(frequency)}, steps, wrong)


def _genotype(hundredths: int, genotype: str) -> Worked:
    q = hundredths / 100
    p = 1 - q
    value = {"AA": p * p, "Aa": 2 * p * q, "aa": q * q}[genotype]
    power = {"AA": f"p^2 = {shown(p)}^2", "Aa": f"2*p*q = 2 * {shown(p)} * {shown(q)}", "aa": f"q^2 = {shown(q)}^2"}
    steps = [
        f"q = {shown(q)}, p = 1 - {shown(q)} = {shown(p)}",
        f"Frequency of {genotype}: {power[genotype]} = {shown(value)}",
    ]
    rest = ("rest", 1 - value, "The frequency of the other genotypes was given.", 2)
    if genotype == "Aa":
        wrong = slips(
            "",
            ("forgot-two", p * q, "The factor 2 of 2*p*q was left out.", 2),
            ("allele", q, "The frequency of the allele a was given.", 2),
            ("first-homozygote", p * p, "The frequency of AA was given.", 2),
            ("second-homozygote", q * q, "The frequency of aa was given.", 2),
            rest,
        )
    else:
        own, other = (p, q) if genotype == "AA" else (q, p)
        wrong = slips(
            "",
            ("other-homozygote", other**2, "The two alleles were exchanged.", 2),
            ("not-squared", own, "The frequency of the allele was not squared.", 2),
            ("heterozygotes", 2 * p * q, "The frequency of Aa was given.", 2),
            rest,
        )
    return exact(value, "", {"q": shown(q), "genotype": genotype}, steps, wrong)


def _carriers(hundredths: int, asked: str) -> Worked:
    """From the share of affected people, a square, so that the root is exact."""
    q = hundredths / 100
    p = 1 - q
    value = {"carriers": 2 * p * q, "allele": q}[asked]
    steps = [
        f"Affected are q^2 = {shown(q * q)}",
        f"q = sqrt({shown(q * q)}) = {shown(q)}",
    ]
    if asked == "carriers":
        steps += [f"p = 1 - {shown(q)} = {shown(p)}", f"Carriers: 2*p*q = 2 * {shown(p)} * {shown(q)} = {shown(value)}"]
    square, half = q * q, q * q / 2
    if asked == "carriers":
        wrong = slips(
            "",
            ("no-root", 2 * square * (1 - square), "The frequency of the affected was taken for q.", 2),
            ("halved", 2 * half * (1 - half), "The frequency was halved instead of its root taken.", 2),
            ("forgot-two", p * q, "The factor 2 of 2*p*q was left out.", 4),
            ("all-healthy", 1 - square, "All healthy people were counted.", 4),
        )
    else:
        wrong = slips(
            "",
            ("no-root", square, "The frequency of the affected was given: its root is the allele's.", 2),
            ("halved", half, "The frequency was halved instead of its root taken.", 2),
            ("other-allele", p, "The frequency of the allele A was given.", 2),
            ("healthy", 1 - square, "The frequency of the healthy was given.", 1),
        )
    what = {"carriers": "the carriers (Aa)", "allele": "the allele a"}[asked]
    return exact(value, "", {"f": shown(square), "asked": what}, steps, wrong)


def _number(q_thousandths: int, thousands: int) -> Worked:
    """Carriers in a population in which one in so many is affected."""
    affected = round(thousands * 1000 * (q_thousandths / 1000) ** 2)
    total = thousands * 1000
    q = sqrt(affected / total)
    value = 2 * q * (1 - q) * total
    steps = [
        f"q^2 = {affected} / {total} = {shown(affected / total)}",
        f"q = sqrt({shown(affected / total)}) = {shown(q)}, p = 1 - {shown(q)} = {shown(1 - q)}",
        f"2*p*q = 2 * {shown(1 - q)} * {shown(q)} = {shown(2 * q * (1 - q))}",
        f"{shown(2 * q * (1 - q))} * {total} = {rounded(value)} people",
    ]
    square = affected / total
    wrong = slips(
        "",
        ("no-root", 2 * square * (1 - square) * total, "The share of the affected was taken for q.", 2),
        ("forgot-two", value / 2, "The factor 2 of 2*p*q was left out.", 3),
        ("only-q", q * total, "The frequency of the allele was used, not of carriers.", 3),
        ("all-healthy", total - affected, "All healthy people were counted as carriers.", 3),
    )
    return quantity(value, "", {"n": total, "k": affected}, steps, wrong)


def _selected(hundredths: int, generations: int) -> Worked:
    q = hundredths / 100
    value = q / (1 + generations * q)
    steps = [
        "Without aa among the parents, q becomes q / (1 + q) in each generation, so q / (1 + n*q) after n.",
        f"1 + {generations} * {shown(q)} = {shown(1 + generations * q)}",
        f"{shown(q)} / {shown(1 + generations * q)} = {rounded(value)}",
    ]
    subtracted = q
    for _ in range(generations):
        subtracted -= subtracted**2
    wrong = slips(
        "",
        ("homozygotes-only", q**2, "The frequency of aa was given, not of a.", 1),
        ("one-generation", q / (1 + q), "Only one generation was reckoned with.", 1),
        ("unchanged", q, "Selection was left out.", 1),
        ("aa-subtracted", subtracted, "In each generation q^2 was subtracted from q.", 1),
    )
    return quantity(value, "", {"q": shown(q), "n": generations}, steps, wrong)


def _inbreeding(hundredths: int, inbreeding: int, genotype: str) -> Worked:
    q, f = hundredths / 100, inbreeding / 100
    p = 1 - q
    value = 2 * p * q * (1 - f) if genotype == "Aa" else q * q + f * p * q
    if genotype == "Aa":
        last = f"2*p*q*(1 - F) = 2 * {shown(p)} * {shown(q)} * {shown(1 - f)} = {rounded(value)}"
    else:
        last = f"q^2 + F*p*q = {shown(q)}^2 + {shown(f)} * {shown(p)} * {shown(q)} = {rounded(value)}"
    steps = [f"p = 1 - {shown(q)} = {shown(p)}", last]
    plain = 2 * p * q if genotype == "Aa" else q * q
    wrong = slips(
        "",
        ("random-mating", plain, "Inbreeding was left out.", 2),
        ("wrong-sign", 2 * plain - value, "Inbreeding was given the opposite effect.", 2),
        ("times-f", plain * f, "The frequency under random mating was multiplied by F.", 2),
    )
    return quantity(value, "", {"q": shown(q), "F": shown(f), "genotype": genotype}, steps, wrong)


FAMILY = ScienceFamily(
    "hardy-weinberg",
    "biology",
    [
        [
            Question(
                "other-allele",
                Filtered(Product(range(1, 100), "Aa"), lambda f, known: f != 50),
                _other,
                (
                    "A gene has two alleles. The frequency of {known} is {f}. What is the frequency of {asked}?",
                    "Of two alleles A and a, {known} has the frequency {f}. Find the frequency of {asked}.",
                ),
            )
        ],
        [
            Question(
                "genotype",
                Filtered(Product(range(2, 99), ("AA", "Aa", "aa")), lambda q, genotype: q != 50),
                _genotype,
                (
                    "In Hardy-Weinberg equilibrium allele a has the frequency {q}. What is the exact frequency of "
                    "the genotype {genotype}?",
                    "The frequency of a is {q} and mating is random. Find the exact frequency of {genotype}.",
                ),
            )
        ],
        [
            Question(
                "from-affected",
                Product(range(1, 41), ("carriers", "allele")),
                _carriers,
                (
                    "A recessive disorder (aa) is found in a fraction {f} of a population in Hardy-Weinberg "
                    "equilibrium. What is the exact frequency of {asked}?",
                    "aa has the frequency {f} under random mating. Find the exact frequency of {asked}.",
                ),
            )
        ],
        [
            Question(
                "number-of-carriers",
                Product(range(40, 400, 3), range(20, 100, 5)),
                _number,
                (
                    "{k} of {n} people have a recessive disorder. How many carriers are expected in Hardy-Weinberg "
                    "equilibrium? Give 3 significant figures.",
                    "In a population of {n} in Hardy-Weinberg equilibrium {k} show a recessive trait. Estimate the "
                    "number of heterozygotes to 3 significant figures.",
                ),
            )
        ],
        [
            Question(
                "selection",
                Product(range(10, 71), range(2, 11)),
                _selected,
                (
                    "Individuals aa do not reproduce. Allele a has the frequency {q}; what is it after {n} "
                    "generations of random mating? Give 3 significant figures.",
                    "A recessive allele that is lethal when homozygous has the frequency {q}. Find its frequency "
                    "{n} generations later, to 3 significant figures.",
                ),
            ),
            Question(
                "inbreeding",
                Filtered(Product(range(5, 96), range(5, 55, 5), ("Aa", "aa")), lambda q, f, g: q != 50),
                _inbreeding,
                (
                    "Allele a has the frequency {q} and the inbreeding coefficient is F = {F}. What is the frequency "
                    "of {genotype}? Give 3 significant figures.",
                    "With F = {F} and q = {q} for allele a, find the frequency of the genotype {genotype} to 3 "
                    "significant figures.",
                ),
            ),
        ],
    ],
)
