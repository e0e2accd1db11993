"""`distil bench`: learners × environments × feedback × models × seeds on one budget, finished cells never run again."""

from agents.bench.plan import Cell, Plan
from agents.bench.results import Results

__all__ = ["Cell", "Plan", "Results"]
