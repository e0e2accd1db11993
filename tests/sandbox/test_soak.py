"""A short soak with the code of benchmarks/sandbox_soak.py, and that this code can fail."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from distil_envs.sandbox import Ended, Execution, Program, make_sandbox


@pytest.fixture(scope="module")
def soak_module(repository: Path) -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("sandbox_soak", repository / "benchmarks" / "sandbox_soak.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.docker
def test_hundreds_of_programs_from_many_threads_some_hostile(soak_module: ModuleType) -> None:
    tally = soak_module.soak(lambda: make_sandbox("docker", places=2), programs=300, threads=16)
    assert tally.runs.total() == 300
    assert {case.name for case in (*soak_module.HONEST, *soak_module.HOSTILE)} == set(tally.runs)
    assert not tally.wrong
    assert not tally.left


class Careless:
    """Says that every program is complete, and leaves things behind."""

    name = "careless"

    def __init__(self) -> None:
        self.fds: list[int] = []
        self.end = threading.Event()

    def run(self, program: Program) -> Execution:
        if len(self.fds) < 3:
            self.fds.append(os.open(os.devnull, os.O_RDONLY))
            threading.Thread(target=self.end.wait, daemon=True).start()
        return Execution(Ended.COMPLETED)

    def close(self) -> None:
        pass


def test_a_soak_tells_wrong_verdicts_and_what_is_left(soak_module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak_module, "LEFT_S", 0.2)
    made: list[Careless] = []

    def make() -> Any:
        made.append(Careless())
        return made[0]

    try:
        tally = soak_module.soak(make, programs=40, threads=1)
    finally:
        made[0].end.set()
        for fd in made[0].fds:
            with suppress(OSError):
                os.close(fd)
    assert len(tally.wrong) == 40
    assert {"3 descriptors", "3 threads"} <= set(tally.left)
