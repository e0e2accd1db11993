"""A process that runs cells of a bench, one after the other: JSON comes in on stdin and goes out on stdout.

Whatever a run prints goes to the log in its folder. The process ends with its parent, however that ends.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from agents.bench.plan import Cell
from agents.bench.results import Row, row_of
from agents.cli.user_code import import_user_code
from agents.config import TrainerConfig
from agents.run_directory import RunDirectory
from distil_envs.errors import DistilError, told


def run_cell(cell: Cell, config: TrainerConfig) -> Row:
    """Run one cell, or go on with it where it was stopped, and return its row. Raises what training raises."""
    from rich.console import Console

    from agents.trainer import Trainer

    began, worked = time.perf_counter(), time.process_time()
    run = RunDirectory(config.path)
    resume = (config.path / "config.yaml").is_file()
    if resume and config.differences(TrainerConfig.from_dict(run.config())):
        shutil.rmtree(config.path)  # of a plan that has changed
        resume = False
    Trainer(config, resume=resume, console=Console(stderr=True, width=120), tell_cost=False).train()
    row = row_of(cell, config, run.read("metrics.jsonl"), run.read("evaluations.jsonl"))
    shutil.rmtree(run.checkpoints)
    seconds = {"wall_seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - worked}
    row["spent"] |= {name: round(value, 1) for name, value in seconds.items()} | {"resumed": resume}
    return row


def serve() -> None:
    """Answer jobs until stdin ends. The first line holds the modules to import and the number of threads."""
    import torch

    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    first = json.loads(sys.stdin.readline())
    torch.set_num_threads(first["threads"])
    import_user_code(first["imports"])
    for line in sys.stdin:
        answers.write(json.dumps(_answer(json.loads(line))) + "\n")
        answers.flush()


def _answer(job: dict[str, Any]) -> dict[str, Any]:
    config = TrainerConfig.from_dict(job["config"])
    log = Path(job["log"])
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            return {"row": run_cell(Cell(**job["cell"]), config)}
        except Exception as error:
            traceback.print_exc()
            return {"error": str(error) if isinstance(error, DistilError) else told(error)}
        finally:
            sys.stdout.flush()
            sys.stderr.flush()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    serve()
