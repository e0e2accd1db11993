"""Credit against the truth: what a learner does to each token, beside that token's true advantage, found by branching.

- `truth`: rollouts, all their prefixes, and what becomes of each when it is continued many times.
- `learned`: what one real update of a learner does to the logits of the sampled tokens.
- `score`: how far the two agree.
- `measure`: the three together.
"""

from agents.credit_truth.config import CreditConfig
from agents.credit_truth.learned import Credit, credit_of
from agents.credit_truth.measure import Measure, Report
from agents.credit_truth.score import Agreement, Where, agreement, ceilings, difference
from agents.credit_truth.truth import Advantages, Branched

__all__ = [
    "Advantages", "Agreement", "Branched", "Credit", "CreditConfig", "Measure", "Report", "Where", "agreement",
    "ceilings", "credit_of", "difference",
]  # fmt: skip
