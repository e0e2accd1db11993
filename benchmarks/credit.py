"""Learners' credit beside true advantages, on the toy model in its three dialects: results and docs/credit.png.

    python benchmarks/credit.py            measures everything (minutes of one core), then writes figure and page
    python benchmarks/credit.py rule       measures one dialect anew
    python benchmarks/credit.py --page     makes figure and page of the results that there are

The tables of docs/credit.md stand between two marks and are replaced; its words are not.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from rich.console import Console
from rich.progress import track

from agents import Trainer, TrainerConfig
from agents.config import EnvConfig
from agents.credit_truth import CreditConfig, Measure, agreement, difference
from agents.credit_truth.score import Floats, finite
from agents.learners import CE, GKD, GRPO, OPD, OPSD, RFT, RLOO, SDPO, SFT, DAgger, DistIL, Learner, MaxRL, MiniLLM
from feedback.context import ContextTemplate
from feedback.experts.self_teacher import SelfTeacher

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "credit.json"
PAGE = HERE.parent / "docs" / "credit.md"
FIGURE = HERE.parent / "docs" / "credit.png"
BEGIN, END = "<!-- tables: benchmarks/credit.py -->", "<!-- end of tables -->"
ENVIRONMENTS = {
    "rule": {"tasks": "toy/rule@2", "num_tasks": 128, "max_new_tokens": 7, "max_prompt_tokens": 16},
    "function": {"tasks": "toy/function@1-2", "num_tasks": 128, "max_new_tokens": 12, "max_prompt_tokens": 32},
    "fact": {"tasks": "toy/fact", "num_tasks": 64, "max_new_tokens": 6, "max_prompt_tokens": 16},
}
TAUGHT_STEPS = 45
"""Updates of SFT that the policy on facts has had: the toy model itself knows none, so nothing hangs on its tokens."""


@dataclass
class Undrawn(DAgger):
    """DAgger on the rollouts at hand: all of them once, not a draw from what was gathered."""

    def aggregate(self) -> int:
        return 0


@dataclass(frozen=True)
class Row:
    """A learner with its feedback."""

    learner: Learner
    feedback: str = "answer"
    show_attempt: bool = False


def learners() -> dict[str, Row]:
    """All that are compared. One frozen self-teacher; where the feedback is about the attempt, it reads that too."""
    found = {
        "CE (SDFT; DistIL, w = 0)": Row(CE()),
        "DistIL, w = 0.1": Row(DistIL(future_weight=0.1)),
        "DistIL, w = 1": Row(DistIL(future_weight=1.0)),
        "DistIL, w = 1, no baseline": Row(DistIL(future_weight=1.0, baseline="none")),
        "DistIL, w = 1, KL cost": Row(DistIL(future_weight=1.0, cost="kl")),
        "DistIL, w = 1, length-normalised": Row(DistIL(future_weight=1.0, length_normalise=True)),
        "DistIL, w = 1, ρ raw": Row(DistIL(future_weight=1.0, divergence_weight="raw")),
        "SDPO, reverse KL": Row(SDPO(alpha=1.0, top_k=None)),
        "OPSD (JSD)": Row(OPSD()),
        "GKD, β = 0.1, half data": Row(GKD(beta=0.1, student_share=0.5)),
        "OPD": Row(OPD()),
        "MiniLLM": Row(MiniLLM()),
        "DAgger, not drawn": Row(Undrawn()),
        "SFT": Row(SFT()),
        "RFT": Row(RFT()),
        "GRPO": Row(GRPO()),
        "RLOO": Row(RLOO()),
        "MaxRL": Row(MaxRL()),
    }
    for feedback in ("diagnosis", "binary"):
        for name, learner in (("CE", CE()), ("DistIL, w = 1", DistIL(future_weight=1.0))):
            found[f"{name}, {feedback}"] = Row(learner, feedback, show_attempt=True)
    full = DistIL(future_weight=1.0, charge="full-sum")
    found["DistIL, w = 1, full sum, binary"] = Row(full, "binary", show_attempt=True)
    return found


PAIRS = (
    ("DistIL, w = 1", "CE (SDFT; DistIL, w = 0)"),
    ("DistIL, w = 1", "DistIL, w = 1, no baseline"),
    ("DistIL, w = 1", "RLOO"),
    ("CE (SDFT; DistIL, w = 0)", "RLOO"),
    ("SFT", "RLOO"),
)
ORACLE = "the true advantage itself"


@dataclass
class Options:
    """What to run."""

    dialects: tyro.conf.Positional[tuple[str, ...]] = tuple(ENVIRONMENTS)
    """Which dialects to measure; several processes may share them."""
    page: tyro.conf.FlagCreatePairsOff[bool] = False
    """Measure nothing: make figure and page of the results that there are."""


def main(options: Options) -> None:
    """Run, unless only the page is asked for; then write, once all dialects are there."""
    torch.set_num_threads(1)
    for dialect in () if options.page else options.dialects:
        began = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            found = run(dialect, Path(folder))
        found["cpu_seconds"] = round(time.process_time() - began)
        results = read() | {dialect: found}
        RESULTS.write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    results = {name: found for name in ENVIRONMENTS if (found := read().get(name))}
    if len(results) == len(ENVIRONMENTS):
        draw(results)
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        page = [before, BEGIN, "\n\n", tables(results), "\n", END, rest.partition(END)[2]]
        PAGE.write_text("".join(page), encoding="utf-8")


def read() -> dict[str, Any]:
    """Results by dialect."""
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    return found


def run(dialect: str, folder: Path) -> dict[str, Any]:
    """One dialect: its truth, and every learner beside it."""
    config = CreditConfig(
        environment=EnvConfig(**ENVIRONMENTS[dialect]), tasks=24, tries=16, seeds=(0, 1), branches=64,
        micro_batch_tokens=1024,
    )  # fmt: skip
    if dialect == "fact":
        config = replace(config, model=taught(config, folder / "taught"))
    with Measure(config) as measure:
        say = Console(stderr=True).print
        measure.run(lambda text: say(f"{dialect}: {text}"))
        of, where = measure.branched, measure.branched.where
        reward = measure.truth("reward", config)
        assert reward is not None
        rows: dict[str, Any] = {}
        pushes: dict[str, Floats] = {}
        for name, row in track(learners().items(), description=dialect, console=Console(stderr=True)):
            expert = SelfTeacher(context=ContextTemplate(show_attempt=row.show_attempt))
            own = replace(config, learner=row.learner, feedback=row.feedback, expert=expert)
            report = measure.report(own)
            rows[name], pushes[name] = report.to_dict(), report.credits["push"]
        chance = np.exp([of.rollouts[s].logprobs[r][place] for s, r, _, place in of.tokens.tolist()])
        exact = agreement(reward.mean * (1 - chance), reward.mean, where, seed=config.seed)
        pairs = {
            f"{a} − {b}": finite(difference(pushes[a], pushes[b], reward.mean, where, seed=config.seed))
            for a, b in PAIRS
        }
        return {
            "told": measure.told(),
            "tasks": len(of.tasks),
            "success": float(np.mean(of.success)),
            "tokens": len(of.tokens),
            "completions": len(of.open) * config.branches,
            "learners": rows,
            ORACLE: exact.to_dict(),
            "pairs": pairs,
        }


def taught(config: CreditConfig, folder: Path) -> str:
    """Path of the toy model after some SFT on the facts."""
    settings = TrainerConfig(
        model="tiny", env=config.env, feedback="answer", learner=SFT(), environment=config.environment, seed=999,
        steps=TAUGHT_STEPS, tasks_per_step=16, group_size=4, learning_rate=1e-3, eval_every=0, eval_tasks=0,
        base_shots=0, demonstrations=0, record_groups=0, run_dir=str(folder),
    )  # fmt: skip
    Trainer(settings, console=Console(quiet=True)).train()
    return str(folder / "model")


def mean_of(row: Mapping[str, Any], truth: str, credit: str, kind: str) -> float | None:
    """A learner's correlation in one dialect, None where it has none."""
    found = row["agreement"].get(truth, {}).get(credit, {}).get(kind)
    return None if found is None else float(found["mean"])


