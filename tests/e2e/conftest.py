"""What end-to-end tests share: real processes that start at once, and the configuration of a small run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

_SERVER = """
import json, os, runpy, sys, traceback
import torch
torch.set_num_threads(1)
import agents.trainer, agents.curve, matplotlib.figure, peft, torch.utils.tensorboard, transformers.models.llama

for line in sys.stdin:
    order = json.loads(line)
    child = os.fork()
    if child == 0:
        out = os.open(order["output"], os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.chdir(order["folder"])
        sys.argv, code = order["argv"], 0
        try:
            runpy.run_path(sys.argv[0], run_name="__main__")
        except SystemExit as leave:
            code = leave.code or 0
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass
class Running:
    """A script at work in a process of its own."""

    pid: int
    output: Path
    """What it prints, both streams."""
    _server: subprocess.Popen[str]

    def kill(self) -> None:
        """As ``kill -9`` does; a process that has ended already is left in peace."""
        if Path(f"/proc/{self.pid}").exists():
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Its exit code, negative for the signal that ended it."""
        assert self._server.stdout is not None
        return int(self._server.stdout.readline())


class Python:
    """Runs scripts one after the other, each in a process forked from one that has imported torch and agents once."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder = folder
        self._count = 0
        self._server = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            env={**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"},
        )

    def start(self, script: Path, *arguments: str) -> Running:
        """Begin to run a script."""
        self._count += 1
        output = self._folder / f"output-{self._count}"
        order = {"argv": [str(script), *arguments], "output": str(output), "folder": str(script.parent)}
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        return Running(int(self._server.stdout.readline()), output, self._server)

    def run(self, script: Path, *arguments: str) -> tuple[int, str]:
        """Run a script to its end: exit code and what it printed."""
        running = self.start(script, *arguments)
        code = running.wait()
        return code, running.output.read_text()

    def close(self) -> None:
        """End the server."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait(30)
        self._server.stdout.close()


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Models this small lose by more, and the processes that are compared have one as well."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Iterator[Python]:
    """Processes that need no seconds to import torch."""
    made = Python(tmp_path_factory.mktemp("processes"), repository)
    yield made
    made.close()


@pytest.fixture
def config(small_model: Path, tmp_path: Path) -> Any:
    """A small run on the toy rule: copy it with other options by ``dataclasses.replace``."""
    from agents import EnvConfig, PolicyConfig, TrainerConfig
    from feedback.experts.self_teacher import SelfTeacher

    return TrainerConfig(
        model=str(small_model),
        env="distil/Toy-v0",
        feedback="answer",
        steps=2,
        tasks_per_step=2,
        group_size=2,
        learning_rate=0.02,
        eval_every=0,
        eval_tasks=2,
        base_shots=0,
        demonstrations=1,
        environment=EnvConfig(num_tasks=4, max_new_tokens=6, max_prompt_tokens=256),
        policy=PolicyConfig(dtype="float32", device="cpu"),
        expert=SelfTeacher(),
        run_dir=str(tmp_path / "run"),
    )


@pytest.fixture
def train(config: Any) -> Any:
    """Train in this process, with some options changed; returns what `Trainer.train` does."""
    from rich.console import Console

    from agents import Trainer

    def act(*, resume: bool = False, console: Console | None = None, **options: Any) -> dict[str, Any]:
        quiet = console or Console(quiet=True)
        return Trainer(replace(config, **options), resume=resume, console=quiet).train()

    return act


@pytest.fixture
def rows() -> Any:
    """The rows of a log: ``rows(folder, "metrics")``."""

    def read(folder: Path | str, log: str) -> list[dict[str, Any]]:
        text = (Path(folder) / f"{log}.jsonl").read_bytes()
        assert text.endswith(b"\n"), f"{log} ends in a torn line"
        return [json.loads(line) for line in text.split(b"\n")[:-1]]

    return read
