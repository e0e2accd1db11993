"""Running the tests of a task on a program, and judging each: outside of the sandbox, on decoded values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from distil_envs.code.cases import CallCase, Case, CheckCase, ScriptCase
from distil_envs.code.checks import Checked, run_check
from distil_envs.code.compare import difference, equal, equal_output, output_difference, shown
from distil_envs.outcome import Status
from distil_envs.sandbox.protocol import Call, CallResult, Ended, Execution, Limits, Program, Raised, Sandbox

AGAIN_S = 1.0
"""Seconds for which a test that timed out is run again to record its lines."""
Recorded = Callable[[CheckCase], tuple[Call, ...]]
"""The calls that tests made of code make of the reference solution."""


@dataclass(frozen=True)
class Result:
    """What came of one test."""

    case: Case
    status: Status | None
    """correct, wrong, timeout or limit; None when it was not run because an earlier one ended the program."""
    actual: str = ""
    """What was returned or printed, as text."""
    difference: str = ""
    raised: Raised | None = None
    before_tests: bool = False
    """Whether the program did not get as far as its first test: it does not compile, or raised on being loaded."""
    why: str = ""
    """What happened, where neither `actual` nor `raised` tells."""
    limit: str | None = None
    stdout: str = ""
    value: tuple[Any] | None = None
    """The returned value itself."""
    program: Program | None = None
    """Runs this test again, and records its lines."""

    @property
    def passed(self) -> bool:
        return self.status is Status.CORRECT


@dataclass(frozen=True)
class Run:
    """What came of several tests."""

    results: tuple[Result, ...]
    executions: tuple[Execution, ...]
    """Of the tested program."""

    @property
    def failed(self) -> Result | None:
        """The first test that failed."""
        return next((result for result in self.results if not result.passed), None)

    @property
    def loaded(self) -> bool:
        """Whether the program got as far as its first test, or could have."""
        if not self.results:
            return all(execution.ended is Ended.COMPLETED for execution in self.executions)
        return not self.results[0].before_tests


@dataclass(frozen=True)
class Tests:
    """Runs tests on one program. Raises SandboxError when our side fails, TaskError for tests that cannot be run."""

    __test__ = False  # not a pytest class

    sandbox: Sandbox
    source: str
    entry_point: str | None
    limits: Limits
    recorded: Recorded

    def run(self, cases: Sequence[Case], *, every: bool) -> Run:
        """Run them: all calls in one process, each script and each test that is code in one of its own.

        Without ``every``, what comes after a process with a failure is not run. After a time-out nothing is.
        """
        results: list[Result] = []
        executions: list[Execution] = []
        stopped = False
        for group in _groups(cases):
            if stopped:
                results += [Result(case, None) for case in group]
                continue
            judged, execution = self._run(group)
            results += judged
            executions.append(execution)
            failed = next((result for result in judged if not result.passed), None)
            stopped = failed is not None and (not every or failed.status is Status.TIMEOUT or failed.before_tests)
        return Run(tuple(results), tuple(executions))

    def load(self) -> Run:
        """Only load a program with an entry point, in a process that holds no test."""
        execution = self.sandbox.run(Program(self.source, self.entry_point, limits=self.limits))
        return Run((), (execution,))

    def _run(self, group: Sequence[Case]) -> tuple[list[Result], Execution]:
        first = group[0]
        if isinstance(first, ScriptCase):
            return self._script(first)
        if isinstance(first, CheckCase):
            return self._check(first)
        return self._calls([case for case in group if isinstance(case, CallCase)])

    def _calls(self, cases: Sequence[CallCase]) -> tuple[list[Result], Execution]:
        calls = tuple(case.call for case in cases)
        # A right value may be written longer than the expected one: 0.30000000000000004 for 0.3.
        room = 8 * sum(case.size for case in cases)
        limits = replace(self.limits, value_bytes=self.limits.value_bytes + room)
        program = Program(self.source, self.entry_point, calls, limits=limits)
        execution = self.sandbox.run(program)
        results = [self._call(case, execution, index) for index, case in enumerate(cases)]
        return [_repeatable(result, program, at) for at, result in enumerate(results)], execution

    def _call(self, case: CallCase, execution: Execution, index: int) -> Result:
        if index < len(execution.results):
            return judge_value(case, execution.results[index])
        if index == len(execution.results):
            return judge_end(case, execution, started=index > 0)
        return Result(case, None)

    def _script(self, case: ScriptCase) -> tuple[list[Result], Execution]:
        room = max(self.limits.output_bytes, 4 * len(case.stdout.encode("utf-8", "replace")) + 1024)
        program = Program(self.source, stdin=case.stdin, limits=replace(self.limits, output_bytes=room))
        execution = self.sandbox.run(program)
        return [_repeatable(judge_script(case, execution), program, 0)], execution

    def _check(self, case: CheckCase) -> tuple[list[Result], Execution]:
        checked = run_check(self.sandbox, case, self.recorded(case), self.source, self.limits)
        result = judge_check(case, checked)
        return [_repeatable(result, checked.program, max(checked.asked - 1, 0))], checked.execution


def judge_value(case: CallCase, result: CallResult) -> Result:
    """A call that was answered."""
    if result.raised is not None:
        right = case.is_wanted_exception(result.raised)
        told = f"raises {result.raised.type}"
        return Result(case, _verdict(right), told, raised=result.raised, stdout=result.stdout)
    if result.unencodable is not None:
        return Result(case, Status.WRONG, why=f"returned what is no plain value: {result.unencodable}")
    right = case.raises is None and equal(case.expected, result.value, case.rule)
    told = "" if right or case.raises or case.rule.unordered else difference(case.expected, result.value)
    return Result(case, _verdict(right), shown(result.value), told, stdout=result.stdout, value=(result.value,))


def judge_script(case: ScriptCase, execution: Execution) -> Result:
    """A program that read and printed."""
    printed = execution.stdout.text
    if execution.ended is not Ended.COMPLETED:
        ended = judge_end(case, execution, started=execution.raised is None or execution.raised.column is None)
        return replace(ended, actual=printed)
    if execution.stdout.truncated:
        return Result(case, Status.WRONG, printed, why=f"printed {execution.stdout.total_bytes} bytes, far too much")
    if equal_output(case.stdout, printed, case.rule):
        return Result(case, Status.CORRECT, printed)
    return Result(case, Status.WRONG, printed, output_difference(case.stdout, printed))


def judge_check(case: CheckCase, checked: Checked) -> Result:
    """A program that answered what tests asked."""
    if checked.passed:
        return Result(case, Status.CORRECT)
    execution, at = checked.execution, checked.asked - 1
    answered = execution.results[at] if 0 <= at < len(execution.results) else None
    if checked.unanswered and answered is None:
        return judge_end(case, execution, started=at > 0)
    if answered is not None and answered.unencodable is not None:
        return Result(case, Status.WRONG, why=f"returned what is no plain value: {answered.unencodable}")
    raised = answered.raised if answered else None
    actual = "" if answered is None or raised else shown(answered.value)
    stdout = answered.stdout if answered else ""
    return Result(case, Status.WRONG, actual, raised=raised, why=checked.failure, stdout=stdout)


def judge_end(case: Case, execution: Execution, *, started: bool) -> Result:
    """The test during which the program ended. ``started``: whether it had got past its own loading."""
    ended, status = execution.ended, end_status(execution)
    if status is not Status.WRONG:
        what = "did not end within the time limit" if status is Status.TIMEOUT else f"hit the {execution.limit} limit"
        return Result(case, status, why=what, limit=execution.limit)
    if ended is Ended.RAISED and execution.raised is not None:
        told = f"raises {execution.raised.type}"
        return Result(case, Status.WRONG, told, raised=execution.raised, before_tests=not started)
    if ended is Ended.KILLED:
        return Result(case, Status.WRONG, why=f"was killed by signal {execution.signal}")
    return Result(case, Status.WRONG, why=f"ended by itself with exit code {execution.exit_code}")


def end_status(execution: Execution) -> Status:
    """The status of a test during which the program ended. Too much processor time is a time-out as well."""
    if execution.limit == "cpu":
        return Status.TIMEOUT
    return {Ended.TIMEOUT: Status.TIMEOUT, Ended.LIMIT: Status.LIMIT}.get(execution.ended, Status.WRONG)


def _groups(cases: Sequence[Case]) -> Iterator[list[Case]]:
    """Neighbouring calls together, everything else alone."""
    group: list[Case] = []
    for case in cases:
        if isinstance(case, CallCase):
            group.append(case)
            continue
        if group:
            yield group
            group = []
        yield [case]
    if group:
        yield group


def _repeatable(result: Result, program: Program, index: int) -> Result:
    """With what runs the test again, where there is something to see; after a time-out not for as long."""
    if result.passed or result.status is None or result.before_tests:
        return result
    again: dict[str, Any] = {"trace_call": index}
    if result.status is Status.TIMEOUT:
        limits = program.limits
        again["limits"] = replace(limits, wall_s=min(AGAIN_S, limits.wall_s), cpu_s=min(AGAIN_S, limits.cpu_s))
    if program.entry_point is not None:
        again["calls"] = program.calls[: index + 1]
    return replace(result, program=replace(program, **again))


def _verdict(right: bool) -> Status:
    return Status.CORRECT if right else Status.WRONG
