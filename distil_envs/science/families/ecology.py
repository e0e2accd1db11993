"""Ecology: energy in food chains, mark and recapture, density from quadrats, diversity, life tables."""

from __future__ import annotations

from distil_envs.family import Question, Worked
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity, rounded
from distil_envs.science.slips import slips
from distil_envs.spaces import Distinct, Filtered, Product, Unordered

_CHAINS = (
    ("grass", "grasshoppers", "frogs", "snakes"),
    ("algae", "water fleas", "roach", "pike"),
    ("oak leaves", "caterpillars", "blue tits", "sparrowhawks"),
    ("phytoplankton", "krill", "herring", "seals"),
    ("wheat", "mice", "weasels", "owls"),
)


def _ten_percent(chain: tuple[str, ...], energy: int, transfers: int) -> Worked:
    total = energy * 1000
    values = [total // 10**step for step in range(transfers + 1)]
    value = values[-1]
    steps = [
        f"From {chain[step]} to {chain[step + 1]}: {values[step]} kJ * 10/100 = {values[step + 1]} kJ"
        for step in range(transfers)
    ]
    wrong = slips(
        "kJ",
        ("one-transfer-less", 10 * value, "One transfer too few was counted.", transfers),
        ("one-transfer-more", value / 10, "One transfer too many was counted.", transfers),
        ("ninety-percent", total * 0.9**transfers, "The lost 90 % were passed on.", 1),
        ("divided-by-number", total / (10 * transfers), "The energy was divided by 10 times the transfers.", transfers),
    )
    slots = {"first": chain[0], "chain": ", ".join(chain[: transfers + 1]), "e": total, "last": chain[transfers]}
    return exact(value, "kJ", slots, steps, wrong)


def _efficiency(first: int, second: int) -> Worked:
    eaten, kept = 100 * first, second
    value = 100 * kept / eaten
    steps = [f"Efficiency = energy passed on / energy taken in = {kept} / {eaten} = {shown(kept / eaten)}"]
    steps.append(f"{shown(kept / eaten)} * 100 % = {amount(value, '%')}")
    wrong = slips(
        "%",
        ("upside-down", 100 * eaten / kept, "The fraction was turned upside down.", 1),
        ("share-lost", 100 - value, "The share that is lost was given.", 1),
        ("no-percentage", kept / eaten, "The fraction was not turned into a percentage.", 2),
        ("of-the-rest", 100 * kept / (eaten - kept), "The energy was divided by what is lost.", 1),
    )
    return quantity(value, "%", {"eaten": eaten, "kept": kept}, steps, wrong)


def _recapture(marked: int, caught: int, found: int) -> Worked:
    value = marked * caught / found
    steps = [
        "Marked share of the second catch = marked share of the population, so N = marked * caught / recaptured.",
        f"{marked} * {caught} / {found} = {rounded(value)}",
    ]
    wrong = slips(
        "",
        ("multiplied-marks", marked * found / caught, "The second catch and the marked ones in it were exchanged.", 1),
        ("forgot-recaptures", marked * caught, "The recaptured ones were left out.", 2),
        ("added", marked + caught - found, "Only the animals that were seen were counted.", 1),
        ("unmarked-only", marked * caught / found - marked, "The marked animals were subtracted.", 2),
    )
    return quantity(value, "", {"m": marked, "c": caught, "r": found}, steps, wrong)


def _quadrats(side: int, number: int, counted: int, area: int) -> Worked:
    """Quadrats of side / 2 metres in a field of so many square metres."""
    metres = side / 2
    each = metres**2
    value = counted / (number * each) * area
    steps = [
        f"Area of a quadrat: {shown(metres)} m * {shown(metres)} m = {shown(each)} m^2",
        f"Sampled area: {number} * {shown(each)} m^2 = {shown(number * each)} m^2",
        f"Density: {counted} / {shown(number * each)} = {shown(counted / (number * each))} per m^2",
        f"{shown(counted / (number * each))} * {area} = {rounded(value)} plants",
    ]
    wrong = slips(
        "",
        ("side-not-squared", counted / (number * metres) * area, "The side was taken for the area.", 1),
        ("one-quadrat", counted / each * area, "The number of quadrats was left out.", 2),
        ("square-metres", counted / number * area, "Each quadrat was taken to be 1 m^2.", 1),
        ("density", counted / (number * each), "The density was given, not the number in the field.", 4),
    )
    return quantity(value, "", {"s": shown(metres), "q": number, "n": counted, "a": area}, steps, wrong)


def _chain(eaten: int, percents: tuple[int, int, int]) -> Worked:
    """Energy along a chain with its own efficiency at each transfer."""
    start = eaten * 1000
    first, second, third = percents
    a = start * first / 100
    b = a * second / 100
    value = b * third / 100
    steps = [
        f"First consumers: {start} kJ * {first}/100 = {shown(a)} kJ",
        f"Second consumers: {shown(a)} kJ * {second}/100 = {shown(b)} kJ",
        f"Third consumers: {shown(b)} kJ * {third}/100 = {amount(value, 'kJ')}",
    ]
    wrong = slips(
        "kJ",
        ("stopped-early", b, "The last transfer was left out.", 3),
        ("efficiencies-added", start * sum(percents) / 100, "The percentages were added, not multiplied.", 2),
        ("ten-percent-rule", start / 1000, "The rule of 10 % was used for each transfer.", 1),
        (
            "losses-passed-on",
            start * (100 - first) * (100 - second) * (100 - third) / 10**6,
            "What is lost was passed on.",
            1,
        ),
    )
    return quantity(value, "kJ", {"e": start, "p": first, "q": second, "r": third}, steps, wrong)


def _simpson(*numbers: int) -> Worked:
    total = sum(numbers)
    pairs = sum(n * (n - 1) for n in numbers)
    value = 1 - pairs / (total * (total - 1))
    steps = [
        f"N = {' + '.join(map(str, numbers))} = {total}",
        f"Sum of n*(n - 1): {' + '.join(f'{n}*{n - 1}' for n in numbers)} = {pairs}",
        f"N*(N - 1) = {total} * {total - 1} = {total * (total - 1)}",
        f"D = 1 - {pairs}/{total * (total - 1)} = {rounded(value)}",
    ]
    wrong = slips(
        "",
        ("not-subtracted", pairs / (total * (total - 1)), "The sum was not subtracted from 1.", 4),
        ("with-replacement", 1 - sum(n * n for n in numbers) / total**2, "The squares n*n were used for n*(n - 1).", 2),
        ("inverse", total * (total - 1) / pairs, "The inverse was given.", 4),
        ("species-counted", 1 - 1 / len(numbers), "All species were taken to be equally common.", 2),
    )
    return quantity(value, "", {"n": ", ".join(map(str, numbers))}, steps, wrong)


_catches = Filtered(
    Product(range(20, 121, 5), range(20, 121, 5), range(3, 31)), lambda m, c, r: 3 * r < 2 * min(m, c) and m != c
)

FAMILY = ScienceFamily(
    "ecology",
    "biology",
    [
        [
            Question(
                "ten-percent",
                Product(_CHAINS, range(2, 100), (1, 2, 3)),
                _ten_percent,
                (
                    "In the food chain {chain} each level passes on 10 % of its energy. In the {first} {e} kJ are "
                    "stored. How many kJ reach the {last}?",
                    "{e} kJ are stored by the {first} of the food chain {chain}. With 10 % passed on at each step, "
                    "how many kJ get to the {last}?",
                ),
            )
        ],
        [
            Question(
                "recapture",
                _catches,
                _recapture,
                (
                    "{m} fish are marked and released. Later {c} are caught, {r} of them marked. Estimate how many "
                    "fish there are, to 3 significant figures.",
                    "Lincoln index: {m} animals marked, {c} in the second catch, {r} of these marked. Estimate the "
                    "population to 3 significant figures.",
                ),
            ),
            Question(
                "efficiency",
                Filtered(Product(range(5, 100), range(21, 400, 7)), lambda eaten, kept: kept < 30 * eaten),
                _efficiency,
                (
                    "Of {eaten} kJ that a herd takes in, {kept} kJ become new biomass. What is the efficiency in "
                    "percent, to 3 significant figures?",
                    "A trophic level receives {eaten} kJ and passes on {kept} kJ. Find its efficiency in percent to 3 "
                    "significant figures.",
                ),
            ),
        ],
        [
            Question(
                "quadrats",
                Product((1, 3, 4), range(5, 31, 5), range(11, 200, 4), range(200, 2001, 100)),
                _quadrats,
                (
                    "{q} square quadrats with sides of {s} m hold {n} daisies in all. Estimate the daisies in a field "
                    "of {a} m^2, to 3 significant figures.",
                    "A field of {a} m^2 is sampled with {q} quadrats, {s} m by {s} m each; {n} plants are counted in "
                    "all. How many plants grow in the field? Give 3 significant figures.",
                ),
            )
        ],
        [
            Question(
                "own-efficiencies",
                Product(range(20, 100), Distinct((5, 6, 7, 8, 12, 14, 15, 16, 18, 20), 3)),
                _chain,
                (
                    "Plants fix {e} kJ. The three transfers that follow have efficiencies of {p} %, {q} % and {r} %. "
                    "How many kJ reach the third consumers? Give 3 significant figures.",
                    "Of {e} kJ in plants {p} % pass to herbivores, {q} % of that to carnivores, {r} % of that to top "
                    "carnivores. How many kJ do these get, to 3 significant figures?",
                ),
            ),
            Question(
                "simpson",
                Filtered(Unordered(range(2, 41, 2), 4), lambda *numbers: len(set(numbers)) > 2),
                _simpson,
                (
                    "A sample has {n} individuals of four species. Find Simpson's index D = 1 - sum(n*(n - 1))/(N*(N - "
                    "1)) to 3 significant figures.",
                    "Four species are counted: {n}. What is Simpson's diversity 1 - sum(n*(n - 1))/(N*(N - 1)), to 3 "
                    "significant figures?",
                ),
            ),
        ],
    ],
)
