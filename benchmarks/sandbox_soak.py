"""Thousands of programs from many threads, one in ten hostile: is every verdict right, and is nothing left?

    python benchmarks/sandbox_soak.py [--sandbox docker] [--programs 5000] [--threads 16] [--places 2] [--seed 0]

Exit status 1 if a verdict was wrong or something was left. A test runs the same with 300 programs.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from distil_envs.sandbox import Call, Ended, Execution, Limits, Program, Sandbox, SandboxError, make_sandbox

PATIENT = Limits(wall_s=60.0, cpu_s=20.0)
"""For honest programs, however busy the machine."""
SHORT = Limits(wall_s=1.0)
"""For those that never end."""
FLAT_BYTES = 48 << 20
"""By which this process may grow from the first tenth to the end."""
LEFT_S = 30.0
"""For what ends by itself, to do so."""
RUNNER_BYTES = 40 << 20
"""Of the runner, as programs see it."""

SEES_NOTHING = """
import os
def look(number):
    left = [name for folder in (os.getcwd(), "/dev/shm") for name in os.listdir(folder)] if os.getpid() != 1 else []
    others = [name for name in os.listdir("/proc") if name.isdigit() and int(name) not in (1, os.getpid())]
    queues = [kind for kind in ("shm", "sem", "msg") if len(open("/proc/sysvipc/" + kind).readlines()) > 1]
    runner = int(open("/proc/1/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE")
    return number * number, left, others, queues, runner
"""


@dataclass(frozen=True)
class Case:
    """A program, and what must come of it."""

    name: str
    make: Callable[[int], Program]
    """From a number, so that a result of another program cannot pass for its own."""
    right: Callable[[int, Execution], bool]
    """Whether this is the right verdict on the program of that number."""


def _script(source: str, limits: Limits = PATIENT, stdin: str = "") -> Callable[[int], Program]:
    return lambda number: Program(source.replace("NUMBER", str(number)), stdin=stdin, limits=limits)


def _function(source: str, *args: object, limits: Limits = PATIENT) -> Callable[[int], Program]:
    return lambda number: Program(source, "f", (Call((number, *args)),), limits=limits)


def _gave(value: Callable[[int], object]) -> Callable[[int, Execution], bool]:
    def right(number: int, seen: Execution) -> bool:
        return seen.ended is Ended.COMPLETED and [result.value for result in seen.results] == [value(number)]

    return right


def _ended(*wanted: Ended, limit: str | None = None) -> Callable[[int, Execution], bool]:
    return lambda number, seen: seen.ended in wanted and (limit is None or seen.limit == limit)


def _clean(number: int, seen: Execution) -> bool:
    if seen.ended is not Ended.COMPLETED or len(seen.results) != 1:
        return False
    square, left, others, queues, runner = seen.results[0].value
    return (square, left, others, queues) == (number * number, [], [], []) and runner < RUNNER_BYTES


def _raised(number: int, seen: Execution) -> bool:
    raised = seen.results[0].raised if seen.results else None
    return raised is not None and (raised.type, raised.message, raised.line) == ("KeyError", str(number), 2)


def _echoed(number: int, seen: Execution) -> bool:
    return seen.ended is Ended.COMPLETED and seen.stdout.text == f"{number} line\n"


HONEST = (
    Case("sees nothing of others", lambda n: Program(SEES_NOTHING, "look", (Call((n,)),), limits=PATIENT), _clean),
    Case("returns", _function("def f(n):\n    return [n, {n: (n + 1,)}]\n"), _gave(lambda n: [n, {n: (n + 1,)}])),
    Case("computes", _function("def f(n):\n    return sum(i * i for i in range(n % 2000))\n"),
         _gave(lambda n: sum(i * i for i in range(n % 2000)))),
    Case("raises", _function("def f(n):\n    return {}[n]\n"), _raised),
    Case("reads and prints", _script("print(NUMBER, input())", stdin="line\n"), _echoed),
    Case("writes a file", _function(
        "def f(n):\n    open('note', 'w').write(str(n))\n    return open('note').read()\n"), _gave(str)),
)  # fmt: skip

HOSTILE = (
    Case("loops for ever", _script("while True:\n    pass", SHORT), _ended(Ended.TIMEOUT, limit="wall")),
    Case("sleeps deaf", _script(
        "import signal, time\nfor n in range(1, 65):\n    try:\n        signal.signal(n, signal.SIG_IGN)\n"
        "    except (OSError, ValueError):\n        pass\ntime.sleep(1000)", SHORT),
         _ended(Ended.TIMEOUT, limit="wall")),
    Case("forks without end", _script(
        "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass", SHORT),
         _ended(Ended.TIMEOUT, limit="wall")),
    Case("takes all memory", _script("a = [bytearray(1 << 20) for _ in range(4000)]"),
         _ended(Ended.LIMIT, limit="memory")),
    Case("prints without end", _script("while True:\n    print('x' * 1000)", SHORT),
         lambda n, seen: seen.ended is Ended.TIMEOUT and seen.stdout.truncated and len(seen.stdout.text) < 40_000),
    Case("fills the disk", _function(
        "def f(n):\n    try:\n        for i in range(100):\n            open(str(i), 'wb').write(bytes(4 << 20))\n"
        "    except OSError as error:\n        return error.errno\n"), _gave(lambda n: 28)),
    Case("fills the inodes", _function(
        "def f(n):\n    try:\n        for i in range(5000):\n            open(str(i), 'wb').close()\n"
        "    except OSError as error:\n        return error.errno\n"), _gave(lambda n: 28)),
    Case("writes a large file", _script("open('a', 'wb').write(bytes(16 << 20))"),
         _ended(Ended.LIMIT, limit="file-size")),
    Case("leaves a daemon", _function(
        "import os, time\ndef f(n):\n    if os.fork() == 0:\n        os.setsid()\n        if os.fork() == 0:\n"
        "            time.sleep(1000)\n        os._exit(0)\n    os.wait()\n    return n\n"), _gave(lambda n: n)),
    Case("leaves deep folders", _function(
        "import os\ndef f(n):\n    for i in range(400):\n        os.mkdir('d')\n        os.chdir('d')\n"
        "    os.chmod('.', 0)\n    return n\n"), _gave(lambda n: n)),
    Case("leaves shared memory", _function(
        "import ctypes\ndef f(n):\n    libc = ctypes.CDLL(None)\n    libc.shmget(n + 1, 4096, 0o1666)\n"
        "    libc.semget(n + 1, 3, 0o1666)\n    libc.msgget(n + 1, 0o1666)\n"
        "    open('/dev/shm/mine', 'w').write('x')\n    return n\n"), _gave(lambda n: n)),
    Case("lowers the runner's limits", _function(
        "import resource\ndef f(n):\n    resource.prlimit(1, resource.RLIMIT_FSIZE, (1, 1))\n    return n\n"),
         lambda n, seen: _gave(lambda n: n)(n, seen) or seen.results[0].raised is not None),
    Case("kills everything", _script("import os\nos.kill(1, 9)\nos.kill(0, 9)"), _ended(Ended.KILLED)),
    Case("leaves at once", _function("import os\nos._exit(0)\ndef f(n):\n    return n\n"), _ended(Ended.EXITED)),
    Case("writes to every descriptor", _function(
        "import os\nfor fd in range(3, 256):\n    try:\n        os.write(fd, b'{\"value\": 1}\\n\\xff\\x00' * 9)\n"
        "    except OSError:\n        pass\ndef f(n):\n    return n\n"), _ended(Ended.EXITED)),
    Case("returns too much", _function("def f(n):\n    return 'x' * (8 << 20)\n"), _ended(Ended.LIMIT, limit="value")),
)  # fmt: skip
"""Verdicts are of the `docker` back-end; the others keep some of these limits otherwise, or not at all."""


@dataclass
class Tally:
    """What happened."""

    runs: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """Programs with a wrong verdict, and what it was."""
    left: list[str] = field(default_factory=list)
    """What was there afterwards that had not been before."""
    seconds: float = 0.0
    grown_bytes: int = 0
    """This process, from the first tenth to the end."""


def soak(make: Callable[[], Sandbox], programs: int, threads: int, seed: int = 0) -> Tally:
    """Run them all, one in ten hostile, in an order that the seed gives."""
    rng = random.Random(seed)
    hostile = [HOSTILE[i % len(HOSTILE)] for i in range(programs // 10)]
    cases = hostile + [HONEST[i % len(HONEST)] for i in range(programs - len(hostile))]
    rng.shuffle(cases)
    numbers = rng.sample(range(1, 100 * programs), programs)
    tally, lock = Tally(), threading.Lock()
    before = _open_things()
    sandbox = make()

    def one(case: Case, number: int) -> None:
        try:
            seen: Execution | SandboxError = sandbox.run(case.make(number))
            right = isinstance(seen, Execution) and case.right(number, seen)
        except SandboxError as error:
            seen, right = error, False
        with lock:
            tally.runs[case.name] += 1
            if not right:
                tally.wrong.append(f"{case.name} ({number}): {str(seen)[:500]}")

    start = time.monotonic()
    try:
        with ThreadPoolExecutor(threads) as pool:
            split = programs // 10
            list(pool.map(one, cases[:split], numbers[:split]))
            resident = _resident_bytes()
            list(pool.map(one, cases[split:], numbers[split:]))
            tally.grown_bytes = _resident_bytes() - resident
    finally:
        sandbox.close()
    tally.seconds = time.monotonic() - start
    if tally.grown_bytes > FLAT_BYTES:
        tally.left.append(f"{tally.grown_bytes >> 20} MiB of memory")
    deadline = time.monotonic() + LEFT_S
    while (found := _open_things() - before) and time.monotonic() < deadline:
        time.sleep(0.1)
    tally.left += [f"{count} {what}" for what, count in found.items()]
    return tally


def _open_things() -> Counter[str]:
    """Descriptors, threads and children of this process, its scratch folders, and its containers."""
    found = Counter({
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "children": sum(
            len(children.read_text(encoding="ascii").split()) for children in Path("/proc/self/task").glob("*/children")
        ),
    })  # fmt: skip
    found.update(_containers())
    return found


def _containers() -> dict[str, int]:
    from dataclasses import asdict
    from json import dumps

    from distil_envs.sandbox.docker import connect
    from distil_envs.sandbox.owner import OWNER_LABEL, Owner

    try:
        client = connect()
    except SandboxError:
        return {}
    try:
        mine = f"{OWNER_LABEL}={dumps(asdict(Owner.this()))}"
        return {"containers": len(client.api.containers(all=True, filters={"label": mine}))}
    finally:
        client.close()


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGESIZE")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sandbox", default="docker")
    parser.add_argument("--programs", type=int, default=5000)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--places", type=int, default=None)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    tally = soak(
        lambda: make_sandbox(options.sandbox, places=options.places), options.programs, options.threads, options.seed
    )
    for name, count in sorted(tally.runs.items()):
        print(f"{count:6d}  {name}")
    print(f"{tally.runs.total()} programs in {tally.seconds:.0f} s, {tally.runs.total() / tally.seconds:.0f} a second")
    print(f"grown by {tally.grown_bytes / (1 << 20):.1f} MiB; left: {', '.join(tally.left) or 'nothing'}")
    print(f"wrong verdicts: {len(tally.wrong)}")
    for line in tally.wrong[:20]:
        print(f"  {line}")
    return int(bool(tally.wrong or tally.left))


if __name__ == "__main__":
    sys.exit(main())
