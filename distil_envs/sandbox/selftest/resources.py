"""Every limit holds, is told for what it is, and leaves the next program all of its own."""

from __future__ import annotations

from typing import Final

from distil_envs.errors import DistilError
from distil_envs.sandbox.protocol import Call, Ended, Execution, Limits, Program
from distil_envs.sandbox.selftest.effect import Attack, Effect, Places, Seen, effect, seen, source_of, story

MIB: Final = 1 << 20
LIMITS: Final = Limits()
"""The defaults. An attack stops by itself at about twice a limit, so that nothing is harmed where none is enforced."""


DESCRIPTORS: Final = 600
"""More than a program needs, and fewer than systems give by default."""


# --- attacks: these run inside ---


def take_memory(size: int) -> int:
    """Takes so many bytes, a piece at a time, and writes to every page. Gives what it got."""
    pieces = []
    for _ in range(size >> 22):
        piece = bytearray(1 << 22)
        piece[::4096] = b"\1" * len(piece[::4096])
        pieces.append(piece)
    return len(pieces) << 22


def take_memory_together(size: int, processes: int) -> int:
    """Takes so many bytes, in equal parts, in processes that all live until the last has its own, or one is killed."""
    import os
    import time

    ready_out, ready_in = os.pipe()
    hold_out, hold_in = os.pipe()
    os.set_blocking(ready_out, False)
    for _ in range(processes):
        if os.fork() == 0:
            os.close(hold_in)
            try:
                kept = bytearray(size // processes)
                kept[::4096] = b"\1" * len(kept[::4096])
                os.write(ready_in, b"1")
                os.read(hold_out, 1)
            finally:
                os._exit(0)
    got = 0
    while got < processes and os.waitpid(-1, os.WNOHANG) == (0, 0):
        try:
            got += len(os.read(ready_out, processes))
        except BlockingIOError:
            time.sleep(0.01)
    os.close(hold_in)
    return got * (size // processes)


def take_memory_forever() -> None:
    kept = []
    while True:
        kept.append(bytearray(b"\1") * (1 << 24))


def fill_folder(folder: str, size: int, piece: int) -> int:
    """Writes so many bytes in files of the size of a piece. Gives what it got and leaves the files."""
    import os
    import shutil

    own = os.path.join(folder, "distil-selftest-fill")
    shutil.rmtree(own, ignore_errors=True)
    written = 0
    try:
        os.mkdir(own)
        for number in range(size // piece):
            with open(os.path.join(own, str(number)), "wb", buffering=0) as file:
                while file.tell() < piece:
                    written += file.write(b"\1" * min(65536, piece - file.tell()))
    except OSError:
        pass
    return written


def fill_inodes(folder: str, count: int) -> int:
    """Makes so many empty files. Gives how many it got and leaves them."""
    import os
    import shutil

    own = os.path.join(folder, "distil-selftest-fill")
    shutil.rmtree(own, ignore_errors=True)
    made = 0
    try:
        os.mkdir(own)
        for made in range(1, count + 1):
            os.close(os.open(os.path.join(own, str(made)), os.O_CREAT | os.O_WRONLY))
    except OSError:
        made -= 1
    return made


def clear_folder(folder: str) -> bool:
    """Removes what filling left. Says whether there was anything, which a place made new would not have."""
    import os
    import shutil

    own = os.path.join(folder, "distil-selftest-fill")
    there = os.path.lexists(own)
    shutil.rmtree(own, ignore_errors=True)
    return there


def write_one_file(folder: str, size: int) -> int:
    """Writes one file. Gives its size."""
    import os
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    path = os.path.join(folder, "distil-selftest-fill")
    with open(path, "wb", buffering=0) as file:
        try:
            while file.tell() < size:
                file.write(b"\1" * 65536)
        except OSError:
            pass
        written = file.tell()
    os.unlink(path)
    return written


def start_processes(count: int) -> int:
    """Starts so many that live at the same time. Gives how many it got; none is left."""
    import os

    hold_out, hold_in = os.pipe()
    children = []
    try:
        for _ in range(count):
            child = os.fork()
            if child == 0:
                os.close(hold_in)
                os.read(hold_out, 1)
                os._exit(0)
            children.append(child)
    except OSError:
        pass
    os.close(hold_in)
    for child in children:
        os.waitpid(child, 0)
    return len(children)


def start_threads(count: int) -> int:
    """Starts so many that live at the same time. Gives how many it got."""
    import threading

    hold = threading.Event()
    threads = []
    try:
        for _ in range(count):
            thread = threading.Thread(target=hold.wait)
            thread.start()
            threads.append(thread)
    except RuntimeError:
        pass
    hold.set()
    for thread in threads:
        thread.join()
    return len(threads)


def fork_forever() -> None:
    import os

    while True:
        try:
            os.fork()
        except OSError:
            continue


def open_descriptors(count: int) -> int:
    import os

    opened = []
    try:
        for _ in range(count):
            opened.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    for each in opened:
        os.close(each)
    return len(opened)


def print_much(size: int) -> str:
    """Prints so many bytes without a line end, then on stderr."""
    import sys

    for stream in (sys.stdout, sys.stderr):
        for _ in range(size >> 16):
            stream.write("x" * 65536)
        stream.flush()
    return "printed"


def print_forever() -> None:
    import os

    while True:
        os.write(1, b"y\n" * 32768)


def loop_forever() -> None:
    """Ignores every signal that can be ignored, swallows every exception, and does not end."""
    import signal

    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            continue
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue


def work_forever() -> None:
    number = 0
    while True:
        number += 1


def stop_itself() -> None:
    import os
    import signal

    while True:
        os.kill(os.getpid(), signal.SIGSTOP)


def answer() -> int:
    return 42


# --- effects: these judge outside ---


def _goes_on(places: Places) -> str:
    """Empty if the next program works, else what happened to it."""
    try:
        value = places.call(answer)
    except DistilError as error:
        return f"the next program failed: {error}"
    return "" if value == 42 else f"the next program answered {value!r}"


def _ended(places: Places, execution: Execution, expected: str) -> Seen:
    """Held if it ended in that limit (``wall`` for a time-out) and the next program works."""
    after = _goes_on(places)
    return seen(execution.limit != expected or after, f"{story(execution)}; {after or 'the next program works'}")


@effect("a program that takes more memory than its limit is ended, and the limit is told")
def memory(places: Places) -> Seen:
    return _ended(places, places.execute(take_memory, 2 * LIMITS.memory_bytes), "memory")


@effect("the limit on memory holds for all processes of a program together")
def memory_together(places: Places) -> Seen:
    execution = places.execute(take_memory_together, 2 * LIMITS.memory_bytes, 4)
    got = execution.results[0].value if execution.results else None
    after = _goes_on(places)
    full = isinstance(got, int) and got > LIMITS.memory_bytes
    return seen(full or after, f"{story(execution)}, {_mib(got)} taken; {after or 'the next program works'}")


@effect("a memory bomb is ended, and the next program works", "memory", "memory-together")
def memory_bomb(places: Places) -> Seen:
    return _ended(places, places.execute(take_memory_forever), "memory")


@effect("the scratch folders hold no more bytes than their limit")
def disk(places: Places) -> Seen:
    written = places.call(fill_folder, "/tmp", 2 * LIMITS.disk_bytes, MIB)
    places.call(clear_folder, "/tmp")
    return seen(written > LIMITS.disk_bytes, f"{_mib(written)} written, limit {_mib(LIMITS.disk_bytes)}")


@effect("shared memory in /dev/shm is bounded too")
def shared_memory(places: Places) -> Seen:
    execution = places.execute(fill_folder, "/dev/shm", 2 * LIMITS.memory_bytes, MIB)
    written = execution.results[0].value if execution.results else None
    places.call(clear_folder, "/dev/shm")
    full = isinstance(written, int) and written > LIMITS.memory_bytes
    return seen(full, f"{story(execution)}, {_mib(written)} written, limit on memory {_mib(LIMITS.memory_bytes)}")


@effect("the scratch folders hold no more files than their limit")
def inodes(places: Places) -> Seen:
    count = 2 * LIMITS.inodes
    made = places.call(fill_inodes, "/tmp", count)
    places.call(clear_folder, "/tmp")
    return seen(made >= count, f"{made} files made, limit {LIMITS.inodes}")


@effect("what one program filled is free again for the next")
def freed_disk(places: Places) -> Seen:
    places.call(fill_folder, "/tmp", LIMITS.disk_bytes // 2, MIB)
    left = places.call(clear_folder, "/tmp")
    return seen(left, f"files left: {left}")


@effect("no file grows beyond the limit on files")
def file_size(places: Places) -> Seen:
    written = places.call(write_one_file, "/tmp", 2 * LIMITS.file_bytes)
    return seen(written > LIMITS.file_bytes, f"{_mib(written)} written, limit {_mib(LIMITS.file_bytes)}")


@effect("no more processes than the limit live at a time")
def processes(places: Places) -> Seen:
    count = LIMITS.processes + 16
    got = places.call(start_processes, count)
    return seen(got >= count, f"{got} of {count} started, limit {LIMITS.processes}; {_goes_on(places) or 'goes on'}")


@effect("no more threads than the limit on processes live at a time")
def threads(places: Places) -> Seen:
    count = LIMITS.processes + 16
    got = places.call(start_threads, count)
    return seen(got >= count, f"{got} of {count} started, limit {LIMITS.processes}; {_goes_on(places) or 'goes on'}")


@effect("a fork bomb is ended, and the next program works", "processes")
def fork_bomb(places: Places) -> Seen:
    execution = places.execute(fork_forever, limits=Limits(wall_s=1.5, cpu_s=60))
    after = _goes_on(places)
    return seen(execution.ended is Ended.COMPLETED or after, f"{story(execution)}; {after or 'the next program works'}")


@effect("a program cannot open descriptors without end")
def descriptors(places: Places) -> Seen:
    got = places.call(open_descriptors, DESCRIPTORS)
    return seen(got >= DESCRIPTORS, f"{got} of {DESCRIPTORS} opened")


@effect("much output is cut, counted and marked, and neither blocks nor fills our memory")
def much_output(places: Places) -> Seen:
    size = 16 * MIB
    execution = places.execute(print_much, size)
    words = []
    for name, stream in (("stdout", execution.stdout), ("stderr", execution.stderr)):
        if len(stream.text) > 2 * LIMITS.output_bytes or not stream.truncated or stream.total_bytes < size:
            words.append(f"{name}: {len(stream.text)} kept of {stream.total_bytes}, marked: {stream.truncated}")
    if execution.ended is not Ended.COMPLETED:
        words.append(story(execution))
    return seen(words, "; ".join(words) or f"{len(execution.stdout.text)} of {execution.stdout.total_bytes} bytes kept")


@effect("a program that prints without end is ended")
def endless_output(places: Places) -> Seen:
    return _timed_out(places, print_forever)


@effect("a loop without end that ignores every signal is ended; what was answered before it is kept")
def endless_loop(places: Places) -> Seen:
    return _timed_out(places, loop_forever)


@effect("a program that stops itself is ended")
def stopped(places: Places) -> Seen:
    return _timed_out(places, stop_itself)


def _timed_out(places: Places, attack: Attack) -> Seen:
    """One good call, then the attack in the same process."""
    source = source_of(answer, attack)
    source += f"\n\ndef first_then_attack(number):\n    return {attack.__name__}() if number else answer()\n"
    limits = Limits(wall_s=0.7, cpu_s=60)
    execution = places.run(Program(source, "first_then_attack", (Call((0,)), Call((1,))), limits=limits))
    kept = [result.value for result in execution.results]
    after = _goes_on(places)
    held = execution.ended is Ended.TIMEOUT and execution.limit == "wall" and kept == [42] and not after
    return seen(not held, f"{story(execution)}, kept {kept}; {after or 'the next program works'}")


@effect("the limit on processor time ends a program before its wall time, and is told")
def processor_time(places: Places) -> Seen:
    return _ended(places, places.execute(work_forever, limits=Limits(wall_s=20.0, cpu_s=1.0)), "cpu")


def _mib(size: object) -> str:
    return f"{size / MIB:.0f} MiB" if isinstance(size, int) else "nothing"


EFFECTS: tuple[Effect, ...] = (
    memory,
    memory_together,
    memory_bomb,
    disk,
    shared_memory,
    inodes,
    freed_disk,
    file_size,
    processes,
    threads,
    fork_bomb,
    descriptors,
    much_output,
    endless_output,
    endless_loop,
    stopped,
    processor_time,
)
