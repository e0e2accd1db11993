"""How a bare ``python3`` becomes our runner: a command line that reads the source of `inside` from standard input."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources

from distil_envs.sandbox.seccomp import filter_program

FLAGS = ("-s", "-B", "-u")
"""No packages of the user, no bytecode written, no buffering. Not ``-I``: it would ignore PYTHONHASHSEED."""

ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "MALLOC_ARENA_MAX": "1",
}
"""All that a program sees. With the hash seed fixed, a program that depends on the order of a set is graded alike. One
arena of malloc: every further one takes 64 MiB of address space, by which some back-ends limit memory.
"""

# Modules are named as on this side. `-c` would put the working folder on the path: nothing may be imported from there.
COMMAND = """\
import sys
sys.path[:] = [part for part in sys.path if part]
import json, os, types
def read(size):
    data = b""
    while len(data) < size:
        part = os.read(0, size - len(data))
        if not part:
            sys.exit(0)
        data += part
    return data
boot = json.loads(read(int.from_bytes(read(4), "big")))
for name in boot["preload"]:
    try:
        __import__(name)
    except ImportError:
        pass
for name, source in boot["modules"]:
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(source, "<" + name + ">", "exec"), module.__dict__)
if boot["filter"]:
    sys.modules["distil_envs.sandbox.inside.confine"].confine(bytes.fromhex(boot["filter"]))
sys.modules["distil_envs.sandbox.inside.runner"].main(boot["config"])
"""

_MODULES = (
    "distil_envs.sandbox.codec",
    "distil_envs.sandbox.bounded",
    "distil_envs.sandbox.inside.confine",
    "distil_envs.sandbox.inside.cleaning",
    "distil_envs.sandbox.inside.streams",
    "distil_envs.sandbox.inside.describe",
    "distil_envs.sandbox.inside.lines",
    "distil_envs.sandbox.inside.child",
    "distil_envs.sandbox.inside.runner",
)
"""In the order of their needs."""

_PRELOAD = (
    *("bisect", "collections", "copy", "functools", "heapq", "itertools", "math", "operator", "re", "string", "typing"),
)
"""What programs often import: imported once, before any program, it costs them nothing. But the more there is in
memory, the longer a fork takes, and `random` and `threading` do something in every child, used or not."""


@dataclass(frozen=True)
class RunnerConfig:
    """What a back-end tells its runner."""

    isolated: bool
    """The runner is process 1 of its own process, IPC and mount namespaces: what else is in them is the program's.

    It then also takes on the filter of `distil_envs.sandbox.seccomp`.
    """
    scratch: tuple[str, ...]
    """Writable folders, emptied after every program."""
    work: str
    """The working folder of programs, one of `scratch`."""
    lifetime_s: float
    """Seconds after which the runner ends as soon as it is idle, whoever forgot it."""
    limit_address_space: bool = False
    """Enforce `Limits.memory_bytes` as address space of each process, where no control group does it for all."""
    limit_user_processes: bool = False
    """Enforce `Limits.processes` by RLIMIT_NPROC, where that counts in a user namespace of the sandbox's own."""


def bundle(config: RunnerConfig) -> bytes:
    """What to write to the standard input of `COMMAND`."""
    calls = filter_program().hex() if config.isolated else ""
    boot = {"modules": _sources(), "preload": _PRELOAD, "filter": calls, "config": asdict(config)}
    text = json.dumps(boot).encode("ascii")
    return len(text).to_bytes(4, "big") + text


@cache
def _sources() -> tuple[tuple[str, str], ...]:
    root = resources.files("distil_envs")
    paths = [(name, root.joinpath(*name.split(".")[1:-1], name.rpartition(".")[2] + ".py")) for name in _MODULES]
    return tuple((name, path.read_text(encoding="utf-8")) for name, path in paths)
