"""Physics, chemistry, biology, materials: generated tasks, kinds of answers, and what typical mistakes lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distil_envs.science.misconceptions import Misconception
    from distil_envs.science.verifier import ScienceVerifier, grade_science

__all__ = ["Misconception", "ScienceVerifier", "grade_science"]

_MODULES = {"Misconception": "misconceptions", "ScienceVerifier": "verifier", "grade_science": "verifier"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
