"""How units are written, and which unit of pint each spelling means.

Symbols are listed here, with the prefixes that they take: pint itself reads ``cats`` as centi-technical-atmospheres.
Spelled-out names (``kilometres``, ``furlong``) are looked up in pint, see `distil_envs.science.units`.
"""

from __future__ import annotations

import re
from typing import Final

PREFIXES: Final = {
    "q": -30, "r": -27, "y": -24, "z": -21, "a": -18, "f": -15, "p": -12, "n": -9, "µ": -6, "u": -6, "m": -3, "c": -2,
    "d": -1, "da": 1, "h": 2, "k": 3, "K": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18, "Z": 21, "Y": 24,
}  # fmt: skip
"""Powers of ten by symbol. ``K`` is what a careless writer means by ``KJ``."""

WORD_PREFIXES: Final = {
    "pico": "p", "nano": "n", "micro": "µ", "milli": "m", "centi": "c", "deci": "d", "kilo": "k", "mega": "M",
    "giga": "G", "tera": "T",
}  # fmt: skip
"""For prefixes that stand apart from their unit: ``\\kilo\\meter``."""

ANY: Final = frozenset(PREFIXES)
_LARGE: Final = frozenset("kKMGTP")
_SMALL: Final = frozenset("mµunpf")
_NONE: Final[frozenset[str]] = frozenset()

SYMBOLS: Final[dict[str, tuple[frozenset[str], tuple[str, ...]]]] = {
    # Symbol: the prefixes it takes, and the names in pint: more than one where the asked dimension has to decide.
    "m": (ANY - {"K"}, ("meter", "molal")),
    "g": (ANY, ("gram", "standard_gravity")),
    "s": (ANY - {"K", "d", "a", "da"}, ("second",)),
    "A": (ANY, ("ampere", "angstrom")),
    "K": (ANY - {"K"}, ("kelvin",)),
    "mol": (ANY, ("mole",)),
    "cd": (_LARGE | _SMALL, ("candela",)),
    "N": (ANY, ("newton",)),
    "Pa": (ANY, ("pascal",)),
    "J": (ANY, ("joule",)),
    "W": (ANY, ("watt",)),
    "C": (ANY, ("coulomb", "degree_Celsius")),
    "V": (ANY, ("volt",)),
    "F": (ANY, ("farad", "degree_Fahrenheit")),
    "Ω": (ANY, ("ohm",)),
    "ohm": (ANY, ("ohm",)),
    "ohms": (ANY, ("ohm",)),
    "kilohm": (_NONE, ("kiloohm",)),
    "kilohms": (_NONE, ("kiloohm",)),
    "S": (ANY, ("siemens", "svedberg")),
    "Wb": (ANY, ("weber",)),
    "T": (ANY, ("tesla",)),
    "H": (ANY, ("henry",)),
    "lm": (_LARGE | _SMALL, ("lumen",)),
    "lx": (_LARGE | _SMALL, ("lux",)),
    "Hz": (ANY, ("hertz",)),
    "Bq": (ANY, ("becquerel",)),
    "Gy": (ANY, ("gray",)),
    "Sv": (ANY, ("sievert",)),
    "kat": (_SMALL, ("katal",)),
    "L": (ANY, ("liter",)),
    "l": (ANY, ("liter",)),
    "eV": (ANY, ("electron_volt",)),
    "cal": (frozenset("kKm"), ("calorie",)),
    "Cal": (_NONE, ("kilocalorie",)),
    "M": (_SMALL, ("molar",)),
    "Da": (_LARGE, ("dalton",)),
    "u": (_NONE, ("dalton",)),
    "amu": (_NONE, ("dalton",)),
    "t": (frozenset("kMG"), ("metric_ton",)),
    "B": (_LARGE, ("byte",)),
    "b": (_LARGE | {"m"}, ("base_pair", "bit", "barn")),
    "bp": (_LARGE, ("base_pair",)),
    "nt": (_LARGE, ("base_pair",)),
    "bar": (ANY, ("bar",)),
    "rad": (_SMALL, ("radian",)),
    "sr": (_SMALL, ("steradian",)),
    "pc": (_LARGE, ("parsec",)),
    "yr": (_LARGE, ("year",)),
    "G": (_LARGE | _SMALL, ("gauss",)),
    "P": (_SMALL | {"c"}, ("poise",)),
    "St": (_SMALL | {"c"}, ("stokes",)),
    "D": (_SMALL, ("debye",)),
    "Ci": (_LARGE | _SMALL, ("curie",)),
    "Torr": (_SMALL, ("torr",)),
    "torr": (_SMALL, ("torr",)),
    "Wh": (_LARGE | _SMALL, ("watt_hour",)),
    "VA": (_LARGE, ("volt_ampere",)),
    "Ah": (_LARGE | _SMALL, ("ampere_hour",)),
    "U": (_LARGE | _SMALL, ("enzyme_unit",)),
    "dB": (_NONE, ("level_decibel",)),
    "Å": (_NONE, ("angstrom",)),
    "min": (_NONE, ("minute",)),
    "h": (_NONE, ("hour",)),
    "hr": (_NONE, ("hour",)),
    "d": (_NONE, ("day",)),
    "y": (_NONE, ("year",)),
    "atm": (_NONE, ("atmosphere",)),
    "mmHg": (_NONE, ("millimeter_Hg",)),
    "in": (_NONE, ("inch",)),
    "ft": (_NONE, ("foot",)),
    "yd": (_NONE, ("yard",)),
    "mi": (_NONE, ("mile",)),
    "lb": (_NONE, ("pound",)),
    "lbs": (_NONE, ("pound",)),
    "oz": (_NONE, ("ounce",)),
    "au": (_NONE, ("astronomical_unit",)),
    "AU": (_NONE, ("astronomical_unit",)),
    "ly": (_LARGE, ("light_year",)),
    "ha": (_NONE, ("hectare",)),
    "hp": (_NONE, ("horsepower",)),
    "e": (_NONE, ("elementary_charge",)),
    "c": (_NONE, ("speed_of_light",)),
    "cc": (_NONE, ("cubic_centimeter",)),
    "sec": (_NONE, ("second",)),
    "gm": (_NONE, ("gram",)),
    "kn": (_NONE, ("knot",)),
    "kmh": (_NONE, ("kilometer_per_hour",)),
    "kmph": (_NONE, ("kilometer_per_hour",)),
    "ATM": (_NONE, ("atmosphere",)),
    "hz": (frozenset("k"), ("hertz",)),
    "pa": (frozenset("k"), ("pascal",)),
    "ev": (frozenset("k"), ("electron_volt",)),
    "bpm": (_NONE, ("counts_per_minute",)),
    "%": (_NONE, ("percent",)),
    "‰": (_NONE, ("permille",)),
    "pct": (_NONE, ("percent",)),
    "ppb": (_NONE, ("part_per_billion",)),
    "°": (_NONE, ("degree",)),
    "deg": (_NONE, ("degree",)),
    "℃": (_NONE, ("degree_Celsius",)),
    "℉": (_NONE, ("degree_Fahrenheit",)),
    "rev": (_NONE, ("turn",)),
    "revs": (_NONE, ("turn",)),
    "pH": (_NONE, ("acidity", "p|henry")),
    "cmH2O": (_NONE, ("centimeter_H2O",)),
    "cm_H2O": (_NONE, ("centimeter_H2O",)),
    "henries": (_NONE, ("henry",)),
    "molal": (_NONE, ("molal",)),
    "decibel": (_NONE, ("level_decibel",)),
    "decibels": (_NONE, ("level_decibel",)),
    "nucleotides": (_NONE, ("base_pair",)),
    "gauss": (_NONE, ("magnetic_gauss",)),
}

