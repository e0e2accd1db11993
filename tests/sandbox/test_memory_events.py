"""Whether a process was killed at its own memory limit or for the host's lack of memory, from the kernel's counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from distil_envs.sandbox.inside.runner import MemoryEvents

MB = 1 << 20
KILLED = "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"
NOT_KILLED = "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n"


def version_1(root: Path, control: str, used: int, with_swap: int | None = None, limit: int = 64) -> MemoryEvents:
    """Of a group with this limit, in MiB, for memory and, where swap is counted, for both together."""
    files = {"oom_control": control, "max_usage_in_bytes": f"{used * MB}\n", "limit_in_bytes": f"{limit * MB}\n"}
    if with_swap is not None:
        files |= {"memsw.max_usage_in_bytes": f"{with_swap * MB}\n", "memsw.limit_in_bytes": f"{limit * MB}\n"}
    (root / "memory").mkdir()
    for name, text in files.items():
        (root / "memory" / f"memory.{name}").write_text(text)
    return MemoryEvents(str(root))


@pytest.mark.parametrize(
    ("control", "used", "with_swap", "verdict"),
    [
        (NOT_KILLED, 64, 64, ""),
        (KILLED, 64, None, "limit"),
        (KILLED, 63, None, "limit"),
        (KILLED, 30, None, "host"),
        (KILLED, 30, 64, "limit"),
        (KILLED, 30, 40, "host"),
    ],
)
def test_on_version_1_a_kill_is_at_the_limit_where_a_peak_was_near_it(
    tmp_path: Path, control: str, used: int, with_swap: int | None, verdict: str
) -> None:
    assert version_1(tmp_path, control, used, with_swap).verdict() == verdict


@pytest.mark.parametrize(
    ("events", "verdict"),
    [
        ("low 0\nhigh 0\nmax 9\noom 0\noom_kill 0\n", ""),
        ("low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\n", "limit"),
        ("low 0\nhigh 0\nmax 0\noom 0\noom_kill 1\n", "host"),
    ],
)
def test_on_version_2_the_kernel_counts_both(tmp_path: Path, events: str, verdict: str) -> None:
    (tmp_path / "memory.events").write_text(events)
    assert MemoryEvents(str(tmp_path)).verdict() == verdict


def test_counts_are_read_anew_and_none_are_no_kill(tmp_path: Path) -> None:
    assert MemoryEvents(str(tmp_path)).verdict() == ""
    found = version_1(tmp_path, NOT_KILLED, 64)
    assert found.verdict() == ""
    (tmp_path / "memory" / "memory.oom_control").write_text(KILLED)
    assert found.verdict() == "limit"
