"""`PythonTool`: runs a program of the policy in a sandbox and shows what it printed."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any, Final

from distil_envs.grading import WorkerError, shared_pool
from distil_envs.sandbox.lazy import LazySandbox
from distil_envs.sandbox.protocol import Ended, Execution, Limits, Program, Sandbox
from distil_envs.tools.tool import ToolError, ToolTimeout

PARSE_S = 5.0
"""Seconds that finding the last expression of a program may take."""

_LINE_END = re.compile(rb"\r\n|\r|\n")  # what Python's own tokenizer takes for one


class PythonTool:
    """Runs source in a sandbox, as a script of its own: nothing is kept between calls.

    Shows what it printed, then the value of a last expression as the interactive interpreter would, or how it ended:
    the line and the exception, the limit that it hit. Close it when done, or the sandbox stays until the process ends.
    """

    name: Final = "python"
    description: Final = (
        "Runs Python code and shows what it prints and the value of its last expression. Every call starts afresh."
    )
    parameters: Final[Mapping[str, Any]] = {
        "type": "object",
        "properties": {"code": {"type": "string", "description": "The source of a whole script."}},
        "required": ["code"],
        "additionalProperties": False,
    }

    def __init__(self, sandbox: str | Sandbox = "auto", limits: Limits | None = None) -> None:
        """
        Args:
            sandbox: a name of the registry (``auto``, ``docker``, ``bubblewrap``, ``subprocess``), made at the first
                use; or a `Sandbox`, which its owner closes.
            limits: of one call; by default those of `Limits`.
        """
        self.limits = limits or Limits()
        self._lazy = LazySandbox(sandbox)

    def __call__(self, arguments: Mapping[str, Any]) -> str:
        """What the program printed. Raises ToolError, ToolTimeout; SandboxError when our side fails."""
        source = arguments["code"]
        execution = self._lazy.get().run(Program(_showing(source), limits=self.limits))
        printed = execution.stdout.text
        problem = self._problem(execution, source)
        if not problem:
            return printed.removesuffix("\n")
        text = f"{printed.rstrip()}\n{problem}".lstrip()
        timed_out = execution.ended is Ended.TIMEOUT or execution.limit == "cpu"
        raise (ToolTimeout if timed_out else ToolError)(text)

    def resources(self) -> Mapping[str, str]:
        """What programs run in, for the record of a run (law 6). Raises SandboxError where there is no sandbox."""
        return {"sandbox": self._lazy.get().name}

    def close(self) -> None:
        """Close the sandbox that this made. May be called twice."""
        self._lazy.close()

    def _problem(self, execution: Execution, source: str) -> str:
        """How the program ended, if not well."""
        if execution.ended is Ended.TIMEOUT:
            return f"Stopped: it ran for longer than {self.limits.wall_s:g} s."
        if execution.limit == "cpu":
            return f"Stopped: it used more than {self.limits.cpu_s:g} s of processor time."
        if execution.ended is Ended.LIMIT:
            room = {"memory": self.limits.memory_bytes, "file-size": self.limits.file_bytes}.get(execution.limit or "")
            return f"Stopped: it hit the {execution.limit} limit{f' of {room >> 20} MiB' if room else ''}."
        if execution.ended is Ended.RAISED and execution.raised is not None:
            raised = execution.raised
            told = f"{raised.type}: {raised.message}" if raised.message else raised.type
            return f"{_quoted(source, raised.line)}{told}"
        if execution.ended is Ended.KILLED:
            return f"It was killed by signal {execution.signal}."
        if execution.ended is Ended.EXITED:
            return f"{execution.stderr.text.rstrip()}\nIt ended with exit code {execution.exit_code}.".lstrip()
        return ""


def _quoted(source: str, number: int | None) -> str:
    """The line with this number, counted from 1."""
    lines = _LINE_END.split(source.encode())
    if number is None or number > len(lines):
        return ""
    return f"Line {number}: {lines[number - 1].decode().strip()}\n"


def _showing(source: str) -> str:
    """The program, made to show the value of a last statement that is an expression; as it is if it does not parse.

    Found in a worker: Python's own parser can be crashed by a text.
    """
    try:
        span = shared_pool().run(_last_expression, source, timeout_s=PARSE_S)
    except WorkerError:
        return source
    if span is None:
        return source
    data, (start, end) = source.encode(), span
    # All on the lines where it stood, so that errors are told with the right ones. Two pairs of parentheses: what is no
    # expression (yield, a starred one) stays none.
    hook = b'__import__("sys").displayhook((' + data[start:end] + b"))"
    return (data[:start] + hook + data[end:]).decode()


def _last_expression(source: str) -> tuple[int, int] | None:
    """Where a last statement that is an expression stands, in bytes of UTF-8. For a worker."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the program's escapes, which its own run tells of
        try:
            body = ast.parse(source).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
    last = body[-1] if body else None
    if not isinstance(last, ast.Expr) or last.end_lineno is None or last.end_col_offset is None:
        return None
    starts = [0, *(match.end() for match in _LINE_END.finditer(source.encode()))]
    return starts[last.lineno - 1] + last.col_offset, starts[last.end_lineno - 1] + last.end_col_offset
