"""What a sandbox is: a `Program` goes in, an `Execution` comes out, and nothing else crosses.

Only what our own runner measured (`ended`, `limit`, times, memory, exit status) can be relied upon. Values, exceptions,
locals, lines and output are *claims of the program*: they are data to compare and to show, never a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from distil_envs.errors import DistilError


class SandboxError(DistilError, RuntimeError):
    """Our side failed: no daemon, no image, a dead container. Never the program's fault or a wrong answer (law 4)."""


@dataclass(frozen=True)
class Limits:
    """What one program may use. Back-ends say which of these they cannot enforce."""

    wall_s: float = 10.0
    """Seconds of wall time, enforced inside and outside. Well above `cpu_s`, or a busy machine would decide."""
    cpu_s: float = 5.0
    """Seconds of CPU time, rounded up to a whole second."""
    memory_bytes: int = 256 << 20
    """Of all its processes together, swap included."""
    processes: int = 32
    """Processes and threads alive at a time."""
    file_bytes: int = 8 << 20
    """Of any one file."""
    disk_bytes: int = 32 << 20
    """Of the scratch folder (tmpfs)."""
    inodes: int = 1024
    """Files and folders in the scratch folder."""
    output_bytes: int = 32 << 10
    """Kept of stdout and of stderr, half from the head and half from the tail; the rest is counted and dropped."""
    value_bytes: int = 1 << 20
    """Of all encoded results together; what comes beyond is a ``limit``."""


@dataclass(frozen=True)
class Call:
    """One call of the entry point. Arguments travel by the codec (`distil_envs.sandbox.codec`)."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Program:
    """Untrusted source and what to do with it.

    With an `entry_point` the source is executed as a module named ``program`` and the entry point is then called once
    for each of `calls`, in order, in one process; results before a crash or a time-out are kept. Without one the source
    runs as ``__main__`` on `stdin`.
    """

    source: str
    entry_point: str | None = None
    """``name`` or ``Class.method`` (on a fresh instance for every call)."""
    calls: tuple[Call, ...] = ()
    stdin: str = ""
    trace_call: int | None = None
    """Index of the call (0 for a script) whose executed lines and changed variables are recorded; slow, so off."""
    limits: Limits = field(default_factory=Limits)


class Ended(StrEnum):
    """How the program's process ended, as our runner saw it."""

    COMPLETED = "completed"
    """Everything was run; single calls may have raised."""
    RAISED = "raised"
    """The source itself did not compile or raised before the calls, or the script raised."""
    EXITED = "exited"
    """It ended by itself before all calls were answered (``sys.exit``, ``os._exit``), or a script with a code not 0."""
    KILLED = "killed"
    """A signal that was not ours."""
    TIMEOUT = "timeout"
    LIMIT = "limit"
    """A resource limit; `Execution.limit` names it."""


@dataclass(frozen=True)
class Frame:
    """One frame of the user's source in a traceback."""

    function: str
    line: int
    """1-based, in `Program.source`."""
    locals: Mapping[str, str] = field(default_factory=dict)
    """Bounded reprs."""


@dataclass(frozen=True)
class Raised:
    """An exception in the program."""

    type: str
    message: str
    """Bounded."""
    frames: tuple[Frame, ...] = ()
    """Only frames of the user's source, outermost first, head and tail kept."""
    frames_cut: int = 0
    """Frames left out between head and tail (deep recursion)."""
    line: int | None = None
    """Line of the innermost user frame, or of a syntax error."""
    column: int | None = None
    """1-based; of a syntax error."""
    end_line: int | None = None
    end_column: int | None = None
    bases: tuple[str, ...] = ()
    """Names of the classes that `type` is derived from, nearest first, without ``object``; bounded."""


@dataclass(frozen=True)
class CallResult:
    """What one call gave: a value, or an exception, or a value that cannot travel."""

    value: Any = None
    raised: Raised | None = None
    unencodable: str | None = None
    """Why the value could not be encoded (a type, a cycle, nesting), with a bounded repr."""
    wall_s: float = 0.0
    stdout: str = ""
    """What the call printed; bounded."""


@dataclass(frozen=True)
class Step:
    """One executed line."""

    line: int
    function: str
    changed: Mapping[str, str] = field(default_factory=dict)
    """Variables that this line changed, bounded reprs; ``return`` for a returned value."""


@dataclass(frozen=True)
class Lines:
    """Executed lines, head and tail kept."""

    head: tuple[Step, ...] = ()
    tail: tuple[Step, ...] = ()
    total: int = 0
    """Lines executed; more than are kept where `total` exceeds ``len(head) + len(tail)``."""


@dataclass(frozen=True)
class Captured:
    """Text of a stream: undecodable bytes replaced; the cut is marked in `text` where `truncated`."""

    text: str = ""
    total_bytes: int = 0
    truncated: bool = False


@dataclass(frozen=True)
class Execution:
    """What happened. See the module: only what the runner measured can be relied upon."""

    ended: Ended
    results: tuple[CallResult, ...] = ()
    """As many as were answered, in order of `Program.calls`."""
    raised: Raised | None = None
    """With ``Ended.RAISED``, where a MemoryError told that the memory limit was hit, and where a script that raised was
    ended otherwise while its threads and exit functions ran."""
    limit: str | None = None
    """With ``Ended.LIMIT``: ``memory``, ``cpu``, ``file-size`` or ``value``. With ``TIMEOUT``: ``wall``."""
    lines: Lines | None = None
    """With `Program.trace_call`."""
    stdout: Captured = field(default_factory=Captured)
    stderr: Captured = field(default_factory=Captured)
    exit_code: int | None = None
    signal: int | None = None
    wall_s: float = 0.0
    cpu_s: float = 0.0
    memory_bytes: int = 0
    """Peak resident memory of the largest of its processes."""


@runtime_checkable
class Sandbox(Protocol):
    """A back-end. Any number of threads may call `run`; it blocks while all places are taken."""

    name: str
    """``docker``, ``bubblewrap`` or ``subprocess``."""

    def run(self, program: Program) -> Execution:
        """Run it in a place where nothing of an earlier program is left.

        Raises SandboxError when our side fails. Whatever the program does is told in the result and never raises.
        """
        ...

    def close(self) -> None:
        """Give everything back. May be called twice; `run` raises SandboxError afterwards."""
        ...
