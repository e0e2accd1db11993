"""A sandbox as it is often written, and what is wrong with it: shows that the checks of ours can fail.

One interpreter executes program after program in its own process, prints answers on the channel that the program can
write to as well, measures its own time, and cleans up nothing.
"""

from __future__ import annotations

import base64
import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from typing import Any

from distil_envs.sandbox import CallResult, Captured, Ended, Execution, Program, Raised, SandboxError

MOST_S = 2.0
"""Seconds for a program in the resident interpreter, whatever its own limit is."""

WORKER = """
import base64, json, pickle, sys, time
def answer(value):
    return base64.b64encode(pickle.dumps(value)).decode() if PICKLED else value
history = []
for line in sys.stdin:
    request = json.loads(line)
    history.append(line)
    began = time.monotonic()
    space = {"__name__": "program"}
    exec(request["source"], space)
    for arguments in request["calls"]:
        try:
            print(json.dumps({"value": answer(space[request["entry_point"]](*arguments))}), flush=True)
        except Exception as error:
            local = {name: repr(value) for name, value in error.__traceback__.tb_next.tb_frame.f_locals.items()}
            print(json.dumps({"raised": str(local)}), flush=True)
    print(json.dumps({"ended": "completed", "exit_code": 0, "wall_s": time.monotonic() - began}), flush=True)
    if not RESIDENT:
        break
"""


class NaiveSandbox:
    """See the module. `Sandbox`, with room for one program."""

    name = "naive"

    def __init__(self, pickled: bool = False, resident: bool = True, follows_links: bool = False) -> None:
        """``pickled``: values travel by pickle; ``resident``: not a process a program, of which all output is awaited;
        ``follows_links``: a cleaner empties the work folder, and what links in it lead to.
        """
        self._settings = f"PICKLED, RESIDENT = {pickled}, {resident}\n"
        self._pickled, self._resident, self._follows_links = pickled, resident, follows_links
        self._work = tempfile.mkdtemp(prefix="distil-naive-")
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, program: Program) -> Execution:
        if not os.path.isdir(self._work):
            raise SandboxError("closed")
        if self._process is None:
            self._start()
        assert self._process is not None
        calls = [call.args for call in program.calls]
        request = {"source": program.source, "entry_point": program.entry_point, "calls": calls}
        try:
            self._channel.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise SandboxError("the worker has gone") from error
        try:
            most = min(program.limits.wall_s, MOST_S) if self._resident else program.limits.wall_s
            return self._read(program, time.monotonic() + most)
        finally:
            if not self._resident:
                self._stop()
            if self._follows_links:
                for folder, _, names in os.walk(self._work, followlinks=True):
                    for name in names:
                        os.unlink(os.path.join(folder, name))

    def close(self) -> None:
        self._stop()
        shutil.rmtree(self._work, ignore_errors=True)

    def _start(self) -> None:
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", self._settings + WORKER],
                stdin=theirs,
                stdout=theirs,
                stderr=subprocess.DEVNULL,
                cwd=self._work,
                env={**os.environ, "PYTHONPATH": ""},
            )
        self._lines = self._channel.makefile("rb")

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._lines.close()
            self._channel.close()
            self._process = None

    def _read(self, program: Program, deadline: float) -> Execution:
        results: list[CallResult] = []
        output: list[str] = []
        while time.monotonic() < deadline:
            try:
                self._channel.settimeout(max(0.01, deadline - time.monotonic()))
                line = self._lines.readline()
            except TimeoutError:
                break
            except ConnectionResetError:
                line = b""
            if not line:
                return self._gone(tuple(results))
            message = _message(line)
            if message is None:
                output.append(line.decode(errors="replace"))
            elif "value" in message and len(results) < len(program.calls):
                results.append(CallResult(self._decoded(message["value"])))
            elif "raised" in message:
                results.append(CallResult(raised=Raised("Exception", message["raised"])))
            elif "ended" in message and self._resident:
                said = Captured("".join(output), sum(map(len, output)))
                return Execution(
                    Ended(message["ended"]), tuple(results), stdout=said, wall_s=message.get("wall_s", 0.0)
                )
        self._stop()
        return Execution(Ended.TIMEOUT, limit="wall", wall_s=program.limits.wall_s)

    def _gone(self, results: tuple[CallResult, ...]) -> Execution:
        """All processes that held the channel have closed it."""
        assert self._process is not None
        code = self._process.wait()
        if code < 0:
            return Execution(Ended.KILLED, results, signal=-code)  # and it is not started again
        self._stop()
        return Execution(Ended.EXITED if code else Ended.COMPLETED, results, exit_code=code)

    def _decoded(self, value: Any) -> Any:
        return pickle.loads(base64.b64decode(value)) if self._pickled and isinstance(value, str) else value


def _message(line: bytes) -> dict[str, Any] | None:
    """Whatever looks like a message of the worker."""
    try:
        found = json.loads(line) if line.startswith(b"{") else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
