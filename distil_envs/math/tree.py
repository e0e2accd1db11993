"""The tree that written mathematics is read into, and what needs nothing but its shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Node:
    """One node of the tree.

    ``op`` and its ``args``: num (Fraction), sym (name), const (``pi``, ``e``, ``i``, ``oo``), neg (x), inv (x),
    add (terms…), mul (factors…), pow (base, exponent), root (degree, x), fact (x), call (name, arguments…), pm (x, and
    1 for ±x or -1 for ∓x), list (open, close, items…), rel (operators, sides…), matrix (rows), union (parts…),
    cap (set, set), without (set, set), unit (x, name), words (text), sympy (expression).

    A list without brackets has the joints between its items, apart from commas, for ``close``: ``and``, ``or``,
    ``and or`` or nothing.
    """

    op: str
    args: tuple[Any, ...]
    span: tuple[int, int]
    decimals: int = -1
    """Of a num: digits behind its decimal point as written; -1 for an integer."""

    @property
    def items(self) -> tuple[Node, ...]:
        """Of a list: its items."""
        return self.args[2:]


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    yield node
    for arg in node.args:
        if isinstance(arg, Node):
            yield from walk(arg)
        elif isinstance(arg, tuple):
            for inner in arg:
                if isinstance(inner, Node):
                    yield from walk(inner)


def rebuild(node: Node, change: Callable[[Node], Node]) -> Node:
    """A copy in which ``change`` was applied to every node, leaves first."""

    def descend(arg: Any) -> Any:
        if isinstance(arg, Node):
            return rebuild(arg, change)
        return tuple(descend(inner) for inner in arg) if isinstance(arg, tuple) else arg

    return change(Node(node.op, tuple(descend(arg) for arg in node.args), node.span, node.decimals))


def symbols(node: Node) -> frozenset[str]:
    """Names of the free variables."""
    names = {part.args[0] for part in walk(node) if part.op == "sym"}
    for part in walk(node):
        if part.op == "sympy":
            names |= {symbol.name for symbol in part.args[0].free_symbols}
    return frozenset(names)


def same_tree(first: Node, second: Node) -> bool:
    """Whether two trees are written alike, places apart."""
    if first.op != second.op or len(first.args) != len(second.args):
        return False
    return all(_same_argument(a, b) for a, b in zip(first.args, second.args, strict=True))


def _same_argument(a: Any, b: Any) -> bool:
    if isinstance(a, Node):
        return isinstance(b, Node) and same_tree(a, b)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(_same_argument(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)
