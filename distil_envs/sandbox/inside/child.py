"""The process of one program: reads it, gives up the runner's channel, takes its limits, and executes.

From the first line of the program on, everything here is in the program's hands. What it reports are claims.
"""

from __future__ import annotations

import atexit
import builtins
import gc
import io
import json
import linecache
import math
import os
import resource
import signal
import site
import sys
import time
import types
from _thread import stack_size  # as `threading` has it, without importing that
from collections.abc import Callable
from typing import Any, NoReturn

from distil_envs.sandbox.bounded import bounded_repr, cut
from distil_envs.sandbox.codec import CodecError, TooLargeError, decode_parsed, encode
from distil_envs.sandbox.inside.cleaning import PR_SET_DUMPABLE, PR_SET_PDEATHSIG, prctl, set_signals
from distil_envs.sandbox.inside.describe import FILENAME, describe, print_traceback
from distil_envs.sandbox.inside.lines import line_tracer

BROKEN = 70
"""Exit status of a child that failed before the program began."""
CLAIM_BYTES = 512 << 10
"""Of exceptions and printed text in one program's records. When they are used up, records get short."""
CALL_STDOUT = 2000
"""Characters kept of what one call printed."""
DESCRIPTORS = 256
"""That a program may have open; also more than the runner has."""
STACK_BYTES = 64 << 20
"""For recursion in C: the usual 8 MiB are few."""
THREAD_STACK_BYTES = 8 << 20
"""Not STACK_BYTES: where memory is limited as address space, a few threads would take all of it."""
RESULTS_FD, LINES_FD, BEGUN_FD, _FIRST_FREE = 3, 4, 5, 6

_DECODER = json.JSONDecoder()
_stdout: _Printed
"""Made before any fork, so that it costs a program nothing."""


def prepare() -> None:
    """In the runner, once: what is the same for every child. Descriptors 0 to 5 get other meanings later."""
    global _stdout
    _stdout = _Printed(1)
    _open_streams(_stdout)
    sys.argv = [FILENAME]
    os.umask(0o022)
    if not hasattr(builtins, "exit"):  # without `site`
        site.setquit()
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it; a death by it can be told
    _limit(resource.RLIMIT_NOFILE, DESCRIPTORS)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_MSGQUEUE, 0)  # no message queues of POSIX, which would have to be looked for
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    resource.setrlimit(resource.RLIMIT_STACK, (_least(STACK_BYTES, hard), hard))
    stack_size(THREAD_STACK_BYTES)


def run_child(channel: int, writers: dict[str, int], request: dict[str, Any], config: dict[str, Any]) -> NoReturn:
    """Read the program from the channel and run it. Does not return."""
    body, _ = _DECODER.raw_decode(read_exactly(channel, request["body"]).decode("ascii"))
    _give_up_descriptors(writers, body["stdin"].encode("utf-8", "surrogatepass"))
    _take_limits(request, config)
    os.chdir(config["work"])
    gc.enable()
    records = _Records(request["value_bytes"])
    # From here on time counts. Not told by what the program can write, or read back through /proc/self/fd.
    os.write(BEGUN_FD, b"\n")
    os.close(BEGUN_FD)
    try:
        status = _run(body, records)
    except SystemExit as exit_:
        status = _exit_status(exit_)
    if body["entry_point"] is None:
        _end_script()
    _flush(sys.stdout, sys.stderr, *_left_open())
    os._exit(status)


def read_exactly(fd: int, size: int) -> bytes:
    """So many bytes of a descriptor. Raises SystemExit when it ends before."""
    parts = []
    while size:
        part = os.read(fd, min(size, 1 << 20))
        if not part:
            raise SystemExit(0)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


# --- Before the program -----------------------------------------------------------------------------------------------


def _give_up_descriptors(writers: dict[str, int], stdin: bytes) -> None:
    """Standard input, output and error are the program's, then records, lines and its begin; others are closed."""
    if stdin:  # else it is the null device already
        source = os.memfd_create("stdin", 0)
        done = 0
        while done < len(stdin):
            done += os.write(source, stdin[done:])
        os.lseek(source, 0, os.SEEK_SET)
        os.dup2(source, 0)
    os.dup2(writers["stdout"], 1)
    os.dup2(writers["stderr"], 2)
    os.dup2(writers["results"], RESULTS_FD, inheritable=False)
    os.dup2(writers["lines"], LINES_FD, inheritable=False)
    os.dup2(writers["begun"], BEGUN_FD, inheritable=False)
    os.closerange(_FIRST_FREE, DESCRIPTORS)


