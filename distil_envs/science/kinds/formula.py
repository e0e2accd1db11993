"""A chemical formula: right when it has the same atoms and the same charge, in any order and typography.

Reference: ``answer`` (``H2SO4``, ``SO4^2-``, ``CuSO4*5H2O``). In a sentence the last formula counts; two different
ones with nothing but ``or``, a comma or a doubt between them are a hedge.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

from distil_envs.errors import TaskError
from distil_envs.hedging import alternatives, denied, hanging, without_reason
from distil_envs.outcome import Diagnosis, Span
from distil_envs.science.chemistry import ELEMENTS, Formula, counts
from distil_envs.science.judgement import Judgement, correct, malformed, wrong

_READ = 2000
_PARTS = 40
_GLUE = "\u2060"
_TOGETHER = re.compile(r"(?<!\s)\s*(?:[·•⋅]|\\cdot|\\bullet)\s*\d*\s*(?=[A-Z(\\{])|(?<!\s)\s+(?=\d[+-](?:[\s.,;)]|$))")
_APART = re.compile(r"[\s,;:/]")
_FINELY = re.compile(r"(?:[\s,;:/=&|]|<?[-=]>|[→⇌⟶]|\((?=[a-z]{3}))+")
_AROUND = ".,;:!?\"'“”‘’*`"
_WORDS = frozenset(["I", "In", "As", "At", "He", "No", "Be", "Am", "OK", "SO", "V"])
_ROMAN = re.compile(r"I{2,3}|IV|VI{1,3}")
_BEFORE = re.compile(r"(?:^|[\s($+])(\d+)[\s$]*$")
_ARROW = re.compile(r"[-=]>|[→⇌⟶]|\\(?:long|x)?(?:right|left)|\\to\b")


@dataclass(frozen=True)
class _Found:
    formula: Formula
    span: Span
    coefficient: bool
    """Whether a number stands before it, as in an equation."""


def check(reference: Mapping[str, Any]) -> None:
    """See `distil_envs.science.judgement.Kind.check`."""
    _wanted(reference)


def judge(reference: Mapping[str, Any], text: str) -> Judgement:
    """See `distil_envs.science.judgement.Kind.judge`."""
    wanted = _wanted(reference)
    found = _found(without_reason(text), {wanted}) or _found(text, {wanted})
    if not found:
        return malformed("unparsable", f"There is no chemical formula{_reason(text)}.", (0, len(text)))
    last = found[-1]
    if len(found) > 1 and found[-2].formula != last.formula:
        between, both = text[found[-2].span[1] : last.span[0]], (found[-2].span[0], last.span[1])
        if _ARROW.search(between):
            return malformed("unparsable", "This is an equation; one formula is asked for.", both)
        if alternatives(between, text[last.span[1] :]):
            return malformed("hedge", "Two different formulas are offered; give one.", both)
    if len(found) == 1 and hanging(text[: last.span[0]], text[last.span[1] :]):
        return malformed("hedge", "Two different answers are offered; give one formula.", (0, len(text)))
    if last.coefficient:
        message = "A number before a formula belongs to an equation, not to the formula."
        return wrong(last.span, Diagnosis("coefficient", message, span=last.span))
    if last.formula == wanted:
        return correct(last.span)
    return wrong(last.span, *differences(wanted, last.formula, last.span))


def parts(text: str) -> list[str]:
    """See `distil_envs.science.judgement.Kind.parts`."""
    return [text[slice(*found.span)] for found in _found(text) if not found.coefficient][-_PARTS:]


def _wanted(reference: Mapping[str, Any]) -> Formula:
    answer = reference.get("answer")
    try:
        return counts(str(answer))
    except ValueError as error:
        raise TaskError(
            f"answer {answer!r} cannot be read as a formula: {error}; write it as H2SO4, SO4^2- or CuSO4*5H2O"
        ) from None


def _found(text: str, known: Collection[Formula] = ()) -> list[_Found]:
    """The formulas of a text, in order; only that of the whole text if it is one."""
    start = max(0, len(text) - _READ)
    whole = _one(text, (start, len(text)), known)
    if whole:
        return [whole]
    together = text[:start] + _TOGETHER.sub(lambda match: re.sub(r"\s", _GLUE, match[0]), text[start:])
    found = []
    for span in _pieces(together, start):
        one = _one(text, span, known)
        finely = [one] if one else [_one(text, piece, known) for piece in _split(text, span)]
        found += [each for each in finely if each and not _in_passing(text, each)]
    return found


def _one(text: str, span: Span, known: Collection[Formula]) -> _Found | None:
    """The formula that a piece is, without the punctuation around it.

    A bracket that opens or closes a remark is none of it, but one too many in a text of one word is.
    """
    start, end = span
    remark = end - start < len(text)
    while start < end and _edge(text[start:end], text[start], remark=remark):
        start += 1
    while start < end and _edge(text[start:end], text[end - 1], remark=remark):
        end -= 1
    if start == end:
        return None
    number = re.match(r"\$?\d+\s*", text[start:end])
    begin = start + (number.end() if number else 0)
    try:
        formula = counts(text[begin:end], known)
    except ValueError:
        return None
    return _Found(formula, (begin, end), bool(number or _BEFORE.search(text[max(0, begin - 12) : begin])))


def _edge(piece: str, sign: str, *, remark: bool) -> bool:
    """Whether a sign at the start or end of a piece does not belong to it."""
    pair = next((pair for pair in ("()", "[]") if sign in pair), None)
    if pair is None:
        return sign in _AROUND or sign.isspace()
    lone = (piece.count(pair[0]) - piece.count(pair[1])) * (1 if sign == pair[0] else -1) > 0
    return remark and lone


def _pieces(text: str, start: int) -> Iterator[Span]:
    """What stands between separators that are outside brackets, braces and dollars."""
    depth, inside, at = 0, False, start
    for at in range(start, len(text)):
        char = text[at]
        inside ^= char == "$"
        depth = max(0, depth + (char in "([{") - (char in ")]}"))
        if not depth and not inside and _APART.match(char):
            yield (start, at)
            start = at + 1
    yield (start, len(text))


def _split(text: str, span: Span) -> Iterator[Span]:
    start, end = span
    for separator in _FINELY.finditer(text, start, end):
        yield (start, separator.start())
        start = separator.end()
    yield (start, end)


def _in_passing(text: str, found: _Found) -> bool:
    """A word, a numeral, a unit, or a formula that is denied: not meant as the answer."""
    start, end = found.span
    shown = text[start:end]
    if shown in _WORDS and re.match(r"\s+[a-z]", text[end:]):
        return True
    unit = found.coefficient and shown in ELEMENTS
    return bool(unit or _ROMAN.fullmatch(shown) or denied(text[:start], text[end:]))


def _reason(text: str) -> str:
    try:
        counts(text.strip(_AROUND))
    except ValueError as error:
        return f": {error}" if text.strip() and not re.search(r"\s", text.strip()) else ""
    return ""


def differences(wanted: Formula, got: Formula, span: Span) -> Iterator[Diagnosis]:
    """How one formula differs from another. Empty for equal ones."""
    if got.atoms != wanted.atoms:
        yield from _proportion(wanted.counts, got.counts, span) or _elements(wanted.counts, got.counts, span)
    if got.charge != wanted.charge:
        if got.charge == -wanted.charge:
            message = "The sign of the charge is wrong."
        elif got.charge == 0:
            message = "This is neutral; an ion is asked for."
        else:
            message = f"The charge is wrong: {abs(got.charge)}{'+' if got.charge > 0 else '-'}."
        settled = got.atoms == wanted.atoms and got.charge == -wanted.charge
        yield Diagnosis("charge", message, {"charge": got.charge}, settled, span)


def _proportion(wanted: dict[str, int], got: dict[str, int], span: Span) -> list[Diagnosis]:
    """All counts off by a common factor, or by one and its inverse."""
    if wanted.keys() != got.keys() or len(wanted) < 2:
        return []
    ratios = {Fraction(got[element], wanted[element]) for element in got}
    if len(ratios) == 1:
        small = ratios.pop() < 1
        message = f"The ratio of the elements is right, but all counts are too {'small' if small else 'large'}."
        return [Diagnosis("empirical", message, reveals_reference=not small, span=span)]
    if len(ratios) == 2 and prod(ratios) == 1:
        message = "The counts of the parts have changed places."
        return [Diagnosis("swapped", message, reveals_reference=True, span=span)]
    return []


def _elements(wanted: dict[str, int], got: dict[str, int], span: Span) -> list[Diagnosis]:
    off = [element for element in sorted({*wanted, *got}) if wanted.get(element) != got.get(element)]
    events = []
    for element in off:
        count = got.get(element, 0)
        evidence = {"element": element, "count": count}
        if element not in wanted:
            events.append(Diagnosis("extra-element", f"{element} does not belong here.", evidence, len(off) == 1, span))
        elif not count:
            events.append(Diagnosis("missing-element", f"{element} is missing.", evidence, span=span))
        else:
            many = count > wanted[element]
            message = f"There is too {'much' if many else 'little'} {element}: {count} of it."
            settled = len(off) == 1 and many and count == 2
            events.append(Diagnosis("element-count", message, evidence, settled, span))
    return events
