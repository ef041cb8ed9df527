"""What one file says of how it asks the metadata service: searched in one pass, and judged by the form that it has."""

from __future__ import annotations

import io
import posixpath
import re
from dataclasses import replace
from typing import BinaryIO

from imds_probe.inventory.code.forms import (
    FORMS,
    class_file,
    encoded,
    machine,
    opaque,
    others,
    packed,
    prose,
    shell,
    shell_embedded,
)
from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.speaks import Said, speaks_of
from imds_probe.inventory.code.unread import FROM_SETTINGS, TOO_LONG, TOO_MANY
from imds_probe.inventory.code.words import FOUND_MAX, Search, search

TEXT_MAX_BYTES = 4 * 1024 * 1024  # a longer one is judged by its words alone, as a program is
ENCODED_MAX_BYTES = 1024 * 1024  # of a source text in which base64 is looked for
HEAD_BYTES = 1024
_ZIP = b"PK\3\4"
_INTERPRETER = re.compile(rb"#![ \t]{0,10}([^\s]{1,200})(?:[ \t]{1,10}(?:-S[ \t]{1,10})?([^\s]{1,100}))?")
_GOES_ON_AS = re.compile(
    rb"\n[^\n#]{0,80}\bexec[\"']{0,2}[ \t]{1,10}[^\n;]{0,120}?\b((?:python|pypy|perl|ruby|node|php|luajit|lua|tclsh|wish|expect"
    rb"|guile|escript|Rscript|julia)[\d.]{0,6})[\"']{0,2}[ \t][^\n;]{0,120}?[\"']?\$\{?0"
)
# What lies there in a package is not what the package does. Only below where packages lie: a script's own place is anybody's.
_PACKAGES = re.compile(
    r"/(?:site-packages|dist-packages|node_modules|gems|vendor|perl5?|share|python3?(?:\.\d{1,2})?|go/pkg/mod)/"
)
_BY_NAME = dict.fromkeys(("Rakefile", "rakefile", "Capfile", "config.ru"), ".rb")
_ASIDE = re.compile(
    r"/(?:tests?|testing|spec|specs|__tests__|examples?|samples?|docs?|documentation|man|mocks?|fixtures|benchmarks?|locale)/"
    r"|/(?:test_[^/]{1,100}|conftest)\.py$|_tests?\.(?:py|go|rb|js)$|\.(?:spec|test)\.[jt]s$|/t/[^/]{1,100}\.t$"
)


def said_by(file: BinaryIO, path: str) -> Said:
    """Search an open file and judge it. `path` is its own system's. Never raises on the file's content."""
    head = _head(file)
    name = posixpath.basename(path)
    if head.startswith(_ZIP) or name.endswith(packed.ARCHIVES) or (head.startswith(b"#!") and _ends_as_archive(file)):
        return _of_archive(file, path)
    form = _form(name, head)
    wide = head[:2] in (b"MZ", b"\xff\xfe", b"\xfe\xff")
    found = search(file, wide=wide)
    judged = _judged(file, path, form, found)
    unread = judged.unread or _cut_short(found) or opaque.why_not_read(file)
    return _said(form.name if form else "text", judged, unread, found.searched)


def said_by_argument(content: bytes, form: str) -> Said:
    """The same of code that is handed to an interpreter as an argument; `form` is the name of its form."""
    with io.BytesIO(content) as file:
        known = next(each for each in FORMS if each.name == form)
        found = search(file)
        judged = _judged(file, "-", known, found)
        return _said(form, judged, judged.unread or _cut_short(found), found.searched)


def _cut_short(found: Search) -> str:
    """Why a search was not of the whole file, empty where it was."""
    if found.whole:
        return ""
    return TOO_MANY if len(found.found) >= FOUND_MAX else TOO_LONG


def _said(form: str, judged: Judged, unread: str, searched: int) -> Said:
    speaks = speaks_of(judged.evidence, met=bool(judged.hits))
    return Said(form, judged.hits, speaks, not unread, unread, searched, judged.evidence)


