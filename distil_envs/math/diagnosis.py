"""*How* a wrong answer is wrong, as `Diagnosis` events.

Codes: sign, factor (with the ratio), off-by-one, reciprocal, digit-transposition, too-large, too-small,
missing-constant, counterexample, missing-root, extra-root, order, entry, wrong-form, not-simplified, unparsable, hedge,
wrong-value (nothing more is known). ``reveals_reference`` is set where the message and the answer together determine
the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from distil_envs.math.compare import Verdict, same_value
from distil_envs.math.entries import matrix_rows, tuple_items
from distil_envs.math.match import Match, distinct, equal_items, items_of, unmatched
from distil_envs.math.question import Question
from distil_envs.math.tree import Node, rebuild, symbols
from distil_envs.math.values import Undefined, exact, numeric
from distil_envs.outcome import Diagnosis, Span

Place = Callable[[Node], Span]
"""Where a node of the answer stands in the completion."""

_SMALL = 12
_POWERS = (100, 1000)
_DIGITS = 30


def diagnose(asked: Question, found: Match, node: Node, place: Place) -> list[Diagnosis]:
    """Events for a wrong answer that could be read as ``node``. Never empty."""
    events: list[Diagnosis] = []
    if asked.node is not None:
        reference = asked.node
        match asked.shape:
            case "scalar":
                events = _scalar(asked, found, node, place)
            case "relation":
                if reference.args[0] == ("=",) and found.verdict and found.node and found.node.op != "rel":
                    events = _values(reference.args[2], found.node, found.verdict, place(found.node))
            case "set" | "list":
                events = _roots(asked, node, place)
            case "tuple":
                events = _entries(asked, node, place)
            case "matrix":
                events = _matrix(asked, node, place)
    return events or [Diagnosis("wrong-value", "This is not the right answer.", span=place(node))]


def unparsable(message: str, span: Span) -> Diagnosis:
    """For an answer that cannot be read; ``span`` is the offending part."""
    return Diagnosis("unparsable", f"This cannot be read as mathematics: {message}.", span=span)


def hedge(span: Span) -> Diagnosis:
    """For two answers where one is asked for."""
    return Diagnosis("hedge", "Several answers are offered; one is asked for.", span=span)


def _scalar(asked: Question, found: Match, node: Node, place: Place) -> list[Diagnosis]:
    if found.node is None or found.verdict is None:
        return [Diagnosis("wrong-form", "One single value is asked for.", span=place(node))]
    reference, answer = (part.args[0] if part.op == "unit" else part for part in (asked.node or node, found.node))
    return _values(reference, answer, found.verdict, place(found.node), constant_free=asked.modulo_constant)


def _values(
    reference: Node, answer: Node, verdict: Verdict, span: Span, *, constant_free: bool = False
) -> list[Diagnosis]:
    wanted, got = exact(reference), exact(answer)
    if wanted is not None and got is not None:
        return [*_numbers(wanted, got, span), *_direction(wanted, got, span)]
    events = [] if constant_free else _related(reference, answer, span)
    if not symbols(reference) and not symbols(answer):
        try:
            values = [numeric(node, {}, 60) for node in (reference, answer)]
        except Undefined:
            return events
        return events + (
            _direction(values[0].real, values[1].real, span) if not any(value.imag for value in values) else []
        )
    if verdict.point and not constant_free:
        where = ", ".join(f"{name} = {value}" for name, value in verdict.point.items())
        evidence = {name: str(value) for name, value in verdict.point.items()}
        evidence |= {"got": verdict.got, "expected": verdict.expected}
        message = f"At {where} this gives {verdict.got}, but it should give {verdict.expected}."
        # One point settles a constant.
        events.append(Diagnosis("counterexample", message, evidence, not symbols(reference), span))
    return events


def _numbers(wanted: Fraction, got: Fraction, span: Span) -> list[Diagnosis]:
    def event(code: str, message: str, **evidence: str) -> Diagnosis:
        return Diagnosis(code, message, evidence, reveals_reference=True, span=span)

    whole = wanted.denominator == got.denominator == 1
    events = []
    if got == -wanted:
        return [event("sign", "The size is right but the sign is wrong.")]
    if whole and abs(got - wanted) == 1:
        events.append(event("off-by-one", f"This is 1 too {'large' if got > wanted else 'small'}."))
    if got * wanted == 1:
        events.append(event("reciprocal", "This is the reciprocal of the right value: it is upside down."))
    short = max(abs(wanted), abs(got)) < 10**_DIGITS
    if whole and short and got * wanted > 0 and _transposed(str(abs(wanted)), str(abs(got))):
        events.append(event("digit-transposition", "The digits are right but two of them have changed places."))
    if not events and wanted and got:
        events += [event("factor", message, ratio=ratio) for ratio, message in _ratio(got / wanted)]
    return events


def _ratio(ratio: Fraction) -> list[tuple[str, str]]:
    size = abs(ratio)
    large = size if size.denominator == 1 else 1 / size
    if large.denominator != 1 or (large > _SMALL and large not in _POWERS):
        return []
    sign = " and has the wrong sign" if ratio < 0 else ""
    return [(str(ratio), f"This is {size} times as large as it should be{sign}.")]


def _transposed(wanted: str, got: str) -> bool:
    if len(wanted) != len(got):
        return False
    places = [index for index in range(len(wanted)) if wanted[index] != got[index]]
    return len(places) == 2 and wanted[places[0]] == got[places[1]] and wanted[places[1]] == got[places[0]]


def _direction(wanted: object, got: object, span: Span) -> list[Diagnosis]:
    larger = got > wanted  # type: ignore[operator]
    return [
        Diagnosis(f"too-{'large' if larger else 'small'}", f"This is too {'large' if larger else 'small'}.", span=span)
    ]


def _related(reference: Node, answer: Node, span: Span) -> list[Diagnosis]:
    """Expressions that are each other's negative, multiple, reciprocal, or lack a constant."""
    if same_value(reference, Node("neg", (answer,), answer.span)).equal:
        return [Diagnosis("sign", "All is right but the sign of the whole.", reveals_reference=True, span=span)]
    if same_value(reference, Node("inv", (answer,), answer.span)).equal:
        return [Diagnosis("reciprocal", "This is upside down.", reveals_reference=True, span=span)]
    ratio = _constant_ratio(reference, answer)
    if ratio is not None and _ratio(ratio):
        text, message = _ratio(ratio)[0]
        return [Diagnosis("factor", message, {"ratio": text}, reveals_reference=True, span=span)]
    constants = (symbols(reference) - symbols(answer)) & {"C", "c", "K", "k"}
    if constants and same_value(_zeroed(reference, constants), answer).equal:
        message = "The constant of integration is missing."
        return [Diagnosis("missing-constant", message, reveals_reference=True, span=span)]
    if symbols(reference) and same_value(reference, answer, up_to_constant=True).equal:
        return [Diagnosis("missing-constant", "A constant term is missing or wrong.", span=span)]
    return []


