"""The `bubblewrap` back-end: what of it is its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from distil_envs.sandbox import Ended, Limits, Program, SandboxError
from distil_envs.sandbox.bubblewrap import BubblewrapSandbox
from distil_envs.sandbox.docker import connect
from distil_envs.sandbox.expecting import called, values_of
from distil_envs.sandbox.image import IMAGE

ALONE = "def f(*_):\n    return 42\n"


@pytest.fixture
def sandbox() -> Iterator[BubblewrapSandbox]:
    if problem := BubblewrapSandbox.problem():
        pytest.skip(problem)
    with BubblewrapSandbox(places=1) as made:
        yield made


def test_the_system_is_there_and_nothing_else(sandbox: BubblewrapSandbox) -> None:
    source = "import os\ndef f():\n    return sorted(os.listdir('/')), os.getpid(), os.uname().nodename\n"
    [(folders, _, name)] = values_of(called(sandbox, source, ()))
    assert set(folders) <= {"bin", "dev", "etc", "lib", "lib32", "lib64", "proc", "sbin", "tmp", "usr"}
    assert name == "sandbox"


def test_a_thread_that_ends_takes_no_place_with_it(sandbox: BubblewrapSandbox) -> None:
    """bubblewrap's own way to end with its parent would: the parent is a thread."""
    found = []
    thread = threading.Thread(target=lambda: found.append(values_of(called(sandbox, ALONE, ()))))
    thread.start()
    thread.join()
    identity = "import os\ndef f():\n    return open('/proc/1/stat').read().rpartition(')')[2].split()[19]\n"
    [first] = values_of(called(sandbox, identity, ()))
    time.sleep(0.2)
    assert values_of(called(sandbox, identity, ())) == [first]
    assert found == [[42]]


def test_limits_of_the_place_are_those_of_the_program(sandbox: BubblewrapSandbox) -> None:
    source = (
        "import shutil\ndef f():\n    return [shutil.disk_usage(folder).total for folder in ('/tmp', '/dev/shm')]\n"
    )
    for size in (1 << 20, 1 << 22):
        assert values_of(called(sandbox, source, (), limits=Limits(disk_bytes=size))) == [[size, size]]


def test_nothing_is_left_of_a_killed_trainer(tmp_path: Path) -> None:
    if problem := BubblewrapSandbox.problem():
        pytest.skip(problem)
    mark = f"mark-{os.getpid()}-{time.monotonic_ns()}"
    script = tmp_path / "trainer.py"
    script.write_text(
        "from distil_envs.sandbox import Limits, Program\n"
        "from distil_envs.sandbox.bubblewrap import BubblewrapSandbox\n"
        f"source = 'import subprocess, sys\\nprint(1, flush=True)\\n'\n"
        f'source += \'subprocess.run([sys.executable, "-c", "import time; time.sleep(100)  # {mark}"])\\n\'\n'
        "BubblewrapSandbox(places=1).run(Program(source, limits=Limits(wall_s=100)))\n"
    )
    trainer = subprocess.Popen([sys.executable, str(script)], cwd=Path(__file__).parents[2])
    try:
        _wait_for(lambda: len(_processes(mark)) > 0)
    finally:
        trainer.send_signal(signal.SIGKILL)
        trainer.wait()
    _wait_for(lambda: not _processes(mark))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user may enter (for root, bubblewrap runs as nobody), in memory, since deleting takes long."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_root_file_system_without_python_is_told(open_folder: Path) -> None:
    if problem := BubblewrapSandbox.problem():
        pytest.skip(problem)
    for folder in ("usr", "proc", "dev", "tmp"):
        (open_folder / folder).mkdir()
    with BubblewrapSandbox(places=1, rootfs=open_folder) as made, pytest.raises(SandboxError, match="python3"):
        made.run(Program("print(1)"))


@pytest.mark.docker
def test_a_root_file_system_of_ones_own(open_folder: Path) -> None:
    if problem := BubblewrapSandbox.problem():
        pytest.skip(problem)
    with closing(connect()) as client:
        container = client.api.create_container(IMAGE, ["python3"])["Id"]
        unpack = ["tar", "-x", "--exclude=usr/share", "--exclude=var", "-C", str(open_folder)]
        try:
            with subprocess.Popen(unpack, stdin=subprocess.PIPE) as tar:
                assert tar.stdin
                for part in client.api.export(container):
                    tar.stdin.write(part)
        finally:
            client.api.remove_container(container)
    (open_folder / "distil-mark").touch()
    with BubblewrapSandbox(places=1, rootfs=open_folder) as made:
        source = "import os\ndef f():\n    return os.path.exists('/distil-mark'), os.access('/', os.W_OK)\n"
        assert values_of(called(made, source, ())) == [(True, False)]


def test_what_is_missing_is_told_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    problem = BubblewrapSandbox.problem()
    assert problem and "is not installed: apt install bubblewrap" in problem
    with BubblewrapSandbox(places=1) as sandbox, pytest.raises(SandboxError, match="apt install bubblewrap"):
        sandbox.run(Program("print(1)"))


def test_a_bwrap_that_fails_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho bwrap: no namespaces here >&2\nexit 1\n")
    tmp_path.chmod(0o755)
    broken.chmod(0o755)
    real = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: str(broken) if name == "bwrap" else real(name))
    assert "allow user namespaces" in (BubblewrapSandbox.problem() or "")


def test_a_place_that_is_killed_from_outside_is_replaced(sandbox: BubblewrapSandbox) -> None:
    """As an impatient operator might; the program then is not to blame, and a second place answers."""
    source = "import time\ndef f(mark):\n    time.sleep(1.0)\n    return mark\n"
    called(sandbox, ALONE, ())
    [place] = [pid for pid in _processes("--unshare-all") if _parent(pid) == os.getpid()]
    answered = []
    thread = threading.Thread(target=lambda: answered.append(called(sandbox, source, ("kept",))))
    thread.start()
    time.sleep(0.3)
    os.kill(place, signal.SIGKILL)
    thread.join()
    assert (answered[0].ended, values_of(answered[0])) == (Ended.COMPLETED, ["kept"])


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _processes(mark: str) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if mark.encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


def _wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
