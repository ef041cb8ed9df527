"""AWS's SDK for PHP without Composer's record: sources, and archives as PHP packs them, byte for byte."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from pathlib import Path

import pytest

from imds_probe.inventory.sdks.php_source import (
    ARCHIVE_MAX_BYTES,
    HOW,
    PIECE_BYTES,
    archived_libraries,
    is_php,
    sources_in,
)

NAMES = ["aws/aws-sdk-php"]
SDK_3 = """<?php
namespace %sAws;

/**
 * Builds AWS clients based on configuration settings.
 *
 * @method \\Aws\\Acm\\AcmClient createAcm(array $args = [])
 */
class Sdk
{
    const VERSION = '3.100.1';

    /** @var array Arguments for creating clients */
"""
SDK_2 = """<?php
namespace Aws\\Common;

class Aws extends ServiceBuilder
{
    /**
     * @var string Current version of the SDK
     */
    const VERSION = '2.8.31';
"""


def look(root: Path, path: str) -> list[tuple[str | None, str]]:
    return [(each.found.version, each.path) for each in sources_in(root, path, NAMES)]


def write(root: Path, path: str, content: str | bytes) -> None:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content if isinstance(content, bytes) else content.encode())


def phar(*, packed: bool = False, **files: str) -> bytes:
    """PHP's manual, "Phar file format": stub, manifest, contents, signature."""
    entries, contents = b"", b""
    for name, text in files.items():
        content = text.encode()
        path = name.replace("__", "/").encode() + b".php"
        stored = zlib.compress(content)[2:-4] if packed else content
        flags = 0x1000 if packed else 0
        entries += struct.pack("<I", len(path)) + path
        entries += struct.pack("<IIIIII", len(content), 0, len(stored), zlib.crc32(content), flags, 0)
        contents += stored
    head = struct.pack("<IHI", len(files), 0x1011, 0x10000) + struct.pack("<I", 0) + struct.pack("<I", 0)
    body = b"<?php __HALT_COMPILER(); ?>\r\n" + struct.pack("<I", len(head) + len(entries)) + head + entries + contents
    return body + hashlib.sha256(body).digest() + struct.pack("<I", 3) + b"GBMB"


@pytest.mark.parametrize(
    ("place", "content", "version"),
    [
        ("vendor_prefixed/aws/aws-sdk-php/src/Sdk.php", SDK_3 % "My\\Plugin\\", "3.100.1"),
        ("srv/aws-sdk-php/src/Aws/Common/Aws.php", SDK_2, "2.8.31"),
        ("srv/lib/Aws/Sdk.php", SDK_3 % "", "3.100.1"),
        ("srv/aws-sdk-php/src/Sdk.php", "<?php // obfuscated", None),
    ],
)
def test_sources_by_their_own_constant(tmp_path: Path, place: str, content: str, version: str | None) -> None:
    write(tmp_path, place, content)
    directory = f"/{place}".removesuffix("/Aws/Common/Aws.php").removesuffix("/Aws/Sdk.php").removesuffix("/Sdk.php")
    assert look(tmp_path, directory.removesuffix("/src")) == [(version, f"/{place}")]


def test_somebody_elses_class_of_that_name_is_none(tmp_path: Path) -> None:
    write(tmp_path, "srv/lib/src/Sdk.php", "<?php class Sdk { public $version; }")
    assert look(tmp_path, "/srv/lib") == []
    assert look(tmp_path, "/none") == []


def test_an_archive_by_what_is_in_it(tmp_path: Path) -> None:
    write(tmp_path, "srv/aws.phar", phar(Aws__functions="<?php", Aws__Sdk=SDK_3 % ""))
    assert look(tmp_path, "/srv/aws.phar") == [("3.100.1", "/srv/aws.phar")]


def test_a_constant_where_two_pieces_meet() -> None:
    for before in range(PIECE_BYTES - 700, PIECE_BYTES, 233):
        (library,) = archived_libraries(io.BytesIO(phar(x="#" * before, Aws__Sdk=SDK_3 % "")), NAMES)
        assert (library.version, library.how) == ("3.100.1", HOW)


def test_a_packed_archive_says_that_it_has_the_sdk_and_not_which() -> None:
    (library,) = archived_libraries(io.BytesIO(phar(packed=True, Aws__Sdk=SDK_3 % "")), NAMES)
    assert library.version is None


@pytest.mark.parametrize("content", [b"", b"GBMB", phar(x="<?php"), (SDK_3 % "").encode(), b"\x7fELF" + b"Aws/Sdk.php"])
def test_other_files_hold_nothing(content: bytes) -> None:
    assert archived_libraries(io.BytesIO(content), NAMES) == []
    assert archived_libraries(io.BytesIO(phar(Aws__Sdk=SDK_3 % "")), []) == []


def test_what_is_too_long_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "x.phar").open("wb") as file:
        file.truncate(ARCHIVE_MAX_BYTES + 1)
    assert look(tmp_path, "/x.phar") == []


@pytest.mark.parametrize(
    ("program", "libraries", "expected"),
    [
        ("php8.2", (), True),
        ("php-fpm", (), True),
        ("lsphp", (), True),
        ("frankenphp", (), True),
        ("httpd", ("libphp7",), True),
        ("httpd", ("libc",), False),
    ],
)
def test_programs_that_run_php(program: str, libraries: tuple[str, ...], expected: bool) -> None:
    assert is_php(program, libraries) is expected
