"""Running untrusted programs: a `Program` goes in, an `Execution` comes out. `make_sandbox` gives a place for it."""

from __future__ import annotations

from distil_envs.sandbox.factory import make_sandbox
from distil_envs.sandbox.protocol import (
    Call,
    CallResult,
    Captured,
    Ended,
    Execution,
    Frame,
    Limits,
    Lines,
    Program,
    Raised,
    Sandbox,
    SandboxError,
    Step,
)

__all__ = [
    "Call",
    "CallResult",
    "Captured",
    "Ended",
    "Execution",
    "Frame",
    "Limits",
    "Lines",
    "Program",
    "Raised",
    "Sandbox",
    "SandboxError",
    "Step",
    "make_sandbox",
]
