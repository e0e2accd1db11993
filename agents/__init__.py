"""Who acts and learns: policies, rollouts, learners, trainer, evaluation and the command line."""

from distil_envs.ownership import require_ours

# openai-agents installs a folder of this name too. This line must stay first: it is also how `ownership` knows us.
require_ours(__file__)