def _judged(file: BinaryIO, path: str, form: Form | None, found: Search) -> Judged:
    if form is not None and form.name in shell_embedded.FORMS and _PACKAGES.search(path) is None:
        opened = _opened(file, form)
        if opened is not None:
            return opened
    if not found.found and not (form is not None and form.always):
        return Judged()
    aside = _PACKAGES.search(path)
    if aside is not None and _ASIDE.search(path, aside.end() - 1):
        return prose.judged(_text(file)) if form is None or form.text else machine.judged_data(found.found)
    if form is not None and form.file is not None:
        return form.file(file, found)
    if form is None and b"\0" in _head(file):
        return machine.judged_data(found.found)
    if file.seek(0, 2) > TEXT_MAX_BYTES:
        return machine.judged_words(found.found)
    # One whose name and first line say nothing may be a part of a crontab, a shell's profile, a list, or a manual.
    return (form.text if form is not None and form.text is not None else shell.judged)(_text(file))


def _opened(file: BinaryIO, form: Form) -> Judged | None:
    """Judge a source text with an address in base64; None of any other."""
    if form.text is None or file.seek(0, 2) > ENCODED_MAX_BYTES:
        return None
    file.seek(0)
    if not encoded.has_address(file.read(ENCODED_MAX_BYTES)):
        return None
    opened = encoded.opened(_text(file))
    judged = form.text(opened.text)
    for line, code in opened.code:
        inner = form.text(code)
        hits = (replace(hit, line=line) for hit in inner.hits)
        judged = Judged((*judged.hits, *hits), judged.evidence | inner.evidence)
    return judged


def _text(file: BinaryIO) -> str:
    """Of a text file: each character stands for a byte; what is in UTF-16 for one of UTF-8."""
    file.seek(0)
    content = file.read(TEXT_MAX_BYTES)
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        content = content.decode("utf-16", "replace").encode("utf-8", "replace")
    return content.decode("latin-1")


def _head(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(HEAD_BYTES)


def _ends_as_archive(file: BinaryIO) -> bool:
    """Whether it is a script that Python runs as an archive: a first line, and a zip archive behind it."""
    file.seek(max(0, file.seek(0, 2) - packed.END_BYTES))
    return packed.END in file.read(packed.END_BYTES)


def _form(name: str, head: bytes) -> Form | None:
    """By how it begins, else by its name."""
    for form in FORMS:
        if form.begins and head.startswith(form.begins):
            return form
    interpreter = _interpreter(head)
    if interpreter:
        plain = interpreter.rstrip("0123456789.")
        if plain in shell.SHELLS and (goes_on := _GOES_ON_AS.search(head)):
            # It starts as a shell's and has another interpreter run the same file.
            plain = goes_on[1].decode("latin-1").rstrip("0123456789.")
        return next((form for form in FORMS if plain in form.interpreters), others.FORM)
    end = _BY_NAME.get(name) or posixpath.splitext(name)[1].lower()
    if not end and name.startswith(prose.NAMES):
        return prose.FORM
    return next((form for form in FORMS if end and end in form.ends), None)


def _interpreter(head: bytes) -> str:
    """The program that a script's first line names, empty where there is none."""
    match = _INTERPRETER.match(head)
    if match is None:
        return ""
    program = posixpath.basename(match[1].decode("latin-1"))
    return posixpath.basename(match[2].decode("latin-1")) if program == "env" and match[2] else program


def _of_archive(file: BinaryIO, path: str) -> Said:
    settings: list[str] = []

    def judge(content: bytes, name: str) -> Judged:
        if name.endswith(".class"):
            return class_file.judged(content)
        said = said_by(io.BytesIO(content), f"/{name}")
        if name.endswith(_SETTINGS) and said.evidence.service:
            settings.append(name)
        return Judged(said.hits, said.evidence)

    judged = packed.judged(file, judge, _IN_ARCHIVES)
    form = "jar" if path.endswith((".jar", ".war", ".ear")) else "zip"
    # Its code asks for what its settings say, and how is not seen there.
    is_open = bool(settings) and speaks_of(judged.evidence, met=bool(judged.hits)) == "mentions"
    return _said(form, judged, judged.unread or (FROM_SETTINGS if is_open else ""), judged.searched)


_SETTINGS = (".properties", ".yml", ".yaml", ".conf", ".xml")
_IN_ARCHIVES = (".class", ".py", ".pyc", ".js", ".sh", ".rb", ".groovy", ".clj", ".so", ".beam", *_SETTINGS)
