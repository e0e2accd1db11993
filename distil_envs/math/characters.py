"""Other characters for the same mathematics, one for one, so that places in the text stay what they are."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_BLOCKS = ((0xFF01, 0xFF5E), (0x1D400, 0x1D7FF), (0x2000, 0x200F), (0x2060, 0x2064))
"""Full-width forms, letters and digits of mathematical alphabets, spaces, and signs without width."""
_EXTRA = {
    "\u00a0": " ", "\u00ad": " ", "\u202f": " ", "\u205f": " ", "\u3000": " ", "\ufeff": " ", "`": " ",
    "、": ",", "。": ".", "⟨": "(", "⟩": ")", "〈": "(", "〉": ")", "【": "[", "】": "]", "∣": "|", "∶": ":",
    "﹣": "-", "‑": "-", "∖": "\\", "Ø": "∅", "⌀": "∅", "Ω": "Ω", "µ": "μ", "ϵ": "ε", "ϕ": "φ", "∆": "Δ",
}  # fmt: skip
_EMPHASIS = re.compile(r"(?<![\w)\]}*^])\*\*(?=[^\s*])((?:[^*\n]|\*(?!\*))*[^\s*])\*\*(?![\w(\[{*])")


def plain(text: str) -> str:
    """The text in ASCII and a few signs where it uses their doubles; as long as before. Markdown emphasis is blanked.

    ``1７`` becomes ``17``, ``𝑥`` becomes ``x``, and a space of any width is a space.
    """
    if not text.isascii():
        text = text.translate(_table())
    return _EMPHASIS.sub(r"  \1  ", text) if "**" in text else text


@lru_cache(maxsize=1)
def _table() -> dict[int, str]:
    table = {ord(char): to for char, to in _EXTRA.items()}
    for first, last in _BLOCKS:
        for code in range(first, last + 1):
            folded = unicodedata.normalize("NFKC", chr(code))
            folded = folded if len(folded) == 1 and folded.isprintable() else " "
            if folded != chr(code) and unicodedata.category(chr(code)) != "Cn":
                table.setdefault(code, folded)
    return table
