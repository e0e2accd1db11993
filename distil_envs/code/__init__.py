"""Programs: reading them from a completion, testing them in a sandbox, and telling exactly what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distil_envs.code.env import CodeEnv
    from distil_envs.code.reading import Code, read_code
    from distil_envs.code.verifier import CodeVerifier

__all__ = ["Code", "CodeEnv", "CodeVerifier", "read_code"]

_MODULES = {"Code": "reading", "CodeEnv": "env", "CodeVerifier": "verifier", "read_code": "reading"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
