"""What runs inside a worker process of `WorkerPool`: read a call, make it, send back what came of it.

The process is started as a plain interpreter, not by multiprocessing: spawn and fork server import the user's
``__main__`` again, which re-runs scripts without a guard and pulls torch into every worker.

Frames are an 8-byte big-endian length, one byte that names the kind, and the payload.
"""

from __future__ import annotations

import importlib
import os
import pickle
import queue
import resource
import signal
import struct
import sys
import threading
import traceback
from contextlib import suppress
from typing import Any

HEADER = struct.Struct(">QB")
READY, LOADED, VALUE, ERROR = range(4)
"""Kinds of frame that a worker sends: it is warm; function and arguments are loaded; the result; an exception."""
CALL = 0
"""The kind of frame that a worker receives: a deadline in seconds, then cloudpickle of ``(function, arguments)``."""
SECONDS = struct.Struct(">d")
_ALARM_SLACK_S = 5.0


def main(config: dict[str, Any]) -> None:
    """Serve calls from fd 0, answering on fd 1, until fd 0 ends.

    ``config``: ``memory_bytes`` (address space limit or None) and ``warm`` (modules to import first).
    """
    # The protocol moves away from fds 0 and 1, so that a print in a user's function cannot corrupt it.
    source, sink = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if config["memory_bytes"] is not None:
        resource.setrlimit(resource.RLIMIT_AS, (config["memory_bytes"], config["memory_bytes"]))
    calls: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(source, calls), daemon=True).start()
    for name in config["warm"]:
        importlib.import_module(name)
    _send(sink, READY, b"")
    while True:
        _serve(calls.get(), sink)


def _serve(frame: bytes, sink: int) -> None:
    import cloudpickle

    try:
        function, arguments = pickle.loads(memoryview(frame)[SECONDS.size :])
        _send(sink, LOADED, b"")
        # The parent kills on time. This catches the case of a dead parent and a function that never lets go of the
        # interpreter lock, where the receiving thread cannot run: the kernel then ends the process.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, SECONDS.unpack_from(frame)[0] + _ALARM_SLACK_S)
        try:
            payload = cloudpickle.dumps(function(*arguments))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except BaseException as error:
        text = "".join(traceback.format_exception(error, limit=-20))
        _send(sink, ERROR, pickle.dumps((type(error).__qualname__, _words(error), text[-20_000:])))
    else:
        _send(sink, VALUE, payload)


def _words(error: BaseException) -> str:
    try:
        return str(error)[:5_000]
    except Exception:
        return "(its message could not be read)"


def _receive(source: int, calls: queue.SimpleQueue[bytes]) -> None:
    try:
        while True:
            length, _ = HEADER.unpack(_read(source, HEADER.size))
            calls.put(_read(source, length))
    except (EOFError, OSError, MemoryError):
        # The parent is gone or has dropped us: take the children of the user's functions along.
        os.killpg(os.getpgrp(), signal.SIGKILL)


def _read(fd: int, count: int) -> bytes:
    parts = []
    while count:
        part = os.read(fd, min(count, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _send(fd: int, kind: int, payload: bytes) -> None:
    with suppress(Exception):  # a user's function may have closed it
        sys.stdout.flush()
    view = memoryview(HEADER.pack(len(payload), kind) + payload)
    while view:
        view = view[os.write(fd, view) :]
