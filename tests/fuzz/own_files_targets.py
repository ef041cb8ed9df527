"""Targets: the lists of files that package managers keep, what changelogs say, and the directories that web servers serve."""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest import mock

from code_root import Root
from fuzz.target import Parse, Target, check, choose, chosen, printable
from rpm_headers import with_files

from imds_probe.inventory.code.following import served
from imds_probe.inventory.packages import changelog, own_files
from imds_probe.inventory.packages.rpmdb.header import PATH_MAX, HeaderError, files, has_file
from imds_probe.inventory.packages.wanted import Mention, Wanted

INSTALLED = "1.0-1"
DPKG, APK = Wanted("dpkg", "tool", INSTALLED), Wanted("apk", "tool", "1-r0")
RPM = Wanted("rpm", "tool", INSTALLED)
DPKG_LIST, APK_DATABASE = "var/lib/dpkg/info/tool.list", "lib/apk/db/installed"
DOCUMENTS = "usr/share/doc/tool"
CHANGES = "tool (1.0-1) x; urgency=low\n\n  * Add support for\n    IMDSv2\n  * x\n\n -- A <a@example.org>  Tue, 10 Dec 2019\n\n"
# What web servers and FPM are set up by, with all that is known of each.
SERVERS = (
    ("etc/nginx/sites-enabled/shop", "server {\n\troot /srv/shop;\n\troot '/srv/$host';\n# root /x;\n}\n"),
    ("etc/httpd/conf/httpd.conf", 'DocumentRoot "/srv/blog"\n'),
    ("etc/php/8.2/fpm/pool.d/www.conf", "[www]\n;chdir = /x\nchdir = /srv/shop\n"),
)


def _own(root: Path) -> Parse:
    """The list of one package, as dpkg, apk or the header of rpm has it: what comes of it are paths, or nothing."""
    made = Root(root)

    def parse(data: bytes) -> None:
        at, content = choose(data, 3)
        if at == 2:
            _header(content)
            with mock.patch.object(own_files, "rpm_headers", _headers_of(content)):
                _bounded(root, RPM)
            return
        path, wanted = ((DPKG_LIST, DPKG), (APK_DATABASE, APK))[at]
        made.put({path: content})
        _bounded(root, wanted)

    return parse


def _bounded(root: Path, wanted: Wanted) -> None:
    for package, own in own_files.own_files(root, [wanted], time.monotonic() + 60):
        assert package == wanted
        raw = [os.fsencode(path) for path in own.files]
        assert all(path.startswith(b"/") and b"\0" not in path and len(path) < PATH_MAX for path in raw)
        assert len(set(raw)) == len(raw)
        assert sum(map(len, raw)) <= own_files.LIST_MAX_BYTES
        _known(own.mention)


def _headers_of(content: bytes) -> object:
    @contextlib.contextmanager
    def headers(_: Path) -> Iterator[Iterator[bytes]]:
        yield iter([content])

    return headers


def _header(content: bytes) -> None:
    """A file that is found where it is asked for is listed. Whatever is listed is a path that Linux takes, by its length."""
    with contextlib.suppress(HeaderError):
        listed = set(files(content))
        assert all(len(path) < PATH_MAX for path in listed)
        for directory, name in ((b"/usr/bin/", b"tool"), (b"/opt/", b"own")):
            assert not has_file(content, directory, name) or directory + name in listed


def _changes(root: Path) -> Parse:
    """A changelog as text, packed, and as entries of rpm, each by its name and text in turn."""
    plain, packed = root / DOCUMENTS / "changelog", root / DOCUMENTS / "changelog.gz"
    plain.parent.mkdir(parents=True)

    def parse(data: bytes) -> None:
        at, content = choose(data, 3)
        if at == 2:
            fields = content.split(b"\0")
            _known(changelog.of_rpm(zip(fields[::2], fields[1::2], strict=False), INSTALLED))
            return
        file = (plain, packed)[at]
        file.write_bytes(content)
        found = changelog.of_debian(root, "tool", INSTALLED)
        file.unlink()
        _known(found)
        if at == 0 and not content.startswith(b"\x1f\x8b"):
            packed.write_bytes(gzip.compress(content, 1))
            again = changelog.of_debian(root, "tool", INSTALLED)
            packed.unlink()
            assert (again and again.words, again and again.version) == (found and found.words, found and found.version)

    return parse


