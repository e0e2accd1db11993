"""Tests that are code, for a program that must never be in the same place as they are.

1. Once for each task, the tests run in a sandbox with the *reference solution* as candidate (`random` seeded), and
   every call is recorded. The same tests are then run on the recorded answers alone, which must pass: a task whose
   tests look at more than arguments and answers (identity, arguments changed in place) is refused with a `TaskError`.
2. The tested program's sandbox gets those calls and returns values. Where a question may give an earlier answer away
   (`distil_envs.code.dependence`), the program runs once for each question, and the answer to an earlier one stays.
3. A second, fresh sandbox runs the tests with a candidate that gives the returned values for the recorded calls.

What the tests ask may depend on earlier answers. When they ask something else than was recorded, the program is run
again with that question in its place, up to `ROUNDS` times; after that the answer is wrong. Only the verdict of the
second sandbox counts, and it never holds the program.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

from distil_envs.code.cases import CheckCase
from distil_envs.code.compare import shown
from distil_envs.code.dependence import asks_independently
from distil_envs.errors import ConfigError, TaskError
from distil_envs.sandbox.protocol import Call, CallResult, Ended, Execution, Limits, Program, Sandbox

ROUNDS = 16
"""How often a program is run because its answers led the tests to other questions."""
PATIENCE = 2
"""Wall times of one run that all runs of a program may take together, where each question takes one."""
_WHOLE = 1 << 24


@dataclass(frozen=True)
class Checked:
    """What came of tests that are code."""

    passed: bool
    execution: Execution
    """The program's last run."""
    program: Program
    """As it was run last."""
    asked: int
    """How many of its answers the tests had asked for."""
    unanswered: bool = False
    """Whether the program gave no answer to the last question: it ended before, or the value cannot travel."""
    failure: str = ""
    """The line of the tests that failed, and with what."""


def recorded(sandbox: Sandbox, case: CheckCase, limits: Limits) -> tuple[Call, ...]:
    """The calls that the tests make of the reference solution.

    Raises TaskError when they fail on it, or cannot be run on its answers alone; SandboxError when our side fails.
    """
    ended, calls = _trusted(sandbox, case, limits, "_distil_record", case.source, case.entry_point)
    if ended[0] != "passed":
        raise TaskError(f"the reference solution fails its own tests: {_told(case, ended)}")
    if not calls:
        raise TaskError("the tests never call the candidate, so every program would pass them")
    again, _ = _trusted(sandbox, case, limits, "_distil_replay", case.source, calls)
    if again[0] != "passed":
        told = "they ask other things each time" if again[0] == "asks" else _told(case, again)
        raise TaskError(
            "the tests cannot be run on returned values alone, so that no program can be graded safely: on the "
            f"reference solution's own values, {told}; write them as calls with expected values"
        )
    return tuple(Call(tuple(args), kwargs) for args, kwargs, _ in calls)


def run_check(sandbox: Sandbox, case: CheckCase, calls: tuple[Call, ...], source: str, limits: Limits) -> Checked:
    """Grade a program by tests that are code; ``calls`` are those of `recorded`.

    Raises SandboxError when our side fails, and ConfigError when the recorded calls cannot be sent into a sandbox.
    """
    asked = _Asked(sandbox, Program(source, case.entry_point, calls, limits=limits), asks_apart(case))
    asked.run()
    for _ in range(ROUNDS):
        try:
            ended, made = _trusted(sandbox, case, limits, "_distil_replay", case.source, asked.rows())
            if ended[0] == "passed":
                return asked.checked(made, passed=True)
            if ended[0] == "failed":
                return asked.checked(made, failure=_told(case, ended))
            question = Call(tuple(ended[1]), ended[2])
            if asked.is_unanswered(made - 1, question):
                return asked.checked(made, unanswered=True)
            asked.ask(made - 1, question)
        except (TaskError, ConfigError) as error:
            # The tests pass on the reference's values, so it is the program's that they, or the codec, cannot take.
            return asked.checked(len(asked.answers), failure=str(error))
    return asked.checked(len(asked.answers), failure=f"the tests still asked more after {ROUNDS} runs")


@cache
def asks_apart(case: CheckCase) -> bool:
    """Whether each question of these tests needs a run of its own."""
    return not asks_independently(case.source, case.solution)


