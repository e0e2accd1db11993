"""A program has no privileges, can get none, and reaches as little of the kernel as can be."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from distil_envs.sandbox.seccomp import MACHINES, number
from distil_envs.sandbox.selftest.attacks import kernel as inside
from distil_envs.sandbox.selftest.effect import Effect, Places, Seen, UnclearError, effect, seen

SETTINGS = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/randomize_va_space",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sysrq-trigger",
    "/proc/irq/default_smp_affinity",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/kernel/uevent_helper",
    "/sys/power/state",
)
"""Files by which the machine itself is set; writing to the first runs a program as root on the host."""


@effect("the program is no user of rank: uid and gid are not 0, and it is in no further group")
def identity(places: Places) -> Seen:
    status = places.call(inside.read_status)
    uids, gids, groups = (status[name].split() for name in ("Uid", "Gid", "Groups"))
    return seen("0" in uids + gids or set(groups) - set(gids), f"uid {uids[0]}, gid {gids[0]}, groups {groups}")


@effect("it cannot become root or join a group")
def becoming_root(places: Places) -> Seen:
    worked = places.call(inside.become_root)
    return seen(worked, f"worked: {', '.join(worked) or 'none'}")


@effect("all five capability sets are empty")
def capabilities(places: Places) -> Seen:
    status = places.call(inside.read_status)
    sets = {name: status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    return seen(any(int(value, 16) for value in sets.values()), sets)


@effect("no_new_privs is set, so that set-uid programs give nothing")
def no_new_privileges(places: Places) -> Seen:
    flag = places.call(inside.read_status)["NoNewPrivs"]
    return seen(flag != "1", f"NoNewPrivs: {flag}")


@effect("a seccomp filter is active")
def seccomp(places: Places) -> Seen:
    mode = places.call(inside.read_status)["Seccomp"]
    return seen(mode != "2", f"Seccomp: {mode}")


REFUSED = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOSPC, -signal.SIGSYS)
"""How a call is refused; ENOSPC is what making a namespace gives where their number is limited to none."""


def _reached(places: Places, *calls: tuple[str, tuple[int, ...]]) -> Seen:
    """Which calls got past permissions and filter. The arguments are such that none does anything even if it may."""
    machine = platform.machine()
    if machine not in MACHINES:
        raise UnclearError(f"the numbers of system calls on {machine} are not known: {', '.join(MACHINES)} are")
    numbered = [(name, number(name, machine), arguments) for name, arguments in calls]
    known = [(name, code, arguments) for name, code, arguments in numbered if code is not None]
    codes = places.call(inside.try_calls, [[code, *arguments] for _, code, arguments in known])
    reached = [name for (name, _, _), code in zip(known, codes, strict=True) if code not in REFUSED]
    return seen(reached, f"reached the kernel: {', '.join(reached) or f'none of {len(known)}'}")


@effect("no new user namespace, in which a program would have every capability")
def user_namespaces(places: Places) -> Seen:
    return _reached(places, ("unshare", (0x10000000,)))  # CLONE_NEWUSER


@effect("no mounting, by the old calls or the new")
def mounts(places: Places) -> Seen:
    return _reached(
        places,
        ("mount", (0, 1, 0, 0, 0)),  # the target is no address
        ("umount2", (1, 0)),
        ("pivot_root", (1, 1)),
        ("chroot", (1,)),
        ("fsopen", (1, 0)),
        ("fsmount", (-1, 0, 0)),
        ("open_tree", (-1, 1, 0)),
        ("move_mount", (-1, 1, -1, 1, 0)),
        ("setns", (-1, 0)),
    )


@effect("files cannot be opened by handle, past every folder's permissions")
def file_handles(places: Places) -> Seen:
    return _reached(places, ("open_by_handle_at", (-1, 1, 0)), ("name_to_handle_at", (-1, 1, 1, 1, 0)))


@effect("parts of the kernel with a history of holes are out of reach: bpf, perf, io_uring, userfaultfd, keyrings")
def kernel_surface(places: Places) -> Seen:
    return _reached(
        places,
        ("bpf", (999, 1, 0)),
        ("perf_event_open", (1, -1, -1, -1, 0)),
        ("io_uring_setup", (1, 1)),
        ("io_uring_enter", (-1, 0, 0, 0, 0)),
        ("userfaultfd", (-1,)),
        ("add_key", (1, 1, 0, 0, 0)),
        ("keyctl", (999, 0)),
        ("fanotify_init", (-1, 0)),
    )


@effect("modules, other kernels, clock, swap, accounting, quotas, ports and the power switch are out of reach")
def machine_control(places: Places) -> Seen:
    return _reached(
        places,
        ("init_module", (1, 0, 1)),
        ("finit_module", (-1, 1, 0)),
        ("delete_module", (1, 0)),
        ("kexec_load", (0, 99, 1, 0)),
        ("kexec_file_load", (-1, -1, 0, 1, 0)),
        ("clock_settime", (0, 1)),
        ("settimeofday", (1, 0)),
        ("clock_adjtime", (0, 1)),
        ("swapon", (1, 0)),
        ("swapoff", (1,)),
        ("acct", (1,)),
        ("quotactl", (-1, 1, 0, 0)),
        ("reboot", (0, 0, 0, 0)),
        ("syslog", (10, 0, 0)),
        ("iopl", (0,)),
        ("ioperm", (0, 0, 0)),
        ("sethostname", (1, 1)),
    )


@effect("settings of the kernel and control groups cannot be written")
def kernel_settings(places: Places) -> Seen:
    opened = places.call(inside.open_settings, list(SETTINGS))
    return seen(opened, f"opened for writing: {', '.join(opened) or 'none'}")


@effect("the kernel's memory and messages cannot be read")
def kernel_memory(places: Places) -> Seen:
    opened = places.call(inside.open_secrets)
    return seen(opened, f"opened: {', '.join(opened) or 'none'}")


@effect("no priority above the normal one")
def priority(places: Places) -> Seen:
    worked = places.call(inside.raise_priority)
    return seen(worked, f"worked: {', '.join(worked) or 'none'}")


@effect("resource limits cannot be lifted")
def raised_limits(places: Places) -> Seen:
    lifted = places.call(inside.raise_limits)
    return seen(lifted, f"lifted: {', '.join(lifted) or 'none'}")


@effect("pid, network, IPC, mount and host name are those of namespaces of its own")
def namespaces(places: Places) -> Seen:
    own = places.call(inside.own_namespaces)
    shared = [kind for kind, name in own.items() if name == os.readlink(f"/proc/self/ns/{kind}")]
    return seen(shared, f"shared with the host: {', '.join(shared) or 'none'}")


@effect("System V shared memory of the host's processes cannot be attached")
def host_shared_memory(places: Places) -> Seen:
    with _segment() as key:
        found = places.call(inside.find_shared_memory, key)
    return seen(found, f"found: {found}")


@contextmanager
def _segment() -> Iterator[int]:
    libc = ctypes.CDLL(None, use_errno=True)
    key = int.from_bytes(os.urandom(3)) | 1 << 24
    made = libc.shmget(key, 4096, 0o1000 | 0o2000 | 0o666)  # IPC_CREAT | IPC_EXCL
    if made < 0:
        raise UnclearError(f"the host gives no shared memory: {os.strerror(ctypes.get_errno())}")
    try:
        yield key
    finally:
        libc.shmctl(made, 0, None)  # IPC_RMID


EFFECTS: tuple[Effect, ...] = (
    identity,
    becoming_root,
    capabilities,
    no_new_privileges,
    seccomp,
    user_namespaces,
    mounts,
    file_handles,
    kernel_surface,
    machine_control,
    kernel_settings,
    kernel_memory,
    priority,
    raised_limits,
    namespaces,
    host_shared_memory,
)
