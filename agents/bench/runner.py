"""Runs cells of a bench, in processes of their own: one that dies takes no other with it."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agents.bench.plan import Cell, Plan
from agents.bench.results import Row


@dataclass
class Runner:
    """A bench directory at work: ``results.jsonl``, and a run directory and a log for each cell."""

    folder: Path
    plan: Plan
    processes: int = 1
    """Cells at a time; the cores are shared out among them."""
    imports: Sequence[str] = ()
    """Modules or files of the user's, imported in every process."""
    save_models: bool = False
    """Keep the models of runs; those of trials are not kept."""

    def run(self, cells: Sequence[Cell], tell: Callable[[Cell, Row | str], None]) -> None:
        """Run them all, and tell of each its row, which then is in the results, or why it failed."""
        waiting: queue.SimpleQueue[Cell] = queue.SimpleQueue()
        for cell in cells:
            waiting.put(cell)
        told: queue.SimpleQueue[tuple[Cell, Row | str]] = queue.SimpleQueue()
        workers = [_Worker(self) for _ in range(min(self.processes, len(cells)))]
        try:
            for worker in workers:
                threading.Thread(target=worker.work, args=(waiting, told), daemon=True).start()
            for _ in cells:
                tell(*told.get())
        finally:
            for worker in workers:
                worker.stop()

    def path(self, cell: Cell) -> Path:
        """The run directory of a cell. Trials lie apart from what is reported."""
        return self.folder / ("cells" if cell.trial is None else "trials") / cell.folder

    def job(self, cell: Cell) -> dict[str, Any]:
        """What a worker is sent."""
        saved = self.save_models and cell.trial is None
        config = replace(self.plan.config(cell), run_dir=str(self.path(cell)), save_model=saved, trackers=())
        log = self.folder / "logs" / f"{cell.folder}.txt"
        results = str(self.folder / "results.jsonl")
        return {"cell": vars(cell), "config": config.to_dict(), "log": str(log), "results": results}

    @property
    def threads(self) -> int:
        """Of each process: its share of the cores that this one may use, and never more than `OMP_NUM_THREADS`."""
        share = max(1, len(os.sched_getaffinity(0)) // self.processes)
        asked = os.environ.get("OMP_NUM_THREADS", "")
        return min(share, int(asked)) if asked.isdigit() and int(asked) else share


class _Worker:
    """A process that is started when needed, and again after it died."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False

    def work(self, waiting: queue.SimpleQueue[Cell], told: queue.SimpleQueue[tuple[Cell, Row | str]]) -> None:
        """Run cells until none waits."""
        while not self._stopped:
            try:
                cell = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                found = self._ask(self._runner.job(cell))
            except Exception as error:
                found = {"error": f"{type(error).__name__}: {error}"}
            if not self._stopped:
                told.put((cell, found.get("row") or found["error"]))

    def stop(self) -> None:
        """End the process. What it was at is gone on with next time, from its last checkpoint."""
        self._stopped = True
        process = self._process  # its thread may be about to forget it
        if process is not None:
            process.kill()
            process.wait()

    def _ask(self, job: dict[str, Any]) -> dict[str, Any]:
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if answer:
            found: dict[str, Any] = json.loads(answer)
            return found
        self._process = None
        status = process.wait()
        return {"error": f"its process ended with status {status}{' (killed: out of memory?)' if status == -9 else ''}"}

    def _start(self) -> subprocess.Popen[str]:
        threads = self._runner.threads
        self._process = subprocess.Popen(
            [sys.executable, "-m", "agents.bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": os.pathsep.join(sys.path)},
            start_new_session=True,  # Ctrl-C is the parent's to handle
        )
        assert self._process.stdin is not None
        first = {"threads": threads, "imports": list(self._runner.imports), "parent": os.getpid()}
        self._process.stdin.write(json.dumps(first) + "\n")
        self._process.stdin.flush()
        return self._process
