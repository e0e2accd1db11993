"""The `subprocess` back-end: a process of the same user, **no isolation**. For programs that you wrote yourself."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Hashable

from distil_envs.sandbox import boot
from distil_envs.sandbox.place import Place, ProcessChannel
from distil_envs.sandbox.pool import PooledSandbox
from distil_envs.sandbox.protocol import Limits


class SubprocessSandbox(PooledSandbox):
    """Runs programs as the user that you are, with your files, your network and your other processes in reach.

    It keeps time, CPU, file-size, output and value limits, and memory as address space of each process; it enforces
    neither the number of processes nor the space and the number of files in the scratch folder.
    """

    name = "subprocess"

    def shape(self, limits: Limits) -> Hashable:
        return None  # all that it enforces is of the program's process

    def start_place(self, limits: Limits) -> Place:
        scratch = tempfile.mkdtemp(prefix="distil-sandbox-")
        config = boot.RunnerConfig(
            isolated=False,
            scratch=(scratch,),
            work=scratch,
            lifetime_s=self.lifetime_s,
            limit_address_space=True,
        )
        # -S: without the packages of our own environment, as in the other back-ends.
        command = (sys.executable, "-S", *boot.FLAGS, "-c", boot.COMMAND)
        try:
            return Place(_ScratchChannel(command, scratch), config)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise


class _ScratchChannel(ProcessChannel):
    """Takes the scratch folder away with the process."""

    def __init__(self, command: tuple[str, ...], scratch: str) -> None:
        super().__init__(command, {**boot.ENVIRONMENT, "HOME": scratch, "TMPDIR": scratch})
        self._scratch = scratch

    def close(self) -> None:
        super().close()
        shutil.rmtree(self._scratch, ignore_errors=True)
