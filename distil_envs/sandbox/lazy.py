"""`LazySandbox`: a sandbox that is made when it is first needed, for what may never run a program."""

from __future__ import annotations

import threading

from distil_envs.sandbox.factory import make_sandbox
from distil_envs.sandbox.protocol import Sandbox, SandboxError


class LazySandbox:
    """A sandbox by its name, which this makes and closes; or one that was given, which is its owner's to close."""

    def __init__(self, sandbox: str | Sandbox) -> None:
        self._sandbox = sandbox
        self._lock = threading.Lock()
        self._made: Sandbox | None = None
        self._closed = False

    def get(self) -> Sandbox:
        """The sandbox, made now if it was not yet; from any thread.

        Raises SandboxError where there is none, and for one made here after `close`.
        """
        if not isinstance(self._sandbox, str):
            return self._sandbox
        with self._lock:
            if self._closed:
                raise SandboxError("what runs programs here is closed; make a new one")
            if self._made is None:
                self._made = make_sandbox(self._sandbox)
            return self._made

    def close(self) -> None:
        """Close the sandbox that this made. May be called twice."""
        with self._lock:
            made, self._made, self._closed = self._made, None, True
        if made is not None:
            made.close()
