"""Who started a container, so that those of a trainer that was killed can be told from those of one that lives."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docker import APIClient

LABEL = "distil-envs.sandbox"
OWNER_LABEL = "distil-envs.sandbox.owner"
DEADLINE_LABEL = "distil-envs.sandbox.deadline"


@dataclass(frozen=True)
class Owner:
    """A process, unmistakably: process ids are used again, and mean nothing in another namespace or after a reboot."""

    boot: str
    """Id of this start of the machine."""
    namespace: str
    """The process namespace that ``pid`` is a number of."""
    pid: int
    started: int
    """Clock ticks from the start of the machine to that of the process."""

    @classmethod
    def this(cls) -> Owner:
        """The calling process."""
        pid = os.getpid()
        return cls(_boot(), _namespace(), pid, _started(pid) or 0)

    def is_dead(self) -> bool:
        """Whether it is known to have ended; False also where that cannot be known from here."""
        if (self.boot, self.namespace) != (_boot(), _namespace()):
            return False
        return _started(self.pid) != self.started


def labels(lifetime_s: float) -> dict[str, str]:
    """The labels of a container that this process starts now."""
    return {
        LABEL: "1",
        OWNER_LABEL: json.dumps(asdict(Owner.this())),
        DEADLINE_LABEL: str(int(time.time() + lifetime_s)),
    }


def reap(api: APIClient, everything: bool = False) -> list[str]:
    """Remove the containers of dead owners and those past their time; with ``everything`` those of living ones too.

    Returns the ids of what was removed. Raises DockerException or OSError when the daemon fails.
    """
    from docker.errors import APIError

    removed = []
    for container in api.containers(all=True, filters={"label": LABEL}):
        if everything or _is_left_over(container["Labels"]):
            try:
                api.remove_container(container["Id"], force=True)
            except APIError as error:
                if error.status_code not in (404, 409):  # it goes, or went, by itself
                    raise
                continue
            removed.append(container["Id"])
    return removed


def _is_left_over(found: Mapping[str, str]) -> bool:
    try:
        deadline = int(found[DEADLINE_LABEL])
        about: dict[str, Any] = json.loads(found[OWNER_LABEL])
        owner = Owner(str(about["boot"]), str(about["namespace"]), int(about["pid"]), int(about["started"]))
    except (KeyError, TypeError, ValueError):
        return False  # not by this version: nothing is known about it
    return time.time() > deadline or owner.is_dead()


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _namespace() -> str:
    return os.readlink("/proc/self/ns/pid")


def _started(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat; None where there is no such process, or only what is left of one."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])
