"""`distil sandbox build | clean | bench | selftest`."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from typing import Annotated, Literal

import tyro
from rich.table import Table
from rich.text import Text

from agents.cli.output import console
from distil_envs.sandbox import SandboxError, make_sandbox
from distil_envs.sandbox.bench import Way, measure
from distil_envs.sandbox.docker import connect
from distil_envs.sandbox.image import IMAGE, build_image
from distil_envs.sandbox.owner import reap
from distil_envs.sandbox.selftest import Finding, Verdict, failures
from distil_envs.sandbox.selftest import selftest as findings_of

Json = Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(name="json")]
SandboxName = Annotated[str, tyro.conf.arg(metavar="docker|bubblewrap|subprocess")]


def build(source: Literal["auto", "registry", "debootstrap"] = "auto", tag: str = IMAGE) -> None:
    """Make the image of the docker back-end: from a registry where one answers, else from Debian packages.

    For example:
    $ distil sandbox build
    $ distil sandbox build --source debootstrap

    Args:
        source: `registry` pulls Python's official image, `debootstrap` (as root, minutes the first time) makes one
            from Debian packages, `auto` takes what works.
        tag: Name and version of the image.
    """
    client = connect()
    with closing(client):
        taken = build_image(client, tag, source)
    print(f"built {tag} from {taken}")


def clean(everything: Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(name="all")] = False) -> None:
    """Remove containers whose owner has died or whose time is over. Those of a run that lives stay.

    Every run does this when it starts its first container; by hand it is only needed after the last one.

    For example:
    $ distil sandbox clean
    $ distil sandbox clean --all

    Args:
        everything: Also containers of living runs: their programs in flight become infra_error.
    """
    from docker.errors import DockerException

    client = connect()
    with closing(client):
        try:
            removed = reap(client.api, everything)
        except (DockerException, OSError) as error:
            raise SandboxError(f"Docker could not remove a container: {error}") from error
    for container in removed:
        print(f"removed {container[:12]}")
    print(f"{len(removed)} removed")


def bench(
    sandbox: SandboxName = "docker",
    rounds: int = 3,
    threads: int = 8,
    places: int = 4,
    alone: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
    json_line: Json = False,
) -> None:
    """Time small programs in a warm sandbox, against `docker run` and `docker exec` in the same run.

    For example:
    $ distil sandbox bench
    $ distil sandbox bench --sandbox bubblewrap --rounds 1 --alone

    Args:
        sandbox: The back-end to measure.
        rounds: Times that each is measured, in turn: a busy machine slows all alike.
        threads: Programs asked for at a time, at full load.
        places: Programs that run at a time. Small ones wait for each other's ends: a few more than processors pay.
        alone: Leave `docker run` and `docker exec` out.
        json_line: One JSON object instead of a table.
    """
    with closing(make_sandbox(sandbox, places=places)) as made:
        ways = measure(made, rounds, threads, None if alone else IMAGE)
    if json_line:
        print(json.dumps({way.name: _figures(way) for way in ways}))
        return
    table = Table(
        "",
        "median",
        "p95",
        "runs",
        "programs/s, 1 thread",
        f"{threads} threads",
        "against docker run",
        title=f"sandbox, {places} places",
    )
    base = next((way for way in ways if way.name == "docker run"), None)
    for way in ways:
        ratio = ""
        if base is not None and way is not base:
            ratio = (
                f"{base.median_s / way.median_s:.0f} times one at a time, "
                f"{way.per_second / base.per_second:.0f} times at full load"
            )
        table.add_row(
            Text(way.name),
            f"{1e3 * way.median_s:.1f} ms",
            f"{1e3 * way.p95_s:.1f} ms",
            str(len(way.alone_s)),
            f"{way.alone_per_second:.1f}",
            f"{way.per_second:.1f}",
            ratio,
        )
    console().print(table)
    if base is not None:
        times = ways[0].per_second / base.alone_per_second
        print(f"{ways[0].name}, at full load, does {times:.0f} times what docker run does one at a time")


def _figures(way: Way) -> dict[str, float]:
    return {
        "median_s": way.median_s,
        "p95_s": way.p95_s,
        "alone_per_second": way.alone_per_second,
        "per_second": way.per_second,
        "runs": len(way.alone_s),
    }


def selftest(
    sandbox: Annotated[str, tyro.conf.arg(metavar="auto|docker|bubblewrap|subprocess")] = "auto",
    only: Annotated[tuple[str, ...], tyro.conf.arg(metavar="EFFECT")] = (),
    runtime: str | None = None,
    json_lines: Json = False,
) -> None:
    """Try from inside what untrusted code would like to do, and judge from outside whether it could.

    The exit status is 1 if an effect that the back-end does not list as an exception is broken, or could not be shown.
    `subprocess` isolates nothing, so there most are; what would hurt the machine is not tried where it is not held.

    For example:
    $ distil sandbox selftest
    $ distil sandbox selftest --sandbox bubblewrap --json
    $ distil sandbox selftest --only tcp host-files fork-bomb

    Args:
        sandbox: The back-end.
        only: These effects, and what they need.
        runtime: Of Docker, such as `runsc` (gVisor) or `kata`; by default the daemon's default.
        json_lines: One JSON object a line, as the findings come, instead of a table.
    """
    if sandbox == "auto":
        with closing(make_sandbox()) as taken:
            sandbox = taken.name
    options = {"places": 1} if runtime is None else {"places": 1, "runtime": runtime}
    found = []
    for finding in findings_of(lambda: make_sandbox(sandbox, **options), only):
        found.append(finding)
        if json_lines:
            print(json.dumps(_finding(finding)), flush=True)
    if not json_lines:
        console().print(_findings(found))
        counts = Counter(finding.verdict for finding in found)
        print(f"{sandbox}: {', '.join(f'{counts[verdict]} {verdict}' for verdict in Verdict)}, of {len(found)} effects")
    if failures(found):
        raise SystemExit(1)


def _findings(found: list[Finding]) -> Table:
    styles = {Verdict.HELD: "green", Verdict.LISTED: "yellow", Verdict.SKIPPED: "yellow"}
    table = Table("effect", "", "what must hold", "seen")
    for at, finding in enumerate(found):
        if at and found[at - 1].effect.group != finding.effect.group:
            table.add_section()
        because = f" (listed: {finding.reason})" if finding.reason else ""
        verdict = Text(finding.verdict, style=styles.get(finding.verdict, "bold red"))
        table.add_row(Text(finding.effect.name), verdict, Text(finding.effect.claim), Text(finding.evidence + because))
    return table


def _finding(finding: Finding) -> dict[str, str]:
    effect = finding.effect
    about = {"group": effect.group, "effect": effect.name, "verdict": finding.verdict, "claim": effect.claim}
    return {**about, "evidence": finding.evidence, "reason": finding.reason}
