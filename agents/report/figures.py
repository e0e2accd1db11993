"""The figures of a report: small, one question each, drawn once and used in the page and as files."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from agents.report.groups import Group, Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = ("#3f8fd9", "#e0783a", "#35a079", "#b66fd0", "#c2972b", "#d9567f", "#5aa5b0", "#8d8d8d")
"""Of groups, in turn: each has a contrast of at least 2.9 on white and on near-black."""
STEP, SHARE = "step", "share of the budget"
"""What curves are drawn over."""
SIZE = (4.6, 2.9)
"""Inches."""


class Labelled(Protocol):
    """What a figure shows several of: groups of runs, or learners of a bench."""

    @property
    def label(self) -> str:
        """Its name in the legend."""

    @property
    def place(self) -> int:
        """It has the colour of that place."""


Draw = Callable[[Any, Sequence[Any]], None]
"""Given axes and what is to be drawn on them."""


@dataclass(frozen=True)
class Drawn:
    """One figure."""

    name: str
    """Of its file, without an ending."""
    title: str
    note: str
    """What it shows, in a sentence."""
    groups: tuple[Labelled, ...]
    """What is drawn, each in its colour."""
    draw: Draw
    legend: bool
    """Whether it holds more than one line."""


def figures(setting: str, groups: Sequence[Group], number: int) -> list[Drawn]:
    """The figures of one setting for which there are data."""
    several = any(len(group.runs) > 1 for group in groups)
    band = "band: 95 % interval over seeds and tasks" if several else "band: 95 % Wilson interval over tasks"
    made = []

    def add(name: str, title: str, note: str, points: Callable[[Group], Sequence[Point]], draw: Draw) -> None:
        having = sum(bool(points(group)) for group in groups)
        if having:
            # Those without data are there too: every one has the same colour in all figures and in the table.
            made.append(Drawn(f"{number}-{slug(setting)}-{name}", title, note, tuple(groups), draw, having > 1))

    for name in ("held-out", "pool"):
        read = _accuracy(name)
        add(name, f"accuracy, {name} tasks", f"greedy, over steps; {band}", read, curves(read, 1.0))
    over = "seeds" if several else "tasks"
    for name in ("held-out", "pool"):
        add(
            f"pass-at-k-{name}", f"pass@k, {name} tasks",
            f"temperature 1; dashed before training, solid after; band: 95 % interval over {over}",
            _either_pass_at(name), _pass_at(name),
        )  # fmt: skip
    spread = "; band: 95 % t interval over seeds" if several else ""
    for key, title, note, top in (
        ("success", "success of rollouts", "share of graded episodes that are correct", 1.0),
        ("length", "length", "tokens that the policy made in an episode", None),
        ("entropy", "entropy", "of the policy at its own tokens, nats", None),
        ("format", "readable answers", "share of attempts in which an answer could be read", 1.0),
    ):
        add(key, title, note + spread, _metric(key), curves(_metric(key), top))
    add("time", "time per phase", "mean seconds of a step", _metric("seconds_rollout"), _time)
    return made


def render(drawn: Drawn) -> Figure:
    """A matplotlib figure with nothing behind it; its ink is black where `agents.report.svg` puts the page's colour."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context({"font.size": 8.5, "text.parse_math": False, "svg.fonttype": "none", "axes.linewidth": 0.6}):
        figure = Figure(figsize=SIZE, layout="constrained")
        FigureCanvasAgg(figure)
        figure.patch.set_alpha(0.0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0.0)
        axes.spines[["top", "right"]].set_visible(False)
        drawn.draw(axes, drawn.groups)
        if drawn.legend and axes.get_legend_handles_labels()[0]:
            columns = 3 if max(len(group.label) for group in drawn.groups) < 20 else 1
            figure.legend(loc="outside lower center", ncols=columns, frameon=False, fontsize=8, handlelength=1.4)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing")  # names may be in any script
            figure.draw_without_rendering()
    return figure


Read = Callable[[Any], Sequence[Point]]


