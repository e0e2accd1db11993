"""From what came of the tests to the events of a trace.

Everything here is a claim of the tested program: it is bounded, it is text, and it comes from runs that held public
tests only. Of private tests there is one event, which says no more than whether all passed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from distil_envs.code.reading import Source
from distil_envs.code.running import Result, Run
from distil_envs.outcome import (
    Check,
    Event,
    ExecutedLines,
    Frame,
    Raised,
    Resources,
    Status,
    Step,
    TestResult,
    ToolOutput,
)
from distil_envs.sandbox import protocol
from distil_envs.text import shorten

PRIVATE = "private tests"
"""Name of the one event for all private tests."""

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # never twice the same


@dataclass(frozen=True)
class Bounds:
    """How much of a program's claims is kept."""

    text: int = 2000
    """Characters of an input, a value, a message or an output."""
    value: int = 200
    """Characters of a variable."""
    variables: int = 12
    """Variables of a frame or step."""
    frames: int = 8
    """Frames of an exception, half from each end."""
    steps: int = 60
    """Executed lines, half from each end."""


@dataclass(frozen=True)
class Tracer:
    """Makes events for one program."""

    source: Source
    bounds: Bounds

    def public(self, run: Run, lines: protocol.Lines | None) -> Iterator[Event]:
        """The events of a run on public tests; ``lines`` are those of its first failure."""
        failed = run.failed
        loading = _loading(run)
        if loading is not None:
            yield self.raised(loading, "")
        for number, result in enumerate(run.results, start=1):
            name = f"public test {number}"
            if result is failed and result.raised is not None and loading is None:
                yield self.raised(result.raised, name)
            yield self._result(result, name)
            if result is failed and lines is not None:
                yield self._lines(lines, name)
        yield from self._output(run)
        yield _resources(run)

    def private(self, failed: Result | None) -> TestResult:
        """The one event of all private tests; ``failed`` is the first that failed."""
        if failed is None:
            return TestResult(PRIVATE, True, status="passed", public=False)
        limits = {Status.TIMEOUT: "timeout", Status.LIMIT: "limit"}
        status = limits.get(failed.status, "wrong") if failed.status else "not-run"
        return TestResult(PRIVATE, False, status=status, public=False)

    def checks(self, public: Run) -> Iterator[Check]:
        """What evaluations report by name, besides ``format``."""
        loading = _loading(public)
        detail = "" if loading is None else f"{loading.type} before the first test"
        yield Check("runs", loading is None, detail)
        if public.results:
            passed = sum(result.passed for result in public.results)
            yield Check("public-tests", public.failed is None, f"{passed} of {len(public.results)} passed")

    def raised(self, raised: protocol.Raised, test: str) -> Raised:
        """An exception of the program."""
        kept = raised.frames
        cut = raised.frames_cut
        half = self.bounds.frames // 2
        if len(kept) > 2 * half:
            cut += len(kept) - 2 * half
            kept = (*kept[:half], *kept[-half:])
        number = raised.line
        return Raised(
            self._text(raised.type, self.bounds.value),
            self._text(raised.message, self.bounds.text),
            self.source.line(number),
            self.source.span(number, raised.column, _end_column(raised)),
            raised.column if self.source.line(number) is not None else None,
            self._text(self.source.words(number), self.bounds.value),
            tuple(frame for each in kept if (frame := self._frame(each)) is not None),
            cut,
            test,
        )

    def _frame(self, frame: protocol.Frame) -> Frame | None:
        line = self.source.line(frame.line)
        if line is None:
            return None
        code = self._text(self.source.words(frame.line), self.bounds.value)
        return Frame(self._text(frame.function, self.bounds.value), line, code, self._variables(frame.locals))

    def _result(self, result: Result, name: str) -> TestResult:
        case, limit = result.case, self.bounds.text
        return TestResult(
            name,
            result.passed,
            self._text(case.text, limit),
            self._text(case.wanted, limit),
            self._text(result.actual, limit),
            self.source.span(result.raised.line) if result.raised else None,
            _status(result),
            self._text(result.difference, limit),
            self._text(result.why, limit),
            self._text(result.stdout, limit),
        )

    def _lines(self, lines: protocol.Lines, test: str) -> ExecutedLines:
        half = self.bounds.steps // 2
        whole = (*lines.head, *lines.tail)
        head, tail = (whole, ()) if len(whole) <= 2 * half else (whole[:half], whole[-half:])
        if lines.total > len(whole) and not tail:
            head, tail = lines.head, lines.tail
        last = next((step.line for step in reversed(whole) if self.source.line(step.line) is not None), None)
        cut = max(lines.total - len(head) - len(tail), 0)
        return ExecutedLines(test, self._steps(head), self._steps(tail), cut, self.source.span(last))

    def _steps(self, steps: Sequence[protocol.Step]) -> tuple[Step, ...]:
        return tuple(
            Step(line, self._text(self.source.words(step.line), self.bounds.value), self._variables(step.changed))
            for step in steps
            if (line := self.source.line(step.line)) is not None
        )

    def _output(self, run: Run) -> Iterator[ToolOutput]:
        """Standard error; and standard output, where it belongs to no test."""
        if not run.executions:
            return
        last = run.executions[-1]
        captured = {"stderr": last.stderr} if run.results else {"stdout": last.stdout, "stderr": last.stderr}
        for name, stream in captured.items():
            if stream.text.strip():
                cut = stream.truncated or len(stream.text) > self.bounds.text
                yield ToolOutput(name, self._text(stream.text, self.bounds.text), cut)

    def _variables(self, values: Mapping[str, str]) -> dict[str, str]:
        kept = list(values.items())[: self.bounds.variables]
        return {self._text(name, self.bounds.value): self._text(value, self.bounds.value) for name, value in kept}

    def _text(self, text: str, limit: int) -> str:
        return shorten(_ADDRESS.sub(" at 0x…", text), limit)


def _loading(run: Run) -> protocol.Raised | None:
    """The exception on loading the program, before any test."""
    if not run.results:
        return run.executions[0].raised if run.executions else None
    first = run.results[0]
    return first.raised if first.before_tests else None


def _status(result: Result) -> str:
    if result.status is None:
        return "not-run"
    if result.passed:
        return "passed"
    if result.status in (Status.TIMEOUT, Status.LIMIT):
        return str(result.status)
    return "raised" if result.raised is not None else "wrong"


def _end_column(raised: protocol.Raised) -> int | None:
    return raised.end_column if raised.end_line in (None, raised.line) else None


def _resources(run: Run) -> Resources:
    limit = next((result.limit for result in run.results if result.limit), None)
    return Resources(
        round(sum(execution.wall_s for execution in run.executions), 4),
        round(sum(execution.cpu_s for execution in run.executions), 4),
        max((execution.memory_bytes for execution in run.executions), default=0),
        limit or next((execution.limit for execution in run.executions if execution.limit), None) or "",
    )
