"""Archives of code."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import java_classes
import pytest
from code_snippets import named

from imds_probe.inventory.code.file import said_by
from imds_probe.inventory.code.forms import packed
from imds_probe.inventory.code.speaks import Said
from imds_probe.inventory.code.unread import DAMAGED, FROM_SETTINGS, UNPACKS_TOO_MUCH

URL, TOKEN = "http://169.254.169.254/latest/meta-data/", "X-aws-ec2-metadata-token"
BASE, PATH = (java_classes.made([text]) for text in ("http://169.254.169.254", "/latest/meta-data/"))
V1 = java_classes.made([URL], ["openStream"])
V2 = java_classes.made([URL, TOKEN, "/latest/api/token"])
SDK = java_classes.made(["http://169.254.169.254", TOKEN, "/latest/api/token", "/latest/meta-data/iam/info"])


def archive(members: Mapping[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", packing) as file:
        for name, text in members.items():
            file.writestr(name, text)
    return content.getvalue()


def said(members: Mapping[str, bytes], name: str = "x.jar") -> Said:
    return said_by(io.BytesIO(archive(members)), f"/srv/{name}")


@pytest.mark.parametrize(
    ("members", "speaks"),
    [
        ({"com/x/A.class": V1}, "v1"),
        ({"com/x/A.class": V2}, "v2"),
        ({"com/x/A.class": V1, "com/y/B.class": V2}, "both"),
        ({"com/x/A.class": V1, "com/amazonaws/internal/B.class": SDK}, "both"),
        ({"com/x/A.class": V1, "com/z/shaded/software/amazon/awssdk/B.class": SDK}, "both"),
        ({"com/amazonaws/internal/B.class": SDK}, None),  # left to who knows the SDKs
        ({"com/x/A.class": java_classes.made(["169.254.169.254"])}, "mentions"),
        ({"com/x/Base.class": BASE, "com/x/Path.class": PATH}, "v1"),
        ({"com/x/A.class": java_classes.made(["nothing"])}, None),
        ({"META-INF/README.md": b"http://169.254.169.254/latest/"}, None),
        ({"BOOT-INF/lib/y.jar": archive({"com/x/A.class": V1})}, "v1"),
        ({"BOOT-INF/lib/y.jar": archive({"lib/z.jar": archive({"com/x/A.class": V1})}, zipfile.ZIP_STORED)}, "v1"),
    ],
)  # fmt: skip
def test_a_jar(members: dict[str, bytes], speaks: str | None) -> None:
    judged = said(members)
    assert (judged.speaks, judged.form, judged.whole) == (speaks, "jar", True)


@pytest.mark.parametrize(
    ("members", "unread"),
    [
        ({"BOOT-INF/classes/application.yml": b"imds: http://169.254.169.254/latest/meta-data/\n"}, FROM_SETTINGS),
        ({"application.properties": b"imds=http://169.254.169.254\n"}, FROM_SETTINGS),
        ({"reference.conf": b"# imds = http://169.254.169.254\n"}, ""),
        ({"application.yml": b"a: 1\n"}, ""),
        ({"beans.xml": b"<x>http://169.254.169.254</x>\n", "com/x/A.class": V2}, ""),
    ],
)
def test_an_address_in_settings_within(members: dict[str, bytes], unread: str) -> None:
    """How it is asked is not seen, unless code in the same archive has the address as well."""
    assert said(members).unread == unread


@pytest.mark.parametrize("first_line", [b"", b"#!/usr/bin/env python3\n"])
def test_an_archive_of_python(first_line: bytes) -> None:
    content = first_line + archive({"__main__.py": named("python: urlopen").content, "botocore/utils.py": b"x"})
    judged = said_by(io.BytesIO(content), "/usr/local/bin/x")
    assert (judged.speaks, judged.form) == ("v1", "zip")


def test_what_it_unpacks_to_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = {"a.class": bytes(100_000), "com/x/A.class": V1}
    assert said(bomb).whole
    monkeypatch.setattr(packed, "UNPACKED_MAX_BYTES", 50_000)
    judged = said(bomb)
    assert judged.unread == UNPACKS_TOO_MUCH and not judged.whole and judged.searched <= 50_000


def test_how_many_are_in_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "MEMBERS_MAX", 3)
    assert said({f"{number}.class": V1 for number in range(4)}).unread == UNPACKS_TOO_MUCH


def test_how_deep_it_goes_is_bounded() -> None:
    inner: Mapping[str, bytes] = {"com/x/A.class": V1}
    for number in range(packed.DEPTH_MAX + 1):
        inner = {f"{number}.jar": archive(inner)}
    judged = said(inner)
    assert judged.speaks is None and judged.unread == UNPACKS_TOO_MUCH


def test_damaged_ones() -> None:
    whole = archive({"com/x/A.class": V1})
    assert said_by(io.BytesIO(whole[:-30]), "/x.jar").unread == DAMAGED
    assert said_by(io.BytesIO(b"PK\3\4" + bytes(100)), "/x.zip").unread == DAMAGED
    broken = whole.replace(V1[:4], b"xxxx") if V1[:4] in whole else whole[:60] + b"\xff" * 20 + whole[80:]
    assert said_by(io.BytesIO(broken), "/x.jar").unread == DAMAGED
