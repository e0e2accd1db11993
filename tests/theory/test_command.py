"""`distil theory`: a table, a figure when asked, and an exit status."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import agents.theory
from agents.cli import main
from agents.theory import ORACLES
from agents.theory.claim import near


def test_the_table_and_the_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "theory.png"
    assert main(["theory", "--figure", str(path)]) == 0
    said = capsys.readouterr().out
    for name in ORACLES:
        assert f"\n{name} " in said
    assert re.search(r"^(\d+) of \1 agree$", said, re.MULTILINE)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [each.name for each in tmp_path.iterdir()] == ["theory.png"]


def test_the_status_is_one_if_an_oracle_disagrees(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {"sums": lambda: [near("1 + 1", 2.0, 2.0, 0.1), near("2 + 2", 4.0, 5.0, 0.1)]}
    monkeypatch.setattr(agents.theory, "ORACLES", wrong)
    assert main(["theory"]) == 1
    said = capsys.readouterr().out
    assert "1 of 2 agree" in said
    assert [line.split()[-1] for line in said.splitlines() if "+" in line] == ["yes", "NO"]


def test_a_folder_that_is_not_there_is_told_before_the_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["theory", "--figure", str(tmp_path / "nowhere" / "theory.png")]) == 1
    said = capsys.readouterr()
    assert said.out == "" and "there is no folder" in said.err
