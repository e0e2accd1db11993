"""Enzyme kinetics: the Michaelis-Menten equation, turnover, inhibition, the Lineweaver-Burk plot."""

from __future__ import annotations

from distil_envs.family import Question, Worked
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product


def _simple(part: int, km: int, ratio: int) -> Worked:
    """[S] a small multiple of Km, so that the rate is a simple share of Vmax."""
    vmax = (ratio + 1) * part
    s = ratio * km
    value = ratio * part
    steps = [
        f"[S] / (Km + [S]) = {s} / ({km} + {s}) = {ratio}/{ratio + 1}",
        f"v = {vmax} umol/min * {ratio}/{ratio + 1} = {value} umol/min",
    ]
    wrong = slips(
        "umol/min",
        ("always-half", vmax / 2, "Half of Vmax was given, as if [S] were Km.", 1),
        ("km-on-top", vmax - value, "Km was put in the numerator, not [S].", 1),
        ("saturated", vmax, "The enzyme was taken to be saturated.", 2),
        ("forgot-sum", vmax * ratio, "The concentration [S] was divided by Km alone.", 1),
    )
    return exact(value, "umol/min", {"v": vmax, "km": km, "s": s}, steps, wrong)


def _rate(vmax: int, km: int, s: int) -> Worked:
    value = vmax * s / (km + s)
    steps = [
        f"Km + [S] = {km} + {s} = {km + s} mmol/L",
        f"v = Vmax*[S]/(Km + [S]) = {vmax} * {s} / {km + s} = {amount(value, 'umol/min')}",
    ]
    wrong = slips(
        "umol/min",
        ("km-on-top", vmax * km / (km + s), "Km was put in the numerator, not [S].", 2),
        ("forgot-sum", vmax * s / km, "The concentration [S] was divided by Km alone.", 1),
        ("always-half", vmax / 2, "Half of Vmax was given, as if [S] were Km.", 2),
        ("forgot-vmax", s / (km + s), "Vmax was left out.", 2),
    )
    return quantity(value, "umol/min", {"v": vmax, "km": km, "s": s}, steps, wrong)


def _substrate(km: int, percent: int) -> Worked:
    value = km * percent / (100 - percent)
    steps = [
        f"v/Vmax = {percent}/100 = [S]/(Km + [S]), so [S] = Km * {percent} / (100 - {percent})",
        f"{km} mmol/L * {percent} / {100 - percent} = {amount(value, 'mmol/L')}",
    ]
    wrong = slips(
        "mmol/L",
        ("share-of-km", km * percent / 100, "The share of Vmax was taken as the share of Km.", 1),
        ("upside-down", km * (100 - percent) / percent, "The fraction was turned upside down.", 1),
        ("km-itself", km, "Km was given, where the rate is half of Vmax.", 1),
        ("km-over-rest", km * 100 / (100 - percent), "Km + [S] was given, not [S].", 2),
    )
    return quantity(value, "mmol/L", {"km": km, "p": percent}, steps, wrong)


def _turnover(vmax: int, enzyme: int) -> Worked:
    """Vmax in umol/(L*s), enzyme in nmol/L."""
    value = vmax * 1000 / enzyme
    steps = [
        f"[E] = {enzyme} nmol/L = {shown(enzyme / 1000)} umol/L",
        f"kcat = Vmax/[E] = {vmax} / {shown(enzyme / 1000)} = {amount(value, '1/s')}",
    ]
    wrong = slips(
        "1/s",
        ("nano-taken-as-micro", vmax / enzyme, "A nmol was taken for a umol.", 1),
        ("upside-down", enzyme / 1000 / vmax, "The concentration [E] was divided by Vmax.", 2),
        ("multiplied", vmax * enzyme / 1000, "Vmax was multiplied by [E].", 2),
    )
    return quantity(value, "1/s", {"v": vmax, "e": enzyme}, steps, wrong)


def _competitive(vmax: int, km: int, s: int, ki: int, inhibitor: int) -> Worked:
    factor = 1 + inhibitor / ki
    value = vmax * s / (km * factor + s)
    steps = [
        f"1 + [I]/Ki = 1 + {inhibitor}/{ki} = {shown(factor)}",
        f"Apparent Km: {km} * {shown(factor)} = {shown(km * factor)} mmol/L",
        f"v = {vmax} * {s} / ({shown(km * factor)} + {s}) = {amount(value, 'umol/min')}",
    ]
    wrong = slips(
        "umol/min",
        ("no-inhibitor", vmax * s / (km + s), "The inhibitor was left out.", 2),
        ("noncompetitive", vmax / factor * s / (km + s), "Vmax was lowered in place of raising Km.", 2),
        ("forgot-one", vmax * s / (km * inhibitor / ki + s), "The 1 of 1 + [I]/Ki was left out.", 1),
        ("upside-down", vmax * s / (km * (1 + ki / inhibitor) + s), "Ki was divided by [I].", 1),
    )
    return quantity(value, "umol/min", {"v": vmax, "km": km, "s": s, "ki": ki, "i": inhibitor}, steps, wrong)


def _noncompetitive(vmax: int, km: int, s: int, ki: int, inhibitor: int) -> Worked:
    factor = 1 + inhibitor / ki
    value = vmax / factor * s / (km + s)
    steps = [
        f"1 + [I]/Ki = 1 + {inhibitor}/{ki} = {shown(factor)}",
        f"Apparent Vmax: {vmax} / {shown(factor)} = {shown(vmax / factor)} umol/min",
        f"v = {shown(vmax / factor)} * {s} / ({km} + {s}) = {amount(value, 'umol/min')}",
    ]
    wrong = slips(
        "umol/min",
        ("no-inhibitor", vmax * s / (km + s), "The inhibitor was left out.", 2),
        ("competitive", vmax * s / (km * factor + s), "Km was raised in place of lowering Vmax.", 2),
        ("forgot-one", vmax * ki / inhibitor * s / (km + s), "The 1 of 1 + [I]/Ki was left out.", 1),
        ("vmax-raised", vmax * factor * s / (km + s), "Vmax was multiplied by the factor, not divided.", 2),
    )
    return quantity(value, "umol/min", {"v": vmax, "km": km, "s": s, "ki": ki, "i": inhibitor}, steps, wrong)


