"""Where what was made once is kept."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """$DISTIL_CACHE, else $XDG_CACHE_HOME/distil-envs, else ~/.cache/distil-envs. Need not exist yet."""
    explicit = os.environ.get("DISTIL_CACHE")
    if explicit:
        return Path(explicit).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "distil-envs"
