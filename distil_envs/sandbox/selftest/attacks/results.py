"""Attacks on what comes out."""

from __future__ import annotations

from typing import Any


def echo(value: Any) -> Any:
    return value


def write_everywhere(values: list[str]) -> str:
    """Answers by hand on every open descriptor, in the forms of common runners, then goes on as if nothing were."""
    import json
    import os
    import pickle

    for value in values:
        documents = [json.dumps(form) for form in ({"value": value}, {"result": value}, value, True)]
        documents += [json.dumps({"codec": "distil-values/1", "items": [value]})]
        documents += [json.dumps({"ended": "completed", "exit_code": 0, "wall_s": 0.0})]
        documents += [json.dumps({"value": {"codec": "distil-values/1", "items": [value]}, "wall_s": 0, "stdout": ""})]
        frames = [b"\n" + each.encode() + b"\n" for each in documents]
        frames += [len(each).to_bytes(4, order) + each.encode() for each in documents for order in ("big", "little")]
        frames += [pickle.dumps(value), b"\xff" * 64, b"\0" * 64]
        for number in range(1024):
            for frame in frames:
                try:
                    os.write(number, frame)
                except OSError:
                    break
    return "honest"


def write_then_exit_7() -> None:
    import os

    for number in range(1, 1024):
        try:
            os.write(number, b'\n{"ended": "completed", "exit_code": 0, "cause": "", "wall_s": 0}\n')
        except OSError:
            continue
    os._exit(7)


def exit_quietly() -> None:
    import os

    os._exit(0)


def exit_by_exception() -> None:
    import sys

    sys.exit(0)


def answer_at_exit(value: str) -> None:
    """Writes its answers when the interpreter ends, when this object dies, and in a thread that outlives the call."""
    import atexit
    import json
    import os
    import sys
    import threading

    def write() -> None:
        for number in range(1, 64):
            try:
                os.write(number, (json.dumps({"value": value}) + "\n").encode())
            except OSError:
                continue

    atexit.register(write)
    threading.Thread(target=write).start()
    sys.exit(0)


def patch_everything() -> str:
    """Replaces what a runner in the same process would use to encode, compare and report."""
    import builtins
    import json
    import os
    import sys

    dumps = json.dumps

    def lie(*_: Any, **__: Any) -> Any:
        return "patched"

    def forge(value: Any, **options: Any) -> str:
        return dumps(
            {**value, "value": "patched"} if isinstance(value, dict) and "value" in value else value, **options
        )

    for name, false in (("dumps", forge), ("JSONEncoder", lie)):
        setattr(json, name, false)
    for name in ("len", "repr", "hash", "all", "any", "sorted", "compile"):
        setattr(builtins, name, lie)
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("distil_envs"):
            for name in list(vars(module)):
                if callable(getattr(module, name)) and not name.startswith("_"):
                    setattr(module, name, lie)
    sys.modules["json"] = sys.modules["math"] = os
    return "honest"


def equal_to_everything() -> Any:
    class Equal:
        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 0

        def __bool__(self) -> bool:
            return True

        def __reduce__(self) -> Any:
            return (eval, ("type('Equal', (), {'__eq__': lambda self, other: True})()",))

    return Equal()


def lying_subclasses() -> Any:
    """Values of subclasses that call themselves equal to all, inside every kind of container, and an enumeration's."""
    import signal

    def made(base: str) -> Any:
        source = f"type('Lying', ({base},), {{'__eq__': lambda *_: True, '__hash__': lambda _: 0}})()"
        lying: Any = eval(source)
        setattr(type(lying), "__reduce__", lambda _: (eval, (source,)))  # noqa: B010 (for those who use pickle)
        return lying

    bases = ("int", "float", "complex", "str", "bytes", "list", "tuple", "set", "frozenset", "dict")
    values = [made(base) for base in bases]
    return [*values, signal.SIGINT, values, tuple(values), {1: values}]


