"""Options that cannot work, and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.cli.credit import CreditCommand, credit
from agents.cli.parsing import UsageError
from agents.cli.run_options import configure
from agents.config import EnvConfig, TrainerConfig
from agents.credit_truth import CreditConfig, Measure
from agents.learners import GRPO, RLOO
from agents.limits import Limits
from distil_envs.errors import ConfigError

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"branches": 3}, "branches must be an even number"),
        ({"positions": 0}, "positions must be at least 1"),
        ({"lowest": 0.9, "highest": 0.1}, "lowest and highest"),
        ({"seeds": ()}, "seeds must be one or several"),
        ({"tries": 0}, "tries must be at least 1"),
        ({"learner": RLOO(), "group_size": 1}, "group_size is 1"),
    ],
)
def test_options_that_cannot_work(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Measure(CreditConfig(**options))


def test_what_only_training_needs_is_no_option_and_of_a_run_s_file_nothing(tmp_path: Path) -> None:
    run = TrainerConfig(
        model="tiny", env="distil/Toy-v0", learner=GRPO(), seed=3, steps=7, limits=Limits(tokens=5), eval_at=(0.5,),
        held_out={"tasks": "toy/rule@2"}, record_groups=5, trackers=("no such tracker",), tracker_project="a/b",
    )  # fmt: skip
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(run.to_dict()))
    config = CreditConfig.load(file)
    config.validate()
    assert (config.seed, config.learner) == (3, GRPO())
    for name in (
        "steps",
        "limits",
        "eval_at",
        "held_out",
        "record_groups",
        "trackers",
        "tracker_project",
        "save_model",
    ):
        assert getattr(config, name) == getattr(CreditConfig(), name)
        with pytest.raises(UsageError):
            configure(
                CreditCommand, "distil credit", [f"--{name.replace('_', '-')}{'.tokens' * (name == 'limits')}", "1"]
            )


def test_the_measure_of_one_learner(capsys: pytest.CaptureFixture[str]) -> None:
    """The command: its cost first, then the result, in JSON what the table says."""
    words = ["--learner", "CE", "--environment.tasks", "toy/rule@1", "--environment.max-new-tokens", "6"]
    words += ["--environment.max-prompt-tokens", "16", "--tasks", "3", "--candidates", "8", "--tries", "8"]
    words += ["--branches", "8", "--seeds", "0", "--group-size", "4", "--rows", "64"]
    credit("distil credit", [*words, "--json"])
    said = capsys.readouterr()
    assert "distinct prefixes" in " ".join(said.err.split())
    report = json.loads(said.out)
    assert report["learner"] == "CE"
    assert set(report["agreement"]) == {"reward", "cost"}
    assert report["agreement"]["reward"]["push"]["pearson"]["mean"] is not None
    assert report["agreement"]["reward"]["coefficient"]["pearson"] is None  # local credit alone
    credit("distil credit", words)
    assert f"{report['agreement']['reward']['push']['pearson']['mean']:.3f}" in capsys.readouterr().out


def test_without_feedback_there_is_no_cost() -> None:
    config = CreditConfig(
        feedback=None, learner=RLOO(), tasks=2, candidates=8, tries=8, branches=4, seeds=(0,), group_size=4, rows=64,
        environment=EnvConfig(tasks="toy/rule@1", max_new_tokens=6, max_prompt_tokens=16),
    )  # fmt: skip
    with Measure(config) as measure:
        measure.run()
        assert set(measure.report(config).agreement) == {"reward"}
