"""The words, commands and characters that `distil_envs.math.tokens` knows."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTIONS = words(
    "sin cos tan cot sec csc arcsin arccos arctan asin acos atan sinh cosh tanh log ln lg exp sqrt cbrt abs floor ceil"
    " binom binomial factorial ceiling Abs gcd lcm"
)
INNER = words("sin cos tan log ln exp sqrt pi")
"""What may be run together with letters, as in ``sinx``."""
CONSTANTS = {"pi": "pi", "infinity": "oo", "inf": "oo", "oo": "oo"}
GREEK = words(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta kappa lambda mu nu xi rho sigma tau phi varphi"
    " chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega ell top"
)
GREEK_LETTERS = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "θ": "theta", "λ": "lambda", "μ": "mu",
    "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi", "ψ": "psi", "ω": "omega", "Δ": "Delta",
}  # fmt: skip
UNITS: dict[str, str] = {
    alias: names.split()[0]
    for names in (
        "m meter meters metre metres", "cm centimeter centimeters", "mm millimeter millimeters",
        "km kilometer kilometers", "ft foot feet", "in inch inches", "yd yard yards", "mi mile miles",
        "s sec second seconds", "min minute minutes mins", "hr h hour hours hrs", "day days", "week weeks",
        "month months", "year years yr yrs", "g gram grams", "kg kilogram kilograms", "mg milligram milligrams",
        "lb lbs pound pounds", "oz ounce ounces", "l liter liters litre litres", "ml milliliter milliliters",
        "gal gallon gallons", "mph", "n newton newtons", "t tesla", "% percent", "‰", "° degree degrees deg",
        "$ dollar dollars", "cent cents",
    )
    for alias in names.split()
}  # fmt: skip
"""Units that are told apart, by every spelling; any other word behind a value is ignored."""
STOP_WORDS = words(
    "is it as at be by do he if in me my no of on so to up us we an am are but can did for get had has her him his how"
    " its let not now off one our out own see she the too two use was way who why yes you all any per sum ans cost"
    " lost most post host spin basin plus none true each both six ten few real"
)
"""Short words that are not products of letters."""

CHARACTERS = {
    "−": "-", "–": "-", "—": "-", "×": "*", "·": "*", "⋅": "*", "∙": "*", "÷": "/", "∕": "/", "⁄": "/", "≤": "<=",
    "⩽": "<=", "≥": ">=", "⩾": ">=", "≠": "!=", "±": "+-", "∓": "-+", "∪": "cup", "∩": "cap", "∖": "without", "∨": "or",
    "∧": "and", "′": "'",
}  # fmt: skip
COMMANDS = {
    "cdot": "*", "times": "*", "ast": "*", "div": "/", "le": "<=", "leq": "<=", "leqslant": "<=", "ge": ">=",
    "geq": ">=", "geqslant": ">=", "ne": "!=", "neq": "!=", "lt": "<", "gt": ">", "pm": "+-", "mp": "-+", "cup": "cup",
    "bigcup": "cup", "cap": "cap", "bigcap": "cap", "setminus": "without", "smallsetminus": "without",
    "backslash": "without", "lor": "or", "vee": "or", "land": "and", "wedge": "and", "over": "over",
    "lvert": "|", "rvert": "|", "vert": "|", "mid": "|", "prime": "'",
}  # fmt: skip
SILENT = words(
    "left right middle big Big bigg Bigg bigl bigr Bigl Bigr displaystyle textstyle quad qquad limits nolimits"
    " , ; : ! ( ) [ ] > $"
) | {" ", "\n"}
TEXT = words("text mathrm textrm textbf mathbf mbox operatorname mathit textit boldsymbol")
FRACTIONS = dict.fromkeys(("frac", "dfrac", "tfrac", "cfrac"), "frac") | dict.fromkeys(
    ("binom", "dbinom", "tbinom"), "binom"
)
SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱˣʸᵏᵐᵃᵇᵗᵀ", "0123456789+-nixykmabtT", strict=True))
SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉ₙₖₘₐₓ", "0123456789nkmax", strict=True))
ROOTS = {"√": "sqrt", "∛": "cbrt", "∜": "fourth root"}
WORDS = {"and": "and", "or": "or", "cup": "cup", "union": "cup"}
"""Words that are operators."""
VULGAR = {
    "½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5", "⅘": "4/5",
    "⅙": "1/6", "⅚": "5/6", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8", "⅐": "1/7", "⅑": "1/9", "⅒": "1/10",
}  # fmt: skip
