"""The command `distil`, also ``python -m distil_envs``.

It starts here and not in `agents`, because where another package has taken that name nothing inside it can be trusted
to run, and `distil doctor` must still say so.
"""

from __future__ import annotations

import importlib
import sys

from distil_envs.ownership import agents_problem


def main() -> int | None:
    """Run the command line; the exit status is the return value."""
    problem = agents_problem()
    if problem:
        print(f"distil: {problem}", file=sys.stderr)
        return 1
    status: int | None = importlib.import_module("agents.cli").main()
    return status


if __name__ == "__main__":
    sys.exit(main())
