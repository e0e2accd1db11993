"""Warm places: as many at a time as there may be, each for one program at a time, replaced when worn or in doubt."""

from __future__ import annotations

import os
import threading
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Self

from distil_envs.errors import ConfigError
from distil_envs.sandbox import wire
from distil_envs.sandbox.place import Fate, LostError, Place
from distil_envs.sandbox.protocol import Ended, Execution, Limits, Program, SandboxError

DEFAULT_RECYCLE_AFTER = 2000
"""Programs after which a place is replaced."""
DEFAULT_LIFETIME_S = 6 * 3600.0
"""Seconds after which a place ends by itself when it is idle; the pool replaces it at half of that."""

CLOSE_S = 10.0
"""For a place that is being replaced while its pool closes."""


@dataclass(eq=False)
class _Kept:
    shape: Hashable
    place: Place


class Pool:
    """Places of a back-end, made when they are first needed. Any number of threads may `run`."""

    def __init__(self, backend: PooledSandbox, size: int, recycle_after: int, lifetime_s: float) -> None:
        if size < 1 or recycle_after < 1 or not lifetime_s > 0:
            raise ConfigError(
                f"places, recycle_after and lifetime_s must be positive, got {size}, {recycle_after}, {lifetime_s}"
            )
        self._backend = weakref.ref(backend)  # so that a forgotten sandbox is collected, and its places end
        self._size = size
        self._recycle_after = recycle_after
        self._worn_s = lifetime_s / 2
        self._changed = threading.Condition()
        self._reserved = 0
        """Places at work, starting or ending; with the idle ones never more than ``size``."""
        self._idle: list[_Kept] = []
        self._busy: set[_Kept] = set()
        self._replacing: set[threading.Thread] = set()
        self._closed = False
        self._pid = os.getpid()

    def run(self, shape: Hashable, limits: Limits, message: bytes, fresh: bool = False) -> wire.Reply:
        """Run one message in a place of that shape; ``fresh``: in one that has run nothing.

        Raises LostError when the place was lost, SandboxError where none can be had.
        """
        self._reserve()
        try:
            kept = self._take(shape, limits, fresh)
        except BaseException:
            self._release()
            raise
        try:
            reply = kept.place.run(message, limits.wall_s)
        except BaseException:  # also an interrupt: nobody knows what the place does now
            self._end(kept)
            self._release()
            self._check_usable()
            raise
        if reply.doubt or self._worn(kept.place):
            self._replace(kept, limits)
        else:
            self._put_back(kept)
        return reply

    def close(self) -> None:
        """End every place, also those at work, and wait for those that are being replaced."""
        with self._changed:
            self._closed = True
            kept = [*self._idle, *self._busy]
            replacing = self._replacing - {threading.current_thread()}
            self._idle.clear()
            self._changed.notify_all()
        for one in kept:
            one.place.close()
        for thread in replacing:
            thread.join(CLOSE_S)

    def _check_usable(self) -> None:
        if self._closed:
            raise SandboxError("this sandbox is closed; make a new one")
        if self._pid != os.getpid():
            raise SandboxError("this sandbox was made in another process; make one in this process")

    def _reserve(self) -> None:
        self._check_usable()
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._reserved < self._size)
            self._check_usable()
            self._reserved += 1

    def _release(self) -> None:
        with self._changed:
            self._reserved -= 1
            self._changed.notify()

    def _take(self, shape: Hashable, limits: Limits, fresh: bool) -> _Kept:
        found: _Kept | None = None
        stale: list[_Kept] = []
        with self._changed:
            for one in [one for one in self._idle if one.shape == shape and not fresh]:
                self._idle.remove(one)
                if one.place.alive():
                    found = one
                    self._busy.add(one)
                    break
                stale.append(one)
            if found is None and len(self._idle) + self._reserved > self._size:
                stale.append(self._idle.pop(0))  # makes room for one of this shape
        for one in stale:
            one.place.close()
        return found or self._start(shape, limits)

    def _start(self, shape: Hashable, limits: Limits) -> _Kept:
        self._check_usable()
        backend = self._backend()
        if backend is None:
            raise SandboxError("this sandbox is gone")
        kept = _Kept(shape, backend.start_place(limits))
        with self._changed:
            if not self._closed:
                self._busy.add(kept)
                return kept
        kept.place.close()
        raise SandboxError("this sandbox was closed while a place started")

    def _put_back(self, kept: _Kept) -> None:
        with self._changed:
            self._busy.discard(kept)
            self._reserved -= 1
            self._changed.notify()
            if not self._closed:
                self._idle.append(kept)
                return
        kept.place.close()

    def _end(self, kept: _Kept) -> None:
        with self._changed:
            self._busy.discard(kept)
        kept.place.close()

    def _worn(self, place: Place) -> bool:
        return place.programs >= self._recycle_after or time.monotonic() - place.born > self._worn_s

    def _replace(self, kept: _Kept, limits: Limits) -> None:
        """In the background; until the new place stands, the reservation is its own."""

        def replace() -> None:
            self._end(kept)
            try:
                self._put_back(self._start(kept.shape, limits))
            except SandboxError:
                self._release()  # whoever needs a place next tries again, and is told
            finally:
                with self._changed:
                    self._replacing.discard(threading.current_thread())

        thread = threading.Thread(target=replace, name="distil-sandbox-replace", daemon=True)
        with self._changed:
            self._replacing.add(thread)
        thread.start()


