"""A place: one running runner, seen from outside, and the channel to it."""

from __future__ import annotations

import json
import math
import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from distil_envs.sandbox.boot import RunnerConfig, bundle
from distil_envs.sandbox.protocol import SandboxError
from distil_envs.sandbox.wire import Reply

START_S = 60.0
"""For a runner to say that it is ready: a machine may be busy with starting many."""
GRACE_S = 20.0
"""Beyond a program's wall time, for the runner to read it, kill it, clean up and answer."""
MAX_HEADER_BYTES = 1 << 20


class Fate(StrEnum):
    """What is known about the end of a place that was lost while it ran a program."""

    ENDED = "ended"
    """It ended by itself, by evidence: the back-end works and saw it end."""
    MEMORY = "memory"
    """It ended for lack of memory of its own, by evidence."""
    SILENT = "silent"
    """It did not answer in time."""
    UNKNOWN = "unknown"
    """The connection broke, or the back-end does not answer either."""


@dataclass(frozen=True)
class LostError(Exception):
    """The place does not answer any more."""

    reason: str
    fate: Fate

    def __str__(self) -> str:
        return self.reason


class Channel(Protocol):
    """Bytes to and from a runner. Deadlines are of `time.monotonic`; TimeoutError beyond, OSError when broken."""

    def send(self, data: bytes, deadline: float) -> None: ...

    def receive(self, size: int, deadline: float) -> bytes:
        """Exactly so many bytes; EOFError when it ends before."""
        ...

    def quiet(self) -> bool:
        """Whether it is open and nothing has come unasked."""
        ...

    def fate(self) -> tuple[Fate, str]:
        """What became of the other end, after the channel broke, and in words."""
        ...

    def close(self) -> None:
        """End the runner. May be called twice; does not raise."""
        ...


class Place:
    """A ready runner. Not for two threads at a time."""

    def __init__(self, channel: Channel, config: RunnerConfig) -> None:
        """Send the runner its source and wait until it is ready. Raises SandboxError, and closes the channel then."""
        self._channel = channel
        self.born = time.monotonic()
        self.programs = 0
        """How many it has run."""
        try:
            deadline = self.born + START_S
            channel.send(bundle(config), deadline)
            self.about = self._header(deadline)
        except (OSError, EOFError, ValueError) as error:
            words = channel.fate()[1]
            channel.close()
            raise SandboxError(f"a sandbox's runner did not start ({_line(error)}); {words}") from error

    def run(self, message: bytes, wall_s: float) -> Reply:
        """Run one program. Raises LostError; the place is of no use afterwards."""
        self.programs += 1
        try:
            deadline = time.monotonic() + wall_s + GRACE_S
            self._channel.send(message, deadline)
            header = self._header(deadline)
            streams = {name: self._stream(sizes, deadline) for name, sizes in header["streams"].items()}
            return Reply(header, streams)
        except TimeoutError:
            raise LostError(f"no answer {GRACE_S:g} s after the time limit", Fate.SILENT) from None
        except (OSError, EOFError, ValueError) as error:
            fate, words = self._channel.fate()
            raise LostError(f"{_line(error)}; {words}", fate) from error

    def alive(self) -> bool:
        """Whether it can be given a program."""
        return self._channel.quiet()

    def close(self) -> None:
        self._channel.close()

    def _header(self, deadline: float) -> Mapping[str, Any]:
        size = int.from_bytes(self._channel.receive(4, deadline), "big")
        if size > MAX_HEADER_BYTES:
            raise ValueError(f"the runner announced a header of {size} bytes")
        found: Mapping[str, Any] = json.loads(self._channel.receive(size, deadline))
        return found

    def _stream(self, sizes: Sequence[int], deadline: float) -> tuple[bytes, bytes, int]:
        head, tail, total = sizes
        return self._channel.receive(head, deadline), self._channel.receive(tail, deadline), total


class ProcessChannel:
    """The runner as a process of ours: its standard input and output."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], cwd: str = "/") -> None:
        """Start ``command``. Raises SandboxError when that fails."""
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(environment),
                cwd=cwd,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxError(f"cannot start {command[0]}: {error}") from error
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._writer, self._reader = self._process.stdin, self._process.stdout
        self._errors = self._process.stderr
        for stream in (self._writer, self._reader, self._errors):
            os.set_blocking(stream.fileno(), False)

    def send(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            _wait(self._writer.fileno(), select.POLLOUT, deadline)
            view = view[os.write(self._writer.fileno(), view[: select.PIPE_BUF * 16]) :]

    def receive(self, size: int, deadline: float) -> bytes:
        parts = []
        while size:
            _wait(self._reader.fileno(), select.POLLIN, deadline)
            part = os.read(self._reader.fileno(), size)
            if not part:
                raise EOFError("the runner has closed its output")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def quiet(self) -> bool:
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        return not poll.poll(0)

    def fate(self) -> tuple[Fate, str]:
        try:
            status = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return Fate.UNKNOWN, "its process is alive"
        return Fate.ENDED, f"its process ended with status {status}: {self._said()}"

    def close(self) -> None:
        self._writer.close()
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.close()
        self._errors.close()

    def _said(self) -> str:
        try:
            return (os.read(self._errors.fileno(), 4096) or b"it said nothing").decode("utf-8", "replace").strip()
        except (BlockingIOError, ValueError):
            return "it said nothing"


def _wait(fd: int, event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(fd, event)
    if not poll.poll(max(0, math.ceil(1000 * (deadline - time.monotonic())))):
        raise TimeoutError("no answer in time")


def _line(error: BaseException) -> str:
    return " ".join((str(error) or type(error).__name__).split())
