r"""From the text of an answer or reference to a tree in which names have their meaning.

Our own parser first. LaTeX that it does not know (``\int``, ``\sum``, …) goes to math-verify's reader of LaTeX, and
what comes back is taken only when every letter and number of the text is found in it: that reader stops silently at
what it cannot read.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from distil_envs.math.parser import parse
from distil_envs.math.tokens import Unreadable
from distil_envs.math.tree import Node, rebuild, walk

_LABEL = re.compile(
    r"\s*\$*\s*((?:[A-Za-z](?:'{1,3}|\^\s*\{?\s*-\s*1\s*\}?|\^\s*\{?\\prime\}?)?\s*\(\s*[A-Za-z]\s*\)"
    r"|[A-Za-z]'{1,3}|d[a-z]/d[a-z]|\\d?frac\{d[a-z]?\}\{d[a-z]\}))\s*=(?!=)"
)
_PHRASES = {
    "empty": ("empty", "empty set", "no solution", "no solutions", "no real solution", "no real solutions", "none"),
    "reals": ("reals", "all real numbers", "all reals", "any real number", "real numbers", "r", "ℝ"),
    "infinite": (
        "infinite number of solutions", "infinitely many solutions", "infinite solutions", "infinitely many",
    ),
    "undefined": ("undefined", "not defined", "does not exist", "dne"),
    "yes": ("yes", "true"),
    "no": ("no", "false"),
}  # fmt: skip
_NOTHING = re.compile(
    r"(?:[a-z ]+ )?(?:no (?:real |such |valid |possible )?(?:solutions?|roots?|values?)(?: exists?| at all)?|is empty)"
)
_CANONICAL = {spelling: name for name, spellings in _PHRASES.items() for spelling in spellings}


@dataclass(frozen=True)
class Reading:
    """A text that was read."""

    node: Node
    label: str = ""
    """The function on the left of ``f(x) = …``, without white space; the node is then what stands on the right."""
    name: str = ""
    """The ``x`` of ``x ∈ S`` and of a set ``{x | …}``; the node is then what is said of it."""


def read(text: str, *, grouping: bool = True, variables: Collection[str] = ()) -> Reading:
    """Read ``text``. ``e`` and ``i`` are Euler's number and the imaginary unit unless they are among ``variables``.

    Raises Unreadable.
    """
    match = _LABEL.match(text)
    skipped = match.end() if match else 0
    try:
        node = parse(" " * skipped + text[skipped:], grouping=grouping, known=variables)
    except Unreadable:
        node = _math_verify(text[skipped:])
    label = "".join(match.group(1).split()) if match else ""

    def meaning(part: Node) -> Node:
        if part.op == "sym" and part.args[0] in ("e", "i") and part.args[0] not in variables:
            return Node("const", part.args, part.span)
        if part.op == "words":
            return Node("words", (phrase(part.args[0]),), part.span)
        return part

    return Reading(rebuild(node, meaning), label)


def phrase(text: str) -> str:
    """Words in one spelling: lower case, no punctuation, synonyms folded."""
    plain = " ".join(re.sub(r"\\(?:text|mathrm|mbox)|[^\w\s]|_", " ", text.casefold()).split())
    if _NOTHING.fullmatch(plain) and "not" not in plain.split():
        return "empty"
    return _CANONICAL.get(re.sub(r"^(?:there (?:is|are)|the|an?) ", "", plain), plain)


def known_phrase(text: str) -> bool:
    """Whether words (as folded by `phrase`) are an answer by themselves, like ``no solution``."""
    return text in _PHRASES


def plain_text(text: str) -> str:
    """An answer as text: without dollars, full stop, and spaces other than those between digits."""
    words = re.sub(r"\\(?:mathrm|text|mbox)\s*\{([^{}]*)\}", r"\1", text)
    bare = re.sub(r"\\(?:left|right|quad)(?![A-Za-z])|\\[,;! ]|[$~]", "", words)
    return re.sub(r"(?<!\d) | (?!\d)", "", " ".join(bare.split())).rstrip(".")


def _math_verify(text: str) -> Node:
    if not re.search(r"\\(?:int|sum|prod|lim|overline)(?![A-Za-z])", text):
        parse(text)  # raises with the place
    whole = (0, len(text))
    if re.search(r"!|\d{7}|\^\s*\{?\s*\d+\s*\^|\^\s*\{?\s*\d{4}", text):
        raise Unreadable("such large numbers are not read here", whole)  # the reader would work them out
    import sympy
    from latex2sympy2_extended import latex2sympy

    inside = text.replace("$", " ").strip()
    try:
        expression = latex2sympy(inside)
        value = expression.doit()
    except Exception:  # the reader raises whatever its parts raise
        raise Unreadable("it could not be read", whole) from None
    if not isinstance(expression, sympy.Expr) or not isinstance(value, sympy.Expr):
        raise Unreadable("it is no value", whole)
    if not _complete(inside, expression):
        raise Unreadable("a part of it could not be read", whole)
    return Node("sympy", (value,), whole)


def _complete(text: str, expression: Any) -> bool:
    """Whether all letters and numbers of the text are in the expression."""
    import sympy

    bare = re.sub(r"\\[A-Za-z]+", " ", text)
    letters = set(re.findall(r"[A-Za-z]", re.sub(r"\bd(?=\s*[a-z]\b)", " ", bare)))
    names = {str(symbol)[0] for symbol in expression.atoms(sympy.Symbol)} | {"e", "i"}
    numbers = sum(1 for _ in re.findall(r"\d+", bare))
    leaves = sum(
        1 for part in sympy.preorder_traversal(expression) if part.is_Atom and getattr(part, "is_number", False)
    )
    return letters <= names and numbers <= leaves


def has(node: Node, *ops: str) -> bool:
    """Whether a node of one of these kinds stands anywhere in the tree."""
    return any(part.op in ops for part in walk(node))
