"""Attacks by processes, signals and what outlives them."""

from __future__ import annotations

from typing import Any


def runner_identity() -> list[str]:
    """Process id and time of start of the process that started this one."""
    import os

    with open(f"/proc/{os.getppid()}/stat") as file:
        return [str(os.getppid()), file.read().rpartition(")")[2].split()[19]]


def signal_runner() -> int:
    """Every signal there is, to the runner. Says how many could be sent."""
    import os

    sent, runner = 0, os.getppid()
    for number in range(1, 65):
        try:
            os.kill(runner, number)
            sent += 1
        except (OSError, ValueError):
            continue
    return sent


def kill_everything() -> int:
    import os
    import signal

    for number in (signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
        try:
            os.kill(-1, number)  # everything that may be signalled, but for the caller
        except OSError:
            continue
    return os.getpid()


def trace_runner() -> list[str]:
    """Ways to control the runner or to read its memory that worked, tried in a child, whose end lets go of it."""
    import ctypes
    import os

    runner, worked = os.getppid(), []
    for way in ("ptrace", "process_vm_readv", "mem", "syscall"):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                if way == "ptrace":
                    seize = 0x4206
                    libc = ctypes.CDLL(None, use_errno=True)
                    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
                    code = 0 if libc.ptrace(seize, runner, None, None) == 0 else 1
                elif way == "process_vm_readv":
                    buffer = ctypes.create_string_buffer(8)
                    here = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 8)
                    there = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 8)  # a fork has the same layout
                    libc = ctypes.CDLL(None, use_errno=True)
                    read = libc.process_vm_readv(runner, here, 1, there, 1, 0)
                    code = 0 if read > 0 or ctypes.get_errno() == 14 else 1  # EFAULT: allowed, but nothing is there
                elif way == "mem":
                    os.close(os.open(f"/proc/{runner}/mem", os.O_RDWR))
                    code = 0
                else:
                    with open(f"/proc/{runner}/syscall") as file:
                        file.read()
                    code = 0
            finally:
                os._exit(code)
        if os.waitpid(child, 0)[1] == 0:
            worked.append(way)
    return worked


def change_runner() -> list[str]:
    """What could be changed about the runner, as one may with any process of the same user."""
    import os
    import resource

    runner, changed = os.getppid(), []
    for way in ("limits", "processors", "priority", "priority of all"):
        try:
            if way == "limits":
                now = resource.prlimit(runner, resource.RLIMIT_NOFILE)
                resource.prlimit(runner, resource.RLIMIT_NOFILE, (now[0] - 1, now[1]))
            elif way == "processors":
                os.sched_setaffinity(runner, os.sched_getaffinity(runner))
            elif way == "priority":
                os.setpriority(os.PRIO_PROCESS, runner, os.getpriority(os.PRIO_PROCESS, runner) + 1)
            elif runner == 1:  # on an open host it would change every process of the user
                os.setpriority(os.PRIO_USER, 0, 1)
            else:
                continue
            changed.append(way)
        except OSError:
            continue
    return changed


def open_runner_descriptors() -> list[str]:
    """Descriptors of the runner that could be listed or taken over."""
    import ctypes
    import os

    runner, found = os.getppid(), []
    try:
        for name in os.listdir(f"/proc/{runner}/fd"):
            found.append(f"{name} -> {os.readlink(f'/proc/{runner}/fd/{name}')}")
    except OSError:
        pass
    try:
        pidfd = os.pidfd_open(runner)
    except OSError:
        return found
    for number in range(20):
        taken = ctypes.CDLL(None, use_errno=True).syscall(438, pidfd, number, 0)  # pidfd_getfd, on every machine
        if taken >= 0:
            os.close(taken)
            found.append(f"{number} taken")
    os.close(pidfd)
    return found


def own_descriptors() -> dict[str, str]:
    import os

    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[name] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
    return found


def processes_seen() -> dict[str, list[str]]:
    """Every process in /proc with its time of start and its command line."""
    import os

    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as stat, open(f"/proc/{pid}/cmdline", "rb") as command:
                started = stat.read().rpartition(")")[2].split()[19]
                found[pid] = [started, command.read(4096).decode(errors="replace")]
        except OSError:
            continue
    return found


