"""JSONL files of tasks: one JSON object a line, in UTF-8, as ``task.schema.json`` says.

Reading collects every bad line before it complains. The machinery serves other row formats too: see `read_rows`.
"""

from __future__ import annotations

import json
import secrets
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from distil_envs.errors import ConfigError, NotFoundError, TaskError
from distil_envs.task import Task

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

OnError = Literal["raise", "skip"]
SHOWN = 20
"""Bad lines that an error message spells out."""


@dataclass(frozen=True)
class BadLine:
    """A line that could not be read, and why."""

    file: str
    line: int
    """Counted from 1; for a data set without lines, the row."""
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


class BadLinesError(TaskError):
    """A file with lines that cannot be read. ``bad_lines`` has all of them, the message the first 20."""

    def __init__(self, source: str, bad_lines: list[BadLine], good: int) -> None:
        self.bad_lines = tuple(bad_lines)
        shown = "\n".join(f"  {bad}" for bad in bad_lines[:SHOWN])
        more = f"\n  and {len(bad_lines) - SHOWN} more" if len(bad_lines) > SHOWN else ""
        super().__init__(
            f"{source}: {_lines(len(bad_lines))} cannot be read, {good} can:\n{shown}{more}\n"
            "Mend them, or leave them out with on_error='skip'"
        )


class Rows(list[Task]):
    """The tasks that were read; ``skipped`` has the lines that were not."""

    def __init__(self, tasks: Iterable[Task] = (), skipped: Iterable[BadLine] = ()) -> None:
        super().__init__(tasks)
        self.skipped = tuple(skipped)


def read_jsonl(path: str | Path, on_error: OnError = "raise") -> Rows:
    """The tasks of a JSONL file.

    Args:
        path: The file. Blank lines are ignored.
        on_error: ``raise`` a `BadLinesError` that names every bad line, or ``skip`` them, with a warning that tells
            how many; `Rows.skipped` has them.

    A line is bad when it is not UTF-8 or not JSON, breaks the schema, or repeats the id of an earlier line.

    Raises:
        NotFoundError: no such file.
        TaskError: bad lines (`BadLinesError`), or no task at all.
    """
    return read_rows(path, lambda row, _: task_from_row(row), on_error)


def read_rows(path: str | Path, convert: Callable[[dict[str, Any], int], Task], on_error: OnError = "raise") -> Rows:
    """Tasks from the JSON objects of a file, each made by ``convert(row, line)``, which raises TaskError for a bad one.

    Raises as `read_jsonl` does.
    """
    return collect(str(path), _objects(Path(path)), convert, on_error)


def collect(
    source: str,
    rows: Iterable[tuple[int, dict[str, Any] | TaskError]],
    convert: Callable[[dict[str, Any], int], Task],
    on_error: OnError,
) -> Rows:
    """Tasks from numbered rows; a row that is an error already stays one. Raises as `read_jsonl` does."""
    if on_error not in ("raise", "skip"):
        raise ConfigError(f"on_error must be 'raise' or 'skip', got {on_error!r}")
    tasks: list[Task] = []
    bad: list[BadLine] = []
    first_line: dict[str, int] = {}
    for line, row in rows:
        try:
            if isinstance(row, TaskError):
                raise row
            task = convert(row, line)
            if task.id in first_line:
                raise TaskError(f"duplicate id {task.id!r}, first used on line {first_line[task.id]}")
        except TaskError as error:
            bad.append(BadLine(source, line, str(error)))
            continue
        first_line[task.id] = line
        tasks.append(task)
    if bad and (on_error == "raise" or not tasks):
        raise BadLinesError(source, bad, len(tasks))
    if not tasks:
        raise TaskError(f"{source} holds no tasks")
    if bad:
        warnings.warn(f"{source}: skipped {_lines(len(bad))}; the first: {bad[0]}", stacklevel=3)
    return Rows(tasks, bad)


def write_jsonl(path: str | Path, tasks: Iterable[Task]) -> None:
    """Write tasks as JSONL that `read_jsonl` reads back as equal tasks. The file appears whole or not at all.

    Raises TaskError when two tasks share an id.
    """
    path = Path(path)
    ids: set[str] = set()
    lines = []
    for task in tasks:
        if task.id in ids:
            raise TaskError(f"{path}: the id {task.id!r} is used by two tasks; ids must be unique within a file")
        ids.add(task.id)
        lines.append(json.dumps(task.to_dict(), ensure_ascii=False, allow_nan=False) + "\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("x", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def task_from_row(row: dict[str, Any]) -> Task:
    """A task from a JSON object, checked against the schema. Raises TaskError with the place of the first violation."""
    from jsonschema.exceptions import best_match

    # A schema error at the outermost level or in one `anyOf` branch: the most telling one.
    error = best_match(validator().iter_errors(row))
    if error is not None:
        raise TaskError(f"{_place(error.absolute_path)}: {_shortened(error.message)}")
    return Task.from_dict(row)


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of a task (draft 2020-12), as published in ``task.schema.json``."""
    text = files("distil_envs").joinpath("task.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@cache
def validator() -> Validator:
    """A validator for `schema`."""
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema())


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any] | TaskError]]:
    path = path.expanduser()
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise NotFoundError(f"{path} {what}; expected a JSONL file")
    with path.open("rb") as file:  # bytes: only \n ends a line, and one bad byte spoils one line
        for number, raw in enumerate(file, start=1):
            if number == 1:
                raw = raw.removeprefix(b"\xef\xbb\xbf")
            if not raw.strip():
                continue
            try:
                yield number, _parse(raw)
            except TaskError as error:
                yield number, error


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        text = raw.rstrip(b"\r\n").decode()
    except UnicodeDecodeError as error:
        raise TaskError(f"not UTF-8: byte {raw[error.start]:#04x} at byte {error.start + 1} of the line") from None
    try:
        row = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_unique)
        json.dumps(row, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise TaskError(f"not JSON: {error.msg} at column {error.colno}") from None
    except UnicodeEncodeError:
        raise TaskError("holds half of a surrogate pair (\\ud800 to \\udfff), which is no character") from None
    except RecursionError:
        raise TaskError("not JSON that can be read: nested too deeply") from None
    except ValueError as error:  # an integer of thousands of digits, or one of the two hooks below
        raise TaskError(f"not JSON that can be read: {error}") from None
    if not isinstance(row, dict):
        raise TaskError(f"expected a JSON object, got {_shortened(json.dumps(row))}")
    return row


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number; write it as text")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} stands twice in one object")
    return row


def _place(path: Iterable[str | int]) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return place.removeprefix(".") or "row"


def _shortened(text: str, limit: int = 200) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"
