"""Making the image: what is tried, and what is said when it cannot be had."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distil_envs.errors import ConfigError
from distil_envs.sandbox import Program, SandboxError, image
from distil_envs.sandbox.docker import DockerSandbox, connect

TAG = "distil-envs/sandbox-of-a-test:1"


@pytest.fixture
def client() -> Iterator[Any]:
    made = connect()
    yield made
    for found in made.images.list(TAG):
        made.images.remove(found.id, force=True)
    made.close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DISTIL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def fake_debootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = tmp_path / "bin" / "debootstrap"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


@pytest.mark.skipif(os.geteuid() != 0, reason="debootstrap needs root")
def test_a_root_file_system_is_made_once_and_whole(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_debootstrap(
        tmp_path,
        monkeypatch,
        'echo "$@" >> "$0.log"; mkdir -p "$4/usr/bin" "$4/usr/share/doc/x"; touch "$4/usr/bin/python3"',
    )
    made = image.root_filesystem()
    assert made.parent == cache
    assert (made / "usr/bin/python3").is_file()
    assert not (made / "usr/share/doc").exists()
    assert made.stat().st_mode & 0o777 == 0o755
    assert image.root_filesystem() == made
    log = (tmp_path / "bin" / "debootstrap.log").read_text().splitlines()
    assert len(log) == 1
    assert log[0].startswith("--variant=minbase --include=python3 bookworm ")


@pytest.mark.skipif(os.geteuid() != 0, reason="debootstrap needs root")
def test_a_failed_debootstrap_is_told_and_leaves_nothing(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_debootstrap(tmp_path, monkeypatch, 'touch "$4/half"; echo "E: no mirror"; exit 3')
    with pytest.raises(SandboxError, match="debootstrap failed with status 3: E: no mirror"):
        image.root_filesystem()
    assert list(cache.iterdir()) == []


def test_what_is_missing_is_named_with_the_mend(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image.shutil, "which", lambda name, path=None: None)
    with pytest.raises(SandboxError, match="apt install debootstrap"):
        image.root_filesystem()
    monkeypatch.setattr(image.shutil, "which", lambda name, path=None: "/bin/true")
    monkeypatch.setattr(image.os, "geteuid", lambda: 1000)
    with pytest.raises(SandboxError, match="once as root"):
        image.root_filesystem()


@pytest.mark.docker
def test_auto_falls_back_and_the_image_runs_programs(
    client: Any, cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The registry fails; instead of a Debian, the root file system is what the image at hand holds."""
    container = client.containers.create(image.IMAGE, "true")
    root = tmp_path / "root"
    root.mkdir()
    try:
        tar = b"".join(container.export())
    finally:
        container.remove()
    subprocess.run(["tar", "-C", str(root), "--exclude=./dev", "-x"], input=tar, check=True)
    monkeypatch.setattr(image, "root_filesystem", lambda: root)
    monkeypatch.setattr(image, "_from_registry", lambda *_: (_ for _ in ()).throw(SandboxError("no registry answers")))
    assert image.build_image(client, TAG) == "debootstrap"
    with DockerSandbox(places=1, image=TAG) as sandbox:
        assert sandbox.run(Program("print('runs')")).stdout.text == "runs\n"


@pytest.mark.docker
def test_when_nothing_works_everything_that_was_tried_is_told(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Any:
        raise SandboxError("not here")

    monkeypatch.setattr(image, "_from_registry", fail)
    monkeypatch.setattr(image, "root_filesystem", fail)
    with pytest.raises(SandboxError, match=r"registry: not here\. debootstrap: not here"):
        image.build_image(client, TAG)
    with pytest.raises(ConfigError, match="one of auto, registry, debootstrap; got 'hub'"):
        image.build_image(client, TAG, "hub")
