"""What a task's reference asks for: read once, whatever it is written in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from distil_envs.errors import TaskError
from distil_envs.math.characters import plain
from distil_envs.math.grid import grid
from distil_envs.math.intervals import intervals_of, unsigned
from distil_envs.math.labels import after_label, members
from distil_envs.math.reading import Reading, read
from distil_envs.math.spelled import spelled
from distil_envs.math.tokens import Unreadable
from distil_envs.math.tree import Node, symbols

_WORDS = re.compile(r"[A-Za-z\s.!-]*[A-Za-z]{3}[A-Za-z\s.!-]*")
_UPRIGHT = re.compile(r"[\s$]*\\(?:text|mathrm|textbf|mbox)\s*\{([^{}]*)\}[\s$]*")
_NEARLY = re.compile(r"\\(?:approx|simeq|doteq)(?![A-Za-z])|[≈≃≅]")
_SAYS = re.compile(r"\b(?:is|are|equals)\s")
KINDS = ("integer", "rational", "expression", "set", "tuple", "matrix")


@dataclass(frozen=True)
class Question:
    """A reference that was read. See `question`."""

    text: str
    shape: str
    """scalar, set, list (items in any order, repeats counted), tuple, matrix, relation, interval, words, or text (not
    readable as mathematics: compared as text)."""
    node: Node | None = None
    label: str = ""
    variables: tuple[str, ...] = ()
    modulo_constant: bool = False
    form: str | None = None
    kind: str | None = None
    alternatives: tuple[Question, ...] = ()
    """Other ways in which the reference states the same, e.g. the interval behind an inequality."""

    @property
    def letters(self) -> frozenset[str]:
        """Names that are letters in an answer to this, whatever else they spell."""
        return frozenset(self.variables) | (symbols(self.node) if self.node else frozenset())

    @property
    def grouping(self) -> bool:
        """Whether ``1,234`` is one number in an answer to this."""
        return self.shape not in ("set", "list", "tuple", "matrix")


def question(reference: Mapping[str, Any]) -> Question:
    """Read a task's reference. Never raises for an odd answer: what is not mathematics is compared as text.

    Raises TaskError for a kind that is none of `KINDS`.
    """
    text = plain(str(reference.get("answer", ""))).strip()
    kind = reference.get("kind")
    if kind is not None and kind not in KINDS:
        raise TaskError(
            f"reference kind {kind!r} is none of maths; expected one of {', '.join(KINDS)}, or the verifier 'science'"
        )
    variables = tuple(str(name) for name in reference.get("variables") or ())
    common: dict[str, Any] = {
        "variables": variables,
        "modulo_constant": bool(reference.get("modulo_constant")),
        "form": reference.get("form"),
        "kind": kind,
    }
    grouping = kind not in ("set", "tuple", "matrix")
    found = []
    for part in [text, *_split(text)]:
        with suppress(Unreadable):
            found.append(_question(part, kind, grouping, common))
    if found:
        first = found[0]
        if kind is None and len(variables) < 2 and _may_be_interval(first):
            ends = replace(first, shape="interval")
            first, found = (ends, found) if variables else (first, [*found, ends])
        return Question(text, first.shape, first.node, first.label, alternatives=tuple(found[1:]), **common)
    return Question(text, "text", **common)


def _may_be_interval(asked: Question) -> bool:
    """Whether a pair may be meant as an open interval: ``(-3, 3)``, where no kind and no two variables say more."""
    node = asked.node
    return asked.shape == "tuple" and node is not None and len(node.items) == 2 and intervals_of(node) is not None


def _split(text: str) -> list[str]:
    """``-1<x<=1:(-1,1]`` states one thing twice."""
    parts = [part for part in text.split(":") if part.strip()]
    return parts if len(parts) == 2 and re.search(r"[<>=]|leq|geq|olution", parts[0]) else []


def _question(text: str, kind: str | None, grouping: bool, common: Mapping[str, Any]) -> Question:
    reading = read(text, grouping=grouping, variables=common["variables"])
    return Question(text, _shape(reading.node, kind), reading.node, reading.label, **common)


def _shape(node: Node, kind: str | None) -> str:
    if kind in ("set", "tuple", "matrix"):
        return str(kind)
    match node.op:
        case "words" | "matrix":
            return node.op
        case "union" | "cap" | "without":
            return "interval"
        case "rel":
            return "interval" if intervals_of(node) is not None else "relation"
        case "pm":
            return "list"
        case "list":
            opening, closing = node.args[:2]
            if opening == "":
                bounds = any(item.op == "rel" and item.args[0] != ("=",) for item in node.items)
                return "interval" if bounds and intervals_of(node) is not None else "list"
            if opening == "{":
                return "set"
            if is_matrix(node):
                return "matrix"
            open_ended = any(item.op == "const" and item.args[0] == "oo" for item in map(unsigned, node.items))
            if opening + closing != "()" or (len(node.items) == 2 and open_ended):
                return "interval" if len(node.items) == 2 else "tuple"
            return "tuple"
    return "scalar"


def is_matrix(node: Node) -> bool:
    return node.args[0] == "[" and bool(node.items) and all(i.op == "list" and i.args[0] == "[" for i in node.items)


def read_for(asked: Question, text: str) -> Reading:
    """Read an answer as the question asks for it. Raises Unreadable."""
    name = ""
    if asked.shape in ("interval", "set", "words") or any(other.shape == "interval" for other in asked.alternatives):
        name, text = members(text)
    elif asked.shape in ("scalar", "tuple", "matrix"):
        end = after_label(text, asked.variables, matrix=asked.shape == "matrix", point=asked.shape == "tuple")
        text = " " * end + text[end:]
        if asked.shape == "scalar":
            text = _before_rounding(text)
            number = _in_words(text)
            if number is not None:
                return Reading(number)
        if asked.shape == "matrix" and (rows := grid(text)) is not None:
            return Reading(rows)
    reading = read(text, grouping=asked.grouping, variables=asked.letters)
    return replace(reading, name=name) if name else reading


def _in_words(text: str) -> Node | None:
    """``There are twelve`` as 12."""
    inside = _UPRIGHT.sub(r"\1", text)
    number = spelled(_SAYS.split(inside)[-1]) if _WORDS.fullmatch(inside) else None
    return None if number is None else Node("num", (number,), (0, len(text)))


def _before_rounding(text: str) -> str:
    """``P = 5/36 ≈ 0.139`` without the rounded value; of ``x ≈ 0.139`` what follows the name."""
    first, *others = _NEARLY.split(text)
    if not others:
        return text
    if re.search(r"[\d)}π√]", first):
        return first
    return others[0].rjust(len(text)) if len(others) == 1 else text
