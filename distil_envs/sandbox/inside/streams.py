"""Pipes from a child, drained into bounded buffers that children do not have mapped."""

from __future__ import annotations

import mmap
import os
from types import TracebackType

DRAINS = 16
"""Reads in a row of one stream, so that a fast writer cannot keep the runner from looking at the clock."""


class Buffers:
    """Memory for the streams of one program: anonymous, not inherited by children, gone afterwards."""

    def __init__(self, sizes: dict[str, int]) -> None:
        self._map = mmap.mmap(-1, max(1, sum(sizes.values())))
        self._map.madvise(mmap.MADV_DONTFORK)
        whole = memoryview(self._map)
        self.views: dict[str, memoryview] = {}
        start = 0
        for name, size in sizes.items():
            self.views[name] = whole[start : start + size]
            start += size
        whole.release()

    def __enter__(self) -> Buffers:
        return self

    def __exit__(self, *_: tuple[type[BaseException], BaseException, TracebackType] | None) -> None:
        self.views.clear()  # the map goes with its last view


class Stream:
    """One pipe: what was written to it is counted, and kept from the head, or (``ring``) half head and half tail."""

    def __init__(self, view: memoryview, ring: bool) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self.total = 0
        """Bytes written so far."""
        self._view = view
        self._head = len(view) // 2 if ring else len(view)

    @property
    def full(self) -> bool:
        """Whether more was written than a stream without a tail can keep."""
        return self._head == len(self._view) and self.total >= self._head > 0

    def close_writer(self) -> None:
        os.close(self.writer)

    def drain(self) -> bool:
        """Read what is there, up to a bound. False at the end of the stream."""
        for _ in range(DRAINS):
            target = self._target()
            if not target:
                return True
            try:
                count = os.readv(self.reader, [target])
            except BlockingIOError:
                return True
            if not count:
                return False
            self.total += count
        return True

    def drain_rest(self) -> None:
        """Read what the dead have left in the pipe, and close it."""
        end = self.total + (2 << 20)  # more than a pipe holds: someone is still writing
        before = -1
        while before < self.total < end:
            before = self.total
            if not self.drain():
                break
        os.close(self.reader)

    def sizes(self) -> list[int]:
        """Bytes of head and tail that `parts` hands out, and bytes written in all."""
        head = min(self.total, self._head)
        return [head, min(self.total - head, self._tail), self.total]

    def parts(self) -> list[memoryview]:
        """Head, then the tail in order."""
        head, tail, _ = self.sizes()
        if not tail:
            return [self._view[:head]]
        ring = self._view[self._head :]
        split = (self.total - self._head) % self._tail if tail == self._tail else 0
        return [self._view[:head], ring[split:tail], ring[:split]]

    @property
    def _tail(self) -> int:
        return len(self._view) - self._head

    def _target(self) -> memoryview:
        if self.total < self._head:
            return self._view[self.total : self._head]
        if not self._tail:
            return self._view[:0]
        return self._view[self._head + (self.total - self._head) % self._tail :]
