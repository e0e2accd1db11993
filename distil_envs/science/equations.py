r"""Reading chemical equations: ``2 H2 + O2 -> 2 H2O``, with any arrow or ``=``, in plain text, Unicode or LaTeX.

State symbols, conditions over the arrow and energy terms are ignored. A coefficient may be a fraction; electrons
(``e^-``) are species.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from distil_envs.outcome import Span
from distil_envs.science.chemistry import Formula, counts, plain

_READ = 3000
_TERMS = 40
_BRACED = r"\{(?:[^{}]|\{[^{}]*\})*\}"
_SIMPLE = (
    r"<=+>|<?[-–—−]+>|=+>|[→⟶➝➔⇒⟹⇌⇄⇋⇆↔⟷]|\\rightleft(?:harpoons|arrows)|\\leftright(?:harpoons|arrows?)"
    r"|\\(?:[lL]ong)?[rR]ightarrow|\\to(?![a-z])"
)
_ARROW = re.compile(
    rf"\\(?:overset|stackrel){_BRACED}\{{\s*(?:{_SIMPLE})\s*\}}"
    rf"|\\x(?:right|leftright|rightleft)(?:arrow|harpoons)(?:\[[^\]]*\])?{_BRACED}"
    rf"|(?:{_SIMPLE})(?:\[[^\][()]*\](?![\d+^-]))*"
)
_EQUALS = re.compile(r"(?<![<>=])=+")
_PLUS = re.compile(r"\^\s*\{[^{}]*\}|\^\s*\d*[+-]|(?<=[A-Za-z)\]])\+\d(?=\s*(?:\+|$))|(\+)")
_BEGINS = re.compile(r"\s*(?!(?:\\text\w*|\\mathrm|[{_])*\{?\((?:aq|s|l|g)\))(?:[\dA-Z(\[\\{½⅓⅔¼¾]|e[_^⁻-])")
_FRACTION = re.compile(r"\\[td]?frac\s*\{?(\d+?)\}?\s*\{?(\d+)\}?")
_VULGAR = str.maketrans({"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4"})
_COEFFICIENT = re.compile(r"\(?(-?\d{1,12}(?:/\d{1,12}|\.\d{1,6})?)\)?\.?(?=[A-Z(\[e])")
_ENERGY = re.compile(r"heat|energy|light|h[νv]|h?\\nu|[ΔΔ]|\\Delta|\d[\d.]*\s*(?:\\,)?\s*(?:\\text\w*\{)?\s*kJ.*", re.I)
_PROSE_BEFORE = re.compile(r".*(?<![\\A-Za-z])[A-Za-z]?[a-z]{2,}[\s:,.}$]+", re.S)
_PROSE_AFTER = re.compile(
    r"[.;,:]?\s+(?:I\s+)?\(?(?!aq\))[a-z]{2,}|(?<!\\)[.;,]\s|\\quad|\\text\{[\s(]*(?!aq\))[a-z]{2}|\n"
)
_AROUND = re.compile(r"^[\s.,;:`'\"&]+|(?<!\\)[\s.,;:`'\"&]+$")
_BOUNDARY = re.compile(r"[\s:,;.$({\[]+|$")


class Term(NamedTuple):
    """A species with its coefficient."""

    coefficient: Fraction
    formula: Formula
    shown: str
    """The species as it was written, without markup."""


@dataclass(frozen=True)
class Equation:
    """What one equation says, and where it stands in the text that was read."""

    left: tuple[Term, ...]
    right: tuple[Term, ...]
    span: Span

    @property
    def sides(self) -> tuple[dict[Formula, Fraction], dict[Formula, Fraction]]:
        """The coefficient of each species, by side; those of a species that is written twice are added."""
        return _sum(self.left), _sum(self.right)

    def totals(self) -> Iterator[tuple[str, Fraction, Fraction]]:
        """Each element, then ``charge``: how much of it there is on the left and on the right."""
        totals = [Counter[str](), Counter[str]()]
        for total, side in zip(totals, self.sides, strict=True):
            for formula, coefficient in side.items():
                for name, count in (*formula.atoms, ("charge", formula.charge)):
                    total[name] += coefficient * count  # type: ignore[assignment]
        for name in [*sorted({*totals[0], *totals[1]} - {"charge"}), "charge"]:
            yield name, Fraction(totals[0][name]), Fraction(totals[1][name])

    @property
    def balanced(self) -> bool:
        """Whether every element and the charge are."""
        return all(left == right for _, left, right in self.totals())


def equations(text: str, known: Collection[Formula] = ()) -> list[Equation]:
    """The equations in a text, in order; at most the last eight, from its last 3,000 characters.

    ``known``: species to prefer where a formula is ambiguous (`distil_envs.science.chemistry.counts`).
    """
    start = max(0, len(text) - _READ)
    arrows = list(_ARROW.finditer(text, start)) or list(_EQUALS.finditer(text, start))
    edges = [(start, start), *(arrow.span() for arrow in arrows), (len(text), len(text))][-10:]
    found = []
    for before, arrow, after in zip(edges, edges[1:], edges[2:], strict=False):
        left = _side(text, (before[1], arrow[0]), known, first=True)
        right = _side(text, (arrow[1], after[0]), known, first=False)
        if left and right:
            found.append(Equation(left[0], right[0], (left[1], right[1])))
    return found


def _side(text: str, region: Span, known: Collection[Formula], *, first: bool) -> tuple[tuple[Term, ...], int] | None:
    """The terms next to the arrow, and where they end away from it: at words, or at what stands beyond them."""
    spans = list(_split(text, region))[: 1 - _TERMS : -1] if first else list(_split(text, region))[:_TERMS]
    terms: list[Term] = []
    edge = region[1 if first else 0]
    for start, end in spans:
        piece = text[start:end]
        if _ENERGY.fullmatch(piece.strip(" $.}")):
            continue
        cut = _last_term(piece, known) if first else _first_term(piece, known)
        if cut is None:
            return None
        term, at = cut
        terms.append(term)
        edge = start + at
        if piece[:at].strip() if first else piece[at:].strip():
            break  # words: the equation does not go on beyond them
    return (tuple(terms[::-1] if first else terms), edge) if terms else None


def _split(text: str, region: Span) -> Iterator[Span]:
    """What stands between plus signs that are not charges."""
    start, end = region
    for plus in _PLUS.finditer(text, start, end):
        at = plus.start()
        apart = at == region[0] or text[at - 1].isspace() or text[at - 1] == "$" or _BEGINS.match(text, at + 1, end)
        if plus[1] and apart:
            yield (start, at)
            start = at + 1
    yield (start, end)


def _last_term(piece: str, known: Collection[Formula]) -> tuple[Term, int] | None:
    """The longest term at the end of a piece, and where it starts."""
    prose = _PROSE_BEFORE.match(piece)
    start = prose.end() if prose else 0
    places = [start, *(match.end() for match in _BOUNDARY.finditer(piece, start))]
    for at in places[-_TERMS:]:
        term = _term(piece[at:], known)
        if term:
            return term, at
    return None


def _first_term(piece: str, known: Collection[Formula]) -> tuple[Term, int] | None:
    """The longest term at the start of a piece, and where it ends."""
    lead = len(piece) - len(piece.lstrip())
    prose = _PROSE_AFTER.search(piece, lead)
    end = prose.start() if prose else len(piece)
    if piece.count(")") > piece.count("("):  # all of it is a remark
        end = min(end, piece.rindex(")"))
    places = [match.start() for match in _BOUNDARY.finditer(piece, lead, end)]
    for at in reversed(dict.fromkeys([*places[:_TERMS], end])):
        term = _term(piece[:at], known)
        if term:
            return term, at
    return None


def _term(text: str, known: Collection[Formula]) -> Term | None:
    text = _AROUND.sub("", _FRACTION.sub(r"\1/\2", text).translate(_VULGAR))
    try:
        bare = plain(text)
        number = _COEFFICIENT.match(bare)
        species = bare[number.end() :] if number else bare
        formula = counts(species, known)
        coefficient = Fraction(number[1]) if number else Fraction(1)
    except (ValueError, ZeroDivisionError):
        return None
    return Term(coefficient, formula, re.sub(r"[_|]", "", species))


def _sum(terms: tuple[Term, ...]) -> dict[Formula, Fraction]:
    total: dict[Formula, Fraction] = {}
    for coefficient, formula, _ in terms:
        total[formula] = total.get(formula, Fraction(0)) + coefficient
    return total
