"""Size of a report, and what it takes to make and to open it.

    python benchmarks/report.py [rollouts] [tokens]

The rollouts are made up: words drawn at random and numbers without pattern, which compress worse than a model's. Of
every 64 the first 8 have recorded tokens, as with groups of 4 and ``record_groups: 2``. Opening is measured in headless
Chromium, five times: until the viewer is ready, in seconds on the clock and of processor time of the page's process.
"""

from __future__ import annotations

import json
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from playwright.sync_api import sync_playwright

from agents.config import TrainerConfig
from agents.report import write_report

WORDS = (
    "alpha ",
    "beta ",
    "gamma ",
    "delta ",
    "the ",
    "of ",
    "is ",
    "equals ",
    "sum ",
    "x ",
    "y ",
    "1 ",
    "2 ",
    "+ ",
    "= ",
)
NUMBERS = ("logp", "entropy", "cost", "weight", "credit")


def rollouts(count: int, length: int, rng: random.Random) -> Iterator[dict[str, Any]]:
    def top() -> list[list[Any]]:
        return [[rng.choice(WORDS), float(f"{rng.random():.5g}")] for _ in range(5)]

    for number in range(count):
        words = [rng.choice(WORDS) for _ in range(length)]
        outcome = {
            "reward": 0.0,
            "status": rng.choice(["correct", "wrong"]),
            "answer": words[-1],
            "trace": {"version": 1, "events": []},
        }
        row: dict[str, Any] = {
            "step": number // 64 + 1,
            "task": {"id": f"t/{number // 4 % 200}", "prompt": "".join(words[:20]), "reference": {}},
            "rollout_id": str(number % 64), "group_id": str(number % 64 // 4), "logprobs": [-rng.random()] * length,
            "attempts": [{"prompt_ids": [0], "completion_ids": [0] * length, "inserted": [], "text": "".join(words),
                          "outcome": outcome, "feedback": None, "reply": ""}],
        }  # fmt: skip
        if number % 64 < 8:
            numbers = {name: [float(f"{rng.gauss(0, 1):.5g}") for _ in words] for name in NUMBERS}
            tops = {whose: [top() for _ in words] for whose in ("student", "expert")}
            row["tokens"] = {"text": words, "learned": [1] * length, **numbers, **tops}
        yield row


def opened(file: Path) -> list[tuple[float, float]]:
    """Seconds on the clock and of the processor, of five visits."""
    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(5):
            page = browser.new_page()
            session = page.context.new_cdp_session(page)
            session.send("Performance.enable")
            began = time.perf_counter()
            page.goto(file.as_uri())
            page.wait_for_selector("html[data-ready]")
            took = time.perf_counter() - began
            metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
            found.append((took, metrics["ProcessTime"]))
            page.close()
        browser.close()
    return found


def main(count: int, length: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        run.mkdir()
        (run / "config.yaml").write_text(yaml.safe_dump(TrainerConfig().to_dict()))
        with (run / "episodes.jsonl").open("w") as log:
            log.writelines(json.dumps(row) + "\n" for row in rollouts(count, length, random.Random(0)))
        began = time.process_time()
        made = write_report([run], Path(folder) / "report.html", limit=count)
        print(
            f"{made.episodes} rollouts of {length} tokens: log {(run / 'episodes.jsonl').stat().st_size / 1e6:.0f} MB"
        )
        print(f"report    {made.size / 1e6:.1f} MB, made in {time.process_time() - began:.1f} s of processor time")
        clock, processor = (statistics.median(values) for values in zip(*opened(made.path), strict=True))
        print(f"opened    {clock:.2f} s on the clock, {processor:.2f} s of processor time (medians of 5)")


if __name__ == "__main__":
    main(*(int(word) for word in (*sys.argv[1:], *("10000", "200")[len(sys.argv) - 1 :])))
