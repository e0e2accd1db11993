"""Generated families of science tasks, one file each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from distil_envs.science.families import (
    acids,
    atom_counting,
    balancing,
    base_pairs,
    circuits,
    composites,
    crystals,
    diffusion,
    dna,
    ecology,
    elasticity,
    energy,
    enzyme_kinetics,
    forces,
    gas_laws,
    genetics,
    hardy_weinberg,
    ionic_formulas,
    isotopes,
    kinematics,
    microscopy,
    molar_mass,
    momentum,
    oxidation_states,
    phase_diagrams,
    photons,
    population_growth,
    resistivity,
    solutions,
    stoichiometry,
    thermal_expansion,
    thermodynamics,
    unit_conversions,
    waves,
)
from distil_envs.science.family import ScienceFamily

_MODULES = (
    acids,
    atom_counting,
    balancing,
    base_pairs,
    circuits,
    composites,
    crystals,
    diffusion,
    dna,
    ecology,
    elasticity,
    energy,
    enzyme_kinetics,
    forces,
    gas_laws,
    genetics,
    hardy_weinberg,
    ionic_formulas,
    isotopes,
    kinematics,
    microscopy,
    molar_mass,
    momentum,
    oxidation_states,
    phase_diagrams,
    photons,
    population_growth,
    resistivity,
    solutions,
    stoichiometry,
    thermal_expansion,
    thermodynamics,
    unit_conversions,
    waves,
)

FAMILIES: Mapping[str, ScienceFamily] = MappingProxyType({module.FAMILY.name: module.FAMILY for module in _MODULES})
"""Every family by name."""
