"""A run of four groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trajectories.runs import RIGHT, played, row_of, write_run

GROUPS = ([[RIGHT], ["12", RIGHT], ["12", "13"]], [["7", "8"], ["7", "9"]], [[RIGHT], [RIGHT]])
"""For each step a group, for each of its rollouts the answers."""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Its folder."""
    rows = [
        row_of(played(group, answers, sample), step=group + 1)
        for group, rollouts in enumerate(GROUPS)
        for sample, answers in enumerate(rollouts)
    ]
    return write_run(tmp_path / "run", rows)
