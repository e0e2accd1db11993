"""Plain math-verify as a verifier, for comparison: no reading rule, no diagnosis, no guard but a time limit."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from distil_envs.grading import isolated
from distil_envs.math.reading import read
from distil_envs.math.tokens import Unreadable
from distil_envs.math.tree import Node
from distil_envs.math.values import Undefined, to_sympy
from distil_envs.task import Task


def math_verify(task: Task, completion: str) -> bool:
    """``verify(parse(reference), parse(completion))``, as its README has it.

    The reference is handed over as LaTeX between dollars, which is what it reads best.
    """
    from math_verify import parse, verify

    return bool(verify(_gold(str(task.reference.get("answer", ""))), parse(completion)))


@lru_cache(maxsize=4096)
def _gold(answer: str) -> list[Any]:
    from math_verify import parse

    found: list[Any] = parse(f"${latex(answer)}$") or parse(answer)
    return found


def latex(answer: str) -> str:
    """A reference in plain ASCII maths as LaTeX; one that is LaTeX, or cannot be translated, as it is."""
    if "\\" in answer:
        return answer
    try:
        return _latex(read(answer).node)
    except (Unreadable, Undefined, ValueError, TypeError):
        return answer


def _latex(node: Node) -> str:
    import sympy

    match node.op:
        case "list":
            opening: str = node.args[0]
            closing: str = node.args[1] if opening else ""
            inside = [_latex(item) for item in node.items]
            if opening == "[" and all(item.op == "list" for item in node.items):
                rows = r" \\ ".join(" & ".join(map(_latex, item.items)) for item in node.items)
                return rf"\begin{{pmatrix}} {rows} \end{{pmatrix}}"
            escape = {"{": r"\{", "}": r"\}"}
            return escape.get(opening, opening) + ", ".join(inside) + escape.get(closing, closing)
        case "rel":
            operators, *sides = node.args
            written = [_latex(sides[0])]
            for operator, side in zip(operators, sides[1:], strict=True):
                written += [{"<=": r"\leq", ">=": r"\geq", "!=": r"\neq"}.get(operator, operator), _latex(side)]
            return " ".join(written)
        case "words" | "union" | "matrix" | "pm" | "unit":
            raise ValueError(node.op)
    return str(sympy.latex(to_sympy(node)))


VERIFIER = isolated(math_verify)
"""The same in a worker that is killed on time-out: its own time-outs need a main thread, which a worker has."""
