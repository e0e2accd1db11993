"""Forms of other people's data sets: what makes a task of a row. One table, for files and for sets of the hub."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from distil_envs.errors import ConfigError, NotFoundError, TaskError
from distil_envs.jsonl import OnError, Rows, collect, read_rows
from distil_envs.loaders.aime import aime_task
from distil_envs.loaders.gsm8k import gsm8k_task
from distil_envs.loaders.humaneval import humaneval_task
from distil_envs.loaders.livecodebench import livecodebench_task
from distil_envs.loaders.math_like import math_task
from distil_envs.loaders.mbpp import mbpp_task
from distil_envs.loaders.minerva import minerva_task
from distil_envs.loaders.multiple_choice import gpqa_task, mmlu_task, sciknoweval_task
from distil_envs.loaders.olympiad import olympiad_task
from distil_envs.task import Task

Convert = Callable[[Mapping[str, Any], str, str], Task]
"""The task of a row, given its id and the name of its file or data set. Raises TaskError for one that cannot be used.

Code sets have ids of their own in their rows."""

FORMS: Mapping[str, Convert] = {
    "gsm8k": lambda row, task_id, _: gsm8k_task(row, task_id),
    "math-jsonl": math_task,
    "aime": lambda row, task_id, _: aime_task(row, task_id),
    "minerva": minerva_task,
    "olympiadbench": lambda row, task_id, _: olympiad_task(row, task_id),
    "sciknoweval": sciknoweval_task,
    "mmlu": mmlu_task,
    "gpqa": lambda row, task_id, _: gpqa_task(row, task_id),
    "humaneval": lambda row, *_: humaneval_task(row),
    "mbpp": lambda row, *_: mbpp_task(row),
    "livecodebench": lambda row, *_: livecodebench_task(row),
}
"""Row converters by the name of their form, which is also the prefix of specs: ``gpqa:FILE``, ``hf:NAME?form=gpqa``."""


def converter(form: str) -> Convert:
    """The converter of a form. Raises ConfigError for an unknown one."""
    if form not in FORMS:
        raise ConfigError(f"unknown form {form!r}; expected one of {', '.join(FORMS)}")
    return FORMS[form]


def load_file(form: str, path: str | Path, on_error: OnError = "raise") -> Rows:
    """The tasks of a file of this form: JSONL, a JSON array (``.json`` or not), or ``.csv`` with a line of names.

    Raises as `distil_envs.jsonl.read_jsonl` does, and ConfigError for an unknown form.
    """
    convert, file = converter(form), Path(path).expanduser()
    prefix = f"{form.removesuffix('-jsonl')}/{file.stem}"

    def task(row: dict[str, Any], line: int) -> Task:
        return convert(row, f"{prefix}/{line}", file.stem)

    if not file.is_file():
        raise NotFoundError(f"{path} {'is a folder' if file.is_dir() else 'does not exist'}; expected a file")
    if file.suffix == ".csv":
        return collect(str(path), _table(file), task, on_error)
    with file.open("rb") as stream:
        is_array = stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
    return collect(str(path), _array(file), task, on_error) if is_array else read_rows(path, task, on_error)


def _array(path: Path) -> Iterator[tuple[int, dict[str, Any] | TaskError]]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise TaskError(f"{path} is not JSON: {error}") from None
    for number, row in enumerate(rows, start=1):
        yield number, row if isinstance(row, dict) else TaskError(f"expected an object, got {type(row).__name__}")


def _table(path: Path) -> Iterator[tuple[int, dict[str, Any] | TaskError]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.DictReader(file, restkey="", restval=None), start=1):
                extra = row.pop("", None)
                yield number, TaskError(f"more cells than names of columns: {extra}") if extra else row
    except (UnicodeDecodeError, csv.Error) as error:
        raise TaskError(f"{path} is not CSV in UTF-8: {error}") from None
