"""May the questions of tests that are code be shown to a program all at once?

A question can give the answer to an earlier one away: in ``assert candidate(candidate(x)) == x`` the second question
*is* the reference's first answer. `asks_independently` says yes only where it can see from the source that nothing a
candidate, or the reference program, returns ever becomes part of a question. It errs on the safe side: where it says
no, questions are asked one by one, which is slower and gives nothing away.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

_OPAQUE = frozenset({"eval", "exec", "globals", "locals", "vars", "getattr", "setattr"})


def asks_independently(tests: str, solution: str) -> bool:
    """Whether no answer, nor anything that ``solution`` computes, can flow into a question of ``tests``.

    What is returned may be stored in plain variables and looked at in assertions, directly in ``check``; the rules are
    those of `_keeps_to_rules`.
    """
    try:
        tree, reference = ast.parse(tests), ast.parse(solution)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    check = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "check"), None)
    if check is None or len(check.args.args) != 1:
        return False
    candidate = check.args.args[0].arg
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    modules = {
        alias.asname or alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    tainted = {candidate, *_defined(reference)}
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    if any(node.id in _OPAQUE for node in names):
        return False
    while True:
        found: set[str] = set()
        for node in names:
            if node.id in tainted and isinstance(node.ctx, ast.Load):
                target = _keeps_to_rules(node, candidate, check, parents, modules)
                if target is None:
                    return False
                found.add(target)
        if found - {""} <= tainted:
            return True
        tainted |= found - {""}


def _keeps_to_rules(
    node: ast.Name,
    candidate: str,
    check: ast.FunctionDef,
    parents: dict[ast.AST, ast.AST],
    modules: set[str],
) -> str | None:
    """The variable that takes what is computed from this name; empty where none does, None where it may go anywhere.

    It may stand in an assertion, in ``name = ...``, or the candidate's call may be a statement of its own; not in what
    a candidate is asked, and nowhere that it could be kept, renamed, looped over or decided by.
    """
    call = parents[node]
    called = isinstance(call, ast.Call) and call.func is node
    if node.id == candidate and not called:
        return None
    below: ast.AST = node
    for above in _up(node, parents):
        if isinstance(above, ast.Call) and above.func is not below and not _forgets(above, candidate, modules):
            return None
        if isinstance(above, ast.comprehension | ast.Lambda | ast.NamedExpr | ast.Yield | ast.YieldFrom | ast.Await):
            return None
        if isinstance(above, ast.stmt):
            break
        below = above
    else:
        return None
    if not _directly_in(above, check, parents):
        return None
    if isinstance(above, ast.Assert):
        return ""
    if isinstance(above, ast.Assign) and len(above.targets) == 1 and isinstance(above.targets[0], ast.Name):
        return above.targets[0].id
    return "" if isinstance(above, ast.Expr) and called and above.value is call else None


def _forgets(call: ast.Call, candidate: str, modules: set[str]) -> bool:
    """Whether what this is called with stays out of questions: a plain function or one of a module, not the candidate,
    and no method, which could keep it.
    """
    if isinstance(call.func, ast.Name):
        return call.func.id != candidate
    return (
        isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) and call.func.value.id in modules
    )


def _directly_in(statement: ast.AST, check: ast.FunctionDef, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether it belongs to ``check`` itself: to no function or class inside it, and to no handler of an exception,
    since these run or not as answers have it.
    """
    for above in _up(statement, parents):
        if above is check:
            return True
        if isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler):
            return False
    return False


def _up(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[ast.AST]:
    while node in parents:
        node = parents[node]
        yield node


def _defined(tree: ast.Module) -> Iterator[str]:
    """What the reference program defines, beside what it imports."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        else:
            yield from (
                each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
            )
