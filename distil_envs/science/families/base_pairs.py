"""Base composition of DNA: GC content, Chargaff's rule, hydrogen bonds, melting temperature."""

from __future__ import annotations

from distil_envs.family import Question, Worked
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product


def _strand(letters: tuple[str, ...]) -> tuple[str, int, int]:
    """A strand, and how many of its bases are G or C, and A or T."""
    strand = "".join(letters)
    gc = strand.count("G") + strand.count("C")
    return strand, gc, len(strand) - gc


def _gc(*letters: str) -> Worked:
    strand, gc, at = _strand(letters)
    n = len(strand)
    steps = [
        f"G or C: {gc} of {n} bases",
        f"{gc} / {n} * 100 % = {shown(100 * gc / n)} %",
    ]
    wrong = slips(
        "%",
        ("counted-at", 100 * at / n, "A and T were counted, not G and C.", 1),
        ("counted-g-only", 100 * strand.count("G") / n, "Only G was counted, not C.", 1),
        ("counted-c-only", 100 * strand.count("C") / n, "Only C was counted, not G.", 1),
        ("no-percentage", gc, "The number of bases was given, not their percentage.", 2),
        ("divided-by-at", 100 * gc / (at or n), "G and C were divided by A and T.", 2),
    )
    return exact(100 * gc / n, "%", {"strand": strand}, steps, wrong)


_PARTNER = {"A": "T", "T": "A", "G": "C", "C": "G"}


def _chargaff(known: str, percent: int, asked: str) -> Worked:
    other = 50 - percent
    steps = [
        f"{known} pairs with {_PARTNER[known]}, so there is as much {_PARTNER[known]}: {percent} %",
        f"{known} and {_PARTNER[known]} together: 2 * {percent} % = {2 * percent} %",
        f"The two others: 100 % - {2 * percent} % = {100 - 2 * percent} %, half of it each: {other} %",
    ]
    wrong = slips(
        "%",
        ("same-as-known", percent, f"{known} was taken for the partner of {asked}.", 1),
        ("not-halved", 100 - 2 * percent, "The rest was not shared by two bases.", 3),
        ("forgot-partner", 100 - percent, "Only one base was taken from 100 %.", 2),
        ("shared-by-three", (100 - percent) / 3, "The rest was shared by the three other bases.", 2),
    )
    return exact(other, "%", {"known": known, "percent": percent, "asked": asked}, steps, wrong)


def _bonds(*letters: str) -> Worked:
    strand, gc, at = _strand(letters)
    value = 3 * gc + 2 * at
    steps = [
        f"G-C pairs: {gc}; A-T pairs: {at}",
        f"3 bonds in a G-C pair, 2 in an A-T pair: 3 * {gc} + 2 * {at} = {value}",
    ]
    wrong = slips(
        "",
        ("bonds-exchanged", 2 * gc + 3 * at, "G-C was given 2 bonds and A-T 3.", 2),
        ("two-each", 2 * (gc + at), "Every pair was given 2 bonds.", 2),
        ("three-each", 3 * (gc + at), "Every pair was given 3 bonds.", 2),
        ("pairs-counted", gc + at, "The pairs were counted, not their bonds.", 2),
    )
    return exact(value, "", {"strand": strand}, steps, wrong)


def _wallace(*letters: str) -> Worked:
    strand, gc, at = _strand(letters)
    value = 4 * gc + 2 * at
    steps = [
        f"G or C: {gc} bases; A or T: {at} bases",
        f"T = 2 * {at} + 4 * {gc} = {value} degC",
    ]
    wrong = slips(
        "degC",
        ("weights-exchanged", 4 * at + 2 * gc, "The weights 2 and 4 were exchanged.", 2),
        ("all-two", 2 * (gc + at), "Every base was given the weight 2.", 2),
        ("all-four", 4 * (gc + at), "Every base was given the weight 4.", 2),
        ("both-strands", 2 * value, "The bases of both strands were counted; the rule takes one.", 1),
    )
    return exact(value, "degC", {"strand": strand}, steps, wrong)


def _melting(*letters: str) -> Worked:
    strand, gc, at = _strand(letters)
    n = gc + at

    def formula(count: float) -> float:
        return 64.9 + 41 * (count - 16.4) / n

    steps = [
        f"G or C: {gc} of N = {n} bases",
        f"41 * ({gc} - 16.4) / {n} = {shown(41 * (gc - 16.4) / n)}",
        f"T = 64.9 + ({shown(41 * (gc - 16.4) / n)}) = {amount(formula(gc), 'degC')}",
    ]
    wrong = slips(
        "degC",
        ("counted-at", formula(at), "A and T were counted, not G and C.", 1),
        ("forgot-length", 64.9 + 41 * (gc - 16.4), "The division by the length was left out.", 2),
        ("bracket-ignored", 64.9 + 41 * gc / n - 16.4, "The 16.4 was subtracted at the end.", 2),
        ("counted-g-only", formula(strand.count("G")), "Only G was counted, not C.", 1),
    )
    return quantity(formula(gc), "degC", {"strand": strand}, steps, wrong)


_mixed = Filtered(Product(*["ACGT"] * 8), lambda *letters: _strand(letters)[1] not in (0, 4, 8))
_pairs = Filtered(Product("ACGT", range(5, 46), "ACGT"), lambda a, p, b: b not in (a, _PARTNER[a]) and p != 25)

FAMILY = ScienceFamily(
    "base-pairs",
    "biology",
    [
        [
            Question(
                "gc-content",
                Filtered(Product(*["ACGT"] * 4), lambda *letters: _strand(letters)[1] > 0),
                _gc,
                (
                    "What percentage of the bases of the DNA strand {strand} are G or C?",
                    "Find the GC content of {strand} in percent.",
                ),
            )
        ],
        [
            Question(
                "chargaff",
                _pairs,
                _chargaff,
                (
                    "{percent} % of the bases of a double-stranded DNA are {known}. What percentage are {asked}?",
                    "A double-stranded DNA has {percent} % {known}. Find its percentage of {asked}.",
                ),
            ),
            Question(
                "bonds",
                Filtered(Product(*["ACGT"] * 6), lambda *letters: _strand(letters)[1] not in (0, 3, 6)),
                _bonds,
                (
                    "How many hydrogen bonds hold the DNA strand {strand} and its complement together?",
                    "Count the hydrogen bonds between {strand} and its complementary DNA strand.",
                ),
            ),
        ],
        [
            Question(
                "wallace",
                _mixed,
                _wallace,
                (
                    "Estimate the melting temperature of the primer {strand} in degC by the Wallace rule: 2 degC for "
                    "each A or T, 4 degC for each G or C.",
                    "By the rule T = 2*(A + T) + 4*(G + C) in degC, at what temperature does the oligonucleotide "
                    "{strand} melt?",
                ),
            )
        ],
        [
            Question(
                "melting",
                Product(*["ACGT"] * 20),
                _melting,
                (
                    "Find the melting temperature of {strand} in degC by T = 64.9 + 41*(G + C - 16.4)/N, where G + C "
                    "counts these bases and N is the length. Give 3 significant figures.",
                    "The melting temperature in degC of a long primer is 64.9 + 41*(g - 16.4)/N, with g bases G or C "
                    "out of N. Compute it to 3 significant figures for {strand}.",
                ),
            )
        ],
    ],
)
