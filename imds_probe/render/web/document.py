"""Templates into one document that brings all it needs. Imported only where HTML is made."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from imds_probe.render.page.blocks import Block, Table
from imds_probe.render.page.bounds import NOT_KNOWN
from imds_probe.render.web import drawing
from imds_probe.render.web.said import is_cut, plain, said

PARTS = Path(__file__).parent / "parts"
LINE_MAX = 20_000  # characters of a line to paste: where one is longer, what is shown is not to be pasted
_A_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{0,3})?(?: ?%)?")
_NO_NUMBER = ("", "-", NOT_KNOWN, "host")  # what may stand in its place


def document(template: str, **values: Any) -> str:
    """A complete document of a template in parts/. The content policy in it lets nothing be loaded and no script run but its own,
    whatever a name in `values` holds. All of it is ASCII, so that no output's encoding can change it.
    """
    style, script = (PARTS / name for name in ("style.css", "script.js"))
    own = {"style": _inline(style), "script": _inline(script)}
    made = _environment().get_template(template).render(**own, **values)
    return made.encode("ascii", "xmlcharrefreplace").decode("ascii")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(PARTS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "said": said,
        "plain": plain,
        "are_whole": _are_whole,
        "digest": _digest,
        "kind": _kind,
        "numbers": numbers,
        "bar": drawing.bar,
        "most": drawing.most,
        "curve": drawing.curve,
        "ways": drawing.ways,
    }
    made.globals |= {"LINE_MAX": LINE_MAX}
    return made


@cache
def _inline(path: Path) -> Markup:
    """A file of our own, to stand in the document as it is."""
    return Markup(path.read_text("utf-8"))  # noqa: S704 - no text of others


def _digest(content: str) -> str:
    """What the content policy knows a style or a script by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode('ascii')}"


def _kind(block: Block) -> str:
    return type(block).__name__.lower()


def _are_whole(lines: tuple[str, ...]) -> bool:
    return not any(is_cut(line, LINE_MAX) for line in lines)


def numbers(table: Table) -> frozenset[int]:
    """The columns that have numbers alone, besides what is not known."""
    found = set()
    for column in range(len(table.columns)):
        cells = [row[column][:30] for row in table.rows]
        told = [cell for cell in cells if cell not in _NO_NUMBER]
        if told and all(_A_NUMBER.fullmatch(cell) for cell in told):
            found.add(column)
    return frozenset(found)
