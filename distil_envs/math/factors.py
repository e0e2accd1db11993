"""The lower half of the parser: a cursor over tokens, powers, roots, functions, brackets and matrices."""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from typing import NoReturn

from distil_envs.math.tokens import Token, Unreadable
from distil_envs.math.tree import Node
from distil_envs.math.vocabulary import UNITS

MAX_DEPTH = 40
MAX_FACTORIALS = 12
_DEGREES = {"sqrt": 2, "cbrt": 3, "fourth root": 4}
_ALIASES = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "binomial": "binom", "ceiling": "ceil", "Abs": "abs",
}  # fmt: skip
_OF_ANGLES = ("sin", "cos", "tan", "cot", "sec", "csc")


class Factors(ABC):
    """Reads powers and what they are made of; `distil_envs.math.parser` reads what is made of them."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.factorials = 0
        self.bars = 0  # absolute values that are open: a bar closes one before it opens another

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def is_op(self, *texts: str) -> bool:
        return self.token.kind == "op" and self.token.text in texts

    def take(self) -> Token:
        token = self.token
        if token.kind != "stop":
            self.at += 1
        return token

    def expect(self, kind: str, *texts: str) -> Token:
        token = self.token
        if token.kind != kind or (texts and token.text not in texts):
            self.fail(f"{' or '.join(texts) or 'the end'} was expected")
        return self.take()

    def fail(self, message: str) -> NoReturn:
        token = self.token
        raise Unreadable(message, (token.start, max(token.end, token.start)))

    def span(self, start: int) -> tuple[int, int]:
        return (start, self.tokens[self.at - 1].end)

    @abstractmethod
    def sum(self) -> Node: ...

    @abstractmethod
    def union(self) -> Node: ...

    @abstractmethod
    def sequence(self) -> Node: ...

    def upright(self) -> bool:
        r"""Whether a word is letters set upright (``\mathrm{gb}`` for g·b) and not a unit or a word."""
        token = self.token
        letters = token.kind == "word" and token.text.isascii() and token.text.isalpha() and len(token.text) <= 2
        length = token.end - token.start
        before = self.tokens[self.at - 1] if self.at else None
        if before is not None and before.text in "})]" and before.text and token.text.lower() in UNITS:
            return False
        return letters and length > len(token.text) and (before is None or before.kind not in ("number", "constant"))

    def signed(self) -> Node:
        start = self.token.start
        signs = 0
        outer = None
        while self.is_op("+", "-", "+-", "-+"):
            operator = self.take().text
            if operator in ("+-", "-+"):
                if outer is not None:
                    self.fail("two signs ± follow each other")
                outer = 1 if operator == "+-" else -1
            signs += operator == "-"
        node = self.power()
        if signs % 2:
            node = Node("neg", (node,), self.span(start))
        if outer is not None:
            node = Node("pm", (node, outer), self.span(start))
        return node

    def power(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail("it is nested too deeply")
        start = self.token.start
        node = self.postfix(self.primary(), start)
        if self.is_op("^"):
            self.take()
            if self.is_op("°"):  # 90^\circ
                self.take()
                node = Node("unit", (node, "°"), self.span(start))
            elif self.is_op("{") and self.tokens[self.at + 1].text == "°":
                self.at += 2
                self.expect("op", "}")
                node = Node("unit", (node, "°"), self.span(start))
            else:
                exponent = self.group() if self.is_op("{") else self.signed()
                node = Node("pow", (node, exponent), self.span(start))
        self.depth -= 1
        return node

    def postfix(self, node: Node, start: int) -> Node:
        while self.is_op("!"):
            self.factorials += 1
            if node.op == "fact" or self.factorials > MAX_FACTORIALS:
                self.fail("so many factorials are not read")
            self.take()
            node = Node("fact", (node,), self.span(start))
        return node

    def primary(self) -> Node:
        token = self.take()
        span = (token.start, token.end)
        match token.kind:
            case "number":
                return _number(token)
            case "vulgar":
                return Node("num", (Fraction(token.text),), span)
            case "symbol":
                return self.symbol(token)
            case "constant":
                return Node("const", (token.text,), span)
            case "function":
                return self.call(token)
            case "command":
                return self.command(token)
            case "open":
                return self.bracket(token)
            case "begin":
                return self.matrix(token)
            case "word":
                letters = tuple(Node("sym", (letter,), span) for letter in token.text)
                return letters[0] if len(letters) == 1 else Node("mul", letters, span)
        if token.text == "|" and token.kind == "op":
            self.bars += 1
            inner = self.nested()
            self.expect("op", "|")
            self.bars -= 1
            return Node("call", ("abs", inner), self.span(token.start))
        if token.text == "{" and token.kind == "op":
            self.at -= 1
            return self.group()
        raise Unreadable("a value was expected", span)

    def symbol(self, token: Token) -> Node:
        name = token.text
        if self.is_op("_"):
            self.take()
            if self.is_op("{"):
                self.take()
                parts = []
                while self.token.kind in ("number", "symbol", "word"):
                    parts.append(self.take().text)
                self.expect("op", "}")
                name += "_" + "".join(parts)
            elif self.token.kind in ("number", "symbol"):
                name += "_" + self.take().text
            else:
                self.fail("an index was expected")
        return Node("sym", (name,), self.span(token.start))

    def group(self) -> Node:
        self.expect("op", "{")
        node = self.nested()
        self.expect("op", "}")
        return node

    def nested(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail("it is nested too deeply")
        node = self.over(self.sum())
        self.depth -= 1
        return node

    def over(self, above: Node) -> Node:
        r"""The fraction of TeX's ``{above \over below}``, or ``above`` alone."""
        if not self.is_op("over"):
            return above
        self.take()
        below = self.sum()
        return Node("mul", (above, Node("inv", (below,), below.span)), (above.span[0], below.span[1]))

    def argument(self) -> Node:
        r"""An argument of a LaTeX command: a group, or a single digit or letter (``\frac12``)."""
        if self.is_op("{"):
            return self.group()
        token = self.token
        if token.kind == "open" and token.text == "{":
            self.take()
            node = self.nested()
            self.expect("close", "}")
            return node
        if token.kind == "number" and token.text.isdigit() and len(token.text) > 1:
            # Split the token: \frac12 is one half.
            first = Token("number", token.text[0], token.start, token.start + 1)
            self.tokens[self.at] = Token("number", token.text[1:], token.start + 1, token.end)
            return _number(first)
        return self.primary()

    def command(self, token: Token) -> Node:
        if token.text in _DEGREES:
            degree = Node("num", (Fraction(_DEGREES[token.text]),), token_span(token))
            if self.token.kind == "open" and self.token.text == "[":
                self.take()
                degree = self.nested()
                self.expect("close", "]")
            inside = self.primary() if self.token.kind == "open" else self.argument()
            return Node("root", (degree, inside), self.span(token.start))
        first, second = self.argument(), self.argument()
        span = self.span(token.start)
        if token.text == "binom":
            return Node("call", ("binom", first, second), span)
        return Node("mul", (first, Node("inv", (second,), second.span)), span)

    def call(self, token: Token) -> Node:
        name = _ALIASES.get(token.text, token.text)
        base = exponent = None
        if self.is_op("_"):
            self.take()
            base = self.argument()
        if self.is_op("^"):
            self.take()
            exponent = self.group() if self.is_op("{") else self.signed()
        if self.token.kind == "open" and self.token.text == "(":
            self.take()
            inner = self.sequence()
            self.expect("close", ")")
            arguments = inner.items if inner.op == "list" and inner.args[0] == "" else (inner,)
        elif self.is_op("{"):
            arguments = (self.group(),)
        else:
            arguments = (self.bare_argument(),)
        if name in _OF_ANGLES:
            arguments = tuple(map(_radians, arguments))
        node = self.applied(name, base, arguments, token)
        if exponent is None:
            return node
        if exponent.op == "neg" and exponent.args[0].op == "num" and name in ("sin", "cos", "tan"):
            return Node("call", ("arc" + name, *arguments), self.span(token.start))
        return Node("pow", (node, exponent), self.span(token.start))

    def applied(self, name: str, base: Node | None, arguments: tuple[Node, ...], token: Token) -> Node:
        span = self.span(token.start)
        if len(arguments) != (2 if name in ("binom", "gcd", "lcm") else 1):
            raise Unreadable(f"{name} with {len(arguments)} arguments is not read", span)
        if name == "factorial":
            return Node("fact", arguments, span)
        if name in ("sqrt", "cbrt"):
            degree = Node("num", (Fraction(2 if name == "sqrt" else 3),), token_span(token))
            return Node("root", (degree, *arguments), span)
        if base is not None or name == "lg":
            base = base or Node("num", (Fraction(10),), span)
            below = Node("inv", (Node("call", ("ln", base), span),), span)
            return Node("mul", (Node("call", ("ln", *arguments), span), below), span)
        return Node("call", ("ln" if name == "log" else name, *arguments), span)

    def bare_argument(self) -> Node:
        start = self.token.start
        if self.is_op("|"):
            return self.primary()
        factors = [self.signed()]
        while self.token.kind in ("symbol", "constant"):
            factors.append(self.power())
        if self.is_op("/") and self.tokens[self.at + 1].kind == "number" and factors[-1].op in ("const", "num"):
            self.take()
            below = self.power()
            factors.append(Node("inv", (below,), below.span))
        node = factors[0] if len(factors) == 1 else Node("mul", tuple(factors), self.span(start))
        if self.is_op("°"):
            self.take()
            node = Node("unit", (node, "°"), self.span(start))
        return node

    def bracket(self, token: Token) -> Node:
        if self.token.kind == "close":
            return Node("list", (token.text, self.take().text), self.span(token.start))
        inner = self.sequence()
        fraction = token.text == "{" and self.is_op("over")
        inner = self.over(inner)
        close = self.expect("close", ")", "]", "}").text
        span = self.span(token.start)
        if fraction or (token.text == "[" and close == "]" and inner.op == "matrix"):
            return inner
        loose = inner.op == "list" and inner.args[0] == ""
        if not loose and token.text == "(" and close == ")":
            return inner if inner.op in ("num", "sym", "const") else Node(inner.op, inner.args, span)
        if not loose and token.text == "{" and self.is_op("^", "/", "*", "over"):
            return inner  # {x}^2
        if not loose and token.text == "[" and close == "]" and inner.op not in ("list", "rel"):
            return Node("list", ("[", "]", inner), span)
        return Node("list", (token.text, close, *(inner.items if loose else (inner,))), span)

    def matrix(self, token: Token) -> Node:
        rows: list[list[Node]] = [[]]
        while self.token.kind != "end":
            rows[-1].append(self.union())
            if self.is_op(",", ";") and self.tokens[self.at + 1].kind in ("rowsep", "end"):
                self.take()
            if self.token.kind == "colsep":
                self.take()
            elif self.token.kind == "rowsep":
                self.take()
                if self.token.kind != "end":
                    rows.append([])
            elif self.token.kind != "end":
                self.fail("the matrix does not go on here")
        self.take()
        span = self.span(token.start)
        if token.text == "vmatrix":
            raise Unreadable("determinants are not worked out here", span)
        if token.text in ("cases", "aligned", "gathered") and all(len(row) == 1 for row in rows):  # a system
            return Node("list", ("", "and", *(row[0] for row in rows)), span)
        return Node("matrix", tuple(tuple(row) for row in rows), span)


def _radians(angle: Node) -> Node:
    if angle.op != "unit" or angle.args[1] != "°":
        return angle
    parts = (angle.args[0], Node("const", ("pi",), angle.span), Node("num", (Fraction(1, 180),), angle.span))
    return Node("mul", parts, angle.span)


def token_span(token: Token) -> tuple[int, int]:
    return (token.start, token.end)


def _number(token: Token) -> Node:
    mantissa = token.text.lower().partition("e")
    decimals = len(mantissa[0].partition(".")[2]) if "." in mantissa[0] else -1
    if len(mantissa[2]) > 4:
        raise Unreadable("the exponent is too large", token_span(token))
    return Node("num", (Fraction(token.text),), token_span(token), decimals)
