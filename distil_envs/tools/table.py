"""`TableTool`: looks rows up in a table."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from distil_envs.errors import ConfigError
from distil_envs.tools.tool import ToolError

Row = Mapping[str, Any]

_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d{1,3})?", re.ASCII)


class TableTool:
    """Looks up the rows of a table whose columns have given values, and shows each as a line of JSON.

    Texts are equal whatever their case and surrounding blanks. A text that is a number, as all are of a CSV file, is
    that number: ``"3.50"`` is 3.5, but ``"007"`` is a text.
    """

    def __init__(
        self,
        rows: Sequence[Row] | str | Path,
        name: str = "table",
        description: str | None = None,
        max_rows: int = 20,
    ) -> None:
        """
        Args:
            rows: mappings from column to value; or the path of a ``.csv`` file with a header, of a ``.jsonl`` file of
                objects, or of a ``.json`` file with a list of them.
            name: of the tool.
            description: for the policy; the columns are told behind it. By default that it looks up rows.
            max_rows: rows shown of one call; of the others only how many they are.

        Raises:
            ConfigError: no row, a file that cannot be read, a row that is none, max_rows below 1.
        """
        if max_rows < 1:
            raise ConfigError(f"max_rows must be at least 1, got {max_rows}")
        source = str(rows) if isinstance(rows, (str, Path)) else f"the rows of tool {name!r}"
        found = _read(Path(rows)) if isinstance(rows, (str, Path)) else rows
        if not isinstance(found, Sequence):
            raise ConfigError(f"{source} must be a list of mappings, or the path of a file with them, got {rows!r:.80}")
        bad = [row for row in found if not isinstance(row, Mapping) or not all(isinstance(key, str) for key in row)]
        if bad:
            raise ConfigError(f"{source}: a row must map names of columns to values, got {bad[0]!r:.80}")
        if not found:
            raise ConfigError(f"{source}: there must be at least one row")
        self.name = name
        self.max_rows = max_rows
        self._rows = [dict(row) for row in found]
        self._columns = list(dict.fromkeys(key for row in self._rows for key in row))
        columns = ", ".join(self._columns)
        self.description = f"{description or 'Looks up rows of a table.'} Columns: {columns}."
        value = {"type": ["string", "number", "boolean", "null"]}
        self.parameters: Mapping[str, Any] = {
            "type": "object",
            "properties": {
                "where": {
                    "type": "object",
                    "description": "Values that columns must have, by column; all of them.",
                    "additionalProperties": value,
                },
                "columns": {
                    "type": "array",
                    "description": "Columns to show; all if left out.",
                    "items": {"type": "string"},
                },
            },
            "additionalProperties": False,
        }

    def __call__(self, arguments: Mapping[str, Any]) -> str:
        """The rows found, one a line. Raises ToolError for a column that there is not."""
        where, shown = arguments.get("where", {}), arguments.get("columns") or self._columns
        for column in (*where, *shown):
            if column not in self._columns:
                raise ToolError(f"Error: there is no column {column!r:.80}. Columns: {', '.join(self._columns)}.")
        wanted = {column: _key(value) for column, value in where.items()}
        found = [row for row in self._rows if all(_key(row.get(column)) == key for column, key in wanted.items())]
        if not found:
            return "No row matches."
        lines = [
            json.dumps({column: row.get(column) for column in shown}, ensure_ascii=False, default=str)
            for row in found[: self.max_rows]
        ]
        if len(found) > self.max_rows:
            lines.append(f"({len(found) - self.max_rows} more rows match)")
        return "\n".join(lines)


def _key(value: Any) -> Any:
    """What two equal values share."""
    if value is None:
        return None
    text = str(value).strip().casefold()
    return Decimal(text) if _NUMBER.fullmatch(text) else text


def _read(path: Path) -> Sequence[Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".csv":
            return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
        if path.suffix == ".jsonl":
            return [json.loads(line) for line in text.split("\n") if line.strip()]
        rows = json.loads(text) if path.suffix == ".json" else None
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(f"the table {path} cannot be read: {error}") from error
    if not isinstance(rows, list):
        raise ConfigError(f"a table must be a .csv file, a .jsonl file or a .json file with a list of rows, got {path}")
    return rows
