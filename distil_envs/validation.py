"""Is a task set fit to train on? Bad rows, doubles, leaks between the splits, references that the verifier rejects."""

from __future__ import annotations

import itertools
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from distil_envs.counted import generator
from distil_envs.errors import NotFoundError
from distil_envs.grading import Grader, Verifier, grade
from distil_envs.jsonl import BadLinesError
from distil_envs.outcome import Diagnosis, Outcome, Raised, Status
from distil_envs.resources import resolve_verifier
from distil_envs.sandbox.protocol import Sandbox
from distil_envs.task import Task
from distil_envs.task_set import FixedTaskSet, TaskSet, TaskSpec, load_tasks

DOMAIN_VERIFIERS: Final = {"toy": "exact"}
"""Where the verifier of a domain is not called like the domain."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong."""

    kind: str
    """``bad line``, ``duplicate content``, ``leakage``, ``reference``, ``misconception``, ``empty answer`` or ``wrong
    solution``."""
    where: str
    """A task id, or a file and line."""
    message: str
    """What is wrong, and what was expected."""


@dataclass
class Report:
    """What `validate_tasks` found."""

    problems: list[Problem] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    """The tasks that were looked at."""
    complete: bool = True
    """Whether these are all, or a sample of every family and level."""
    graded: int = 0
    """How many references went through their verifier."""
    ungraded: dict[str, int] = field(default_factory=dict)
    """Why others did not, and how many."""


def validate_tasks(
    spec: TaskSpec,
    verifier: str | None = None,
    samples: int = 20,
    seed: int = 0,
    timeout_s: float = 10.0,
    sandbox: str | Sandbox = "auto",
) -> Report:
    """Look at every task of a fixed set, or at a sample of a generated one.

    Args:
        spec: See `load_tasks`.
        verifier: Name of the verifier; None takes that of each task's domain.
        samples: Tasks of every family and level of a generated set.
        seed: Of the sample.
        timeout_s: Seconds for one verification by a plain function.
        sandbox: Where the programs of code tasks run; see `distil_envs.code.CodeVerifier`.

    Raises:
        NotFoundError: no such task set, file, or verifier.
        ConfigError: a spec that means nothing.
        TaskError: an empty file.
        SandboxError: there are code tasks, and nowhere to run programs.
    """
    report = Report()
    task_set = _load(spec, report)
    if task_set is None:
        return report
    if isinstance(task_set, FixedTaskSet):
        report.tasks = list(task_set)
        report.problems += _doubles(report.tasks)
    else:
        report.complete = False
        report.tasks = _sample(task_set, samples, seed)
    report.problems += _leaks(report.tasks)
    programs = [task for task in report.tasks if verifier is None and task.domain == "code"]
    if programs:
        _examine(report, programs, sandbox)
    _grade(report, [task for task in report.tasks if not programs or task.domain != "code"], verifier, timeout_s)
    return report


def _load(spec: TaskSpec, report: Report) -> TaskSet | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the report tells what was skipped
            task_set = load_tasks(spec, "all", on_error="skip")
    except BadLinesError as error:  # not one good line
        report.problems += [Problem("bad line", f"{bad.file}:{bad.line}", bad.reason) for bad in error.bad_lines]
        return None
    if isinstance(task_set, FixedTaskSet):
        report.problems += [Problem("bad line", f"{bad.file}:{bad.line}", bad.reason) for bad in task_set.skipped]
    return task_set


def _sample(task_set: TaskSet, samples: int, seed: int) -> list[Task]:
    found: dict[str, Task] = {}
    for source in task_set.sources:
        drawn = source.distinct(generator(seed, "validate", source.name), task_set.split)
        found.update((task.content, task) for task in itertools.islice(drawn, samples))
    return list(found.values())


