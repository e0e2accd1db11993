"""Arrows point one way, imports are of declared dependencies, and importing is light."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

FORBIDDEN = {
    "distil_envs": {"agents", "feedback", "torch", "transformers", "accelerate", "peft"},
    "feedback": {"agents"},
    "agents": set[str](),
}
PACKAGES = tuple(FORBIDDEN)
MODULE_OF = {
    "huggingface-hub": "huggingface_hub",
    "latex2sympy2-extended": "latex2sympy2_extended",
    "math-verify": "math_verify",
    "pyyaml": "yaml",
    "reasoning-gym": "reasoning_gym",
}
"""Where the import name is not the distribution's."""


def imports(tree: ast.Module, *, top_level_only: bool) -> Iterator[tuple[int, str]]:
    """Line and top-level name of every absolute import; with ``top_level_only`` those that run when the module does."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.split(".")[0]
        if top_level_only and (isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or is_for_typing(node)):
            continue
        pending.extend(ast.iter_child_nodes(node))


def is_for_typing(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def sources(repository: Path, package: str) -> list[tuple[str, ast.Module]]:
    paths = sorted((repository / package).rglob("*.py"))
    assert paths
    return [(str(path.relative_to(repository)), ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


@pytest.mark.parametrize("package", PACKAGES)
def test_arrows_point_one_way_even_inside_functions(repository: Path, package: str) -> None:
    offences = [
        f"{path}:{line} imports {name}"
        for path, tree in sources(repository, package)
        for line, name in imports(tree, top_level_only=False)
        if name in FORBIDDEN[package]
    ]
    assert not offences, "\n".join(offences)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_import_is_declared(repository: Path, package: str) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    core = {module_of(line) for line in project["dependencies"]}
    extras = {module_of(line) for lines in project["optional-dependencies"].values() for line in lines}
    at_hand = {*sys.stdlib_module_names, *PACKAGES}
    offences = []
    for path, tree in sources(repository, package):
        always = set(imports(tree, top_level_only=True))
        offences += [f"{path}:{line} needs {name}" for line, name in always if name not in core | at_hand]
        lazily = set(imports(tree, top_level_only=False)) - always
        offences += [f"{path}:{line} needs {name}" for line, name in lazily if name not in core | extras | at_hand]
    assert not offences, "\n".join(offences)


def module_of(line: str) -> str:
    name = Requirement(line).name.lower()
    return MODULE_OF.get(name, name)


def test_importing_distil_envs_is_light_and_needs_no_network(tmp_path: Path) -> None:
    # socket.connect raises: a look-up of anything outside would show.
    program = """
import socket, sys
def refuse(*args, **kwargs):
    raise AssertionError("the import touched the network")
socket.socket.connect = socket.getaddrinfo = refuse
import gymnasium
before = set(sys.modules)
import distil_envs
heavy = "torch transformers sympy math_verify jsonschema yaml matplotlib rich feedback agents"
print(sorted(set(heavy.split()) & (set(sys.modules) - before)))
"""
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_the_reader_of_imports_sees_what_it_should() -> None:
    tree = ast.parse(
        "import os.path\nfrom . import sibling\nif TYPE_CHECKING:\n    import torch\n"
        "try:\n    import a\nexcept ImportError:\n    pass\n"
        "class C:\n    from b.c import d\ndef f():\n    import lazy\n"
    )
    assert {name for _, name in imports(tree, top_level_only=True)} == {"os", "a", "b"}
    assert {name for _, name in imports(tree, top_level_only=False)} == {"os", "a", "b", "torch", "lazy"}
