"""Background grading that survives what it grades: `isolated`, `grade` and `Grader`.

Three layers. `WorkerPool` runs functions in processes that can be killed. `isolated` makes a user's plain function a
`Verifier` that keeps the contract (any thread, killed on time-out, never raises), and `grade` turns what a broken one
does into an ``infra_error``, which is never a wrong answer (law 4). `Grader` calls them in background threads.
"""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from numbers import Real
from typing import Any, Protocol, TypeVar

import numpy as np

from distil_envs.errors import ConfigError, told
from distil_envs.outcome import Outcome, Raised, Status, Trace
from distil_envs.task import Task
from distil_envs.worker_pool import RemoteError, WorkerDied, WorkerError, WorkerPool, WorkerTimeout

__all__ = [
    "Grader",
    "RemoteError",
    "Verifier",
    "WorkerDied",
    "WorkerError",
    "WorkerPool",
    "WorkerTimeout",
    "grade",
    "guarded",
    "infra_error",
    "isolated",
    "shared_pool",
    "timed_out",
]

SHARED_WORKERS = 4
"""Workers of `shared_pool`: so many verifications run at a time, further ones wait for the first to end."""


class Verifier(Protocol):
    """Grades one completion. Stateless, callable from any thread, never raises for a bad completion.

    One that holds something may have ``close()``, which is called by who made it, and ``resources()``, a mapping of
    names to what it runs on, for the record of a run.
    """

    def __call__(self, task: Task, completion: str, /) -> Outcome: ...


T = TypeVar("T")
Score = Outcome | float | bool
Function = Callable[[Task, str], Score]

_shared: WorkerPool | None = None
_shared_lock = threading.Lock()


def shared_pool() -> WorkerPool:
    """The one pool of this process: everything that verifies in a worker goes through it. Made on first use."""
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = WorkerPool(SHARED_WORKERS)
        return _shared


def infra_error(type_name: str, message: str) -> Outcome:
    """The outcome of a failure on our side, with the reason as a `Raised` event."""
    return Outcome(0.0, Status.INFRA_ERROR, trace=Trace((Raised(type_name, message),)))


def timed_out(name: str, timeout_s: float) -> Outcome:
    """The outcome of a verification that was killed because the completion made it take too long."""
    message = f"verifier {name} took longer than {timeout_s:g} s on this completion and was killed"
    return Outcome(0.0, Status.TIMEOUT, trace=Trace((Raised("WorkerTimeout", message),)))


def guarded(
    name: str, timeout_s: float, function: Callable[..., T], *arguments: Any, here: bool = False
) -> T | Outcome:
    """What ``function(*arguments)`` returns in a worker of `shared_pool`; where it fails the outcome of that.

    That is a ``timeout``, or an ``infra_error`` that names the verifier ``name``. ``here``: in this process instead,
    without a limit of time.
    """
    try:
        return function(*arguments) if here else shared_pool().run(function, *arguments, timeout_s=timeout_s)
    except WorkerTimeout:
        return timed_out(name, timeout_s)
    except RemoteError as error:
        return infra_error(error.type_name, f"verifier {name} raised: {error.message}\n{error.traceback_text}")
    except Exception as error:
        return infra_error(type(error).__name__, f"verifier {name} could not be run: {told(error)}")


