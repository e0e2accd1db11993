"""Acids and bases: pH of strong acids and bases, back to concentrations, weak acids, buffers."""

from __future__ import annotations

from math import log, log10, sqrt

from distil_envs.family import Question, Worked
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity, rounded
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product

_STRONG = ("HCl", "HNO3", "HBr", "HI", "HClO4")
_BASES = {"NaOH": 1, "KOH": 1, "LiOH": 1, "Ba(OH)2": 2, "Ca(OH)2": 2, "Sr(OH)2": 2}
_WEAK = {
    "acetic acid": 1.8e-5, "formic acid": 1.8e-4, "benzoic acid": 6.3e-5, "hydrofluoric acid": 6.8e-4,
    "lactic acid": 1.4e-4, "hypochlorous acid": 3.0e-8, "hydrocyanic acid": 6.2e-10, "propanoic acid": 1.3e-5,
}  # fmt: skip
"""Acid constants at 25 degC in mol/L, as stated in the prompts."""


def _powers(acid: str, exponent: int) -> Worked:
    concentration = shown(10.0**-exponent)
    steps = [
        f"{acid} is strong, so [H+] = {concentration} = 10^-{exponent} mol/L",
        f"pH = -log10(10^-{exponent}) = {exponent}",
    ]
    wrong = slips(
        "",
        ("minus-sign", -exponent, "The minus sign of the definition was left out.", 2),
        ("poh", 14 - exponent, "The pOH was given.", 2),
        ("natural-logarithm", exponent * log(10), "The natural logarithm was taken for log10.", 2),
        ("zeros-counted", exponent - 1, "The zeros behind the point were counted.", 2),
    )
    return exact(exponent, "", {"acid": acid, "c": concentration}, steps, wrong)


def _poh(tenths: int) -> Worked:
    poh = tenths / 10
    value = (140 - tenths) / 10
    steps = ["pH + pOH = 14 at 25 degC", f"pH = 14 - {shown(poh)} = {shown(value)}"]
    wrong = slips(
        "",
        ("same", poh, "The pOH was taken for the pH.", 1),
        ("seven", abs(7 - poh), "The sum was taken to be 7.", 1),
        ("added", 14 + poh, "The pOH was added to 14.", 2),
    )
    return exact(value, "", {"poh": shown(poh)}, steps, wrong)


def _strong(acid: str, thousandths: int) -> Worked:
    c = thousandths / 10000
    value = -log10(c)
    steps = [
        f"{acid} is strong, so [H+] = {shown(c)} mol/L",
        f"pH = -log10({shown(c)}) = {rounded(value)}",
    ]
    wrong = slips(
        "",
        ("natural-logarithm", -log(c), "The natural logarithm was taken for log10.", 2),
        ("minus-sign", log10(c), "The minus sign of the definition was left out.", 2),
        ("poh", 14 - value, "The pOH was given.", 2),
        ("no-logarithm", c, "The concentration was given, without its logarithm.", 2),
    )
    return quantity(value, "", {"acid": acid, "c": shown(c)}, steps, wrong)


def _base(base: str, thousandths: int) -> Worked:
    c = thousandths / 10000
    n = _BASES[base]
    poh = -log10(n * c)
    value = 14 - poh
    steps = [
        f"[OH-] = {n} * {shown(c)} = {shown(n * c)} mol/L",
        f"pOH = -log10({shown(n * c)}) = {shown(poh)}",
        f"pH = 14 - {shown(poh)} = {rounded(value)}",
    ]
    wrong = slips(
        "",
        ("poh", poh, "The pOH was given.", 3),
        ("one-hydroxide", 14 + log10(c), "Only one OH- of each formula unit was counted.", 1),
        ("natural-logarithm", 14 + log(n * c), "The natural logarithm was taken for log10.", 2),
        ("divided-by-hydroxides", 14 + log10(c / n), "The concentration was divided by the number of OH-.", 1),
        ("sum-of-seven", 7 + poh, "The pOH was added to 7.", 3),
    )
    return quantity(value, "", {"base": base, "c": shown(c)}, steps, wrong)


def _from_ph(hundredths: int) -> Worked:
    ph = hundredths / 100
    value = 10**-ph
    steps = ["[H+] = 10^-pH", f"10^-{shown(ph)} = {amount(value, 'mol/L')}"]
    wrong = slips(
        "mol/L",
        ("plus-sign", 10**ph, "The minus sign of the exponent was left out.", 1),
        ("hydroxide", 10 ** (ph - 14), "The concentration of OH- was given.", 1),
        ("base-e", 2.718281828459045**-ph, "The base e was taken instead of 10.", 1),
        ("reciprocal", 1 / ph, "The reciprocal of the pH was given.", 1),
    )
    return quantity(value, "mol/L", {"ph": f"{ph:.2f}"}, steps, wrong)