def order(results: Mapping[str, Any]) -> list[str]:
    """Learners by the mean over dialects of push against reward, the highest first."""
    dialects = results.values()

    def mean(name: str) -> float:
        found = (mean_of(each["learners"][name], "reward", "push", "pearson") for each in dialects)
        return sum(value or 0.0 for value in found) / len(dialects)

    return sorted(next(iter(dialects))["learners"], key=mean, reverse=True)


def tables(results: Mapping[str, Any]) -> str:
    """Markdown of the three tables."""
    dialects = results
    lines = [
        "| push against the true advantage of the reward | " + " | ".join(dialects) + " | mean |",
        "|---" * 5 + "|",
    ]
    oracle = [each[ORACLE]["pearson"] for each in dialects.values()]
    lines.append(f"| *{ORACLE}* | " + " | ".join(map(interval, oracle)) + f" | {number([o['mean'] for o in oracle])} |")
    for name in order(results):
        own = [each["learners"][name]["agreement"]["reward"]["push"]["pearson"] for each in dialects.values()]
        means = [None if each is None else each["mean"] for each in own]
        lines.append(f"| {name} | " + " | ".join(map(interval, own)) + f" | {number(means)} |")
    ceilings = [each["learners"]["RLOO"]["truths"]["reward"]["ceilings"]["pearson"] for each in dialects.values()]
    lines.append("| *most that the noise of the truth allows* | " + " | ".join(f"{c:.2f}" for c in ceilings) + " | |")
    columns = (
        ("same place", "reward", "push", "same_place"), ("ranks", "reward", "push", "spearman"),
        ("coefficient", "reward", "coefficient", "pearson"), ("cost", "cost", "push", "pearson"),
    )  # fmt: skip
    lines += ["", "| mean of the dialects | " + " | ".join(c[0] for c in columns) + " |", "|---" * 5 + "|"]
    for name in order(results):
        cells = [number([mean_of(d["learners"][name], *c[1:]) for d in dialects.values()]) for c in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "| difference, paired | " + " | ".join(dialects) + " |", "|---" * 4 + "|"]
    for pair in next(iter(dialects.values()))["pairs"]:
        lines.append(
            f"| {pair} | " + " | ".join(interval(each["pairs"][pair], "+") for each in dialects.values()) + " |"
        )
    lines.append("")
    lines += [f"- {name}: {each['told'].partition(': at most')[0]}." for name, each in dialects.items()]
    return "\n".join(lines) + "\n"


