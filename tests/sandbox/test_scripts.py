"""Scripts see and end as under the interpreter itself, which is the oracle."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from distil_envs.sandbox import Ended, Execution, Limits, Program
from distil_envs.sandbox.subprocess import SubprocessSandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SubprocessSandbox]:
    with SubprocessSandbox(places=1) as made:
        yield made


def script(sandbox: SubprocessSandbox, source: str, stdin: str = "", wall_s: float = 30.0) -> Execution:
    return sandbox.run(Program(source, stdin=stdin, limits=Limits(wall_s=wall_s)))


def interpreted(source: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """What the interpreter itself does with a script."""
    command = [sys.executable, "-S", "-c", source]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=30, check=False)


def test_a_script_ends_as_under_the_interpreter(sandbox: SubprocessSandbox) -> None:
    source = (
        "import atexit, sys, threading, time\natexit.register(print, 'exit function')\n"
        "threading.Thread(target=lambda: (time.sleep(0.05), print('thread'))).start()\n"
        "print(input('? ') + '|' + sys.stdin.read(), __name__, __file__, sys.argv)\n"
    )
    seen = script(sandbox, source, stdin="äöü\nrest\n")
    assert seen.ended is Ended.COMPLETED
    assert seen.stdout.text == "? äöü|rest\n __main__ program.py ['program.py']\nthread\nexit function\n"
    assert script(sandbox, "exit('a message')").stderr.text == "a message\n"


@pytest.mark.parametrize("end", ["pass", "sys.exit()", "sys.exit(3)", "sys.exit('a message')", "1 / 0"])
def test_however_a_script_ends_its_threads_and_exit_functions_do_and_its_files_are_written(
    sandbox: SubprocessSandbox, end: str
) -> None:
    source = (
        "import atexit, io, sys, threading, time\n"
        "late = open(1, 'w', closefd=False)\n"
        "def flush():\n    sys.__stdout__.write('exit function ' + buffer.getvalue())\n    raise ValueError\n"
        "threading.Thread(target=lambda: (time.sleep(0.05), print('thread'))).start()\n"
        "atexit.register(flush)\n"
        "sys.stdout.write('replaced ')\n"
        "buffer = sys.stdout = io.StringIO()\n"
        f"late.write('late ')\nprint('buffered')\n{end}\n"
    )
    seen, wanted = script(sandbox, source), interpreted(source)
    assert (seen.stdout.text, seen.exit_code) == (wanted.stdout, wanted.returncode)
    assert "thread\n" in seen.stdout.text
    assert ("a message\n" in seen.stderr.text) is ("message" in end)
    assert seen.ended is {"pass": Ended.COMPLETED, "sys.exit()": Ended.COMPLETED, "1 / 0": Ended.RAISED}.get(
        end, Ended.EXITED
    )


def test_an_exception_is_told_though_a_thread_goes_on_for_ever(sandbox: SubprocessSandbox) -> None:
    source = "import threading, time\nthreading.Thread(target=time.sleep, args=(99,)).start()\n1 / 0\n"
    seen = script(sandbox, source, wall_s=0.5)
    assert seen.ended is Ended.TIMEOUT
    assert seen.raised is not None
    assert (seen.raised.type, seen.raised.line) == ("ZeroDivisionError", 3)


def test_standard_streams_have_the_names_and_modes_of_the_interpreters(sandbox: SubprocessSandbox) -> None:
    source = (
        "import sys\nfor each in (sys.stdin, sys.stdout, sys.stderr):\n"
        "    print(each.name, each.mode, each.buffer.name, each.buffer.mode, each.fileno(), each.encoding)\n"
    )
    assert script(sandbox, source).stdout.text == interpreted(source).stdout


def test_a_script_may_wrap_its_streams_in_its_own(sandbox: SubprocessSandbox) -> None:
    """As those do that read and print much: by descriptor, told apart by their modes."""
    source = """
import os, sys, io, atexit
class Fast(io.IOBase):
    def __init__(self, file):
        self.fd, self.writes = file.fileno(), "r" not in file.mode
        self.buffer = io.BytesIO() if self.writes else io.BytesIO(os.read(self.fd, os.fstat(self.fd).st_size))
    def readline(self):
        return self.buffer.readline().decode()
    def write(self, text):
        return self.buffer.write(text.encode())
    def flush(self):
        if self.writes:
            os.write(self.fd, self.buffer.getvalue())
            self.buffer = io.BytesIO()
sys.stdin, sys.stdout = Fast(sys.stdin), Fast(sys.stdout)
print(sum(map(int, sys.stdin.readline().split())))
"""
    assert script(sandbox, source, stdin="1 2 3\n").stdout.text == "6\n"
