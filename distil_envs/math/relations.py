"""Equations and inequalities: which of them say the same."""

from __future__ import annotations

from typing import Any

from distil_envs.math.compare import proportional, same_value
from distil_envs.math.intervals import FLIP, ORDER
from distil_envs.math.tree import Node, symbols, walk
from distil_envs.math.values import Undefined, to_sympy

_NODES = 120
_DEGREE = 8
_VARIABLES = 4


def same_relation(first: Node, second: Node, *, factor: bool = True) -> bool:
    """Whether two relations have the same solutions: their sides differ by a constant factor, or, for equations between
    rational functions, they have the same numerators up to repeated factors and no denominator that adds a solution.
    Without ``factor`` they differ by a sign at most.
    """
    first, second = _ends(first), _ends(second)
    if len(first.args) != 3 or len(second.args) != 3:
        return False
    (operator,), (other,) = first.args[0], second.args[0]
    one, two = (_difference(node) for node in (first, second))
    if not factor:
        return bool(operator == other and (same_value(one, two).equal or same_value(one, _negative(two)).equal))
    if operator in ORDER:
        if other == operator:
            return proportional(one, two, positive_only=True)
        return other == FLIP[operator] and proportional(one, _negative(two), positive_only=True)
    return bool(operator == other and (proportional(one, two) or (operator == "=" and _same_zeros(first, second))))


def _ends(relation: Node) -> Node:
    """``y = 2x + 2·3 = 2x + 6`` without what stands between, if it holds."""
    operators, *sides = relation.args
    if len(sides) > 2 and set(operators) == {"="} and all(same_value(side, sides[-1]).equal for side in sides[1:-1]):
        return Node("rel", (("=",), sides[0], sides[-1]), relation.span)
    return relation


def _negative(node: Node) -> Node:
    return Node("neg", (node,), node.span)


def _difference(relation: Node) -> Node:
    left, right = relation.args[1:]
    return Node("add", (left, _negative(right)), relation.span)


def _same_zeros(first: Node, second: Node) -> bool:
    names = symbols(first)
    if (
        names != symbols(second)
        or len(names) > _VARIABLES
        or any(sum(1 for _ in walk(n)) > _NODES for n in (first, second))
    ):
        return False
    import sympy

    parts = [_factors(_difference(relation)) for relation in (first, second)]
    if parts[0] is None or parts[1] is None or parts[0][0] != parts[1][0]:
        return False
    variables = [sympy.Symbol(name) for name in sorted(names)]
    product = sympy.prod(parts[0][0])
    # A denominator must not vanish where the numerator does: x + y = xy holds at 0, and 1/x + 1/y = 1 does not. Only
    # an answer that is solved for a variable may divide, as a = F/m for F = ma.
    below = [part[1] for part in parts if part is not None]
    return all(
        not bottom.free_symbols or sympy.groebner([product, bottom], *variables).exprs == [1]
        for bottom in below[: 1 if _solved(second) else 2]
    )


def _solved(relation: Node) -> bool:
    left, right = relation.args[1:]
    return any(a.op == "sym" and a.args[0] not in symbols(b) for a, b in ((left, right), (right, left)))


def _factors(node: Node) -> tuple[frozenset[Any], Any] | None:
    """The distinct factors of the numerator, and the denominator, of a rational function; None for any other."""
    import sympy

    try:
        above, below = sympy.fraction(sympy.together(to_sympy(node)))
        variables = sorted(above.free_symbols | below.free_symbols, key=str)
        polynomials = [sympy.Poly(part, *variables, domain="QQ") for part in (above, below)] if variables else []
        if not polynomials or any(part.total_degree() > _DEGREE for part in polynomials):
            return None
        return frozenset(part.monic().as_expr() for part, _ in polynomials[0].factor_list()[1]), below
    except (Undefined, sympy.PolynomialError, sympy.CoercionFailed):
        return None
