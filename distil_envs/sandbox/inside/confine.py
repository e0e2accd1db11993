"""A seccomp filter for this process and all that come from it."""

from __future__ import annotations

import ctypes
import os

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
INSTRUCTION_BYTES = 8


class _Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def confine(instructions: bytes) -> None:
    """Take on the filter (`distil_envs.sandbox.seccomp`), and no privileges ever again. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    program = _Program(len(instructions) // INSTRUCTION_BYTES, instructions)
    for option, *arguments in (
        (PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), ctypes.c_ulong(0)),
        (PR_SET_SECCOMP, ctypes.c_ulong(SECCOMP_MODE_FILTER), ctypes.byref(program)),
    ):
        if libc.prctl(option, *arguments, ctypes.c_ulong(0), ctypes.c_ulong(0)):
            raise OSError(ctypes.get_errno(), f"prctl({option}) failed: {os.strerror(ctypes.get_errno())}")
