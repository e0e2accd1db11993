"""How fast a warm sandbox is, against ``docker run`` and ``docker exec``: in one run and in turn, as ratios."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from distil_envs.errors import ConfigError
from distil_envs.sandbox.image import IMAGE
from distil_envs.sandbox.protocol import Call, Ended, Limits, Program, Sandbox, SandboxError

SOURCE = "def add(a, b):\n    return a + b\n"
PROGRAM = Program(SOURCE, "add", (Call((20, 22)),))
SCRIPT = SOURCE + "print(add(20, 22))"
ANSWER = 42
_LIMITS = Limits()
HARDENED = (
    *(
        "--network",
        "none",
        "--read-only",
        "--cap-drop",
        "ALL",
        "--security-opt",
        "no-new-privileges",
        "--user",
        "65534",
    ),
    *("--memory", f"{_LIMITS.memory_bytes}b", "--memory-swap", f"{_LIMITS.memory_bytes}b", "--cpus", "1"),
    *("--pids-limit", str(_LIMITS.processes), "--ipc", "private", "--log-driver", "none"),
    *("--tmpfs", f"/tmp:rw,noexec,nosuid,nodev,size={_LIMITS.disk_bytes}"),
)
"""The flags of ``docker run`` that come closest to what the `docker` back-end does."""


@dataclass
class Way:
    """One way to run a program, and what it took."""

    name: str
    run: Callable[[], None]
    """Runs the program once and checks its answer; called from many threads."""
    alone_s: list[float] = field(default_factory=list)
    """Seconds of each run, one at a time."""
    runs: int = 0
    """Runs at full load."""
    busy_s: float = 0.0
    """Seconds that these took together."""

    @property
    def median_s(self) -> float:
        return statistics.median(self.alone_s)

    @property
    def p95_s(self) -> float:
        return statistics.quantiles(self.alone_s, n=20, method="inclusive")[-1]

    @property
    def alone_per_second(self) -> float:
        """Programs a second, one at a time."""
        return len(self.alone_s) / sum(self.alone_s)

    @property
    def per_second(self) -> float:
        """Programs a second, at full load."""
        return self.runs / self.busy_s


def measure(sandbox: Sandbox, rounds: int, threads: int, image: str | None = IMAGE) -> list[Way]:
    """Time a warm sandbox, and where ``image`` is given ``docker run`` and ``docker exec`` too.

    A round runs each way for some seconds one program at a time, then with ``threads`` at a time; rounds follow each
    other, so that a busy machine slows all alike. Raises SandboxError when something does not give the right answer,
    ConfigError for fewer than one round or thread.
    """
    if rounds < 1 or threads < 1:
        raise ConfigError(f"rounds and threads must be at least 1, got {rounds} and {threads}")
    ways = {"sandbox": Way(f"{sandbox.name}, warm", lambda: _in_sandbox(sandbox))}
    container = ""
    try:
        if image is not None:
            container = _command("docker", "run", "--detach", "--rm", *HARDENED, image, "sleep", "3600")
            script = ("python3", "-c", SCRIPT)
            ways["run"] = Way("docker run", lambda: _checked("docker", "run", "--rm", *HARDENED, image, *script))
            ways["exec"] = Way("docker exec", lambda: _checked("docker", "exec", container, *script))
        for way in ways.values():
            _at_load(way, threads, 2 * threads)  # warm
            way.runs, way.busy_s = 0, 0.0
        for _ in range(rounds):
            for name, way in ways.items():
                alone, loaded = _COUNTS[name]
                way.alone_s += [_timed(way.run) for _ in range(alone)]
                _at_load(way, threads, loaded)
    finally:
        if container:
            _command("docker", "rm", "--force", container)
    return list(ways.values())


_COUNTS: Mapping[str, tuple[int, int]] = {"sandbox": (200, 800), "run": (5, 8), "exec": (10, 20)}
"""Programs one at a time, and at full load, of one round: about a second or two each."""


def _in_sandbox(sandbox: Sandbox) -> None:
    done = sandbox.run(PROGRAM)
    if done.ended is not Ended.COMPLETED or done.results[0].value != ANSWER:
        raise SandboxError(f"the program of the benchmark gave {done}")


def _checked(*command: str) -> None:
    if _command(*command) != str(ANSWER):
        raise SandboxError(f"{' '.join(command[:2])} gave another answer than {ANSWER}")


def _command(*command: str) -> str:
    if shutil.which(command[0]) is None:
        raise SandboxError(f"{command[0]} is not on the PATH: install the Docker command line to compare with it")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SandboxError(f"{' '.join(command[:2])} failed with status {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()


def _timed(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _at_load(way: Way, threads: int, runs: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        start = time.perf_counter()
        for future in [pool.submit(way.run) for _ in range(runs)]:
            future.result()
        way.busy_s += time.perf_counter() - start
    way.runs += runs
