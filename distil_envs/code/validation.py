"""Is a code task sound? Its reference passes, an empty answer fails, wrong solutions fail as their rows say, twice."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from distil_envs.code.cases import Suite, suite_of
from distil_envs.code.compare import shown
from distil_envs.code.running import Result
from distil_envs.code.verifier import CodeVerifier, Graded
from distil_envs.errors import ConfigError, TaskError
from distil_envs.outcome import Status
from distil_envs.task import Task
from distil_envs.text import fenced

Finding = tuple[str, str]
"""A kind of problem, and what it is."""

REPEATS = 2
_SHOWN = 1 << 16


def examine(verifier: CodeVerifier, task: Task) -> Iterator[Finding]:
    """Everything that is wrong with a task. Raises SandboxError when our side fails."""
    try:
        suite = suite_of(task)
    except TaskError as error:
        yield "reference", str(error)
        return
    solution = task.reference.get("solution")
    try:
        if isinstance(solution, str):
            for message in _twice(verifier, suite, solution):
                yield "reference", f"the solution {message}"
        if verifier.grade(suite, "") is not None or verifier.grade(suite, "```python\n```") is not None:
            yield "empty answer", "an empty answer is read as a program"
        nothing = verifier.grade(suite, fenced(_idle(suite.entry_point), label="python"))
        if nothing is not None and nothing.status is Status.CORRECT:
            yield "empty answer", "a program that does nothing passes all tests"
        for number, row in enumerate(task.reference.get("wrong", ()), start=1):
            for message in _wrong(verifier, suite, row):
                yield "wrong solution", f"number {number}: {message}"
    except (TaskError, ConfigError) as error:  # tests that are code and cannot be run; calls that are too large
        yield "reference", str(error)


def _idle(entry_point: str | None) -> str:
    """A program that has what the tests call, and does nothing."""
    if entry_point is None:
        return "pass"
    name, _, method = entry_point.partition(".")
    body = "(*args, **kwargs):\n    pass"
    return f"class {name}:\n  def {method}{body}" if method else f"def {name}{body}"


def _twice(verifier: CodeVerifier, suite: Suite, solution: str) -> Iterator[str]:
    """What is wrong with a solution that should pass."""
    told = [_account(verifier.grade(suite, fenced(solution, label="python"))) for _ in range(REPEATS)]
    if told[0]["status"] != Status.CORRECT:
        yield f"fails its tests: {_words(told[0])}"
    elif told[0] != told[1]:
        yield f"is graded {told[0]['status']} once and {told[1]['status']} then: {_words(told[1])}"


def _wrong(verifier: CodeVerifier, suite: Suite, row: Any) -> Iterator[str]:
    """What is wrong with a wrong solution, or rather not wrong enough."""
    if not isinstance(row, Mapping) or not isinstance(row.get("solution"), str):
        yield f"expected an object with a solution, got {row!r:.80}"
        return
    told = [_account(verifier.grade(suite, fenced(row["solution"], label="python"))) for _ in range(REPEATS)]
    first = told[0]
    if first != told[1]:
        yield f"fails in two ways: {_words(first)}; {_words(told[1])}"
    if first["status"] != row.get("status", Status.WRONG):
        yield f"should be graded {row.get('status', Status.WRONG)}, but: {_words(first)}"
        return
    if "fails" in row and first["fails"] != row["fails"]:
        yield f"should first fail {row['fails']!r}, but: {_words(first)}"
    elif "raises" in row and first["raises"] != row["raises"]:
        yield f"should raise {row['raises']}, but: {_words(first)}"
    elif "actual" in row and not _is_actual(str(row["actual"]), first):
        yield f"should give {row['actual']}, but: {_words(first)}"


def _account(graded: Graded | None) -> dict[str, Any]:
    """What is compared: nothing that differs from run to run, such as times."""
    if graded is None:
        return {"status": Status.MALFORMED, "fails": None, "actual": None, "raises": None, "why": ""}
    failed = graded.public.failed or graded.private.failed
    if failed is None:
        executions = graded.public.executions
        raised = next((execution.raised for execution in executions if execution.raised), None)
        kind = None if raised is None else raised.type
        return {"status": graded.status, "fails": None, "actual": None, "raises": kind, "why": ""}
    kind = None if failed.raised is None else failed.raised.type.rpartition(".")[2]
    return {
        "status": graded.status,
        "fails": failed.case.text,
        "actual": None if failed.raised else _actual(failed),
        "raises": kind,
        "why": failed.why if failed.raised is None else failed.raised.message,
    }


def _actual(failed: Result) -> str:
    return failed.actual if failed.value is None else shown(failed.value[0], _SHOWN)


def _is_actual(wanted: str, told: Mapping[str, Any]) -> bool:
    """Whether it is the same text, or the same value written otherwise (a set in another order)."""
    if told["actual"] == wanted:
        return True
    try:
        return bool(shown(ast.literal_eval(wanted), _SHOWN) == told["actual"])
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False


def _words(told: Mapping[str, Any]) -> str:
    parts = [f"it is {told['status']}"]
    if told["fails"] is not None:
        parts.append(f"first at {told['fails']!r:.200}")
    if told["actual"]:
        parts.append(f"which gives {told['actual']:.200}")
    if told["raises"]:
        parts.append(f"with {told['raises']}")
    return ", ".join(parts) + (f" ({told['why']:.200})" if told["why"] else "")
