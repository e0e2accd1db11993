"""Reading fields of rows that others made, with an error that says what a row has instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distil_envs.errors import TaskError


def field(row: Mapping[str, Any], *names: str) -> Any:
    """The first of these fields that is there and not null, whatever its capitals; None without one."""
    folded = {key.casefold(): value for key, value in row.items()}
    return next((value for name in names if (value := folded.get(name.casefold())) is not None), None)


def text(row: Mapping[str, Any], *names: str) -> str:
    """The first of these fields as text. Raises TaskError when there is none, or when it is blank or no text."""
    found = optional_text(row, *names)
    if found is None:
        raise TaskError(f"no {' or '.join(names)}; the row has {', '.join(row) or 'no fields'}")
    return found


def optional_text(row: Mapping[str, Any], *names: str) -> str | None:
    """As `text`, but None when there is none or it is blank. A number, or a list of one text, is taken as its text."""
    found = field(row, *names)
    if isinstance(found, (list, tuple)) and len(found) == 1:
        found = found[0]
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    if found is not None and (isinstance(found, bool) or not isinstance(found, (str, int, float))):
        raise TaskError(f"{names[0]} should be text, got {type(found).__name__}: {found!r:.80}")
    return str(found).strip() or None if found is not None else None
