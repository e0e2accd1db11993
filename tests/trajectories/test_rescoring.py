"""Stored attempts graded again."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from pathlib import Path

import pytest

from agents.trajectories import bare_env, read_run, rescore
from distil_envs import Attempt, Episode, Outcome, Raised, Status, Task, ToolCalled, Trace
from distil_envs.errors import ConfigError
from tests.trajectories.runs import row_of, write_run


def stricter(task: Task, text: str) -> Outcome:
    """Tomorrow's verifier: what ends in an even digit is malformed."""
    if text[-1:] in "02468":
        return Outcome(0.0, Status.MALFORMED, text)
    return Outcome(1.0, Status.CORRECT, text) if text == task.answer else Outcome(0.0, Status.WRONG, text)


def test_the_same_verifier_says_the_same(run: Path) -> None:
    before = (run / "episodes.jsonl").read_bytes()
    with closing(bare_env(run)) as env:
        found = [each for attempts in rescore(run, env.verify) for each in attempts]
    assert len(found) == 11
    assert not any(each.changed for each in found)
    assert [each.new for each in found] == [each.old for each in found], "traces included"
    assert (run / "episodes.jsonl").read_bytes() == before
    assert [each.episode for each in read_run(run, rescored=True)] == [each.episode for each in read_run(run)]


def test_another_verifier_is_told_apart_and_read_back(run: Path) -> None:
    found = [each for attempts in rescore(run, stricter) for each in attempts]
    for each in found:
        assert each.new == stricter(
            next(r.episode.task for r in read_run(run) if r.episode.task.id == each.task), each.text
        )
        assert each.changed == (each.old.status is not each.new.status or each.old.reward != each.new.reward)
    assert any(each.changed for each in found)
    again = [one.outcome for row in read_run(run, rescored=True) for one in row.episode.attempts]
    assert again == [each.new for each in found]


def test_what_was_stopped_goes_on_where_it_was(run: Path) -> None:
    calls: list[str] = []
    lock = threading.Lock()

    def counting(task: Task, text: str) -> Outcome:
        with lock:
            calls.append(text)
        return stricter(task, text)

    begun = rescore(run, counting)
    first = [next(begun) for _ in range(3)]
    begun.close()
    assert not (run / "rescored.jsonl").exists()
    with (run / ".rescored.jsonl.new").open("a") as file:
        file.write('{"step": 2, "rollo')  # torn
    calls.clear()
    rest = list(rescore(run, counting, resume=True))
    assert rest[:3] == first
    assert len(rest) == 7
    assert len(calls) == 11 - sum(map(len, first)), "what was graded is not graded again"
    whole = (run / "rescored.jsonl").read_bytes()
    list(rescore(run, counting))
    assert (run / "rescored.jsonl").read_bytes() == whole
    assert not (run / ".rescored.jsonl.new").exists()


def test_what_was_stopped_in_another_run_is_told(run: Path) -> None:
    (run / ".rescored.jsonl.new").write_text('{"step": 1, "rollout_id": "another", "outcomes": []}\n')
    with pytest.raises(ConfigError, match=r"does not fit .* without --resume"):
        list(rescore(run, stricter, resume=True))


def test_a_verifier_that_raises_is_a_failure_on_our_side(run: Path) -> None:
    def broken(task: Task, text: str) -> Outcome:
        raise OSError("no sandbox")

    found = [each for attempts in rescore(run, broken) for each in attempts]
    assert {each.new.status for each in found} == {Status.INFRA_ERROR}


def test_calls_of_tools_stay_in_the_trace_and_failed_tools_are_not_graded(tmp_path: Path) -> None:
    called = ToolCalled("calculator", "{}", "5")
    failed = Outcome(0.0, Status.INFRA_ERROR, trace=Trace((called, Raised("ToolFailed", "gone"))))
    used = Outcome(0.0, Status.WRONG, "3", Trace((called,)))
    episodes = [
        Episode(Task("t", "toy", "?", {"answer": "3"}), [Attempt((1,), (2,), "3", outcome)], f"0/0/{at}", "0/0")
        for at, outcome in enumerate((failed, used))
    ]
    run = write_run(tmp_path / "tools", [row_of(episode) for episode in episodes])
    first, second = [each for attempts in rescore(run, stricter) for each in attempts]
    assert not first.changed
    assert first.new == failed
    assert second.new == Outcome(1.0, Status.CORRECT, "3", Trace((called,)))


def test_grades_that_do_not_fit_are_told(run: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no rescored\.jsonl: grade it first with distil rescore"):
        list(read_run(run, rescored=True))
    list(rescore(run, stricter))
    lines = (run / "rescored.jsonl").read_text().splitlines()
    assert {"step", "rollout_id", "outcomes"} == set(json.loads(lines[0]))
    (run / "rescored.jsonl").write_text("\n".join(lines[1:]) + "\n")
    with pytest.raises(ConfigError, match=r"does not fit episodes\.jsonl: grade anew"):
        list(read_run(run, rescored=True))
