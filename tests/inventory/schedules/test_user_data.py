from __future__ import annotations

import base64
import gzip
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest
import yaml

from imds_probe.inventory.schedules import user_data
from imds_probe.inventory.schedules.user_data import UserPart

SCRIPT = "#!/bin/sh\ncurl x\n"
CONFIG = "#cloud-config\nbootcmd: [x]\n"


def opened(content: bytes | str) -> list[UserPart | str]:
    raw = content.encode() if isinstance(content, str) else content
    return list(user_data.parts(raw, yaml.safe_load))


def mime(*parts: tuple[str, str]) -> bytes:
    message = MIMEMultipart()
    for kind, text in parts:
        message.attach(MIMEText(text, kind))
    return message.as_bytes()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (SCRIPT, [UserPart("script", SCRIPT)]),
        (CONFIG, [UserPart("config", CONFIG)]),
        ("#cloud-boothook\nx\n", [UserPart("boothook", "#cloud-boothook\nx\n")]),
        ("#part-handler\ndef x(): 0\n", [UserPart("handler", "#part-handler\ndef x(): 0\n")]),
        ("#include\nhttp://x/y\n", ["it includes what lies behind a URL, which was not read"]),
        ("## template: jinja\n#cloud-config\na: {{ b }}\n", [UserPart("config", "#cloud-config\na: {{ b }}\n")]),
        ("## template: jinja\n#!/bin/sh\nx\n", [UserPart("script", "#!/bin/sh\nx\n")]),
        ("whatever: this is\nsomething else", ["a part of it is of a kind that is not known"]),
        ("", []),
        (gzip.compress(SCRIPT.encode()), [UserPart("script", SCRIPT)]),
        (gzip.compress(gzip.compress(SCRIPT.encode())), ["a part of it is of a kind that is not known"]),
        (b"\x1f\x8bnothing of the kind", ["it is compressed and damaged"]),
    ],
)
def test_one_part(content: bytes | str, expected: list[UserPart | str]) -> None:
    assert opened(content) == expected


def test_several_parts_each_by_its_own_beginning() -> None:
    content = mime(
        ("x-shellscript", SCRIPT), ("cloud-config", CONFIG), ("plain", SCRIPT), ("cloud-boothook", "x"), ("odd", "y")
    )
    expected = [
        UserPart("script", SCRIPT),
        UserPart("config", CONFIG),
        UserPart("script", SCRIPT),
        UserPart("boothook", "x"),
        "a part of it is of a kind that is not known",
    ]
    assert opened(content) == expected
    assert opened(gzip.compress(content)) == expected
    assert opened(content.replace(b"\n", b"\r\n"))[0] == UserPart("script", SCRIPT.replace("\n", "\r\n"))


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "7bit"])
def test_encodings(encoding: str) -> None:
    bodies = {
        "base64": base64.encodebytes(gzip.compress(SCRIPT.encode())),
        "quoted-printable": b"#!/bin/sh=0Acurl=\n x=0A",
    }
    body = bodies.get(encoding, SCRIPT.encode())
    head = b'From x Mon\nContent-Type: multipart/mixed;\n boundary="=b"\n\npreamble\n--=b\nContent-Type: text/x-shellscript\n'
    content = head + b"Content-Transfer-Encoding: " + encoding.encode() + b"\n\n" + body + b"\n--=b--\nend"
    (part,) = opened(content)
    assert isinstance(part, UserPart)
    assert part.text.rstrip("\n") == SCRIPT.rstrip("\n")


def test_an_archive_in_yaml() -> None:
    text = (
        "#cloud-config-archive\n- type: text/cloud-boothook\n  content: x\n- |\n  #!/bin/sh\n  y\n- {content: 1}\n- 7\n"
    )
    assert opened(text) == [UserPart("boothook", "x"), UserPart("script", "#!/bin/sh\ny\n")]


def test_a_bomb_is_said_and_never_unpacked() -> None:
    bomb = gzip.compress(bytes(50 * 2**20))
    assert opened(bomb) == ["it is compressed and has more than 4194304 bytes"]
    whole = MIMEMultipart()
    for _ in range(3):
        whole.attach(MIMEApplication(gzip.compress(SCRIPT.encode() + bytes(2**21)), "x-gzip"))
    found = opened(whole.as_bytes())
    assert [isinstance(each, UserPart) for each in found] == [True, False, False]


def test_parts_within_parts_and_many_of_them_come_to_an_end() -> None:
    nested = SCRIPT.encode()
    for depth in range(20):
        mark = f"b{depth}".encode()
        kind = b"text/x-shellscript" if not depth else b"multipart/mixed; boundary=b%d" % (depth - 1)
        nested = b"--" + mark + b"\nContent-Type: " + kind + b"\n\n" + nested + b"\n--" + mark + b"--\n"
    content = b"Content-Type: multipart/mixed; boundary=b19\n\n" + nested
    assert opened(content) == ["there are too many parts in it"]
    many = opened(mime(*[("x-shellscript", SCRIPT)] * 300))
    assert len(many) <= user_data.PARTS_MAX + 2
    assert many[-1] == "there are too many parts in it"


def test_compressed_bytes_of_any_kind_are_no_bug() -> None:
    whole = gzip.compress(SCRIPT.encode())
    for at in range(len(whole)):
        opened(whole[:at] + b"\xff" + whole[at + 1 :])
