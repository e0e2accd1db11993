"""The report without a browser: what it reads, what it computes, what it packs, and what it does with broken runs."""

from __future__ import annotations

import base64
import gzip
import json
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.report import write_report
from agents.report.episodes import pack
from agents.report.figures import figures
from agents.report.groups import Group, group_runs
from agents.report.runs import Run, find_runs
from agents.report.summary import summarise
from agents.report.svg import inline_svg
from agents.statistics import crossed_interval, difference_interval, mean_interval, nested_interval
from distil_envs.errors import ConfigError
from tests.report.conftest import STEPS, rows


def groups(*paths: Path) -> list[Group]:
    return group_runs(find_runs(paths))


def opened(block: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(block)))


def held_out(run: Path, step: int) -> dict[str, Any]:
    (found,) = [row for row in rows(run, "evaluations.jsonl") if (row["set"], row["step"]) == ("held-out", step)]
    return found


def all_of(blocks: list[str]) -> list[Any]:
    return [row for block in blocks for row in opened(block)]


def test_seeds_are_one_group_and_learners_are_several(bench: Path) -> None:
    found = groups(bench)
    assert [(group.label, [run.seed for run in group.runs]) for group in found] == [("DistIL", [0, 1]), ("GRPO", [0])]
    assert {group.setting for group in found} == {"distil/Toy-v0 · toy/rule@1"}


def test_the_same_run_twice_is_no_second_seed(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "copy")
    assert [(group.label, len(group.runs)) for group in groups(run, tmp_path / "copy")] == [
        ("DistIL", 1),
        ("DistIL (2)", 1),
    ]
    assert len(groups(run, run)) == 1


def test_a_label_names_what_differs(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "other")
    config = yaml.safe_load((run / "config.yaml").read_text())
    config |= {"learning_rate": 0.5, "seed": 7, "checkpoint_every": 99}
    (tmp_path / "other" / "config.yaml").write_text(yaml.safe_dump(config))
    assert [group.label for group in groups(run, tmp_path / "other")] == [
        "DistIL, learning_rate 0.001",
        "DistIL, learning_rate 0.5",
    ]


def test_curves_of_several_seeds_have_intervals_over_them(bench: Path) -> None:
    distil, grpo = groups(bench)
    cells = [bench / "cells" / name for name in ("distil-0", "distil-1")]
    logged = [{row["step"]: row["entropy"] for row in rows(cell, "metrics.jsonl")} for cell in cells]
    for point in distil.over_steps("entropy"):
        assert point.seeds == 2
        assert point.value == mean_interval([found[int(point.at)] for found in logged])
    accuracy = distil.accuracy("held-out")
    assert [point.at for point in accuracy] == [0, 2, STEPS]
    for point in accuracy:
        table = [[task["correct"] for task in held_out(cell, int(point.at))["per_task"]] for cell in cells]
        assert point.value == crossed_interval(table, shares=True)
        assert 0 <= point.value.low < point.value.high <= 1
    alone = grpo.accuracy("held-out")[-1]
    assert vars(alone.value) == held_out(bench / "cells" / "grpo-0", STEPS)["accuracy"]


def test_seeds_with_tasks_of_their_own_are_compared_by_their_means(bench: Path, tmp_path: Path) -> None:
    shutil.copytree(bench, tmp_path / "bench")
    cell = tmp_path / "bench" / "cells" / "distil-1"
    renamed = (cell / "evaluations.jsonl").read_text().replace("toy/rule/1/", "toy/rule/1/other-")
    (cell / "evaluations.jsonl").write_text(renamed)
    table = [
        [task["correct"] for task in held_out(found, STEPS)["per_task"]]
        for found in (bench / "cells" / "distil-0", cell)
    ]
    distil, _ = groups(tmp_path / "bench")
    assert distil.accuracy("held-out")[-1].value == nested_interval(table, shares=True)


def test_windows_of_steps_keep_the_mean(run: Path) -> None:
    (group,) = groups(run)
    (point,) = group.over_steps("reward", points=1)
    values = [row["reward"] for row in rows(run, "metrics.jsonl")]
    assert point.at == STEPS
    assert math.isclose(point.value.mean, sum(values) / len(values))


def test_the_change_is_paired_over_tasks_and_crossed_with_seeds(bench: Path) -> None:
    distil, grpo = groups(bench)

    def outcomes(cell: str, step: int) -> list[float]:
        return [float(task["correct"]) for task in held_out(bench / "cells" / cell, step)["per_task"]]

    paired = [after - before for before, after in zip(outcomes("grpo-0", 0), outcomes("grpo-0", STEPS), strict=True)]
    assert grpo.before_and_after("held-out")[2] == mean_interval(paired)
    after, before = ([outcomes(f"distil-{seed}", step) for seed in (0, 1)] for step in (STEPS, 0))
    assert distil.before_and_after("held-out")[2] == difference_interval(after, before)
    assert summarise(distil, 0)["seeds"] == 2


