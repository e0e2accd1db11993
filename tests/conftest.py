"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of public data sets. Skips, with the reason, where DISTIL_DATA is not set."""
    folder = os.environ.get("DISTIL_DATA")
    if not folder:
        pytest.skip("DISTIL_DATA is not set: it names the folder with gsm8k/, aime24/, college_math/, ...")
    path = Path(folder)
    assert path.is_dir(), f"DISTIL_DATA={folder} is not a folder"
    return path


@pytest.fixture(autouse=True)
def _cuda_tests_skip_aloud(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")
