"""Progress of training: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LINE_EVERY_S = 15.0
"""Seconds between lines where there is no terminal."""


class StepProgress:
    """Shows steps done, the last step's figures, and the time that is left."""

    def __init__(self, console: Console, steps: int, done: int) -> None:
        self._console = console
        self._steps, self._done, self._first = steps, done, done
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("train", total=steps, completed=done, figures="")
        self._began = self._last_line = time.monotonic()

    def __enter__(self) -> StepProgress:
        self._bar.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._bar.__exit__(*exception)

    def advance(self, row: dict[str, Any]) -> None:
        """One more step is done; `row` holds its figures."""
        self._done += 1
        figures = f"reward {row['reward']:.2f}  loss {row['loss']:.2f}  {row['tokens_per_second']:.0f} tok/s"
        self._bar.update(self._task, completed=self._done, figures=figures)
        now = time.monotonic()
        if not self._console.is_terminal and (now - self._last_line > LINE_EVERY_S or self._done == self._steps):
            self._last_line = now
            left = (now - self._began) / (self._done - self._first) * (self._steps - self._done)
            self._console.print(f"step {self._done:4d}/{self._steps}  {figures}  {left:.0f} s left", highlight=False)
