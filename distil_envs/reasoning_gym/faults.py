"""What is wrong with some sets of reasoning-gym 0.1.25, found by scoring wrong answers and by making items twice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_HASHED: Final = "its items change with the hash seed of the process, so no run can be repeated"
_NO_ORACLE: Final = "its items have no answer that its scorer could be tested with"

REFUSED: Final[Mapping[str, str]] = {
    "boxnet": _NO_ORACLE,
    "codeio": "it runs programs of others as it is, some of which write files",
    "coin_flip": "its scorer gives 1 to 0, whatever the probability",
    "complex_arithmetic": "its scorer gives 1 to nan",
    "composite": "it joins other sets; join them with commas instead",
    "game_of_life_halting": "its scorer gives 1 to every answer that is not empty",
    "graph_color": _NO_ORACLE,
    "intermediate_integration": _HASHED,
    "isomorphic_strings": _HASHED,
    "knight_swap": _HASHED,
    "letter_jumble": "its scorer looks at no word beyond those of the right answer",
    "list_functions": "some of its items come from the global random generator, so no run can be repeated",
    "polynomial_multiplication": _HASHED,
    "propositional_logic": _NO_ORACLE,
    "puzzle24": "its scorer takes any four numbers, not only those of the question",
    "ransom_note": _HASHED,
    "rubiks_cube": _NO_ORACLE,
    "rush_hour": _NO_ORACLE,
    "spell_backward": "its scorer gives more than 1 to some wrong answers",
    "word_ladder": _HASHED,
    "word_sorting": "its scorer looks at no word beyond those of the right answer",
}
"""Sets that are refused, and why."""

BUILT_ANEW: Final = frozenset(("acre", "gsm_symbolic"))
"""Sets that draw when they are made, so that each item needs a set of its own."""

_NUMBER = r"-?\d+(?:\.\d+)?"
_GRID = r"[\d\s,\[\]]*"
_FORMULA = r"(?:[\d\s+\-*/^().,]|\b(?:[A-Za-z]|sin|cos|tan|exp|log|ln|sqrt|asin|acos|atan|sinh|cosh|tanh|pi)\b)*"
_SPAN = r"(?:\d+ days?)?,?\s*(?:\d+:\d\d(?::\d\d(?:\.\d+)?)?)?"

READABLE: Final[Mapping[str, re.Pattern[str]]] = {
    name: re.compile(pattern, re.ASCII)
    for name, pattern in {
        # Their scorers run the answer as Python, themselves or through sympy: no name of a program may stand in it.
        "binary_matrix": _GRID,
        "countdown": r"[\d\s+\-*/()]*",
        "n_queens": r"[Q_\s,\[\]'\"]*",
        "simple_integration": _FORMULA,
        "spiral_matrix": _GRID,
        "string_insertion": r"[A-E\s,\[\]'\"]*",
        # Their scorers read the first things that fit, and so take a hedge for its first answer.
        "advanced_geometry": rf"{_NUMBER}\s*°?|\(?\s*{_NUMBER}\s*,\s*{_NUMBER}\s*\)?",
        "fraction_simplification": r"\$?(?:\\d?frac\{-?\d+\}\{-?\d+\}|-?\d+/-?\d+)\$?",
        "gsm_symbolic": r"\$?\d+(?:\.\d+)?",
        "time_intervals": _SPAN,
    }.items()
}
"""What an answer must look like as a whole before the scorer of the set is asked."""