OWN: Final = (
    "base_pair = [sequence]",
    "level_decibel = [level]",
    "acidity = 1",
    "molal = mole / kilogram",
    "counts_per_minute = 1 / minute",
    "part_per_billion = 1e-9",
    "magnetic_gauss = 1e-4 * tesla",
)
"""Units that pint lacks, or whose symbol is taken there."""

PHRASES: Final = {
    ("per", "cent"): "percent",
    ("°", "C"): "degree_Celsius",
    ("°", "F"): "degree_Fahrenheit",
    ("°", "K"): "kelvin",
    ("°", "celsius"): "degree_Celsius",
    ("°", "fahrenheit"): "degree_Fahrenheit",
    ("deg", "C"): "degree_Celsius",
    ("deg", "F"): "degree_Fahrenheit",
    ("degree", "celsius"): "degree_Celsius",
    ("degree", "centigrade"): "degree_Celsius",
    ("degree", "fahrenheit"): "degree_Fahrenheit",
    ("degree", "C"): "degree_Celsius",
    ("degree", "F"): "degree_Fahrenheit",
    ("degree", "K"): "kelvin",
    ("degree", "kelvin"): "kelvin",
    ("electron", "volt"): "electron_volt",
    ("base", "pair"): "base_pair",
    ("light", "year"): "light_year",
    ("astronomical", "unit"): "astronomical_unit",
    ("atomic", "mass", "unit"): "dalton",
    ("mm", "Hg"): "millimeter_Hg",
}
"""Names of several words, in the singular and in lower case where they are spelled out."""

JOINED: Final = re.compile(
    r"(m|cm|km|k?g|[mkM]?N|[mkM]?J|[mkM]?Pa|[mkM]?W|A|k?V|C|T|Wb|eV|[mk]?mol|kcal|[mM]?Ω)"
    r"([mcdk]?m|(?<!^C)s|h|K|mol|k?g|L)"
)
"""Two symbols without a space, where they are no symbol together: ``Nm``, ``Wm^-2``, ``kgm``, ``JK``."""

NOT_UNITS: Final = frozenset((
    "count", "counts", "particle", "particles", "molecule", "molecules", "molec", "strain", "dot", "dots",
    "point", "points", "are", "pole", "poles", "link", "links", "chain", "chains", "hand", "hands", "cup", "cups",
    "shot", "shots", "bag", "bags", "section", "sections", "rod", "rods", "quarter", "quarters", "fifth",
    "fifths", "decade", "decades", "octave", "octaves", "stone", "stones", "pint", "pints", "grade", "grades",
    "pixel", "pixels", "pel", "shake", "shakes", "blob", "blobs", "minim", "drop", "gamma", "alpha", "sigma",
    "lambda", "zeta", "mas", "mil", "den", "fur", "rem", "smi", "toe", "tex", "pond", "perch", "circle",
    "circles", "gravity", "nit", "oct", "jig", "rhe", "kip", "gill", "peck", "biot", "quad", "link", "tansec",
    "a", "as", "at", "am", "is", "an", "of", "or", "to",
))  # fmt: skip
"""English words (and letters of formulas) that pint would read as units."""
