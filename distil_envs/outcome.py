"""`Outcome` and `Trace`: what a verifier found, as data.

A trace is a list of typed events with a versioned JSON form (`TRACE_VERSION`). An event may point at a character span
of the completion, so that feedback can quote and a viewer can highlight it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, ClassVar

TRACE_VERSION = 1

Span = tuple[int, int]
"""Half-open range of characters of the completion (`Attempt.text`)."""


class Status(StrEnum):
    """How an attempt ended. Success is ``status == correct``, whatever the reward."""

    CORRECT = "correct"
    WRONG = "wrong"
    MALFORMED = "malformed"
    """No readable answer."""
    TIMEOUT = "timeout"
    """Grading took too long because of the completion."""
    LIMIT = "limit"
    """The completion's program hit a resource limit."""
    INFRA_ERROR = "infra_error"
    """Our side failed. Never a wrong answer: masked from learning, left out of baselines, counted (law 4)."""


@dataclass(frozen=True)
class Event:
    """Base of trace events."""

    kind: ClassVar[str] = "event"

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Event:
        """Inverse of `to_dict`, for its fields alone."""
        return cls(**row)


@dataclass(frozen=True)
class Check(Event):
    """One named check that passed or failed; evaluation reports the mean of every name."""

    kind: ClassVar[str] = "check"
    name: str
    passed: bool
    detail: str = ""
    span: Span | None = None


@dataclass(frozen=True)
class Diagnosis(Event):
    """*How* an answer is wrong, with the evidence."""

    kind: ClassVar[str] = "diagnosis"
    code: str
    """Machine-readable, e.g. ``sign``, ``factor``, ``off-by-one``, ``missing-root``."""
    message: str
    """One sentence for the model. Never states the reference answer unless ``reveals_reference``."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """JSON values, e.g. ``{"ratio": "2"}`` or a counterexample ``{"x": "3", "got": "9", "expected": "8"}``."""
    reveals_reference: bool = False
    span: Span | None = None


@dataclass(frozen=True)
class Frame:
    """Where an exception passed through the program: a claim of the program, as are its locals."""

    function: str
    line: int
    """Counted from 1 in the program's code."""
    code: str = ""
    """The text of that line."""
    locals: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Raised(Event):
    """An exception: of the completion's program, or (with ``infra_error``) of our own side."""

    kind: ClassVar[str] = "raised"
    type: str
    message: str
    line: int | None = None
    """Counted from 1 in the program's code."""
    span: Span | None = None
    column: int | None = None
    """Counted from 1; of a syntax error."""
    code: str = ""
    """The text of that line."""
    frames: tuple[Frame, ...] = ()
    """From the outermost to where it was raised."""
    frames_cut: int = 0
    """How many frames in the middle are left out."""
    test: str = ""
    """Name of the test in which it was raised."""

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Raised:
        return cls(**{**row, "frames": tuple(Frame(**frame) for frame in row.get("frames", ()))})


@dataclass(frozen=True)
class TestResult(Event):
    """One test of a program; all private ones together are one."""

    __test__: ClassVar[bool] = False  # not a pytest class
    kind: ClassVar[str] = "test-result"
    name: str
    passed: bool
    input: str = ""
    expected: str = ""
    actual: str = ""
    span: Span | None = None
    status: str = ""
    """``passed``, or why not: ``wrong``, ``raised``, ``timeout``, ``limit``, ``not-run``."""
    diff: str = ""
    """Where expected and actual differ first."""
    detail: str = ""
    """What happened, where there is neither a value nor an exception."""
    stdout: str = ""
    """What the program printed meanwhile."""
    public: bool = True
    """Whether it may be shown. Of private tests nothing is told but whether all passed."""


@dataclass(frozen=True)
class Step:
    """One executed line, and the variables that it changed: claims of the program."""

    line: int
    """Counted from 1 in the program's code."""
    code: str
    changed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ExecutedLines(Event):
    """What a program did in one test, line by line; head and tail are kept."""

    kind: ClassVar[str] = "executed-lines"
    test: str
    head: tuple[Step, ...] = ()
    tail: tuple[Step, ...] = ()
    cut: int = 0
    """How many steps between them are left out."""
    span: Span | None = None
    """The last line executed."""

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> ExecutedLines:
        steps = {name: tuple(Step(**step) for step in row.get(name, ())) for name in ("head", "tail")}
        return cls(**{**row, **steps})


