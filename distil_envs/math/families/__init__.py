"""Generated families of maths tasks, one file each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from distil_envs.family import Family
from distil_envs.math.families import (
    arithmetic,
    counting,
    derivatives,
    fractions,
    integrals,
    linear_equations,
    linear_systems,
    matrices,
    number_theory,
    polynomials,
    quadratics,
    sequences,
)

_MODULES = (
    arithmetic,
    fractions,
    linear_equations,
    linear_systems,
    quadratics,
    polynomials,
    number_theory,
    sequences,
    counting,
    derivatives,
    integrals,
    matrices,
)

FAMILIES: Mapping[str, Family] = MappingProxyType({module.FAMILY.name: module.FAMILY for module in _MODULES})
"""Every family by name."""
