"""Maths: generated families of tasks, and a verifier that says how an answer is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distil_envs.math.answers import read_answer
    from distil_envs.math.verifier import MathVerifier, grade_math

__all__ = ["MathVerifier", "grade_math", "read_answer"]

_MODULES = {"MathVerifier": "verifier", "grade_math": "verifier", "read_answer": "answers"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
