"""The command `distil`. `distil_envs.__main__` starts it."""

from agents.cli.main import main

__all__ = ["main"]
