"""The theory as a picture: bandit, length, peek and variance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from agents.theory import bandit, length, peek, variance

RIGHT_ARMS = "tab:blue", "tab:cyan"
WRONG_ARM = "tab:red"


def draw_theory(path: Path) -> None:
    """Write the PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, 2).ravel()
    for axes, draw in zip(panels, (_bandit, _length, _peek, _variance), strict=True):
        draw(axes)
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)
        axes.legend(fontsize=8)
    scratch = path.with_name(f".{path.name}.new")
    figure.savefig(scratch, dpi=150, format="png")
    scratch.replace(path)


def _bandit(axes: Any) -> None:
    q, p, r = bandit.instance()
    names = []
    for at, (name, alpha) in enumerate(bandit.DIVERGENCES.items()):
        steps = bandit.mirror_step(alpha, p, q).tolist()
        for arm, color in enumerate((*RIGHT_ARMS, WRONG_ARM)):
            label = f"arm {arm + 1}, reward {r[arm]:g}, q = {q[arm]:g}, p = {p[arm]:g}" if at == 0 else None
            axes.bar(at + 0.27 * (arm - 1), steps[arm], 0.25, color=color, label=label)
            axes.annotate(f"{steps[arm]:+.2g}", (at + 0.27 * (arm - 1), steps[arm]), (0, 2 if steps[arm] > 0 else -10),
                          textcoords="offset points", ha="center", fontsize=8)  # fmt: skip
        names.append(f"{name}\nΔJ = {float(bandit.mirror_gain(alpha, p, q, r)):+.4f}")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xticks(range(len(names)), names)
    axes.set_yscale("symlog", linthresh=0.1, linscale=0.5)
    axes.set(
        ylim=(-1.2, 90), ylabel="Δ log q per step size", title="One mirror step: what rises, and what the reward does"
    )


def _length(axes: Any) -> None:
    ce, kl = length.optimum(), length.optimum(kl=True)
    expert = kl.new_full(kl.shape, length.EOS_CHANCE)
    tokens = range(1, length.HORIZON + 1)
    for eos, name, style in (
        (expert, "expert", {"color": "black", "linewidth": 3, "alpha": 0.4}),
        (ce, "optimum of summed CE", {"color": "tab:orange"}),
        (kl, "optimum with KL cost", {"color": "tab:green", "linestyle": "--"}),
    ):
        axes.plot(tokens, eos, label=f"{name}: {length.expected_length(eos):.2f} tokens expected", **style)
    axes.set(
        xlabel="token", ylabel="chance to end here", ylim=(0, 0.75), title="Summed cross-entropy pays for ending early"
    )


def _peek(axes: Any) -> None:
    weights = np.linspace(0, 10, 101)
    chances = [peek.fixed_point(float(weight)) for weight in weights]
    axes.plot(weights, chances, color="tab:blue", label="q(peek)")
    axes.plot(weights, [peek.reward(peek.policy(each)) for each in chances], color="tab:green", label="reward J")
    axes.axhline(peek.PEEK, color="black", linestyle=":", label="the expert's chance to peek")
    for weight in (0.0, *peek.FIXED_POINTS):
        chance = peek.fixed_point(weight)
        axes.plot(weight, chance, "o", color="tab:blue", markersize=5)
        axes.annotate(f"{chance:.2f}", (weight, chance), (6, -10), textcoords="offset points", fontsize=8)
    axes.set(
        xlabel="future weight w (0: local credit)",
        xlim=(-0.4, 10.9),
        ylim=(0.2, 1.0),
        title="To peek, and then know: only the future term helps",
    )


def _variance(axes: Any) -> None:
    found = {T: variance.variances(T) for T in variance.LENGTHS}
    for name, marker in zip(reversed(variance.ESTIMATORS), "vs^oDx", strict=True):
        axes.plot(variance.LENGTHS, [found[T][name] for T in variance.LENGTHS], marker=marker, markersize=5, label=name)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(variance.LENGTHS, [str(T) for T in variance.LENGTHS])
    axes.set(
        xlabel="length T", ylabel="variance of a rollout's gradient", ylim=(0.1, 1e9), title="A baseline is essential"
    )
