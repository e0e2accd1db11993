"""Whether a right value is written in the form that is asked for."""

from __future__ import annotations

from fractions import Fraction
from math import gcd

from distil_envs.math.question import Question
from distil_envs.math.tree import Node, same_tree, symbols, walk
from distil_envs.math.values import Undefined, exact, to_sympy
from distil_envs.outcome import Diagnosis, Span

_LARGEST_BASE = 1_000
_SLACK = 2
"""Nodes that a simplified expression may have more than the reference, for another order or sign."""


def form_fault(asked: Question, node: Node | None, span: Span) -> Diagnosis | None:
    """What is wrong with the form of an answer whose value is right; None when nothing is, or none is asked for."""
    if asked.form is None or node is None or asked.node is None:
        return None
    if asked.form == "simplified":
        return _simplified(asked.node, node, span)
    if asked.form == "expanded" and not _is_expanded(node):
        return _fault("wrong-form", "The value is right but it is not multiplied out and collected.", span)
    if asked.form == "factored" and not _is_factored(node):
        return _fault("wrong-form", "The value is right but it is not factored completely.", span)
    return None


def _fault(code: str, message: str, span: Span) -> Diagnosis:
    # The right value is in the answer already, so saying so reveals it.
    return Diagnosis(code, message, reveals_reference=True, span=span)


def _simplified(reference: Node, node: Node, span: Span) -> Diagnosis | None:
    if exact(node) is None:
        if _roots_taken(reference) and not _roots_taken(node):
            return _fault("not-simplified", "The value is right but a root can be drawn or terms be collected.", span)
        if sum(1 for _ in walk(node)) <= sum(1 for _ in walk(reference)) + _SLACK:
            return None
        return _fault("not-simplified", "The value is right but it can be written more simply.", span)
    if any(part.decimals >= 0 for part in walk(node)) and not any(part.decimals >= 0 for part in walk(reference)):
        return _fault("wrong-form", "The value is right but a fraction or integer is asked for, not a decimal.", span)
    if _in_lowest_terms(node):
        return None
    return _fault("not-simplified", "The value is right but it is not in lowest terms.", span)


def _roots_taken(node: Node) -> bool:
    """Whether roots are of integers without powers in them, and no like terms and no common factors are left."""
    for part in walk(node):
        if part.op == "root":
            degree, inside = exact(part.args[0]), exact(part.args[1])
            if degree is not None and inside is not None and not _power_free(inside, degree):
                return False
        elif part.op == "mul":
            numbers = [exact(factor.args[0] if factor.op == "inv" else factor) for factor in part.args]
            above = [n for n, factor in zip(numbers, part.args, strict=True) if n is not None and factor.op != "inv"]
            below = [n for n, factor in zip(numbers, part.args, strict=True) if n is not None and factor.op == "inv"]
            if len(above) > 1 or len(below) > 1 or any(gcd(int(a), int(b)) > 1 for a in above for b in below):
                return False
        elif part.op == "add":
            kinds = [_without_numbers(term) for term in part.args]
            if any(same_tree(a, b) for place, a in enumerate(kinds) for b in kinds[:place]):
                return False
    return True


def _power_free(inside: Fraction, degree: Fraction) -> bool:
    if inside.denominator != 1 or degree.denominator != 1:
        return False
    size, power = abs(int(inside)), int(degree)
    return all(size % base**power for base in range(2, _LARGEST_BASE) if base**power <= size)


def _without_numbers(term: Node) -> Node:
    """What a term is a multiple of."""
    if term.op == "neg":
        return _without_numbers(term.args[0])
    one = Node("num", (Fraction(1),), (0, 0))
    factors = [part for part in (term.args if term.op == "mul" else (term,)) if exact(part) is None]
    return factors[0] if len(factors) == 1 else Node("mul", tuple(factors), (0, 0)) if factors else one


def _in_lowest_terms(node: Node) -> bool:
    if node.op == "neg":
        return _in_lowest_terms(node.args[0])
    if node.op == "num":
        return True
    if node.op == "add" and len(node.args) == 2:  # a mixed number
        whole, part = node.args
        return bool(whole.op == "num" and part.op == "mul" and _in_lowest_terms(part))
    if node.op != "mul" or len(node.args) != 2 or node.args[1].op != "inv":
        return False
    above, below = node.args[0], node.args[1].args[0]
    above = above.args[0] if above.op == "neg" else above
    if above.op != "num" or below.op != "num":
        return False
    numbers = (above.args[0], below.args[0])
    return all(n.denominator == 1 for n in numbers) and numbers[1] > 1 and gcd(*(int(n) for n in numbers)) == 1


def _is_expanded(node: Node) -> bool:
    monomials = []
    for term in node.args if node.op == "add" else (node,):
        powers = _monomial(term)
        if powers is None:
            return False
        monomials.append(powers)
    return len(set(monomials)) == len(monomials)


def _monomial(node: Node) -> tuple[tuple[str, str], ...] | None:
    """The powers of a product of numbers and variables; None for a product with a sum in it."""
    powers: dict[str, str] = {}
    factors = [node]
    while factors:
        factor = factors.pop()
        if factor.op == "neg":
            factors.append(factor.args[0])
        elif factor.op == "mul":
            factors.extend(factor.args)
        elif exact(factor) is not None:
            continue
        else:
            base, exponent = (factor.args[0], str(exact(factor.args[1]))) if factor.op == "pow" else (factor, "1")
            if base.op == "add" or str(base.args) in powers:
                return None
            powers[str(base.args[0])] = exponent
    return tuple(sorted(powers.items()))


def _is_factored(node: Node) -> bool:
    import sympy

    factors: list[tuple[Node, int]] = []
    open_factors = [(node, 1)]
    while open_factors:
        factor, times = open_factors.pop()
        if factor.op == "neg":
            open_factors.append((factor.args[0], times))
        elif factor.op == "mul":
            open_factors.extend((arg, times) for arg in factor.args)
        elif factor.op == "pow" and (power := exact(factor.args[1])) is not None and power.denominator == 1:
            open_factors.append((factor.args[0], times * int(power)))
        elif symbols(factor):
            factors.append((factor, times))
    try:
        expressions = [(to_sympy(factor), times) for factor, times in factors]
        for expression, _ in expressions:
            content, parts = sympy.factor_list(expression)
            if len(parts) != 1 or parts[0][1] != 1 or (content.is_Integer and abs(content) != 1):
                return False
    except (Undefined, sympy.PolynomialError):
        return False
    return True
