"""`distil sandbox build | clean | bench`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from distil_envs.sandbox.docker import connect
from distil_envs.sandbox.image import IMAGE
from distil_envs.sandbox.owner import DEADLINE_LABEL, labels

Said = tuple[int, str, str]


def test_without_a_daemon_every_command_says_what_to_do(
    fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    for command in ("build", "clean", "bench"):
        said = fails("sandbox", command)
        assert "Docker daemon" in said
        assert f"unix://{tmp_path}/none.sock" in said


def test_build_says_from_where_the_image_came(distil: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    class Client:
        def close(self) -> None:
            pass

    monkeypatch.setattr("agents.cli.sandbox.connect", Client)
    monkeypatch.setattr("agents.cli.sandbox.build_image", lambda client, tag, source: f"{source} for {tag}")
    assert distil("sandbox", "build", "--source", "registry", "--tag", "a:1") == (
        0,
        "built a:1 from registry for a:1\n",
        "",
    )


@pytest.mark.docker
def test_clean_removes_what_is_left_over(distil: Callable[..., Said]) -> None:
    client = connect()
    try:
        given = {**labels(60.0), DEADLINE_LABEL: "1"}
        made = client.api.create_container(IMAGE, ["true"], labels=given)["Id"]
        status, out, err = distil("sandbox", "clean")
        assert (status, err) == (0, "")
        assert f"removed {made[:12]}\n" in out
        assert not client.api.containers(all=True, filters={"id": made})
    finally:
        client.close()


def test_bench_gives_figures_for_any_back_end(distil: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distil_envs.sandbox.bench._COUNTS", {"sandbox": (10, 10)})
    words = ("sandbox", "bench", "--sandbox", "subprocess", "--rounds", "2", "--threads", "2", "--places", "1")
    status, out, err = distil(*words, "--alone", "--json")
    assert (status, err) == (0, "")
    (figures,) = json.loads(out).values()
    assert figures["runs"] == 20
    assert 0 < figures["median_s"] <= figures["p95_s"]
    assert figures["per_second"] > 0
    status, out, _ = distil(*words, "--alone")
    assert status == 0
    assert "subprocess, warm" in out


def test_bench_refuses_a_sandbox_that_gives_wrong_answers(
    fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distil_envs.sandbox.bench.ANSWER", 41)
    assert "the program of the benchmark gave" in fails("sandbox", "bench", "--sandbox", "subprocess", "--alone")


def test_bench_needs_a_round(fails: Callable[..., str]) -> None:
    said = fails("sandbox", "bench", "--sandbox", "subprocess", "--alone", "--rounds", "0")
    assert "rounds and threads must be at least 1, got 0" in said
