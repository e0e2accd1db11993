r"""The tests of a code task, read from its reference.

``reference`` holds ``solution`` (a whole program), ``entry_point`` (``name`` or ``Class.method``; without one programs
read stdin and print), ``public`` and ``private`` (lists of tests), and optionally ``prefix`` (what a completion goes on
with), ``header`` (imports that are put before every program, the solution too), ``check`` (one more private test, as
code), ``tolerance``, ``unordered`` and ``tuples_as_lists`` (see `distil_envs.code.compare`). A test is one of

    {"call": "f([1, 2], k=3)", "expected": "[1, 3]"}     Python literals, read without executing anything
    {"call": "f([])", "raises": "ValueError"}             by the name of the exception or of a base of it
    {"stdin": "3\n", "stdout": "9\n"}
    {"check": "def check(candidate): ..."}                tests that are code, see `distil_envs.code.checks`

and may have a ``tolerance`` of its own.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from distil_envs.code.compare import Rule, shown
from distil_envs.code.reading import headed
from distil_envs.errors import TaskError
from distil_envs.sandbox.codec import CodecError, encode
from distil_envs.sandbox.protocol import Call, Raised
from distil_envs.task import Task

_LARGEST = 1 << 30


@dataclass(frozen=True)
class CallCase:
    """A call of the entry point, and the value or the exception that it should give."""

    text: str
    call: Call
    rule: Rule
    expected: Any = None
    raises: str | None = None
    size: int = 0
    """Bytes of the expected value when encoded."""

    @property
    def wanted(self) -> str:
        """What is expected, as text."""
        return f"raises {self.raises}" if self.raises else shown(self.expected)

    def is_wanted_exception(self, raised: Raised) -> bool:
        """Whether an exception is the expected one, or derived from it, going by names.

        What a program says of its classes is a claim; one that would lie could as well raise the expected exception.
        """
        if self.raises is None:
            return False
        built_in = getattr(builtins, self.raises, None)
        name = built_in.__name__ if isinstance(built_in, type) else self.raises  # IOError is called OSError
        return name in (raised.type, *raised.bases)


@dataclass(frozen=True)
class ScriptCase:
    """What a program reads, and what it should print."""

    stdin: str
    stdout: str
    rule: Rule

    @property
    def text(self) -> str:
        return self.stdin

    @property
    def wanted(self) -> str:
        return self.stdout


@dataclass(frozen=True)
class CheckCase:
    """Tests that are code: ``check(candidate)`` raises AssertionError when the candidate is wrong."""

    source: str
    solution: str
    """The reference program, which the tests may use, and which says what they ask."""
    entry_point: str
    text: str = "check(candidate)"

    @property
    def wanted(self) -> str:
        return ""


Case = CallCase | ScriptCase | CheckCase


@dataclass(frozen=True)
class Suite:
    """Everything that grading a program needs."""

    entry_point: str | None
    public: tuple[Case, ...]
    """May be shown in feedback."""
    private: tuple[Case, ...]
    """Never shown, nor what came of them beyond that one failed."""
    prefix: str = ""
    """What a completion goes on with."""
    header: str = ""
    """Stands before every program."""

    @property
    def size(self) -> int:
        return len(self.public) + len(self.private)


@lru_cache(maxsize=512)
def suite_of(task: Task) -> Suite:
    """The tests of a task. Raises TaskError, which says where, for a reference that cannot be used."""
    reference = task.reference
    try:
        entry_point = _optional_text(reference, "entry_point")
        solution = _optional_text(reference, "solution") or ""
        prefix, header = (_optional_text(reference, name) or "" for name in ("prefix", "header"))
        read = _Reader(reference, entry_point, solution and headed(solution, header))
        public, private = read.cases("public"), read.cases("private")
        if "check" in reference:
            private = (*private, read.case({"check": reference["check"]}, "check"))
        if not public and not private:
            raise TaskError("there are no tests: expected public, private or check")
        return Suite(entry_point, public, private, prefix, header)
    except TaskError as error:
        raise TaskError(f"task {task.id!r}: reference: {error}") from None


@dataclass(frozen=True)
class _Reader:
    reference: Mapping[str, Any]
    entry_point: str | None
    solution: str

    def cases(self, name: str) -> tuple[Case, ...]:
        rows = self.reference.get(name, ())
        if isinstance(rows, (str, Mapping)) or not isinstance(rows, Sequence):
            raise TaskError(f"{name}: expected a list of tests, got {type(rows).__name__}")
        return tuple(self.case(row, f"{name}[{index}]") for index, row in enumerate(rows))

    def case(self, row: Any, where: str) -> Case:
        try:
            if not isinstance(row, Mapping):
                raise TaskError(f"expected an object, got {type(row).__name__}")
            kind = next((kind for kind in ("call", "stdin", "check") if kind in row), None)
            if kind is None:
                raise TaskError("expected 'call', 'stdin' or 'check'")
            if kind == "stdin":
                if self.entry_point is not None:
                    raise TaskError("a test with 'stdin' belongs to a task without entry_point")
                return ScriptCase(_text(row, "stdin"), _text(row, "stdout"), self.rule(row))
            if self.entry_point is None:
                raise TaskError(f"a test with {kind!r} needs reference.entry_point")
            if kind == "check":
                text = _optional_text(row, "text") or "check(candidate)"
                return CheckCase(_text(row, "check"), self._solution(), self.entry_point, text)
            return self._call(row)
        except TaskError as error:
            raise TaskError(f"{where}: {error}") from None

    def rule(self, row: Mapping[str, Any]) -> Rule:
        options = {
            name: value
            for name in ("tolerance", "unordered", "tuples_as_lists")
            if (value := row.get(name, self.reference.get(name))) is not None
        }
        return Rule(**options)

    def _solution(self) -> str:
        if not self.solution:
            raise TaskError("tests that are code need reference.solution, which says what they ask")
        return self.solution

    def _call(self, row: Mapping[str, Any]) -> CallCase:
        text = _text(row, "call")
        assert self.entry_point is not None
        call = read_call(text, self.entry_point)
        raises = _optional_text(row, "raises")
        if ("expected" in row) == (raises is not None):
            raise TaskError("expected either 'expected' or 'raises'")
        if raises is not None:
            return CallCase(text, call, self.rule(row), raises=raises)
        expected = read_literal(_text(row, "expected"))
        try:
            size = len(encode(expected, _LARGEST))
        except CodecError as error:
            raise TaskError(f"no program can return {row['expected']!r:.80}: {error}") from None
        return CallCase(text, call, self.rule(row), expected=expected, size=size)


def read_call(text: str, entry_point: str) -> Call:
    """The arguments of ``f([1, 2], k=3)``. Raises TaskError for anything but a call of it with literals."""
    name = entry_point.rpartition(".")[2]
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if not isinstance(node, ast.Call) or ast.unparse(node.func).rpartition(".")[2] != name:
            raise TaskError(f"expected a call of {name}, got {text!r:.80}")
        if any(keyword.arg is None for keyword in node.keywords):
            raise TaskError(f"** cannot be used in {text!r:.80}")
        return Call(
            tuple(ast.literal_eval(argument) for argument in node.args),
            {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords},
        )
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        if isinstance(error, TaskError):
            raise
        raise TaskError(f"the arguments of {text!r:.80} are no Python literals: {error}") from None


def read_literal(text: str) -> Any:
    """The value of a Python literal. Raises TaskError for anything else."""
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise TaskError(f"{text!r:.80} is no Python literal: {error}") from None


def _text(row: Mapping[str, Any], name: str) -> str:
    if not isinstance(row.get(name), str):
        raise TaskError(f"{name!r} must be text, got {row.get(name)!r:.80}")
    return str(row[name])


def _optional_text(row: Mapping[str, Any], name: str) -> str | None:
    return None if row.get(name) is None else _text(row, name)
