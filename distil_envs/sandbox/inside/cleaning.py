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
_LIMITS = tuple(getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_"))
_DEAF = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGPIPE}

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    """prctl(2). Raises OSError."""
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl({option}, {value})")


def make_untouchable(isolated: bool) -> None:
    """Become deaf to signals, and hide this process's memory and descriptors from others of its user.

    To process 1 the kernel delivers no signal without a handler from its own namespace. Python has one handler.
    """
    prctl(PR_SET_DUMPABLE, 0)
    if isolated:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    else:
        set_signals(signal.SIG_IGN)
        prctl(PR_SET_CHILD_SUBREAPER, 1)


def set_signals(action: signal.Handlers) -> None:
    """For every signal that can be handled, except those that mean something to the runner itself."""
    for number in _DEAF:
        try:
            signal.signal(number, action)
        except OSError:  # two real-time signals belong to the C library
            continue


class Cleaner:
    """Cleans up. ``isolated``: in namespaces of its own, where everything but this process is the program's."""

    def __init__(self, scratch: list[str], isolated: bool) -> None:
        self._isolated = isolated
        self._scratch = [folder for folder in scratch if os.path.isdir(folder)]
        self._own = f"/proc/{os.getpid()}/task/{os.getpid()}/children"
        self._queues = {kind: fd for kind in QUEUES if (fd := _opened(f"/proc/sysvipc/{kind}")) is not None}
        self._sockets = [fd for name in ("sockstat", "sockstat6") if (fd := _opened(f"/proc/net/{name}")) is not None]
        for folder in self._scratch:  # what an image or a mount brought along
            _empty(folder)
        self._space = self._free_space()
        self._modes = self._folder_modes()
        self._state = _own_state()

    def kill_all(self, pid: int) -> tuple[tuple[int, resource.struct_rusage] | None, str]:
        """Kill everything but this process. Returns status and usage of ``pid`` if it was still there, and a doubt."""
        found = None
        end = time.monotonic() + KILL_S
        while True:
            alone = self._kill(pid)
            try:
                ended, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                if alone:
                    return found, ""
                ended = 0
            if ended == pid:
                found = status, usage
            elif not ended:
                if time.monotonic() > end:
                    return found, "a process of the program does not die"
                time.sleep(0.0005)

    def clean(self) -> str:
        """Remove what a program left. Returns why the place may not be clean, or nothing."""
        try:
            if self._folder_modes() != self._modes:  # their owner, where the program is it, can close them to the next
                return "the permissions of a scratch folder were changed"
            if _own_state() != self._state:
                return "the limits or the scheduling of the runner were changed"
            return self._clean_namespaces() if self._isolated else self._clean_scratch()
        except OSError as error:
            return f"cleaning up failed: {error}"

    def _clean_namespaces(self) -> str:
        """Only looks where there is something: on a tmpfs of our own every file and link takes space."""
        if self._free_space() != self._space and (self._clean_scratch() or self._free_space() != self._space):
            return "space in a scratch folder is still taken"
        for kind in self._queues:
            while numbers := self._ids(kind):
                if not all(_remove_queue(kind, number) for number in numbers):
                    return f"System V {kind} is left"
        return "a connection keeps its port" if any(map(_connections, self._sockets)) else ""

    def _clean_scratch(self) -> str:
        for folder in self._scratch:
            _empty(folder)
        return next((f"{folder} is not empty" for folder in self._scratch if os.listdir(folder)), "")

    def _kill(self, pid: int) -> bool:
        """Kill what there is. Returns whether there was nothing."""
        if self._isolated:
            targets = [-1]
        else:
            with open(self._own, encoding="ascii") as children:
                targets = [int(word) for word in children.read().split()]
            targets += [-pid] if pid in targets else []
        alone = True
        for target in targets:
            try:
                os.kill(target, signal.SIGKILL)
                alone = False
            except (ProcessLookupError, PermissionError):
                continue
        return alone

    def _free_space(self) -> list[tuple[int, int]]:
        """Blocks and files."""
        found = [os.statvfs(folder) for folder in self._scratch]
        return [(space.f_bfree, space.f_ffree) for space in found]

    def _folder_modes(self) -> list[int]:
        return [os.stat(folder).st_mode for folder in self._scratch]

    def _ids(self, kind: str) -> list[int]:
        """Of shared memory, semaphores or message queues of System V, the first hundreds."""
        lines = os.pread(self._queues[kind], 1 << 16, 0).splitlines()
        return [int(line.split()[1]) for line in lines[1:]]


def _remove_queue(kind: str, number: int) -> bool:
    """Whether that could be done."""
    if kind == "sem":
        return bool(_libc.semctl(number, 0, IPC_RMID) == 0)
    return bool(getattr(_libc, f"{kind}ctl")(number, IPC_RMID, None) == 0)


def _own_state() -> tuple[object, ...]:
    """What a process of the same user can change of another one."""
    return (
        [resource.getrlimit(limit) for limit in _LIMITS],
        os.sched_getaffinity(0),
        os.sched_getscheduler(0),
        os.getpriority(os.PRIO_PROCESS, 0),
        _libc.syscall(IOPRIO_GET, 1, 0) if IOPRIO_GET else None,
    )


def _connections(fd: int) -> int:
    """TCP sockets of this network that live, or wait to be forgotten, by a file of /proc/net that is quick to read."""
    found = 0
    for line in os.pread(fd, 4096, 0).splitlines():
        protocol, *words = line.split()
        if protocol in (b"TCP:", b"TCP6:"):
            counts = dict(zip(words[::2], words[1::2], strict=True))
            found += int(counts.get(b"inuse", 0)) + int(counts.get(b"tw", 0))
    return found


def _opened(path: str) -> int | None:
    try:
        return os.open(path, os.O_RDONLY)
    except OSError:  # a kernel without it
        return None


def _empty(root: str) -> None:
    """Remove what is in a folder, at any depth of nesting: inner folders are moved up to the root first."""
    pending = [root]
    while pending:
        folder = pending.pop()
        with os.scandir(folder) as entries:
            found = [(entry.path, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for path, is_folder in found:
            if not is_folder:
                os.unlink(path)
                continue
            os.chmod(path, stat.S_IRWXU)  # a folder that its owner may not write can be neither moved nor emptied
            moved = os.path.join(root, f".{time.monotonic_ns()}.{len(pending)}")
            os.rename(path, moved)
            pending.append(moved)
        if folder != root:
            os.rmdir(folder)