def _zeroed(node: Node, names: frozenset[str] | set[str]) -> Node:
    def zero(part: Node) -> Node:
        return Node("num", (Fraction(0),), part.span) if part.op == "sym" and part.args[0] in names else part

    return rebuild(node, zero)


def _constant_ratio(reference: Node, answer: Node) -> Fraction | None:
    names = symbols(reference)
    if symbols(answer) != names:
        return None
    point = {name: Fraction(7 + 2 * index, 3) for index, name in enumerate(sorted(names))}
    try:
        below = numeric(reference, point, 60)
        quotient = numeric(answer, point, 60) / below
    except (Undefined, ZeroDivisionError):
        return None
    if abs(quotient.imag) > 1e-30 or not 1e-4 < abs(quotient) < 1e4:
        return None
    ratio = Fraction(str(quotient.real)).limit_denominator(1000)
    scaled = Node("mul", (Node("num", (ratio,), reference.span), reference), reference.span)
    return ratio if ratio and same_value(scaled, answer).equal else None


def _roots(asked: Question, node: Node, place: Place) -> list[Diagnosis]:
    assert asked.node is not None
    if node.op in ("list", "matrix", "union") and node.args[0] not in ("", "{"):
        return [Diagnosis("wrong-form", "A set of values is asked for, as in {1, 2}.", span=place(node))]
    wanted, given = distinct(asked, items_of(asked.node)), distinct(asked, items_of(node))
    missing, extra = unmatched(asked, wanted, given)
    events = []
    for item in extra:
        turned = next((other for other in missing if _opposite(asked, other, item)), None)
        if turned is not None:
            events.append(Diagnosis("sign", "The sign of this one is wrong.", reveals_reference=True, span=place(item)))
        else:
            settled = not missing and len(extra) == 1
            message = "This one does not belong to the solution."
            events.append(Diagnosis("extra-root", message, reveals_reference=settled, span=place(item)))
    if missing:
        message = f"{len(missing)} of the {len(wanted)} solutions {'is' if len(missing) == 1 else 'are'} missing."
        events.append(Diagnosis("missing-root", message, {"missing": len(missing)}, span=place(node)))
    return events


