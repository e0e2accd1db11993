"""Chats for SFT and preference training, and TRL's own trainers on them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.trajectories import Trajectory, bare_env, preference_rows, read_run, sft_rows, unique
from distil_envs import Attempt, Episode, Outcome, Status, Task
from distil_envs.errors import ConfigError
from feedback.feedback import Feedback
from tests.trajectories.runs import row_of

STATUSES = st.sampled_from(Status)


def ask(task: Task) -> list[dict[str, str]]:
    return task.messages


def trajectory(attempts: Sequence[Attempt], group: str = "0/0", rollout: str = "0/0/0") -> Trajectory:
    row = row_of(Episode(Task("t", "toy", "147!"), list(attempts), rollout, group))
    return Trajectory("run", json.loads(json.dumps(row)))


def attempt(text: str, status: Status, **more: Any) -> Attempt:
    return Attempt((1,), (2, 3), text, Outcome(float(status is Status.CORRECT), status), **more)


def said(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in row["messages"]]


def test_successes_are_the_chats_that_the_policy_had(run: Path) -> None:
    stored = list(read_run(run))
    with closing(bare_env(run)) as env:
        found = list(sft_rows(stored, env.messages))
    tasks = [each.episode.task for each in stored]
    system = ("system", "Turn it round.")
    assert said(found[0]) == [system, ("user", tasks[0].prompt), ("assistant", tasks[0].answer)]
    reply = stored[1].episode.attempts[0].reply
    assert str(tasks[1].answer) in reply
    assert said(found[1]) == [
        system, ("user", tasks[1].prompt), ("assistant", "12"), ("user", reply), ("assistant", tasks[1].answer),
    ]  # fmt: skip
    assert len(found) == 4
    assert len(list(unique(found))) == 3, "the last group found the same twice"


def test_corrections_stand_in_the_place_of_what_they_correct(run: Path) -> None:
    stored = list(read_run(run))
    with closing(bare_env(run)) as env:
        corrections = list(sft_rows(stored, env.messages, "correction"))
        both = list(sft_rows(stored, env.messages, "both"))
    failed = [each for each in stored for one in each.episode.attempts if one.outcome and not one.outcome.success]
    assert [said(row)[-1] for row in corrections] == [("assistant", each.episode.task.answer) for each in failed]
    assert [len(row["messages"]) for row in corrections] == [3, 3, 5, 3, 5, 3, 5]
    assert len(both) == len(corrections) + 4
    with pytest.raises(ConfigError, match="targets must be one of correct, correction, both, got 'all'"):
        list(sft_rows(stored, env.messages, "all"))  # type: ignore[arg-type]


def test_what_called_tools_or_failed_on_our_side_is_no_chat() -> None:
    feedback = Feedback("It is 741.", correction="741")
    tool = attempt("741", Status.CORRECT, inserted=((0, 1),))
    broken = attempt("741", Status.INFRA_ERROR, feedback=feedback)
    for one in (tool, broken, attempt(" ", Status.CORRECT)):
        assert not list(sft_rows([trajectory([one])], ask, "both"))
        assert not list(preference_rows([trajectory([one]), trajectory([attempt("7", Status.WRONG)])], ask))
    later = trajectory([attempt("7", Status.WRONG, inserted=((0, 1),)), attempt("741", Status.CORRECT)])
    assert not list(sft_rows([later], ask))


@given(st.lists(st.tuples(st.integers(0, 2), STATUSES, st.sampled_from(["a", "b", "c", "d", " "])), max_size=16))
def test_pairs_are_of_one_group_and_use_no_text_twice(drawn: list[tuple[int, Status, str]]) -> None:
    """A text that was right once and wrong once, as when a program ran out of time, stands in none."""
    drawn.sort(key=lambda each: each[0])
    rows = [trajectory([attempt(text, status)], f"0/{group}") for group, status, text in drawn]
    count = 0
    for group in range(3):
        graded = {(text, status) for own, status, text in drawn if own == group and text.strip()}
        once_right = {text for text, status in graded if status is Status.CORRECT}
        once_wrong = {text for text, status in graded if status not in (Status.CORRECT, Status.INFRA_ERROR)}
        right, wrong = once_right - once_wrong, once_wrong - once_right
        pairs = list(preference_rows([row for row in rows if row.row["group_id"] == f"0/{group}"], ask))
        assert len(pairs) == min(len(right), len(wrong))
        for side, of in (("chosen", right), ("rejected", wrong)):
            used = [pair[side][0]["content"] for pair in pairs]
            assert len(set(used)) == len(used)
            assert set(used) <= of
        count += len(pairs)
    assert len(list(preference_rows(rows, ask))) == count


def test_lines_are_one_line_each_and_whole_characters() -> None:
    odd = trajectory([attempt("a\nb\u2028\ud800", Status.CORRECT)])
    (line,) = unique(sft_rows([odd, odd], ask))
    assert "\n" not in line
    assert json.loads(line.encode())["messages"][-1]["content"] == "a\nb\u2028\ufffd"


@pytest.mark.parametrize("name", ["SFT", "DPO"])
def test_trl_trains_on_the_files(
    name: str, run: Path, small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One step of TRL's trainer on what `datasets` reads from the file."""
    trl = pytest.importorskip("trl", reason="needs TRL: pip install 'distil-envs[trl]'")
    from datasets import load_dataset

    from agents.models import load_tokenizer

    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    with closing(bare_env(run)) as env:
        rows = sft_rows(read_run(run), env.messages) if name == "SFT" else preference_rows(read_run(run), env.messages)
        lines = list(unique(rows))
    (tmp_path / "rows.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    table = load_dataset(
        "json", data_files=str(tmp_path / "rows.jsonl"), cache_dir=str(tmp_path / "cache"), split="train"
    )
    assert [json.loads(line) for line in lines] == [dict(row) for row in table]
    args = getattr(trl, f"{name}Config")(
        output_dir=str(tmp_path), report_to="none", use_cpu=True, bf16=False, max_steps=1, max_length=128,
        per_device_train_batch_size=2, save_strategy="no", disable_tqdm=True,
    )  # fmt: skip
    trainer = getattr(trl, f"{name}Trainer")(
        model=str(small_model), args=args, train_dataset=table, processing_class=load_tokenizer(str(small_model))
    )
    assert trainer.train().training_loss > 0


def test_the_environment_of_a_run_asks_as_it_did_and_needs_no_learner(run: Path) -> None:
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("name: GRPO", "name: forgotten"))
    with closing(bare_env(run)) as env:
        first = next(read_run(run)).episode
        assert env.messages(first.task)[0] == {"role": "system", "content": "Turn it round."}
        assert env.verify(first.task, first.attempt.text) == replace(first.outcome or Outcome(0.0, Status.WRONG))
