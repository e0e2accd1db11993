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
from contextlib import closing
from pathlib import Path
from typing import Any

from agents.bench.plan import Cell
from agents.bench.results import Results, Row, difference, row_of
from agents.cli.user_code import import_user_code
from agents.config import TrainerConfig
from agents.run_directory import RunDirectory
from distil_envs.errors import DistilError, told


def run_cell(cell: Cell, config: TrainerConfig, results: Results) -> Row:
    """Run one cell, or go on with it where it was stopped, and keep its row. Raises what training raises.

    If another bench in the same folder has finished it meanwhile, that is its row. A trial that diverges has a row as
    well: that its options cannot be chosen is a result.
    """
    import torch
    from rich.console import Console

    from agents.trainer import Trainer
    from agents.update import DivergedError

    for other, row in results.rows():
        if other == cell and difference(config, row["config"]) is None:
            return row
    began, worked = time.perf_counter(), time.process_time()
    run = RunDirectory(config.path)
    resume = (config.path / "config.yaml").is_file()
    if resume and difference(config, run.config()) is not None:
        _set_aside(run)  # of a plan that has changed
        resume = False
    diverged = {}
    try:
        Trainer(config, resume=resume, console=Console(stderr=True, width=120), tell_cost=False).train()
    except DivergedError as error:
        if cell.trial is None:
            raise
        diverged = {"diverged": str(error)}
    row = row_of(cell, config, run.read("metrics.jsonl"), run.read("evaluations.jsonl")) | diverged
    seconds = {"wall_seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - worked}
    row["spent"] |= {name: round(value, 1) for name, value in seconds.items()}
    row["spent"] |= {"resumed": resume, "threads": torch.get_num_threads()}
    results.add(row)
    # Only now: until the row is kept, they are all there is. A run that diverged may have none.
    shutil.rmtree(run.checkpoints, ignore_errors=bool(diverged))
    return row


def _set_aside(run: RunDirectory) -> None:
    """Move a run out of the way, into ``replaced``. Raises ConfigError when another process is at work there."""
    with closing(run):
        run.lock()
        folder = run.path.parent.parent / "replaced"
        folder.mkdir(exist_ok=True)
        number = 1
        while (to := folder / f"{run.path.name}-{number}").exists():
            number += 1
        run.path.rename(to)


def serve() -> None:
    """Answer jobs until stdin ends. Its first line says what to import, how many threads to use, and the parent."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what others print is no answer
    first = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with, args=(first["parent"],), daemon=True).start()
    import torch

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
            return {"row": run_cell(Cell(**job["cell"]), config, Results(Path(job["results"])))}
        except Exception as error:
            traceback.print_exc()
            return {"error": str(error) if isinstance(error, DistilError) else f"{type(error).__name__}: {told(error)}"}
        finally:
            sys.stdout.flush()
            sys.stderr.flush()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    serve()