def _opposite(asked: Question, wanted: Node, got: Node) -> bool:
    if "list" in (wanted.op, got.op) or "rel" in (wanted.op, got.op):
        return False
    return equal_items(asked, wanted, Node("neg", (got,), got.span))


def _entries(asked: Question, node: Node, place: Place) -> list[Diagnosis]:
    assert asked.node is not None
    wanted, given = tuple_items(asked, asked.node), tuple_items(asked, node)
    if wanted is None or given is None or len(wanted) != len(given):
        count = f"{len(wanted)} " if wanted else ""
        return [Diagnosis("wrong-form", f"An ordered list of {count}entries is asked for.", span=place(node))]
    missing, extra = unmatched(asked, wanted, given)
    if not missing and not extra:
        settled = len(wanted) == 2
        return [Diagnosis("order", "The entries are right but in the wrong order.", {}, settled, place(node))]
    return _wrong_entries(asked, [((i + 1,), a, b) for i, (a, b) in enumerate(zip(wanted, given, strict=True))], place)


def _matrix(asked: Question, node: Node, place: Place) -> list[Diagnosis]:
    assert asked.node is not None
    wanted, given = matrix_rows(asked.node), matrix_rows(node)
    if wanted is None or given is None:
        return [Diagnosis("wrong-form", "A matrix is asked for, as in [[1, 2], [3, 4]].", span=place(node))]
    shapes = [f"{len(rows)} by {len(rows[0])}" for rows in (wanted, given)]
    if shapes[0] != shapes[1]:
        message = f"A {shapes[0]} matrix is asked for; this is {shapes[1]}."
        return [Diagnosis("wrong-form", message, {"expected": shapes[0], "got": shapes[1]}, span=place(node))]
    cells = [
        ((i + 1, j + 1), a, b)
        for i, (first, second) in enumerate(zip(wanted, given, strict=True))
        for j, (a, b) in enumerate(zip(first, second, strict=True))
    ]
    return _wrong_entries(asked, cells, place)


def _wrong_entries(
    asked: Question, cells: Sequence[tuple[tuple[int, ...], Node, Node]], place: Place
) -> list[Diagnosis]:
    events = []
    for index, wanted, got in cells:
        if not equal_items(asked, wanted, got):
            name = ", ".join(map(str, index))
            where = f"({name})" if len(index) > 1 else name
            events.append(Diagnosis("entry", f"Entry {where} is wrong.", {"entry": list(index)}, span=place(got)))
    return events
