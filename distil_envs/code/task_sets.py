"""Programming tasks that are shipped as data."""

from __future__ import annotations

from distil_envs.loaders.shipped import shipped_folder
from distil_envs.task_set import FixedTaskSet


def code() -> FixedTaskSet:
    """Every programming task of this project, from a line or two (level 1) to an algorithm (level 4)."""
    return shipped_folder("code")
