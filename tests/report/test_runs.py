"""Runs as they lie on the disk, whole or broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.report import write_report
from agents.report.episodes import pack
from agents.report.runs import Run, find_runs
from agents.report.summary import summarise
from distil_envs.errors import ConfigError
from tests.report.conftest import STEPS, rows
from tests.report.reading import all_of, groups

LOGS = ("metrics.jsonl", "evaluations.jsonl", "episodes.jsonl")


@pytest.mark.parametrize("log", LOGS)
def test_a_run_without_a_log_is_reported_and_told(run: Path, tmp_path: Path, log: str) -> None:
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / log).unlink()
    made = write_report([tmp_path / "run"], tmp_path / "report.html")
    assert f"no {log}" in made.problems["run"]
    assert f"no {log}" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_run_of_a_configuration_alone_is_reported(run: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    shutil.copy(run / "config.yaml", tmp_path / "run")
    made = write_report([tmp_path / "run"], tmp_path / "report.html")
    assert made.episodes == made.figures == 0
    assert made.problems["run"] == [
        "no metrics.jsonl",
        "no evaluations.jsonl",
        f"unfinished: 0 of {STEPS} steps",
        "no episodes.jsonl",
    ]


@pytest.mark.parametrize("limit", ["samples", "tokens", "seconds"])
def test_a_run_is_over_when_its_nearest_limit_is_reached(run: Path, tmp_path: Path, limit: str) -> None:
    logged = rows(run, "metrics.jsonl")
    spent = {
        "samples": sum(row["samples"] for row in logged),
        "tokens": sum(row["tokens"] for row in logged),
        "seconds": sum(row["seconds_rollout"] + row["seconds_update"] for row in logged),
    }[limit]
    shutil.copytree(run, tmp_path / "run")
    config = yaml.safe_load((run / "config.yaml").read_text()) | {"steps": 100_000}

    def problems(most: float) -> list[str]:
        (tmp_path / "run" / "config.yaml").write_text(yaml.safe_dump(config | {"limits": {limit: most}}))
        return find_runs([tmp_path / "run"])[0].problems

    assert problems(spent) == []
    assert problems(spent * 2) == [f"unfinished: 50.0% of the limit that is nearest, after {STEPS} steps"]


def test_rows_that_are_none_are_left_out_and_counted(altered: Callable[..., Path], run: Path, tmp_path: Path) -> None:
    whole = rows(run, "episodes.jsonl")
    folder = altered(
        "episodes.jsonl", lambda _: [{"step": 1}, {"step": 1, "task": 3, "attempts": []}, {"no": 1}, *whole]
    )
    with (folder / "episodes.jsonl").open("a") as file:
        file.write('{"step": 1, "reward": NaN}\n[[[\n{"step": 2, "task"')
    (told,) = write_report([folder], tmp_path / "report.html").problems.values()
    assert told == [
        "episodes.jsonl: the last line is torn and left out",
        "episodes.jsonl: 3 lines hold no row with a step and are left out, the first is line 3",
        "episodes.jsonl: 2 rows are no episodes and are left out",
    ]
    assert len(all_of(pack(groups(folder), 10_000).words)) == len(all_of(pack(groups(run), 10_000).words))


@settings(max_examples=25)
@given(data=st.data())
def test_however_a_log_is_cut_or_mangled_there_is_a_report(
    data: st.DataObject, run: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    for log in ("config.yaml", *LOGS):
        content = (run / log).read_bytes()
        if log != "config.yaml":
            content = content[: data.draw(st.integers(0, len(content)), log)]
            at = data.draw(st.integers(0, len(content)))
            content = (
                content[:at]
                + data.draw(st.sampled_from([b"", b"\x00", b"\n", b'"', b"}", b"\xff", b"null"]))
                + content[at + 3 :]
            )
        (folder / log).write_bytes(content)
    found = groups(folder)
    packed = pack(found, 10_000)
    assert len(all_of(packed.words)) == len(packed.index["step"])
    summarise(found[0])


def test_what_is_no_run_is_told(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no run in .*expected a config.yaml there .*give the --run-dir"):
        find_runs([tmp_path])
    with pytest.raises(ConfigError, match="needs a run"):
        find_runs([])
    for content, told in (("a: [", "config.yaml, line 1: not valid YAML"), ("- 1", "must hold options")):
        (tmp_path / "config.yaml").write_text(content)
        with pytest.raises(ConfigError, match=told) as raised:
            find_runs([tmp_path])
        assert "\n" not in str(raised.value)
    with pytest.raises(ConfigError, match=r"cannot write .*--output"):
        write_report([run], tmp_path / "nowhere" / "report.html")


def test_runs_of_one_name_are_called_by_their_paths(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "b" / run.name)
    assert [found.name for found in find_runs([run, tmp_path / "b" / run.name])] == [
        str(run),
        str(tmp_path / "b" / run.name),
    ]


def test_a_run_that_is_no_mapping_anywhere_has_a_name(tmp_path: Path) -> None:
    run = Run(tmp_path, "odd", {"learner": None, "environment": None})
    assert (run.setting, run.learner) == ("unknown environment", "None")


def test_it_needs_no_torch(repository: Path) -> None:
    program = "import sys, agents.cli.report, agents.report; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=repository)