@dataclass(frozen=True)
class ToolOutput(Event):
    """What a program printed."""

    kind: ClassVar[str] = "tool-output"
    tool: str
    text: str
    truncated: bool = False
    span: Span | None = None


class CallStatus(StrEnum):
    """How a call of a tool ended."""

    OK = "ok"
    ERROR = "error"
    """The tool raised, or refused its arguments."""
    TIMEOUT = "timeout"
    UNKNOWN_TOOL = "unknown-tool"
    MALFORMED = "malformed"
    """The call itself could not be read."""
    NOT_RUN = "not-run"
    """The budget of calls was used up."""
    INFRA_ERROR = "infra_error"
    """Our side failed, such as a sandbox that is gone. The attempt then ends with that status (law 4)."""


@dataclass(frozen=True)
class ToolCalled(Event):
    """One call that the policy made in the attempt, and what came back: a claim of the tool, shown to the policy."""

    kind: ClassVar[str] = "tool-called"
    tool: str
    arguments: str
    """JSON, as the policy wrote it."""
    text: str
    """What the policy was shown."""
    status: CallStatus = CallStatus.OK
    truncated: bool = False
    """Whether `text` is shorter than what the tool gave."""

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> ToolCalled:
        return cls(**{**row, "status": CallStatus(row.get("status", "ok"))})


@dataclass(frozen=True)
class Resources(Event):
    """What a program used, all runs on public tests together, and the limit that it hit. Never twice the same."""

    kind: ClassVar[str] = "resources"
    wall_s: float
    cpu_s: float
    memory_bytes: int
    """Peak of the largest process."""
    limit: str = ""
    """``wall``, ``cpu``, ``memory``, …; empty for none."""


EVENTS: Mapping[str, type[Event]] = {
    cls.kind: cls for cls in (Check, Diagnosis, Raised, TestResult, ExecutedLines, ToolOutput, ToolCalled, Resources)
}


@dataclass(frozen=True)
class Trace:
    """The events of one attempt, in order."""

    events: tuple[Event, ...] = ()

    def of(self, kind: type[Event]) -> list[Any]:
        """The events of one type."""
        return [event for event in self.events if isinstance(event, kind)]

    def to_dict(self) -> dict[str, Any]:
        return {"version": TRACE_VERSION, "events": [event.to_dict() for event in self.events]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Trace:
        """Inverse of `to_dict`. Raises ValueError on another version or an unknown event."""
        if data.get("version") != TRACE_VERSION:
            raise ValueError(f"trace version {data.get('version')!r}; this program reads version {TRACE_VERSION}")
        return cls(tuple(_event(row) for row in data["events"]))


def _event(row: Mapping[str, Any]) -> Event:
    kind = str(row.get("kind"))
    if kind not in EVENTS:
        raise ValueError(f"unknown trace event {kind!r}; known: {', '.join(EVENTS)}")
    cls = EVENTS[kind]
    known = {item.name for item in fields(cls)}
    values = {name: value for name, value in row.items() if name in known}
    if values.get("span") is not None:
        values["span"] = tuple(values["span"])
    return cls.from_dict(values)


@dataclass(frozen=True)
class Outcome:
    """What grading one completion found."""

    reward: float
    """Finite, in [0, 1]."""
    status: Status
    answer: str | None = None
    """The answer as read from the completion, before any normalisation."""
    trace: Trace = field(default_factory=Trace)

    def __post_init__(self) -> None:
        try:
            reward = float(self.reward)
        except (TypeError, ValueError):
            raise ValueError(f"reward must be a number in [0, 1], got {self.reward!r}") from None
        if not math.isfinite(reward) or not 0.0 <= reward <= 1.0:
            raise ValueError(f"reward must be finite and in [0, 1], got {self.reward!r}")
        object.__setattr__(self, "reward", reward)
        object.__setattr__(self, "status", Status(self.status))

    @property
    def success(self) -> bool:
        return self.status is Status.CORRECT

    def to_dict(self) -> dict[str, Any]:
        return {
            "reward": self.reward,
            "status": str(self.status),
            "answer": self.answer,
            "trace": self.trace.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Outcome:
        """Inverse of `to_dict`."""
        return cls(data["reward"], Status(data["status"]), data.get("answer"), Trace.from_dict(data["trace"]))
