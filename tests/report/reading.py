"""What tests read of runs and of packed episodes."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

from agents.report.groups import Group, group_runs
from agents.report.runs import find_runs
from tests.report.conftest import rows


def groups(*paths: Path) -> list[Group]:
    return group_runs(find_runs(paths))


def opened(block: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(block)))


def held_out(run: Path, step: int) -> dict[str, Any]:
    (found,) = [row for row in rows(run, "evaluations.jsonl") if (row["set"], row["step"]) == ("held-out", step)]
    return found


def all_of(blocks: list[str]) -> list[Any]:
    return [row for block in blocks for row in opened(block)]
