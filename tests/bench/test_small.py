"""What the README shows of `small` is what its results say."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from agents.bench import Plan, Results
from agents.report.comparison import read_comparison


@pytest.fixture(scope="module")
def small_table(repository: Path) -> ModuleType:
    """benchmarks/small_table.py."""
    spec = importlib.util.spec_from_file_location("small_table", repository / "benchmarks" / "small_table.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_in_the_readme_is_made_of_the_results(small_table: ModuleType) -> None:
    plan = Plan.load(str(small_table.FOLDER / "plan.yaml"))
    assert plan == Plan.load("small")
    rows, stale = Results(small_table.FOLDER / "results.jsonl").finished(plan)
    assert stale == {}
    readme = (small_table.ROOT / "README.md").read_text(encoding="utf-8")
    assert small_table.page(readme, "\n".join(small_table.table(plan, rows))) == readme


def test_its_figures_are_there(small_table: ModuleType) -> None:
    found = read_comparison(small_table.FOLDER, "small")
    assert found is not None
    names = {f"{figure.name}{end}" for figures in found.figures for figure in figures for end in (".png", ".svg")}
    assert names == {path.name for path in small_table.FIGURES.iterdir()}


def test_no_machine_stands_in_the_results(small_table: ModuleType) -> None:
    for line in (small_table.FOLDER / "results.jsonl").read_text(encoding="utf-8").splitlines():
        assert json.loads(line)["config"]["run_dir"] is None
