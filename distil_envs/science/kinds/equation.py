"""A chemical equation: right when it has the asked for species on their sides and is balanced.

Reference: ``answer`` (``2 H2 + O2 -> 2 H2O``). Any positive whole coefficients that balance every element and the
charge are right, so every multiple is. Of several equations the last counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from distil_envs.errors import TaskError
from distil_envs.hedging import alternatives, denied, hanging, without_reason
from distil_envs.outcome import Diagnosis
from distil_envs.science.equations import Equation, equations
from distil_envs.science.judgement import Judgement, correct, malformed, wrong

_PARTS = 40
_EVENTS = 6
_SIDES = ("left", "right")


def check(reference: Mapping[str, Any]) -> None:
    """See `distil_envs.science.judgement.Kind.check`."""
    wanted = _wanted(reference)
    if not _whole(wanted) or not wanted.balanced:
        raise TaskError(f"answer {reference['answer']!r} is not balanced with positive whole numbers")


def judge(reference: Mapping[str, Any], text: str) -> Judgement:
    """See `distil_envs.science.judgement.Kind.judge`.

    A reference that is not balanced (a misconception's answer is one) is matched by its own coefficients only.
    """
    wanted = _wanted(reference)
    known = {formula for side in wanted.sides for formula in side}
    read = equations(without_reason(text), known) or equations(text, known)
    found = [each for each in read if not denied(text[: each.span[0]], text[each.span[1] :])]
    if not found:
        message = "There is no equation that can be read: formulas on both sides of an arrow such as ->."
        return malformed("unparsable", message, (0, len(text)))
    got = found[-1]
    if len(found) > 1 and not _equal(found[-2], got):
        both = (found[-2].span[0], got.span[1])
        if found[-2].span[1] > got.span[0]:
            return malformed("unparsable", "Two arrows follow each other; one equation is asked for.", both)
        if alternatives(text[found[-2].span[1] : got.span[0]], text[got.span[1] :]):
            return malformed("hedge", "Two different equations are offered; give one.", both)
    if len(found) == 1 and hanging(text[: got.span[0]], text[got.span[1] :]):
        return malformed("hedge", "Two different answers are offered; give one equation.", (0, len(text)))
    if _equal(wanted, got):
        return correct(got.span)
    return wrong(got.span, *islice(_diagnose(wanted, got), _EVENTS))


def parts(text: str) -> list[str]:
    """See `distil_envs.science.judgement.Kind.parts`."""
    return [text[slice(*found.span)] for found in equations(text)][-_PARTS:]


def _wanted(reference: Mapping[str, Any]) -> Equation:
    answer = reference.get("answer")
    found = equations(str(answer))
    if len(found) != 1:
        raise TaskError(f"answer {answer!r} cannot be read as one equation; write it as 2 H2 + O2 -> 2 H2O")
    return found[0]


def _same_species(wanted: Equation, got: Equation) -> bool:
    return all(a.keys() == b.keys() for a, b in zip(wanted.sides, got.sides, strict=True))


def _equal(one: Equation, other: Equation) -> bool:
    """The same, or both balanced with the same species."""
    proper = all(_whole(each) and each.balanced for each in (one, other))
    return one.sides == other.sides or (proper and _same_species(one, other))


def _whole(equation: Equation) -> bool:
    terms = (*equation.left, *equation.right)
    return all(term.coefficient > 0 and term.coefficient.denominator == 1 for term in terms)


def _diagnose(wanted: Equation, got: Equation) -> Iterator[Diagnosis]:
    span, balanced = got.span, got.balanced
    if _same_species(wanted, Equation(got.right, got.left, span)):
        message = "The sides have changed places: this is the reverse reaction."
        yield Diagnosis("reversed", message, reveals_reference=balanced and _whole(got), span=span)
    else:
        yield from _species(wanted, got)
    yield from _coefficients(got, settled=balanced and _same_species(wanted, got))
    if not balanced and all(term.coefficient == 1 for term in (*got.left, *got.right)):
        yield Diagnosis("skeleton", "No coefficients are set: this still has to be balanced.", span=span)
    for name, left, right in got.totals():
        if left != right:
            counts = {"left": _number(left), "right": _number(right)}
            shown = f"{left} on the left, {right} on the right"
            if name == "charge":
                yield Diagnosis("unbalanced-charge", f"The charge is not balanced: {shown}.", counts, span=span)
            else:
                message = f"{name} is not balanced: {shown}."
                yield Diagnosis("unbalanced", message, {"element": name, **counts}, span=span)


def _species(wanted: Equation, got: Equation) -> Iterator[Diagnosis]:
    names = {term.formula: term.shown for term in (*got.left, *got.right)}
    missing = [set(a) - set(b) for a, b in zip(wanted.sides, got.sides, strict=True)]
    extra = [set(b) - set(a) for a, b in zip(wanted.sides, got.sides, strict=True)]
    for here, there in ((0, 1), (1, 0)):
        for formula in sorted(extra[here], key=lambda formula: names[formula]):
            evidence = {"species": names[formula], "side": _SIDES[here]}
            if formula in missing[there]:
                missing[there].discard(formula)
                message = f"{names[formula]} is on the wrong side."
                yield Diagnosis("wrong-side", message, evidence, reveals_reference=True, span=got.span)
            else:
                message = f"{names[formula]} does not belong on the {_SIDES[here]}."
                settled = not any(missing)
                yield Diagnosis("extra-species", message, evidence, reveals_reference=settled, span=got.span)
    for side, absent in zip(_SIDES, missing, strict=True):
        if absent:
            several = "species are" if len(absent) > 1 else "species is"
            message = f"{len(absent)} {several} missing on the {side}."
            yield Diagnosis("missing-species", message, {"side": side, "missing": len(absent)}, span=got.span)


def _coefficients(got: Equation, *, settled: bool) -> Iterator[Diagnosis]:
    for coefficient, _, shown in (*got.left, *got.right):
        evidence = {"species": shown, "coefficient": str(coefficient)}
        if coefficient <= 0:
            message = f"The coefficient of {shown} must be positive."
            yield Diagnosis("coefficient", message, evidence, span=got.span)
        elif coefficient.denominator != 1:
            message = f"The coefficient of {shown} must be a whole number, not {coefficient}."
            yield Diagnosis("fractional-coefficient", message, evidence, settled, got.span)


def _number(value: Any) -> int | str:
    return int(value) if value.denominator == 1 else str(value)
