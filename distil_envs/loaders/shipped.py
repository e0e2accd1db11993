"""Task sets that come with this package as JSONL files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

from distil_envs.errors import NotFoundError
from distil_envs.jsonl import read_jsonl
from distil_envs.task_set import FixedTaskSet


def shipped(name: str) -> FixedTaskSet:
    """The set ``tasks/<name>.jsonl``: inside the package when installed, beside it in a checkout. Both splits.

    Raises NotFoundError when it is in neither place: the installation is broken.
    """
    with shipped_path(f"{name}.jsonl") as path:
        return FixedTaskSet(name, read_jsonl(path), "all")


def shipped_folder(name: str) -> FixedTaskSet:
    """All files of the folder ``tasks/<name>`` as one set. Raises as `shipped` does."""
    with shipped_path(name) as folder:
        return FixedTaskSet(name, [task for path in sorted(folder.glob("*.jsonl")) for task in read_jsonl(path)], "all")


@contextmanager
def shipped_path(name: str) -> Iterator[Path]:
    """The file or folder ``tasks/<name>``, while the context lasts. Raises as `shipped` does."""
    with as_file(files("distil_envs")) as package:
        places = [package / "tasks" / name, package.parent / "tasks" / name]
        found = next((path for path in places if path.exists()), None)
        if found is None:
            raise NotFoundError(f"the shipped tasks {name!r} are missing: looked for {places[0]} and {places[1]}")
        yield found
