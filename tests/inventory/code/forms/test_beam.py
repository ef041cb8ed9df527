"""Compiled modules of Erlang and Elixir, as the compilers write them."""

from __future__ import annotations

import io
import struct
import zlib

import pytest

from imds_probe.facts.code import Speaks
from imds_probe.inventory.code.file import said_by
from imds_probe.inventory.code.forms import beam
from imds_probe.inventory.code.unread import DAMAGED, TOO_LONG, UNPACKS_TOO_MUCH

URL = b"http://169.254.169.254/latest/meta-data/instance-id"
TOKEN = b"/latest/api/token x-aws-ec2-metadata-token"


def module(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"BEAM"
    for name, content in chunks:
        body += name + struct.pack(">I", len(content)) + content + bytes(-len(content) % 4)
    return b"FOR1" + struct.pack(">I", len(body)) + body


def literals(content: bytes, *, packed: bool = True) -> tuple[bytes, bytes]:
    if not packed:  # as from Erlang 28 on
        return b"LitT", bytes(4) + content
    return b"LitT", struct.pack(">I", len(content)) + zlib.compress(content)


@pytest.mark.parametrize(
    ("content", "speaks", "unread"),
    [
        (module((b"AtU8", b"abc"), literals(URL)), "v1", ""),
        (module((b"AtU8", b"abc"), literals(URL, packed=False)), "v1", ""),
        (module((b"StrT", URL)), "v1", ""),
        (module((b"Code", b"x"), literals(URL + TOKEN)), "v2", ""),
        (module(literals(b"nothing")), None, ""),
        (module((b"Code", b"x")), None, ""),
        (module((b"LitT", bytes(3) + b"\1" + b"no zlib")), None, DAMAGED),
        (b"FOR1", None, ""),
        (b"FOR1\0\0\0\0BEAMLitT\xff\xff\xff\xff", None, DAMAGED),
    ],
)
def test_how_a_module_asks(content: bytes, speaks: Speaks | None, unread: str) -> None:
    said = said_by(io.BytesIO(content), "/app/lib/x-1/ebin/Elixir.X.beam")
    assert (said.speaks, said.unread) == (speaks, unread)


def test_there_are_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    content = module(literals(b"x" * 5000))
    monkeypatch.setattr(beam, "UNPACKED_MAX_BYTES", 100)
    assert said_by(io.BytesIO(content), "/x.beam").unread == UNPACKS_TOO_MUCH
    monkeypatch.setattr(beam, "READ_MAX_BYTES", 10)
    assert said_by(io.BytesIO(content), "/x.beam").unread == TOO_LONG
