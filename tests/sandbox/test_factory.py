"""From a name to a sandbox: what is chosen is said, and nothing less safe is chosen silently."""

from __future__ import annotations

import logging

import pytest

from distil_envs.errors import ConfigError, NotFoundError
from distil_envs.registry import names
from distil_envs.sandbox import Program, SandboxError, make_sandbox
from distil_envs.sandbox.bubblewrap import BubblewrapSandbox
from distil_envs.sandbox.docker import DockerSandbox


def problems(monkeypatch: pytest.MonkeyPatch, docker: str | None, bubblewrap: str | None) -> None:
    monkeypatch.setattr(DockerSandbox, "problem", classmethod(lambda cls: docker))
    monkeypatch.setattr(BubblewrapSandbox, "problem", classmethod(lambda cls: bubblewrap))


@pytest.mark.parametrize(
    ("docker", "bubblewrap", "chosen", "said"),
    [
        (None, None, "docker", "programs run in docker"),
        ("no daemon", None, "bubblewrap", "programs run in bubblewrap, because docker: no daemon"),
    ],
)
def test_auto_takes_the_best_that_works_and_says_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    docker: str | None,
    bubblewrap: str | None,
    chosen: str,
    said: str,
) -> None:
    problems(monkeypatch, docker, bubblewrap)
    with caplog.at_level(logging.WARNING), make_sandbox() as sandbox:  # type: ignore[attr-defined]
        assert sandbox.name == chosen
    assert [record.getMessage() for record in caplog.records] == [f"sandbox: {said}"]


def test_auto_never_takes_what_isolates_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    problems(monkeypatch, "no daemon", "no bwrap")
    with pytest.raises(SandboxError, match=r"docker: no daemon; bubblewrap: no bwrap.*sandbox=subprocess"):
        make_sandbox("auto", places=2)


def test_a_back_end_is_made_by_its_name_with_its_options() -> None:
    assert {"docker", "bubblewrap", "subprocess"} <= set(names("sandboxes"))
    sandbox = make_sandbox("subprocess", places=3)
    try:
        assert (sandbox.name, sandbox.places) == ("subprocess", 3)  # type: ignore[attr-defined]
        assert sandbox.run(Program("print(1)")).stdout.text == "1\n"
    finally:
        sandbox.close()


def test_unknown_names_and_options_are_told() -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'docker'"):
        make_sandbox("dokcer")
    with pytest.raises(
        ConfigError, match=r"'subprocess' cannot be made with runtime: .*runtime.* Its options: places, re"
    ):
        make_sandbox("subprocess", runtime="runsc")
    with pytest.raises(
        ConfigError, match=r"'docker' cannot be made with place: .* Its options: places, image, runtime, "
    ):
        make_sandbox("docker", place=4)
