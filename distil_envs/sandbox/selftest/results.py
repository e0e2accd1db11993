"""A program may return any value it likes. It cannot make us take one for another, nor reach into the next program.

Expected values never enter a sandbox, so each check holds a random one outside, and what comes out must not equal it.
"""

from __future__ import annotations

import secrets
import time
from typing import Any, Final

from distil_envs.errors import DistilError
from distil_envs.sandbox.expecting import same
from distil_envs.sandbox.protocol import Call, Ended, Execution, Limits, Program, SandboxError
from distil_envs.sandbox.selftest.effect import (
    Attack,
    Effect,
    Places,
    Seen,
    UnclearError,
    effect,
    seen,
    source_of,
    story,
    token,
)

PLAIN: Final = (bool, int, float, complex, str, bytes, list, tuple, set, frozenset, dict, type(None))
"""The exact types that may come out; anything else could bring its own ``__eq__``."""


# --- attacks: these run inside ---


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


# --- effects: these judge outside ---


def _tried(places: Places, attack: Attack, *args: Any, expected: object) -> Seen:
    """Held if no result equals what was expected, none is of another type, and the next program is itself."""
    try:
        execution = places.execute(attack, *args, limits=Limits(wall_s=3.0))
    except SandboxError as error:
        return seen(True, f"the program feigned a failure of our side: {error}")
    wrong = [result.value for result in execution.results if result.value is not None]
    taken = any(_alien(value) or value == expected for value in wrong)
    after = _next_is_itself(places)
    return seen(taken or after, f"{story(execution)}, {len(wrong)} values; {after or 'the next program is itself'}")


def _alien(value: Any) -> bool:
    """Whether anything in a value is not exactly of a plain type."""
    pending = [value]
    while pending:
        one = pending.pop()
        if type(one) not in PLAIN:
            return True
        if isinstance(one, dict):
            pending += [*one.keys(), *one.values()]
        elif isinstance(one, (list, tuple, set, frozenset)):
            pending += one
    return False


def _next_is_itself(places: Places) -> str:
    mark = token()
    try:
        back = places.call(echo, [mark, 1, [2.5]])
    except DistilError as error:
        return f"the next program failed: {error}"
    return "" if back == [mark, 1, [2.5]] else f"the next program returned {back!r}"


@effect("answers written by hand to every open descriptor are not taken for the next program's")
def forged_answers(places: Places) -> Seen:
    return _tried(places, write_everywhere, [token(), "forged"], expected=token())


@effect("how a program ended is what our runner saw, whatever the program writes about it")
def forged_ending(places: Places) -> Seen:
    execution = places.execute(write_then_exit_7)
    after = _next_is_itself(places)
    held = execution.ended is Ended.EXITED and execution.exit_code == 7 and not after
    return seen(not held, f"{story(execution)}; {after or 'the next program is itself'}")


def _not_completed(places: Places, attack: Attack) -> Seen:
    """Two calls, of which the second is the attack: the first is kept, and it is not taken for having answered both."""
    source = source_of(echo, attack)
    source += f"\n\ndef first_then_attack(number):\n    return {attack.__name__}() if number else echo(41)\n"
    execution = places.run(Program(source, "first_then_attack", (Call((0,)), Call((1,)))))
    kept = [result.value for result in execution.results][:1]
    held = execution.ended is not Ended.COMPLETED and kept == [41] and execution.exit_code in (0, None)
    return seen(not held, f"{story(execution)}, kept {kept}")


@effect("os._exit(0) is no success")
def os_exit(places: Places) -> Seen:
    return _not_completed(places, exit_quietly)


@effect("sys.exit(0) is no success")
def sys_exit(places: Places) -> Seen:
    return _not_completed(places, exit_by_exception)


@effect("no program can make its own failure look like one of ours, which would not be held against it")
def feigned_failures(places: Places) -> Seen:
    ways = ("kill-itself", *("read-back",) * 10, "close", "replace", "shrink", "starve", "70", "125", "255")
    for number, way in enumerate(ways):
        try:
            places.execute(feign_failure, way)
        except SandboxError as error:
            return seen(True, f"{way}, try {number + 1} of {len(ways)}: {error}")
    after = _next_is_itself(places)
    return seen(after, f"{len(ways)} tries; {after or 'the next program is itself'}")


