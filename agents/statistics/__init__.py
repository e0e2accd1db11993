"""Estimates with 95 % intervals that hold for few seeds: samples of a task, tables of seeds × tasks, whole learners."""

from agents.statistics.interval import (
    Interval,
    mean_interval,
    paired_difference,
    proportion_interval,
    share_interval,
    with_width,
)
from agents.statistics.learners import area_under_curve, interquartile_mean, probability_of_improvement
from agents.statistics.samples import best_at_k, maj_at_k, pass_at_k
from agents.statistics.tables import crossed_interval, difference_interval, nested_interval

__all__ = [
    "Interval",
    "area_under_curve",
    "best_at_k",
    "crossed_interval",
    "difference_interval",
    "interquartile_mean",
    "maj_at_k",
    "mean_interval",
    "nested_interval",
    "paired_difference",
    "pass_at_k",
    "probability_of_improvement",
    "proportion_interval",
    "share_interval",
    "with_width",
]
