"""Where results go: standard output, in a form that pipes and files can take too."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from distil_envs.science.chance import Chance

UNBOUND_WIDTH = 160
"""Columns where there is no terminal: enough for every table, so that none is wrapped or cut in a file."""


def console() -> Console:
    """The console for results. Text from tasks and models must be given to it as `rich.text.Text`, never as markup."""
    found = Console(highlight=False, markup=False, emoji=False)
    if not found.is_terminal and "COLUMNS" not in os.environ:
        found.width = UNBOUND_WIDTH
    return found


def chances(evaluations: Sequence[Mapping[str, Any]]) -> dict[str, Chance]:
    """What a guess would reach, by the name of the set, for the sets of a run that are all multiple choice."""
    return {row["set"]: Chance(**row["chance"]) for row in evaluations if row.get("chance")}
