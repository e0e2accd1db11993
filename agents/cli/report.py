"""`distil report`: runs as one HTML file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.text import Text

from agents.cli.output import console
from distil_envs.errors import ConfigError

Paths = Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]


@dataclass
class ReportOptions:
    """Where the report goes, and how much is in it."""

    output: Annotated[Path | None, tyro.conf.arg(metavar="FILE.html")] = None
    """The file. Without it: report.html in the run directory, or here where several are named."""
    figures: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None
    """Also write every figure into this folder, as PNG and SVG."""
    episodes: int = 10_000
    """About how many episodes the viewer holds; of more, whole groups of rollouts evenly over training, and of
    evaluations the same share of the tasks."""


def report(paths: Paths, options: Annotated[ReportOptions, tyro.conf.arg(name="")] = ReportOptions()) -> None:  # noqa: B008
    """Write one self-contained HTML file about runs: summary, learning curves, and every episode to look into.

    Runs that differ in nothing but their seed are averaged, with 95 % intervals over seeds and tasks where all did the
    same tasks, else over seeds. Of unfinished and broken runs the report has what there is. The page needs no network
    and no server; open it in a browser.

    For example:
    $ distil report runs/quickstart
    $ distil report runs/distil-0 runs/distil-1 runs/grpo-0 --output comparison.html
    $ distil report benches/smoke --figures figures

    Args:
        paths: Run directories, and folders of benches: their comparison, and their cells, which are runs.
        options: Where the report goes, and how much is in it.
    """
    from agents.report import write_report

    if options.episodes < 1:
        raise ConfigError(f"--episodes must be at least 1, got {options.episodes}")
    alone = len(paths) == 1 and paths[0].is_dir()
    output = (options.output or (paths[0] / "report.html" if alone else Path("report.html"))).expanduser()
    figures = options.figures.expanduser() if options.figures else None
    out = console()
    with out.status("reading"):
        made = write_report(paths, output, figures_folder=figures, limit=options.episodes)
    for name, problems in made.problems.items():
        out.print(Text(f"{name}: {'; '.join(problems)}"), soft_wrap=True)
    every, left = made.thinned, made.left_out
    thinned = f" (one in {every} groups of rollouts and tasks of evaluations, {left} left out)" if left else ""
    size = f"{made.size / 1e6:.1f} MB"
    out.print(Text(f"written: {made.path}, {made.episodes} episodes{thinned}, {size}"), soft_wrap=True)
    if figures is not None:
        out.print(Text(f"written: {made.figures} figures as PNG and SVG in {figures}"), soft_wrap=True)
