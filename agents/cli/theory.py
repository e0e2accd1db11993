"""`distil theory`: what the theory states beside what comes out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich import box
from rich.table import Table
from rich.text import Text

from agents.cli.output import console
from distil_envs.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agents.theory import Claim


def theory(figure: Annotated[Path | None, tyro.conf.arg(metavar="FILE.png")] = None) -> None:
    """Compute what the theory states, with the real learners, by enumeration in float64, and compare.

    It takes seconds. docs/theory.md says what each row means. The exit status is 1 if one disagrees.

    For example:
    $ distil theory
    $ distil theory --figure theory.png

    Args:
        figure: Also draw bandit, length, peek and variance to this file.
    """
    if figure is not None and not figure.expanduser().absolute().parent.is_dir():
        raise ConfigError(f"--figure {figure}: there is no folder {figure.parent}: make it, or name another")
    from agents.theory import ORACLES

    out = console()
    with out.status("enumerating"):
        found = {name: claims() for name, claims in ORACLES.items()}
    out.print(table(found))
    every = [claim for claims in found.values() for claim in claims]
    agreeing = sum(claim.agrees for claim in every)
    out.print(f"{agreeing} of {len(every)} agree")
    if figure is not None:
        from agents.theory.figure import draw_theory

        draw_theory(figure.expanduser())
        out.print(Text(f"written: {figure}"), soft_wrap=True)
    if agreeing < len(every):
        raise SystemExit(1)


def table(found: Mapping[str, Sequence[Claim]]) -> Table:
    """One row a claim, under the names of their oracles."""
    made = Table("oracle", "what", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("stated", "computed", "agrees"):
        made.add_column(name, justify="right", no_wrap=True)
    for name, claims in found.items():
        for at, claim in enumerate(claims):
            agrees = Text("yes", style="green") if claim.agrees else Text("NO", style="bold red")
            made.add_row("" if at else name, claim.what, claim.stated, f"{claim.computed:.4g}", agrees)
        made.add_section()
    return made
