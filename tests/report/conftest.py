"""Runs that the embedded toy model really made, and reports of them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from rich.console import Console

from agents.config import TrainerConfig
from agents.report import write_report
from agents.trainer import Trainer

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
Rows = list[dict[str, Any]]
STEPS = 4


def rows(run: Path, log: str) -> Rows:
    return [json.loads(line) for line in (run / log).read_text(encoding="utf-8").splitlines()]


def train(folder: Path, seed: int, **options: Any) -> Path:
    """A run of a few steps; every step draws every task, so that the same ones come back."""
    config = TrainerConfig.from_dict({
        "model": "tiny", "env": "distil/Toy-v0", "feedback": "answer",
        "learner": {"name": "DistIL", "future_weight": 1.0},
        "environment": {"tasks": "toy/rule@1", "num_tasks": 8, "max_new_tokens": 6, "max_prompt_tokens": 16},
        "expert": {"weights": "frozen", "context": {"show_attempt": False}}, "demonstrations": 0, "base_shots": 0,
        "steps": STEPS, "tasks_per_step": 12, "group_size": 4, "record_groups": 2, "learning_rate": 0.001,
        "eval_every": 2, "eval_tasks": 16, "eval_samples": 4, "checkpoint_every": STEPS,
        "policy": {"device": "cpu"}, "seed": seed,
        "run_dir": str(folder), "trackers": [], "save_model": False, **options,
    })  # fmt: skip
    Trainer(config, console=Console(quiet=True)).train()
    return folder


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DistIL, seed 0. Nothing may write to it."""
    return train(tmp_path_factory.mktemp("runs") / "distil-0", 0)


@pytest.fixture(scope="session")
def turns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three attempts at a task, with feedback between them. Nothing may write to it."""
    environment = {
        "tasks": "toy/rule@1",
        "num_tasks": 8,
        "max_new_tokens": 6,
        "max_prompt_tokens": 96,
        "max_attempts": 3,
    }
    return train(tmp_path_factory.mktemp("runs") / "turns", 0, environment=environment, steps=1, eval_every=0)


@pytest.fixture(scope="session")
def bench(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark's folder: two seeds of DistIL and one of GRPO as cells."""
    folder = tmp_path_factory.mktemp("bench")
    shutil.copytree(run, folder / "cells" / "distil-0")
    train(folder / "cells" / "distil-1", 1)
    train(folder / "cells" / "grpo-0", 0, learner="GRPO")
    return folder


@pytest.fixture
def altered(run: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy of `run` whose rows of a log went through a function."""

    def make(log: str, change: Callable[[Rows], Rows]) -> Path:
        folder = tmp_path / "altered"
        if not folder.exists():
            shutil.copytree(run, folder)
        text = "".join(json.dumps(row) + "\n" for row in change(rows(run, log)))
        (folder / log).write_text(text, encoding="utf-8")
        return folder

    return make


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium; tests that need it skip aloud without one."""
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not work for root, as which continuous integration runs.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield found
        found.close()


@pytest.fixture
def read(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Opens a report of runs; afterwards the console was silent and nothing but the file was asked for."""
    said: list[str] = []
    asked: list[str] = []
    pages: list[Page] = []

    def console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            said.append(message.text)

    def opened(*runs: Path, view: str = "", dark: bool = False) -> Page:
        file = tmp_path / "report.html"
        write_report(runs, file)
        page = browser.new_page(viewport={"width": 1400, "height": 900}, color_scheme="dark" if dark else "light")
        pages.append(page)
        page.set_default_timeout(60_000)  # a busy machine is no failure
        expect.set_options(timeout=60_000)
        page.on("console", console)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{file.as_uri()}{view}")
        page.wait_for_selector("html[data-ready]")
        return page

    yield opened
    for page in pages:
        page.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
