"""Median, 95th percentile and programs a second of a warm sandbox, against `docker run` and `docker exec`.

    python benchmarks/sandbox.py [rounds]

The same as `distil sandbox bench`. It needs a Docker daemon, its command line, and the image (`distil sandbox build`).
"""

from __future__ import annotations

import sys

from agents.cli.sandbox import bench

if __name__ == "__main__":
    bench(rounds=int(sys.argv[1]) if len(sys.argv) > 1 else 3)