def _take_limits(request: dict[str, Any], config: dict[str, Any]) -> None:
    os.setsid()
    if not config["isolated"]:  # there, the end of process 1 is the end of all
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        set_signals(signal.SIG_DFL)
    prctl(PR_SET_DUMPABLE, 1)  # no other program is alive, and /proc/self is wanted
    score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    os.write(score, b"1000")
    os.close(score)
    cpu = max(1, math.ceil(request["cpu_s"]))
    _limit(resource.RLIMIT_CPU, cpu, cpu + 1)
    _limit(resource.RLIMIT_FSIZE, request["file_bytes"])
    if config["limit_address_space"]:
        with open("/proc/self/statm", encoding="ascii") as sizes:
            mapped = int(sizes.read().split()[0]) * resource.getpagesize()
        _limit(resource.RLIMIT_AS, mapped + request["memory_bytes"])
    if config["limit_user_processes"]:
        _limit(resource.RLIMIT_NPROC, request["processes"] + 1)  # and the runner


def _limit(number: int, soft: int, hard: int | None = None) -> None:
    most = resource.getrlimit(number)[1]
    resource.setrlimit(number, (_least(soft, most), _least(soft if hard is None else hard, most)))


def _least(value: int, hard: int) -> int:
    return value if hard == resource.RLIM_INFINITY else min(value, hard)


class _Printed(io.RawIOBase):
    """Standard output, which remembers what the current call printed."""

    name, mode = "<stdout>", "wb"

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._kept = bytearray()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def write(self, data: Any) -> int:
        count = os.write(self._fd, data)
        kept = self._kept
        kept += bytes(memoryview(data)[: min(count, 4 * CALL_STDOUT)])
        if len(kept) > 16 * CALL_STDOUT:
            del kept[4 * CALL_STDOUT : -4 * CALL_STDOUT]
        return count

    def take(self) -> str:
        """What was printed since the last `take`: head and tail."""
        text = cut(self._kept.decode("utf-8", "replace"), CALL_STDOUT)
        self._kept.clear()
        return text


def _open_streams(printed: _Printed) -> None:
    """Like the interpreter's own, with the names and modes that programs look at."""
    source, errors = io.FileIO(0, "rb", closefd=False), io.FileIO(2, "wb", closefd=False)
    source.name, errors.name = "<stdin>", "<stderr>"
    sys.stdin = sys.__stdin__ = _text_stream(io.BufferedReader(source), "r", "surrogateescape")  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = _text_stream(io.BufferedWriter(printed), "w", "surrogateescape")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _text_stream(io.BufferedWriter(errors), "w", "backslashreplace")  # type: ignore[misc]


def _text_stream(buffer: io.BufferedReader | io.BufferedWriter, mode: str, errors: str) -> io.TextIOWrapper:
    stream = io.TextIOWrapper(buffer, encoding="utf-8", errors=errors, line_buffering=mode == "w")
    stream.mode = mode  # type: ignore[misc]
    return stream


class _Records:
    """Lines of JSON to the runner, written one by one, so that a crash keeps the earlier ones."""

    def __init__(self, value_bytes: int) -> None:
        self.value_room = value_bytes
        self._claim_room = CLAIM_BYTES

    def write(self, **fields: str) -> None:
        """One record, of fields that are JSON already."""
        data = ("{" + ",".join(f'"{name}":{text}' for name, text in fields.items()) + "}\n").encode("ascii")
        while data:
            data = data[os.write(RESULTS_FD, data) :]

    def raised(self, error: BaseException) -> str:
        """An exception, in full while there is room."""
        return self._spend(json.dumps(describe(error, brief=self._claim_room <= 0)))

    def printed(self) -> str:
        """What the current call printed, while there is room."""
        _flush(sys.stdout)
        text = _stdout.take()
        return self._spend(json.dumps(text)) if text and self._claim_room > 0 else '""'

    def _spend(self, claim: str) -> str:
        self._claim_room -= len(claim)
        return claim


