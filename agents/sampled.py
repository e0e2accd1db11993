"""What a run sampled, by bucket (one level of one family): counted in each step's row, drawn when the run ends."""

from __future__ import annotations

import colorsys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from distil_envs import Status, Task
from distil_envs.buckets import Running, bucket_of

Row = Mapping[str, Any]
Sampled = tuple[Task, float | None]
"""A task, and whether its episode succeeded (0 or 1); None where grading failed on our side."""

MOST = 12
"""Names that one picture tells apart; the rest, those sampled least, are drawn as one."""
BINS = 30
"""Steps are drawn in at most so many bins."""


def results(episodes: Iterable[Row]) -> list[Sampled]:
    """Task and success of every episode of the log (`Episode.to_dict`)."""
    statuses = ((episode["task"], episode["attempts"][-1]["outcome"]["status"]) for episode in episodes)
    return [
        (Task.from_dict(task), None if status == Status.INFRA_ERROR else float(status == Status.CORRECT))
        for task, status in statuses
    ]


def figures(sampled: Iterable[Sampled]) -> dict[str, float]:
    """For each bucket that was sampled, ``sampled/<bucket>``, its episodes, and ``success/<bucket>``, the share of the
    graded ones that succeeded (absent where none was graded).
    """
    by_bucket: dict[str, list[float | None]] = {}
    for task, success in sampled:
        by_bucket.setdefault(str(bucket_of(task)), []).append(success)
    found: dict[str, float] = {}
    for name, successes in sorted(by_bucket.items()):
        found[f"sampled/{name}"] = float(len(successes))
        if graded := [success for success in successes if success is not None]:
            found[f"success/{name}"] = sum(graded) / len(graded)
    return found


def draw_sampled(path: Path, title: str, metrics: Sequence[Row], half_life: float) -> None:
    """Share of each bucket in what was sampled, and its running success rate (`Running`), over steps.

    Nothing is drawn where there is but one bucket. More than `MOST` are drawn twice, by level and by family.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    buckets = {name for row in metrics for name, _, _ in _sampled(row)}
    if len(buckets) < 2:
        return
    views: Sequence[Callable[[str], str]] = (str,)
    if len(buckets) > MOST:
        views = [view for view in (_level, _family) if len(set(map(view, buckets))) > 1]
    figure = Figure(figsize=(7.2 * len(views), 6.4), layout="constrained")
    FigureCanvasAgg(figure)
    for upper, lower, view in zip(*figure.subplots(2, len(views), sharex=True, squeeze=False), views, strict=True):
        _draw(upper, lower, metrics, view, half_life)
    figure.suptitle(title)
    scratch = path.with_name(f".{path.name}.new")
    figure.savefig(scratch, dpi=150, format="png")
    scratch.replace(path)


def _draw(upper: Any, lower: Any, metrics: Sequence[Row], view: Callable[[str], str], half_life: float) -> None:
    """Shares as stacked areas above, success rates as lines below."""
    total = Counter[str]()
    for row in metrics:
        for bucket, episodes, _ in _sampled(row):
            total[view(bucket)] += episodes
    shown = sorted((name for name, _ in total.most_common(MOST)), key=lambda name: (_family(name), _depth(name)))
    names = shown if len(total) <= MOST else [*shown, "others"]
    colors = [*_colors(shown), (0.75, 0.75, 0.75)][: len(names)]

    steps, running = [row["step"] for row in metrics], Running(half_life)
    counts = {name: [0] * len(steps) for name in names}
    rates: dict[str, dict[int, float]] = {name: {} for name in names}
    for place, row in enumerate(metrics):
        for bucket, episodes, success in _sampled(row):
            name = view(bucket) if view(bucket) in shown else "others"
            counts[name][place] += episodes
            if success is not None:
                running.add(row["step"], [(name, success)] * episodes)
                successes, number = running.at(name, row["step"])
                rates[name][row["step"]] = successes / number
    edges, shares = _binned(steps, [counts[name] for name in names])
    upper.stackplot(edges, shares, labels=names, colors=colors, step="post", linewidth=0)
    for name, color in zip(names, colors, strict=True):
        lower.plot(list(rates[name]), list(rates[name].values()), color=color, marker=".", markersize=3, linewidth=1.2)
    upper.set(ylabel="share of episodes", ylim=(0, 1), xlim=(edges[0], edges[-1]))
    handles, labels = upper.get_legend_handles_labels()
    upper.legend(handles[::-1], labels[::-1], fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    lower.set(xlabel="step", ylabel=f"success rate (half-life {half_life:g} steps)", ylim=(-0.03, 1.03))
    lower.grid(alpha=0.3)


def _binned(steps: Sequence[int], counts: Sequence[Sequence[int]]) -> tuple[list[float], list[list[float]]]:
    """Edges of bins of steps, and each row's share of the counts in each bin, the last one twice: up to its edge."""
    width = -(-len(steps) // BINS)
    starts = range(0, len(steps), width)
    sums = [[sum(row[start : start + width]) for start in starts] for row in counts]
    whole = [sum(column) for column in zip(*sums, strict=True)]
    shares = [[part / all_of_it for part, all_of_it in zip(row, whole, strict=True)] for row in sums]
    edges = [steps[start] - 0.5 for start in starts] + [steps[-1] + 0.5]
    return edges, [[*row, row[-1]] for row in shares]


def _sampled(row: Row) -> Iterator[tuple[str, int, float | None]]:
    """Buckets of a step's row, with episodes and success."""
    for name, value in row.items():
        kind, _, bucket = name.partition("/")
        if kind == "sampled":
            yield bucket, int(value), row.get(f"success/{bucket}")


def _family(bucket: str) -> str:
    return bucket.rpartition("@")[0] if _depth(bucket) >= 0 else bucket


def _level(bucket: str) -> str:
    return f"level @{_depth(bucket)}" if _depth(bucket) >= 0 else "no level"


def _depth(bucket: str) -> int:
    level = bucket.rpartition("@")[2]
    return int(level) if level.isdecimal() else -1


def _colors(names: Sequence[str]) -> list[tuple[float, float, float]]:
    """A hue for each family, darker with the level."""
    families = list(dict.fromkeys(map(_family, names)))
    colors = []
    for place, family in enumerate(families):
        levels = sum(_family(name) == family for name in names)
        hue = (0.58 + place / len(families)) % 1.0
        colors += [colorsys.hls_to_rgb(hue, 0.8 - 0.5 * (level + 0.5) / levels, 0.6) for level in range(levels)]
    return colors
