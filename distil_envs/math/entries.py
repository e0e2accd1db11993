"""The entries of tuples, vectors and matrices, however they are written."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from distil_envs.math.compare import same_value
from distil_envs.math.question import Question, is_matrix
from distil_envs.math.tree import Node, symbols, walk

Rows = list[list[Node]]


def tuple_items(asked: Question, node: Node) -> list[Node] | None:
    """The entries of an ordered tuple: bracketed, bare, a vector, or by name in the order of the variables."""
    if node.op == "rel" and set(node.args[0]) == {"="} and len(node.args) == 3:
        left, right = node.args[1], node.args[2]
        names = [item.args[0] for item in _column(left) or () if item.op == "sym"]
        values = _column(right)
        if len(names) > 1 and values is not None and len(values) == len(names):
            return _by_name(asked, dict(zip(names, values, strict=True)))
    node = last_side(node)
    if node.op == "list" and node.args[0] == "":
        if "or" in node.args[1]:
            return None
        items = list(node.items)
        if len(items) > 1 and all(i.op == "rel" and i.args[0] == ("=",) and i.args[1].op == "sym" for i in items):
            return _by_name(asked, {item.args[1].args[0]: item.args[2] for item in items})
    return _column(node)


def _column(node: Node) -> list[Node] | None:
    """The entries of a list in order, or of a matrix with one row or one column, with a factor in front of it."""
    if node.op == "pow" and _is_transpose(node.args[1]):
        return _column(node.args[0])
    if node.op in ("mul", "neg"):
        return _scaled(node)
    if node.op == "list":
        bare = node.args[0] == ""
        return list(node.items) if bare or node.args[0] + node.args[1] in ("()", "[]") else None
    rows = matrix_rows(node)
    return [entry for row in rows for entry in row] if rows and (len(rows) == 1 or len(rows[0]) == 1) else None


def _scaled(node: Node) -> list[Node] | None:
    """``2(3, -4)`` as 6 and -8."""
    if node.op == "neg":
        factors, entries = [Node("num", (Fraction(-1),), node.span)], _column(node.args[0])
    else:
        found = [(place, column) for place, factor in enumerate(node.args) if (column := _column(factor)) is not None]
        if len(found) != 1:
            return None
        place, entries = found[0]
        factors = [*node.args[:place], *node.args[place + 1 :]]
    return None if entries is None else [Node("mul", (*factors, entry), entry.span) for entry in entries]


def last_side(node: Node) -> Node:
    """What ``A = M² = N`` states: names and matrices that are still to be multiplied may stand before N."""
    if node.op != "rel" or set(node.args[0]) != {"="}:
        return node
    *sides, last = node.args[1:]
    assert isinstance(last, Node)
    for side in sides:  # 2A = N states another matrix
        if side.op != "sym" and (symbols(side) or not any(part.op in ("matrix", "list") for part in walk(side))):
            return node
        rows, wanted = matrix_rows(side), matrix_rows(last)
        if rows and wanted and not _agree(rows, wanted):
            return node
    return last


def _agree(first: Rows, second: Rows) -> bool:
    return [len(row) for row in first] == [len(row) for row in second] and all(
        same_value(a, b).equal for one, two in zip(first, second, strict=True) for a, b in zip(one, two, strict=True)
    )


def _by_name(asked: Question, values: Mapping[str, Node]) -> list[Node] | None:
    order = asked.variables if set(asked.variables) == set(values) else tuple(sorted(values))
    if asked.variables and set(asked.variables) != set(values):
        return None
    return [values[name] for name in order]


def matrix_rows(node: Node) -> Rows | None:
    """The rows of a matrix, with what multiplies it worked in; None when it is none, or ragged."""
    node = last_side(node)
    rows: Rows | None = None
    match node.op:
        case "matrix":
            rows = [list(row) for row in node.args]
        case "list" if is_matrix(node):
            rows = [list(row.items) for row in node.items]
        case "list" if node.args[:2] == ("(", ")") and len(node.items) == 1:
            rows = matrix_rows(node.items[0])
        case "neg":
            rows = _times([Node("num", (Fraction(-1),), node.span)], matrix_rows(node.args[0]))
        case "mul":
            found = [matrix_rows(factor) for factor in node.args]
            if sum(rows is not None for rows in found) == 1:
                place = next(place for place, rows in enumerate(found) if rows is not None)
                rows = _times([factor for factor in node.args if factor is not node.args[place]], found[place])
        case "pow" if _is_transpose(node.args[1]):
            inner = matrix_rows(node.args[0])
            rows = [list(column) for column in zip(*inner, strict=True)] if inner else None
    return rows if rows and rows[0] and len({len(row) for row in rows}) == 1 else None


def _is_transpose(exponent: Node) -> bool:
    return exponent.op == "sym" and exponent.args[0] in ("T", "top", "t")


def _times(factors: list[Node], rows: Rows | None) -> Rows | None:
    if rows is None:
        return None
    return [[Node("mul", (*factors, entry), entry.span) for entry in row] for row in rows]
