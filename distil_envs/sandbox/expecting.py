"""What the checks of `distil_envs.sandbox.conformance` share: running something, and saying what was expected of it."""

from __future__ import annotations

from typing import Any

from distil_envs.errors import DistilError
from distil_envs.sandbox.protocol import Call, CallResult, Execution, Limits, Program, Raised, Sandbox


class ConformanceError(DistilError, AssertionError):
    """A back-end does something else than the protocol says."""


def called(
    sandbox: Sandbox, source: str, *arguments: tuple[Any, ...], entry: str = "", limits: Limits | None = None
) -> Execution:
    """Calls of the only function, or of the entry point, with these arguments."""
    name = entry or source.partition("def ")[2].partition("(")[0]
    return sandbox.run(Program(source, name, tuple(Call(each) for each in arguments), limits=limits or Limits()))


def answers(execution: Execution, count: int) -> tuple[CallResult, ...]:
    if len(execution.results) != count:
        raise ConformanceError(f"{count} answers were expected, got {len(execution.results)}: {execution}")
    return execution.results


def values_of(execution: Execution) -> list[Any]:
    return [result.value for result in execution.results]


def raised_in(execution: Execution, kind: str, line: int) -> Raised:
    raised = execution.raised
    if raised is None or (raised.type, raised.line) != (kind, line):
        raise ConformanceError(f"{kind} in line {line} was expected, got {execution}")
    return raised


def expect(condition: bool, message: str) -> None:
    if not condition:
        raise ConformanceError(message)


def same(left: Any, right: Any) -> bool:
    """Equal and of the same types, where NaN is like itself and -0.0 is unlike 0.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return repr(left) == repr(right)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()))
    return bool(left == right)


def shown(value: Any) -> str:
    text = ascii(value) if not isinstance(value, int) else hex(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
