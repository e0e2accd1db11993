"""Figures and the page: nothing asked for, nothing that a name could break."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import yaml

from agents.report import write_report
from agents.report.figures import figures
from agents.report.svg import inline_svg
from tests.report.reading import groups


def test_figures_are_written_as_png_and_as_svg(bench: Path, tmp_path: Path) -> None:
    made = write_report([bench], tmp_path / "report.html", figures_folder=tmp_path / "figures")
    names = {path.name.rpartition(".")[0] for path in (tmp_path / "figures").iterdir()}
    assert len(names) == made.figures
    kinds = ("held-out", "pool", "pass-at-k-held-out", "success", "length", "entropy", "time")
    assert all(any(name.endswith(kind) for name in names) for kind in kinds)
    for name in names:
        assert (tmp_path / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        root = ElementTree.parse(tmp_path / "figures" / f"{name}.svg").getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"


def test_figures_in_the_page_have_no_styles_and_share_no_names(bench: Path) -> None:
    members = groups(bench)
    seen: set[str] = set()
    for drawn in figures(members[0].setting, members, 1):
        root = ElementTree.fromstring(inline_svg(drawn))
        names = {element.get("id") for element in root.iter()} - {None}
        assert not seen & names
        seen |= {str(name) for name in names}
        assert not [element for element in root.iter() if element.get("style") or element.tag.endswith("style")]
        assert root.get("aria-label")
        if drawn.name.endswith("1-held-out"):
            text = "".join(root.itertext())
            assert "DistIL" in text and "GRPO" in text


def test_names_in_configurations_are_escaped(run: Path, tmp_path: Path) -> None:
    nasty = "<script>alert(1)</script>\x1b$x_1$&\"'"
    folder = tmp_path / "<b>run"
    shutil.copytree(run, folder)
    config = yaml.safe_load((run / "config.yaml").read_text()) | {
        "env": nasty,
        "feedback": nasty,
        "learner": {"name": nasty},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    write_report([folder, run], tmp_path / "report.html", figures_folder=tmp_path / "figures")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page and "<b>run" not in page
    assert "&lt;script&gt;alert" in page
    assert len(re.findall(r"<script>", page)) == 1


def test_it_reaches_for_nothing(run: Path, tmp_path: Path) -> None:
    write_report([run], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)[^"']*""", page)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src &#39;none&#39;;")
    assert "unsafe" not in policy[1]
