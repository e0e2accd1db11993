"""The seccomp filter: interpreted here instruction by instruction, and installed for real."""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distil_envs.sandbox import seccomp
from distil_envs.sandbox.inside import confine

ALLOW, KILL = 0x7FFF0000, 0x80000000
REFUSE = 0x50000 | errno.EPERM
UNKNOWN = 0x50000 | errno.ENOSYS
MACHINE = platform.machine()

pytestmark = pytest.mark.skipif(MACHINE not in seccomp.MACHINES, reason=f"no filter is known for {MACHINE}")


def verdict(number: int, *arguments: int, arch: int = seccomp.MACHINES["x86_64"].audit_arch) -> int:
    """What the kernel would do, by the rules of classic BPF on ``struct seccomp_data``."""
    data = struct.pack("=iIQ6Q", number, arch, 0, *(arguments + (0,) * 6)[:6])
    program = list(struct.iter_unpack("=HBBI", seccomp.filter_program()))
    at = accumulator = 0
    while True:
        code, if_true, if_false, operand = program[at]
        at += 1
        if code == 0x20:
            [accumulator] = struct.unpack_from("=I", data, operand)
        elif code == 0x06:
            return operand
        elif code == 0x05:
            at += operand
        else:
            taken = {0x15: accumulator == operand, 0x35: accumulator >= operand, 0x45: bool(accumulator & operand)}[
                code
            ]
            at += if_true if taken else if_false


@pytest.mark.parametrize("machine", seccomp.MACHINES)
@pytest.mark.parametrize("call", seccomp.DENIED)
def test_denied_calls_are_refused(call: str, machine: str) -> None:
    number = seccomp.number(call, machine)
    if number is not None:
        assert verdict(number, arch=seccomp.MACHINES[machine].audit_arch) == REFUSE


@pytest.mark.parametrize("machine", seccomp.MACHINES.values())
@given(number=st.integers(0, 600), arguments=st.lists(st.integers(0, 2**64 - 1), max_size=6))
def test_every_other_call_is_allowed(machine: seccomp.Machine, number: int, arguments: list[int]) -> None:
    special = {seccomp.CLONE3, machine.clone, machine.socket}
    special |= {numbers[machine.column] for numbers in seccomp.DENIED.values()}
    special |= {numbers[machine.column] for numbers in seccomp.OWN_ONLY.values()}
    if number not in special:
        assert verdict(number, *arguments, arch=machine.audit_arch) == ALLOW


@pytest.mark.parametrize("machine", seccomp.MACHINES.values())
def test_what_depends_on_arguments(machine: seccomp.Machine) -> None:
    arch = machine.audit_arch
    assert verdict(seccomp.CLONE3, arch=arch) == UNKNOWN
    assert verdict(machine.clone, 0x01200011, arch=arch) == ALLOW  # what fork asks for
    assert verdict(machine.clone, 0x003D0F00, arch=arch) == ALLOW  # what a thread asks for
    for bit in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert verdict(machine.clone, 17 | bit, arch=arch) == REFUSE
    assert [family for family in range(64) if verdict(machine.socket, family, arch=arch) == ALLOW] == [1, 2, 10, 16]
    for *numbers, wanted in seccomp.OWN_ONLY.values():
        own = [dict(wanted).get(position, 7) for position in range(6)]
        assert verdict(numbers[machine.column], *own, arch=arch) == ALLOW
        for position, value in wanted:
            other = [*own[:position], value + 2, *own[position + 1 :]]
            assert verdict(numbers[machine.column], *other, arch=arch) == REFUSE


def test_other_ways_into_the_kernel_are_shut() -> None:
    assert verdict(39, arch=0x40000003) == KILL  # 32-bit calls, numbered otherwise
    assert verdict(seccomp.X32 | 101) == UNKNOWN
    assert verdict(-1) == UNKNOWN


def test_every_branch_is_reached_within_the_kernels_bounds() -> None:
    length = len(seccomp.filter_program()) // confine.INSTRUCTION_BYTES
    assert length <= 4096
    for at, (code, if_true, if_false, operand) in enumerate(struct.iter_unpack("=HBBI", seccomp.filter_program())):
        if code in (0x15, 0x35, 0x45):
            assert at + 1 + max(if_true, if_false) < length
        elif code == 0x05:
            assert at + 1 + operand < length


def test_a_confined_process_works_and_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import os, resource, socket, subprocess, sys, threading\n"
        f"sys.path.insert(0, {str(Path(confine.__file__).parent)!r})\n"
        "import confine\n"
        f"confine.confine(bytes.fromhex({seccomp.filter_program().hex()!r}))\n"
        "thread = threading.Thread(target=os.getpid)\n"
        "thread.start()\n"
        "thread.join()\n"
        "subprocess.run([sys.executable, '-c', ''], check=True)\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "left, right = socket.socketpair()\n"
        "for refused in (\n"
        "    lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),\n"
        "    lambda: resource.prlimit(os.getppid(), resource.RLIMIT_CORE, (0, 0)),\n"
        "):\n"
        "    try:\n"
        "        refused()\n"
        "    except PermissionError:\n"
        "        continue\n"
        "    raise SystemExit('it was allowed')\n"
        "print(open('/proc/self/status').read())\n"
    )
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, timeout=60, check=True)
    status = dict(line.split(":\t", 1) for line in done.stdout.splitlines() if ":\t" in line)
    assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")


def test_a_filter_that_is_none_is_told() -> None:
    code = (
        f"import sys\nsys.path.insert(0, {str(Path(confine.__file__).parent)!r})\n"
        "import confine\nconfine.confine(bytes(8))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "prctl(22) failed: Invalid argument" in done.stderr


def test_the_numbers_are_those_of_this_machine() -> None:
    """Some of them, against the C library's own wrappers: a call that it makes must meet the same refusal."""
    libc = ctypes.CDLL(None, use_errno=True)
    for call, arguments in (("umount2", (0, 0)), ("setns", (-1, 0)), ("swapoff", (0,)), ("acct", (1,))):
        number = seccomp.number(call, MACHINE)
        found = []
        for function in (getattr(libc, call), lambda *rest, number=number: libc.syscall(number, *rest)):
            ctypes.set_errno(0)
            function(*(ctypes.c_long(each) for each in arguments))
            found.append(ctypes.get_errno())
        assert found[0] == found[1] != errno.ENOSYS
