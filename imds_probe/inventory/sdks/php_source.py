"""AWS's SDK for PHP by its own constant: as sources that were copied or prefixed, and in archives of PHP's (phar).

Source: aws-sdk-php's src/Sdk.php (3.x) and Aws/Common/Aws.php (2.x), whose classes begin with their version, and its
build/packager.php, which has the layout of aws.phar and aws.zip. Tools that prefix namespaces (php-scoper, Strauss) leave the
names of classes and of directories. PHP's manual, "Phar file format": the signature's last four bytes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.recogniser import Located
from imds_probe.system import rootfs

PACKAGE, DIRECTORY, ARCHIVE = "aws/aws-sdk-php", "aws-sdk-php", ".phar"
UNPACKED = "Aws"  # the directory of the sources in aws.zip
SOURCES = ("src/Sdk.php", "Aws/Sdk.php", "src/Aws/Common/Aws.php", "Aws/Common/Aws.php")
SOURCE_MAX_BYTES = 1024 * 1024
ARCHIVE_MAX_BYTES, PIECE_BYTES, OVERLAP_BYTES = 256 * 1024 * 1024, 1024 * 1024, 1024
HOW = "VERSION of its class"
# PHP's own programs, LiteSpeed's and FrankenPHP, by how their names begin.
PROGRAMS = ("php", "lsphp", "frankenphp")
_SIGNED = b"GBMB"
_NAMED = (b"Aws/Sdk.php", b"aws-sdk-php/src/Sdk.php", b"Aws/Common/Aws.php")
_CLASS = re.compile(
    rb"class (?:Sdk|Aws extends \w{1,60})\s{1,20}\{[^{}]{0,400}?const VERSION\s{0,5}=\s{0,5}['\"](\d{1,3}\.\d{1,5}\.\d{1,5})['\"]"
)


def is_php(program: str, libraries: Collection[str]) -> bool:
    """Whether a process runs PHP, by the name of its program and those of the shared objects that it has mapped."""
    return program.startswith(PROGRAMS) or any(library.startswith("libphp") for library in libraries)


def sources_in(root: Path, path: str, names: Collection[str]) -> Iterator[Located]:
    """The SDK whose sources lie in a directory, or in the archive of this path. Raises FileUnreadable."""
    if PACKAGE not in names:
        return
    if path.endswith(ARCHIVE):
        with rootfs.opened(root, path) as file:
            if file is not None:
                with rootfs.buffered(file) as buffered:
                    yield from (Located(library, path) for library in archived_libraries(buffered, names))
        return
    for place in (f"{path}/{source}" for source in SOURCES):
        content = rootfs.read(root, place, SOURCE_MAX_BYTES)
        if content is not None:
            match = _CLASS.search(content)
            if match is not None or path.endswith(f"/{DIRECTORY}"):
                yield Located(Library("composer", PACKAGE, match[1].decode() if match else None, HOW), place)
            return


def archived_libraries(file: BinaryIO, names: Collection[str]) -> list[Library]:
    """The SDK in an archive of PHP's; empty for what is none, or has it not. Never raises on the file's content. Of one whose
    content is packed only the list of files tells, and no version.
    """
    size = file.seek(0, 2)
    if PACKAGE not in names or size < len(_SIGNED) or size > ARCHIVE_MAX_BYTES:
        return []
    file.seek(size - len(_SIGNED))
    if file.read(len(_SIGNED)) != _SIGNED:
        return []
    file.seek(0)
    rest, is_named = b"", False
    while chunk := file.read(PIECE_BYTES):
        piece = rest + chunk
        if match := _CLASS.search(piece):
            return [Library("composer", PACKAGE, match[1].decode(), HOW)]
        is_named = is_named or any(name in piece for name in _NAMED)
        rest = piece[-OVERLAP_BYTES:]
    return [Library("composer", PACKAGE, None, "list of an archive's files")] if is_named else []
