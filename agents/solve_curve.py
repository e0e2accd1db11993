"""The discovery curve: how many of the seeds had a success within k completions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agents.solve_arm import Result
from agents.statistics import Interval, proportion_interval

COLORS = {"learn": "tab:blue", "best-of-n": "tab:orange", "retry": "tab:green"}


def discovery(results: Sequence[Result], k: int) -> Interval:
    """discovery@k, the share of these seeds that were solved within k completions, with its 95 % Wilson interval.

    k is at most the budget that all had. Raises ValueError without results.
    """
    return proportion_interval(sum(each.solved and each.completions <= k for each in results), len(results))


def draw_discovery(path: Path, title: str, results: Sequence[Result], budget: int) -> None:
    """discovery@k of every arm over k, up to the budget, with Wilson bands."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    ks = range(1, budget + 1)
    for arm, color in COLORS.items():
        own = [each for each in results if each.arm == arm]
        if not own:
            continue
        curve = [discovery(own, k) for k in ks]
        axes.step(ks, [at.mean for at in curve], where="post", color=color, label=f"{arm}, {len(own)} seeds")
        low, high = [at.low for at in curve], [at.high for at in curve]
        axes.fill_between(ks, low, high, step="post", color=color, alpha=0.1, linewidth=0)
        for end in (low, high):  # where bands overlap, their ends still tell them apart
            axes.step(ks, end, where="post", color=color, linewidth=0.7, linestyle=":")
    axes.set_xscale("log", base=2)
    ticks = [2**power for power in range(budget.bit_length())]
    axes.set_xticks(ticks, map(str, ticks))
    axes.set(xlabel="completions k", ylabel="share of seeds solved within k (95 % Wilson)", title=title)
    axes.set(xlim=(1, max(budget, 2)), ylim=(-0.03, 1.03))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="upper left")
    scratch = path.with_name(f".{path.name}.new")
    figure.savefig(scratch, dpi=150, format="png")
    scratch.replace(path)
