"""DNA: complementary strands, transcription, translation with the standard genetic code, point mutations."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from distil_envs.family import Question, Worked
from distil_envs.science.exact import choice
from distil_envs.science.family import ScienceFamily, worked
from distil_envs.science.misconceptions import Misconception
from distil_envs.spaces import Filtered, Product

_DNA = str.maketrans("ACGT", "TGCA")
_RNA = str.maketrans("ACGT", "UGCA")
_SWAPPED = str.maketrans("ACGT", "CATG")
_AMINO_ACIDS = (
    "Phe Phe Leu Leu Ser Ser Ser Ser Tyr Tyr Stop Stop Cys Cys Stop Trp Leu Leu Leu Leu Pro Pro Pro Pro His His Gln "
    "Gln Arg Arg Arg Arg Ile Ile Ile Met Thr Thr Thr Thr Asn Asn Lys Lys Ser Ser Arg Arg Val Val Val Val Ala Ala Ala "
    "Ala Asp Asp Glu Glu Gly Gly Gly Gly"
)
CODE = dict(zip(map("".join, product("UCAG", repeat=3)), _AMINO_ACIDS.split(), strict=True))
"""The standard genetic code (NCBI translation table 1): codons of mRNA to amino acids or ``Stop``."""
_SENSE = [codon for codon, acid in CODE.items() if acid != "Stop"]
_STOPS = [codon for codon, acid in CODE.items() if acid == "Stop"]


def _strand(*letters: str) -> str:
    return "".join(letters)


def _varied(*letters: str) -> bool:
    """All four bases, and no palindrome, so that the typical mistakes differ."""
    strand = _strand(*letters)
    return len(set(strand)) == 4 and strand != strand[::-1] and strand != strand.translate(_DNA)[::-1]


def _complement(*letters: str) -> Worked:
    strand = _strand(*letters)
    value = strand.translate(_DNA)
    steps = [
        "A pairs with T, and C pairs with G.",
        f"Base by base in the same order: {strand} pairs with {value}",
    ]
    wrong = [
        Misconception("copied-strand", strand, "The given strand was copied instead of paired.", 1),
        Misconception("wrong-pairs", strand.translate(_SWAPPED), "A was paired with C, and G with T.", 1),
        Misconception("uracil-in-dna", strand.translate(_RNA), "U was written, which stands in RNA only.", 1),
        Misconception("reversed", value[::-1], "The new strand was written in the opposite direction.", 2),
    ]
    return worked("word", value, {"strand": strand}, steps, wrong, accept=[f"3'-{value}-5'"])


def _reverse_complement(*letters: str) -> Worked:
    strand = _strand(*letters)
    paired = strand.translate(_DNA)
    value = paired[::-1]
    steps = [
        f"Pair base by base (A with T, C with G): 3'-{paired}-5'",
        f"Strands are antiparallel, so read it backwards to write it from 5' to 3': {value}",
    ]
    wrong = [
        Misconception("not-reversed", paired, "The complement was left in the direction 3' to 5'.", 2),
        Misconception("reversed-only", strand[::-1], "The strand was reversed, but its bases were not paired.", 1),
        Misconception("uracil-in-dna", strand.translate(_RNA)[::-1], "U was written, which stands in RNA only.", 1),
        Misconception("wrong-pairs", strand.translate(_SWAPPED)[::-1], "A was paired with C, and G with T.", 1),
    ]
    return worked("word", value, {"strand": strand}, steps, wrong, accept=[f"5'-{value}-3'"])


def _from_template(*letters: str) -> Worked:
    strand = _strand(*letters)
    value = strand.translate(_RNA)
    steps = [
        "The template is read from 3' to 5', so the mRNA grows from 5' to 3' in the same order.",
        f"Pair A with U, T with A, C with G, G with C: {value}",
    ]
    wrong = [
        Misconception("thymine-in-rna", strand.translate(_DNA), "T was written where RNA has U.", 2),
        Misconception("reversed", value[::-1], "The mRNA was written in the opposite direction.", 1),
        Misconception(
            "template-taken-as-coding", strand.replace("T", "U"), "The template was copied instead of paired.", 2
        ),
    ]
    return worked("word", value, {"strand": strand}, steps, wrong, accept=[f"5'-{value}-3'"])


def _from_coding(*letters: str) -> Worked:
    strand = _strand(*letters)
    value = strand.replace("T", "U")
    steps = [
        "The mRNA has the sequence of the coding strand, with U in place of T.",
        f"Replace every T: {value}",
    ]
    wrong = [
        Misconception(
            "coding-taken-as-template", strand.translate(_RNA), "The coding strand was paired like a template.", 1
        ),
        Misconception("thymine-in-rna", strand, "T was written where RNA has U.", 2),
        Misconception("reversed", value[::-1], "The mRNA was written in the opposite direction.", 1),
    ]
    return worked("word", value, {"strand": strand}, steps, wrong, accept=[f"5'-{value}-3'"])


def translated(mrna: str) -> str:
    """The amino acids from the first codon to a stop codon or the last whole codon, with commas between them."""
    return ", ".join(_acids(mrna))


def _acids(mrna: str) -> Iterator[str]:
    for start in range(0, len(mrna) - 2, 3):
        acid = CODE[mrna[start : start + 3]]
        if acid == "Stop":
            return
        yield acid


def _reading(mrna: str) -> list[str]:
    codons = [mrna[start : start + 3] for start in range(0, len(mrna), 3)]
    return [f"Codons: {' '.join(codons)}", f"By the genetic code: {translated(mrna)}, and {codons[-1]} is a stop"]


def _translation(first: str, second: str, third: str, stop: str) -> Worked:
    mrna = "AUG" + first + second + third + stop
    value = translated(mrna)
    wrong = [
        Misconception("start-left-out", value.removeprefix("Met, "), "The start codon's Met was left out.", 2),
        Misconception("shifted-frame", translated(mrna[1:]), "Reading began one base too late.", 1),
        Misconception("read-backwards", translated(mrna[::-1]), "The mRNA was read from 3' to 5'.", 1),
        Misconception("stop-as-amino-acid", f"{value}, Stop", "The stop codon was listed like an amino acid.", 2),
        Misconception(
            "anticodons-translated",
            translated(mrna.replace("U", "T").translate(_RNA)),
            "The anticodons were looked up in the table instead of the codons.",
            2,
        ),
    ]
    return worked("list", value, {"mrna": mrna}, _reading(mrna), wrong, ordered=True)


def _expression(first: str, second: str, stop: str) -> Worked:
    mrna = "AUG" + first + second + stop
    template = mrna.replace("U", "T").translate(_DNA)[::-1]
    value = translated(mrna)
    steps = [
        f"Read the template from its 3' end: 3'-{template[::-1]}-5'",
        f"Pair it with RNA bases: 5'-{mrna}-3'",
        *_reading(mrna),
    ]
    wrong = [
        Misconception(
            "template-read-backwards",
            translated(template.translate(_RNA)),
            "The template was paired from its 5' end, so the mRNA came out backwards.",
            1,
        ),
        Misconception(
            "template-taken-as-coding",
            translated(template.replace("T", "U")),
            "The template was read as if it were the mRNA, with U for T.",
            2,
        ),
        Misconception("start-left-out", value.removeprefix("Met, "), "The start codon's Met was left out.", 4),
        Misconception("stop-as-amino-acid", f"{value}, Stop", "The stop codon was listed like an amino acid.", 4),
    ]
    return worked("list", value, {"template": template}, steps, wrong, ordered=True)


_EFFECTS = {
    "silent": "Two different codons were taken for the same amino acid.",
    "missense": "A changed codon was taken for another amino acid without a look at the code.",
    "nonsense": "A codon for an amino acid was taken for a stop codon.",
    "frameshift": "A replaced base was taken for a lost one; the reading frame stays.",
}


def _mutation(codon: str, place: int, base: str) -> Worked:
    changed = codon[: place - 1] + base + codon[place:]
    before, after = CODE[codon], CODE[changed]
    right = "silent" if before == after else "nonsense" if after == "Stop" else "missense"
    steps = [
        f"Base {place} of {codon} becomes {base}: {changed}; no base is lost or gained.",
        f"{codon} is {before}, {changed} is {after}.",
        f"A mutation with this effect is called {right}.",
    ]
    others = {
        effect: Misconception(f"called-{effect}", "", message, 1 if effect == "frameshift" else 2)
        for effect, message in _EFFECTS.items()
        if effect != right
    }
    turn = "ACGU".index(base) + place + _SENSE.index(codon)
    return choice(right, others, {"codon": codon, "place": place, "base": base}, steps, turn)


_changes = Filtered(Product(_SENSE, range(1, 4), "ACGU"), lambda codon, place, base: codon[place - 1] != base)

FAMILY = ScienceFamily(
    "dna",
    "biology",
    [
        [
            Question(
                "complement",
                Product(*["ACGT"] * 4),
                _complement,
                (
                    "Write the DNA strand that pairs with 5'-{strand}-3', from its 3' end to its 5' end.",
                    "Give the complement of the DNA strand {strand}, base by base in the same order.",
                ),
            )
        ],
        [
            Question(
                "template",
                Filtered(Product(*["ACGT"] * 6), _varied),
                _from_template,
                (
                    "The template strand of a gene reads 3'-{strand}-5'. Write its mRNA from 5' to 3'.",
                    "Which mRNA (5' to 3') is made from the DNA template 3'-{strand}-5'?",
                ),
            ),
            Question(
                "coding",
                Filtered(Product(*["ACGT"] * 6), _varied),
                _from_coding,
                (
                    "The coding (non-template) strand of a gene reads 5'-{strand}-3'. Write its mRNA from 5' to 3'.",
                    "A gene has the coding strand 5'-{strand}-3'. Which mRNA (5' to 3') is made?",
                ),
            ),
            Question(
                "reverse-complement",
                Filtered(Product(*["ACGT"] * 6), _varied),
                _reverse_complement,
                (
                    "Write the DNA strand that pairs with 5'-{strand}-3', from its 5' end to its 3' end.",
                    "Give the reverse complement of the DNA sequence {strand}.",
                ),
            ),
        ],
        [
            Question(
                "translation",
                Product(_SENSE, _SENSE, _SENSE, _STOPS),
                _translation,
                (
                    "Translate the mRNA 5'-{mrna}-3' from its first base to the stop codon. Give the amino acids as "
                    "three-letter abbreviations with commas between them.",
                    "Which amino acids, in order, does the mRNA 5'-{mrna}-3' code for? Start at its first base. Write "
                    "three-letter abbreviations, separated by commas.",
                ),
            )
        ],
        [
            Question(
                "expression",
                Product(_SENSE, _SENSE, _STOPS),
                _expression,
                (
                    "A DNA template strand reads 5'-{template}-3'. Give the amino acids of the peptide in order, as "
                    "three-letter abbreviations with commas between them.",
                    "Transcribe the template strand 5'-{template}-3' and translate the mRNA. List the amino acids "
                    "(three-letter abbreviations, separated by commas).",
                ),
            ),
            Question(
                "mutation",
                _changes,
                _mutation,
                (
                    "In the mRNA codon {codon}, base {place} is replaced by {base}. What kind of mutation is this?\n"
                    "{options}",
                    "A point mutation turns base {place} of the codon {codon} into {base}. Its effect is called\n"
                    "{options}",
                ),
            ),
        ],
    ],
)
