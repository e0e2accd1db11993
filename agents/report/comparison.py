"""What a bench found (``comparison.json`` of its folder), as tables and figures."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.report.figures import COLORS, SHARE, Drawn, colors, curves, printable, slug
from agents.report.groups import Point
from agents.report.summary import interval, range_of
from agents.statistics import Interval
from distil_envs.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FILE = "comparison.json"
VERSION = 1
"""Of what the file holds."""
SPENT = ("samples", "tokens", "seconds")


@dataclass(frozen=True)
class Line:
    """A learner in a figure."""

    label: str
    value: Interval
    by_seed: tuple[float, ...]
    before: float
    curve: tuple[Point, ...]
    success: tuple[Point, ...]


def read_comparison(folder: Path) -> dict[str, Any] | None:
    """What a bench's folder holds of it; None where there is none.

    Raises ConfigError for a file that `distil bench` did not write.
    """
    file = folder.expanduser() / FILE
    if not file.is_file():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        known = found["version"] == VERSION
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigError(f"{file} cannot be read ({error}): `distil bench` writes it anew") from error
    if not known:
        raise ConfigError(
            f"{file} has version {found['version']!r}, this reads {VERSION}: `distil bench` writes it anew"
        )
    return dict(found)


def tables(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A table for each setting: what every learner reached and spent, and the first one's lead over it."""
    return [_table(setting) for setting in found["settings"]]


def overall(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A table for each feedback and model: learners over all environments."""
    made = []
    for by in dict.fromkeys((each["feedback"], each["model"]) for each in found["overall"]):
        rows = [each for each in found["overall"] if (each["feedback"], each["model"]) == by]
        made.append({
            "name": " · ".join(by),
            "first": rows[0]["learner"],
            "environments": rows[0]["environments"],
            "seeds": rows[0]["seeds"],
            "rows": [{
                "label": row["learner"],
                "color": place % len(COLORS),
                "middle": interval(_stored(row["middle"])),
                "beaten": interval(_stored(row["beaten"])) if row["beaten"] else "",
            } for place, row in enumerate(rows)],
        })  # fmt: skip
    return made


def comparison_figures(found: Mapping[str, Any], name: str) -> list[list[Drawn]]:
    """Of each setting: what is measured after training, and over the budget, and success while learning.

    Names of figures begin with `name`.
    """
    return [list(_figures(setting, name)) for setting in found["settings"]]


def _table(setting: Mapping[str, Any]) -> dict[str, Any]:
    leads = {each["other"]: _stored(each["value"]) for each in setting["differences"]}
    levels = sorted({level for score in setting["scores"] for level in score["buckets"]})
    rows = []
    for place, score in enumerate(setting["scores"]):
        lead, planned = leads.get(score["learner"]), len(score["seeds"]) + score["missing"]
        rows.append({
            "label": score["learner"],
            "color": place % len(COLORS),
            "seeds": f"{len(score['seeds'])} of {planned}" if score["missing"] else str(planned),
            "before": _number(score["before"]),
            "after": range_of(_stored(score["value"])),
            "lead": interval(lead, "+") if lead else "",
            "area": _number(score["area"]),
            "spent": [f"{score['spent'][name]:,.0f}" if name in score["spent"] else "–" for name in SPENT],
            "levels": [_number(score["buckets"].get(level)) for level in levels],
        })  # fmt: skip
    return {
        "name": " · ".join(setting["setting"]),
        "measure": f"{setting['measure']} on {setting['on']} tasks",
        "first": setting["scores"][0]["learner"],
        "spent": list(SPENT),
        "levels": levels,
        "rows": rows,
        "missing": any(score["missing"] for score in setting["scores"]),
    }


def _figures(setting: Mapping[str, Any], name: str) -> Iterator[Drawn]:
    lines = tuple(map(_line, setting["scores"]))
    prefix = f"{name}-{slug('-'.join(setting['setting']))}"
    what = f"{setting['measure']}, {setting['on']} tasks"
    note = "after training, with its 95 % interval; circles: seeds; dashed: before"
    yield Drawn(f"{prefix}-after", what, note, lines, _ends, legend=False)
    about = "over the budget; band: 95 % interval over seeds{}"
    for key, title, note in (
        ("curve", what, about.format(" and tasks")),
        ("success", "success of rollouts", about.format("") + "; of learners of whose every run it was kept"),
    ):
        having = sum(len(attrgetter(key)(line)) > 2 for line in lines)
        if having:
            draw = curves(attrgetter(key), 1.0, SHARE)
            yield Drawn(f"{prefix}-{key}", title, note, lines, draw, having > 1)


def _line(score: Mapping[str, Any]) -> Line:
    before = math.nan if score["before"] is None else score["before"]
    value, curve, success = _stored(score["value"]), _points(score, "curve"), _points(score, "success")
    return Line(score["learner"], value, tuple(score["by_seed"]), before, curve, success)


def _ends(axes: Axes, lines: Sequence[Line]) -> None:
    for place, (line, color) in enumerate(zip(lines, colors(lines), strict=True)):
        if math.isfinite(line.value.high - line.value.low):
            axes.plot([line.value.low, line.value.high], [place] * 2, color=color, linewidth=3, alpha=0.5)
        axes.plot(line.by_seed, [place] * len(line.by_seed), "o", color=color, markersize=5, fillstyle="none")
        axes.plot([line.value.mean], [place], "o", color=color, markersize=5)
        axes.plot([line.before] * 2, [place - 0.4, place + 0.4], color="black", linestyle="--", linewidth=1)
    axes.set_yticks(range(len(lines)), [printable(line.label) for line in lines])
    axes.set(xlim=(-0.02, 1.02), ylim=(len(lines) - 0.4, -0.6))
    axes.grid(axis="x", alpha=0.25, linewidth=0.5)


def _points(score: Mapping[str, Any], key: str) -> tuple[Point, ...]:
    return tuple(Point(each["share"], _stored(each["value"]), len(score["seeds"])) for each in score[key])


def _stored(value: Mapping[str, Any]) -> Interval:
    """An interval as JSON has it: what is not finite is None there."""
    ends = {"mean": math.nan, "low": -math.inf, "high": math.inf}
    return Interval(**{name: other if value[name] is None else value[name] for name, other in ends.items()})


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
