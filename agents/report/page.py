"""The page: figures and tables drawn here, episodes as data for the viewer, one file that reaches for nothing.

Law 3: words of models, programs and configurations are never markup. Those in tables are escaped by the template, those
in the viewer are data that its script shows through text nodes, and the policy of the page allows no script and no
style but the two that stand in it, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2
import yaml

from agents.report.comparison import Comparison, read_comparison
from agents.report.episodes import compressed, pack
from agents.report.figures import Drawn, figures
from agents.report.groups import Group, group_runs
from agents.report.runs import Run, find_runs
from agents.report.summary import explain, summarise
from agents.report.svg import inline_svg, write_files
from agents.run_folders import has_runs
from distil_envs.errors import ConfigError

SCRIPTS = ("text.js", "data.js", "list.js", "tokens.js", "episode.js", "main.js")


@dataclass(frozen=True)
class Report:
    """What was written."""

    path: Path
    size: int
    """Bytes."""
    episodes: int
    """Episodes in the viewer, answers of evaluations included."""
    thinned: int
    """Every how many-th group of rollouts, and task of an evaluation, is in it."""
    left_out: int
    """Episodes that are not in it, for that."""
    figures: int
    problems: dict[str, list[str]]
    """What is missing or broken, by the name of the run."""


def write_report(
    paths: Sequence[Path], output: Path, *, figures_folder: Path | None = None, limit: int = 10_000
) -> Report:
    """Write the report of these runs.

    Args:
        paths: run directories, and benchmark directories, whose cells are runs, and which hold a comparison.
        output: the HTML file.
        figures_folder: also write every figure there, as PNG and SVG.
        limit: about how many episodes the viewer holds. Of more, whole groups of rollouts evenly over training, and
            of evaluations the same share of the tasks, each with all its answers.

    Raises ConfigError where there is no run, or the file cannot be written.
    """
    found, broken = _comparisons(paths)
    with_runs = [path for path in paths if path.expanduser() not in found or has_runs(path)]
    runs = find_runs(with_runs) if with_runs or not found else []
    for run in runs:
        bench = found.get(run.path.parent.parent)
        run.called, run.place = (bench.cells if bench else {}).get(run.path.name, (None, None))
    groups = group_runs(runs)
    packed = pack(groups, limit)
    drawn = 0

    def draw(made: Sequence[Drawn]) -> list[dict[str, str]]:
        nonlocal drawn
        drawn += len(made)
        if figures_folder is not None:
            _into(figures_folder)
            for figure in made:
                write_files(figure, figures_folder)
        return [{"title": f.title, "note": f.note, "svg": inline_svg(f)} for f in made]

    comparisons = [(each, [draw(made) for made in each.figures]) for each in found.values()]
    settings = []
    for number, (name, of) in enumerate(groupby(groups, key=lambda group: group.setting), 1):
        members = list(of)
        settings.append({
            "name": name,
            "rows": [summarise(group) for group in members],
            "note": explain(members),
            "figures": draw(figures(name, members, number)),
            "runs": [_options(run) for group in members for run in group.runs],
        })  # fmt: skip
    problems = broken | {run.name: run.problems for run in runs if run.problems}
    thinned = (
        f" The viewer holds one in {packed.thinned} groups of rollouts and tasks of evaluations: {packed.left_out:,} "
        "episodes are left out."
    )
    page = _render(
        title=_title(runs, groups, paths),
        comparisons=comparisons,
        settings=settings,
        problems=list(problems.items()),
        index=compressed(packed.index),
        words=packed.words,
        tokens=packed.tokens,
        footer=f"Made by distil report from {', '.join(map(str, paths))}.{thinned if packed.left_out else ''}",
    )
    try:
        output.write_text(page, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise ConfigError(f"cannot write {output}: {error.strerror}; name another file with --output") from error
    episodes = len(packed.index["step"])
    return Report(output, output.stat().st_size, episodes, packed.thinned, packed.left_out, drawn, problems)


def _comparisons(paths: Sequence[Path]) -> tuple[dict[Path, Comparison], dict[str, list[str]]]:
    """Those of the folders that are benches, by folder, and what is broken of those that have runs nevertheless."""
    found: dict[Path, Comparison] = {}
    broken: dict[str, list[str]] = {}
    for number, path in enumerate(paths, 1):
        try:
            each = read_comparison(path, f"bench{number}")
        except ConfigError as error:
            if not has_runs(path):
                raise
            broken[str(path)] = [str(error)]
        else:
            found |= {path.expanduser(): each} if each is not None else {}
    return found, broken


def _title(runs: Sequence[Run], groups: Sequence[Group], paths: Sequence[Path]) -> str:
    if len(runs) == 1:
        return runs[0].name
    return f"{len(runs)} runs, {len(groups)} configurations" if runs else ", ".join(path.name for path in paths)


def _render(**values: Any) -> str:
    folder = files("agents.report") / "template"
    style = (folder / "page.css").read_text(encoding="utf-8")
    parts = "\n".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS)
    script = f'(() => {{\n"use strict";\n{parts}}})();\n'
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; base-uri 'none'; "
        "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    jinja = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = jinja.from_string((folder / "page.html").read_text(encoding="utf-8"))
    return template.render(style=style, script=script, policy=policy, **values)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _into(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make {folder}: {error.strerror}; name another with --figures") from error


def _options(run: Run) -> dict[str, Any]:
    done = max((row["step"] for row in run.metrics), default=0)
    text = yaml.safe_dump(run.config, sort_keys=False, allow_unicode=True)
    return {"name": str(run.path), "seed": run.seed, "steps": done, "options": text}
