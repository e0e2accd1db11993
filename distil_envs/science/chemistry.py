r"""Chemical formulas and equations: elements, counts and charges, molar masses, balancing.

A formula is read in any typography: ``H2SO4``, ``H_2SO_4``, ``\mathrm{H_2SO_4}``, ``\ce{H2SO4}``, ``H₂SO₄``,
``[Fe(CN)6]^{4-}``, ``SO₄²⁻``, ``Fe3+``, ``CuSO4·5H2O``. Case matters: ``Co`` is cobalt, ``CO`` is not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import lcm
from typing import Final

WEIGHTS: Final = {
    symbol: float(weight)
    for symbol, weight in re.findall(
        r"(\S+) (\S+)",
        """
    H 1.0080  He 4.0026  Li 6.94    Be 9.0122  B 10.81    C 12.011   N 14.007   O 15.999   F 18.998   Ne 20.180
    Na 22.990 Mg 24.305  Al 26.982  Si 28.085  P 30.974   S 32.06    Cl 35.45   Ar 39.95   K 39.098   Ca 40.078
    Sc 44.956 Ti 47.867  V 50.942   Cr 51.996  Mn 54.938  Fe 55.845  Co 58.933  Ni 58.693  Cu 63.546  Zn 65.38
    Ga 69.723 Ge 72.630  As 74.922  Se 78.971  Br 79.904  Kr 83.798  Rb 85.468  Sr 87.62   Y 88.906   Zr 91.224
    Nb 92.906 Mo 95.95   Ru 101.07  Rh 102.91  Pd 106.42  Ag 107.87  Cd 112.41  In 114.82  Sn 118.71  Sb 121.76
    Te 127.60 I 126.90   Xe 131.29  Cs 132.91  Ba 137.33  La 138.91  Ce 140.12  Pr 140.91  Nd 144.24  Sm 150.36
    Eu 151.96 Gd 157.25  Tb 158.93  Dy 162.50  Ho 164.93  Er 167.26  Tm 168.93  Yb 173.05  Lu 174.97  Hf 178.49
    Ta 180.95 W 183.84   Re 186.21  Os 190.23  Ir 192.22  Pt 195.08  Au 196.97  Hg 200.59  Tl 204.38  Pb 207.2
    Bi 208.98 Th 232.04  Pa 231.04  U 238.03
