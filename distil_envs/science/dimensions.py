"""What kind of quantity a unit measures, in words."""

from __future__ import annotations

from functools import lru_cache

from distil_envs.science.quantity_reading import read
from distil_envs.science.units import Dimension, Unit

_WORDS = {
    "m": "a length", "m^2": "an area", "m^3": "a volume", "s": "a time", "kg": "a mass", "K": "a temperature",
    "A": "a current", "mol": "an amount of substance", "cd": "a luminous intensity", "1/s": "a rate",
    "m/s": "a speed", "m/s^2": "an acceleration", "kg*m/s": "a momentum", "N": "a force", "J": "an energy",
    "W": "a power", "Pa": "a pressure", "C": "a charge", "V": "a voltage", "ohm": "a resistance", "S": "a conductance",
    "F": "a capacitance", "H": "an inductance", "T": "a magnetic field", "Wb": "a magnetic flux",
    "V/m": "an electric field", "kg/m^3": "a density", "mol/m^3": "a concentration", "g/mol": "a molar mass",
    "J/mol": "an energy per amount of substance", "J/(mol*K)": "a molar heat capacity", "J/K": "a heat capacity",
    "J/(kg*K)": "a specific heat capacity", "J/kg": "an energy per mass", "W/m^2": "an intensity",
    "W/(m*K)": "a thermal conductivity", "Pa*s": "a viscosity", "m^2/s": "a diffusion coefficient",
    "N/m": "a force per length", "1/m": "an inverse length", "1/m^2": "a number per area",
    "1/m^3": "a number per volume", "1/mol": "a number per amount of substance", "1/K": "a coefficient per kelvin",
    "m^3/s": "a volume per time", "kg/s": "a mass per time", "mol/s": "a rate of reaction",
    "mol/(m^3*s)": "a rate of reaction per volume", "kg*m^2": "a moment of inertia", "J*s": "an angular momentum",
    "ohm*m": "a resistivity", "S/m": "a conductivity", "C*m": "a dipole moment", "A/m^2": "a current density",
    "C/kg": "a charge per mass", "mol/kg": "a molality", "bp": "a length of a sequence", "dB": "a level",
    "bit": "an amount of information", "m/s^3": "a jerk",
}  # fmt: skip


def in_words(unit: Unit) -> str:
    """``a speed``; its base units where there is no word."""
    if not unit.dimension:
        return "an angle" if unit.angle else "a pure number"
    if unit.dimension == (("second", -1.0),) and unit.angle:
        return "a frequency" if unit.angle == "hertz" else "an angular speed"
    return _named().get(unit.dimension) or f"a quantity in {_written(unit.dimension)}"


@lru_cache(maxsize=1)
def _named() -> dict[Dimension, str]:
    return {read(f"1 {text}").quantities[0].units[0].dimension: words for text, words in _WORDS.items()}


def _written(dimension: Dimension) -> str:
    return " ".join(name if power == 1 else f"{name}^{power:g}" for name, power in dimension)
