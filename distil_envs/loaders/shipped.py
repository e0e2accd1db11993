"""Task sets that come with this package as JSONL files."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from distil_envs.errors import NotFoundError
from distil_envs.jsonl import read_jsonl
from distil_envs.task_set import FixedTaskSet


def shipped(name: str) -> FixedTaskSet:
    """The set ``tasks/<name>.jsonl``: inside the package when installed, beside it in a checkout. Both splits.

    Raises NotFoundError when it is in neither place: the installation is broken.
    """
    package = files("distil_envs")
    installed = package.joinpath("tasks", *f"{name}.jsonl".split("/"))
    with as_file(package) as folder:
        checkout = Path(folder).parent / "tasks" / f"{name}.jsonl"
        if not installed.is_file():
            if not checkout.is_file():
                raise NotFoundError(f"the shipped task set {name!r} is missing: looked for {installed} and {checkout}")
            return FixedTaskSet(name, read_jsonl(checkout), "all")
    with as_file(installed) as path:
        return FixedTaskSet(name, read_jsonl(path), "all")
