"""Data sets of the Hugging Face hub, or in a folder of that layout, through the ``datasets`` library (an extra)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from distil_envs.errors import ConfigError, NotFoundError, TaskError
from distil_envs.jsonl import OnError, Rows, collect
from distil_envs.loaders.forms import converter
from distil_envs.task import Task

FIELDS = ("problem", "answer", "solution", "level", "subject")
"""What a column can be mapped to."""


def load_hf_spec(spec: str, on_error: OnError) -> Rows:
    """As `load_hf`, from ``NAME`` or ``NAME?config=main&split=test&form=gpqa&problem=prompt``."""
    name, _, query = spec.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    fields = {option: column for option in FIELDS if (column := options.pop(option, None)) is not None}
    config, split, revision, form = (options.pop(option, None) for option in ("config", "split", "revision", "form"))
    if options or not name:
        wrong = f"option {next(iter(options))!r} is unknown" if options else "the name is missing"
        raise ConfigError(
            f"hf:{spec}: {wrong}; expected hf:NAME or hf:NAME?option=value&..., "
            f"with the options config, split, revision, form, {', '.join(FIELDS)}"
        )
    return load_hf(name, config, split or "train", fields, revision, on_error, form)


def load_hf(
    name: str,
    config: str | None = None,
    split: str = "train",
    fields: Mapping[str, str] | None = None,
    revision: str | None = None,
    on_error: OnError = "raise",
    form: str | None = None,
) -> Rows:
    """The rows of a data set as tasks.

    Args:
        name: As on the hub (``openai/gsm8k``), or the path of a folder.
        config: Configuration, for sets that have several (``main``).
        split: The data set's own split. Ours comes on top: ask for our split ``all`` to have the whole of it.
        fields: Which column holds what: any of ``problem``, ``answer``, ``solution``, ``level``, ``subject``. The rest
            is found under the names that sets of the form use.
        revision: Commit or tag on the hub, to have the same rows next year.
        on_error: As in `distil_envs.jsonl.read_jsonl`.
        form: What the rows are like, any of `distil_envs.loaders.FORMS`. None: like MATH's, or like GSM8K's where the
            answer has ``####``.

    Raises:
        ConfigError: the ``datasets`` library is not installed, an unknown field is mapped, or the form is unknown.
        NotFoundError: it cannot be loaded.
        TaskError: rows that cannot be used, numbered from 1.
    """
    columns = dict(fields or {})
    for field in columns:
        if field not in FIELDS:
            raise ConfigError(f"cannot map the field {field!r}; expected one of {', '.join(FIELDS)}")
    given = converter(form) if form is not None else None
    source = f"hf:{name}" + (f" ({config})" if config else "")
    rows = _download(source, name, config, split, revision)
    prefix = "/".join(part for part in ("hf", name.strip("/"), config, split) if part)

    def convert(row: dict[str, Any], line: int) -> Task:
        renamed = _renamed(row, columns)
        guessed = "gsm8k" if "####" in str(renamed.get("answer")) else "math-jsonl"
        return (given or converter(guessed))(renamed, f"{prefix}/{line}", name)

    return collect(source, _numbered(rows), convert, on_error)


def _download(source: str, name: str, config: str | None, split: str, revision: str | None) -> Iterable[Any]:
    try:
        import datasets
    except ImportError as error:
        raise ConfigError(
            f"{source} needs the 'datasets' library, which could not be imported ({error}): "
            "pip install 'distil-envs[datasets]'"
        ) from error
    try:
        rows: Iterable[Any] = datasets.load_dataset(name, config, split=split, revision=revision)
    except Exception as error:  # the library raises anything from OSError to errors of its own and of the hub's client
        reason = (str(error).strip().splitlines() or [""])[0]
        raise NotFoundError(
            f"{source}, split {split!r}, could not be loaded: {type(error).__name__}: {reason}. "
            "Check the name, the configuration (config=...), the split (split=...) and the network"
        ) from error
    return rows


def _numbered(rows: Iterable[Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    return ((number, dict(row)) for number, row in enumerate(rows, start=1))


def _renamed(row: dict[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    missing = [column for column in columns.values() if column not in row]
    if missing:
        raise TaskError(f"no column {missing[0]!r}; the row has {', '.join(row)}")
    return {**row, **{field: row[column] for field, column in columns.items()}}