def _lineweaver(intercept: int, slope: int, asked: str) -> Worked:
    """1/v = slope * 1/[S] + intercept, both parameters in thousandths."""
    b, m = intercept / 1000, slope / 1000
    values = {"Vmax": (1 / b, "umol/min"), "Km": (m / b, "mmol/L")}
    value, unit = values[asked]
    steps = ["1/v = (Km/Vmax) * 1/[S] + 1/Vmax", f"Vmax = 1/{shown(b)} = {amount(1 / b, 'umol/min')}"]
    if asked == "Km":
        steps.append(f"Km = slope * Vmax = {shown(m)} * {shown(1 / b)} = {amount(m / b, 'mmol/L')}")
        rows = [
            ("slope-as-km", m, "The slope itself was taken for Km.", 1),
            ("upside-down", b / m, "The intercept was divided by the slope: that is 1/Km.", 3),
            ("slope-times-intercept", m * b, "The slope was multiplied by 1/Vmax.", 3),
        ]
    else:
        rows = [
            ("intercept-as-vmax", b, "The intercept itself was taken for Vmax.", 2),
            ("slope-as-vmax", m, "The slope was taken for Vmax.", 1),
            ("inverse-slope", 1 / m, "The inverse of the slope was taken for Vmax.", 2),
        ]
    return quantity(
        value, unit, {"b": shown(b), "m": shown(m), "asked": asked, "unit": unit}, steps, slips(unit, *rows)
    )


_rates = Filtered(Product(range(20, 201, 10), range(2, 21), range(1, 41)), lambda v, km, s: s % km != 0)
_inhibited = Product(range(50, 201, 25), range(2, 11), range(1, 31, 3), (2, 4, 5, 10), (3, 6, 8, 12, 15))
_INHIBITED = (
    "Michaelis-Menten kinetics with a {kind} inhibitor: Vmax = {{v}} umol/min, Km = {{km}} mmol/L, [S] = {{s}} mmol/L, "
    "Ki = {{ki}} umol/L, [I] = {{i}} umol/L. Find the rate in umol/min to 3 significant figures.",
    "An enzyme (Km = {{km}} mmol/L, Vmax = {{v}} umol/min) meets {{i}} umol/L of a {kind} inhibitor with Ki = {{ki}} "
    "umol/L. Find v in umol/min at [S] = {{s}} mmol/L, to 3 significant figures.",
)

FAMILY = ScienceFamily(
    "enzyme-kinetics",
    "biology",
    [
        [
            Question(
                "simple-rate",
                Product(range(2, 21), range(1, 11), (2, 3, 4, 9)),
                _simple,
                (
                    "An enzyme has Vmax = {v} umol/min and Km = {km} mmol/L. Find its rate in umol/min at [S] = {s} "
                    "mmol/L.",
                    "Michaelis-Menten: Km = {km} mmol/L, [S] = {s} mmol/L, Vmax = {v} umol/min. What is v in umol/min?",
                ),
            )
        ],
        [
            Question(
                "rate",
                _rates,
                _rate,
                (
                    "An enzyme has Vmax = {v} umol/min and Km = {km} mmol/L. Find its rate in umol/min at [S] = {s} "
                    "mmol/L to 3 significant figures.",
                    "Michaelis-Menten: Km = {km} mmol/L, [S] = {s} mmol/L, Vmax = {v} umol/min. What is v in "
                    "umol/min? Give 3 significant figures.",
                ),
            ),
            Question(
                "turnover",
                Product(range(2, 101), range(5, 100, 5)),
                _turnover,
                (
                    "An enzyme at {e} nmol/L has Vmax = {v} umol/(L*s). Find kcat in 1/s to 3 significant figures.",
                    "What is the turnover number in 1/s, to 3 significant figures, if Vmax is {v} umol/(L*s) with {e} "
                    "nmol/L of enzyme?",
                ),
            ),
        ],
        [
            Question(
                "substrate",
                Filtered(Product(range(2, 41), range(5, 100, 5)), lambda km, p: p != 50),
                _substrate,
                (
                    "An enzyme has Km = {km} mmol/L. At which [S] in mmol/L is its rate {p} % of Vmax? Give 3 "
                    "significant figures.",
                    "Find the substrate concentration in mmol/L, to 3 significant figures, that gives {p} % of Vmax "
                    "when Km = {km} mmol/L.",
                ),
            ),
            Question(
                "lineweaver-burk",
                Filtered(Product(range(4, 51), range(12, 200, 4), ("Vmax", "Km")), lambda b, m, asked: b != m),
                _lineweaver,
                (
                    "1/v (min/umol) against 1/[S] (L/mmol) is a line with slope {m} and intercept {b}. Find {asked} in "
                    "{unit} to 3 significant figures.",
                    "A Lineweaver-Burk line is 1/v = {m}/[S] + {b}, v in umol/min and [S] in mmol/L. What is {asked} "
                    "in {unit}, to 3 significant figures?",
                ),
            ),
        ],
        [
            Question(
                kind,
                _inhibited,
                work,
                tuple(phrasing.format(kind=kind) for phrasing in _INHIBITED),
            )
            for kind, work in (("competitive", _competitive), ("noncompetitive", _noncompetitive))
        ],
    ],
)
