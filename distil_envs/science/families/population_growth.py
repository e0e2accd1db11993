"""Growth of populations: doublings, exponential growth, doubling time, logistic growth."""

from __future__ import annotations

from math import exp, log, log10

from distil_envs.family import Question, Worked
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity, rounded
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product

_DOUBLING_MINUTES = (10, 15, 20, 30, 60)


def _doublings(start: int, doublings: int) -> Worked:
    value = start * 2**doublings
    steps = [
        f"{doublings} doublings multiply by 2^{doublings} = {2**doublings}",
        f"{start} * {2**doublings} = {value}",
    ]
    wrong = slips(
        "",
        ("doubled-once", 2 * start, "The cells were doubled only once.", 1),
        ("two-times-n", start * 2 * doublings, "The number was multiplied by 2*n, not by 2^n.", 1),
        ("n-squared", start * doublings**2, "The square n^2 was taken for 2^n.", 1),
        ("one-more", 2 * value, "One doubling too many was counted.", 1),
        ("forgot-start", 2**doublings, "It was reckoned from a single cell.", 2),
    )
    return exact(value, "", {"start": start, "n": doublings}, steps, wrong)


def _after(start: int, minutes: int, doublings: int) -> Worked:
    value = start * 2**doublings
    total = minutes * doublings
    steps = [
        f"Doublings: {total} min / {minutes} min = {doublings}",
        f"2^{doublings} = {2**doublings}",
        f"{start} * {2**doublings} = {value}",
    ]
    wrong = slips(
        "",
        ("linear", start * (doublings + 1), "The start was added once for each doubling time.", 2),
        ("two-times-n", start * 2 * doublings, "The number was multiplied by 2*n, not by 2^n.", 2),
        ("one-more", 2 * value, "One doubling too many was counted.", 1),
        ("one-less", value / 2, "One doubling too few was counted.", 1),
    )
    return exact(value, "", {"start": start, "m": minutes, "total": total}, steps, wrong)


def _before(end_factor: int, minutes: int, doublings: int) -> Worked:
    """How long until there are so many."""
    value = minutes * doublings
    start, end = 5 * end_factor, 5 * end_factor * 2**doublings
    steps = [
        f"{end} / {start} = {2**doublings} = 2^{doublings}, so {doublings} doublings",
        f"{doublings} * {minutes} min = {value} min",
    ]
    wrong = slips(
        "min",
        ("linear", (2**doublings - 1) * minutes, "Each doubling time was taken to add the start once.", 1),
        ("ratio-times-time", 2**doublings * minutes, "The ratio was taken for the number of doublings.", 1),
        ("half-the-ratio", 2 ** (doublings - 1) * minutes, "The ratio was divided by 2 to count the doublings.", 1),
        ("one-less", value - minutes, "One doubling too few was counted.", 1),
    )
    return exact(value, "min", {"start": start, "end": end, "m": minutes}, steps, wrong)


def _exponential(start: int, percent: int, years: int) -> Worked:
    r = percent / 100
    value = start * exp(r * years)
    steps = [
        f"r*t = {shown(r)} * {years} = {shown(r * years)}",
        f"e^{shown(r * years)} = {shown(exp(r * years))}",
        f"{start} * {shown(exp(r * years))} = {rounded(value)}",
    ]
    wrong = slips(
        "",
        ("linear", start * (1 + r * years), "Growth was taken to be linear.", 2),
        ("yearly-steps", start * (1 + r) ** years, "Growth was reckoned in yearly steps, not continuously.", 2),
        ("wrong-sign", start * exp(-r * years), "The exponent was given a minus sign.", 2),
        ("base-ten", start * 10 ** (r * years), "The base 10 was taken instead of e.", 2),
    )
    return quantity(value, "", {"start": start, "r": shown(r), "t": years}, steps, wrong)


def _doubling_time(thousandths: int, unit: str) -> Worked:
    r = thousandths / 1000
    value = log(2) / r
    steps = ["N doubles when e^(r*t) = 2, so t = ln(2) / r.", f"0.6931 / ({shown(r)} 1/{unit}) = {amount(value, unit)}"]
    wrong = slips(
        unit,
        ("log10", log10(2) / r, "The logarithm log10 was taken for ln.", 1),
        ("forgot-logarithm", 2 / r, "The logarithm of 2 was left out.", 1),
        ("one-over-r", 1 / r, "The time for growth by the factor e was given.", 1),
        ("upside-down", r / log(2), "The fraction was turned upside down.", 2),
    )
    slots = {"r": shown(r), "unit": unit, "units": {"h": "h", "day": "days"}[unit]}
    return quantity(value, unit, slots, steps, wrong)


def _growth_rate(first: int, factor: int, hours: int) -> Worked:
    last = first * factor
    value = log(factor) / hours
    steps = [
        f"N(t)/N(0) = {last} / {first} = {factor}",
        f"r = ln({factor}) / t = {shown(log(factor))} / {hours} h = {amount(value, '1/h')}",
    ]
    wrong = slips(
        "1/h",
        ("log10", log10(factor) / hours, "The logarithm log10 was taken for ln.", 2),
        ("no-logarithm", factor / hours, "The logarithm was left out.", 2),
        ("relative-increase", (factor - 1) / hours, "Growth was taken to be linear.", 2),
        ("upside-down", hours / log(factor), "The fraction was turned upside down.", 2),
    )
    return quantity(value, "1/h", {"first": first, "last": last, "t": hours}, steps, wrong)