def _accuracy(name: str) -> Read:
    return lambda group: group.accuracy(name)


def _either_pass_at(name: str) -> Read:
    return lambda group: group.pass_at(name, True) or group.pass_at(name, False)


def _metric(key: str) -> Read:
    return lambda group: group.over_steps(key)


def slug(name: str) -> str:
    """A part of a file's name."""
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")


def curves(read: Read, top: float | None, over: str = STEP) -> Draw:
    """Lines with bands, one of each. `top` is the largest value that there can be; None where there is none."""

    def draw(axes: Axes, groups: Sequence[Labelled]) -> None:
        from matplotlib.ticker import MaxNLocator

        for group in groups:
            _line(axes, read(group), color_of(group.place), printable(group.label), "-")
        axes.set_xlabel(over)
        axes.grid(alpha=0.25, linewidth=0.5)
        if top is not None:
            axes.set_ylim(-0.02 * top, 1.02 * top)
        else:
            axes.set_ylim(bottom=0)
        if over == SHARE:
            axes.set_xlim(-0.02, 1.02)
            return
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        start, end = axes.get_xlim()
        if end - start < 1:  # a single point
            axes.set_xlim(round(start) - 1, round(end) + 1)

    return draw


def _pass_at(name: str) -> Draw:
    def draw(axes: Axes, groups: Sequence[Group]) -> None:
        ticks: set[float] = set()
        for group in groups:
            for last, dash in ((False, "--"), (True, "-")):
                points = group.pass_at(name, last)
                ticks |= {point.at for point in points}
                _line(axes, points, color_of(group.place), printable(group.label) if last else "", dash)
        axes.set_xscale("log", base=2)
        axes.set_xticks(sorted(ticks), [f"{int(tick)}" for tick in sorted(ticks)])
        axes.minorticks_off()
        axes.set(xlabel="k", ylim=(-0.02, 1.02))
        axes.grid(alpha=0.25, linewidth=0.5)

    return draw


def _time(axes: Axes, groups: Sequence[Group]) -> None:
    phases = list(dict.fromkeys(phase for group in groups for phase in group.phases))
    left = [0.0] * len(groups)
    for place, phase in enumerate(phases):
        widths = [group.mean(phase) or 0.0 for group in groups]
        axes.barh(
            range(len(groups)), widths, 0.6, left=left, color=color_of(place), label=phase.removeprefix("seconds_")
        )
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.set_yticks(range(len(groups)), [printable(group.label) for group in groups])
    axes.invert_yaxis()
    axes.set_xlabel("seconds a step")
    axes.set_ylim(len(groups) - 0.4 + max(0, 3 - len(groups)) * 0.5, -0.6 - max(0, 3 - len(groups)) * 0.5)
    if len(groups) == 1:  # several have one below, as other figures do
        axes.legend(frameon=False, fontsize=8, ncols=len(phases), loc="lower right")


def _line(axes: Axes, points: Sequence[Point], color: str, label: str, dash: str) -> None:
    if not points:
        return
    at, value = [point.at for point in points], [point.value.mean for point in points]
    marker = "o" if len(points) < 20 else ""
    axes.plot(at, value, color=color, linestyle=dash, marker=marker, markersize=3, linewidth=1.5, label=label or "_")
    finite = all(math.isfinite(end) for point in points for end in (point.value.low, point.value.high))
    if finite and any(point.value.low < point.value.high for point in points):
        low, high = [point.value.low for point in points], [point.value.high for point in points]
        if len(points) == 1:
            axes.plot(at * 2, [low[0], high[0]], color=color, alpha=0.4, linewidth=3)
        axes.fill_between(at, low, high, color=color, alpha=0.16, linewidth=0)


def color_of(place: int) -> str:
    """In turn."""
    return COLORS[place % len(COLORS)]


def printable(text: str) -> str:
    """Names come from configurations: what is no character is shown as one."""
    short = text if len(text) <= 60 else text[:59] + "…"
    return "".join(c if c.isprintable() else "·" for c in short)
