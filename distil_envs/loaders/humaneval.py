"""HumanEval: ``prompt`` (the head of a function), ``canonical_solution`` (its body), ``test`` and ``entry_point``.

The tests are private. The ``>>>`` examples of the prompt are public tests, except those that the row's own tests
contradict (HumanEval/47 does); where a value has floats, to a relative 1e-6, as the tests that are code compare.
"""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterator, Mapping
from typing import Any

from distil_envs.code.asserts import Row, read_asserts, read_check
from distil_envs.code.cases import read_literal
from distil_envs.errors import TaskError
from distil_envs.loaders.rows import field, text
from distil_envs.task import Task

INSTRUCTION = "Complete this function. Reply with the whole function in one fenced Python block."
EXAMPLE_TOLERANCE = 1e-6


def humaneval_task(row: Mapping[str, Any]) -> Task:
    """The task of one row. Raises TaskError for a row that cannot be used."""
    task_id, entry_point = text(row, "task_id"), text(row, "entry_point")
    prompt, solution, test = (_raw(row, name) for name in ("prompt", "canonical_solution", "test"))
    tests = read_check(test, entry_point)
    reference: dict[str, Any] = {
        "solution": prompt + solution,
        "entry_point": entry_point,
        "prefix": prompt,
        "public": list(_examples(prompt, entry_point, tests or [])),
    }
    reference |= {"check": test} if tests is None else {"private": tests}
    return Task(
        id=task_id,
        domain="code",
        prompt=f"{INSTRUCTION}\n\n```python\n{prompt.rstrip()}\n```",
        reference=reference,
        metadata={"family": "humaneval", "topic": "functions"},
    )


def _raw(row: Mapping[str, Any], name: str) -> str:
    """Code: its white space counts."""
    found = field(row, name)
    if not isinstance(found, str) or not found.strip():
        raise TaskError(f"no {name}; the row has {', '.join(row) or 'no fields'}")
    return found


def _examples(prompt: str, entry_point: str, tests: list[Row]) -> Iterator[Row]:
    try:
        module = ast.parse(f"{prompt}\n    pass\n")
    except SyntaxError as error:
        raise TaskError(f"the prompt is no head of a function: {error}") from None
    head = next((n for n in module.body if isinstance(n, ast.FunctionDef) and n.name == entry_point), None)
    if head is None:
        raise TaskError(f"the prompt does not begin the function {entry_point}")
    try:
        examples = doctest.DocTestParser().get_examples(ast.get_docstring(head) or "")
    except ValueError:  # its layout is not that of a doctest
        return
    known = {row["call"]: row["expected"] for row in tests}
    for example in examples:
        try:
            [row] = read_asserts([f"assert ({example.source.strip()}) == ({example.want.strip()})"], entry_point)
        except TaskError:  # prose
            continue
        if "call" not in row or known.get(row["call"], row["expected"]) != row["expected"]:
            continue
        yield {**row, "tolerance": EXAMPLE_TOLERANCE} if _has_float(read_literal(row["expected"])) else row


def _has_float(value: Any) -> bool:
    if isinstance(value, dict):
        value = [*value, *value.values()]
    return isinstance(value, float) or (isinstance(value, (list, tuple, set)) and any(map(_has_float, value)))
