"""Whether an answer has the value that a question asks for: numbers, sets, tuples, matrices, relations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from distil_envs.math.compare import Verdict
from distil_envs.math.entries import matrix_rows, tuple_items
from distil_envs.math.intervals import intervals_of, same_reals
from distil_envs.math.question import Question
from distil_envs.math.reading import Reading, phrase, plain_text
from distil_envs.math.relations import same_relation
from distil_envs.math.scalars import named_otherwise, same_scalar, single
from distil_envs.math.tree import Node, rebuild, symbols, walk


@dataclass(frozen=True)
class Match:
    """What comparing found. ``node`` is the part of the answer that counts, e.g. the right side of ``x = 5``."""

    equal: bool
    node: Node | None = None
    verdict: Verdict | None = None
    """For scalars."""


def matches(asked: Question, text: str, reading: Reading | None) -> Match:
    """Compare an answer, given as text and as what was read of it (None: it could not be read)."""
    found = _read_match(asked, text, reading) if reading is not None and asked.node is not None else Match(False)
    if found.equal:
        return found
    mine, other = plain_text(text), plain_text(asked.text)
    same = mine == other or (asked.shape == "text" and mine.casefold() == other.casefold())
    return Match(True, reading.node if reading else None) if same else found


def _read_match(asked: Question, text: str, reading: Reading) -> Match:
    for other in asked.alternatives:
        found = matches(other, text, reading)
        if found.equal:
            return found
    if asked.label and reading.label and asked.label != reading.label:
        return Match(False, reading.node)
    if reading.name and named_otherwise(asked, reading.name):
        return Match(False, reading.node)
    return _MATCHERS[asked.shape](asked, reading.node)


def offers_several(asked: Question, found: Match, node: Node) -> bool:
    """Whether an answer that is not right offers several where one is asked for: ``5 or 6``, ``(1, 2) or (2, 1)``."""
    if node.op == "pm":
        return asked.shape == "scalar"
    if node.op != "list" or node.args[0]:
        return False
    match asked.shape:
        case "scalar":
            return found.node is None and len(items_of(node)) > 1
        case "relation":
            return all(item.op == "rel" for item in node.items)
        case "set" | "list" | "tuple" | "matrix":
            wanted = asked.node.items if asked.node is not None and asked.node.op == "list" else ()
            of_lists = any(item.op == "list" for item in wanted)
            whole = all(item.op == "matrix" or (item.op == "list" and item.args[0]) for item in node.items)
            return whole and (asked.shape == "matrix" or not of_lists)
    return False


# -- single values


def _scalar(asked: Question, node: Node) -> Match:
    assert asked.node is not None
    value = single(asked, node)
    if value is None:
        return Match(False, None)
    verdict = same_scalar(asked.node, value, asked)
    return Match(verdict.equal, value, verdict)


# -- several values


def items_of(node: Node) -> list[Node]:
    """What a list or a single value states, with ± written out and names (``x = ``) dropped."""
    items: Sequence[Node] = node.items if node.op == "list" and node.args[0] in ("", "{") else (node,)
    if node.op == "words" and node.args[0] == "empty":
        items = ()
    values: list[Node] = []
    for item in items:
        if item.op == "rel" and set(item.args[0]) == {"="} and item.args[1].op == "sym":
            item = item.args[-1]
            if item.op == "list" and item.args[0] in ("{", ""):
                values.extend(items_of(item))
                continue
        values.extend(variants(item))
    return values


def variants(node: Node) -> list[Node]:
    """Both values of an expression with ±; the signs of one expression go together."""

    def chosen(sign: int) -> Node:
        def choose(part: Node) -> Node:
            if part.op != "pm":
                return part
            return part.args[0] if part.args[1] == sign else Node("neg", (part.args[0],), part.span)

        return rebuild(node, choose)

    upper, lower = chosen(1), chosen(-1)
    return [upper, lower] if any(part.op == "pm" for part in walk(node)) else [node]


def equal_items(asked: Question, first: Node, second: Node) -> bool:
    """Whether two items of a list are the same: values, tuples of values, or relations."""
    if first.op == "list" and second.op == "list":
        return len(first.items) == len(second.items) and all(
            equal_items(asked, a, b) for a, b in zip(first.items, second.items, strict=True)
        )
    if first.op == "rel" or second.op == "rel":
        return first.op == second.op and same_relation(first, second)
    if "list" in (first.op, second.op) or "words" in (first.op, second.op):
        return first.op == second.op and first.args == second.args
    return same_scalar(first, second, asked).equal


def unmatched(asked: Question, wanted: Sequence[Node], given: Sequence[Node]) -> tuple[list[Node], list[Node]]:
    """What is wanted and not given, and what is given and not wanted; repeats count."""
    missing, extra = [], list(given)
    for item in wanted:
        for index, other in enumerate(extra):
            if equal_items(asked, item, other):
                del extra[index]
                break
        else:
            missing.append(item)
    return missing, extra


def distinct(asked: Question, items: Sequence[Node]) -> list[Node]:
    """Without repeats."""
    kept: list[Node] = []
    for item in items:
        if not any(equal_items(asked, item, other) for other in kept):
            kept.append(item)
    return kept


def _collection(asked: Question, node: Node) -> Match:
    assert asked.node is not None
    pairs = any(item.op == "list" for item in items_of(asked.node))
    if node.op == "list" and node.args[0] not in ("", "{") and not pairs:
        return Match(False, node)  # (2, 3) is a pair and not the set of 2 and 3
    names = _names(node)
    if names and _names(asked.node) and names != _names(asked.node):
        return Match(False, node)
    if any(named_otherwise(asked, name) for name in names):
        return Match(False, node)
    wanted, given = items_of(asked.node), items_of(node)
    if asked.shape == "set" or (node.op == "list" and node.args[0] == "{"):
        wanted, given = distinct(asked, wanted), distinct(asked, given)
    missing, extra = unmatched(asked, wanted, given)
    return Match(not missing and not extra, node)


def _names(node: Node) -> set[str]:
    items = node.items if node.op == "list" else (node,)
    named = [item.args[1].args[0] for item in items if item.op == "rel" and item.args[1].op == "sym"]
    return {name for name in named if node.op == "list" or not name.isupper()}  # S = {2, 3} names the set


def _tuple(asked: Question, node: Node) -> Match:
    assert asked.node is not None
    interval = any(other.shape == "interval" for other in asked.alternatives)
    if interval and node.op == "list" and node.args[:2] != asked.node.args[:2] and node.args[0]:
        return Match(False, node)  # [-3, 3] for (-3, 3)
    wanted, given = tuple_items(asked, asked.node) or [asked.node], tuple_items(asked, node)
    if given is None or len(given) != len(wanted):
        return Match(False, node)
    return Match(all(equal_items(asked, a, b) for a, b in zip(wanted, given, strict=True)), node)


def _matrix(asked: Question, node: Node) -> Match:
    assert asked.node is not None
    wanted, given = matrix_rows(asked.node), matrix_rows(node)
    if wanted is None or given is None or [len(row) for row in wanted] != [len(row) for row in given]:
        return Match(False, node)
    pairs = [(a, b) for first, second in zip(wanted, given, strict=True) for a, b in zip(first, second, strict=True)]
    return Match(all(equal_items(asked, a, b) for a, b in pairs), node)


# -- relations, intervals, words


def _relation(asked: Question, node: Node) -> Match:
    assert asked.node is not None
    reference = asked.node
    solved = reference.args[0] == ("=",) and reference.args[1].op == "sym"
    solved = solved and reference.args[1].args[0] not in symbols(reference.args[2])
    if node.op == "rel":
        # x = 3 asks for the value: x - 3 = 0 states it, 2x = 6 is still to be solved.
        value = solved and not symbols(reference.args[2])
        if same_relation(reference, node, factor=not value):
            return Match(True, node)
        if solved and node.args[0] == ("=",) and node.args[1] == Node("sym", reference.args[1].args, node.args[1].span):
            verdict = same_scalar(reference.args[2], node.args[2], asked)
            return Match(verdict.equal, node.args[2], verdict)
        return Match(False, node)
    if not solved or single(asked, node) is None:
        return Match(False, node)
    verdict = same_scalar(reference.args[2], node, asked)
    return Match(verdict.equal, node, verdict)


def _interval(asked: Question, node: Node) -> Match:
    assert asked.node is not None
    names = set(asked.variables) | symbols(asked.node)
    wanted, given = intervals_of(asked.node), intervals_of(node)
    if wanted is None or given is None or (names and symbols(node) - {"R"} - names):
        return Match(False, node)
    return Match(same_reals(wanted, given), node)


def _words(asked: Question, node: Node) -> Match:
    assert asked.node is not None
    same = node.op == "words" and phrase(node.args[0]) == phrase(asked.node.args[0])
    nothing = asked.node.args[0] == "empty" and node.op == "list" and node.args == ("{", "}")
    everything = asked.node.args[0] == "reals" and node.op in ("list", "rel") and _interval(asked, node).equal
    return Match(same or nothing or everything, node)


_MATCHERS = {
    "scalar": _scalar,
    "set": _collection,
    "list": _collection,
    "tuple": _tuple,
    "matrix": _matrix,
    "relation": _relation,
    "interval": _interval,
    "words": _words,
}
