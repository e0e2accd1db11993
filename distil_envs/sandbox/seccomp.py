"""A seccomp filter of our own: a deny list of system calls that no graded program needs and that attacks use.

It is added to whatever filter a back-end has already (Docker's default profile, where there is one), so that what is
refused does not depend on the version of a daemon: Docker 20.10, for one, lets io_uring and AF_VSOCK through, and the
latter reaches the hypervisor from a container without network. It is no allow list: SECURITY.md says what that means.

Sources: linux/seccomp.h, linux/bpf_common.h, linux/audit.h, and the kernel's system call tables for both machines.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Machine:
    """What the filter has to know of one architecture."""

    audit_arch: int
    """``AUDIT_ARCH_*``, as the kernel reports it to the filter."""
    column: int
    """Which number of a pair in `DENIED` is its own."""
    clone: int
    socket: int


MACHINES: Final[Mapping[str, Machine]] = {
    "x86_64": Machine(audit_arch=0xC000003E, column=0, clone=56, socket=41),
    "aarch64": Machine(audit_arch=0xC00000B7, column=1, clone=220, socket=198),
}
"""By ``platform.machine()``."""

DENIED: Final[Mapping[str, tuple[int | None, int | None]]] = {
    # other processes' memory, registers and descriptors
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    # namespaces and mounts
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # large parts of the kernel with a history of holes
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "fanotify_init": (300, 262),
    "vmsplice": (278, 75),
    "modify_ldt": (154, None),
    # the machine
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "iopl": (172, None),
    "ioperm": (173, None),
}
"""System calls refused with EPERM: number on x86_64, number on aarch64, None where there is no such call."""

OWN_ONLY: Final[Mapping[str, tuple[int, int, tuple[tuple[int, int], ...]]]] = {
    "prlimit64": (302, 261, ((0, 0),)),
    "sched_setparam": (142, 118, ((0, 0),)),
    "sched_setscheduler": (144, 119, ((0, 0),)),
    "sched_setaffinity": (203, 122, ((0, 0),)),
    "sched_setattr": (314, 274, ((0, 0),)),
    "migrate_pages": (256, 238, ((0, 0),)),
    "move_pages": (279, 239, ((0, 0),)),
    "setpriority": (141, 140, ((0, 0), (1, 0))),  # PRIO_PROCESS, not of all processes of the user
    "ioprio_set": (251, 30, ((0, 1), (1, 0))),  # IOPRIO_WHO_PROCESS
}
"""Calls that may only be about the caller: numbers, and which arguments must have which value.

With them a process may change limits and scheduling of any other of the same user, so also of the runner.
"""

CLONE3: Final = 435
"""Refused with ENOSYS, because its flags lie in memory that a filter cannot read; the C library then takes `clone`."""
NAMESPACE_FLAGS: Final = 0x7E020000
"""``CLONE_NEW*`` of ``clone``: mount, cgroup, uts, ipc, user, pid and net."""
FAMILIES: Final = (1, 2, 10, 16)
"""Address families a socket may have: UNIX, IPv4, IPv6, netlink (how the C library lists interfaces)."""
X32: Final = 0x40000000
"""Bit of the numbers of the x32 calls, a second table on x86_64 by which a deny list could be walked around."""

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _ARGUMENT_0 = 0, 4, 16  # offsets in struct seccomp_data; the low half of an argument comes first
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000

Instruction = tuple[int, int, int, int]
"""Code, instructions to skip if true, instructions to skip if false, operand."""


def number(call: str, machine: str) -> int | None:
    """The number of a denied call. Raises KeyError for an unknown call or machine."""
    return DENIED[call][MACHINES[machine].column]


def filter_program() -> bytes:
    """The filter as an array of ``struct sock_filter`` for this machine's byte order; it serves every known machine.

    Programs of any other architecture (32-bit ones on a 64-bit kernel) are killed. Empty where this machine is none
    of the known ones.
    """
    if platform.machine() not in MACHINES:
        return b""
    code: list[Instruction] = [(_LOAD, 0, 0, _ARCH)]
    for machine in MACHINES.values():
        rules = list(_rules(machine))
        # A jump is 8 bits wide, so an unconditional one (code 5, 32 bits) leads over the other machine's rules.
        code += [(_JUMP_EQUAL, 1, 0, machine.audit_arch), (0x05, 0, 0, len(rules)), *rules]
    code.append((_RETURN, 0, 0, _KILL))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _rules(machine: Machine) -> Iterator[Instruction]:
    refuse = (_RETURN, 0, 0, _ERRNO | errno.EPERM)
    yield (_LOAD, 0, 0, _NUMBER)
    yield from ((_JUMP_AT_LEAST, 0, 1, X32), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS))
    yield from ((_JUMP_EQUAL, 0, 1, CLONE3), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS))
    for pair in DENIED.values():
        if (denied := pair[machine.column]) is not None:
            yield from ((_JUMP_EQUAL, 0, 1, denied), refuse)
    for *numbers, wanted in OWN_ONLY.values():
        yield (_JUMP_EQUAL, 0, 2 * len(wanted) + 2, numbers[machine.column])
        for left, (position, value) in zip(reversed(range(len(wanted))), wanted, strict=True):
            yield from ((_LOAD, 0, 0, _ARGUMENT_0 + 8 * position), (_JUMP_EQUAL, 0, 2 * left + 1, value))
        yield from ((_RETURN, 0, 0, _ALLOW), refuse)
    yield from ((_JUMP_EQUAL, 0, 3, machine.clone), (_LOAD, 0, 0, _ARGUMENT_0))
    yield from ((_JUMP_ANY_BIT, 0, len(FAMILIES) + 4, NAMESPACE_FLAGS), refuse)
    yield from ((_JUMP_EQUAL, 0, len(FAMILIES) + 2, machine.socket), (_LOAD, 0, 0, _ARGUMENT_0))
    for index, family in enumerate(FAMILIES):
        yield (_JUMP_EQUAL, len(FAMILIES) - index, 0, family)
    yield refuse
    yield (_RETURN, 0, 0, _ALLOW)
