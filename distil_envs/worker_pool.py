"""`WorkerPool`: calls functions in processes that can be killed, from any thread."""

from __future__ import annotations

import json
import math
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from distil_envs import worker as protocol
from distil_envs.errors import ConfigError

Result = TypeVar("Result")

START_S = 120.0
"""Seconds that a worker may take to start, and to load a function with the modules that it needs."""
OVERDUE_S = 1.0
"""Seconds after which a call probably hangs and will be killed in the end: it gives up its place."""
MOST_OVERDUE = 3
_MAX_FRAME = 1 << 30
_BOOT = """
import json, sys
config = json.loads(sys.argv[1])
sys.path[:] = config["path"]
from distil_envs.worker import main
main(config)
"""


class WorkerError(Exception):
    """Base of what can go wrong with a call in a worker."""


class WorkerTimeout(WorkerError):  # noqa: N818
    """The call took longer than its time; its process group was killed."""


class WorkerDied(WorkerError):  # noqa: N818
    """The worker could not start, or ended by itself in mid-call (crash, ``os._exit``, killed from outside)."""


class RemoteError(WorkerError):
    """The function raised. Carries the exception as text, since its class need not exist here."""

    def __init__(self, type_name: str, message: str, traceback_text: str) -> None:
        super().__init__(f"{type_name}: {message}")
        self.type_name = type_name
        self.message = message
        self.traceback_text = traceback_text


def _import_path() -> list[str]:
    return [os.path.abspath(entry or ".") for entry in sys.path]


