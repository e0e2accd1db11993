"""`distil report`, on a run that has but begun: its configuration and one step."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from agents.config import TrainerConfig
from tests.cli.conftest import Said


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    folder = tmp_path / "begun"
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(TrainerConfig(model="tiny", steps=3).to_dict()))
    (folder / "metrics.jsonl").write_text(json.dumps({"step": 1, "success": 0.5, "seconds_rollout": 1.5}) + "\n")
    return folder


def test_it_writes_into_the_run_and_tells_what_is_missing(distil: Callable[..., Said], begun: Path) -> None:
    status, out, err = distil("report", begun)
    assert (status, err) == (0, "")
    assert "begun: no evaluations.jsonl; unfinished: 1 of 3 steps; no episodes.jsonl" in out
    assert f"written: {begun / 'report.html'}, 0 episodes" in out
    assert "unfinished: 1 of 3 steps" in (begun / "report.html").read_text(encoding="utf-8")


def test_file_and_figures_go_where_they_are_told(distil: Callable[..., Said], begun: Path, tmp_path: Path) -> None:
    status, out, _ = distil("report", begun, "--output", tmp_path / "a.html", "--figures", tmp_path / "figures")
    assert status == 0
    assert "2 figures as PNG and SVG" in out
    assert {path.suffix for path in (tmp_path / "figures").iterdir()} == {".png", ".svg"}
    assert (tmp_path / "a.html").is_file() and not (begun / "report.html").exists()


def test_what_cannot_work_is_one_line(fails: Callable[..., str], begun: Path, tmp_path: Path) -> None:
    assert "expected a config.yaml" in fails("report", tmp_path / "nothing")
    assert "name one or more" in fails("report")
    assert "--episodes must be at least 1, got 0" in fails("report", begun, "--episodes", 0)
    assert "cannot write" in fails("report", begun, "--output", tmp_path / "no" / "a.html")
    (tmp_path / "file").write_text("")
    assert "cannot make" in fails("report", begun, "--figures", tmp_path / "file")
