"""Single values: which part of an answer is the value, and whether it is the one that is asked for."""

from __future__ import annotations

from fractions import Fraction

from distil_envs.math.compare import Verdict, same_value
from distil_envs.math.question import Question
from distil_envs.math.tree import Node, rebuild, symbols, walk
from distil_envs.math.values import exact
from distil_envs.math.vocabulary import UNITS

_PARTS = {"%": 100, "‰": 1000}


def single(asked: Question, node: Node) -> Node | None:
    """The one value that an answer gives: itself, or the right side of ``x = …`` or of a chain of equals."""
    if node.op == "list" and node.args[0] in ("{", "[") and len(node.items) == 1:
        node = node.items[0]
    if node.op == "rel":
        return _right_side(asked, node)
    if node.op in ("list", "matrix", "union", "cap", "without", "words", "pm"):
        return None
    return node


def named_otherwise(asked: Question, name: str) -> bool:
    """Whether a name is not among those that are solved for."""
    return bool(asked.variables) and name not in asked.variables and name.partition("_")[0] not in asked.variables


def _right_side(asked: Question, node: Node) -> Node | None:
    operators, *sides = node.args
    if set(operators) != {"="}:
        return None
    value: Node = sides[-1]
    constant = asked.node is not None and not symbols(asked.node)
    for side in sides[:-1]:
        if side.op == "sym":
            if (constant and named_otherwise(asked, side.args[0])) or (
                side.args[0] in symbols(value) and side.args[0] in asked.variables
            ):
                return None
        elif exact(side) is not None and exact(value) is not None:
            # 3 + 4 = 8 states 8; 5 = 6 states nothing.
            if side.op in ("num", "neg") and exact(side) != exact(value):
                return None
        elif not same_value(side, value).equal:
            return None
    return value


def same_scalar(reference: Node, answer: Node, asked: Question) -> Verdict:
    """Compare two values. Units count where both sides state one that is known."""
    reference, unit = _without_unit(reference)
    answer, given = _without_unit(answer)
    known = set(UNITS.values())
    if unit in known and given in known and unit != given and not {unit, given} <= set(_PARTS):
        return Verdict(False)
    if asked.modulo_constant:
        return same_value(reference, _without_constant(answer, asked, reference), up_to_constant=True)
    verdict = same_value(reference, answer)
    if unit == given or not {unit, given} & set(_PARTS):
        if given == "°" and not unit and not verdict.equal and any(part.args == ("pi",) for part in walk(reference)):
            turned = Node("mul", (answer, Node("const", ("pi",), answer.span), _number(Fraction(1, 180))), answer.span)
            return same_value(reference, turned)
        return verdict
    scaled = Node("mul", (answer, _number(Fraction(_PARTS.get(unit, 1), _PARTS.get(given, 1)))), answer.span)
    value = exact(reference)
    if unit in _PARTS and not given:
        in_parts = True  # 25 for 25 %
    else:  # 25 % for 25, which must be meant in per cent; never 0.75 % for 3/4
        in_parts = not unit and given == "%" and value is not None and abs(value) > 1 and reference.op in ("num", "neg")
    if verdict.equal and in_parts:
        return verdict
    return same_value(reference, scaled)


def _number(value: Fraction) -> Node:
    return Node("num", (value,), (0, 0))


def _without_unit(node: Node) -> tuple[Node, str]:
    return (node.args[0], node.args[1]) if node.op == "unit" else (node, "")


def _without_constant(node: Node, asked: Question, reference: Node) -> Node:
    """The constant of integration takes one fixed value, so that only an added constant drops out."""
    free = {"C", "c", "K", "k"} - symbols(reference) - set(asked.variables)

    def fix(part: Node) -> Node:
        return Node("num", (Fraction(37, 11),), part.span) if part.op == "sym" and part.args[0] in free else part

    return rebuild(node, fix)
