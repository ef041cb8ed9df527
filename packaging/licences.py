"""Who wrote what is inside, under which terms, and where its source is."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

from application import PACKAGES
from build_error import run

DOCUMENTATION = "usr/share/doc/imds-probe"
HEAD = """\
Copyright (c) the authors of imds-probe

imds-probe {version} is under the Apache License, version 2.0; Debian keeps its text in /usr/share/common-licenses/Apache-2.0,
and this package in licences/common-licenses/Apache-2.0.

Beside its own code it has copies of others' in /usr/lib/imds-probe/runtime, each under its own terms, which are in
/usr/share/doc/imds-probe/licences:

  debian/NAME      what Debian says of authors and terms of its package NAME
  common-licenses  texts that these refer to, as Debian has them in /usr/share/common-licenses (LGPL-2.1 and others)
  python/NAME      licence files of the Python package NAME

/usr/share/doc/imds-probe/sbom.cdx.json lists names, versions and checksums.

Source: the parts from Debian were taken as Debian {suite} distributes them. In the interpreter's executable it was changed
where its loader and libraries are looked for (patchelf); what is not needed was left out, and modules were compiled. Their
complete source is what Debian's archive, and its archive of all former versions, has under the source package and version
that are listed here. For the C library, which is under the GNU Lesser General Public License, anybody may put a changed copy
in place of the files in /usr/lib/imds-probe/runtime/lib. The source of the Python packages is what the Python Package Index
has under the name and version that are listed here.

"""


@dataclass(frozen=True)
class Component:
    """One thing inside. `source` is Debian's source package and version; `file` is what it was taken from."""

    kind: str  # deb or pypi
    name: str
    version: str
    licences: tuple[str, ...]
    file: Path
    source: tuple[str, str] | None = None


def of_debs(debs: Sequence[Path], unpacked: Path) -> list[Component]:
    """Components of Debian packages that are unpacked in `unpacked`."""
    found = []
    for deb in debs:
        control = HeaderParser().parsestr(run(["dpkg-deb", "--field", deb]))
        name, version = control["Package"], control["Version"]
        source = re.fullmatch(r"(\S+)(?: \((\S+)\))?", control.get("Source", name))
        assert source  # noqa: S101 - deb-src-control(5)
        names = re.findall(r"^License: *([^\n]+?) *$", _copyright(unpacked, name).read_text(), re.MULTILINE)
        licences = tuple(sorted({each for each in names if len(each) < 60}))
        found.append(Component("deb", name, version, licences, deb, (source[1], source[2] or version)))
    return found


def of_wheels(wheels: Sequence[Path], stage: Path) -> list[Component]:
    """Components of wheels that `application.put` has laid out below `stage`."""
    found = []
    for wheel in wheels:
        name, version = wheel.name.split("-")[:2]
        (metadata,) = (stage / PACKAGES).glob(f"{name}-{version}.dist-info/METADATA")
        fields = HeaderParser().parsestr(metadata.read_text())
        named = fields.get("License-Expression") or fields.get("License") or ""
        found.append(Component("pypi", fields["Name"], fields["Version"], (named.strip(),) if named else (), wheel))
    return found


def put(components: Sequence[Component], unpacked: Path, stage: Path, heading: str) -> None:
    """Lay the texts out below `stage`: Debian's, the Python packages', and one file over them all, which begins with
    `heading`.
    """
    place = stage / DOCUMENTATION
    texts = place / "licences"
    (texts / "debian").mkdir(parents=True)
    copyright_lines = [heading]
    shared = {"Apache-2.0"}  # the project's own
    for each in components:
        if each.source:
            shutil.copyfile(_copyright(unpacked, each.name), texts / "debian" / each.name)
            shared |= set(
                re.findall(r"/usr/share/common-licenses/([\w.-]*\w)", (texts / "debian" / each.name).read_text())
            )
            copyright_lines.append(f"  {each.name} {each.version}, source {' '.join(each.source)}\n")
        else:
            _put_python(each, stage, texts / "python" / each.name)
            copyright_lines.append(
                f"  {each.name} {each.version}: {' '.join(each.licences) or 'see its licence files'}\n"
            )
    (texts / "common-licenses").mkdir()
    for name in sorted(shared):
        text = unpacked / "usr/share/common-licenses" / name
        if text.exists():
            shutil.copyfile(text, texts / "common-licenses" / name)
    (place / "copyright").write_text("".join(copyright_lines))


def _put_python(component: Component, stage: Path, place: Path) -> None:
    place.mkdir(parents=True)
    name = component.file.name.split("-")[0]
    (information,) = (stage / PACKAGES).glob(f"{name}-{component.version}.dist-info")
    for path in sorted(information.rglob("*")):
        if path.is_file() and re.match(r"(?i)(licen[cs]e|copying|notice|authors|copyright)", path.name):
            shutil.copyfile(path, place / path.name)


def _copyright(unpacked: Path, package: str) -> Path:
    directory = unpacked / "usr/share/doc" / package
    if directory.is_symlink():  # to the package that has it for several: libgcc-s1 and gcc-14-base
        directory = unpacked / "usr/share/doc" / directory.readlink().name
    return directory / "copyright"
