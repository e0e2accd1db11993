"""From text to a tree, in linear time and bounded depth, without sympy.

Reads plain ASCII, Unicode and the LaTeX that answers are written in. A text is read to its end or not at all: there is
no partial reading for a wrong answer to hide behind. What is not known here (integrals, sums, limits) is tried on
math-verify's reader by `distil_envs.math.reading`.
"""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction

from distil_envs.math.factors import MAX_DEPTH, Factors
from distil_envs.math.tokens import Token, Unreadable, tokenize
from distil_envs.math.tree import Node
from distil_envs.math.values import exact
from distil_envs.math.vocabulary import UNITS

_MAX_ITEMS = 200
_RELATIONS = ("=", "<", ">", "<=", ">=", "!=")


def parse(text: str, *, grouping: bool = True, known: Collection[str] = ()) -> Node:
    """The tree of ``text``. ``grouping``, ``known``: see `tokenize`. Raises Unreadable with the offending span."""
    if len(text) > 4_000:
        raise Unreadable("it is too long for an answer", (4_000, len(text)))
    parser = _Parser(tokenize(text, grouping=grouping, known=known))
    node = parser.over(parser.sequence())
    parser.expect("stop")
    return node


class _Parser(Factors):
    def sequence(self) -> Node:
        """Items between commas, semicolons, ``and``, ``or``. One item alone is itself, not a list."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail("it is nested too deeply")
        start = self.token.start
        items = [self.union()]
        joints = set()
        while self.is_op(",", ";", "and", "or"):
            joints.add(self.take().text)
            while self.is_op("and", "or"):
                joints.add(self.take().text)
            if self.token.kind in ("stop", "close"):
                self.fail("an item is missing")
            if self.token.kind == "dots":
                items += self.between(items)
            else:
                items.append(self.predicate(items[-1]) if self.is_op(*_RELATIONS) else self.union())
        self.depth -= 1
        if len(items) == 1:
            return items[0]
        joint = " ".join(sorted(joints & {"and", "or"}))
        return Node("list", ("", joint, *items), self.span(start))

    def between(self, before: list[Node]) -> list[Node]:
        """What the dots of ``1, 2, …, 5`` stand for, and the item behind them: integers at equal distances."""
        self.take()
        while self.is_op(",", "and"):
            self.take()
        last = self.union()
        values = [exact(node) for node in (*before, last)]
        first, *others = [value for value in values if value is not None and value.denominator == 1]
        step = others[0] - first if len(before) > 1 else Fraction(1)
        expected = [first + step * place for place in range(len(before))]
        count = (others[-1] - expected[-1]) / step if others and step else Fraction(0)
        if len(others) != len(before) or expected != [first, *others[:-1]] or not 1 <= count <= _MAX_ITEMS or count % 1:
            self.fail("it is not clear what the dots stand for")
        return [Node("num", (expected[-1] + step * (place + 1),), last.span) for place in range(int(count))]

    def predicate(self, before: Node) -> Node:
        """``and < 5`` behind ``x > 1``: said of the same ``x``."""
        if before.op != "rel" or len(before.args) != 3:
            self.fail("a value was expected")
        start = self.token.start
        operator, side = self.take().text, self.value()
        return Node("rel", ((operator,), before.args[1], side), self.span(start))

    def union(self) -> Node:
        """Sets joined by ``∪``, ``∩`` and ``∖``, from left to right."""
        start = self.token.start
        node = self.relation()
        while (operator := self.joint(node)) is not None:
            self.take()
            part = self.relation()
            parts = (*node.args, part) if operator == node.op == "union" else (node, part)
            node = Node(operator, parts, self.span(start))
        return node

    def joint(self, before: Node) -> str | None:
        """The set operation that stands here; ``U`` and ``-`` are ones behind sets only."""
        if self.is_op("cup") or (self.is_op("U") and before.op in ("list", "union")):
            return "union"
        if self.is_op("cap", "without"):
            return self.token.text
        return "without" if self.is_op("-") and before.op == "words" and before.args[0] == "reals" else None

    def relation(self) -> Node:
        start = self.token.start
        sides, operators = [self.value()], []
        while self.is_op(*_RELATIONS):
            operators.append(self.take().text)
            sides.append(self.value())
        if not operators:
            return sides[0]
        return Node("rel", (tuple(operators), *sides), self.span(start))

    def value(self) -> Node:
        """A sum with the unit behind it; or words."""
        start = self.token.start
        if self.token.kind == "word" and not self.upright():
            words = ""
            while self.token.kind in ("word", "symbol", "number", "function"):
                words += " " * self.token.spaced + self.take().text
            return Node("words", (words.strip(),), self.span(start))
        return self.unit(self.sum(), start)

    def unit(self, node: Node, start: int) -> Node:
        name = ""
        while self.token.kind == "word" or self.is_op("%", "‰", "°") or (name and self.is_op("/", "^")):
            token = self.take()
            if token.text == "/" and self.token.kind == "symbol":
                token = Token("op", "/" + self.take().text, token.start, token.end)
            elif token.text == "^":
                braced = self.is_op("{")
                if braced:
                    self.take()
                token = Token("op", "^" + self.expect("number").text, token.start, token.end)
                if braced:
                    self.expect("op", "}")
            word = token.text.lower().strip()
            name += UNITS.get(word, word)
        return Node("unit", (node, name), self.span(start)) if name else node

    def sum(self) -> Node:
        start = self.token.start
        terms = [self.product()]
        while self.is_op("+", "-", "+-", "-+"):
            operator = self.take().text
            term = self.product()
            span = (term.span[0], term.span[1])
            if operator == "-":
                term = Node("neg", (term,), span)
            elif operator != "+":
                term = Node("pm", (term, 1 if operator == "+-" else -1), span)
            terms.append(term)
        return terms[0] if len(terms) == 1 else Node("add", tuple(terms), self.span(start))

    def product(self) -> Node:
        start = self.token.start
        factors = [self.signed()]
        while True:
            if self.is_op("*"):
                self.take()
                factors.append(self.signed())
            elif self.is_op("/"):
                self.take()
                divisor = self.signed()
                factors.append(Node("inv", (divisor,), divisor.span))
            elif self.starts_factor():
                factors.append(self.juxtaposed(factors))
            else:
                break
        return factors[0] if len(factors) == 1 else Node("mul", tuple(factors), self.span(start))

    def juxtaposed(self, factors: list[Node]) -> Node:
        r"""A factor without a sign before it; ``4 4/9``, ``4\frac{4}{9}`` and ``4½`` are mixed numbers."""
        before, token = factors[-1], self.token
        if before.op == "neg" and len(factors) == 1 and before.args[0].op == "num":  # -4 4/9 is -(4 4/9)
            positive = [before.args[0]]
            factor = self.juxtaposed(positive)
            if positive:
                return factor
            factors.pop()
            return Node("neg", (factor,), (before.span[0], factor.span[1]))
        whole = before.op == "num" and before.decimals < 0 and before.args[0].denominator == 1
        if token.kind == "number" and before.op == "fact":
            return self.power()
        if token.kind in ("number", "vulgar"):
            if not whole or not (token.spaced or token.kind == "vulgar") or len(factors) > 1:
                self.fail("two numbers follow each other")
            part = self.power()
            if token.kind == "number":
                if not self.is_op("/") or self.tokens[self.at + 1].kind != "number":
                    raise Unreadable("two numbers follow each other", (token.start, token.end))
                self.take()
                below = self.power()
                part = Node("mul", (part, Node("inv", (below,), below.span)), (part.span[0], below.span[1]))
            factors.pop()
            return Node("add", (before, part), (before.span[0], part.span[1]))
        factor = self.power()
        if whole and len(factors) == 1 and token.text == "frac" and _proper(factor):
            factors.pop()
            return Node("add", (before, factor), (before.span[0], factor.span[1]))
        return factor

    def starts_factor(self) -> bool:
        token = self.token
        return token.kind in (
            "number", "vulgar", "symbol", "function", "constant", "command", "open", "begin",
        ) or self.is_op("{") or (self.is_op("|") and not self.bars) or self.upright()  # fmt: skip


def _proper(node: Node) -> bool:
    if node.op != "mul" or len(node.args) != 2 or node.args[1].op != "inv":
        return False
    above, below = node.args[0], node.args[1].args[0]
    return bool(above.op == below.op == "num" and 0 < above.args[0] < below.args[0])