def test_blocks_hold_every_row_as_it_was_logged(run: Path, turns: Path) -> None:
    for folder in (run, turns):
        packed = pack(groups(folder), 10_000)
        index, words, tokens = packed.index, all_of(packed.words), all_of(packed.tokens)
        logged = rows(folder, "episodes.jsonl")
        assert index["step"][: len(logged)] == [row["step"] for row in logged]
        assert len(words) == len(index["step"])
        recorded = iter(tokens)
        for place, row in enumerate(logged):
            last = row["attempts"][-1]
            assert index["tasks"][index["task"][place]] == row["task"]["id"]
            assert index["statuses"][index["status"][place]] == last["outcome"]["status"]
            assert index["reward"][place] == last["outcome"]["reward"]
            assert index["length"][place] == len(row["logprobs"])
            assert words[place]["prompt"] == row["task"]["prompt"]
            for shown, attempt in zip(words[place]["attempts"], row["attempts"], strict=True):
                assert {key: shown[key] for key in ("text", "outcome", "feedback", "reply")} == {
                    key: attempt[key] for key in ("text", "outcome", "feedback", "reply")
                }
            assert index["recorded"][place] == ("tokens" in row)
            if "tokens" in row:
                found = next(recorded)
                assert {**row["tokens"], "drawn": row["logprobs"]} == found
                start, end = words[place]["attempts"][-1]["tokens"]
                assert end == len(found["text"])
                assert end - start == len(last["completion_ids"])
        assert next(recorded, None) is None
        answers = sum(len(row["per_task"]) for row in rows(folder, "evaluations.jsonl"))
        assert len(words) == len(logged) + answers


def test_what_changed_over_training_is_told(run: Path) -> None:
    index = pack(groups(run), 10_000).index
    first: dict[tuple[str, str], bool] = {}
    last: dict[tuple[str, str], bool] = {}
    for row in rows(run, "evaluations.jsonl"):
        for task in row["per_task"]:
            first.setdefault((row["set"], task["task"]), task["correct"])
            last[row["set"], task["task"]] = task["correct"]
    assert any(last[key] > first[key] for key in last), "the toy model learns"
    for place, source in enumerate(index["source"]):
        key = index["sources"][source], index["tasks"][index["task"][place]]
        if key in first:
            assert index["change"][place] == last[key] - first[key]


def test_of_many_rollouts_whole_groups_are_kept_evenly(run: Path) -> None:
    index = pack(groups(run), 50).index
    training = [place for place, source in enumerate(index["source"]) if index["sources"][source] == "training"]
    assert 0 < len(training) <= 60
    assert {index["step"][place] for place in training} == set(range(1, STEPS + 1))
    members = [index["group"][place] for place in training]
    assert {members.count(group) for group in members} == {4}


def test_of_many_answers_some_tasks_are_kept_with_all_their_answers(run: Path, tmp_path: Path) -> None:
    whole, thinned = (pack(groups(run), limit) for limit in (10_000, 50))
    assert (whole.thinned, whole.left_out) == (1, 0)
    assert len(thinned.index["step"]) <= 60
    assert thinned.left_out == len(whole.index["step"]) - len(thinned.index["step"])

    def answers(index: dict[str, Any]) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for place, source in enumerate(index["source"]):
            if index["sources"][source] != "training":
                found.setdefault(index["groups"][index["group"][place]], []).append(index["step"][place])
        return found

    kept, every = answers(thinned.index), answers(whole.index)
    assert 0 < len(kept) < len(every)
    assert all(steps == every[task] for task, steps in kept.items())
    assert {task.split("\n")[1] for task in kept} == {"pool", "held-out"}
    made = write_report([run], tmp_path / "report.html", limit=50)
    assert (made.thinned, made.left_out) == (thinned.thinned, thinned.left_out)
    assert f": {made.left_out} episodes are left out." in (tmp_path / "report.html").read_text(encoding="utf-8")


def prompts_of(*runs: Path) -> dict[tuple[str, str, str], Any]:
    """What the viewer shows as the prompt of an answer, by run, source and task."""
    packed = pack(groups(*runs), 10_000)
    index, found = packed.index, {}
    for place, words in enumerate(all_of(packed.words)):
        if "answer" in words:
            source, task = index["sources"][index["source"][place]], index["tasks"][index["task"][place]]
            found[index["runs"][index["run"][place]]["name"], source, task] = words["prompt"]
    return found


