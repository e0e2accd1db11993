"""Matrices with spaces between entries or semicolons between rows, as MATLAB and numpy write them."""

from __future__ import annotations

import re

from distil_envs.math.parser import parse
from distil_envs.math.tokens import Unreadable
from distil_envs.math.tree import Node


def grid(text: str) -> Node | None:
    """``[1 2; 3 4]``, ``[1, 2; 3, 4]`` and ``[[1 2] [3 4]]`` as a matrix; None for anything else."""
    match = re.fullmatch(r"([\s$]*(?:[A-Z]\s*=\s*)?\[)(.*)(\][\s$.]*)", text, re.S)
    if match is None:
        return None
    start, inside = match.end(1), match[2]
    if "[" in inside:
        places = [(found.start(1), found.group(1)) for found in re.finditer(r"\[([^\[\]]*)\]", inside)]
        if not re.fullmatch(r"(?:\s*\[[^\[\]]*\]\s*,?)+\s*", inside) or any("," in row for _, row in places):
            return None
    elif ";" in inside:
        places = [(found.start(), found.group()) for found in re.finditer(r"[^;]+", inside)]
    else:
        return None
    rows = []
    for place, row in places:
        cells = re.finditer(r"[^,]+" if "," in row else r"\S+", row)
        try:
            rows.append(tuple(parse(" " * (start + place + cell.start()) + cell.group()) for cell in cells))
        except Unreadable:
            return None
    return Node("matrix", tuple(rows), (0, len(text)))
