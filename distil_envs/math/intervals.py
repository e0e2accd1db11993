r"""Sets of real numbers: intervals, points, unions, differences, and the inequalities that stand for them.

A set is a list of intervals, in order and apart from each other, so that equal sets are equal lists:
``(0, 3) ∪ (2, 5)`` is ``(0, 5)``, and ``|x| ≥ 4`` is ``(-∞, -4] ∪ [4, ∞)``. Inequalities are solved where they are
linear in their one variable or in the absolute value of something linear; ``x² < 9`` is a question and not an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cmp_to_key, reduce

from distil_envs.math.compare import same_value
from distil_envs.math.tree import Node, rebuild, symbols
from distil_envs.math.values import Undefined, context, exact, numeric

ORDER = {"<", ">", "<=", ">="}
FLIP = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}
"""Which way a relation reads from the other side."""

Interval = tuple[Node, bool, Node, bool]
"""Two ends, each followed by whether it belongs to the interval."""
Reals = list[Interval]

_DIGITS = 60


def unsigned(node: Node) -> Node:
    return node.args[0] if node.op == "neg" else node


def intervals_of(node: Node) -> Reals | None:
    """The set of real numbers that an answer states; None for anything else. Ends with variables are left in order."""
    try:
        return _set(node)
    except Undefined:
        return None


def same_reals(first: Reals, second: Reals) -> bool:
    return len(first) == len(second) and all(
        (a[1], a[3]) == (b[1], b[3]) and same_end(a[0], b[0]) and same_end(a[2], b[2])
        for a, b in zip(first, second, strict=True)
    )


def same_end(first: Node, second: Node) -> bool:
    infinite = [_infinite(node) for node in (first, second)]
    if any(infinite):
        return infinite[0] == infinite[1]
    return same_value(first, second).equal


# -- reading


def _set(node: Node) -> Reals | None:
    match node.op:
        case "words":
            return {"reals": [_line()], "empty": []}.get(node.args[0])
        case "sym" if node.args[0] == "R":
            return [_line()]
        case "union":
            parts = [_set(part) for part in node.args]
            return None if any(part is None for part in parts) else _union(*(part or [] for part in parts))
        case "cap" | "without":
            first, second = _set(node.args[0]), _set_or_points(node.args[1])
            if first is None or second is None:
                return None
            return _intersection(first, second if node.op == "cap" else _complement(second))
        case "list":
            return _listed(node)
        case "rel" if "=" not in node.args[0]:
            return _chain(node)
    return None


def _listed(node: Node) -> Reals | None:
    opening, closing, *items = node.args
    if opening == "{":
        return _points(items)
    if opening != "":
        if len(items) != 2:
            return None
        low, high = (item.items[0] if _single(item) else item for item in items)
        return _checked((low, opening == "[", high, closing == "]"))
    if items[0].op == "without" and all(item.op != "list" for item in items[1:]):  # all reals except 2 and 3
        first, others = _set(items[0]), _points([_right(item) for item in items[1:]])
        return None if first is None or others is None else _intersection(first, _complement(others))
    parts = [_point_or_set(item) for item in items]
    if any(part is None for part in parts):
        return None
    sets = [part or [] for part in parts]
    if closing == "or":
        return _union(*sets)
    both = reduce(_intersection, sets)
    if closing == "and":
        return both
    bounds = all(item.op in ("rel", "words") for item in items)
    return (both if bounds and both else _union(*sets)) if closing == "" else None


def _single(node: Node) -> bool:
    return node.op == "list" and node.args[0] == "{" and len(node.items) == 1


def _right(node: Node) -> Node:
    named = node.op == "rel" and node.args[0] in (("=",), ("!=",)) and node.args[1].op == "sym"
    return node.args[2] if named else node


def _point_or_set(node: Node) -> Reals | None:
    if node.op == "rel" and node.args[0] == ("=",) and node.args[1].op == "sym":
        return _points([node.args[2]])
    return _set(node)


def _set_or_points(node: Node) -> Reals | None:
    found = _set(node)
    return _points([_right(node)]) if found is None else found


def _points(items: Sequence[Node]) -> Reals | None:
    if any(item.op in ("list", "rel", "words", "pm", "matrix", "union") or symbols(item) for item in items):
        return None
    return _union([(item, True, item, True) for item in items])


def _checked(interval: Interval) -> Reals | None:
    """The interval alone, or None where nothing lies in it or an infinite end is said to."""
    low, low_in, high, high_in = interval
    if (low_in and _infinite(low)) or (high_in and _infinite(high)):
        return None
    if _free(interval):
        return [interval]
    order = _compare(low, high)
    return [interval] if order < 0 or (order == 0 and low_in and high_in) else None


def _chain(node: Node) -> Reals | None:
    operators, *sides = node.args
    names = symbols(node)
    if operators == ("!=",):
        left, right = sides
        left, right = (right, left) if right.op == "sym" else (left, right)
        return _complement([(right, True, right, True)]) if left.op == "sym" and not symbols(right) else None
    if not set(operators) <= ORDER or len({operator[0] for operator in operators}) != 1:
        return None
    if operators[0][0] == ">":
        operators, sides = tuple(FLIP[operator] for operator in reversed(operators)), sides[::-1]
    if len(sides) == 3 and sides[1].op == "sym" and sides[1].args[0] not in symbols(sides[0]) | symbols(sides[2]):
        return _checked((sides[0], operators[0] == "<=", sides[2], operators[1] == "<="))
    if len(names) != 1 or len(sides) > 3:
        return None
    parts = [
        _bound(left, right, operator, *names)
        for left, right, operator in zip(sides, sides[1:], operators, strict=False)
    ]
    if any(part is None for part in parts):
        return None
    return reduce(_intersection, [part or [] for part in parts]) or None


def _bound(left: Node, right: Node, operator: str, name: str) -> Reals | None:
    """Where ``left < right`` or ``left <= right`` holds."""
    for inside, other, below in ((left, right, True), (right, left, False)):
        if inside.op == "call" and inside.args[0] == "abs" and not symbols(other):
            inner, minus = inside.args[1], _negative(other)
            if below:
                parts = (_bound(inner, other, operator, name), _bound(minus, inner, operator, name))
            else:
                parts = (_bound(other, inner, operator, name), _bound(inner, minus, operator, name))
            found = [part for part in parts if part is not None]
            if len(found) < 2:
                return None
            return (_intersection if below else _union)(*found)
    if left.op == "sym" and not symbols(right):
        return [(_infinity(-1), False, right, operator == "<=")]
    if right.op == "sym" and not symbols(left):
        return [(left, operator == "<=", _infinity(1), False)]
    return _linear(Node("add", (left, _negative(right)), left.span), operator, name)


def _linear(node: Node, operator: str, name: str) -> Reals | None:
    """Where a linear expression is below zero, or not above it."""

    def at(value: Fraction) -> Node:
        number = Node("num", (value,), node.span)
        return rebuild(node, lambda part: number if part.op == "sym" and part.args[0] == name else part)

    start = at(Fraction(0))
    slope = Node("add", (at(Fraction(1)), _negative(start)), node.span)
    values = numeric(start, {}, _DIGITS), numeric(slope, {}, _DIGITS)
    for place in (Fraction(2), Fraction(-13, 3), Fraction(101, 7)):
        with context().workdps(_DIGITS):
            expected = values[0] + values[1] * place.numerator / place.denominator
            if abs(numeric(at(place), {}, _DIGITS) - expected) > (1 + abs(expected)) * 1e-40:
                return None
    if values[1].imag or values[0].imag or abs(values[1]) < 1e-40:
        return None
    root = Node("mul", (_negative(start), Node("inv", (slope,), node.span)), node.span)
    if values[1] > 0:
        return [(_infinity(-1), False, root, operator == "<=")]
    return [(root, operator == "<=", _infinity(1), False)]


# -- algebra of sets


def _union(*sets: Reals) -> Reals:
    parts = [interval for one in sets for interval in one]
    if any(map(_free, parts)):
        return parts
    merged: Reals = []
    for low, low_in, high, high_in in sorted(parts, key=cmp_to_key(_by_start)):
        if merged:
            first, first_in, last, last_in = merged[-1]
            gap = _compare(low, last)
            if gap < 0 or (gap == 0 and (low_in or last_in)):
                later = _compare(high, last)
                end = (high, high_in) if later > 0 else (last, last_in or (later == 0 and high_in))
                merged[-1] = (first, first_in, *end)
                continue
        merged.append((low, low_in, high, high_in))
    return merged


def _by_start(first: Interval, second: Interval) -> int:
    return _compare(first[0], second[0]) or int(second[1]) - int(first[1])


def _complement(reals: Reals) -> Reals:
    if any(map(_free, reals)):
        raise Undefined("an end with a variable")
    found: Reals = []
    start, start_in = _infinity(-1), False
    for low, low_in, high, high_in in _union(reals):
        if not _infinite(low) and (_compare(start, low) < 0 or (start_in and not low_in)):
            found.append((start, start_in, low, not low_in))
        start, start_in = high, not high_in
    if _infinite(start) <= 0:
        found.append((start, start_in and not _infinite(start), _infinity(1), False))
    return found


def _intersection(first: Reals, second: Reals) -> Reals:
    return _complement(_union(_complement(first), _complement(second)))


def _line() -> Interval:
    return (_infinity(-1), False, _infinity(1), False)


def _infinity(sign: int) -> Node:
    node = Node("const", ("oo",), (0, 0))
    return node if sign > 0 else Node("neg", (node,), (0, 0))


def _negative(node: Node) -> Node:
    return Node("neg", (node,), node.span)


def _infinite(node: Node) -> int:
    """1 for ∞, -1 for -∞, 0 for a number."""
    if unsigned(node).op != "const" or unsigned(node).args[0] != "oo":
        return 0
    return -1 if node.op == "neg" else 1


def _free(interval: Interval) -> bool:
    return bool(symbols(interval[0]) or symbols(interval[2]))


def _compare(first: Node, second: Node) -> int:
    if _infinite(first) or _infinite(second):
        return _infinite(first) - _infinite(second)
    left, right = exact(first), exact(second)
    if left is not None and right is not None:
        return (left > right) - (left < right)
    if same_value(first, second).equal:
        return 0
    numbers = [numeric(node, {}, _DIGITS) for node in (first, second)]
    if any(number.imag for number in numbers):
        raise Undefined("an end that is not real")
    return 1 if numbers[0] > numbers[1] else -1
