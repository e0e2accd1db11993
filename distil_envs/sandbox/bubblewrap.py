"""The `bubblewrap` back-end: the runner in namespaces of its own, without a daemon and without privileges."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Final

from distil_envs.sandbox import boot
from distil_envs.sandbox.place import Place, ProcessChannel
from distil_envs.sandbox.pool import DEFAULT_LIFETIME_S, DEFAULT_RECYCLE_AFTER, PooledSandbox
from distil_envs.sandbox.protocol import Limits, SandboxError
from distil_envs.sandbox.seccomp import MACHINES

NOBODY: Final = 65534
SCRATCH: Final = ("/tmp", "/dev/shm")
ALIASES: Final = ("bin", "sbin", "lib", "lib64")
"""Folders that are links into /usr on most systems, and folders of their own on others."""
_CHECK_S = 10.0


class BubblewrapSandbox(PooledSandbox):
    """Programs see the system's /usr read-only (or a root file system of yours), an empty /tmp, and nothing else.

    User, process, network, IPC, host name, control group and mount namespaces are their own; they have no capability
    and our seccomp filter. No control group bounds them: see `exceptions`.
    """

    name = "bubblewrap"
    exceptions: Final[Mapping[str, str]] = {
        "memory-together": "without a control group memory is limited for each process, not for all together",
        "inodes": "bubblewrap mounts its tmpfs without a limit on inodes; they cost memory of the host",
    }
    """Effects of the self-test that this back-end does not prevent, with the reason."""

    def __init__(
        self,
        places: int | None = None,
        recycle_after: int = DEFAULT_RECYCLE_AFTER,
        lifetime_s: float = DEFAULT_LIFETIME_S,
        rootfs: str | os.PathLike[str] | None = None,
    ) -> None:
        """Nothing is started yet.

        Args:
            places: As for every sandbox on a pool.
            recycle_after: As for every sandbox on a pool.
            lifetime_s: As for every sandbox on a pool.
            rootfs: A folder with a root file system that has python3, /proc, /dev and /tmp, mounted read-only. By
                default the /usr of this machine, whose files programs then can read.
        """
        super().__init__(places, recycle_after, lifetime_s)
        self._rootfs = None if rootfs is None else Path(rootfs)

    @classmethod
    def problem(cls) -> str | None:
        """Why it cannot be used here, with the mend; None if it can. Found out by starting one."""
        try:
            command = [*_as_nobody(), *_namespaces(), *_system(None), "python3", "-c", ""]
            done = subprocess.run(
                command, env=boot.ENVIRONMENT, capture_output=True, text=True, timeout=_CHECK_S, check=False
            )
        except (SandboxError, OSError, subprocess.TimeoutExpired) as error:
            return " ".join(str(error).split())
        if done.returncode:
            said = " ".join(done.stderr.split())[-300:]
            return f"bwrap fails ({said}): allow user namespaces to unprivileged users, and see that /usr has python3"
        return None

    def shape(self, limits: Limits) -> Hashable:
        return limits.disk_bytes

    def start_place(self, limits: Limits) -> Place:
        config = boot.RunnerConfig(
            isolated=True,
            scratch=SCRATCH,
            work="/tmp",
            lifetime_s=self.lifetime_s,
            limit_address_space=True,
            limit_user_processes=True,
        )
        scratch = [word for folder in SCRATCH for word in ("--size", str(limits.disk_bytes), "--tmpfs", folder)]
        command = [*_as_nobody(), *_namespaces(), *_system(self._rootfs), *scratch, "--remount-ro", "/dev"]
        if self._rootfs is None:
            command += ["--remount-ro", "/"]
        command += ["python3", "-S", *boot.FLAGS, "-c", boot.COMMAND]
        return Place(ProcessChannel(command, {**boot.ENVIRONMENT, "HOME": "/tmp", "TMPDIR": "/tmp"}), config)


def _as_nobody() -> list[str]:
    """For root: be another user outside, too. The kernel does not count the processes of root, nor refuse it a file."""
    if os.geteuid() != 0:
        return []
    return [_found("setpriv"), f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]


def _namespaces() -> list[str]:
    """Not ``--die-with-parent``: the parent is the thread that starts it. The runner ends when its input closes."""
    if platform.machine() not in MACHINES:
        raise SandboxError(f"the seccomp filter knows {', '.join(MACHINES)}, not {platform.machine()}; use docker")
    user = str(NOBODY)
    words = [_found("bwrap"), "--unshare-all", "--unshare-user", "--uid", user, "--gid", user, "--hostname", "sandbox"]
    return [*words, "--cap-drop", "ALL", "--new-session", "--as-pid-1"]


def _found(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise SandboxError(f"{program} is not installed: apt install bubblewrap util-linux, or use another sandbox")
    return path


def _system(rootfs: Path | None) -> list[str]:
    """The files of the system, read-only, with fresh /proc and /dev."""
    bound = list(_host_usr()) if rootfs is None else ["--ro-bind", str(rootfs), "/"]
    return [*bound, "--proc", "/proc", "--dev", "/dev"]


def _host_usr() -> Iterator[str]:
    yield from ("--ro-bind", "/usr", "/usr")
    for name in ALIASES:
        path = Path("/", name)
        if path.is_symlink():
            yield from ("--symlink", os.readlink(path), str(path))
        else:
            yield from ("--ro-bind-try", str(path), str(path))
    yield from ("--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache")
