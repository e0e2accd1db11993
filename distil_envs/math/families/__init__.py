"""Generated families of maths tasks, one file each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from distil_envs.math.families import arithmetic, fractions, linear_equations
from distil_envs.math.family import Family

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {module.FAMILY.name: module.FAMILY for module in (arithmetic, fractions, linear_equations)}
)
"""Every family by name."""
