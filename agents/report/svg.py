"""Figures as SVG that a page may hold under a strict policy, and as files that are readable on any ground."""

from __future__ import annotations

import io
import re
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from agents.report.figures import Drawn, render

FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
INK = "#000000"
"""What matplotlib draws axes and words in; it becomes the colour of the page's text."""
ADAPTIVE = "svg{color:#24292f}@media(prefers-color-scheme:dark){svg{color:#d7dce2}}"


def inline_svg(drawn: Drawn) -> str:
    """The figure as an element for a page: without inline styles, in the page's colour and font."""
    root = _plain(drawn)
    root.set("role", "img")
    root.set("aria-label", f"{drawn.title}: {drawn.note}")
    return ElementTree.tostring(root, encoding="unicode")


def write_files(drawn: Drawn, folder: Path) -> None:
    """``NAME.svg``, which follows the reader's colour scheme, and ``NAME.png`` on white."""
    root = _plain(drawn)
    style = Element("style")
    style.text = ADAPTIVE
    root.insert(0, style)
    (folder / f"{drawn.name}.svg").write_text(ElementTree.tostring(root, encoding="unicode"), encoding="utf-8")
    render(drawn).savefig(folder / f"{drawn.name}.png", dpi=160, facecolor="white")


def _plain(drawn: Drawn) -> Element:
    """matplotlib's SVG with styles as attributes, which a policy without inline styles allows."""
    import matplotlib as mpl

    written = io.StringIO()
    # The salt makes the names of clips and markers the figure's own, and the same each time.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": drawn.name}):
        render(drawn).savefig(written, format="svg", transparent=True, metadata={"Date": None})
    text = written.getvalue()
    used = set(re.findall(r"#([\w-]+)", text))
    root = ElementTree.fromstring(text)
    for element in root.iter():
        for child in [child for child in element if child.tag.endswith(("}metadata", "}style"))]:
            element.remove(child)
        _simplify(element, used)
    for name in ("width", "height"):  # the viewBox stays
        root.attrib.pop(name)
    root.attrib |= {"xmlns": "http://www.w3.org/2000/svg", "fill": "currentColor", "font-family": FONT}
    return root


def _simplify(element: Element, used: set[str]) -> None:
    element.tag = element.tag.rpartition("}")[2]
    element.attrib = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
    for part in element.attrib.pop("style", "").split(";"):
        name, _, value = part.partition(":")
        if name.strip() and name.strip() != "font-family":
            element.set(name.strip(), value.strip())
    for name in ("fill", "stroke"):
        if element.get(name) == INK:
            element.set(name, "currentColor")
    if element.get("id") not in used:
        element.attrib.pop("id", None)
