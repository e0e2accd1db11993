"""What a policy sampled, as data: read back, graded again, and written for others to read.

`Trajectory` is an episode of a run's log, `read_run` gives them all, `write_parquet` and `load` keep them losslessly,
`sft_rows` and `preference_rows` make chats to train on, `rescore` grades them with today's verifier.
"""

from agents.trajectories.chats import Targets, preference_rows, sft_rows, unique
from agents.trajectories.files import appearing, bare_env, read_run
from agents.trajectories.parquet import SCHEMA_VERSION, features, load, write_parquet
from agents.trajectories.rescoring import Regraded, rescore
from agents.trajectories.trajectory import Trajectory

__all__ = [
    "SCHEMA_VERSION",
    "Regraded",
    "Targets",
    "Trajectory",
    "appearing",
    "bare_env",
    "features",
    "load",
    "preference_rows",
    "read_run",
    "rescore",
    "sft_rows",
    "unique",
    "write_parquet",
]