@effect("what exit functions and threads write when a program ends is no answer")
def at_exit(places: Places) -> Seen:
    return _tried(places, answer_at_exit, "forged", expected="forged")


@effect("patched builtins, json and modules of the runner reach neither our side nor the next program")
def patched_modules(places: Places) -> Seen:
    return _tried(places, patch_everything, expected=token())


@effect("an object that is equal to everything never comes out")
def equal_objects(places: Places) -> Seen:
    return _tried(places, equal_to_everything, expected=secrets.randbits(64))


@effect("subclasses of plain types come out as the plain types, which do not lie about being equal")
def subclasses(places: Places) -> Seen:
    execution = places.execute(lying_subclasses)
    values = [result.value for result in execution.results if result.value is not None]
    if not values and not any(result.unencodable for result in execution.results):
        raise UnclearError(f"neither a value nor a refusal came out: {story(execution)}")
    return seen(any(map(_alien, values)), f"{story(execution)}, {len(values)} values, of plain types")


@effect("time is measured by a clock that the program cannot stop")
def stopped_clocks(places: Places) -> Seen:
    execution = places.execute(lie_about_time, 0.4)
    return seen(execution.wall_s < 0.35, f"{execution.wall_s:.2f} s measured of 0.4 s slept")


@effect("reprs that exit, fill the memory or never end hurt their own program only")
def hostile_locals(places: Places) -> Seen:
    words, broken = [], False
    for kind in ("raise", "huge", "hang"):
        begin = time.monotonic()
        execution = places.execute(hostile_reprs, kind, limits=Limits(wall_s=1.0))
        broken |= time.monotonic() - begin > 10 or _size(execution) > 1 << 20
        words.append(f"{kind}: {story(execution)[:30]}")
    after = _next_is_itself(places)
    return seen(broken or after, f"{'; '.join(words)}; {after or 'the next program is itself'}")


@effect("large, shared, deep and cyclic values are refused or bounded, at once")
def large_values(places: Places) -> Seen:
    words, broken = [], False
    for kind in ("text", "integer", "sharing", "deep", "cycle"):
        execution = places.execute(large_value, kind)
        value = next((result.value for result in execution.results), None)
        size = _size(execution)
        broken |= value is not None or size > 1 << 20
        words.append(f"{kind}: {'a value' if value is not None else story(execution)[:40]}")
    after = _next_is_itself(places)
    return seen(broken or after, f"{'; '.join(words)}; {after or 'the next program is itself'}")


def _size(execution: Execution) -> int:
    """Characters of everything that came out as text."""
    found = len(execution.stdout.text) + len(execution.stderr.text)
    for raised in (execution.raised, *(result.raised for result in execution.results)):
        if raised:
            found += len(raised.message) + sum(len(text) for frame in raised.frames for text in frame.locals.values())
    return found + sum(len(result.unencodable or "") + len(result.stdout) for result in execution.results)


@effect("surrogates, NaN, infinities, huge integers and mixed keys come out as what they are")
def odd_results(places: Places) -> Seen:
    execution = places.execute(odd_values)
    value = execution.results[0].value if execution.results else None
    unchanged = same(value, odd_values())
    return seen(not unchanged, "all as sent" if unchanged else f"{story(execution)}, changed on the way")


@effect("recursion that overruns the stack ends its own program only")
def deep_recursion(places: Places) -> Seen:
    execution = places.execute(recurse_natively)
    after = _next_is_itself(places)
    return seen(after, f"{story(execution)}; {after or 'the next program is itself'}")


@effect("nothing of an earlier program, its source or its values, is in the memory of the next")
def earlier_secrets(places: Places) -> Seen:
    import hashlib

    secret = token()
    mark = secret.rpartition("-")[0] + "-"
    places.call(remember, secret)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    found = places.call(search_memory, mark, digest)
    return seen(found, f"found {found} times")


EFFECTS: tuple[Effect, ...] = (
    forged_answers,
    forged_ending,
    os_exit,
    sys_exit,
    feigned_failures,
    at_exit,
    patched_modules,
    equal_objects,
    subclasses,
    stopped_clocks,
    hostile_locals,
    large_values,
    odd_results,
    deep_recursion,
    earlier_secrets,
)