def lie_about_time(seconds: float) -> float:
    """Stops every clock that a runner in the same process would read."""
    import time

    sleep = time.sleep
    for name in ("time", "monotonic", "perf_counter", "process_time", "time_ns", "monotonic_ns", "perf_counter_ns"):
        setattr(time, name, lambda: 0.0)
    sleep(seconds)
    return time.time()


def hostile_reprs(kind: str) -> Any:
    """Raises from a frame whose locals, and with an exception whose text, do harm to whoever looks at them."""

    class Hostile:
        def __repr__(self) -> str:
            if kind == "raise":
                raise SystemExit(0)
            if kind == "huge":
                return "x" * (1 << 24)
            while True:
                pass

        __str__ = __repr__

    class HostileError(Exception):
        __repr__ = __str__ = Hostile.__repr__

    local = Hostile()  # noqa: F841
    raise HostileError


def large_value(kind: str) -> Any:
    """A value that is large, or small here and large when written out."""
    if kind == "text":
        return "x" * (1 << 25)
    if kind == "integer":
        return 1 << (1 << 23)
    if kind == "sharing":
        shared: list[Any] = [0]
        for _ in range(64):
            shared = [shared, shared]
        return shared
    if kind == "deep":
        deep: list[Any] = []
        for _ in range(1_000_000):
            deep = [deep]
        return deep
    cycle: list[Any] = []
    cycle.append(cycle)
    return cycle


def odd_values() -> Any:
    return ["\ud800", "\udfff\0\u202e", float("nan"), float("inf"), -0.0, 10**5000, b"\xff\0", {1: "1", "1": 1}]


def recurse_natively() -> None:
    """Recursion beyond Python's own bound: the process ends by a signal."""
    import sys
    import threading

    sys.setrecursionlimit(1 << 30)
    threading.stack_size(1 << 16)

    def deeper(number: int) -> int:
        return max([number], key=deeper) + 1

    deeper(0)


def feign_failure(way: str) -> int:
    """Does to its own process what might look from outside as if it had never been run properly."""
    import fcntl
    import os
    import resource

    if way == "kill-itself":
        os.kill(os.getpid(), 9)
    elif way == "read-back":  # what the runner waits for may still lie in a pipe, which can be opened for reading
        for name in os.listdir("/proc/self/fd"):
            try:
                os.read(os.open(f"/proc/self/fd/{name}", os.O_RDONLY | os.O_NONBLOCK), 1 << 16)
            except OSError:
                continue
        os._exit(0)
    elif way == "close":
        os.closerange(0, 1024)
    elif way == "replace":
        nothing = os.open("/dev/null", os.O_RDWR)
        for number in range(64):
            os.dup2(nothing, number)
    elif way == "shrink":
        for number in range(64):
            try:
                fcntl.fcntl(number, fcntl.F_SETPIPE_SZ, 4096)
                os.set_blocking(number, False)
            except OSError:
                continue
    elif way == "starve":
        for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_AS, resource.RLIMIT_FSIZE):
            resource.setrlimit(kind, (0, 0))
    else:
        os._exit(int(way))
    return 1


def remember(secret: str) -> int:
    return len(secret)


def search_memory(prefix: str, digest: str) -> int:
    """How often a text of which only beginning and hash are known occurs in all memory of this process."""
    import ctypes
    import hashlib
    import re

    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # be dumpable, so that the own memory can be read
    pattern = re.compile(re.escape(prefix.encode()) + b"([0-9a-f]{32})")
    found = 0
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
        for line in maps.readlines():
            bounds, access = line.split()[:2]
            if not access.startswith("r") or line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            start, end = (int(each, 16) for each in bounds.split("-"))
            while start < end:
                size = min(end - start, 1 << 24)
                try:
                    memory.seek(start)
                    piece = memory.read(size)
                except (OSError, OverflowError):
                    break
                found += sum(hashlib.sha256(each.group(0)).hexdigest() == digest for each in pattern.finditer(piece))
                start += size
    return found