""",
    )
}
"""Standard atomic weights, abridged to five figures: Prohaska et al., Pure Appl. Chem. 94, 573 (2022), for 2021."""

ELEMENTS: Final = frozenset(WEIGHTS) | frozenset(
    re.findall("[A-Z][a-z]", "TcPmPoAtRnFrRaAcNpPuAmCmBkCfEsFmMdNoLrRfDbSgBhHsMtDsRgCnNhFlMcLvTsOg")
)
"""The symbols of all 118 elements. Those beyond `WEIGHTS` have no stable isotope and no standard weight."""
HEAVY_HYDROGEN: Final = frozenset({"D", "T"})
"""Deuterium and tritium: read as elements of their own, so that D2O is not H2O."""

_LONGEST = 300
_DROPPED = re.compile(
    r"\\(?:ce|ch|operatorname|math(?:rm|sf|bf|it)|text(?:rm|bf|it)?|rm|left|right|displaystyle|quad|(?:up|down)arrow)(?![A-Za-z])"
    r"|\\[,;:! ()\[\]]|[\s$~\u200b\u2060↑↓]"
)
_UNICODE = str.maketrans("₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻−–—＋·•⋅∙*×", "01234567890123456789+----+......")
_STATE = re.compile(r"_?\((?:aq|s|l|g)\)$")
_CARET = re.compile(r"([^^]*)\^\(?([\d+-]+)\)?")
_BRACKETED = re.compile(r"(.+)\((\d*[+-])\)")
_SIGNED = re.compile(r"(.*?)(\d*)([+-]+)(\d*)")
_ROMAN = re.compile(r"\((?:I{1,3}|I?V|VI{0,3})\)(?!_?\d)")
_TOKEN = re.compile(r"(?P<element>[A-Z][a-z]?)|(?P<open>[(\[])|(?P<close>[)\]])|(?P<bond>[-=≡])(?=[A-Z(\[])")
_COUNT = re.compile(r"_?(\d{1,9})(?!\d)\|?")


@dataclass(frozen=True)
class Formula:
    """What a formula says. Two formulas of the same substance or ion are equal however they are written."""

    atoms: tuple[tuple[str, int], ...]
    """Element symbols and how many atoms of each, all positive, in alphabetical order. Empty for an electron."""
    charge: int = 0
    """In elementary charges."""

    @property
    def counts(self) -> dict[str, int]:
        return dict(self.atoms)


def counts(text: str, known: Collection[Formula] = ()) -> Formula:
    """Read a formula; where its figures are ambiguous, as one of the ``known`` ones if that is possible.

    Raises ValueError, with the reason as one clause, for what cannot be read as a formula.
    """
    possible = _readings(text)
    return next((formula for formula in possible if formula in known), possible[0])


def _readings(text: str) -> list[Formula]:
    """All that a formula may mean, the likeliest first: ``I3-`` is I^3- or (I3)^-, once its raised figures are lost.

    Raises ValueError as `counts` does.
    """
    normal = plain(text)
    if re.fullmatch(r"e_?\^?-", normal):
        return [Formula((), -1)]
    found: dict[Formula, None] = {}
    reason = None
    for body, charge in _charges(normal):
        try:
            found[Formula(tuple(sorted(_atoms(body).items())), charge)] = None
        except ValueError as error:
            reason = reason or error
    if reason and not found:
        raise reason
    return list(found)


def plain(text: str) -> str:
    """A formula or a term in ASCII, without spaces, markup and state symbols.

    ``_`` and ``^`` stay; ``|`` ends a count that stood in braces or was lowered. Raises ValueError for a long text.
    """
    if len(text) > _LONGEST:
        raise ValueError("it is too long for a formula")
    text = re.sub(r"<(su[bp])>(.*?)</\1>", lambda m: f"{'_' if m[1] == 'sub' else '^'}{{{m[2]}}}", text)
    text = re.sub("[₀-₉]+", r"_{\g<0>}", text)
    text = re.sub("[⁰¹²³⁴-⁹⁺⁻]+", r"^{\g<0>}", text).translate(_UNICODE)
    text = re.sub(r"\\(?:cdot|bullet|ast|times)(?![a-z])", ".", text)
    text = _DROPPED.sub("", text)
    text = re.sub(r"_\{+(\d+)\}", r"_\1|", text)
    return _STATE.sub("", re.sub(r"[{}]", "", text))


def _charges(normal: str) -> list[tuple[str, int]]:
    """Ways to tell the atoms from the charge, the likeliest first."""
    explicit = _CARET.fullmatch(normal) or _BRACKETED.fullmatch(normal)
    if explicit:
        return [(explicit[1], _charge(explicit[2]))]
    signed = _SIGNED.fullmatch(normal)
    if not signed:
        return [(normal, 0)]
    body, figures, signs, after = signed.groups()
    if after or len(signs) > 1 or not figures:  # Fe+3, SO4--, Cl-
        return [(body + figures, _charge(signs + after))]
    # Fe3+ and [Fe(CN)6]4- are charges, NO3- is a count, SO42- is both.
    alone = body in ELEMENTS or body.endswith(("]", "|"))
    first = len(figures) - 1 if alone or len(figures) > 1 else 1
    places = dict.fromkeys([first, len(figures), len(figures) - 1])
    return [(body + figures[:at], _charge(figures[at:] + signs)) for at in places if figures[at:][:1] != "0"]


def _charge(text: str) -> int:
    match = re.fullmatch(r"(\d{0,3})(\++|-+)(\d{0,3})", text)
    if not match or (match[1] and match[3]) or (len(match[2]) > 1 and match[1] + match[3]):
        raise ValueError(f"{text} is not a charge such as 2+ or -")
    size = int(match[1] or match[3] or len(match[2]))
    return size if match[2][0] == "+" else -size


def _atoms(body: str) -> Counter[str]:
    total: Counter[str] = Counter()
    for index, part in enumerate(body.split(".")):
        times = re.match(r"\d{1,9}(?!\d)", part) if index else None
        for element, count in _part(part[times.end() :] if times else part).items():
            total[element] += count * (int(times[0]) if times else 1)
    if not all(total.values()):
        raise ValueError("a count is zero")
    return total


def _part(text: str) -> Counter[str]:
    """Without hydrate dots: elements and groups in brackets, each perhaps followed by a count."""
    if _ROMAN.search(text):
        raise ValueError("an oxidation number is not part of a formula")
    groups: list[Counter[str]] = [Counter()]
    opened: list[str] = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise ValueError(f"{text[at]!r} cannot stand where it does")
        at = token.end()
        if token["open"]:
            groups.append(Counter())
            opened.append(token["open"])
        elif not token["bond"]:
            unit = Counter({token["element"]: 1}) if token["element"] else _closed(groups, opened, token["close"])
            count = _COUNT.match(text, at)
            at = count.end() if count else at
            for element, number in unit.items():
                groups[-1][element] += number * (int(count[1]) if count else 1)
    if opened:
        raise ValueError(f"{opened[-1]} is never closed")
    if not groups[0]:
        raise ValueError("there is no element")
    unknown = [element for element in groups[0] if element not in ELEMENTS | HEAVY_HYDROGEN]
    if unknown:
        raise ValueError(f"{unknown[0]} is not the symbol of an element")
    return groups[0]


def _closed(groups: list[Counter[str]], opened: list[str], close: str) -> Counter[str]:
    if not opened or opened.pop() + close not in ("()", "[]"):
        raise ValueError(f"{close} closes nothing")
    return groups.pop()


def molar_mass(text: str) -> float:
    """In g/mol, from `WEIGHTS`; electrons weigh nothing. Raises ValueError as `counts` does, or without a weight."""
    atoms = counts(text).atoms
    missing = [element for element, _ in atoms if element not in WEIGHTS]
    if missing:
        raise ValueError(f"{missing[0]} has no standard atomic weight")
    return sum(WEIGHTS[element] * count for element, count in atoms)


def balance(left: Sequence[str], right: Sequence[str]) -> list[int]:
    """The smallest positive integer coefficients, of ``left`` and then of ``right``, that balance atoms and charge.

    They span the null space of the matrix of counts (species by element, the right side negative). Raises ValueError
    when there are none, or when they are not unique up to a common factor, and as `counts` does.
    """
    from sympy import Matrix

    columns = [(counts(text), sign) for side, sign in ((left, 1), (right, -1)) for text in side]
    elements = sorted({element for formula, _ in columns for element in formula.counts})
    rows = [[sign * formula.counts.get(element, 0) for formula, sign in columns] for element in elements]
    basis = Matrix([*rows, [sign * formula.charge for formula, sign in columns]]).nullspace()
    if len(basis) != 1:
        raise ValueError("nothing balances these" if not basis else "more than one choice balances these")
    if any(value <= 0 for value in basis[0]):
        raise ValueError("nothing balances these with all of them on the sides given")
    scale = lcm(*(int(value.q) for value in basis[0]))  # one entry is 1: no smaller multiple is whole
    return [int(value * scale) for value in basis[0]]