def leave_process(mark: str, seconds: float) -> int:
    """Leaves a process that has its own session and no parent, deaf to signals. Ends by itself after a while."""
    import os
    import signal
    import sys
    import time

    ready_out, ready_in = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            os.write(ready_in, b"1")
            code = f"import time; time.sleep({seconds})  # {mark}"
            os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", code])
        os._exit(0)
    os.read(ready_out, 1)
    time.sleep(0.1)
    return os.getpid()


def keep_process(mark: str, seconds: float) -> list[float]:
    import subprocess
    import sys
    import time

    begin = time.clock_gettime(time.CLOCK_BOOTTIME)
    subprocess.run([sys.executable, "-I", "-S", "-c", f"import time; time.sleep({seconds})  # {mark}"], check=True)
    return [begin, time.clock_gettime(time.CLOCK_BOOTTIME)]


def watch_processes(mark: str, seconds: float) -> list[Any]:
    import time

    begin = time.clock_gettime(time.CLOCK_BOOTTIME)
    while time.clock_gettime(time.CLOCK_BOOTTIME) < begin + seconds:
        if found := [f"process {pid}" for pid, (_, command) in processes_seen().items() if mark in command]:
            return [begin, time.clock_gettime(time.CLOCK_BOOTTIME), found]
        time.sleep(0.05)
    return [begin, time.clock_gettime(time.CLOCK_BOOTTIME), []]


def leave_shared_memory(key: int) -> list[str]:
    """Leaves a System V segment, a semaphore set and a message queue, and a POSIX message queue."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    made, create = [], 0o1000 | 0o666
    if libc.shmget(key, 4096, create) >= 0:
        made.append("shm")
    if libc.semget(key, 1, create) >= 0:
        made.append("sem")
    if libc.msgget(key, create) >= 0:
        made.append("msg")
    try:
        queue = ctypes.CDLL("librt.so.1", use_errno=True).mq_open(b"/distil%d" % key, 0o102, 0o600, None)
    except (OSError, AttributeError):
        queue = getattr(libc, "mq_open", lambda *_: -1)(b"/distil%d" % key, 0o102, 0o600, None)
    if queue >= 0:
        made.append("mqueue")
    return made


def find_left_memory(key: int) -> list[str]:
    """Which of them are there; they are removed."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    found = []
    if (shm := libc.shmget(key, 0, 0)) >= 0:
        found.append("shm")
        libc.shmctl(shm, 0, None)
    if (sem := libc.semget(key, 0, 0)) >= 0:
        found.append("sem")
        libc.semctl(sem, 0, 0, None)
    if (msg := libc.msgget(key, 0)) >= 0:
        found.append("msg")
        libc.msgctl(msg, 0, None)
    try:
        queues = ctypes.CDLL("librt.so.1", use_errno=True)
        queues.mq_unlink  # noqa: B018
    except (OSError, AttributeError):
        queues = libc
    if queues.mq_unlink(b"/distil%d" % key) == 0:
        found.append("mqueue")
    return found


def hold_pipes(seconds: float) -> str:
    """Leaves a process that keeps every descriptor of this one open."""
    import os
    import time

    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(seconds)
        os._exit(0)
    return "answered"


def change_surroundings() -> None:
    """Changes whatever a process can change about itself."""
    import os
    import resource
    import signal
    import sys

    os.environ["DISTIL_SELFTEST"] = "left"
    os.putenv("DISTIL_SELFTEST", "left")
    os.chdir("/")
    os.umask(0o777)
    os.nice(5)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
    sys.setrecursionlimit(77)


def describe_surroundings() -> dict[str, Any]:
    import os
    import resource
    import signal
    import sys

    umask = os.umask(0)
    os.umask(umask)
    return {
        "environment": sorted(os.environ.items()),
        "folder": os.getcwd(),
        "umask": umask,
        "nice": os.nice(0),
        "handler": str(signal.getsignal(signal.SIGTERM)),
        "mask": sorted(int(each) for each in signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "files": list(resource.getrlimit(resource.RLIMIT_NOFILE)),
        "recursion": sys.getrecursionlimit(),
    }
