"""Trajectories as Parquet, one row an episode, with a versioned schema.

A row is an episode and not an attempt: log-probabilities, the recorded tokens and the group belong to whole episodes,
and each attempt's prompt repeats the attempts before it, which one list of attempts holds without a join. What has one
form is a typed column; what every task set and verifier makes otherwise (reference, metadata, trace) is JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from agents.trajectories.trajectory import Trajectory
from distil_envs.errors import ConfigError

SCHEMA_VERSION = 1
METADATA = b"distil_envs.trajectories"
"""The key of the version in the file's metadata."""
ROWS = 256
"""Episodes of one row group: what is held in memory."""
_SERIES = ("logp", "entropy", "cost", "weight", "credit")


def features() -> Any:
    """The columns, as `datasets.Features`. Raises ConfigError without the extra ``datasets``."""
    datasets = _module("datasets")
    text, number, real = (datasets.Value(kind) for kind in ("string", "int64", "float64"))
    feedback = {
        "text": text, "spans": [[number]], "correction": text, "source": text,
        "reveals_reference": datasets.Value("bool"), "depends_on": [text],
    }  # fmt: skip
    attempt = {
        "prompt_ids": [number], "completion_ids": [number], "inserted": [[number]], "text": text,
        "outcome": {"reward": real, "status": text, "answer": text, "trace": text}, "feedback": feedback, "reply": text,
    }  # fmt: skip
    likeliest = [[{"text": text, "probability": real}]]
    tokens = {
        "text": [text], "learned": [number], **{name: [real] for name in _SERIES}, "student": likeliest,
        "expert": likeliest,
    }  # fmt: skip
    task = {
        "id": text, "domain": text, "prompt": [{"role": text, "content": text}],
        "prompt_is_text": datasets.Value("bool"), "reference": text, "metadata": text,
    }  # fmt: skip
    return datasets.Features(
        {
            "run": text, "step": number, "rollout_id": text, "group_id": text, "task": task, "attempts": [attempt],
            "logprobs": [real], "tokens": tokens, "exact": text,
        }
    )  # fmt: skip


def write_parquet(path: Path, trajectories: Iterable[Trajectory]) -> int:
    """Write a Parquet file that `load` and ``datasets.load_dataset("parquet", …)`` read; returns how many rows.

    Whatever the typed columns cannot hold (half of a surrogate pair, say) stands in ``exact``, the whole row as JSON,
    from which `load` takes it; the columns then have U+FFFD there. Raises ConfigError without the extra ``datasets``.
    """
    arrow, parquet = _module("pyarrow"), _module("pyarrow.parquet")
    schema = features().arrow_schema
    schema = schema.with_metadata({**schema.metadata, METADATA: json.dumps({"version": SCHEMA_VERSION}).encode()})
    rest, count = iter(trajectories), 0
    with parquet.ParquetWriter(path, schema, compression="zstd") as file:
        while part := list(islice(rest, ROWS)):
            records = [{"run": whole_characters(each.run), **_columns(_encodable(each.row))} for each in part]
            table = arrow.Table.from_pylist(records, schema)
            lossless = [_row(record) == each.row for record, each in zip(table.to_pylist(), part, strict=True)]
            exact = [None if same else json.dumps(each.row) for same, each in zip(lossless, part, strict=True)]
            file.write_table(
                table.set_column(table.num_columns - 1, schema.field("exact"), arrow.array(exact, "string"))
            )
            count += len(part)
    return count


def load(path: Path) -> Iterator[Trajectory]:
    """The trajectories of a file that `write_parquet` wrote: rows equal to those of the runs' ``episodes.jsonl``.

    Raises ConfigError for another file, or another version of the schema.
    """
    parquet = _module("pyarrow.parquet")
    try:
        file = parquet.ParquetFile(path)
    except (OSError, ValueError) as error:  # pyarrow's ArrowInvalid is a ValueError
        raise ConfigError(f"{path} cannot be read as Parquet: {' '.join(str(error).split())}") from error
    with file:
        saved = json.loads((file.schema_arrow.metadata or {}).get(METADATA, b"{}")).get("version")
        if saved != SCHEMA_VERSION:
            raise ConfigError(
                f"{path} holds trajectories of schema version {saved}, and this program reads {SCHEMA_VERSION}: "
                "export the run anew"
                if saved is not None
                else f"{path} holds no trajectories: expected a file that distil export --to parquet wrote"
            )
        for batch in file.iter_batches(ROWS):
            for record in batch.to_pylist():
                yield Trajectory(record["run"], json.loads(record["exact"]) if record["exact"] else _row(record))


def _columns(row: Mapping[str, Any]) -> dict[str, Any]:
    task, prompt, tokens = row["task"], row["task"]["prompt"], row.get("tokens")
    plain = isinstance(prompt, str)
    columns = {name: row[name] for name in ("step", "rollout_id", "group_id", "logprobs")}
    columns["task"] = {
        "id": task["id"],
        "domain": task["domain"],
        "prompt": [{"role": "user", "content": prompt}] if plain else prompt,
        "prompt_is_text": plain,
        "reference": _json(task["reference"]),
        "metadata": _json(task["metadata"]),
    }
    columns["attempts"] = [
        {**attempt, "outcome": (o := attempt["outcome"]) and {**o, "trace": _json(o["trace"])}}
        for attempt in row["attempts"]
    ]
    likeliest = {} if tokens is None else {name: tokens[name] for name in ("student", "expert")}
    columns["tokens"] = tokens and {**tokens, **{name: _named(places) for name, places in likeliest.items()}}
    return columns


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    """Inverse of `_columns`."""
    task, tokens = record["task"], record["tokens"]
    prompt = task["prompt"][0]["content"] if task["prompt_is_text"] else task["prompt"]
    row = {name: record[name] for name in ("step", "rollout_id", "group_id", "logprobs")}
    row["task"] = {
        "id": task["id"],
        "domain": task["domain"],
        "prompt": prompt,
        "reference": json.loads(task["reference"]),
        "metadata": json.loads(task["metadata"]),
    }
    row["attempts"] = [
        {**attempt, "outcome": (o := attempt["outcome"]) and {**o, "trace": json.loads(o["trace"])}}
        for attempt in record["attempts"]
    ]
    if tokens is not None:
        pairs = {name: _pairs(tokens[name]) for name in ("student", "expert")}
        row["tokens"] = {**tokens, **pairs}
    return row


def _named(places: list[Any] | None) -> list[Any] | None:
    return places and [[{"text": text, "probability": p} for text, p in place] for place in places]


def _pairs(places: list[Any] | None) -> list[Any] | None:
    return places and [[[item["text"], item["probability"]] for item in place] for place in places]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _encodable(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row with U+FFFD for every half of a surrogate pair, which UTF-8 cannot hold."""
    try:
        _json(row).encode()
    except UnicodeEncodeError:
        return {name: whole_characters(value) for name, value in row.items()}
    return row


def whole_characters(value: Any) -> Any:
    """The same JSON value with U+FFFD for every half of a surrogate pair."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [whole_characters(item) for item in value]
    if isinstance(value, dict):
        return {whole_characters(name): whole_characters(item) for name, item in value.items()}
    return value


def _module(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"Parquet needs the 'datasets' library, which could not be imported ({error}): "
            "pip install 'distil-envs[datasets]'"
        ) from error
