"""Behind a program: no process, file, shared memory or message queue of it stays, and the runner is as it was."""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import stat
import time

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
IPC_RMID = 0
IOPRIO_GET = {"x86_64": 252, "aarch64": 31}.get(platform.machine())
KILL_S = 5.0
"""For processes to be gone after SIGKILL."""
QUEUES = ("shm", "sem", "msg")

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    """prctl(2). Raises OSError."""
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl({option}, {value})")


def make_untouchable(isolated: bool) -> None:
    """Ignore what signals can be ignored, hide this process's memory and descriptors from others of its user."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        try:
            signal.signal(number, signal.SIG_IGN)
        except OSError:  # two real-time signals belong to the C library
            continue
    prctl(PR_SET_DUMPABLE, 0)
    if not isolated:
        prctl(PR_SET_CHILD_SUBREAPER, 1)


class Cleaner:
    """Cleans up. ``isolated``: in namespaces of its own, where everything but this process is the program's."""

    def __init__(self, scratch: list[str], isolated: bool) -> None:
        self._isolated = isolated
        self._scratch = [folder for folder in scratch if os.path.isdir(folder)]
        self._own = f"/proc/{os.getpid()}/task/{os.getpid()}/children"
        self._remove()  # what an image or a mount brought along
        self._space = self._free_space()
        self._state = _own_state()

    def kill_all(self, pid: int) -> tuple[tuple[int, resource.struct_rusage] | None, str]:
        """Kill everything but this process. Returns status and usage of ``pid`` if it was still there, and a doubt."""
        found = None
        end = time.monotonic() + KILL_S
        while True:
            self._kill(pid)
            try:
                ended, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return found, ""
            if ended == pid:
                found = status, usage
            elif not ended:
                if time.monotonic() > end:
                    return found, "a process of the program does not die"
                time.sleep(0.0005)

    def clean(self) -> str:
        """Remove what a program left. Returns why the place may not be clean, or nothing."""
        try:
            self._remove()
            return self._found()
        except OSError as error:
            return f"cleaning up failed: {error}"

    def _remove(self) -> None:
        for folder in self._scratch:
            _empty(folder)
        if self._isolated:
            _remove_queues()

    def _kill(self, pid: int) -> None:
        if self._isolated:
            targets = [-1]
        else:
            with open(self._own, encoding="ascii") as children:
                targets = [int(word) for word in children.read().split()]
            targets += [-pid] if pid in targets else []
        for target in targets:
            try:
                os.kill(target, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue

    def _found(self) -> str:
        """What is not as it was at the start."""
        if _own_state() != self._state:
            return "the limits or the scheduling of the runner were changed"
        for folder in self._scratch:
            if os.listdir(folder):
                return f"{folder} is not empty"
        if not self._isolated:
            return ""
        if self._free_space() != self._space:
            return "space in a scratch folder is still taken"
        if any(name.isdigit() and name != "1" for name in os.listdir("/proc")):
            return "a process is left"
        return next((f"System V {kind} is left" for kind in QUEUES if _ids(kind)), "")

    def _free_space(self) -> list[tuple[int, int]]:
        found = [os.statvfs(folder) for folder in self._scratch]
        return [(space.f_bfree, space.f_ffree) for space in found]


def _own_state() -> tuple[object, ...]:
    """What a process of the same user can change of another one."""
    limits = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    return (
        tuple(resource.getrlimit(getattr(resource, name)) for name in limits),
        os.sched_getaffinity(0),
        os.sched_getscheduler(0),
        os.getpriority(os.PRIO_PROCESS, 0),
        _libc.syscall(IOPRIO_GET, 1, 0) if IOPRIO_GET else None,
    )


def _empty(root: str) -> None:
    """Remove what is in a folder, at any depth of nesting: inner folders are moved up to the root first."""
    counter = 0
    pending = [""]
    while pending:
        name = pending.pop()
        path = os.path.join(root, name) if name else root
        if name:
            os.chmod(path, stat.S_IRWXU)
        with os.scandir(path) as entries:
            found = [(entry.path, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for inner, is_folder in found:
            if is_folder:
                counter += 1
                moved = f".{os.getpid()}.{time.monotonic_ns()}.{counter}"
                os.chmod(inner, stat.S_IRWXU)  # to move a folder is to write its parent entry
                os.rename(inner, os.path.join(root, moved))
                pending.append(moved)
            else:
                os.unlink(inner)
        if name:
            os.rmdir(path)


def _ids(kind: str) -> list[int]:
    try:
        with open(f"/proc/sysvipc/{kind}", encoding="ascii") as lines:
            return [int(line.split()[1]) for line in list(lines)[1:]]
    except FileNotFoundError:  # a kernel without them
        return []


def _remove_queues() -> None:
    for kind in QUEUES:
        for number in _ids(kind):
            if kind == "sem":
                _libc.semctl(number, 0, IPC_RMID)
            else:
                getattr(_libc, f"{kind}ctl")(number, IPC_RMID, None)
