"""The `docker` back-end with a real daemon: limits of containers, who cleans up, and what happens when it breaks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError, NotFound

from distil_envs.sandbox import Call, Ended, Limits, Program, SandboxError, owner
from distil_envs.sandbox.docker import DockerSandbox, connect
from distil_envs.sandbox.image import IMAGE
from distil_envs.sandbox.owner import DEADLINE_LABEL, LABEL, OWNER_LABEL, Owner, labels, reap

pytestmark = pytest.mark.docker
PATIENT = Limits(wall_s=60.0)
DOUBLE = Program("def f(n):\n    return 2 * n\n", "f", (Call((21,)),), limits=PATIENT)
SLEEP = Program("import time\ntime.sleep(50)\n", limits=PATIENT)
WAIT_S = 60.0


@pytest.fixture(scope="module")
def sandbox() -> Iterator[DockerSandbox]:
    with DockerSandbox(places=1) as made:
        yield made


@pytest.fixture
def client() -> Iterator[Any]:
    made = connect()
    yield made
    made.close()


def works(sandbox: DockerSandbox) -> bool:
    seen = sandbox.run(DOUBLE)
    return seen.ended is Ended.COMPLETED and seen.results[0].value == 42


def mine(client: Any) -> list[str]:
    """Ids of the containers of this process.

    Not those that are no more than a line of the listing: a daemon that was killed may, when it is back, go on listing
    as dead what it has removed, and then neither shows nor removes it (moby/moby#51692).
    """
    label = f"{OWNER_LABEL}={json.dumps(asdict(Owner.this()))}"
    found = client.api.containers(all=True, filters={"label": label})
    return [one["Id"] for one in found if one["State"] != "dead" or _shown(client, one["Id"])]


def _shown(client: Any, container: str) -> bool:
    try:
        client.api.inspect_container(container)
    except NotFound:
        return False
    return True


def eventually(condition: Callable[[], object]) -> bool:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_container_serves_many_programs_and_is_gone_after_closing(client: Any) -> None:
    before = mine(client)
    with DockerSandbox(places=2) as sandbox:
        assert all(works(sandbox) for _ in range(5))
        assert len(mine(client)) == len(before) + 1
    assert eventually(lambda: mine(client) == before)


def test_memory_of_all_processes_together_is_a_limit(sandbox: DockerSandbox) -> None:
    source = """
import os
def f(n):
    if n:
        for _ in range(8):
            if os.fork() == 0:
                kept = bytearray(os.urandom(1 << 20) * 100)
                os._exit(0)
        os.wait3(0)
        kept = [bytearray(1 << 24) for _ in range(20)]
    return n
"""
    seen = sandbox.run(Program(source, "f", (Call((0,)), Call((1,))), limits=PATIENT))
    assert (seen.ended, seen.limit) == (Ended.LIMIT, "memory")
    assert [result.value for result in seen.results] == [0]
    assert works(sandbox)


def test_what_lies_in_tmp_and_shm_counts_as_memory_and_is_bounded_in_size_and_number(sandbox: DockerSandbox) -> None:
    source = """
def f(folder, size, count):
    for index in range(count):
        try:
            open(f"{folder}/{index}", "wb").write(bytes(size))
        except OSError as error:
            return index, error.errno
    return count, 0
"""
    limits = replace(PATIENT, disk_bytes=1 << 20, inodes=20)
    arguments = [(folder, size, count) for folder in ("/tmp", "/dev/shm") for size, count in ((1 << 18, 9), (0, 50))]
    for folder, size, count in arguments:
        seen = sandbox.run(Program(source, "f", (Call((folder, size, count)),), limits=limits))
        written, errno = seen.results[0].value
        assert errno == 28
        assert written == (4 if size else 20)


def test_processes_are_bounded_for_all_and_a_fork_bomb_ends_with_its_time(sandbox: DockerSandbox) -> None:
    source = """
import os, time
def f():
    count = 0
    try:
        while True:
            if os.fork() == 0:
                time.sleep(100)
            count += 1
    except OSError as error:
        return count, error.errno
"""
    seen = sandbox.run(Program(source, "f", (Call(),), limits=replace(PATIENT, processes=20)))
    assert seen.results[0].value == (19, 11)
    bomb = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n"
    assert sandbox.run(Program(bomb, limits=Limits(wall_s=0.5))).ended is Ended.TIMEOUT
    assert works(sandbox)


def test_an_image_or_a_runtime_that_is_missing_is_told_with_the_mend(client: Any) -> None:
    with (
        DockerSandbox(image="distil-envs/none:0") as sandbox,
        pytest.raises(SandboxError, match="there is no image distil-envs/none:0: build it with `distil sandbox build`"),
    ):
        sandbox.run(DOUBLE)
    assert "distil sandbox build" in (DockerSandbox.problem(image="distil-envs/none:0") or "")
    before = mine(client)
    with DockerSandbox(runtime="no-such-runtime") as sandbox, pytest.raises(SandboxError, match="no-such-runtime"):
        sandbox.run(DOUBLE)
    assert mine(client) == before


def test_no_daemon_is_told_promptly_with_the_mend(tmp_path: Path) -> None:
    with (
        DockerSandbox(host=f"unix://{tmp_path}/none.sock") as sandbox,
        pytest.raises(SandboxError, match=r"no Docker daemon answers at unix://.*choose sandbox=bubblewrap"),
    ):
        sandbox.run(DOUBLE)


def began(client: Any, container: str) -> bool:
    """Whether a program runs in it, beside the runner."""
    try:
        return len(client.api.top(container)["Processes"]) > 1
    except APIError:  # it has not started yet
        return False


def killer(client: Any, kill: Callable[[str], None], times: int) -> threading.Thread:
    """Kills so many new containers of this process, one after the other, each when its program has begun."""
    known = set(mine(client))

    def work() -> None:
        own = connect()
        for _ in range(times):
            while not (fresh := [found for found in mine(own) if found not in known]):
                time.sleep(0.02)
            known.update(fresh)
            while not began(own, fresh[0]):
                time.sleep(0.02)
            kill(fresh[0])
        own.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def kill_runner(client: Any) -> Callable[[str], None]:
    """As the kernel would, without a word to the daemon."""

    def kill(container: str) -> None:
        os.kill(client.api.inspect_container(container)["State"]["Pid"], signal.SIGKILL)

    return kill


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="kills processes of another user: needs root")


@needs_root
def test_a_container_that_dies_once_costs_nothing_but_time(client: Any) -> None:
    with DockerSandbox(places=1) as sandbox:
        thread = killer(client, kill_runner(client), 1)
        seen = sandbox.run(Program("import time\ntime.sleep(3)\nprint('done')", limits=PATIENT))
        thread.join(WAIT_S)
        assert (seen.ended, seen.stdout.text) == (Ended.COMPLETED, "done\n")


@needs_root
def test_a_program_during_which_two_containers_die_by_themselves_is_to_blame(client: Any) -> None:
    with DockerSandbox(places=1) as sandbox:
        thread = killer(client, kill_runner(client), 2)
        assert sandbox.run(SLEEP).ended is Ended.KILLED
        thread.join(WAIT_S)
        assert works(sandbox)


def test_containers_that_someone_kills_are_no_fault_of_the_program(client: Any) -> None:
    with DockerSandbox(places=1) as sandbox:
        thread = killer(client, lambda container: client.api.kill(container), 2)
        with pytest.raises(SandboxError, match="a place was lost twice"):
            sandbox.run(SLEEP)
        thread.join(WAIT_S)
        assert works(sandbox)


TRAINER = """
import sys, time
from distil_envs.sandbox.docker import DockerSandbox
from distil_envs.sandbox import Program
sandbox = DockerSandbox(places=1)
sandbox.run(Program(""))
print(sandbox._pool._idle[0].place._channel._container, flush=True)
time.sleep(600)
"""


def test_the_containers_of_a_killed_trainer_go_and_those_of_a_living_one_stay(client: Any) -> None:
    def ids() -> set[str]:
        return {found["Id"] for found in client.api.containers(all=True, filters={"label": LABEL})}

    command = [sys.executable, "-W", "ignore", "-c", TRAINER]
    trainers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        living, dead = (trainer.stdout.readline().strip() for trainer in trainers if trainer.stdout)
        assert {living, dead} <= ids()
        trainers[1].send_signal(signal.SIGKILL)
        trainers[1].wait(WAIT_S)
        with DockerSandbox(places=1) as sandbox:
            assert works(sandbox)
            assert eventually(lambda: dead not in ids())
        assert living in ids()
    finally:
        for trainer in trainers:
            trainer.kill()
            trainer.wait(WAIT_S)
            if trainer.stdout:
                trainer.stdout.close()
    assert eventually(lambda: living not in ids())


def test_the_reaper_knows_the_dead_from_the_living_and_from_strangers(client: Any) -> None:
    this = Owner.this()
    dead = asdict(replace(this, started=this.started + 1))
    elsewhere = asdict(replace(this, boot="another machine", pid=1))
    owners = {"dead": dead, "alive": asdict(this), "elsewhere": elsewhere}
    made = {name: {**labels(600.0), OWNER_LABEL: json.dumps(about)} for name, about in owners.items()}
    made["late"] = {**made["elsewhere"], DEADLINE_LABEL: str(int(time.time()) - 1)}
    made["garbled"] = {LABEL: "1", OWNER_LABEL: "[]", DEADLINE_LABEL: "soon"}
    ids = {
        name: client.api.create_container(IMAGE, ["sleep", "600"], labels=given, network_disabled=True)["Id"]
        for name, given in made.items()
    }
    try:
        client.api.start(ids["dead"])  # running or not
        removed = reap(client.api)
        assert {name for name, found in ids.items() if found in removed} == {"dead", "late"}
        left = {found["Id"] for found in client.api.containers(all=True, filters={"label": LABEL})}
        assert {name for name, found in ids.items() if found in left} == {"alive", "elsewhere", "garbled"}
    finally:
        for name in ("alive", "elsewhere", "garbled"):
            client.api.remove_container(ids[name], force=True)


class Daemon:
    """A Docker daemon of our own, in a folder of its own, that can be killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.host = f"unix://{folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            *("dockerd", "--host", self.host, "--data-root", str(self._folder / "data")),
            *("--exec-root", str(self._folder / "exec"), "--pidfile", str(self._folder / "docker.pid")),
            *("--iptables=false", "--bridge=none", "--ip-masq=false"),
        ]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        assert eventually(self._answers), (self._folder / "log").read_text()[-2000:]

    def kill(self) -> None:
        assert self._process is not None
        note = self._folder / "exec" / "containerd" / "containerd.pid"
        containerd = int(note.read_text())
        self._process.kill()
        self._process.wait(WAIT_S)
        assert eventually(lambda: owner._started(containerd) is None), "containerd dies with its daemon"
        note.unlink()  # where nobody takes the dead away, the next daemon would take it for alive

    def remove(self) -> None:
        """After its last container has gone."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mounted in sorted((path for path in mounts if path.startswith(str(self._folder))), reverse=True):
            subprocess.run(["umount", "--lazy", mounted], check=True)
        shutil.rmtree(self._folder)

    def _answers(self) -> bool:
        try:
            connect(self.host).close()
        except SandboxError:
            return False
        return True


@pytest.fixture
def daemon(client: Any) -> Iterator[Daemon]:
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("starting a Docker daemon of our own needs root and dockerd")
    # Not under tmp_path: the path of a socket may be 107 characters long.
    folder = Path(tempfile.mkdtemp())
    made = Daemon(folder)
    try:
        made.start()
        own = connect(made.host)
        own.images.load(b"".join(client.images.get(IMAGE).save(named=True)))
        own.close()
        yield made
    finally:
        made.remove()


def test_a_daemon_that_dies_in_the_middle_is_our_fault_and_the_run_goes_on_when_it_is_back(daemon: Daemon) -> None:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            sandbox.run(SLEEP)
        except SandboxError as error:
            errors.append(error)

    with DockerSandbox(places=2, host=daemon.host) as sandbox:
        assert works(sandbox)
        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        assert eventually(lambda: len(sandbox._pool._busy) == 2)
        time.sleep(0.5)
        own = connect(daemon.host)
        runners = [own.api.inspect_container(container)["State"]["Pid"] for container in mine(own)]
        began = {pid: owner._started(pid) for pid in runners}
        own.close()
        assert len(runners) == 2 and None not in began.values()
        daemon.kill()
        start = time.monotonic()
        for thread in threads:
            thread.join(WAIT_S)
        assert [type(error) for error in errors] == [SandboxError] * 2
        assert all("Docker" in str(error) for error in errors)
        with pytest.raises(SandboxError, match="Docker"):
            sandbox.run(DOUBLE)
        assert time.monotonic() - start < SLEEP.limits.wall_s / 2, "it must be told promptly"
        daemon.start()
        assert works(sandbox)
        own = connect(daemon.host)
        assert eventually(lambda: len(mine(own)) == 1), "what the killed daemon left must go"
        assert not any(owner._started(pid) == began[pid] for pid in runners)
        own.close()
