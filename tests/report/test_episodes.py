"""What is packed of episodes: every row as it was logged, some of many, prompts and changes that are sure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agents.report import write_report
from agents.report.episodes import pack
from tests.report.conftest import STEPS, rows
from tests.report.reading import all_of, groups


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
