"""Whether an answer has the value that a question asks for: numbers, sets, tuples, matrices, relations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from distil_envs.math.compare import Verdict, same_value
from distil_envs.math.question import Question, is_matrix
from distil_envs.math.reading import Reading, phrase, plain_text
from distil_envs.math.relations import intervals_of, same_end, same_relation
from distil_envs.math.tree import Node, rebuild, symbols, walk
from distil_envs.math.values import exact
from distil_envs.math.vocabulary import UNITS


@dataclass(frozen=True)
class Match:
    """What comparing found. ``node`` is the part of the answer that counts, e.g. the right side of ``x = 5``."""

    equal: bool
    node: Node | None = None
    verdict: Verdict | None = None
    """For scalars."""


def matches(asked: Question, text: str, reading: Reading | None) -> Match:
    """Compare an answer, given as text and as what was read of it (None: it could not be read)."""
    if plain_text(text) == plain_text(asked.text):
        return Match(True, reading.node if reading else None)
    if reading is None or asked.node is None:
        return Match(False)
    for other in asked.alternatives:
        found = matches(other, text, reading)
        if found.equal:
            return found
    if asked.label and reading.label and asked.label != reading.label:
        return Match(False, reading.node)
    return _MATCHERS[asked.shape](asked, reading.node)


# -- single values


def _scalar(asked: Question, node: Node) -> Match:
    assert asked.node is not None
    value = single(asked, node)
    if value is None:
        return Match(False, None)
    verdict = _same_scalar(asked.node, value, asked)
    return Match(verdict.equal, value, verdict)


def single(asked: Question, node: Node) -> Node | None:
    """The one value that an answer gives: itself, or the right side of ``x = …`` or of a chain of equals."""
    if node.op == "list" and node.args[0] in ("{", "[") and len(node.items) == 1:
        node = node.items[0]
    if node.op == "rel":
        return _right_side(asked, node)
    if node.op in ("list", "matrix", "union", "words", "pm"):
        return None
    return node


def _right_side(asked: Question, node: Node) -> Node | None:
    operators, *sides = node.args
    if set(operators) != {"="}:
        return None
    value: Node = sides[-1]
    for side in sides[:-1]:
        if side.op == "sym":
            wrong_name = (
                asked.kind in ("integer", "rational") and asked.variables and side.args[0] not in asked.variables
            )
            if wrong_name or (side.args[0] in symbols(value) and side.args[0] in asked.variables):
                return None
        elif exact(side) is not None and exact(value) is not None:
            # 3 + 4 = 8 states 8; 5 = 6 states nothing.
            if side.op in ("num", "neg") and exact(side) != exact(value):
                return None
        elif not same_value(side, value).equal:
            return None
    return value


def _same_scalar(reference: Node, answer: Node, asked: Question) -> Verdict:
    reference, unit = _without_unit(reference)
    answer, given = _without_unit(answer)
    known = set(UNITS.values())
    if unit in known and given in known and unit != given:
        return Verdict(False)
    if asked.modulo_constant:
        return same_value(reference, _without_constant(answer, asked, reference), up_to_constant=True)
    verdict = same_value(reference, answer)
    if not verdict.equal and (unit == "%") != (given == "%"):
        # 25 % may be stated as 25 (the question asks for per cent) or as 0.25.
        hundred = Node("num", (Fraction(1, 100),), (0, 0))
        scaled = [Node("mul", (node, hundred), node.span) for node in (reference, answer)]
        pair = (scaled[0], answer) if unit == "%" else (reference, scaled[1])
        return same_value(*pair) if same_value(*pair).equal else verdict
    return verdict


def _without_unit(node: Node) -> tuple[Node, str]:
    return (node.args[0], node.args[1]) if node.op == "unit" else (node, "")


def _without_constant(node: Node, asked: Question, reference: Node) -> Node:
    """The constant of integration takes one fixed value, so that only an added constant drops out."""
    free = {"C", "c", "K", "k"} - symbols(reference) - set(asked.variables)

    def fix(part: Node) -> Node:
        return Node("num", (Fraction(37, 11),), part.span) if part.op == "sym" and part.args[0] in free else part

    return rebuild(node, fix)


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
    return _same_scalar(first, second, asked).equal


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
    if _names(node) and _names(asked.node) and _names(node) != _names(asked.node):
        return Match(False, node)
    wanted, given = items_of(asked.node), items_of(node)
    if asked.shape == "set" or (node.op == "list" and node.args[0] == "{"):
        wanted, given = distinct(asked, wanted), distinct(asked, given)
    missing, extra = unmatched(asked, wanted, given)
    return Match(not missing and not extra, node)


def _names(node: Node) -> set[str]:
    items = node.items if node.op == "list" else (node,)
    return {item.args[1].args[0] for item in items if item.op == "rel" and item.args[1].op == "sym"}


def tuple_items(asked: Question, node: Node) -> list[Node] | None:
    """The entries of an ordered tuple: bracketed, bare, a vector, or by name in the order of the variables."""
    if node.op == "rel" and set(node.args[0]) == {"="} and len(node.args) == 3:
        left, right = node.args[1], node.args[2]
        names = [item.args[0] for item in left.items if item.op == "sym"] if left.op == "list" else []
        if len(names) > 1 and right.op == "list" and len(right.items) == len(names):
            return _by_name(asked, dict(zip(names, right.items, strict=True)))
        node = right if left.op == "sym" else node
    if node.op == "matrix" and (len(node.args) == 1 or all(len(row) == 1 for row in node.args)):
        return [entry for row in node.args for entry in row]
    if node.op != "list" or node.args[0] == "{":
        return None
    items = list(node.items)
    if len(items) > 1 and all(i.op == "rel" and i.args[0] == ("=",) and i.args[1].op == "sym" for i in items):
        return _by_name(asked, {item.args[1].args[0]: item.args[2] for item in items})
    return items


def _by_name(asked: Question, values: Mapping[str, Node]) -> list[Node] | None:
    order = asked.variables if set(asked.variables) == set(values) else tuple(sorted(values))
    if asked.variables and set(asked.variables) != set(values):
        return None
    return [values[name] for name in order]


def _tuple(asked: Question, node: Node) -> Match:
    assert asked.node is not None
    wanted, given = tuple_items(asked, asked.node) or [asked.node], tuple_items(asked, node)
    if given is None or len(given) != len(wanted):
        return Match(False, node)
    return Match(all(equal_items(asked, a, b) for a, b in zip(wanted, given, strict=True)), node)


def matrix_rows(node: Node) -> list[list[Node]] | None:
    """The rows of a matrix, or None when it is none or ragged."""
    if node.op == "rel" and node.args[0] == ("=",) and node.args[1].op == "sym":
        node = node.args[2]
    if node.op == "matrix":
        rows = [list(row) for row in node.args]
    elif node.op == "list" and is_matrix(node):
        rows = [list(row.items) for row in node.items]
    else:
        return None
    return rows if rows and rows[0] and len({len(row) for row in rows}) == 1 else None


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
    if not solved:
        return Match(node.op == "rel" and same_relation(reference, node), node)
    if node.op != "rel":
        verdict = _same_scalar(reference.args[2], node, asked) if single(asked, node) is not None else Verdict(False)
        return Match(verdict.equal, node, verdict)
    sides = node.args[1:]
    if node.args[0] != ("=",):
        return Match(False, node)
    name = reference.args[1].args[0]
    for left, right in (sides, sides[::-1]):
        if left.op == "sym" and left.args[0] == name:
            verdict = _same_scalar(reference.args[2], right, asked)
            return Match(verdict.equal, right, verdict)
    return Match(False, node)


def _interval(asked: Question, node: Node) -> Match:
    assert asked.node is not None
    wanted, given = intervals_of(asked.node), intervals_of(node)
    if wanted is None or given is None or len(wanted) != len(given):
        return Match(False, node)
    left = list(given)
    for low, low_in, high, high_in in wanted:
        for index, (a, a_in, b, b_in) in enumerate(left):
            if (a_in, b_in) == (low_in, high_in) and same_end(low, a) and same_end(high, b):
                del left[index]
                break
    return Match(not left, node)


def _words(asked: Question, node: Node) -> Match:
    assert asked.node is not None
    same = node.op == "words" and phrase(node.args[0]) == phrase(asked.node.args[0])
    nothing = asked.node.args[0] == "empty" and node.op == "list" and node.args == ("{", "}")
    everything = asked.node.args[0] == "reals" and node.op == "list" and _interval(asked, node).equal
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
