"""Generated families of science tasks, one file each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from distil_envs.science.families import (
    circuits,
    composites,
    crystals,
    diffusion,
    elasticity,
    energy,
    forces,
    kinematics,
    momentum,
    phase_diagrams,
    photons,
    resistivity,
    thermal_expansion,
    thermodynamics,
    unit_conversions,
    waves,
)
from distil_envs.science.family import ScienceFamily

_MODULES = (
    circuits,
    composites,
    crystals,
    diffusion,
    elasticity,
    energy,
    forces,
    kinematics,
    momentum,
    phase_diagrams,
    photons,
    resistivity,
    thermal_expansion,
    thermodynamics,
    unit_conversions,
    waves,
)

FAMILIES: Mapping[str, ScienceFamily] = MappingProxyType({module.FAMILY.name: module.FAMILY for module in _MODULES})
"""Every family by name."""
