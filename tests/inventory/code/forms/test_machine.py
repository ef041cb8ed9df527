"""Programs of machine code, and .NET's."""

from __future__ import annotations

import io

import elves
import pytest

from imds_probe.facts.code import Speaks
from imds_probe.inventory.code.file import said_by

ADDRESS, PATH = b"http://169.254.169.254", b"/latest/meta-data/iam/security-credentials/"
TOKEN, HEADER = b"/latest/api/token", b"X-aws-ec2-metadata-token"
GO_SDK = b"github.com/aws/aws-sdk-go/aws/ec2metadata.(*tokenProvider).fetchTokenHandler"


@pytest.mark.parametrize(
    ("texts", "speaks"),
    [
        ([ADDRESS + b"\0", PATH], "v1"),
        ([b"index out of range" + ADDRESS + b"400 Bad Request", b"reflect" + PATH + b"/proc/self/maps"], "v1"),
        ([ADDRESS, PATH, TOKEN, HEADER], "v2"),
        ([ADDRESS, PATH, TOKEN, HEADER, GO_SDK], "v2"),
        ([ADDRESS, PATH, TOKEN, HEADER, GO_SDK, ADDRESS + b"/latest/meta-data/instance-id"], "both"),
        ([ADDRESS, TOKEN, HEADER, GO_SDK, b"/latest/meta-data/instance-id"], "both"),
        (
            [ADDRESS, b"/latest/api/token/latest/meta-data/latest/user-data", HEADER, GO_SDK],
            "v2",
        ),  # texts of Go side by side
        ([b"rusoto_credential-0.47.0/src/instance_metadata.rs", ADDRESS, PATH, TOKEN, HEADER], "both"),
        ([ADDRESS + b"/computeMetadata/v1/", b"Metadata-Flavor"], "mentions"),
        ([ADDRESS], "mentions"),
        ([PATH], "mentions"),
        ([b"nothing"], None),
    ],
)
def test_a_program(texts: list[bytes], speaks: Speaks | None) -> None:
    judged = said_by(io.BytesIO(elves.made({".rodata": b"\0".join(texts)})), "/usr/bin/x")
    assert (judged.speaks, judged.form, judged.whole) == (speaks, "elf", True)
    assert judged.shown is None or judged.shown.line is None


@pytest.mark.parametrize(("header", "speaks"), [("", "v1"), ("X-aws-ec2-metadata-token", "v2")])
def test_an_assembly(header: str, speaks: Speaks) -> None:
    texts = "\0".join(("http://169.254.169.254/latest/meta-data/", header)).encode("utf-16-le")
    judged = said_by(io.BytesIO(b"MZ" + bytes(510) + b"BSJB" + texts), "/srv/x.dll")
    assert (judged.speaks, judged.form) == (speaks, "dotnet")


def test_data_asks_nothing() -> None:
    content = b"\x01\x02\0" + ADDRESS + PATH
    assert said_by(io.BytesIO(content), "/var/lib/x.db").speaks == "mentions"
