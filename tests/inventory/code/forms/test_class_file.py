"""Java's class files."""

from __future__ import annotations

import io

import java_classes
import pytest

from imds_probe.facts.code import Speaks
from imds_probe.inventory.code.file import said_by
from imds_probe.inventory.code.speaks import Said
from imds_probe.inventory.code.unread import DAMAGED

URL, TOKEN = "http://169.254.169.254/latest/meta-data/", "X-aws-ec2-metadata-token"


def said(content: bytes) -> Said:
    return said_by(io.BytesIO(content), "/srv/X.class")


@pytest.mark.parametrize(
    ("texts", "names", "speaks"),
    [
        ([URL], ["openStream"], "v1"),
        (["http://169.254.169.254", "/latest/meta-data/"], ["java/net/URL", "openConnection"], "v1"),
        ([URL, TOKEN, "http://169.254.169.254/latest/api/token"], ["setRequestProperty"], "v2"),
        (["169.254.169.254"], [], "mentions"),
        (["the service at http://169.254.169.254/latest/ did not answer"], ["openStream"], "mentions"),
        (["http://169.254.169.254/computeMetadata/v1/"], ["openStream"], "mentions"),
        ([], [URL], "mentions"),  # of an annotation, or a name: no text that code uses
        (["nothing"], [], None),
    ],
)
def test_a_class(texts: list[str], names: list[str], speaks: Speaks | None) -> None:
    judged = said(java_classes.made(texts, names))
    assert (judged.speaks, judged.form, judged.unread) == (speaks, "class", "")


def test_one_that_surely_hands_in_no_token() -> None:
    assert said(java_classes.made([URL], ["openStream"])).evidence.bare
    assert not said(java_classes.made([URL], ["openStream", "getHeaders"])).evidence.bare


@pytest.mark.parametrize("cut", [9, 20, 30])
def test_a_damaged_one(cut: int) -> None:
    content = java_classes.made([URL])
    assert said(content[:cut]).speaks is None
    judged = said(content[:cut] + b"\xff" + URL.encode())
    assert judged.unread == DAMAGED and not judged.whole and judged.hits


def test_a_class_of_an_sdk_that_it_uses_is_a_call() -> None:
    used = said(java_classes.made([], classes=["com/amazonaws/util/EC2MetadataUtils"]))
    assert (used.speaks, used.quote) == ("mentions", ("EC2MetadataUtils",))
    own = said(java_classes.made(["EC2MetadataUtils failed"], ["EC2MetadataUtils"], classes=["app/EC2MetadataUtils"]))
    assert own.quote == ()
