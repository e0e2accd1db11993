"""What runs inside a sandbox: the resident runner and the process that it forks for every program.

Standard library only, Python 3.10 or newer. The back-end sends the source of these files to a bare interpreter
(`distil_envs.sandbox.boot`), so that an image is any root file system with ``python3`` and never goes stale.
"""