def _weak(acid: str, hundredths: int) -> Worked:
    """By the quadratic equation."""
    c, ka = hundredths / 100, _WEAK[acid]
    x = (-ka + sqrt(ka * ka + 4 * ka * c)) / 2
    value = -log10(x)
    steps = [
        f"x^2 / ({shown(c)} - x) = {shown(ka)} with x = [H+], so x^2 + {shown(ka)}*x - {shown(ka * c)} = 0",
        f"x = (-{shown(ka)} + sqrt({shown(ka)}^2 + 4 * {shown(ka * c)})) / 2 = {shown(x)} mol/L",
        f"pH = -log10({shown(x)}) = {rounded(value)}",
    ]
    wrong = slips(
        "",
        ("x-neglected", -log10(sqrt(ka * c)), "The x in the denominator was neglected, though it counts.", 1),
        ("taken-as-strong", -log10(c), "The acid was taken to be strong.", 1),
        ("forgot-root", -log10(ka * c), "The root was left out.", 2),
        ("pka", -log10(ka), "The pKa was given.", 3),
        ("natural-logarithm", -log(x), "The natural logarithm was taken for log10.", 3),
    )
    return quantity(value, "", {"acid": acid, "c": shown(c), "ka": shown(ka)}, steps, wrong)


def _buffer(acid: str, acid_hundredths: int, base_hundredths: int) -> Worked:
    ha, a, ka = acid_hundredths / 100, base_hundredths / 100, _WEAK[acid]
    pka = -log10(ka)
    value = pka + log10(a / ha)
    steps = [
        f"pKa = -log10({shown(ka)}) = {shown(pka)}",
        f"log10([salt]/[acid]) = log10({shown(a)} / {shown(ha)}) = {shown(log10(a / ha))}",
        f"pH = {shown(pka)} + ({shown(log10(a / ha))}) = {rounded(value)}",
    ]
    wrong = slips(
        "",
        ("ratio-upside-down", pka - log10(a / ha), "Acid and salt were exchanged in the ratio.", 2),
        ("natural-logarithm", pka + log(a / ha), "The natural logarithm was taken for log10.", 2),
        ("pka-only", pka, "The ratio of salt and acid was left out.", 3),
        ("no-logarithm", pka + a / ha, "The ratio was added without its logarithm.", 2),
    )
    return quantity(value, "", {"acid": acid, "c": shown(ha), "d": shown(a), "ka": shown(ka)}, steps, wrong)


FAMILY = ScienceFamily(
    "acids",
    "chemistry",
    [
        [
            Question(
                "powers-of-ten",
                Product(_STRONG, range(1, 6)),
                _powers,
                (
                    "What is the pH of {c} mol/L {acid}?",
                    "Find the pH of a solution of the strong acid {acid} at {c} mol/L.",
                ),
            ),
            Question(
                "from-poh",
                Filtered(Product(range(5, 136)), lambda tenths: tenths != 70),
                _poh,
                ("A solution has pOH {poh} at 25 degC. What is its pH?", "Find the pH at 25 degC if pOH = {poh}."),
            ),
        ],
        [
            Question(
                "strong-acid",
                Filtered(Product(_STRONG, range(2, 1000, 3)), lambda acid, c: c not in (10, 100)),
                _strong,
                (
                    "What is the pH of {c} mol/L {acid}? Give 3 significant figures.",
                    "Find the pH of a {c} mol/L solution of the strong acid {acid} to 3 significant figures.",
                ),
            )
        ],
        [
            Question(
                "strong-base",
                Product(tuple(_BASES), range(2, 200)),
                _base,
                (
                    "What is the pH of {c} mol/L {base} at 25 degC? Give 3 significant figures.",
                    "{base} dissociates completely. Find the pH of a {c} mol/L solution at 25 degC to 3 significant "
                    "figures.",
                ),
            ),
            Question(
                "from-ph",
                Product(range(105, 1296, 2)),
                _from_ph,
                (
                    "A solution has pH {ph}. What is [H+] in mol/L? Give 3 significant figures.",
                    "Find the concentration of H+ in mol/L at pH {ph}, to 3 significant figures.",
                ),
            ),
        ],
        [
            Question(
                "weak-acid",
                Product(tuple(_WEAK), range(2, 101)),
                _weak,
                (
                    "What is the pH of {c} mol/L {acid} (Ka = {ka} mol/L)? Give 3 significant figures.",
                    "Find the pH of a {c} mol/L solution of {acid}, Ka = {ka} mol/L, to 3 significant figures.",
                ),
            ),
            Question(
                "buffer",
                Filtered(Product(tuple(_WEAK), range(5, 61, 5), range(4, 61, 4)), lambda acid, c, d: c != d),
                _buffer,
                (
                    "A buffer holds {c} mol/L {acid} (Ka = {ka} mol/L) and {d} mol/L of its sodium salt. Find its pH "
                    "to 3 significant figures.",
                    "What is the pH of {d} mol/L sodium salt with {c} mol/L {acid}, Ka = {ka} mol/L? Give 3 "
                    "significant figures.",
                ),
            ),
        ],
    ],
)