def _known(mention: Mention | None) -> None:
    """What a report quotes of a changelog are words of our own and a version."""
    if mention is not None:
        check(mention)
        assert mention.place in {changelog.IN_DATABASE, *(f"/{DOCUMENTS}/{name}" for name in changelog.PLACES)}
        assert mention.words in changelog.NAMES + changelog.TOKENS
        assert re.fullmatch(r"[0-9A-Za-z.+~^_:-]*", mention.version)
        printable(mention.version, 110)


def _served(root: Path) -> Parse:
    """What web servers serve, which PHP's FPM is then looked for below."""
    made = Root(root).put({"usr/sbin/php-fpm8": b"\x7fELF", "srv/shop/index.php": "<?php include 'x.php';"})

    def parse(data: bytes) -> None:
        at, content = choose(data, len(SERVERS))
        path, _ = SERVERS[at]
        made.put({path: content})
        found = served.roots(made.ground())
        assert len(found) <= served.ROOTS_MAX
        assert len(set(found)) == len(found)
        for each in found:
            assert each.startswith("/") and 1 < len(each) <= 301 and "$" not in each and "\0" not in each
            check(each)
        check(made.follow(executable="/usr/sbin/php-fpm8"))
        (root / path).unlink()

    return parse


def _rpm_header() -> bytes:
    """All that is asked of a header: the package, its files and its changelog."""
    tags = [
        (1000, 6, 1, b"tool\0"),
        (1001, 6, 1, b"1.0\0"),
        (1002, 6, 1, b"1\0"),
        (1081, 8, 2, b"A <a@example.org> - 1.0-1\0B - 0.9-1\0"),
        (1082, 8, 2, b"- Use IMDSv2\n- x\0- Begin\0"),
        (1116, 4, 2, struct.pack(">II", 0, 1)),
        (1117, 8, 2, b"tool\0own\0"),
        (1118, 8, 2, b"/usr/bin/\0/opt/\0"),
    ]
    entries, store = b"", b""
    for tag, kind, count, value in tags:
        entries += struct.pack(">IIII", tag, kind, len(store), count)
        store += value
    return struct.pack(">II", len(tags), len(store)) + entries + store


def _own_seeds() -> Mapping[str, bytes]:
    apk = "P:tool\nV:1-r0\nF:usr/bin\nR:tool\na:0:0:755\n\n"
    return {
        "dpkg": chosen(0, "/.\n/usr\n/usr/bin/tool\n"),
        "apk": chosen(1, apk),
        "rpm": chosen(2, _rpm_header()),
        "rpm-files": chosen(2, with_files()),
    }


def _changes_seeds() -> Mapping[str, bytes]:
    return {
        "plain": chosen(0, CHANGES),
        "reverted": chosen(0, CHANGES.replace("Add", "Revert")),
        "lines": chosen(0, CHANGES + "a\n" * 20_000),
        "packed": chosen(1, gzip.compress(CHANGES.encode(), mtime=0)),
        "rpm": chosen(2, "A <a@example.org> - 1.0-1\0- Use session tokens\n  of metadata\n- x\0B 0.9-1\0- Begin"),
        "rpm-lines": chosen(2, "A - 1.0-1\0- Use IMDSv2" + "\n" * 40_000),
    }


TARGETS = {
    "own-files": Target(_own, _own_seeds),
    "changelog": Target(_changes, _changes_seeds),
    "served": Target(
        _served, lambda: {path.split("/")[1]: chosen(at, text) for at, (path, text) in enumerate(SERVERS)}
    ),
}