# --- The program ------------------------------------------------------------------------------------------------------


def _run(body: dict[str, Any], records: _Records) -> int:
    """Returns the exit status."""
    source, entry_point, traced_call = body["source"], body["entry_point"], body["trace_call"]
    is_script = entry_point is None
    linecache.cache[FILENAME] = (len(source), None, source.splitlines(True), FILENAME)
    module = types.ModuleType("__main__" if is_script else "program")
    module.__file__ = FILENAME
    sys.modules["__main__"] = sys.modules[module.__name__] = module
    try:
        _seed_random(source)
        code = compile(source, FILENAME, "exec", dont_inherit=True)
        _traced(is_script and traced_call == 0, exec, code, module.__dict__)
        if is_script:
            return 0
        function = _entry_point(module, entry_point)
    except SystemExit:
        raise
    except BaseException as error:
        return _failed(error, records)
    for index, arguments in enumerate(body["calls"]):
        status = _call(function, arguments, records, traced_call == index)
        if status is not None:
            return status
    return 0


def _failed(error: BaseException, records: _Records) -> int:
    print_traceback(error)
    limit = {"limit": '"memory"'} if isinstance(error, MemoryError) else {}
    records.write(failed=records.raised(error), **limit)
    return 1


def _entry_point(module: types.ModuleType, name: str) -> Callable[..., Any]:
    first, _, method = name.partition(".")
    if first not in module.__dict__:
        raise NameError(f"the program defines no {first!r}")
    found = module.__dict__[first]
    if not method:
        return found  # type: ignore[no-any-return]
    if not hasattr(found, method):
        raise AttributeError(f"{first!r} has no {method!r}")
    return lambda *args, **kwargs: getattr(found(), method)(*args, **kwargs)


def _call(function: Callable[..., Any], arguments: Any, records: _Records, trace: bool) -> int | None:
    """One call and its record. Returns an exit status when the program has to end."""
    args, kwargs = decode_parsed(arguments)
    raised: BaseException | None = None
    value = None
    began = time.perf_counter()
    try:
        value = _traced(trace, function, *args, **kwargs)
    except SystemExit:
        raise
    except BaseException as error:
        raised = error
    wall = repr(time.perf_counter() - began)
    if isinstance(raised, MemoryError):
        return _failed(raised, records)
    if raised is not None:
        outcome = {"raised": records.raised(raised)}
    else:
        try:
            document = encode(value, records.value_room)
            records.value_room -= len(document)
            outcome = {"value": document}
        except TooLargeError:
            records.write(limit='"value"')
            return 1
        except Exception as error:
            reason = str(error) if isinstance(error, CodecError) else f"{type(error).__name__} when reading it"
            outcome = {"unencodable": json.dumps(f"{cut(reason, 200)}: {bounded_repr(value)}")}
    records.write(wall_s=wall, stdout=records.printed(), **outcome)
    return None


def _seed_random(source: str) -> None:
    """So that a program is graded alike every time. The module is slow to fork with, so it is imported here."""
    if "random" in source:
        import random

        random.seed(0)


def _traced(enabled: bool, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    if not enabled:
        return function(*args, **kwargs)
    sys.settrace(line_tracer(LINES_FD))
    try:
        return function(*args, **kwargs)
    finally:
        sys.settrace(None)


def _end_script() -> None:
    """What an interpreter does however a script ends: wait for its threads, then its exit functions."""
    wait_for_threads = getattr(sys.modules.get("threading"), "_shutdown", None)
    for step in (wait_for_threads, atexit._run_exitfuncs):
        try:
            if step is not None:
                step()
        except BaseException as error:  # changes the exit status no more
            print_traceback(error)


def _left_open() -> list[Any]:
    """What an interpreter writes last: files in variables of the program, and a standard output that was replaced."""
    main = getattr(sys.modules.get("__main__"), "__dict__", {})
    files = [value for value in main.values() if type(value) in (io.TextIOWrapper, io.BufferedWriter)]
    return [*files, sys.__stdout__]


def _exit_status(exit_: SystemExit) -> int:
    code = exit_.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def _flush(*streams: Any) -> None:
    for stream in streams:
        try:
            stream.flush()
        except BaseException:  # the program may have replaced or closed it
            continue