def test_an_answer_has_the_prompt_of_its_own_run_and_none_that_is_not_sure(
    run: Path, altered: Callable[..., Path]
) -> None:
    asked = {row["task"]["id"]: row["task"]["prompt"] for row in rows(run, "episodes.jsonl")}
    double, twice = sorted(asked)[:2]

    def other(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for row in found:
            row["task"]["prompt"] = f"other {row['task']['prompt']}"
        twins = [row for row in found if row["task"]["id"] == double]
        twins[-1]["task"]["prompt"] = "of a second set with this id"
        return found

    def held_out_by_the_same_names(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for row in found:
            if row["set"] == "held-out":
                row["per_task"] = [{**task, "task": double} for task in row["per_task"]]
            else:  # two tasks with one id, of which training met one
                row["per_task"].append({**row["per_task"][0], "task": twice, "index": len(row["per_task"])})
        return found

    folder = altered("episodes.jsonl", other)
    altered("evaluations.jsonl", held_out_by_the_same_names)
    found = prompts_of(run, folder)
    assert {task for _, source, task in found if source == "pool"} == set(asked)
    for (name, source, task), prompt in found.items():
        if source == "held-out":
            assert prompt is None
        elif name == run.name:
            assert prompt == asked[task]
        else:
            assert prompt == (None if task in (double, twice) else f"other {asked[task]}")


def test_tasks_of_one_id_change_each_for_itself(altered: Callable[..., Path]) -> None:
    """Of two pool tasks with one id, and two asked in training, one becomes right and one wrong."""

    def answers(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        ends = [row for row in found if row["set"] == "pool" and row["step"] in (0, STEPS)]
        for row in ends:
            later = row["step"] > 0
            row["per_task"] = [
                {**task, "task": "same", "correct": right == later, "attempts": []}
                for task, right in zip(row["per_task"], (True, False), strict=False)
            ]
        return ends

    def rollouts(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        ends = [next(row for row in found if row["step"] == step) for step in (1, STEPS)]
        made = [json.loads(json.dumps(row)) for row in ends for _ in "ab"]
        for number, row in enumerate(made):
            row["task"] |= {"id": "same", "prompt": "ab"[number % 2], "reference": {}}
            row["attempts"][-1]["outcome"]["status"] = "correct" if number in (1, 2) else "wrong"
        return made

    folder = altered("episodes.jsonl", rollouts)
    altered("evaluations.jsonl", answers)
    index = pack(groups(folder), 10_000).index
    assert index["change"] == [1, -1, 1, -1, 1, -1, 1, -1]


def test_figures_are_written_as_png_and_as_svg(bench: Path, tmp_path: Path) -> None:
    made = write_report([bench], tmp_path / "report.html", figures_folder=tmp_path / "figures")
    names = {path.name.rpartition(".")[0] for path in (tmp_path / "figures").iterdir()}
    assert len(names) == made.figures
    kinds = ("held-out", "pool", "pass-at-k-held-out", "success", "length", "entropy", "time")
    assert all(any(name.endswith(kind) for name in names) for kind in kinds)
    for name in names:
        assert (tmp_path / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        root = ElementTree.parse(tmp_path / "figures" / f"{name}.svg").getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"


def test_figures_in_the_page_have_no_styles_and_share_no_names(bench: Path) -> None:
    members = groups(bench)
    seen: set[str] = set()
    for drawn in figures(members[0].setting, members, 1):
        root = ElementTree.fromstring(inline_svg(drawn))
        names = {element.get("id") for element in root.iter()} - {None}
        assert not seen & names
        seen |= {str(name) for name in names}
        assert not [element for element in root.iter() if element.get("style") or element.tag.endswith("style")]
        assert root.get("aria-label")
        if drawn.name.endswith("1-held-out"):
            text = "".join(root.itertext())
            assert "DistIL" in text and "GRPO" in text


def test_names_in_configurations_are_escaped(run: Path, tmp_path: Path) -> None:
    nasty = "<script>alert(1)</script>\x1b$x_1$&\"'"
    folder = tmp_path / "<b>run"
    shutil.copytree(run, folder)
    config = yaml.safe_load((run / "config.yaml").read_text()) | {
        "env": nasty,
        "feedback": nasty,
        "learner": {"name": nasty},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    write_report([folder, run], tmp_path / "report.html", figures_folder=tmp_path / "figures")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page and "<b>run" not in page
    assert "&lt;script&gt;alert" in page
    assert len(re.findall(r"<script>", page)) == 1


def test_it_reaches_for_nothing(run: Path, tmp_path: Path) -> None:
    write_report([run], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)[^"']*""", page)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src &#39;none&#39;;")
    assert "unsafe" not in policy[1]


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
    summarise(found[0], 0)


def test_what_is_no_run_is_told(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no run in .*expected a config.yaml there .*give the --run-dir"):
        find_runs([tmp_path])
    with pytest.raises(ConfigError, match="needs a run"):
        find_runs([])
    for content, told in (("a: [", "cannot read"), ("- 1", "must hold options")):
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