def _doubles(tasks: Sequence[Task]) -> Iterator[Problem]:
    first: dict[str, Task] = {}
    for task in tasks:
        other = first.setdefault(task.content, task)
        if other is not task:
            answers = [item.reference.get("answer") for item in (other, task)]
            different = (
                f", with different answers: {answers[0]!r} and {answers[1]!r}" if answers[0] != answers[1] else ""
            )
            yield Problem("duplicate content", task.id, f"asks the same as {other.id!r}{different}")


def _leaks(tasks: Sequence[Task]) -> Iterator[Problem]:
    """The split follows the content, and ``metadata.content`` may say that two equal prompts differ in content."""
    first: dict[str, Task] = {}
    for task in tasks:
        folded = " ".join(unicodedata.normalize("NFKC", task.text).casefold().split())
        other = first.setdefault(folded, task)
        if other.split != task.split:
            yield Problem(
                "leakage",
                task.id,
                f"in {task.split}, has the same prompt as {other.id!r} in {other.split}: their metadata.content differ",
            )


def _examine(report: Report, programs: Sequence[Task], sandbox: str | Sandbox) -> None:
    """Code tasks, which have more to prove."""
    from distil_envs.code.validation import examine
    from distil_envs.code.verifier import CodeVerifier

    with closing(CodeVerifier(sandbox, record_lines=False)) as verifier, ThreadPoolExecutor() as pool:
        verifier.make_sandbox()
        for task, found in zip(programs, pool.map(lambda task: list(examine(verifier, task)), programs), strict=True):
            report.problems += [Problem(kind, task.id, message) for kind, message in found]
    solved = sum("solution" in task.reference for task in programs)
    report.graded += solved
    if solved < len(programs):
        report.ungraded["no reference.solution"] = len(programs) - solved


def _grade(report: Report, tasks: Sequence[Task], name: str | None, timeout_s: float) -> None:
    verifiers: dict[str, Verifier | None] = {}
    with Grader() as grader:
        jobs = []
        for task in tasks:
            answer = task.reference.get("answer")
            if task.domain not in verifiers:
                verifiers[task.domain] = _verifier(task.domain, name, timeout_s)
            verifier = verifiers[task.domain]
            if verifier is None:
                why = f"no verifier is registered for domain {task.domain!r}"
            elif not isinstance(answer, str):
                why = "no reference.answer"
            else:
                slips = [str(each["answer"]) for each in task.reference.get("misconceptions", ())]
                jobs.append(
                    (task, [grader.submit(partial(grade, verifier, task, text)) for text in (answer, "", *slips)])
                )
                continue
            report.ungraded[why] = report.ungraded.get(why, 0) + 1
        for task, graded in jobs:
            report.problems += _verdicts(task, *(each.result() for each in graded))
    report.graded += len(jobs)


def _verifier(domain: str, name: str | None, timeout_s: float) -> Verifier | None:
    if name is not None:
        return resolve_verifier(name, timeout_s)
    try:
        return resolve_verifier(DOMAIN_VERIFIERS.get(domain, domain), timeout_s)
    except NotFoundError:
        return None


def _verdicts(task: Task, right: Outcome, empty: Outcome, *slips: Outcome) -> Iterator[Problem]:
    if not right.success:
        events = [*right.trace.of(Raised), *right.trace.of(Diagnosis)]
        why = f": {events[0].message}" if events else ""
        answer = task.reference["answer"]
        yield Problem("reference", task.id, f"the verifier finds its own reference {answer!r} {right.status}{why}")
    if empty.success:
        yield Problem("empty answer", task.id, "the verifier finds an empty answer correct")
    for each, outcome in zip(task.reference.get("misconceptions", ()), slips, strict=True):
        codes = [event.evidence.get("name") for event in outcome.trace.of(Diagnosis) if event.code == "misconception"]
        if outcome.status is not Status.WRONG:
            message = (
                f"the verifier finds the answer {each['answer']!r} of {each['name']!r} {outcome.status}, not wrong"
            )
            yield Problem("misconception", task.id, message)
        elif codes and codes != [each["name"]]:
            yield Problem("misconception", task.id, f"{each['name']!r} cannot be told from {codes[0]!r}: equal answers")
