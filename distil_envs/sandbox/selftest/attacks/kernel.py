"""Attacks by privileges and system calls."""

from __future__ import annotations


def read_status() -> dict[str, str]:
    """What the kernel says of this process."""
    with open("/proc/self/status") as status:
        return {line.partition(":")[0]: line.partition(":")[2].strip() for line in status}


def become_root() -> list[str]:
    """Ways to another user that worked, tried in a child."""
    import os

    worked = []
    for way in ("setuid", "setgid", "setgroups"):
        child = os.fork()
        if child == 0:
            try:
                if way == "setgroups":
                    os.setgroups([0, 27])
                else:
                    getattr(os, way)(0)
                os._exit(0)
            except OSError:
                os._exit(1)
        if os.waitpid(child, 0)[1] == 0:
            worked.append(way)
    return worked


def try_calls(calls: list[list[int]]) -> list[int]:
    """The errno of every system call with its arguments, each in a child of its own; 0 where it succeeded."""
    import ctypes
    import os

    codes = []
    for call in calls:
        child = os.fork()
        if child == 0:
            try:
                libc = ctypes.CDLL(None, use_errno=True)
                failed = libc.syscall(*(ctypes.c_long(each) for each in call)) < 0
                os._exit(min(ctypes.get_errno(), 255) if failed else 0)
            finally:
                os._exit(255)
        status = os.waitpid(child, 0)[1]
        codes.append(os.waitstatus_to_exitcode(status))
    return codes


def open_settings(paths: list[str]) -> list[str]:
    """Those that could be opened for writing; nothing is written."""
    import glob
    import os

    opened = []
    for path in [*paths, *glob.glob("/sys/fs/cgroup/*/cgroup.procs"), *glob.glob("/sys/fs/cgroup/cgroup.procs")]:
        try:
            os.close(os.open(path, os.O_WRONLY))
            opened.append(path)
        except OSError:
            continue
    return opened


def open_secrets() -> list[str]:
    """Parts of /proc and /sys that show the kernel's memory, messages and keys."""
    opened = []
    for path in ("/proc/kcore", "/proc/kmsg", "/proc/kpagemap", "/proc/kpagecount", "/sys/firmware/dmi/tables/DMI"):
        try:
            with open(path, "rb", buffering=0) as file:
                file.read(0)
            opened.append(path)
        except OSError:
            continue
    return opened


def raise_priority() -> list[str]:
    """Ways to more than a fair share of the processor, tried in a child."""
    import os

    worked = []
    for way in ("nice", "realtime"):
        child = os.fork()
        if child == 0:
            try:
                if way == "nice":
                    os.setpriority(os.PRIO_PROCESS, 0, -5)
                else:
                    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
                os._exit(0)
            except OSError:
                os._exit(1)
        if os.waitpid(child, 0)[1] == 0:
            worked.append(way)
    return worked


def raise_limits() -> list[str]:
    """Resource limits that could be lifted, or are not set at all; tried in a child."""
    import os
    import resource

    lifted = []
    for name in ("RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_CORE"):
        kind = getattr(resource, name)
        now = resource.getrlimit(kind)[1]
        child = os.fork()
        if child == 0:
            try:
                more = now if now == resource.RLIM_INFINITY else now + 1
                resource.setrlimit(kind, (more, more))
                os._exit(0)
            except (OSError, ValueError):
                os._exit(1)
        if os.waitpid(child, 0)[1] == 0:
            lifted.append(name)
    return lifted


def find_shared_memory(key: int) -> bool:
    """Whether a segment of this key can be attached, or is listed by the kernel."""
    import ctypes

    if ctypes.CDLL(None, use_errno=True).shmget(key, 0, 0) >= 0:
        return True
    try:
        with open("/proc/sysvipc/shm") as listing:
            return any(line.split()[0] == str(key) for line in listing)
    except OSError:
        return False


def own_namespaces() -> dict[str, str]:
    import os

    found = {}
    for kind in ("pid", "net", "ipc", "mnt", "uts"):
        try:
            found[kind] = os.readlink(f"/proc/self/ns/{kind}")
        except OSError:
            found[kind] = "hidden"
    return found
