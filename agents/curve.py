"""The learning curve of a run as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agents.evaluate import FIRST, shares


def draw_learning_curve(
    path: Path, title: str, metrics: Sequence[dict[str, Any]], evaluations: Sequence[dict[str, Any]]
) -> None:
    """Accuracy on pool and held-out tasks with 95 % intervals, and the mean reward of the rollouts, over steps.

    Where several attempts are made, that after the first stands beside that after all.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    if metrics:
        steps = [row["step"] for row in metrics]
        axes.plot(steps, [row["reward"] for row in metrics], color="0.75", linewidth=1, label="reward of rollouts")
    styles = {"pool": ("tab:blue", "o"), "held-out": ("tab:orange", "s")}
    for name, (color, marker) in styles.items():
        rows = [row for row in evaluations if row["set"] == name and row["prompt"] == evaluations[0]["prompt"]]
        for key, dash, label in _series(rows):
            values = [shares(row)[key] for row in rows]
            axes.errorbar(
                [row["step"] for row in rows],
                [value["mean"] for value in values],
                yerr=[
                    [value["mean"] - value["low"] for value in values],
                    [value["high"] - value["mean"] for value in values],
                ],
                color=color, marker=marker, linestyle=dash, capsize=2, markersize=4, label=f"{name}: {label}",
            )  # fmt: skip
        others = [row for row in evaluations if row["set"] == name and row["prompt"] != evaluations[0]["prompt"]]
        for row in others:
            key, _, label = _series(others)[-1]
            told = f"{name}: {label}, base {row['prompt']}"
            axes.plot(row["step"], shares(row)[key]["mean"], marker, color=color, fillstyle="none", label=told)
    axes.set(xlabel="step", ylabel="share of tasks", ylim=(-0.03, 1.03), title=title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    scratch = path.with_name(f".{path.name}.new")
    figure.savefig(scratch, dpi=150, format="png")
    scratch.replace(path)


def _series(rows: Sequence[dict[str, Any]]) -> list[tuple[str, str, str]]:
    if not rows:
        return []
    if rows[0]["by_attempt"]:
        count = len(rows[0]["by_attempt"])
        return [(FIRST, ":", "after the first attempt"), ("accuracy", "-", f"after {count} attempts")]
    if "exact" in rows[0]["checks"] and "value-anywhere" in rows[0]["checks"]:
        return [("exact", "-", "exact match"), ("value-anywhere", ":", "right value anywhere")]
    return [("accuracy", "-", "accuracy")]
