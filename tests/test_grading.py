"""`isolated`, `grade` and `Grader`: what a verifier of any quality becomes."""

import math
import os
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial

import pytest

from distil_envs.errors import ConfigError
from distil_envs.grading import (
    Grader,
    WorkerPool,
    grade,
    isolated,
    shared_pool,
)
from distil_envs.outcome import Outcome, Raised, Status
from distil_envs.task import Task

TASK = Task("t", "acme", "How much?")


def spin():
    while True:
        pass


@pytest.mark.parametrize("timeout_s", [0, -1, math.nan, math.inf])
def test_bad_options(timeout_s):
    with pytest.raises(ConfigError, match="timeout_s"):
        isolated(len, timeout_s=timeout_s)
    with pytest.raises(ConfigError, match="threads"):
        Grader(0)


@pytest.mark.parametrize(
    ("value", "reward", "status"),
    [
        (True, 1.0, Status.CORRECT),
        (False, 0.0, Status.WRONG),
        (1, 1.0, Status.CORRECT),
        (0.25, 0.25, Status.WRONG),
        (Outcome(0.5, Status.MALFORMED), 0.5, Status.MALFORMED),
    ],
)
def test_isolated_values(value, reward, status):
    outcome = isolated(lambda task, completion: value)(TASK, "x")
    assert (outcome.reward, outcome.status) == (reward, status)


def raises(task, completion):
    raise ValueError(f"no idea about {completion}")


@pytest.mark.parametrize(
    ("function", "type_name", "words"),
    [
        (lambda task, completion: math.nan, "ValueError", "finite reward in [0, 1]"),
        (lambda task, completion: math.inf, "ValueError", "finite reward in [0, 1]"),
        (lambda task, completion: 1.5, "ValueError", "finite reward in [0, 1]"),
        (lambda task, completion: Outcome(math.nan, Status.WRONG), "ValueError", "finite and in [0, 1]"),
        (lambda task, completion: "correct", "TypeError", "returned str"),
        (lambda task, completion: None, "TypeError", "returned NoneType"),
        (lambda task: True, "TypeError", "positional argument"),
        (raises, "ValueError", "'raises' raised: no idea about 42"),
        (lambda task, completion: os._exit(0), "WorkerDied", "exited by itself"),
    ],
)
def test_a_broken_function_is_an_infra_error(function, type_name, words):
    outcome = isolated(function)(TASK, "42")
    assert (outcome.reward, outcome.status) == (0.0, Status.INFRA_ERROR)
    (event,) = outcome.trace.of(Raised)
    assert event.type == type_name
    assert words in event.message


def test_a_hanging_function_is_a_timeout():
    outcome = isolated(lambda task, completion: spin(), timeout_s=0.3)(TASK, "x")
    assert outcome.status is Status.TIMEOUT
    assert "0.3 s" in outcome.trace.of(Raised)[0].message


def test_a_function_that_cannot_be_sent_is_an_infra_error():
    lock = threading.Lock()
    outcome = isolated(lambda task, completion: lock.locked())(TASK, "x")
    assert outcome.status is Status.INFRA_ERROR


def test_no_worker_can_start_is_an_infra_error(monkeypatch):
    pool = WorkerPool(1, warm=())
    monkeypatch.setattr("distil_envs.grading._shared", pool)
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    outcome = isolated(lambda task, completion: True)(TASK, "x")
    assert outcome.status is Status.INFRA_ERROR
    assert "could be started" in outcome.trace.of(Raised)[0].message


def test_shared_pool_is_one():
    with ThreadPoolExecutor(8) as threads:
        assert len({id(job.result()) for job in [threads.submit(shared_pool) for _ in range(32)]}) == 1


def test_grade_keeps_the_contract_for_a_raw_function():
    assert grade(raises, TASK, "42").status is Status.INFRA_ERROR
    assert grade(lambda task, completion: math.nan, TASK, "42").status is Status.INFRA_ERROR
    assert grade(lambda task, completion: Outcome(1.0, Status.CORRECT), TASK, "42").success


def test_grader_returns_futures_that_never_raise():
    with Grader(threads=4) as grader:
        good = [
            grader.submit(partial(grade, isolated(lambda task, text: text == "7"), TASK, str(i))) for i in range(20)
        ]
        bad = grader.submit(partial(grade, raises, TASK, "x"))
        assert [i for i, future in enumerate(good) if future.result().success] == [7]
        assert isinstance(bad, Future)
        assert bad.result().status is Status.INFRA_ERROR


def test_slow_verifications_delay_no_other():
    release = threading.Event()

    def slow(task, text):
        release.wait(30)
        return Outcome(0.0, Status.WRONG)

    with Grader(threads=4) as grader:
        blocked = [grader.submit(partial(grade, slow, TASK, "x")) for _ in range(3)]
        quick = [
            grader.submit(partial(grade, lambda task, text: Outcome(1.0, Status.CORRECT), TASK, "x")) for _ in range(50)
        ]
        assert len(wait(quick, timeout=20).done) == 50
        assert not any(future.done() for future in blocked)
        release.set()
        assert all(future.result(20).status is Status.WRONG for future in blocked)


def test_closing_a_grader_cancels_what_has_not_begun():
    begun, release = threading.Event(), threading.Event()

    def slow(task, text):
        begun.set()
        release.wait(30)
        return Outcome(1.0, Status.CORRECT)

    grader = Grader(threads=1)
    first, second = (grader.submit(partial(grade, slow, TASK, text)) for text in "xy")
    begun.wait(30)
    grader.close()
    release.set()
    assert first.result(20).success
    wait([second], timeout=20)
    assert second.cancelled()
    with pytest.raises(RuntimeError, match="closed"):
        grader.submit(partial(grade, slow, TASK, "z"))
