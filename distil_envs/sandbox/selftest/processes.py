"""The runner cannot be touched, other processes cannot be seen, and none is left for the next program to meet."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import Any

from distil_envs.sandbox.protocol import Limits, SandboxError
from distil_envs.sandbox.selftest.attacks import processes as inside
from distil_envs.sandbox.selftest.effect import Effect, Places, Seen, effect, seen, side_by_side, story, token

HELD_S = 4.0
"""Longer than an answer takes on a machine that is very busy."""


def _runner_after(places: Places, before: list[str]) -> str:
    """Empty when the next program works and has the same runner."""
    after = places.call(inside.runner_identity)
    return "" if after == before else f"the runner {before} is now {after}"


@effect("no signal harms the runner")
def runner_signals(places: Places) -> Seen:
    before = places.call(inside.runner_identity)
    sent = _answer(places, inside.signal_runner)
    lost = _runner_after(places, before)
    return seen(lost or sent.startswith("SandboxError"), f"signals sent: {sent}; {lost or 'the runner goes on'}")


@effect("killing everything in sight kills nothing but the program's own", "host-processes")
def kill_all(places: Places) -> Seen:
    before = places.call(inside.runner_identity)
    sent = _answer(places, inside.kill_everything)
    lost = _runner_after(places, before)
    return seen(lost or sent.startswith("SandboxError"), f"answered {sent}; {lost or 'the runner goes on'}")


def _answer(places: Places, attack: Any) -> str:
    """What came of an attack that may not survive itself. A program must not be able to feign a failure of our side."""
    try:
        execution = places.execute(attack)
    except SandboxError as error:
        return f"SandboxError: {error}"
    return str(execution.results[0].value) if execution.results else story(execution)


@effect("the runner can be neither traced nor read")
def traced_runner(places: Places) -> Seen:
    worked = places.call(inside.trace_runner)
    return seen(worked, f"worked: {', '.join(worked) or 'none'}")


@effect("the runner's limits, processors and priority cannot be changed")
def changed_runner(places: Places) -> Seen:
    changed = places.call(inside.change_runner)
    return seen(changed, f"changed: {', '.join(changed) or 'nothing'}")


@effect("the runner's descriptors can be neither listed nor taken")
def runner_descriptors(places: Places) -> Seen:
    found = places.call(inside.open_runner_descriptors)
    return seen(found, f"found: {', '.join(found) or 'none'}")


@effect("the program inherits no descriptor but its own three and pipes, and none of our side's channel")
def inherited_descriptors(places: Places) -> Seen:
    held = places.call(inside.own_descriptors)
    alien = {
        number: target
        for number, target in held.items()
        if int(number) > 2 and not target.startswith(("pipe:", "/proc/")) and target != "/dev/null"
    }
    alien |= {number: target for number, target in held.items() if int(number) <= 2 and target.startswith("socket:")}
    return seen(alien, f"besides pipes: {alien or 'none'}")


@effect("processes of the host cannot be seen")
def host_processes(places: Places) -> Seen:
    found = places.call(inside.processes_seen)
    ours = str(os.getpid())
    with open(f"/proc/{ours}/stat") as file:
        started = file.read().rpartition(")")[2].split()[19]
    return seen(found.get(ours, [""])[0] == started, f"{len(found)} processes in sight")


@effect("processes of a program that runs at the same time in another place cannot be seen")
def neighbour_processes(places: Places) -> Seen:
    mark = token()
    return side_by_side(
        places,
        lambda: places.call(inside.keep_process, mark, 0.8, neighbour=True),
        lambda: places.call(inside.watch_processes, mark, 0.5, helpers=(inside.processes_seen,)),
    )


@effect("a process that left its session and its parent does not live on into the next program")
def left_processes(places: Places) -> Seen:
    mark = token()
    places.call(inside.leave_process, mark, 20.0)
    left = [command for _, command in places.call(inside.processes_seen).values() if mark in command]
    left += [command for command in _host_commands() if mark in command]
    return seen(left, f"{len(left)} left, inside or on the host")


def _host_commands() -> list[str]:
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
            found.append(file.read(4096).decode(errors="replace"))
    return found


@effect("shared memory, semaphores and message queues of one program are gone before the next")
def left_shared_memory(places: Places) -> Seen:
    key = int.from_bytes(os.urandom(3)) | 1 << 24
    made = places.call(inside.leave_shared_memory, key)
    if not made:
        return seen(False, "none could be made")
    found = places.call(inside.find_left_memory, key)
    return seen(found, f"made {', '.join(made)}; found: {', '.join(found) or 'none'}")


@effect("a process that keeps the program's pipes open does not make us wait")
def held_pipes(places: Places) -> Seen:
    begin = time.monotonic()
    answer = places.call(inside.hold_pipes, HELD_S, limits=Limits(wall_s=30.0))
    took = time.monotonic() - begin
    return seen(took >= HELD_S, f"{answer} after {took:.1f} s, held for {HELD_S:g} s")


@effect("environment, folder, umask, priority, signals and limits are as new for the next program")
def surroundings(places: Places) -> Seen:
    before = places.call(inside.describe_surroundings)
    places.execute(inside.change_surroundings)
    after = places.call(inside.describe_surroundings)
    changed = [name for name in before if before[name] != after[name] and name != "folder"]
    if before["folder"] != after["folder"] and after["folder"] == "/":
        changed.append("folder")
    return seen(changed, f"changed: {', '.join(changed) or 'nothing'}")


EFFECTS: tuple[Effect, ...] = (
    host_processes,
    runner_signals,
    kill_all,
    traced_runner,
    changed_runner,
    runner_descriptors,
    inherited_descriptors,
    neighbour_processes,
    left_processes,
    left_shared_memory,
    held_pipes,
    surroundings,
)
