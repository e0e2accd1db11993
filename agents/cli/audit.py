"""`distil tasks audit`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any

import tyro
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from agents.cli.output import console
from distil_envs.audit import Tally, audit, exact_interval, failures, labelled
from distil_envs.task import Task

SHOWN = 80


def audit_verifiers(
    names: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[KIND | FILE]...")] = (),
    verifier: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None,
    math_verify: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
    json_lines: Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(name="json")] = False,
) -> None:
    """How often the verifiers are wrong, on completions that people have labelled. The exit status is 1 if too often.

    Too often is: any wrong answer accepted, more than two right ones of a kind rejected, or more than 2 % of all.
    Intervals are exact binomial ones (95 %). Every error is listed by its id.

    For example:
    $ distil tasks audit
    $ distil tasks audit quantity choice
    $ distil tasks audit --math-verify
    $ distil tasks audit my-answers.jsonl --verifier my_package.grading:verifier

    Args:
        names: Kinds of answers, or files of labelled answers (a line: id, reference, completion, right); empty for all
            kinds.
        verifier: Graded instead of our own.
        math_verify: Grade the kinds of maths by plain math-verify too, and show it beside.
        json_lines: One JSON object a kind, instead of a table.
    """
    rows = labelled(names)
    quiet = Console(stderr=True)

    def progress(pairs: Any) -> Iterable[Any]:
        return track(pairs, "grading", len(rows), console=quiet, transient=True)

    tallies = audit(rows, verifier, progress)
    others: dict[str, Tally] = {}
    if math_verify:
        mathematical = [row for row in rows if row.domain == "math"]
        others = {tally.kind: tally for tally in audit(mathematical, "math-verify")}
    if json_lines:
        for tally in tallies:
            print(
                json.dumps(
                    _plain(tally) | ({"math_verify": _plain(others[tally.kind])} if tally.kind in others else {})
                )
            )
    else:
        _show(tallies, others)
    found = failures(tallies)
    if found:
        (quiet if json_lines else console()).print(Text("; ".join(found), style="bold red"), soft_wrap=True)
        raise SystemExit(1)
    if not json_lines:
        console().print(Text("the audit passes", style="green"))


def _show(tallies: list[Tally], others: dict[str, Tally]) -> None:
    out = console()
    table = Table(title="labelled answers, and errors of the verifier", title_justify="left")
    table.add_column("kind", no_wrap=True)
    for column in ("wrong", "accepted", "right", "rejected", *(("math-verify",) if others else ())):
        table.add_column(column, justify="right", no_wrap=True)
    for tally in tallies:
        other = others.get(tally.kind)
        table.add_row(
            Text(tally.kind),
            str(tally.wrong),
            _errors(len(tally.accepted_wrongly), tally.wrong),
            str(tally.right),
            _errors(len(tally.rejected_wrongly), tally.right),
            *([_beside(other)] if others else []),
        )
    sums = [sum(counts) for counts in zip(*(_counts(tally) for tally in tallies), strict=True)]
    accepted, wrong, rejected, right = sums
    table.add_section()
    table.add_row("all", str(wrong), _errors(accepted, wrong), str(right), _errors(rejected, right))
    out.print(table)
    errors = [
        (name, row)
        for tally in tallies
        for name, found in (
            ("accepted", tally.accepted_wrongly),
            ("rejected", tally.rejected_wrongly),
            ("not graded", tally.not_graded),
        )
        for row in found
    ]
    for name, row in errors[:SHOWN]:
        out.print(_line(name, row), soft_wrap=True)
    if len(errors) > SHOWN:
        out.print(f"and {len(errors) - SHOWN} more")


def _counts(tally: Tally) -> tuple[int, int, int, int]:
    return len(tally.accepted_wrongly), tally.wrong, len(tally.rejected_wrongly), tally.right


def _errors(count: int, total: int) -> str:
    _, low, high = exact_interval(count, total)
    return f"{count} [{low:.1%}, {high:.1%}]"


def _beside(other: Tally | None) -> str:
    return f"{len(other.accepted_wrongly)} accepted, {len(other.rejected_wrongly)} rejected" if other else ""


def _line(name: str, row: Task) -> Text:
    completion = " ".join(str(row.metadata["completion"]).split())
    return Text.assemble(
        (f"{name:10}", "bold red"), f"  {row.id}  ", (row.text, "italic"), f"  {row.answer!r:.60}  {completion!r:.100}"
    )


def _plain(tally: Tally) -> dict[str, Any]:
    return {
        "kind": tally.kind,
        "wrong": tally.wrong,
        "right": tally.right,
        "accepted_wrongly": [row.id for row in tally.accepted_wrongly],
        "rejected_wrongly": [row.id for row in tally.rejected_wrongly],
        "not_graded": [row.id for row in tally.not_graded],
        "false_positive_rate": tally.false_positive_rate(),
        "false_negative_rate": tally.false_negative_rate(),
    }