@dataclass(frozen=True)
class isolated:  # noqa: N801 (used like a function)
    """A user's plain function as a contract-keeping verifier, run in a worker of `shared_pool`.

    The function takes ``(task, completion)`` and returns an `Outcome`; or True (reward 1, correct) or False (reward 0,
    wrong); or a number in [0, 1], the reward, which is correct when it is 1 and wrong below.

    A hang becomes ``timeout``. An exception, a crash of the process, a reward that is not finite or lies outside
    [0, 1], or any other return value becomes ``infra_error`` with a `Raised` event that names the function.
    """

    function: Function
    """Runs in another process: what it needs must be picklable by cloudpickle (closures and lambdas are)."""
    timeout_s: float = 10.0
    """Seconds of wall time for one completion."""

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise ConfigError(f"a verifier must be callable with (task, completion), got {self.function!r}")
        if not 0 < self.timeout_s < math.inf:
            raise ConfigError(f"timeout_s must be a positive number of seconds, got {self.timeout_s}")

    @property
    def name(self) -> str:
        return _name(self.function)

    def __call__(self, task: Task, completion: str) -> Outcome:
        value = guarded(self.name, self.timeout_s, self.function, task, completion)
        return _outcome(value, self.name)


def grade(verifier: Verifier, task: Task, completion: str) -> Outcome:
    """``verifier(task, completion)``, with an exception or a result that is no `Outcome` made an ``infra_error``."""
    try:
        value = verifier(task, completion)
    except (Exception, SystemExit) as error:
        return infra_error(type(error).__name__, f"verifier {_name(verifier)} raised: {told(error)}")
    return _outcome(value, _name(verifier))


def _outcome(value: Any, name: str) -> Outcome:
    if isinstance(value, Outcome):
        return value
    if isinstance(value, (bool, np.bool_)):
        value = float(value)
    expected = "expected an Outcome, a bool, or a finite reward in [0, 1]"
    if not isinstance(value, Real):
        return infra_error("TypeError", f"verifier {name} returned {type(value).__name__}; {expected}")
    reward = float(value)
    if not math.isfinite(reward) or not 0.0 <= reward <= 1.0:
        return infra_error("ValueError", f"verifier {name} returned the reward {reward}; {expected}")
    return Outcome(reward, Status.CORRECT if reward >= 1.0 else Status.WRONG)


def _name(function: Any) -> str:
    if isinstance(function, isolated):
        return function.name
    return repr(getattr(function, "__qualname__", type(function).__qualname__))


class Grader:
    """Calls verifiers, and tools, in background threads.

    A slow call delays no other while fewer than ``threads`` are under way and, for verifiers that run in
    `shared_pool`, while one of its workers is free; what comes beyond waits its turn, first come, first served by
    threads. Threads start when needed and are daemons: a verifier that breaks its contract and hangs without ever
    being killed keeps its thread, but neither `close` nor the end of the program.
    """

    def __init__(self, threads: int = 32) -> None:
        """``threads``: most calls under way at a time. Raises ConfigError below 1."""
        if threads < 1:
            raise ConfigError(f"threads must be at least 1, got {threads}")
        self._limit = threads
        self._jobs: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._pending = 0
        self._abandoned: set[Future[Any]] = set()
        self._closed = False

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """The result of the call, later; it is cancelled when the grader closes before its turn came.

        Raises RuntimeError after `close`.
        """
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("this grader is closed; make a new one")
            self._pending += 1
            self._jobs.put((future, call))
            self._start_thread()
        return future

    def abandon(self, future: Future[Any]) -> None:
        """Nobody waits for this any more: it is cancelled, or where it has begun another thread may take its place."""
        if future.cancel() or future.done():
            return
        with self._lock:
            self._abandoned.add(future)
            self._limit += 1
            self._start_thread()

    def close(self) -> None:
        """Take no more work and cancel what has not begun. Calls under way end by themselves."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for _ in range(self._threads):
                self._jobs.put(None)

    def __enter__(self) -> Grader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start_thread(self) -> None:
        if self._pending > self._threads and self._threads < self._limit:
            self._threads += 1
            threading.Thread(target=self._work, name=f"grader-{self._threads}", daemon=True).start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, call = job
            if self._closed:
                future.cancel()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except BaseException as error:
                    future.set_exception(error)
            with self._lock:
                self._pending -= 1
                if future in self._abandoned:
                    self._abandoned.remove(future)
                    self._limit -= 1
                    self._threads -= 1
                    return
