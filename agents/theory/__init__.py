"""The theory of DistIL, computed: each statement of docs/theory.md beside the number that comes out.

One oracle a file, in float64, by enumeration, fixed points or finite differences. Only the variances are sampled.
"""

from agents.theory.claim import Claim
from agents.theory.oracles import ORACLES

__all__ = ["ORACLES", "Claim"]
