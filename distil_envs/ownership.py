"""Whether the top-level package `agents` is ours.

openai-agents installs a folder of the same name, and pip lets the later install overwrite files of the earlier. Nothing
in here imports `agents`: where it is another package's, importing it could fail for that package's reasons.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

_SAME_NAME = ("openai_agents", "agents")
"""Distributions, as their metadata folders spell them, that also install a top-level `agents`."""

_MEND = (
    "Give distil-envs an environment of its own (python -m venv). To keep this one: pip uninstall openai-agents, "
    "then reinstall distil-envs with pip install --force-reinstall --no-deps."
)


def agents_problem() -> str | None:
    """What is wrong with the `agents` that an import would find here, and how to mend it; None when it is ours."""
    spec = importlib.util.find_spec("agents")
    if spec is None:
        return f"the package `agents` of distil-envs is not there. {_MEND}"
    folders = list(spec.submodule_search_locations or [])
    if spec.origin is None or not folders:
        where = folders[0] if folders else spec.origin
        return f"`agents` at {where} has lost its __init__.py: another package of that name was uninstalled. {_MEND}"
    return folder_problem(Path(folders[0]))


def folder_problem(folder: Path) -> str | None:
    """The same for one folder that holds a package `agents`: a pure function of the files there."""
    if __name__ not in (folder / "__init__.py").read_text(encoding="utf-8"):  # ours imports this module
        return f"`agents` at {folder} belongs to another package (openai-agents uses the same name). {_MEND}"
    others = [path.name for name in _SAME_NAME for path in sorted(folder.parent.glob(f"{name}-*.dist-info"))]
    if others:
        name = others[0].removesuffix(".dist-info")
        return f"`agents` at {folder} is a mixture: distil-envs was installed over {name}, and broke it. {_MEND}"
    return None


def require_ours(init_file: str) -> None:
    """Called by `agents/__init__.py` with its ``__file__``. Raises ImportError when that folder is not ours alone."""
    problem = folder_problem(Path(init_file).parent)
    if problem:
        raise ImportError(problem)
