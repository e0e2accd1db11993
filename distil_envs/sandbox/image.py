"""The image: any root file system with ``python3``, since the runner's source is sent into it.

From a registry where one answers, else from Debian packages by debootstrap. The root file system is kept unpacked in
the cache folder: the `bubblewrap` back-end can use it too.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from distil_envs.cache import cache_folder
from distil_envs.errors import ConfigError
from distil_envs.sandbox.protocol import SandboxError

if TYPE_CHECKING:
    from docker import DockerClient

IMAGE = "distil-envs/sandbox:1"
SUITE = "bookworm"
SOURCES = ("auto", "registry", "debootstrap")
_NOT_NEEDED = (
    *("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc", "usr/share/man", "usr/share/info"),
    *("usr/share/locale", "usr/share/i18n", "usr/share/zoneinfo/right", "usr/share/zoneinfo/posix"),
)


def build_image(client: DockerClient, tag: str = IMAGE, source: str = "auto") -> str:
    """Make the image ``tag``, and say from where it came.

    ``tag`` is name and version, as in ``name:1``. ``registry`` builds the Dockerfile beside this file, ``debootstrap``
    imports `root_filesystem`, ``auto`` takes the first that works. Raises ConfigError for another source, SandboxError
    with what was tried.
    """
    if source not in SOURCES:
        raise ConfigError(f"an image comes from one of {', '.join(SOURCES)}; got {source!r}")
    problems = []
    for name, build in (("registry", _from_registry), ("debootstrap", _from_root_filesystem)):
        if source in ("auto", name):
            try:
                build(client, tag)
                return name
            except SandboxError as error:
                problems.append(f"{name}: {error}")
    raise SandboxError(f"no image could be built. {'. '.join(problems)}")


def root_filesystem(mirror: str | None = None) -> Path:
    """A folder with a minimal Debian and its ``python3``, made by debootstrap the first time (minutes).

    Raises SandboxError where debootstrap is missing, may not run, or fails.
    """
    target = cache_folder() / f"sandbox-rootfs-{SUITE}-{platform.machine()}-1"
    if target.is_dir():
        return target
    program = shutil.which("debootstrap", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        raise SandboxError("debootstrap is not installed: apt install debootstrap")
    if os.geteuid() != 0:
        raise SandboxError("debootstrap needs root: run `distil sandbox build` once as root")
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="rootfs-", dir=target.parent))
    try:
        made.chmod(0o755)
        command = [program, "--variant=minbase", "--include=python3", SUITE, str(made), *([mirror] if mirror else [])]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            raise SandboxError(f"debootstrap failed with status {done.returncode}: {_last_lines(done.stdout)}")
        for part in _NOT_NEEDED:
            shutil.rmtree(made / part, ignore_errors=True)
        made.rename(target)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return target


def _from_registry(client: DockerClient, tag: str) -> None:
    from docker.errors import APIError, BuildError

    folder = resources.files("distil_envs.sandbox")
    try:
        with resources.as_file(folder.joinpath("Dockerfile")) as dockerfile, dockerfile.open("rb") as content:
            client.images.build(fileobj=content, tag=tag, rm=True, pull=True)
    except (APIError, BuildError, OSError) as error:
        raise SandboxError(f"the Dockerfile could not be built ({_last_lines(str(error))})") from error


def _from_root_filesystem(client: DockerClient, tag: str) -> None:
    from docker.errors import APIError

    folder = root_filesystem()
    repository, _, version = tag.rpartition(":")
    command = ["tar", "--numeric-owner", "--one-file-system", "-C", str(folder), "-c", "."]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as tar:
        assert tar.stdout
        try:
            answer = client.api.import_image_from_stream(tar.stdout, repository=repository, tag=version)
        except (APIError, OSError) as error:
            raise SandboxError(f"docker import failed: {error}") from error
    if tar.returncode or "error" in str(answer):
        raise SandboxError(f"docker import failed: tar ended with status {tar.returncode}; {_last_lines(str(answer))}")


def _last_lines(text: str) -> str:
    return " ".join(" ".join(text.split()[-60:]).split())
