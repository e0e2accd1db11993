"""The resident runner: PID 1 of its sandbox. It forks a child for every program, watches it, and cleans up behind it.

It never parses what a program wrote: bytes are passed on behind a header with what the runner itself measured. Only
the child reads the program, so that nothing of it stays here, and the buffers for a program's output are not mapped in
children. It ignores signals and is not dumpable: a child, though of the same user, can neither stop nor read it.

Messages in both directions are a length (4 bytes, big-endian) and JSON. The program follows a request's JSON, results,
stdout, stderr and lines follow a reply's, each of the length that the JSON says.
"""

from __future__ import annotations

import fcntl
import gc
import json
import math
import os
import platform
import resource
import select
import sys
import time
from typing import Any, NoReturn

from distil_envs.sandbox.inside.child import (
    BEGUN_FD,
    BROKEN,
    CLAIM_BYTES,
    LINES_FD,
    RESULTS_FD,
    prepare,
    read_exactly,
    run_child,
)
from distil_envs.sandbox.inside.cleaning import Cleaner, make_untouchable
from distil_envs.sandbox.inside.streams import Buffers, Stream

CHANNEL_FD = 64
"""Descriptors of the channel are moved to here and above, out of the way of a program's."""
TICK_S = 0.02
"""Between looks at a child that says nothing."""
LOAD_S = 30.0
"""For a child to read its program, before its time starts."""
RECORD_BYTES = 1 << 10
"""For the frame of one record."""
LINES_BYTES = 128 << 10
"""Kept of the executed lines."""


class HostGoneError(Exception):
    """The other end of the channel has closed."""


def main(config: dict[str, Any]) -> None:
    """Serve until the other end closes, the lifetime is over, or the sandbox may not be clean any more."""
    Runner(config).serve()


class Runner:
    """See the module. ``config`` comes from the back-end and is trusted; `distil_envs.sandbox.boot` documents it."""

    def __init__(self, config: dict[str, Any]) -> None:
        if config["isolated"] and os.getpid() != 1:
            raise RuntimeError("the runner must be process 1 of a process namespace of its own")
        self._config = config
        self._end = time.monotonic() + config["lifetime_s"]
        self._requests = _moved(0)
        self._replies = _moved(1)
        nothing = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, RESULTS_FD, LINES_FD, BEGUN_FD):  # kept taken, so that pipes get higher numbers
            os.dup2(nothing, fd)
        prepare()
        make_untouchable(isolated=config["isolated"])
        self._cleaner = Cleaner(config["scratch"], isolated=config["isolated"])
        self._memory = MemoryEvents()
        gc.collect()
        gc.freeze()
        gc.disable()  # the runner makes no cycles, and a collection would unshare the pages of its children

    def serve(self) -> None:
        self._send({"ready": True, "python": platform.python_version(), "pid": os.getpid()})
        while True:
            try:
                request = self._receive()
            except HostGoneError:
                return
            doubt = self._serve_one(request)
            if doubt:
                return

    def _serve_one(self, request: dict[str, Any]) -> str:
        """Run one program and answer. Returns why this runner must be replaced, or nothing."""
        sizes = {
            "results": request["value_bytes"] + 2 * CLAIM_BYTES + RECORD_BYTES * (1 + request["calls"]),
            "stdout": max(2, request["output_bytes"]),
            "stderr": max(2, request["output_bytes"]),
            "lines": LINES_BYTES,
        }
        with Buffers(sizes) as buffers:
            streams = {name: Stream(buffers.views[name], ring=name != "results") for name in sizes}
            begun, begins = os.pipe()
            started = time.monotonic()
            pid = os.fork()
            if pid == 0:
                self._become_child(request, {name: stream.writer for name, stream in streams.items()}, begins)
            os.close(begins)
            for stream in streams.values():
                stream.close_writer()
            cause, wall, status, usage = self._watch(pid, begun, streams, request["wall_s"])
            left, doubt = self._cleaner.kill_all(pid)
            status, usage = left or (status, usage)
            for stream in streams.values():
                stream.drain_rest()
            doubt = doubt or self._cleaner.clean()
            memory = self._memory.verdict()
            if memory:
                doubt = doubt or "a process was killed for lack of memory"
            if not cause and streams["results"].full:
                cause = "value"
            if not _readable(begun):
                cause = "load"
                doubt = doubt or "the program was not read to its end"
            os.close(begun)
            reply = {
                "cause": cause,
                "exit_code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
                "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
                "memory": memory,
                "wall_s": wall or time.monotonic() - started,
                "cpu_s": usage.ru_utime + usage.ru_stime if usage else 0.0,
                "memory_bytes": usage.ru_maxrss * 1024 if usage else 0,
                "doubt": doubt,
                "streams": {name: stream.sizes() for name, stream in streams.items()},
            }
            self._send(reply, [part for stream in streams.values() for part in stream.parts()])
        return doubt

    def _become_child(self, request: dict[str, Any], writers: dict[str, int], begins: int) -> NoReturn:
        try:
            run_child(self._requests, {**writers, "begun": begins}, request, self._config)
        except BaseException as error:  # ours: nothing of the program runs outside of `run_child`'s own guards
            sys.stderr.write(f"the child failed: {type(error).__name__}: {error}\n")
        finally:
            os._exit(BROKEN)

    def _watch(
        self, pid: int, begun: int, streams: dict[str, Stream], wall_s: float
    ) -> tuple[str, float, int, resource.struct_rusage | None]:
        """Drain what the child writes until it ends or must be ended. Returns why, wall time, status and usage."""
        poll = select.poll()
        poll.register(self._requests, 0)  # tells when the other end closes
        poll.register(begun, select.POLLIN)
        readers = {stream.reader: stream for stream in streams.values()}
        for reader in readers:
            poll.register(reader, select.POLLIN)
        results = streams["results"]
        started = 0.0
        deadline = time.monotonic() + LOAD_S
        pause = 0.0002
        while True:
            wait = max(0.0, min(pause, deadline - time.monotonic()))
            if readers:
                events = poll.poll(math.ceil(1000 * wait))
            else:  # everything is closed: the end is near, but cannot be polled for
                time.sleep(wait)
                events = poll.poll(0)
            pause = 0.0002 if events else min(2 * pause, TICK_S)
            now = time.monotonic()
            for fd, event in events:
                if fd == self._requests:
                    self._cleaner.kill_all(pid)
                    raise SystemExit("the host has gone in the middle of a program")
                if fd == begun:
                    poll.unregister(fd)
                    if event & select.POLLIN:
                        started, deadline = now, now + wall_s
                elif not readers[fd].drain():
                    poll.unregister(fd)
                    del readers[fd]
            now = time.monotonic()
            ended, status, usage = os.wait4(pid, os.WNOHANG)
            wall = now - started if started else 0.0
            if ended:
                return "", wall, status, usage
            if results.full:
                return "value", wall, 0, None
            if now >= deadline:
                return "wall" if started else "load", wall, 0, None

    def _receive(self) -> dict[str, Any]:
        """The next request's JSON; the program behind it is left for the child to read."""
        poll = select.poll()
        poll.register(self._requests, select.POLLIN)
        if not poll.poll(1000 * max(0.0, self._end - time.monotonic())):
            raise HostGoneError("the lifetime is over")
        size = int.from_bytes(read_exactly(self._requests, 4), "big")
        found: dict[str, Any] = json.loads(read_exactly(self._requests, size))
        return found

    def _send(self, message: dict[str, Any], parts: list[memoryview] | None = None) -> None:
        text = json.dumps(message).encode("ascii")
        for part in (memoryview(len(text).to_bytes(4, "big") + text), *(parts or ())):
            done = 0
            while done < len(part):
                done += os.write(self._replies, part[done:])


