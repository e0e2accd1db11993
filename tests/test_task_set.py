"""Task sets: counted draws, splits by content, levels, distinct tasks, specs."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distil_envs import registry
from distil_envs.errors import ConfigError, NotFoundError, TaskError
from distil_envs.family import Family, Question, Worked
from distil_envs.jsonl import BadLinesError, write_jsonl
from distil_envs.math.families import FAMILIES
from distil_envs.sources import FamilySource, SplitName
from distil_envs.spaces import Product
from distil_envs.task import Task
from distil_envs.task_set import FixedTaskSet, GeneratedTaskSet, TaskSet, load_tasks
from distil_envs.toy import FAMILIES as TOY_FAMILIES

ALL_FAMILIES = [*FAMILIES.values(), *TOY_FAMILIES.values()]
ALL_LEVELS = [(family, level) for family in ALL_FAMILIES for level in family.levels]


def family(name: str, *sizes: int, start: int = 0) -> Family:
    """A family that asks for a number; level i has ``sizes[i]`` of them, and levels share the lowest."""

    def work(number: int) -> Worked:
        return Worked({"n": number}, str(number), "integer", ())

    levels = [[Question("number", Product(range(start, start + size)), work, ("{n}?",))] for size in sizes]
    return Family(name, "numbers", levels)


def tasks(count: int, **metadata: Any) -> list[Task]:
    return [Task(f"t{index}", "acme", f"question {index}", {"answer": str(index)}, metadata) for index in range(count)]


@pytest.fixture
def acme() -> Iterator[str]:
    """A name for a test to register."""
    yield "acme/set"
    registry.unregister_object("tasks", "acme/set")


def test_train_and_test_never_share_content_in_ten_thousand_draws_over_all_families_and_levels() -> None:
    sets = {
        split: [TaskSet(family.name, FamilySource(family, level), split) for family, level in ALL_LEVELS]
        for split in ("train", "test")
    }
    each = 10_000 // (2 * len(ALL_LEVELS)) + 1
    drawn: dict[str, set[str]] = {"train": set(), "test": set()}
    total = 0
    for split, of_split in sets.items():
        for task_set in of_split:
            for counter in range(each):
                task = task_set.draw(7, counter)
                assert task.split == split
                drawn[split].add(task.content)
                total += 1
    assert total >= 10_000
    assert len(drawn["train"]) > 1000
    assert len(drawn["test"]) > 1000
    assert drawn["train"].isdisjoint(drawn["test"])


def test_the_same_seed_and_counter_give_the_same_task_in_any_order() -> None:
    task_set = load_tasks("math")
    counters = list(range(200))
    forwards = {counter: task_set.draw(3, counter) for counter in counters}
    random.Random(0).shuffle(counters)
    again = load_tasks("math")
    assert {counter: again.draw(3, counter) for counter in counters} == forwards


def test_neighbouring_seeds_share_almost_nothing() -> None:
    task_set = TaskSet("big", FamilySource(family("big", 10**9), 1), "train")
    a, b = ({task_set.draw(seed, counter).content for counter in range(1000)} for seed in (42, 43))
    assert len(a) > 990
    assert len(a & b) <= 1


def test_draws_are_uniform_over_families_then_levels_then_items() -> None:
    task_set = GeneratedTaskSet("two", [family("a", 40, 400), family("b", 40, start=1000)], "all")
    drawn = [task_set.draw(0, counter) for counter in range(4000)]
    by_level = Counter((task.metadata["family"], task.metadata["level"]) for task in drawn)
    for key, expected in {("a", 1): 1000, ("a", 2): 1000, ("b", 1): 2000}.items():
        assert abs(by_level[key] - expected) < 150  # five standard deviations
    items = Counter(task.content for task in drawn if task.metadata["family"] == "b")
    assert len(items) == 40
    assert max(items.values()) < 100


def test_a_share_of_one_fifth_is_test() -> None:
    counts = GeneratedTaskSet("n", [family("n", 3000)], "all").counts()
    (count,) = counts
    assert count.train is not None
    assert count.test is not None
    assert count.train + count.test == count.size == 3000
    assert abs(count.test - 600) < 110


def test_every_family_and_level_tells_its_size_and_small_ones_their_splits() -> None:
    for each, level in ALL_LEVELS:
        source = FamilySource(each, level)
        (count,) = TaskSet(source.name, source, "all").counts()
        assert (count.family, count.level, count.size) == (each.name, level, each.size(level))
        if source.enumerable:
            contents = {task.content: task.split for task in source.tasks("all")}
            assert len(contents) == count.size
            assert Counter(contents.values()) == {"train": count.train, "test": count.test}
        else:
            assert count.train is count.test is None


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(12, 60), min_size=1, max_size=3),
    split=st.sampled_from(["train", "test", "all"]),
    seed=st.integers(0, 2**63),
    share=st.fractions(0, 1),
)
def test_take_gives_distinct_tasks_and_knows_how_many_there_are(
    sizes: list[int], split: SplitName, seed: int, share: Fraction
) -> None:
    try:
        task_set = GeneratedTaskSet("x", [family("a", *sizes), family("b", 17, start=500)], split)
    except TaskError:
        return  # a split of one of the levels is empty, which has its own test
    size = task_set.size
    assert size is not None
    if split == "all":
        assert size == max(sizes) + 17  # the levels of a share their lowest numbers
    n = max(1, int(size * share))
    taken = task_set.take(n, seed)
    assert len(taken) == len({task.content for task in taken}) == n
    assert all(split in ("all", task.split) for task in taken)
    assert list(task_set.take(max(1, n // 2), seed)) == list(taken)[: max(1, n // 2)]
    with pytest.raises(TaskError, match=f"x has {size} distinct tasks in split '{split}', but {size + 1} were asked"):
        task_set.take(size + 1, seed)


def test_take_of_a_large_level_uses_it_up_and_says_how_many_there_were() -> None:
    task_set = TaskSet("large", FamilySource(family("large", 3100), 1), "test")
    assert task_set.size is None
    with pytest.raises(TaskError, match=r"has \d+ distinct tasks") as caught:
        task_set.take(3100)
    have = int(str(caught.value).split(" has ")[1].split()[0])
    assert have == sum(task.split == "test" for task in FamilySource(family("large", 3100), 1).tasks("all"))
    assert len(task_set.take(have)) == have


def test_take_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one task, got n=0"):
        load_tasks("toy/fact").take(0)


def test_the_size_of_levels_too_large_to_list_is_known_only_where_nothing_can_overlap() -> None:
    large = [family("a", 10**6), family("b", 10**6)]
    assert GeneratedTaskSet("n", large, "all").size == 2 * 10**6
    assert GeneratedTaskSet("n", large, "train").size is None
    assert GeneratedTaskSet("n", [family("a", 10**6, 10**7)], "all").size is None
    twice = TaskSet("n", (FamilySource(large[0], 1), FamilySource(large[0], 1)), "all")
    assert twice.size is None


def test_a_level_without_content_in_the_split_is_an_error_before_the_first_draw() -> None:
    with pytest.raises(TaskError, match="the test split of math/tiny@1 is empty: none of its 1 distinct items"):
        GeneratedTaskSet("n", [family("tiny", 1, start=_number("train"))], "test")
    with pytest.raises(TaskError, match="the train split of math/tiny@1 is empty"):
        GeneratedTaskSet("n", [family("tiny", 1, start=_number("test"))], "train")
    assert GeneratedTaskSet("n", [family("tiny", 1)], "all").draw(0, 0).prompt == "0?"


def _number(split: str) -> int:
    source = FamilySource(family("tiny", 100), 1)
    return next(int(task.reference["answer"]) for task in source.tasks("all") if task.split == split)


def test_a_small_split_within_a_small_level_is_drawn_from_all_the_same() -> None:
    start = next(
        n
        for n in range(2000)
        if [t.split for t in FamilySource(family("t", 9, start=n), 1).tasks("all")].count("test") == 1
    )
    task_set = TaskSet("t", FamilySource(family("t", 9, start=start), 1), "test")
    assert {task_set.draw(0, counter).content for counter in range(50)} == {task_set.draw(0, 0).content}
    assert task_set.size == 1


def test_a_fixed_set_is_a_sequence_of_the_tasks_of_its_split() -> None:
    rows = tasks(50)
    both = FixedTaskSet("acme", rows, "all")
    train, test = FixedTaskSet("acme", rows, "train"), FixedTaskSet("acme", rows, "test")
    assert list(both) == rows
    assert [*train, *test] == [*filter(lambda t: t.split == "train", rows), *filter(lambda t: t.split == "test", rows)]
    assert (len(train), train.size, train[0], train[-2:]) == (
        len(list(train)),
        len(train),
        rows[0] if rows[0].split == "train" else rows[1],
        tuple(train)[-2:],
    )
    assert {train.draw(0, counter).id for counter in range(1000)} == {task.id for task in train}
    assert all(test.draw(5, counter).split == "test" for counter in range(100))


def test_a_fixed_set_refuses_doubles_of_ids_emptiness_and_unknown_splits() -> None:
    with pytest.raises(TaskError, match="acme: the id 't0' is used by two tasks"):
        FixedTaskSet("acme", [*tasks(2), *tasks(1)])
    with pytest.raises(TaskError, match="acme has no tasks"):
        FixedTaskSet("acme", [])
    with pytest.raises(ConfigError, match="unknown split 'dev'; expected 'train', 'test' or 'all'"):
        FixedTaskSet("acme", tasks(3), "dev")  # type: ignore[arg-type]
    (only,) = tasks(1)
    other: SplitName = "test" if only.split == "train" else "train"
    with pytest.raises(TaskError, match=f"the {other} split of acme is empty: none of its 1 distinct items"):
        FixedTaskSet("acme", [only], other)


def test_repeated_contents_are_kept_but_counted_and_taken_once() -> None:
    rows = [*tasks(10), Task("again", "acme", "Question  3")]  # the same but for case and blanks
    both = FixedTaskSet("acme", rows, "all")
    assert (len(both), both.size) == (11, 10)
    assert len(both.take(10)) == 10
    with pytest.raises(TaskError, match="has 10 distinct tasks"):
        both.take(11)


def test_a_set_of_one_split_never_serves_for_the_other() -> None:
    both = load_tasks("toy/fact", "all")
    train = load_tasks(both, "train")
    assert {train.draw(0, counter).split for counter in range(100)} == {"train"}
    assert load_tasks(train, "train") is train
    for asked in ("test", "all"):
        with pytest.raises(ConfigError, match=f"holds its train split, but split '{asked}' was asked for"):
            load_tasks(train, asked)
    fixed = FixedTaskSet("acme", tasks(50), "all").narrowed("test")
    assert isinstance(fixed, FixedTaskSet)
    assert {task.split for task in fixed} == {"test"}


@pytest.mark.parametrize(
    ("spec", "levels"),
    [("math/quadratics", {1, 2, 3, 4, 5}), ("math/quadratics@2", {2}), ("math/quadratics@1-3", {1, 2, 3})],
)
def test_levels_of_a_name(spec: str, levels: set[int]) -> None:
    task_set = load_tasks(spec)
    assert {task_set.draw(0, counter).metadata["level"] for counter in range(100)} == levels
    assert task_set.name == spec


def test_levels_of_a_topic_leave_out_the_families_without_them(tmp_path: Path) -> None:
    task_set = load_tasks("math@5")
    assert {count.level for count in task_set.counts()} == {5}
    assert {count.family for count in task_set.counts()} == {name for name, f in FAMILIES.items() if 5 in f.levels}


def test_levels_that_do_not_exist_or_run_backwards() -> None:
    with pytest.raises(TaskError, match="math/quadratics has no tasks at level 9; its levels are 1, 2, 3, 4, 5"):
        load_tasks("math/quadratics@9")
    with pytest.raises(TaskError, match=r"at level 8-9"):
        load_tasks("math/quadratics@8-9")
    with pytest.raises(ConfigError, match="run backwards; expected math/quadratics@1-3"):
        load_tasks("math/quadratics@3-1")
    with pytest.raises(NotFoundError, match="name@1-3"):
        load_tasks("math/quadratics@hard")


def test_levels_of_given_tasks(acme: str) -> None:
    rows = [Task(f"t{index}", "acme", f"question {index}", metadata={"level": index % 3}) for index in range(60)]
    registry.register_object("tasks", acme, rows)
    some = load_tasks(f"{acme}@1-2", "all")
    assert isinstance(some, FixedTaskSet)
    assert {task.metadata["level"] for task in some} == {1, 2}
    with pytest.raises(TaskError, match="its levels are 0, 1, 2"):
        load_tasks(f"{acme}@7", "all")


def test_what_a_registered_name_may_stand_for(acme: str, tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    write_jsonl(path, tasks(20))
    for target in (
        tasks(20),
        [t.to_dict() for t in tasks(20)],
        path,
        FixedTaskSet("x", tasks(20), "all"),
        lambda: tasks(20),
    ):
        registry.register_object("tasks", acme, target)
        task_set = load_tasks(acme, "all")
        assert isinstance(task_set, FixedTaskSet)
        assert list(task_set) == tasks(20)
    for generator in (family("n", 50), lambda: family("n", 50)):
        registry.register_object("tasks", acme, generator)
        assert load_tasks(acme, "all").size == 50
    registry.register_object("tasks", acme, 7)
    with pytest.raises(ConfigError, match="'acme/set' gives int; expected a TaskSet, a sequence of tasks"):
        load_tasks(acme)


def test_a_spec_may_be_tasks_dicts_or_a_path(tmp_path: Path) -> None:
    rows = tasks(20)
    path = tmp_path / "tasks.jsonl"
    write_jsonl(path, rows)
    chat = {"id": "chat", "domain": "acme", "prompt": ({"role": "user", "content": "hello"},)}
    assert list(_fixed(rows)) == list(_fixed([task.to_dict() for task in rows])) == rows
    assert list(_fixed(path)) == list(_fixed(str(path))) == rows
    assert _fixed([chat])[0].messages == [{"role": "user", "content": "hello"}]
    assert _fixed(path).name == str(path)


def _fixed(spec: Any) -> FixedTaskSet:
    task_set = load_tasks(spec, "all")
    assert isinstance(task_set, FixedTaskSet)
    return task_set


def test_bad_rows_of_a_sequence_are_told_by_position() -> None:
    with pytest.raises(BadLinesError, match="tasks:2: row: 'prompt' is a required property"):
        load_tasks([tasks(1)[0], {"id": "x", "domain": "acme"}], "all")
    with pytest.raises(BadLinesError, match="tasks:1: expected a Task or the dict of one, got int"):
        load_tasks([3], "all")  # type: ignore[list-item]
    with pytest.raises(BadLinesError, match="tasks:1: not JSON: Object of type set"):
        load_tasks([{"id": "x", "domain": "acme", "prompt": "x", "metadata": {"a": {1}}}], "all")


def test_files_are_joined_and_generated_sets_are_mixed(tmp_path: Path) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    write_jsonl(one, tasks(20))
    write_jsonl(two, [Task(f"u{index}", "acme", f"other {index}") for index in range(30)])
    joined = load_tasks(f"{one}, {two}", "all")
    assert isinstance(joined, FixedTaskSet)
    assert len(joined) == joined.size == 50
    mixed = load_tasks(f"{one},math/fractions@1,toy", "train")
    drawn = Counter(mixed.draw(0, counter).domain for counter in range(3000))
    assert set(drawn) == {"acme", "math", "toy"}
    assert min(drawn.values()) > 850
    assert all(mixed.draw(1, counter).split == "train" for counter in range(100))
    with pytest.raises(TaskError, match="the id 't0' is used by two tasks"):
        load_tasks(f"{one},{one}", "all")
    with pytest.raises(ConfigError, match="a name is missing"):
        load_tasks("math,,toy")


def test_a_file_may_have_a_comma_or_an_at_sign_in_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a,b@2.jsonl"
    write_jsonl(path, tasks(20))
    assert len(_fixed(str(path))) == 20


def test_skipped_lines_are_told_by_the_set(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    write_jsonl(path, tasks(20))
    path.write_text(path.read_text() + "{\n")
    with pytest.raises(BadLinesError):
        load_tasks(str(path), "all")
    with pytest.warns(UserWarning, match="skipped 1 line"):
        task_set = load_tasks(str(path), "all", on_error="skip")
    assert isinstance(task_set, FixedTaskSet)
    assert [bad.line for bad in task_set.skipped] == [21]


def test_an_unknown_name_or_file_is_told_what_would_do() -> None:
    with pytest.raises(NotFoundError, match=r"Did you mean 'math/algebra'.*Nor is it a file.*gsm8k:…"):
        load_tasks("math/algebrra")
    with pytest.raises(NotFoundError, match=r"nowhere/tasks\.jsonl does not exist"):
        load_tasks("nowhere/tasks.jsonl")
    with pytest.raises(ConfigError, match="gives int"):
        load_tasks(3)  # type: ignore[arg-type]


def test_the_shipped_word_problems_have_both_splits_at_every_level() -> None:
    counts = load_tasks("math/word-problems", "all").counts()
    assert [count.level for count in counts] == [1, 2, 3]
    assert all(count.train and count.test for count in counts)
    for task in load_tasks("math/word-problems", "all").take(24):
        assert task.reference["solution"].endswith(f"\nAnswer: {task.reference['answer']}")
