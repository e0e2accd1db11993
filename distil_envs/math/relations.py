"""Equations, inequalities, and the intervals that inequalities stand for."""

from __future__ import annotations

from distil_envs.math.compare import proportional, same_value
from distil_envs.math.tree import Node, symbols

ORDER = {"<", ">", "<=", ">="}
FLIP = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}
"""Which way a relation reads from the other side."""


def unsigned(node: Node) -> Node:
    return node.args[0] if node.op == "neg" else node


def same_relation(first: Node, second: Node) -> bool:
    if len(first.args) != 3 or len(second.args) != 3:
        return False
    (operator,), (other,) = first.args[0], second.args[0]
    one, two = (_difference(node) for node in (first, second))
    if operator in ORDER:
        if other == operator:
            return proportional(one, two, positive_only=True)
        return other == FLIP[operator] and proportional(one, Node("neg", (two,), two.span), positive_only=True)
    return bool(operator == other and proportional(one, two))


def _difference(relation: Node) -> Node:
    left, right = relation.args[1:]
    return Node("add", (left, Node("neg", (right,), right.span)), relation.span)


Interval = tuple[Node, bool, Node, bool]


def intervals_of(node: Node) -> list[Interval] | None:
    """Union of intervals, each with its ends and whether they belong to it; None for anything else."""
    if node.op == "union" or (node.op == "list" and node.args[0] == "" and all(i.op == "rel" for i in node.items)):
        if len(symbols(node)) > 1:
            return None
        parts = [intervals_of(part) for part in (node.args if node.op == "union" else node.items)]
        return None if any(part is None for part in parts) else [one for part in parts for one in part or []]
    if node.op == "list" and len(node.items) == 2 and node.args[0] in ("(", "["):
        return [(node.items[0], node.args[0] == "[", node.items[1], node.args[1] == "]")]
    if node.op == "words" and node.args[0] == "reals":
        return [(_infinity(-1), False, _infinity(1), False)]
    if node.op != "rel" or not set(node.args[0]) <= ORDER:
        return None
    operators, *sides = node.args
    if len({operator[0] for operator in operators}) != 1:
        return None
    if operators[0][0] == ">":
        operators, sides = tuple(FLIP[operator] for operator in reversed(operators)), sides[::-1]
    if len(sides) == 3 and sides[1].op == "sym":
        return [(sides[0], operators[0] == "<=", sides[2], operators[1] == "<=")]
    if len(sides) == 2 and sides[0].op == "sym" and not symbols(sides[1]):
        return [(_infinity(-1), False, sides[1], operators[0] == "<=")]
    if len(sides) == 2 and sides[1].op == "sym" and not symbols(sides[0]):
        return [(sides[0], operators[0] == "<=", _infinity(1), False)]
    return None


def _infinity(sign: int) -> Node:
    node = Node("const", ("oo",), (0, 0))
    return node if sign > 0 else Node("neg", (node,), (0, 0))


def same_end(first: Node, second: Node) -> bool:
    infinite = [unsigned(node).op == "const" and unsigned(node).args[0] == "oo" for node in (first, second)]
    if any(infinite):
        return all(infinite) and (first.op == "neg") == (second.op == "neg")
    return same_value(first, second).equal
