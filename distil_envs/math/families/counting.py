"""Counting: products, permutations, combinations, dice and coins, inclusion-exclusion, paths, distributions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from math import comb, factorial, lcm, perm

from distil_envs.family import Family, Question, Worked, kind_of
from distil_envs.spaces import Distinct, Filtered, Product, Unordered


def _integer(value: int, steps: list[str], key: Sequence[int] | None = None, **slots: int | str) -> Worked:
    return Worked(slots, str(value), "integer", steps, key)


def _probability(favourable: int, total: int, steps: list[str], **slots: int | str) -> Worked:
    value = Fraction(favourable, total)
    shown = [*steps, f"{favourable} of {total} equally likely outcomes: {favourable}/{total} = {value}"]
    return Worked(slots, str(value), kind_of(value), shown, extra={"form": "simplified"})


def _outfits(a: int, b: int) -> Worked:
    return _integer(a * b, [f"Each of {a} with each of {b}: {a} * {b} = {a * b}"], a=a, b=b)


def _row(n: int) -> Worked:
    return _integer(factorial(n), [f"{' * '.join(str(k) for k in range(n, 0, -1))} = {factorial(n)}"], n=n)


def _handshakes(n: int) -> Worked:
    return _integer(comb(n, 2), [f"{n} * {n - 1} / 2 = {comb(n, 2)}"], n=n)


def _choose(n: int, k: int) -> Worked:
    top = " * ".join(str(n - i) for i in range(k))
    return _integer(
        comb(n, k), [f"C({n}, {k}) = ({top}) / {k}! = {perm(n, k)} / {factorial(k)} = {comb(n, k)}"], n=n, k=k
    )


def _podium(n: int, k: int) -> Worked:
    return _integer(perm(n, k), [f"{' * '.join(str(n - i) for i in range(k))} = {perm(n, k)}"], n=n, k=k)


def _two_dice(dice: tuple[int, int], total: int) -> Worked:
    a, b = dice
    pairs = [(i, total - i) for i in range(1, a + 1) if 1 <= total - i <= b]
    steps = [f"Pairs with the sum {total}: {', '.join(map(str, pairs))}"]
    return _probability(len(pairs), a * b, steps, a=a, b=b, s=total)


def _heads(n: int, k: int) -> Worked:
    return _probability(comb(n, k), 2**n, [f"C({n}, {k}) = {comb(n, k)} of the 2^{n} = {2**n} sequences"], n=n, k=k)


def _letters(a: int, b: int, c: int) -> Worked:
    n = a + b + c
    value = factorial(n) // (factorial(a) * factorial(b) * factorial(c))
    return _integer(value, [f"{n}! / ({a}! * {b}! * {c}!) = {value}"], a=a, b=b, c=c, word="A" * a + "B" * b + "C" * c)


def _multiples(limit: int, divisors: Sequence[int]) -> tuple[int, list[str]]:
    """How many of 1..limit are multiples of at least one divisor, by inclusion and exclusion."""
    total, steps = 0, []
    for size in range(1, len(divisors) + 1):
        for chosen in combinations(divisors, size):
            common = lcm(*chosen)
            count = limit // common
            total += count if size % 2 else -count
            names = " and ".join(map(str, chosen))
            steps.append(f"Multiples of {names}: {limit} // {common} = {count}, {'add' if size % 2 else 'subtract'}")
    return total, steps


def _either(limit: int, divisors: tuple[int, int]) -> Worked:
    total, steps = _multiples(limit, divisors)
    return _integer(total, [*steps, f"Together {total}"], n=limit, a=divisors[0], b=divisors[1])


def _none(limit: int, divisors: tuple[int, int, int]) -> Worked:
    total, steps = _multiples(limit, divisors)
    shown = [*steps, f"Together {total}, so {limit} - {total} = {limit - total} are left"]
    return _integer(limit - total, shown, n=limit, a=divisors[0], b=divisors[1], c=divisors[2])


def _committee(women: int, men: int, seats: int, least: int) -> Worked:
    cases = [(j, comb(women, j) * comb(men, seats - j)) for j in range(least, seats + 1)]
    value = sum(count for _, count in cases)
    steps = [f"{j} from the women: C({women}, {j}) * C({men}, {seats - j}) = {count}" for j, count in cases]
    steps.append(f"{' + '.join(str(count) for _, count in cases)} = {value}")
    return _integer(value, steps, w=women, m=men, k=seats, j=least)


def _paths(end: tuple[int, int], via: tuple[int, int]) -> Worked:
    (m, n), (p, q) = end, via
    first, second = comb(p + q, p), comb(m - p + n - q, m - p)
    steps = [
        f"From (0, 0) to ({p}, {q}): C({p + q}, {p}) = {first}",
        f"From ({p}, {q}) to ({m}, {n}): C({m - p + n - q}, {m - p}) = {second}",
        f"{first} * {second} = {first * second}",
    ]
    return _integer(first * second, steps, m=m, n=n, p=p, q=q)


def _shares(items: int, people: int) -> Worked:
    value = comb(items + people - 1, people - 1)
    steps = [f"{items} stars and {people - 1} bars: C({items + people - 1}, {people - 1}) = {value}"]
    return _integer(value, steps, n=items, k=people)


def _onto(items: int, boxes: int) -> Worked:
    terms = [(-1) ** j * comb(boxes, j) * (boxes - j) ** items for j in range(boxes)]
    steps = [
        f"{'Add' if j % 2 == 0 else 'Subtract'} C({boxes}, {j}) * {boxes - j}^{items} = {abs(term)}"
        for j, term in enumerate(terms)
    ]
    return _integer(sum(terms), [*steps, f"Together {sum(terms)}"], n=items, k=boxes)


def _capped_terms(total: int, people: int, cap: int) -> list[int]:
    """Signed counts of shares in which at least j people have more than the cap."""
    counts = []
    for j in range(people + 1):
        rest = total - j * (cap + 1)
        if rest < 0:
            break
        counts.append((-1) ** j * comb(people, j) * comb(rest + people - 1, people - 1))
    return counts


def _capped(total: int, people: int, cap: int) -> Worked:
    terms = _capped_terms(total, people, cap)
    steps = [
        f"{'Add' if j % 2 == 0 else 'Subtract'} C({people}, {j}) * "
        f"C({total - j * (cap + 1) + people - 1}, {people - 1}) = {abs(term)}"
        for j, term in enumerate(terms)
    ]
    return _integer(sum(terms), [*steps, f"Together {sum(terms)}"], n=total, k=people, c=cap)


def _dice_sum(dice: int, total: int) -> Worked:
    terms = _capped_terms(total - dice, dice, 5)
    steps = [
        f"{'Add' if j % 2 == 0 else 'Subtract'} C({dice}, {j}) * C({total - 6 * j - 1}, {dice - 1}) = {abs(term)}"
        for j, term in enumerate(terms)
    ]
    return _probability(sum(terms), 6**dice, steps, k=dice, s=total)


_OUTFITS = (
    "A shop has {a} kinds of bread and {b} kinds of cheese. How many sandwiches with one of each are there?",
    "In how many ways can you choose one of {b} shirts and one of {a} hats?",
    "A menu has {a} soups and {b} desserts. How many meals of one soup and one dessert are there?",
)
_ROW = (
    "In how many ways can {n} people stand in a row?",
    "How many orders of {n} different books on a shelf are there?",
)
_HANDSHAKES = (
    "If {n} people all shake hands with each other once, how many handshakes are there?",
    "How many games do {n} teams play if each pair of teams plays once?",
)
_CHOOSE = (
    "In how many ways can you choose {k} of {n} people?",
    "How many subsets with {k} elements does a set of {n} elements have?",
)
_PODIUM = (
    "In how many ways can {k} different prizes go to {n} runners, at most one each?",
    "How many ordered lists of {k} different items can be made from {n} items?",
)
_TWO_DICE = (
    "A fair {a}-sided die and a fair {b}-sided die are rolled. What is the probability that the sum is {s}?",
    "Roll one fair die with {b} sides and one with {a} sides. Find the probability of a sum of {s}.",
)
_HEADS = (
    "A fair coin is tossed {n} times. What is the probability of exactly {k} heads?",
    "Find the probability that {n} tosses of a fair coin show heads exactly {k} times.",
)
_LETTERS = (
    "In how many different orders can the letters of {word} be written?",
    "In how many orders can {a} red, {b} blue and {c} green balls lie in a row, balls of one colour being alike?",
)
_EITHER = (
    "How many integers from 1 to {n} are divisible by {a} or by {b}?",
    "How many of the numbers 1, 2, ..., {n} are multiples of {b} or of {a}?",
)
_NONE = (
    "How many integers from 1 to {n} are divisible by none of {a}, {b} and {c}?",
    "How many of the numbers 1, 2, ..., {n} are a multiple of neither {c} nor {a} nor {b}?",
)
_COMMITTEE = (
    "A committee of {k} is chosen from {w} women and {m} men. In how many ways can {j} or more seats go to women?",
    "How many groups of {k} from {w} women and {m} men contain {j} or more women?",
)
_PATHS = (
    "How many paths of steps right and up lead from (0, 0) to ({m}, {n}) through ({p}, {q})?",
    "Each step adds 1 to x or to y. How many paths from (0, 0) to ({m}, {n}) visit ({p}, {q})?",
)
_SHARES = (
    "In how many ways can {n} identical coins be shared among {k} people, some perhaps getting none?",
    "How many lists of {k} non-negative integers have the sum {n}?",
)
_ONTO = (
    "In how many ways can {n} different balls go into {k} different boxes so that no box is empty?",
    "How many functions from a set of {n} elements onto a set of {k} elements are there?",
)
_CAPPED = (
    "In how many ways can {n} identical coins be shared among {k} people so that nobody gets more than {c}?",
    "How many lists of {k} integers from 0 to {c} have the sum {n}?",
)
_DICE_SUM = (
    "{k} fair six-sided dice are rolled. What is the probability that the sum is {s}?",
    "Find the probability that {k} fair six-sided dice show a sum of {s}.",
)

_sides = Unordered((4, 6, 8, 10, 12, 20))
_via = Filtered(
    Product(Product(range(3, 10), range(3, 10)), Product(range(1, 9), range(1, 9))),
    lambda end, via: via[0] < end[0] and via[1] < end[1],
)
_committees = Filtered(
    Product(range(3, 11), range(3, 11), range(3, 7), range(1, 6)),
    lambda w, m, k, j: j < k and j <= w and k <= w + m - 2,
)

FAMILY = Family(
    "counting",
    "combinatorics",
    [
        [
            Question("outfits", Unordered(range(2, 16)), _outfits, _OUTFITS),
            Question("row", Product(range(2, 8)), _row, _ROW),
            Question("handshakes", Product(range(3, 31)), _handshakes, _HANDSHAKES),
        ],
        [
            Question("choose", Filtered(Product(range(5, 16), range(2, 8)), lambda n, k: k < n - 1), _choose, _CHOOSE),
            Question("podium", Filtered(Product(range(4, 16), range(2, 5)), lambda n, k: k < n), _podium, _PODIUM),
            Question(
                "two-dice", Filtered(Product(_sides, range(2, 41)), lambda ab, s: s <= sum(ab)), _two_dice, _TWO_DICE
            ),
        ],
        [
            Question("letters", Unordered(range(1, 7), 3), _letters, _LETTERS),
            Question("either", Product(range(30, 501), Distinct(range(2, 16))), _either, _EITHER),
            Question("heads", Filtered(Product(range(3, 13), range(13)), lambda n, k: k <= n), _heads, _HEADS),
            Question("shares", Product(range(3, 21), range(3, 7)), _shares, _SHARES),
        ],
        [
            Question("committee", _committees, _committee, _COMMITTEE),
            Question("paths", _via, _paths, _PATHS),
            Question("none", Product(range(100, 1001), Distinct(range(2, 13), 3)), _none, _NONE),
        ],
        [
            Question("onto", Filtered(Product(range(4, 11), range(3, 7)), lambda n, k: k < n), _onto, _ONTO),
            Question(
                "capped",
                Filtered(Product(range(6, 25), range(3, 7), range(2, 9)), lambda n, k, c: c < n < k * c),
                _capped,
                _CAPPED,
            ),
            Question(
                "dice-sum",
                Filtered(Product(range(3, 7), range(3, 37)), lambda k, s: k <= s <= 6 * k),
                _dice_sum,
                _DICE_SUM,
            ),
        ],
    ],
)
