"""`CodeVerifier`: runs the program of a completion in a sandbox and says exactly what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from distil_envs.code.cases import CheckCase, Suite, suite_of
from distil_envs.code.checks import recorded
from distil_envs.code.reading import Source, assemble, read_code
from distil_envs.code.running import Run, Tests, end_status
from distil_envs.code.trace import Bounds, Tracer
from distil_envs.errors import ConfigError, TaskError
from distil_envs.grading import infra_error
from distil_envs.outcome import Check, Diagnosis, Event, Outcome, Status, Trace
from distil_envs.sandbox.lazy import LazySandbox
from distil_envs.sandbox.protocol import Call, Limits, Lines, Sandbox, SandboxError
from distil_envs.task import Task


@dataclass(frozen=True)
class Graded:
    """Everything that grading a program found. Not for feedback: it holds the results of private tests."""

    source: Source
    public: Run
    private: Run
    lines: Lines | None = None
    """Of the first public test that failed."""

    @property
    def status(self) -> Status:
        """correct, or the status of the first test that failed, public ones before private ones."""
        failed = self.public.failed or self.private.failed
        if failed is not None:
            return failed.status or Status.WRONG
        return Status.CORRECT if self.public.loaded else end_status(self.public.executions[0])


@dataclass
class CodeVerifier:
    """Verifier for tasks of programs; `distil_envs.code.cases` says what their reference holds.

    The public tests run first, in a process that never holds a private one; all that feedback may show comes from
    there. The private tests follow in a process of their own when those have passed. Values are compared out here
    (`distil_envs.code.compare`); expected values never enter the sandbox that holds the program.

    Status: ``malformed`` when there is no code, else that of the first test that failed: ``timeout``, ``limit``, or
    ``wrong`` for everything else (a syntax error too: there is a program, and the trace points into it).
    ``infra_error`` when the sandbox failed, or the tests of the task cannot be run.

    Callable from any thread. Close it when done, or the sandbox stays until the process ends.
    """

    sandbox: str | Sandbox = "auto"
    """Where programs run: a name of the registry (``auto``, ``docker``, ``bubblewrap``, ``subprocess``), made at the
    first use; or a `Sandbox`, which its owner closes."""
    limits: Limits = field(default_factory=Limits)
    """What one process of a program may use: all public calls, all private calls, or one script."""
    partial_credit: bool = False
    """Whether the reward is the fraction of all tests that passed; otherwise it is 1 for all and 0 for less."""
    record_lines: bool = True
    """Whether the first public test that fails is run once more, to record the executed lines."""
    bounds: Bounds = field(default_factory=Bounds)
    """How much of what a program says goes into a trace."""

    def __post_init__(self) -> None:
        self._lazy = LazySandbox(self.sandbox)
        self._calls: dict[CheckCase, tuple[Call, ...] | TaskError] = {}

    def __call__(self, task: Task, completion: str) -> Outcome:
        try:
            suite = suite_of(task)
            graded = self.grade(suite, completion)
        except (SandboxError, TaskError, ConfigError) as error:
            return infra_error(type(error).__name__, str(error))
        if graded is None:
            missing = Diagnosis("no-code", "There is no code: write the program in a fenced block.")
            return Outcome(0.0, Status.MALFORMED, trace=Trace((Check("format", False, "no code was found"), missing)))
        status = graded.status
        reward = self._fraction(suite, graded) if self.partial_credit else float(status is Status.CORRECT)
        return Outcome(reward, status, graded.source.code.text, Trace(self._events(suite, graded)))

    def grade(self, suite: Suite, completion: str) -> Graded | None:
        """Run the tests; None without code.

        Raises SandboxError when our side fails; TaskError for unusable tests, and ConfigError for calls that cannot be
        sent into a sandbox.
        """
        code = read_code(completion, suite.entry_point, continues=bool(suite.prefix))
        if code is None:
            return None
        source = assemble(code, suite.entry_point, suite.prefix, suite.header)
        tests = Tests(self.make_sandbox(), source.text, suite.entry_point, self.limits, self._recorded)
        loadable = suite.entry_point is not None and not suite.public
        public = tests.load() if loadable else tests.run(suite.public, every=True)
        failed = public.failed
        private = Run((), ())
        if public.loaded and (failed is None or self.partial_credit):
            private = tests.run(suite.private, every=self.partial_credit)
        lines = None
        if self.record_lines and failed is not None and failed.program is not None:
            lines = tests.sandbox.run(failed.program).lines
        return Graded(source, public, private, lines)

    def make_sandbox(self) -> Sandbox:
        """The sandbox, made now if it was not yet. Raises SandboxError where there is none, and after `close`."""
        return self._lazy.get()

    def resources(self) -> Mapping[str, str]:
        """What grading runs on, for the record of a run (law 6). Raises SandboxError where there is no sandbox."""
        return {"sandbox": self.make_sandbox().name}

    def close(self) -> None:
        """Close the sandbox that this made. May be called twice."""
        self._lazy.close()

    def _recorded(self, case: CheckCase) -> tuple[Call, ...]:
        """What tests that are code ask, once for each; two threads may find out the same thing at the same time."""
        found = self._calls.get(case)
        if found is None:
            try:
                found = recorded(self.make_sandbox(), case, self.limits)
            except TaskError as error:
                found = error
            self._calls[case] = found
        if isinstance(found, TaskError):
            raise found
        return found

    def _fraction(self, suite: Suite, graded: Graded) -> float:
        passed = sum(result.passed for run in (graded.public, graded.private) for result in run.results)
        return passed / suite.size

    def _events(self, suite: Suite, graded: Graded) -> tuple[Event, ...]:
        tracer = Tracer(graded.source, self.bounds)
        events: list[Event] = [Check("format", True, "", graded.source.code.span)]
        events += tracer.checks(graded.public)
        if graded.private.results:
            events.append(tracer.private(graded.private.failed))
        events += tracer.public(graded.public, graded.lines)
        return tuple(events)
