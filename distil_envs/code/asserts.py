"""Tests written as ``assert`` statements, read into tests with calls and expected values, without executing anything.

``assert f(1, [2]) == 3`` with literals on both sides becomes a call; everything else has to be run as code.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from distil_envs.errors import TaskError

Row = dict[str, Any]


def read_check(source: str, entry_point: str) -> list[Row] | None:
    """The tests of ``def check(candidate): assert candidate(...) == ...``; None when they are more than that.

    Raises TaskError for a source that does not parse or defines no ``check``.
    """
    module = _parsed(source)
    check = next((node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == "check"), None)
    if check is None or len(check.args.args) != 1:
        raise TaskError("the tests define no function check(candidate)")
    candidate = check.args.args[0].arg
    rows = []
    for statement in check.body:
        if _says_nothing(statement):
            continue
        row = _call_row(statement, candidate, entry_point)
        if row is None:
            return None
        rows.append(row)
    return rows or None


def read_asserts(asserts: Sequence[str], entry_point: str, setup: str = "") -> list[Row]:
    """One test for each assertion about ``entry_point``: a call where that says it all, else code.

    ``setup`` stands before every test that is code. Raises TaskError for one that does not parse.
    """
    rows = []
    for text in asserts:
        statements = _parsed(text).body
        row = _call_row(statements[0], entry_point, entry_point) if len(statements) == 1 else None
        rows.append(row or {"check": _check_source(text, entry_point, setup), "text": text.strip()})
    return rows


def called_function(code: str, asserts: Sequence[str]) -> str:
    """The function of ``code`` that the assertions call. Raises TaskError when they call none of its functions."""
    defined = {node.name for node in _parsed(code).body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
    for text in asserts:
        for node in ast.walk(_parsed(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in defined:
                return node.func.id
    raise TaskError(f"the tests call none of the functions of the solution ({', '.join(sorted(defined)) or 'none'})")


def _check_source(text: str, entry_point: str, setup: str) -> str:
    """The assertion as ``check``; the parameter has the name of the function that it tests."""
    body = "\n".join(f"    {line}" for line in text.strip().splitlines())
    return f"{setup.rstrip()}\ndef check({entry_point}):\n{body}\n".lstrip()


def _says_nothing(statement: ast.stmt) -> bool:
    """``assert True``, a docstring, ``pass``."""
    if isinstance(statement, ast.Pass):
        return True
    value = statement.test if isinstance(statement, ast.Assert) else getattr(statement, "value", None)
    constant = isinstance(value, ast.Constant)
    return constant and (isinstance(statement, ast.Expr) or getattr(value, "value", None) is True)


def _call_row(statement: ast.stmt, candidate: str, entry_point: str) -> Row | None:
    if not isinstance(statement, ast.Assert) or not isinstance(statement.test, ast.Compare):
        return None
    compared = statement.test
    called, wanted = compared.left, compared.comparators[0]
    if len(compared.ops) != 1 or not isinstance(compared.ops[0], ast.Eq) or not isinstance(called, ast.Call):
        return None
    if not isinstance(called.func, ast.Name) or called.func.id != candidate:
        return None
    arguments = [*called.args, *(keyword.value for keyword in called.keywords)]
    if any(keyword.arg is None for keyword in called.keywords) or not all(map(_is_literal, [*arguments, wanted])):
        return None
    renamed = ast.Call(ast.Name(entry_point), called.args, called.keywords)
    return {"call": ast.unparse(renamed), "expected": ast.unparse(wanted)}


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return False
    return True


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise TaskError(f"the code of the row does not parse: {error}") from None
