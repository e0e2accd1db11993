"""`execution-trace`: what happened when the program ran, in a bounded number of characters, most useful first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from distil_envs import Diagnosis, Episode, ExecutedLines, Raised, Resources, TestResult, ToolOutput
from distil_envs.errors import ConfigError
from distil_envs.outcome import Outcome, Status, Step
from distil_envs.text import shorten
from feedback.feedback import Feedback
from feedback.providers.binary import verdict

LEAST = 24
"""Characters below which the rest of the room is left empty rather than filled with the beginning of a part."""


@dataclass(frozen=True)
class ExecutionTrace:
    """Puts a program's trace into words.

    In this order, as far as there is room: the verdict; a syntax error, or the first failing public test with the
    exception that it raised (line, code, variables) or what was expected and returned and where the two differ;
    executed lines with the variables that they changed; what was printed; the other public tests that failed.

    Only public tests are told of, which their author agreed to show, so it does not count as revealing the reference.
    """

    name: ClassVar[str] = "execution-trace"

    max_chars: int = 1200
    """Most characters of a text."""
    max_lines: int = 16
    """Executed lines told, half from each end."""
    max_value_chars: int = 200
    """Most characters of an input, a value, a message or an output."""

    def __post_init__(self) -> None:
        for field, least in (("max_chars", 80), ("max_lines", 0), ("max_value_chars", 16)):
            if getattr(self, field) < least:
                raise ConfigError(f"{field} must be at least {least}, got {getattr(self, field)}")

    def __call__(self, episodes: Sequence[Episode]) -> list[Feedback | None]:
        return [self._one(episode) for episode in episodes]

    def _one(self, episode: Episode) -> Feedback:
        outcome = episode.outcome
        told = verdict(episode)  # raises for an attempt that was not graded
        assert outcome is not None
        tests: list[TestResult] = outcome.trace.of(TestResult)
        if tests or outcome.trace.of(Raised) or outcome.trace.of(Diagnosis):
            told = "\n".join(self._fitting(self._parts(outcome, tests)))
        pointing: list[Raised | ExecutedLines] = [*outcome.trace.of(Raised), *outcome.trace.of(ExecutedLines)]
        spans = [event.span for event in pointing]
        return Feedback(
            text=told,
            spans=tuple(dict.fromkeys(span for span in spans if span is not None)),
            source=self.name,
            depends_on=frozenset({episode.rollout_id}),
        )

    def _fitting(self, parts: Iterator[str]) -> Iterator[str]:
        room = self.max_chars + 1  # no line break before the first
        for part in parts:
            room -= 1
            if room < min(len(part), LEAST):
                return
            text = shorten(part, room)
            room -= len(text)
            yield text

    def _parts(self, outcome: Outcome, tests: Sequence[TestResult]) -> Iterator[str]:
        yield _summary(outcome, tests)
        raised: list[Raised] = outcome.trace.of(Raised)
        for event in raised:
            if not event.test:
                yield self._raised(event)
        failed = [test for test in tests if test.public and not test.passed and test.status != "not-run"]
        loaded = all(event.test for event in raised)
        if failed and loaded:
            first = failed[0]
            yield from self._test(first, next((event for event in raised if event.test == first.name), None))
            for lines in outcome.trace.of(ExecutedLines):
                if lines.test == first.name:
                    yield from self._lines(lines, exact=first.status != "timeout")
            if first.stdout and not first.stdout.isspace():
                yield f"Printed:\n{self._short(first.stdout.rstrip())}"
        for output in outcome.trace.of(ToolOutput):
            if not raised:  # a traceback says again what was said
                yield f"{output.tool}:\n{self._short(output.text.strip())}"
        for test in failed[1:] if loaded else ():
            yield f"Also: {self._outcome(test)}"

    def _test(self, test: TestResult, raised: Raised | None) -> Iterator[str]:
        yield self._outcome(test)
        if raised is not None:
            yield self._raised(raised)
        elif test.diff:
            yield f"The difference: {self._short(test.diff)}."

    def _outcome(self, test: TestResult) -> str:
        wanted, got = self._short(test.expected.rstrip()), self._short(test.actual.rstrip())
        asked = self._short(test.input.rstrip())
        if "\n" in test.expected or "\n" in test.input:  # a program that reads and prints
            happened = f"It {test.detail}." if test.detail else ""
            printed = f"It printed\n{got}" if got else "It printed nothing."
            told = [f"For the input\n{asked}", f"it should print\n{wanted}", printed, happened]
            return "\n".join(part for part in told if part)
        if test.status == "raised":
            return f"{asked} {got}." + (f" Expected: {wanted}." if wanted else "")
        if test.detail:
            return f"{asked} {self._short(test.detail)}." + (f" Expected: {wanted}." if wanted else "")
        return f"{asked} returned {got}, expected {wanted}."

    def _raised(self, event: Raised) -> str:
        said = f"{event.type}: {self._short(event.message)}" if event.message else event.type
        lines = [said]
        if event.line is not None:
            place = f"Line {event.line}" + (f", column {event.column}" if event.column else "")
            lines.append(f"{place}: {event.code}" if event.code else place)
        if event.frames:
            last = event.frames[-1]
            values = [f"{name} = {self._short(value)}" for name, value in last.locals.items()]
            if values:
                lines.append(f"Variables there: {', '.join(values)}")
            calls = [f"{frame.function} (line {frame.line})" for frame in event.frames[:-1]]
            if calls:
                cut = f", {event.frames_cut} more" if event.frames_cut else ""
                lines.append(f"Called by: {', '.join(calls)}{cut}")
        return "\n".join(lines)

    def _lines(self, event: ExecutedLines, *, exact: bool) -> Iterator[str]:
        half = self.max_lines // 2
        steps = [*event.head, *event.tail]
        if not steps or not half:
            return
        if len(steps) <= 2 * half and not event.cut:
            head, tail, cut = steps, [], 0
        else:
            head, tail = list(event.head[:half]), (list(event.tail) or steps)[-half:]
            cut = event.cut + len(steps) - len(head) - len(tail)
        between = f"… {cut} more lines …" if exact else "…"  # how many fit into a time limit is chance
        told = [*map(self._step, head), *([between] if cut else []), *map(self._step, tail)]
        yield "Executed lines:\n" + "\n".join(told)

    def _step(self, step: Step) -> str:
        changed = ", ".join(f"{name} = {self._short(value)}" for name, value in step.changed.items())
        return f"{step.line}: {step.code}" + (f"  # {changed}" if changed else "")

    def _short(self, text: str) -> str:
        return shorten(text, self.max_value_chars)


def _summary(outcome: Outcome, tests: Sequence[TestResult]) -> str:
    """The verdict in a sentence."""
    public = [test for test in tests if test.public]
    failed = sum(not test.passed for test in public)
    limit = next((event.limit for event in outcome.trace.of(Resources) if event.limit), "")
    if outcome.success:
        return "All tests pass."
    if outcome.status is Status.MALFORMED:
        return " ".join(event.message for event in outcome.trace.of(Diagnosis)) or "No answer could be read."
    if outcome.trace.of(Raised) and any(not event.test for event in outcome.trace.of(Raised)):
        return "The program does not run."
    if failed:
        hit = f" It hit the {limit} limit." if limit and outcome.status is Status.LIMIT else ""
        return f"{failed} of {len(public)} public tests {'fails' if failed == 1 else 'fail'}.{hit}"
    hidden = next((test for test in tests if not test.public), None)
    if hidden is None or hidden.passed:
        return "The program does not run." if not public else "All tests pass."
    how = {"timeout": ": it takes too long", "limit": ": it hits a limit"}.get(hidden.status, "")
    return ("All public tests pass, but a private test fails" if public else "A private test fails") + how + "."
