"""Every limit holds, is told for what it is, and leaves the next program all of its own."""

from __future__ import annotations

from typing import Final

from distil_envs.errors import DistilError
from distil_envs.sandbox.protocol import Call, Ended, Execution, Limits, Program
from distil_envs.sandbox.selftest.attacks import resources as inside
from distil_envs.sandbox.selftest.effect import Attack, Effect, Places, Seen, effect, seen, source_of, story

MIB: Final = 1 << 20
LIMITS: Final = Limits()
"""The defaults. An attack stops by itself at about twice a limit, so that nothing is harmed where none is enforced."""


DESCRIPTORS: Final = 600
"""More than a program needs, and fewer than systems give by default."""


def _goes_on(places: Places) -> str:
    """Empty if the next program works, else what happened to it."""
    try:
        value = places.call(inside.answer)
    except DistilError as error:
        return f"the next program failed: {error}"
    return "" if value == 42 else f"the next program answered {value!r}"


def _ended(places: Places, execution: Execution, expected: str) -> Seen:
    """Held if it ended in that limit (``wall`` for a time-out) and the next program works."""
    after = _goes_on(places)
    return seen(execution.limit != expected or after, f"{story(execution)}; {after or 'the next program works'}")


@effect("a program that takes more memory than its limit is ended, and the limit is told")
def memory(places: Places) -> Seen:
    return _ended(places, places.execute(inside.take_memory, 2 * LIMITS.memory_bytes), "memory")


@effect("the limit on memory holds for all processes of a program together")
def memory_together(places: Places) -> Seen:
    execution = places.execute(inside.take_memory_together, 2 * LIMITS.memory_bytes, 4)
    got = execution.results[0].value if execution.results else None
    after = _goes_on(places)
    full = isinstance(got, int) and got > LIMITS.memory_bytes
    return seen(full or after, f"{story(execution)}, {_mib(got)} taken; {after or 'the next program works'}")


@effect("a memory bomb is ended, and the next program works", "memory", "memory-together")
def memory_bomb(places: Places) -> Seen:
    return _ended(places, places.execute(inside.take_memory_forever), "memory")


@effect("the scratch folders hold no more bytes than their limit")
def disk(places: Places) -> Seen:
    written = places.call(inside.fill_folder, "/tmp", 2 * LIMITS.disk_bytes, MIB)
    places.call(inside.clear_folder, "/tmp")
    return seen(written > LIMITS.disk_bytes, f"{_mib(written)} written, limit {_mib(LIMITS.disk_bytes)}")


@effect("shared memory in /dev/shm is bounded too")
def shared_memory(places: Places) -> Seen:
    execution = places.execute(inside.fill_folder, "/dev/shm", 2 * LIMITS.memory_bytes, MIB)
    written = execution.results[0].value if execution.results else None
    places.call(inside.clear_folder, "/dev/shm")
    full = isinstance(written, int) and written > LIMITS.memory_bytes
    return seen(full, f"{story(execution)}, {_mib(written)} written, limit on memory {_mib(LIMITS.memory_bytes)}")


@effect("the scratch folders hold no more files than their limit")
def inodes(places: Places) -> Seen:
    count = 2 * LIMITS.inodes
    made = places.call(inside.fill_inodes, "/tmp", count)
    places.call(inside.clear_folder, "/tmp")
    return seen(made >= count, f"{made} files made, limit {LIMITS.inodes}")


@effect("what one program filled is free again for the next")
def freed_disk(places: Places) -> Seen:
    places.call(inside.fill_folder, "/tmp", LIMITS.disk_bytes // 2, MIB)
    left = places.call(inside.clear_folder, "/tmp")
    return seen(left, f"files left: {left}")


@effect("no file grows beyond the limit on files")
def file_size(places: Places) -> Seen:
    written = places.call(inside.write_one_file, "/tmp", 2 * LIMITS.file_bytes)
    return seen(written > LIMITS.file_bytes, f"{_mib(written)} written, limit {_mib(LIMITS.file_bytes)}")


@effect("no more processes than the limit live at a time")
def processes(places: Places) -> Seen:
    count = LIMITS.processes + 16
    got = places.call(inside.start_processes, count)
    return seen(got >= count, f"{got} of {count} started, limit {LIMITS.processes}; {_goes_on(places) or 'goes on'}")


@effect("no more threads than the limit on processes live at a time")
def threads(places: Places) -> Seen:
    count = LIMITS.processes + 16
    got = places.call(inside.start_threads, count)
    return seen(got >= count, f"{got} of {count} started, limit {LIMITS.processes}; {_goes_on(places) or 'goes on'}")


@effect("a fork bomb is ended, and the next program works", "processes")
def fork_bomb(places: Places) -> Seen:
    execution = places.execute(inside.fork_forever, limits=Limits(wall_s=1.5, cpu_s=60))
    after = _goes_on(places)
    return seen(execution.ended is Ended.COMPLETED or after, f"{story(execution)}; {after or 'the next program works'}")


@effect("a program cannot open descriptors without end")
def descriptors(places: Places) -> Seen:
    got = places.call(inside.open_descriptors, DESCRIPTORS)
    return seen(got >= DESCRIPTORS, f"{got} of {DESCRIPTORS} opened")


@effect("much output is cut, counted and marked, and neither blocks nor fills our memory")
def much_output(places: Places) -> Seen:
    size = 16 * MIB
    execution = places.execute(inside.print_much, size)
    words = []
    for name, stream in (("stdout", execution.stdout), ("stderr", execution.stderr)):
        if len(stream.text) > 2 * LIMITS.output_bytes or not stream.truncated or stream.total_bytes < size:
            words.append(f"{name}: {len(stream.text)} kept of {stream.total_bytes}, marked: {stream.truncated}")
    if execution.ended is not Ended.COMPLETED:
        words.append(story(execution))
    return seen(words, "; ".join(words) or f"{len(execution.stdout.text)} of {execution.stdout.total_bytes} bytes kept")


@effect("a program that prints without end is ended")
def endless_output(places: Places) -> Seen:
    return _timed_out(places, inside.print_forever)


@effect("a loop without end that ignores every signal is ended; what was answered before it is kept")
def endless_loop(places: Places) -> Seen:
    return _timed_out(places, inside.loop_forever)


@effect("a program that stops itself is ended")
def stopped(places: Places) -> Seen:
    return _timed_out(places, inside.stop_itself)


def _timed_out(places: Places, attack: Attack) -> Seen:
    """One good call, then the attack in the same process."""
    source = source_of(inside.answer, attack)
    source += f"\n\ndef first_then_attack(number):\n    return {attack.__name__}() if number else answer()\n"
    limits = Limits(wall_s=0.7, cpu_s=60)
    execution = places.run(Program(source, "first_then_attack", (Call((0,)), Call((1,))), limits=limits))
    kept = [result.value for result in execution.results]
    after = _goes_on(places)
    held = execution.ended is Ended.TIMEOUT and execution.limit == "wall" and kept == [42] and not after
    return seen(not held, f"{story(execution)}, kept {kept}; {after or 'the next program works'}")


@effect("the limit on processor time ends a program before its wall time, and is told")
def processor_time(places: Places) -> Seen:
    return _ended(places, places.execute(inside.work_forever, limits=Limits(wall_s=20.0, cpu_s=1.0)), "cpu")


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