@dataclass
class _Asked:
    """The tested program, and its answers."""

    sandbox: Sandbox
    program: Program
    """With the questions."""
    apart: bool
    answers: list[list[Any]] = field(default_factory=list)
    """To the first questions."""
    execution: Execution = field(init=False)
    """The last run."""
    _spent_s: float = 0.0

    def run(self) -> None:
        """Get the answers that are missing, as far as there are any."""
        if not self.apart:
            self.execution = self.sandbox.run(self.program)
            self.answers = _answers(self.execution)
            return
        for count in range(len(self.answers) + 1, len(self.program.calls) + 1):
            if self._spent_s > PATIENCE * self.program.limits.wall_s:
                self.execution = replace(self.execution, ended=Ended.TIMEOUT, limit="wall")
                return
            # It sees no question beyond this one, and what it answers to earlier ones now counts no more.
            self.execution = self.sandbox.run(replace(self.program, calls=self.program.calls[:count]))
            self._spent_s += self.execution.wall_s
            if len(found := _answers(self.execution)) < count:
                return
            self.answers.append(found[-1])

    def ask(self, at: int, question: Call) -> None:
        """Put this question at this place. Answers to earlier questions stay where each has a run of its own."""
        self.program = replace(self.program, calls=(*self.program.calls[:at], question, *self.program.calls[at + 1 :]))
        del self.answers[at:]
        self.run()

    def is_unanswered(self, at: int, question: Call) -> bool:
        """Whether this question was asked at this place, and the program gave no answer."""
        calls = self.program.calls
        return len(self.answers) <= at < len(calls) and _same(question, calls[at])

    def rows(self) -> list[list[Any]]:
        """Questions with answers, as `distil_envs.code.harness` takes them."""
        answered = zip(self.program.calls, self.answers, strict=False)
        return [[call.args, dict(call.kwargs), answer] for call, answer in answered]

    def checked(self, made: int, *, passed: bool = False, unanswered: bool = False, failure: str = "") -> Checked:
        """The verdict, after the tests have asked so many questions."""
        return Checked(passed, self.execution, self.program, made, unanswered, failure)


def _same(one: Call, other: Call) -> bool:
    return shown([one.args, dict(one.kwargs)], _WHOLE) == shown([other.args, dict(other.kwargs)], _WHOLE)


def _answers(execution: Execution) -> list[list[Any]]:
    """What was answered, up to the first value that cannot travel."""
    found: list[list[Any]] = []
    for result in execution.results:
        if result.unencodable is not None:
            break
        found.append(_answer(result))
    return found


def _answer(result: CallResult) -> list[Any]:
    if result.raised is not None:
        names = (result.raised.type, *result.raised.bases)
        return ["raised", result.raised.message, *(name.rpartition(".")[2] for name in names)]
    return ["value", result.value]


def _trusted(sandbox: Sandbox, case: CheckCase, limits: Limits, name: str, *arguments: Any) -> Any:
    """Call a function of `distil_envs.code.harness` beside the reference program. Raises TaskError when it fails."""
    source = f"{case.solution}\n\n{_harness()}"
    execution = sandbox.run(Program(source, name, (Call(arguments),), limits=limits))
    result = execution.results[0] if execution.results else None
    raised = execution.raised or (result.raised if result else None)
    if raised is not None:
        raise TaskError(f"the tests could not be run: {raised.type}: {raised.message}")
    if result is None or execution.ended is not Ended.COMPLETED:
        limit = f" ({execution.limit})" if execution.limit else ""
        raise TaskError(f"the tests could not be run: their process ended with {execution.ended}{limit}")
    if result.unencodable is not None:
        raise TaskError(f"the tests could not be run: a value cannot leave the sandbox: {result.unencodable}")
    return result.value


def _told(case: CheckCase, ended: list[Any]) -> str:
    """The failing line of the tests, and the error."""
    _, kind, message, number = ended
    lines = case.source.splitlines()
    line = lines[number - 1].strip() if isinstance(number, int) and 0 < number <= len(lines) else ""
    error = ": ".join(part for part in (kind, message) if part)
    return f"{line} ({error})" if line else error


@cache
def _harness() -> str:
    return files("distil_envs.code").joinpath("harness.py").read_text(encoding="utf-8")
