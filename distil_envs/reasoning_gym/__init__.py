"""Tasks of reasoning-gym (the extra ``distil-envs[reasoning-gym]``), with our seeding and guarded scorers.

The library generates the items and scores the answers; nothing of it is copied here. `items` is the only module that
imports it, and `faults` says which of its sets cannot be used, and why.
"""
