"""The code in docs/ runs: the python blocks of a page, in order, as one script without a guard."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).resolve().parent.parent / "docs").glob("*.md"))
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")
WITH_CODE = [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))]


def script(page: Path) -> str:
    """The page's code, each line where it stands on the page, so that a traceback points there."""
    text = page.read_text(encoding="utf-8")
    lines = [""] * text.count("\n")
    for block in BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(1))
        code = block.group(1).splitlines()
        lines[first : first + len(code)] = code
    return "\n".join(lines) + "\n"


def test_there_are_pages_with_code() -> None:
    assert {"environments.md", "feedback.md"} <= {page.name for page in WITH_CODE}


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path, repository: Path) -> None:
    file = tmp_path / f"{page.stem}_page.py"
    file.write_text(script(page), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error::SyntaxWarning", str(file)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(repository), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "failed on our side" not in done.stderr
    assert list(tmp_path.glob("runs/*/model/model.safetensors")), "a page trains, and leaves a run"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.stem)
def test_each_story_is_short(page: Path) -> None:
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        assert len([line for line in block.splitlines() if line.strip()]) <= 20, block
