"""What a bench found (``comparison.json`` of its folder), as tables and figures."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.limits import SPENT
from agents.report.estimates import stored
from agents.report.figures import COLORS, SHARE, Drawn, color_of, curves, printable, slug
from agents.report.groups import Point
from agents.report.summary import interval, range_of
from agents.statistics import Interval
from distil_envs.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FILE = "comparison.json"
VERSION = 2
"""Of what the file holds."""
Values = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """A learner in a figure."""

    label: str
    place: int
    value: Interval
    by_seed: tuple[float, ...]
    before: float
    curve: tuple[Point, ...]
    success: tuple[Point, ...]


@dataclass(frozen=True)
class Comparison:
    """What stands in a report, as text and figures."""

    path: str
    cells: dict[str, tuple[str, int]]
    """Learners, by the folders of their runs: how the plan calls them, and their places."""
    finished: int
    planned: int
    best: bool
    """Whether each run's best checkpoint counts."""
    overall: list[Values]
    """A table for each feedback and model: learners over all environments."""
    choices: list[Values]
    """A table for each setting whose learners chose options for themselves: what they tried."""
    tables: list[Values]
    """A table for each setting: what every learner reached and spent, and the first one's lead over it."""
    figures: list[list[Drawn]]
    """Of each setting: what is measured after training, and over the budget, and success while learning."""


def read_comparison(folder: Path, name: str) -> Comparison | None:
    """What a bench's folder holds of it; None where there is nothing. Names of figures begin with `name`.

    Raises ConfigError for a file that `distil bench` did not write.
    """
    file = folder.expanduser() / FILE
    if not file.is_file():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if found["version"] != VERSION:
            raise ValueError(f"its version is {found['version']!r}, and this reads {VERSION}")
        places = {learner: place for place, learner in enumerate(found["learners"])}
        return Comparison(
            str(folder),
            {name: (learner, places[learner]) for name, learner in found["cells"].items()},
            found["finished"],
            found["planned"],
            found["checkpoint"] == "best",
            list(_overall(found["overall"], places)),
            list(_choices(found["choices"], found["trials"], places)),
            [_table(setting, places) for setting in found["settings"]],
            [
                list(_figures(setting, f"{name}-{number}", places))
                for number, setting in enumerate(found["settings"], 1)
            ],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        told = f"no {error}" if isinstance(error, KeyError) else error
        raise ConfigError(f"{file} cannot be read ({told}): `distil bench` writes it anew") from error


def _overall(rows: Sequence[Values], places: Mapping[str, int]) -> Iterator[Values]:
    for by in dict.fromkeys((each["feedback"], each["model"]) for each in rows):
        mine = [each for each in rows if (each["feedback"], each["model"]) == by]
        yield {
            "name": " · ".join(by),
            "first": mine[0]["learner"],
            "environments": mine[0]["environments"],
            "seeds": mine[0]["seeds"],
            "rows": [
                {
                    "label": row["learner"],
                    "color": places[row["learner"]] % len(COLORS),
                    "middle": interval(stored(row["middle"])),
                    "beaten": interval(stored(row["beaten"])) if row["beaten"] else "",
                }
                for row in mine
            ],
        }


def _choices(rows: Sequence[Values], trials: Values, places: Mapping[str, int]) -> Iterator[Values]:
    def setting_of(row: Values) -> tuple[str, ...]:
        return tuple(row["kind"][axis] for axis in ("environment", "feedback", "model"))

    for setting in dict.fromkeys(map(setting_of, rows)):
        yield {
            "name": " · ".join(setting),
            "seeds": ", ".join(map(str, trials["seeds"])),
            "tried": trials["names"],
            "rows": [
                {
                    "label": row["kind"]["learner"],
                    "color": places[row["kind"]["learner"]] % len(COLORS),
                    "values": [(_number(value), at == row["chosen"]) for at, value in enumerate(row["tried"])],
                }
                for row in rows
                if setting_of(row) == setting
            ],
        }


def _table(setting: Values, places: Mapping[str, int]) -> Values:
    leads = {each["other"]: stored(each["value"]) for each in setting["differences"]}
    levels = sorted({level for score in setting["scores"] for level in score["buckets"]})
    rows = []
    for score in setting["scores"]:
        lead, planned = leads.get(score["learner"]), len(score["seeds"]) + score["missing"]
        rows.append({
            "label": score["learner"],
            "color": places[score["learner"]] % len(COLORS),
            "seeds": f"{len(score['seeds'])} of {planned}" if score["missing"] else str(planned),
            "before": _number(score["before"]),
            "after": range_of(stored(score["value"])),
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


def _figures(setting: Values, name: str, places: Mapping[str, int]) -> Iterator[Drawn]:
    lines = tuple(_line(score, places[score["learner"]]) for score in setting["scores"])
    prefix, what = f"{name}-{slug('-'.join(setting['setting']))}", f"{setting['measure']}, {setting['on']} tasks"
    note = "after training, with its 95 % interval; circles: seeds; dashed: before"
    yield Drawn(f"{prefix}-after", what, note, lines, partial(_ends, what=what), legend=False)
    about = "over the budget; band: 95 % interval over seeds{}"
    for key, title, note in (
        ("curve", what, about.format(" and tasks")),
        ("success", "success of rollouts", about.format("") + "; of learners of whose every run it was kept"),
    ):
        having = sum(len(attrgetter(key)(line)) > 2 for line in lines)
        if having:
            draw = curves(attrgetter(key), 1.0, SHARE)
            yield Drawn(f"{prefix}-{key}", title, note, lines, draw, having > 1)


def _line(score: Values, place: int) -> Line:
    before = math.nan if score["before"] is None else score["before"]
    value, curve, success = stored(score["value"]), _points(score, "curve"), _points(score, "success")
    return Line(score["learner"], place, value, tuple(score["by_seed"]), before, curve, success)


def _points(score: Values, key: str) -> tuple[Point, ...]:
    return tuple(Point(each["share"], stored(each["value"])) for each in score[key])


def _ends(axes: Axes, lines: Sequence[Line], what: str) -> None:
    for at, line in enumerate(lines):
        color = color_of(line.place)
        if math.isfinite(line.value.high - line.value.low):
            axes.plot([line.value.low, line.value.high], [at] * 2, color=color, linewidth=3, alpha=0.5)
        axes.plot(line.by_seed, [at] * len(line.by_seed), "o", color=color, markersize=5, fillstyle="none")
        axes.plot([line.value.mean], [at], "o", color=color, markersize=5)
        axes.plot([line.before] * 2, [at - 0.4, at + 0.4], color="black", linestyle="--", linewidth=1)
    axes.set_yticks(range(len(lines)), [printable(line.label) for line in lines])
    axes.set(xlim=(-0.02, 1.02), ylim=(len(lines) - 0.4, -0.6), xlabel=what)
    axes.grid(axis="x", alpha=0.25, linewidth=0.5)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
