"""Maths task sets that are shipped as data."""

from __future__ import annotations

from distil_envs.loaders.shipped import shipped
from distil_envs.task_set import FixedTaskSet


def word_problems() -> FixedTaskSet:
    """Short word problems, made by hand: one step (level 1), two steps (level 2), three or more (level 3)."""
    return shipped("math/word-problems")


def competition() -> FixedTaskSet:
    """Harder tasks on twelve topics, made by hand (levels 3 to 5), with the wrong answers of typical mistakes."""
    return shipped("math/competition")