def interval(found: Mapping[str, float] | None, sign: str = "") -> str:
    return (
        "none" if found is None else f"{found['mean']:{sign}.2f} [{found['low']:{sign}.2f}, {found['high']:{sign}.2f}]"
    )


def number(values: list[float | None]) -> str:
    """Mean; a dialect without credit counts as 0."""
    return "none" if all(v is None for v in values) else f"{sum(v or 0.0 for v in values) / len(values):.2f}"


def draw(results: Mapping[str, Any]) -> None:
    """One panel a dialect, learners by rank, with intervals."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = order(results)[::-1]
    figure = Figure(figsize=(11, 0.26 * len(names) + 1.4), layout="constrained")
    FigureCanvasAgg(figure)
    for axis, (dialect, found) in zip(figure.subplots(1, 3, sharey=True), results.items(), strict=True):
        for truth, color, off in (("reward", "tab:blue", 0.12), ("cost", "tab:orange", -0.12)):
            for at, name in enumerate(names):
                value = found["learners"][name]["agreement"].get(truth, {}).get("push", {}).get("pearson")
                if value is None:
                    continue
                label = {"reward": "reward", "cost": "less cross-entropy to the expert"}[truth] if not at else None
                axis.plot([value["low"], value["high"]], [at + off] * 2, color=color, linewidth=1.2)
                axis.plot(value["mean"], at + off, "o", color=color, markersize=4, label=label)
        axis.axvline(0, color="0.7", linewidth=0.8)
        axis.axvline(found[ORACLE]["pearson"]["mean"], color="0.4", linewidth=0.9, linestyle=":")
        axis.set(title=dialect, xlim=(-0.4, 1), yticks=range(len(names)), yticklabels=names)
        axis.grid(axis="x", alpha=0.3)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), fontsize=8, loc="outside upper left")
    figure.supxlabel("correlation of the push on a token with its true advantage (dotted: the truth as credit)", size=9)
    figure.savefig(FIGURE, dpi=140)


if __name__ == "__main__":
    main(tyro.cli(Options))
