"""What Python code imports, by its text.

Not by `ast`, which knows one version of the language alone, and no print statement: programs of Python 2 matter here most.
Comments and texts are taken out first, in one pass whose time is in proportion to the length. An import within a function or
a condition counts: it is code that will run. Source: Python's language reference, "Lexical analysis" and "The import statement".
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

from imds_probe.inventory.code.following.loads import NOTHING, Asked, asked
from imds_probe.inventory.code.following.python_commands import commands_in
from imds_probe.inventory.code.following.python_places import ASIDE, Module, elements, places_in
from imds_probe.inventory.code.following.python_plugins import groups_in
from imds_probe.inventory.sdks.archive import Archive, NotAnArchive

ENTRY = "entry:"  # before the name of a distribution: what its console scripts begin with
FILE = "file:"  # before the path of a file that is run, whatever it is called
ALL = ".*"  # behind the name of a package: all of it
ZIP, ZIP_MEMBERS_MAX, MEMBER_MAX_BYTES = b"PK\5\6", 2000, 1024 * 1024
_MEMBER = re.compile(rb".{1,300}\.py", re.DOTALL)
# From the word "import" on, which is quickly found, and backwards from there to where the statement begins.
_IMPORT = re.compile(rb"import(?:[ \t]{0,20}(\([^()]{0,20000}\))|[ \t]{1,20}([^\n;(]{1,1000}))")
_BEFORE = re.compile(
    rb"(?:^|[;:])[ \t]{0,200}+(?:from[ \t]{0,50}+(\.{0,10}+)(?:[ \t]{0,50}+([\w.]{1,200}+))?[ \t]{0,50}+)?\Z"
)
BEFORE_MAX = 300
_NAME = re.compile(rb"[A-Za-z_][\w.]{0,199}")
_QUOTED = rb"[rbuRBUfF]{0,2}[\"']([^\"'\n]{1,200})[\"']"
# Those that name what they import by a text: what follows the bracket decides.
_BY_TEXT = re.compile(rb"(?:\bimport_module|\b__import__|\brun_module)[ \t]{0,20}\(\s{0,20}(" + _QUOTED + rb")?")
_ENTRY = re.compile(rb"load_entry_point[ \t]{0,20}\(\s{0,20}" + _QUOTED)
_EXECUTED = re.compile(
    rb"\b(?:exec|execfile|run_path|spec_from_file_location|SourceFileLoader|load_source)[ \t]{0,20}\("
)
_OPENED = re.compile(rb"\bopen[ \t]{0,9}\(|\bPath[ \t]{0,9}\(")
_EXECUTED_WORDS = (b"exec(", b"execfile", b"run_path", b"spec_from_file_location", b"SourceFileLoader", b"load_source")
EXECUTED_MAX = 50
_BY_TEXT_WORDS = (b"import_module", b"__import__", b"run_module")


def asked_by(text: bytes) -> Asked:
    """What a module asks for, or all modules in an archive of them together."""
    if ZIP in text[-66000:]:
        return _asked_by_archive(text)
    if b"\0" in text[:1024]:
        # Compiled: of a shared object nothing is known that it imports, of byte code that it does.
        return NOTHING if text.startswith(b"\x7fELF") else Asked(dynamic=True)
    by_text = list(_BY_TEXT.finditer(text)) if any(word in text for word in _BY_TEXT_WORDS) else []
    names = [*_named(text), *_named_by_text(by_text), *_executed(text), *groups_in(text)]
    return asked(names, places_in(text), commands_in(text), dynamic=any(match[1] is None for match in by_text))


def _named(text: bytes) -> Iterator[str]:
    bare = ASIDE.sub(b"", text).replace(b"\\\n", b" ")
    for match in _IMPORT.finditer(bare):
        at = match.start()
        begins = max(bare.rfind(b"\n", max(0, at - BEFORE_MAX), at) + 1, at - BEFORE_MAX, 0)
        before = _BEFORE.search(bare[begins:at])
        if before is None:
            continue
        base = None if before[1] is None else (before[1] + (before[2] or b"")).decode("utf-8", "replace")
        if base:
            yield base
        joint = "" if base is None or base.endswith(".") else "."
        for part in (match[1] or match[2]).strip(b"()").split(b","):
            if name := _NAME.match(part.strip()):
                yield f"{base or ''}{joint}{name[0].decode('utf-8', 'replace')}"
    for match in _ENTRY.finditer(text) if b"load_entry_point" in text else ():
        yield ENTRY + match[1].decode("utf-8", "replace").partition("=")[0].strip()


def _executed(text: bytes) -> Iterator[str]:
    """Files that are run as code: by exec, execfile, runpy and importlib, as far as their paths stand there."""
    if not any(word in text for word in _EXECUTED_WORDS):
        return
    module = Module(text)
    for number, match in enumerate(_EXECUTED.finditer(text)):
        if number >= EXECUTED_MAX:
            return
        expression = module.expression(match.end(), opened=True)
        if opened := _OPENED.search(expression):
            expression = expression[opened.end() :].partition(b".read")[0].removesuffix(b")")
        for each in module.ways(expression):
            for element in elements(each)[:2]:
                place = module.place(element)
                if place is not None and not place.startswith("{v"):
                    yield FILE + place


def _named_by_text(matches: list[re.Match[bytes]]) -> Iterator[str]:
    for match in matches:
        if match[1] is None:
            continue
        name = match[2].decode("utf-8", "replace")
        known = re.match(r"\.{0,10}[\w.]*", name)
        if known is None:
            continue
        # A name that is put together has a beginning that is known: all that begins so.
        put_together = known[0] != name or name.endswith(".")
        yield f"{known[0].rstrip('.') or '.'}{ALL}" if put_together else name


def _asked_by_archive(content: bytes) -> Asked:
    names: dict[str, None] = {}
    try:
        archive = Archive(io.BytesIO(content))
        for number, entry in enumerate(archive.entries(b".py", _MEMBER)):
            if number >= ZIP_MEMBERS_MAX:
                break
            module = archive.content(entry, MEMBER_MAX_BYTES)
            names.update(dict.fromkeys(name for name in _named(module or b"") if not name.startswith(".")))
    except NotAnArchive:
        return Asked(dynamic=True)
    return asked(names)
