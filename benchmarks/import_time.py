"""Seconds that `import distil_envs` takes beyond `import gymnasium`, each in a fresh interpreter.

    python benchmarks/import_time.py [runs]

The two are measured in turn, so that a busy machine slows both alike; the medians are compared.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile

PROGRAM = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def seconds(module: str, folder: str) -> float:
    """Time of one import in a fresh interpreter, without the start of the interpreter itself."""
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM.format(module)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main(runs: int) -> None:
    times: dict[str, list[float]] = {"gymnasium": [], "distil_envs": []}
    with tempfile.TemporaryDirectory() as folder:
        for module in times:
            seconds(module, folder)  # reads the files into the cache, writes the bytecode
        for _ in range(runs):
            for module, values in times.items():
                values.append(seconds(module, folder))
    base, ours = (statistics.median(values) for values in times.values())
    print(f"import gymnasium    {base:.3f} s (median of {runs})")
    print(f"import distil_envs  {ours:.3f} s (median of {runs})")
    print(f"beyond gymnasium    {ours - base:.3f} s (wanted: under 0.3 s)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 11)
