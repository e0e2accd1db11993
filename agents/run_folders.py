"""Which runs are meant by folders: runs themselves, and benches, whose cells are runs. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from distil_envs.errors import ConfigError

MAKES = ". Of a bench whose runs are gone, `distil bench {}` writes a comparison.json, which a report can be made of"


def run_folders(folders: Iterable[Path]) -> list[Path]:
    """The runs among these folders, and in the ``cells`` of those that are benches, each once.

    Raises ConfigError for a folder that is neither, or where there are none.
    """
    found: list[Path] = []
    for folder in map(Path.expanduser, folders):
        own = _runs(folder)
        if not own:
            plan = folder / "plan.yaml"
            raise ConfigError(
                f"no run in {folder}: expected a config.yaml there (a run directory) or in cells/*/ (a bench); "
                f"give the --run-dir of a run{MAKES.format(plan) if plan.is_file() else ''}"
            )
        found += own
    if not found:
        raise ConfigError("this needs a run: name one or more run directories, such as runs/quickstart, or benches")
    return list(dict.fromkeys(found))


def has_runs(folder: Path) -> bool:
    """Whether a folder is a run, or a bench with some."""
    return bool(_runs(folder.expanduser()))


def _runs(folder: Path) -> list[Path]:
    if (folder / "config.yaml").is_file():
        return [folder]
    return sorted(path.parent for path in folder.glob("cells/*/config.yaml"))