def _logistic_rate(tenths: int, hundreds: int, share: int) -> Worked:
    r, capacity = tenths / 10, 100 * hundreds
    n = capacity * share // 20
    value = r * n * (1 - n / capacity)
    steps = [
        f"1 - N/K = 1 - {n}/{capacity} = {shown(1 - n / capacity)}",
        f"r*N*(1 - N/K) = {shown(r)} * {n} * {shown(1 - n / capacity)} = {rounded(value)}",
    ]
    wrong = slips(
        "",
        ("exponential", r * n, "The limit K was left out.", 2),
        ("only-n-over-k", r * n * n / capacity, "N/K was used in place of 1 - N/K.", 1),
        ("of-capacity", r * capacity * (1 - n / capacity), "K was put in for N.", 2),
        ("no-rate", n * (1 - n / capacity), "The rate r was left out.", 2),
    )
    return quantity(value, "", {"r": shown(r), "K": capacity, "N": n}, steps, wrong)


def _logistic(tenths: int, capacity: int, share: int, years: int) -> Worked:
    r, k = tenths / 10, 100 * capacity
    start = k // share
    decay = exp(-r * years)
    a = k / start - 1
    value = k / (1 + a * decay)
    steps = [
        f"A = K/N0 - 1 = {k}/{start} - 1 = {shown(a)}",
        f"e^(-r*t) = e^(-{shown(r * years)}) = {shown(decay)}",
        f"1 + A*e^(-r*t) = 1 + {shown(a)} * {shown(decay)} = {shown(1 + a * decay)}",
        f"{k} / {shown(1 + a * decay)} = {rounded(value)}",
    ]
    wrong = slips(
        "",
        ("exponential", start / decay, "Growth was taken to be without limit.", 4),
        ("wrong-sign", k / (1 + a / decay), "The exponent was given a plus sign.", 2),
        ("ratio-not-lessened", k / (1 + k / start * decay), "The 1 was not subtracted from K/N0.", 1),
        ("forgot-one", k / (a * decay), "The 1 in the denominator was left out.", 3),
    )
    return quantity(value, "", {"r": shown(r), "K": k, "N": start, "t": years}, steps, wrong)


FAMILY = ScienceFamily(
    "population-growth",
    "biology",
    [
        [
            Question(
                "doublings",
                Product(range(1, 41), range(2, 7)),
                _doublings,
                (
                    "{start} bacteria double {n} times. How many are there then?",
                    "How many cells are there after {n} doublings of {start} cells?",
                ),
            )
        ],
        [
            Question(
                "after-time",
                Product(range(2, 51), _DOUBLING_MINUTES, range(3, 9)),
                _after,
                (
                    "{start} bacteria double every {m} min. How many are there after {total} min?",
                    "A culture of {start} cells has a doubling time of {m} min. How many cells are there after "
                    "{total} min?",
                ),
            ),
            Question(
                "time-needed",
                Product(range(1, 21), _DOUBLING_MINUTES, range(3, 9)),
                _before,
                (
                    "Bacteria double every {m} min. After how many minutes have {start} become {end}?",
                    "How many min does a culture with a doubling time of {m} min take to grow from {start} to {end} "
                    "cells?",
                ),
            ),
        ],
        [
            Question(
                "exponential",
                Product(range(100, 2001, 50), range(1, 21), range(3, 16)),
                _exponential,
                (
                    "{start} animals grow exponentially at r = {r} per year, N(t) = N(0)*e^(r*t). How many are there "
                    "after {t} years? Give 3 significant figures.",
                    "With N(t) = N(0)*e^(r*t), r = {r} per year and N(0) = {start}, find N after {t} years to 3 "
                    "significant figures.",
                ),
            ),
            Question(
                "doubling-time",
                Product(range(5, 401), ("h", "day")),
                _doubling_time,
                (
                    "A population grows exponentially at r = {r} per {unit}. Find its doubling time in {units} to 3 "
                    "significant figures.",
                    "How long, in {units}, does exponential growth at the rate {r} per {unit} take to double a "
                    "population? Give 3 significant figures.",
                ),
            ),
        ],
        [
            Question(
                "growth-rate",
                Product(range(100, 1001, 50), range(2, 31), range(2, 13)),
                _growth_rate,
                (
                    "A culture grows exponentially from {first} to {last} cells in {t} h. Find r in 1/h to 3 "
                    "significant figures.",
                    "Cells rise from {first} to {last} within {t} h. What is the exponential growth rate in 1/h, to "
                    "3 significant figures?",
                ),
            ),
            Question(
                "logistic-rate",
                Filtered(Product(range(1, 10), range(2, 31), range(1, 20)), lambda r, k, share: share != 10),
                _logistic_rate,
                (
                    "Logistic growth: r = {r} per year, K = {K}, N = {N}. By how many animals per year does the "
                    "population grow now? Give 3 significant figures.",
                    "Find dN/dt = r*N*(1 - N/K) in animals per year for N = {N}, K = {K} and r = {r} per year, to 3 "
                    "significant figures.",
                ),
            ),
        ],
        [
            Question(
                "logistic",
                Product(range(1, 10), range(5, 41), (4, 5, 10, 20, 25), range(1, 11)),
                _logistic,
                (
                    "A population grows logistically from {N} with r = {r} per year and K = {K}. How large is it "
                    "after {t} years? Give 3 significant figures.",
                    "N(t) = K/(1 + A*e^(-r*t)) with A = K/N(0) - 1. Find N for K = {K}, N(0) = {N}, r = {r} per year "
                    "and t = {t} years to 3 significant figures.",
                ),
            )
        ],
    ],
)
