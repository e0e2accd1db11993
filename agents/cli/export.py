"""`distil export`: what was sampled in runs, for other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from rich.console import Console
from rich.progress import track
from rich.text import Text

from agents.cli.output import console
from agents.cli.parsing import Imports
from agents.cli.user_code import import_user_code
from distil_envs import Status
from distil_envs.errors import ConfigError

if TYPE_CHECKING:
    from agents.trajectories import Trajectory

Runs = Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN [RUN]...")]
StatusName = Literal["correct", "wrong", "malformed", "timeout", "limit", "infra_error"]


@dataclass(kw_only=True)
class ExportOptions:
    """What is written, and from which episodes."""

    to: Literal["parquet", "sft", "preference"]
    """`parquet`: everything, losslessly, a row an episode. `sft`: JSONL of chats, {"messages"}. `preference`: JSONL of
    pairs, {"prompt", "chosen", "rejected"}: first attempts of one group, a success and a failure."""
    output: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    """The file. It appears whole or not at all."""
    targets: Literal["correct", "correction", "both"] = "correct"
    """What sft imitates: successful attempts, the corrections in the feedback on failed ones, or both."""
    min_step: int = 1
    """Leave out what was sampled for earlier updates."""
    max_step: int | None = None
    """Leave out what was sampled for later updates."""
    status: tuple[StatusName, ...] = ()
    """Only episodes whose last attempt ended so; empty for all."""
    env: Annotated[str | None, tyro.conf.arg(metavar="ID")] = None
    """Only runs in this environment."""
    rescored: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Take the outcomes that distil rescore has written."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace the file if it is there."""
    imports: Imports = ()
    """Import this module or file first, so that the runs' environments are registered. Repeatable."""


def export(runs: Runs, options: Annotated[ExportOptions, tyro.conf.arg(name="")]) -> None:
    """Write what was sampled in one or more runs as Parquet, or as chats that TRL and others train on.

    For example:
    $ distil export runs/quickstart --to parquet --output quickstart.parquet
    $ distil export runs/quickstart --to sft --output sft.jsonl --min-step 20
    $ distil export runs/quickstart --to sft --targets correction --output corrections.jsonl
    $ distil export runs/a runs/b --to preference --output pairs.jsonl --status correct wrong
    $ distil export bench --to parquet --output bench.parquet --env distil/Math-v0

    Args:
        runs: Run directories, or bench directories, whose cells are taken.
        options: What is written, and from which episodes.
    """
    from agents.run_directory import RunDirectory
    from agents.run_folders import run_folders
    from agents.trajectories import appearing, read_run

    if options.to != "sft" and options.targets != "correct":
        raise ConfigError(f"--targets says what sft imitates, and nothing for --to {options.to}: leave it out")
    import_user_code(options.imports)
    folders = [run for run in run_folders(runs) if options.env in (None, RunDirectory(run).config().get("env"))]
    if not folders:
        raise ConfigError(f"none of these runs is in the environment {options.env}: leave out --env, or name another")
    counted = _Counted(options)
    with appearing(options.output.expanduser(), overwrite=options.overwrite) as scratch:
        parts = ((run, counted(shown(read_run(run, rescored=options.rescored), run, "reading"))) for run in folders)
        rows = _write(scratch, options, parts)
        if not rows:
            raise ConfigError(
                f"nothing to export to {options.output}: {counted.kept} of {counted.seen} episodes pass the filters, "
                f"and none gives a row of {options.to}"
            )
    told = f"written: {options.output}, {rows} rows from {counted.kept} of {counted.seen} episodes"
    if counted.tools and options.to != "parquet":
        told += f"; {counted.tools} of them hold attempts that called tools, which are no plain chats and left out"
    console().print(Text(told), soft_wrap=True)


@dataclass
class _Counted:
    """Filters episodes, and counts them."""

    options: ExportOptions
    seen: int = 0
    kept: int = 0
    tools: int = 0
    """Those of them in which tools were called."""

    def __call__(self, trajectories: Iterable[Trajectory]) -> Iterator[Trajectory]:
        first, last = self.options.min_step, self.options.max_step
        wanted = {Status(name) for name in self.options.status}
        for trajectory in trajectories:
            self.seen += 1
            in_time = first <= trajectory.step and (last is None or trajectory.step <= last)
            if in_time and (not wanted or trajectory.status in wanted):
                self.kept += 1
                self.tools += any(attempt["inserted"] for attempt in trajectory.row["attempts"])
                yield trajectory


def _write(path: Path, options: ExportOptions, parts: Iterable[tuple[Path, Iterator[Trajectory]]]) -> int:
    from agents.trajectories import unique, write_parquet

    if options.to == "parquet":
        return write_parquet(path, (trajectory for _, part in parts for trajectory in part))
    lines = unique(row for run, part in parts for row in _chats(run, part, options))
    with path.open("w", encoding="utf-8") as file:
        return sum(file.write(line + "\n") > 0 for line in lines)


def _chats(run: Path, part: Iterator[Trajectory], options: ExportOptions) -> Iterator[dict[str, Any]]:
    from agents.trajectories import bare_env, preference_rows, sft_rows

    with closing(bare_env(run)) as env:
        ask: Callable[[Any], list[dict[str, str]]] = env.messages
        yield from sft_rows(part, ask, options.targets) if options.to == "sft" else preference_rows(part, ask)


def shown(trajectories: Iterable[Any], run: Path, what: str) -> Iterable[Any]:
    """The same, with a progress bar on a terminal: of the episodes of a run."""
    with (run / "episodes.jsonl").open("rb") as lines:
        total = sum(1 for _ in lines)
    err = Console(stderr=True)
    return track(trajectories, f"{what} {run.name}", total, console=err, transient=True, disable=not err.is_terminal)
