"""The built wheel, installed into an environment of its own and used from an empty folder.

The environment borrows the dependencies of the one that runs the tests by a .pth file. Python does not follow .pth
files from a .pth file, so an editable install of the checkout is not borrowed with them; `-I` keeps PYTHONPATH and the
current folder out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Installation:
    """A virtual environment and an empty folder to work in."""

    folder: Path
    empty: Path

    @property
    def python(self) -> Path:
        return self.folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")

    @property
    def packages(self) -> Path:
        found = sysconfig.get_path("purelib", "venv", vars={"base": str(self.folder)})
        return Path(found)

    def pip(self, *arguments: str | Path) -> None:
        pip(*arguments, python=self.python)

    def borrow(self, *folders: Path | str) -> None:
        """Put folders behind this environment's own packages on its path."""
        (self.packages / "borrowed.pth").write_text("\n".join(map(str, folders)) + "\n")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [self.python, "-I", "-W", "ignore", *arguments]
        return subprocess.run(command, cwd=self.empty, capture_output=True, text=True, timeout=300)

    def distil(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the installed console script."""
        command = [self.python.with_name("distil"), *arguments]
        return subprocess.run(command, cwd=self.empty, capture_output=True, text=True, timeout=300)


def pip(*arguments: str | Path, python: Path | None = None) -> None:
    chosen = [] if python is None else ["--python", python]
    command = [sys.executable, "-m", "pip", *chosen, "--disable-pip-version-check", "-q", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"pip {' '.join(map(str, arguments))}: {done.stderr.strip()}")


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source distribution, as a package index would: a file missing there is missing here."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, repository]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def openai_agents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("openai-agents")
    try:
        pip("download", "--no-deps", "--only-binary", ":all:", "--dest", folder, "openai-agents")
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"openai-agents could not be downloaded, so the collision with it is not tested: {error}")
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def install(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Installation]:
    def installed(*wheels: Path) -> Installation:
        folder = tmp_path_factory.mktemp("environment")
        venv.create(folder / "venv", with_pip=False, symlinks=True)
        (folder / "empty").mkdir()
        installation = Installation(folder / "venv", folder / "empty")
        for path in wheels:
            installation.pip("install", "--no-deps", "--no-index", path)
        installation.borrow(sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
        return installation

    return installed


@pytest.fixture(scope="module")
def installation(wheel: Path, install: Callable[..., Installation]) -> Installation:
    return install(wheel)


def test_the_wheel_holds_the_packages_their_types_and_the_tasks_as_data(wheel: Path, repository: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    metadata = f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"
    assert {name.split("/")[0] for name in names} == {"distil_envs", "feedback", "agents", metadata}
    for package in ("distil_envs", "feedback", "agents"):
        assert f"{package}/py.typed" in names
        for path in (repository / package).rglob("*.py"):
            assert path.relative_to(repository).as_posix() in names
    tasks = {path.relative_to(repository).as_posix() for path in (repository / "tasks").rglob("*") if path.is_file()}
    assert tasks
    assert {f"distil_envs/{name}" for name in tasks} <= names
    assert f"{metadata}/licenses/LICENSE" in names


def test_the_wheel_works_from_an_empty_folder(installation: Installation, repository: Path) -> None:
    program = """
import json, sys
from pathlib import Path
import gymnasium as gym
import distil_envs, feedback, agents
from distil_envs import registry

env = gym.make("distil/Math-v0")
observation, info = env.reset(seed=0)
root = Path(distil_envs.__file__).parent
files = sorted(path for path in root.joinpath("tasks").rglob("*.jsonl") if path.parent.name != "audit")
print(json.dumps({
    "path": sys.path,
    "files": [module.__file__ for module in (distil_envs, feedback, agents)],
    "observation": sorted(observation),
    "ids": int(observation["attention_mask"].sum()),
    "names": registry.names("tasks"),
    "lengths": {path.name: len(distil_envs.load_tasks(str(path), split="all")) for path in files},
    "by name": len(distil_envs.load_tasks("math/word-problems", split="all")),
    "schemas": [json.loads(path.read_text())["$schema"] for path in root.rglob("*.schema.json")],
}))
"""
    done = installation.run("-c", program)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert str(repository) not in said["path"]
    for path in said["files"]:
        assert Path(path).is_relative_to(installation.packages)
    assert said["observation"] == ["attention_mask", "input_ids"]
    assert said["ids"] > 0
    assert "math" in said["names"]
    assert said["lengths"]
    assert all(said["lengths"].values())
    assert said["by name"] == said["lengths"]["word-problems.jsonl"]
    assert said["schemas"]
    assert list(installation.empty.iterdir()) == []


def test_the_console_script_is_installed(installation: Installation) -> None:
    done = installation.distil("--help")
    assert done.returncode == 0, done.stderr
    for command in ("envs", "tasks", "train", "eval", "doctor"):
        assert command in done.stdout


def test_openai_agents_installed_after_ours_is_noticed_and_mended(
    wheel: Path, openai_agents: Path, install: Callable[..., Installation]
) -> None:
    both = install(wheel, openai_agents)
    assert "OpenAI" in (both.packages / "agents" / "__init__.py").read_text()
    said = both.distil("doctor")
    assert said.returncode == 1
    assert "belongs to another package" in said.stderr
    assert "pip uninstall openai-agents" in said.stderr
    assert "Traceback" not in said.stderr

    # What it says to do, done: after the first half of it our __init__.py is gone too.
    both.pip("uninstall", "-y", "openai-agents")
    said = both.distil("doctor")
    assert said.returncode == 1
    assert "lost its __init__.py" in said.stderr
    both.pip("install", "--no-deps", "--no-index", "--force-reinstall", wheel)
    done = both.run("-c", "import agents; print(agents.__file__)")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(both.packages)


def test_openai_agents_installed_before_ours_is_noticed(
    wheel: Path, openai_agents: Path, install: Callable[..., Installation]
) -> None:
    both = install(openai_agents, wheel)
    assert (both.packages / "agents" / "run.py").is_file()
    imported = both.run("-c", "import agents")
    assert imported.returncode == 1
    assert "ImportError" in imported.stderr
    assert "is a mixture" in imported.stderr
    said = both.distil("doctor")
    assert said.returncode == 1
    assert "is a mixture" in said.stderr
    assert "pip uninstall openai-agents" in said.stderr


def test_openai_agents_beside_an_editable_install_is_noticed(
    repository: Path, openai_agents: Path, install: Callable[..., Installation]
) -> None:
    both = install(openai_agents)
    both.borrow(repository, sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
    said = both.run("-m", "distil_envs", "doctor")
    assert said.returncode == 1
    assert f"{both.packages / 'agents'} belongs to another package" in said.stderr