class PooledSandbox(ABC):
    """A `Sandbox` on a pool. A back-end says how a place is started and which limits need a place of their own."""

    name: str

    def __init__(
        self,
        places: int | None = None,
        recycle_after: int = DEFAULT_RECYCLE_AFTER,
        lifetime_s: float = DEFAULT_LIFETIME_S,
    ) -> None:
        """Nothing is started yet.

        Args:
            places: How many programs run at a time; by default as many as there are processors at hand.
            recycle_after: Programs after which a place is replaced by a fresh one.
            lifetime_s: Seconds after which a place ends by itself when it is idle, whoever forgot it.
        """
        self.places = places if places is not None else len(os.sched_getaffinity(0))
        self.lifetime_s = lifetime_s
        self._pool = Pool(self, self.places, recycle_after, lifetime_s)
        weakref.finalize(self, self._pool.close)

    @abstractmethod
    def start_place(self, limits: Limits) -> Place:
        """A ready place that enforces those limits that are of the place and not of a program. Raises SandboxError."""

    @abstractmethod
    def shape(self, limits: Limits) -> Hashable:
        """Equal for limits that can share a place."""

    def run(self, program: Program) -> Execution:
        """See `Sandbox.run`. Raises ConfigError for limits or arguments that make no sense."""
        message, limits = wire.request(program), program.limits
        lost: list[LostError] = []
        while len(lost) < 2:
            try:
                return wire.execution(program, self._pool.run(self.shape(limits), limits, message, fresh=bool(lost)))
            except LostError as error:
                lost.append(error)
        return blamed(program, lost)

    def close(self) -> None:
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def blamed(program: Program, lost: list[LostError]) -> Execution:
    """The verdict on a program that has cost two places, the second a fresh one.

    Once may be our side's bad luck. Twice, while the back-end works and says that the places ended by themselves, is
    the program's doing: it must not be able to call its failure ours. Raises SandboxError where that is not evident.
    """
    fates = {error.fate for error in lost}
    if Fate.UNKNOWN in fates:
        raise SandboxError(f"a place was lost twice while it ran a program: {lost[-1]}; see `distil doctor`")
    if fates == {Fate.SILENT}:
        return Execution(Ended.TIMEOUT, limit="wall", wall_s=program.limits.wall_s)
    if fates == {Fate.MEMORY}:
        return Execution(Ended.LIMIT, limit="memory")
    return Execution(Ended.KILLED)
