"""`distil sandbox selftest`."""

from __future__ import annotations

import json

import pytest

from agents.cli.main import main
from distil_envs.sandbox.bubblewrap import BubblewrapSandbox


def test_what_holds_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", "selftest", "--sandbox", "subprocess", "--only", "os-exit", "sys-exit"]) == 0
    out = capsys.readouterr().out
    assert "os._exit(0) is no success" in out and "2 held" in out and "of 2 effects" in out


def test_what_is_broken_ends_with_1_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["sandbox", "selftest", "--sandbox", "subprocess", "--only", "fork-bomb", "host-files", "--json"]
    assert main(words) == 1
    found = {line["effect"]: line["verdict"] for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert found == {"host-files": "broken", "processes": "broken", "fork-bomb": "skipped"}


def test_exceptions_are_printed_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    if problem := BubblewrapSandbox.problem():
        pytest.skip(problem)
    assert main(["sandbox", "selftest", "--sandbox", "bubblewrap", "--only", "inodes", "--json"]) == 0
    [found] = map(json.loads, capsys.readouterr().out.splitlines())
    assert (found["verdict"], found["reason"]) == ("listed", BubblewrapSandbox.exceptions["inodes"])


def test_a_mistyped_effect_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", "selftest", "--sandbox", "subprocess", "--only", "fork-bom"]) == 1
    assert "did you mean 'fork-bomb'" in capsys.readouterr().err


@pytest.mark.docker
def test_a_back_end_that_does_not_start_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", "selftest", "--sandbox", "docker", "--runtime", "no-such-runtime"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and "no-such-runtime" in captured.err and len(captured.err.splitlines()) == 1
