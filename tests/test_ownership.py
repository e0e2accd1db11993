"""The guard of the name `agents`, on folders made for it; tests/test_wheel.py meets the real other package."""

from __future__ import annotations

from pathlib import Path

import pytest

import agents
from distil_envs.ownership import agents_problem, folder_problem, require_ours

OURS = (Path(agents.__file__)).read_text(encoding="utf-8")


def package(root: Path, init: str) -> Path:
    folder = root / "agents"
    folder.mkdir()
    (folder / "__init__.py").write_text(init, encoding="utf-8")
    return folder


def test_ours_is_ours(tmp_path: Path) -> None:
    assert agents_problem() is None
    folder = package(tmp_path, OURS)
    assert folder_problem(folder) is None
    require_ours(str(folder / "__init__.py"))


@pytest.mark.parametrize("init", ["", "from .agent import Agent\n"])
def test_another_packages_folder_is_not_ours(tmp_path: Path, init: str) -> None:
    folder = package(tmp_path, init)
    with pytest.raises(ImportError, match=r"belongs to another package.*pip uninstall"):
        require_ours(str(folder / "__init__.py"))


def test_ours_on_top_of_another_package_is_a_mixture(tmp_path: Path) -> None:
    folder = package(tmp_path, OURS)
    (tmp_path / "openai_agents-0.3.1.dist-info").mkdir()
    with pytest.raises(ImportError, match=r"installed over openai_agents-0\.3\.1"):
        require_ours(str(folder / "__init__.py"))


def test_another_package_elsewhere_on_the_path_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "openai_agents-0.3.1.dist-info").mkdir()
    assert folder_problem(package(tmp_path, OURS)) is None