class _Worker:
    """One process. Used by one thread at a time."""

    def __init__(self, memory_bytes: int | None, warm: Sequence[str]) -> None:
        self.path = _import_path()
        config = json.dumps({"path": self.path, "memory_bytes": memory_bytes, "warm": list(warm)})
        # Workers run side by side, so each takes one thread unless the user has said otherwise.
        environment = {"OMP_NUM_THREADS": "1", **os.environ}
        # -P: nothing is imported from the current folder before the parent's path is in place.
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", _BOOT, config],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=environment,
            start_new_session=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._in, self._out = self.process.stdin.fileno(), self.process.stdout.fileno()
        os.set_blocking(self._in, False)
        self._ready = False
        self.calls = 0
        self.began: float | None = None
        """When the function of the call under way started (monotonic, seconds); None while it is loaded."""

    def call(self, payload: bytes, timeout_s: float) -> Any:
        start = time.monotonic() + START_S
        if not self._ready:
            self._expect(protocol.READY, start)
            self._ready = True
        self.calls += 1
        self.began = None
        body = protocol.SECONDS.pack(timeout_s) + payload
        self._write(protocol.HEADER.pack(len(body), protocol.CALL) + body, start)
        kind, answer = self._frame(start)
        if kind == protocol.LOADED:
            self.began = time.monotonic()
            kind, answer = self._frame(self.began + timeout_s)
        if kind == protocol.ERROR:
            raise RemoteError(*pickle.loads(answer))
        return pickle.loads(answer)

    def _expect(self, wanted: int, deadline: float) -> None:
        try:
            kind, _ = self._frame(deadline)
        except WorkerTimeout:
            raise WorkerDied(f"the worker did not start within {START_S:.0f} s") from None
        if kind != wanted:
            raise WorkerDied(f"the worker sent frame {kind} where {wanted} was due")

    def _frame(self, deadline: float) -> tuple[int, bytes]:
        length, kind = protocol.HEADER.unpack(self._read(protocol.HEADER.size, deadline))
        if length > _MAX_FRAME:
            raise WorkerDied(f"the worker announced a result of {length} bytes; at most {_MAX_FRAME} are taken")
        return kind, self._read(length, deadline)

    def _read(self, count: int, deadline: float) -> bytes:
        parts = []
        while count:
            self._wait(self._out, select.POLLIN, deadline)
            part = os.read(self._out, min(count, 1 << 20))
            if not part:
                raise WorkerDied(self._cause())
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _write(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            self._wait(self._in, select.POLLOUT, deadline)
            try:
                view = view[os.write(self._in, view) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise WorkerDied(self._cause()) from None

    def _wait(self, fd: int, event: int, deadline: float) -> None:
        poller = select.poll()
        poller.register(fd, event)
        while True:
            left = deadline - time.monotonic()
            if poller.poll(max(0.0, min(left, 1.0)) * 1000):
                return
            if left <= 0:
                raise WorkerTimeout("the call took too long and its process was killed")
            # A child that the function forked may hold the pipe open after the worker itself has died.
            flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
            if os.waitid(os.P_PID, self.process.pid, flags) is not None and not poller.poll(0):
                raise WorkerDied(self._cause())

    def _cause(self) -> str:
        self.kill()
        code = self.process.returncode
        if code is not None and code < 0:
            return f"the worker was ended by {signal.Signals(-code).name}"
        return f"the worker exited by itself with code {code}"

    def kill(self) -> None:
        """End the process and everything in its group, and wait for it. May be called twice."""
        if self.process.returncode is None:
            # Not yet reaped, so the id of the group cannot have passed to strangers.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(10)

    def close(self) -> None:
        """`kill`, and give the pipes back. Only for the thread that uses the worker."""
        self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


@dataclass
class _State:
    """What a pool and its finaliser share."""

    owner: int = field(default_factory=os.getpid)
    closed: bool = False
    idle: list[_Worker] = field(default_factory=list)
    busy: set[_Worker] = field(default_factory=set)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def shut(self) -> None:
        if self.owner != os.getpid():
            return
        with self.changed:
            self.closed = True
            idle, self.idle = self.idle, []
            busy = list(self.busy)
            self.changed.notify_all()
        for worker in idle:
            worker.close()
        for worker in busy:
            worker.kill()  # its thread sees the end of the pipe and closes it


class WorkerPool:
    """Killable worker processes for arbitrary functions.

    Any number of threads may call `run`; at most ``workers`` calls run at a time, the rest wait for a free worker in
    no particular order. A call that has taken `OVERDUE_S` holds up nobody: it keeps its worker, and another may start
    in its place (`MOST_OVERDUE` for every one of ``workers``). Workers start when first needed. After a fork, the
    child starts workers of its own.
    """

    def __init__(
        self,
        workers: int = 2,
        *,
        memory_bytes: int | None = 4 << 30,
        warm: Sequence[str] = ("sympy", "math_verify"),
        recycle_after: int = 2000,
    ) -> None:
        """``memory_bytes``: address space of each worker, None for no limit. ``warm``: modules that a worker imports
        before its first call. ``recycle_after``: calls after which a worker is replaced by a fresh one, so that caches
        and leaks of users' functions stay bounded.

        Raises ConfigError for a number below 1.
        """
        for name, number in (("workers", workers), ("recycle_after", recycle_after)):
            if number < 1:
                raise ConfigError(f"{name} must be at least 1, got {number}")
        self.workers = workers
        self._memory_bytes = memory_bytes
        self._warm = tuple(warm)
        self._recycle_after = recycle_after
        self._state = _State()
        self._finalizer = weakref.finalize(self, self._state.shut)
        os.register_at_fork(after_in_child=_Forget(weakref.ref(self)))

    def run(self, function: Callable[..., Result], /, *arguments: Any, timeout_s: float) -> Result:
        """``function(*arguments)`` in a worker. Both travel by cloudpickle, so functions of ``__main__`` work.

        ``timeout_s`` counts from when the function starts: neither the wait for a free worker nor the imports that
        loading the function causes. On time-out the worker's process group gets SIGKILL and a fresh worker warms up
        in its place.

        Raises WorkerTimeout, WorkerDied, or RemoteError when the function raised or its result cannot be pickled.
        """
        import cloudpickle

        if not 0 < timeout_s < math.inf:
            raise ConfigError(f"timeout_s must be a positive number of seconds, got {timeout_s}")
        payload = cloudpickle.dumps((function, arguments))
        worker = self._take()
        try:
            result: Result = worker.call(payload, timeout_s)
        except RemoteError as error:
            # What is left of the heap after a MemoryError is not worth keeping.
            self._give(worker, keep=error.type_name != "MemoryError")
            raise
        except BaseException:
            self._give(worker, keep=False)
            raise
        self._give(worker, keep=True)
        return result

    def start(self) -> None:
        """Start all workers now, without waiting: they warm up in the background."""
        with self._state.changed:
            while not self._state.closed and len(self._state.idle) + len(self._state.busy) < self.workers:
                self._state.idle.insert(0, self._spawn())

    def close(self) -> None:
        """Kill all workers. Calls under way raise WorkerDied. May be called twice."""
        self._state.shut()

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _spawn(self) -> _Worker:
        try:
            return _Worker(self._memory_bytes, self._warm)
        except OSError as error:
            raise WorkerDied(f"no worker process could be started: {error}") from error

    def _take(self) -> _Worker:
        state = self._state
        with state.changed:
            while True:
                if state.closed:
                    raise WorkerDied("this pool of workers is closed")
                if state.idle:
                    worker = state.idle.pop()
                    if worker.path != _import_path():  # it could not import what this process can by now
                        worker.close()
                        continue
                elif (wait_s := self._until_room()) == 0:
                    worker = self._spawn()
                else:
                    state.changed.wait(wait_s)
                    continue
                state.busy.add(worker)
                return worker

    def _until_room(self) -> float | None:
        """Seconds until a further worker may start, 0 for now, None for not before another call has ended."""
        now = time.monotonic()
        began = sorted(worker.began or now for worker in self._state.busy)
        if len(began) < self.workers:
            return 0
        if len(began) >= self.workers * (1 + MOST_OVERDUE):
            return None
        return max(0.0, began[-self.workers] + OVERDUE_S - now)

    def _give(self, worker: _Worker, keep: bool) -> None:
        state = self._state
        keep = keep and worker.calls < self._recycle_after
        if not keep:
            worker.close()
        with state.changed:
            state.busy.discard(worker)
            surplus = len(state.idle) + len(state.busy) >= self.workers
            if not state.closed and not surplus:
                if keep:
                    state.idle.append(worker)
                else:
                    with suppress(WorkerDied):  # the next call tries again and reports it
                        state.idle.insert(0, self._spawn())  # taken last: it has yet to warm up
            elif keep:
                worker.close()
            state.changed.notify()


class _Forget:
    """In a forked child: the parent's workers are not ours to use, kill or wait for."""

    def __init__(self, pool: weakref.ref[WorkerPool]) -> None:
        self._pool = pool

    def __call__(self) -> None:
        pool = self._pool()
        if pool is not None:
            for worker in [*pool._state.idle, *pool._state.busy]:
                worker.process.returncode = 0  # silences the warning of a Popen that is dropped while it runs
            pool._finalizer.detach()
            pool._state = _State(closed=pool._state.closed)
            pool._finalizer = weakref.finalize(pool, pool._state.shut)
