"""`distil rescore`: stored attempts and today's verifiers."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from rich import box
from rich.table import Table
from rich.text import Text

from agents.cli.export import Runs, shown
from agents.cli.output import console
from agents.cli.parsing import Imports
from agents.cli.user_code import import_user_code
from distil_envs import Status

if TYPE_CHECKING:
    from agents.trajectories import Regraded

SHOWN = 40
"""Changed attempts that are listed."""


def rescore_runs(
    runs: Runs,
    check: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
    json_file: Annotated[Path | None, tyro.conf.arg(name="json", metavar="FILE")] = None,
    resume: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
    imports: Imports = (),
) -> None:
    """Grade every attempt of one or more runs with today's verifier of their environment, and show what changes.

    The new outcomes go to rescored.jsonl in the run's folder, which distil export --rescored reads; episodes.jsonl
    stays as it is. Programs of code tasks run in a sandbox, as in training.

    For example:
    $ distil rescore runs/quickstart
    $ distil rescore runs/quickstart --check --json changed.json
    $ distil rescore runs/a runs/b --resume
    $ distil rescore runs/acme --import my_env.py

    Args:
        runs: Run directories, or bench directories, whose cells are taken.
        check: Exit with status 1 if any status or reward is another now.
        json_file: Also write the table and all that changed to this file.
        resume: Go on with what an earlier call was stopped in.
        overwrite: Replace the file of --json if it is there.
        imports: Import this module or file first, so that the runs' environments are registered. Repeatable.
    """
    from agents.rollout import failure
    from agents.run_folders import run_folders
    from agents.trajectories import appearing

    import_user_code(imports)
    folders, out = run_folders(runs), console()
    graded: Counter[tuple[Status, Status]] = Counter()
    changed: list[Regraded] = []
    with ExitStack() as held:
        # What stands in the way of the file is told before the work.
        file = json_file and held.enter_context(appearing(json_file.expanduser(), overwrite=overwrite))
        for number, run in enumerate(folders):
            try:
                _rescore(run, resume, graded, changed)
            except KeyboardInterrupt:
                words = [*map(str, folders[number:]), "--resume", *(f"--import={name}" for name in imports)]
                raise KeyboardInterrupt(f"stopped; go on with: distil rescore {shlex.join(words)}") from None
        if file is not None:
            rows = [each.to_dict() for each in changed]
            values = {"attempts": graded.total(), "table": _plain(graded), "changed": rows}
            file.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    out.print(_table(graded))
    for each in changed[:SHOWN]:
        out.print(_line(each), soft_wrap=True)
    if len(changed) > SHOWN:
        out.print(f"and {len(changed) - SHOWN} more")
    failed = [each for each in changed if each.new.status is Status.INFRA_ERROR]
    if failed:
        out.print(Text(f"{len(failed)} could not be graded: {failure(failed[0].new)}", style="red"), soft_wrap=True)
    style = "yellow" if changed else "green"
    out.print(Text(f"{len(changed)} of {graded.total()} attempts are graded otherwise now", style=style))
    if check and changed:
        raise SystemExit(1)


def _rescore(run: Path, resume: bool, graded: Counter[tuple[Status, Status]], changed: list[Regraded]) -> None:
    """Adds to `graded` and `changed`."""
    from agents.trajectories import bare_env, rescore

    with closing(bare_env(run)) as env:
        env.resources()  # what grading cannot do without is told here
        for attempts in shown(rescore(run, env.verify, resume=resume), run, "grading"):
            graded.update((each.old.status, each.new.status) for each in attempts)
            changed += [each for each in attempts if each.changed]


def _table(graded: Counter[tuple[Status, Status]]) -> Table:
    """Old statuses down, new ones across."""
    new = [status for status in Status if any(pair[1] is status for pair in graded)]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("stored, and graded now")
    for status in new:
        table.add_column(str(status), justify="right")
    for old in (status for status in Status if any(pair[0] is status for pair in graded)):
        counts = [graded[old, status] for status in new]
        cells = [
            Text(str(count or "·"), style="" if old is status or not count else "bold yellow")
            for status, count in zip(new, counts, strict=True)
        ]
        table.add_row(str(old), *cells)
    return table


def _plain(graded: Counter[tuple[Status, Status]]) -> dict[str, dict[str, int]]:
    table: dict[str, dict[str, int]] = {}
    for (old, new), count in sorted(graded.items()):
        table.setdefault(str(old), {})[str(new)] = count
    return table


def _line(each: Regraded) -> Text:
    rewards = "" if each.old.status is not each.new.status else f" ({each.old.reward:g} → {each.new.reward:g})"
    change = f"{each.old.status} → {each.new.status}{rewards}"
    where = f"{each.run} step {each.step} {each.rollout_id} attempt {each.attempt}"
    answer: Any = each.new.answer if each.new.answer is not None else each.text
    return Text.assemble(f"{where}  ", (change, "bold yellow"), f"  {each.task}  {answer!r:.80}")
