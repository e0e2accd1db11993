"""Users' own modules: imported first, so that their environments, providers, tasks and learners are registered."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from distil_envs.errors import ConfigError, DistilError


def import_user_code(names: Sequence[str]) -> None:
    """Import modules by name, or files by path. Modules beside the working directory or beside such a file are found.

    Raises ConfigError for what is not there or fails.
    """
    _findable(Path.cwd())
    for name in names:
        try:
            if name.endswith(".py"):
                _import_file(Path(name).expanduser())
            else:
                importlib.import_module(name)
        except DistilError:
            raise
        except Exception as error:
            if isinstance(error, ModuleNotFoundError) and error.name == name:
                step = "give an installed module, or the path of a .py file"
                raise ConfigError(f"--import {name}: there is no such module; {step}") from error
            where = f"{type(error).__name__}: {error}{_line(error)}"
            raise ConfigError(f"--import {name}: {where}; mend it, or leave it out") from error


def _import_file(path: Path) -> None:
    if not path.is_file():
        raise ConfigError(f"--import {path}: there is no such file")
    name = path.stem
    known = sys.modules.get(name)
    if known is not None:
        if Path(getattr(known, "__file__", None) or "").resolve() == path.resolve():
            return
        raise ConfigError(f"--import {path}: a module named {name!r} is imported already; rename the file")
    _findable(path.resolve().parent)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"--import {path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


def _findable(folder: Path) -> None:
    """Last in the search path: neither the standard library nor a package is ever hidden. Workers inherit it."""
    if os.fspath(folder) not in sys.path:
        sys.path.append(os.fspath(folder))


def _line(error: BaseException) -> str:
    """Where it was raised, for a reader without a traceback."""
    if isinstance(error, SyntaxError):  # says so itself
        return ""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen")]
    return f" (line {frames[-1].lineno} of {Path(frames[-1].filename).name})" if frames else ""