def _readable(fd: int) -> bool:
    """Whether something was written to a pipe that nobody has read."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return any(event & select.POLLIN for _, event in poll.poll(0))


class MemoryEvents:
    """What the kernel counts of this control group. After a kill the runner is replaced: the counts are not reset."""

    _NEAR = 2 << 20
    """Bytes from the limit at which it counts as reached: memory is charged in batches."""

    def __init__(self, root: str = "/sys/fs/cgroup") -> None:
        self._root = root
        self._events = self._opened("memory.events")  # version 2 of control groups
        self._kills = self._opened("memory/memory.oom_control")  # version 1
        self._peaks = [
            (self._opened(f"memory/{kind}.max_usage_in_bytes"), self._opened(f"memory/{kind}.limit_in_bytes"))
            for kind in ("memory", "memory.memsw")  # with swap, where the kernel counts that
        ]

    def verdict(self) -> str:
        """``limit``: a process was killed at this group's limit; ``host``: one was, for lack of memory elsewhere."""
        events = self._read(self._events)
        if events.get("oom_kill"):
            return "limit" if events["oom"] else "host"
        if self._read(self._kills).get("oom_kill"):
            return "limit" if any(self._is_near(*peak) for peak in self._peaks) else "host"
        return ""

    def _is_near(self, used: int | None, limit: int | None) -> bool:
        if used is None or limit is None:
            return False
        return self._read(used)[""] >= self._read(limit)[""] - self._NEAR

    def _opened(self, name: str) -> int | None:
        try:
            return os.open(f"{self._root}/{name}", os.O_RDONLY)
        except OSError:  # the other version
            return None

    def _read(self, fd: int | None) -> dict[str, int]:
        """Keys and numbers; a bare number has an empty key."""
        if fd is None:
            return {}
        words = os.pread(fd, 4096, 0).decode("ascii").split()
        if len(words) == 1:
            words = ["", *words]
        return {key: int(value) for key, value in zip(words[::2], words[1::2], strict=True)}


def _moved(fd: int) -> int:
    """A descriptor far above those that a program gets, closed on exec."""
    moved: int = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, CHANNEL_FD)
    return moved
