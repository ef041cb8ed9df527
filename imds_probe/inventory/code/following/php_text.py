"""What a PHP text includes by a path that stands in it, and where that leads. Source: PHP's manual, include; lsphp's titles."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from imds_probe.inventory.code.following.ground import Ground

HERE = "{here}"
FILES_MAX, SCRIPT_MAX_BYTES = 40, 256 * 1024  # read for what they include
# What a worker of LiteSpeed calls itself while it serves a script.
TITLE = re.compile(r"lsphp:(/.{1,1000})\Z")
# A comment, or a text, which is kept; annotations (#[) are none.
_PHP_ASIDE = re.compile(
    rb"(\"(?:[^\"\\]++|\\.)*+\"|'(?:[^'\\]++|\\.)*+')|/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z)|(?<!:)//[^\n]*+|#(?!\[)[^\n]*+",
    re.DOTALL,
)
_INCLUDED = re.compile(rb"\b(?:include|require)(?:_once)?\b[ \t]*\(?([^;\n]{1,400})")
_PHP_TEXT = re.compile(rb"[\"']([^\"'\n$]{1,200})[\"']")


def without_comments(text: bytes) -> bytes:
    return _PHP_ASIDE.sub(lambda match: match[1] or b" ", text)


def included_by(bare: bytes) -> tuple[list[str], bool]:
    """The paths that a text without comments includes, and whether it includes others that only running tells."""
    paths = [_path(match[1]) for match in _INCLUDED.finditer(bare)]
    return [path for path in paths if path], not all(paths)


def directories_included(scripts: Iterable[str], directory: str, ground: Ground) -> list[str]:
    """The directories of what scripts include, and of what that includes. `directory` is where they were started."""
    found: dict[str, None] = {}
    left, seen = list(scripts), set[str]()
    while left and len(seen) < FILES_MAX:
        path = left.pop(0)
        if path in seen or not ground.has(path) or ground.listed(path):
            continue
        seen.add(path)
        here = posixpath.dirname(path)
        for name in included_by(without_comments(ground.small(path, SCRIPT_MAX_BYTES)))[0]:
            candidates = (
                [name.replace(HERE, here)] if name.startswith(HERE) else [f"{here}/{name}", f"{directory}/{name}"]
            )
            given = [name] if name.startswith("/") else candidates
            if included := ground.first(map(posixpath.normpath, given)):
                found.setdefault(posixpath.dirname(included))
                left.append(included)
    return list(found)


def _path(expression: bytes) -> str:
    texts = [match[1].decode("utf-8", "replace") for match in _PHP_TEXT.finditer(expression)]
    if not texts or b"$" in expression:
        return ""
    if b"__DIR__" in expression or b"__FILE__" in expression:
        up = max(0, expression.count(b"dirname") - (1 if b"__FILE__" in expression else 0))
        return "/".join([HERE, *[".."] * up, *(text.strip("/") for text in texts)])
    return texts[0] if len(texts) == 1 and b"." not in _PHP_TEXT.sub(b"", expression) else ""
