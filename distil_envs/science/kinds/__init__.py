"""Kinds of answers, one module each, by the name that a reference's ``kind`` gives."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, cast

from distil_envs.errors import TaskError
from distil_envs.science.judgement import Kind

KINDS: Final = ("quantity", "choice", "formula", "equation", "smiles", "expression", "list", "word")
"""Every kind. Those of `distil_envs.math` (``integer``, ``set``, …) are ``expression`` here."""

_MODULES: Final = {"list": "items"}  # not called like the built-in


def kind_of(reference: Mapping[str, Any]) -> Kind:
    """The kind that a reference names. Raises TaskError for another name."""
    name = reference.get("kind")
    if name not in KINDS:
        raise TaskError(f"reference kind {name!r} is unknown; expected one of {', '.join(KINDS)}")
    return cast(Kind, import_module(f"distil_envs.science.kinds.{_MODULES.get(name, name)}"))
