"""What whoever may write a file can prepare for those who look for SDKs. Each of these makes it in a directory, and says how a
process leads there: what is to be set in its environment, or "php" for one that runs a script there, or "program".
"""

from __future__ import annotations

import io
import os
import struct
import zipfile
from pathlib import Path

MIB = 1024 * 1024


def archive(entries: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return out.getvalue()


def gems_in_circles(evil: Path) -> str:
    (evil / "gems").mkdir()
    for number in range(3000):
        (evil / f"gems/{number}").symlink_to("." if number % 2 else "../gems")
    return f"GEM_HOME={evil}/gems"


def gems_without_end(evil: Path) -> str:
    (evil / "gems").mkdir()
    for number in range(3000):
        (evil / f"gems/{number}/gems").mkdir(parents=True)
    return f"GEM_HOME={evil}/gems"


def links_in_circles(evil: Path) -> str:
    (evil / "a").symlink_to("b")
    (evil / "b").symlink_to("a")
    (evil / "c").mkdir()
    (evil / "c/site-packages").symlink_to("..")
    return f"PYTHONPATH={evil}/a:{evil}/c/site-packages/c/site-packages"


def one_entry_often(evil: Path) -> str:
    inner = archive({"META-INF/MANIFEST.MF": os.urandom(MIB), "x.class": os.urandom(3 * MIB)})
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("aws-sdk.jar", inner)
        file.filelist += file.filelist * 2000
    (evil / "often.jar").write_bytes(out.getvalue())
    return f"CLASSPATH={evil}/often.jar"


def archives_in_archives(evil: Path) -> str:
    content = archive({"x": b"x"})
    for _ in range(40):
        content = archive({f"aws{number}.jar": content for number in range(2)}, zipfile.ZIP_STORED)
        if len(content) > 20 * MIB:
            break
    (evil / "deep.jar").write_bytes(content)
    return f"CLASSPATH={evil}/deep.jar"


def a_bomb(evil: Path) -> str:
    layer = archive({f"aws-{number}.jar": bytes(30 * MIB) for number in range(8)})
    (evil / "bomb.jar").write_bytes(archive({f"aws-{number}.jar": layer for number in range(50)}))
    return f"CLASSPATH={evil}/bomb.jar"


def a_directory_of_an_archive_without_end(evil: Path) -> str:
    entry = b"PK\1\2" + bytes(24) + struct.pack("<HHH", 14, 0, 0) + bytes(12) + b"META-INF/maven"
    directory = entry * (44 * MIB // len(entry))
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 65535, 65535, len(directory), 0, 0)
    (evil / "long.jar").write_bytes(directory + end)
    return f"CLASSPATH={evil}/long.jar"


def values_without_number(evil: Path) -> str:
    """In 15 MB of JSON, which take 300 MB as Python has them."""
    (evil / "vendor/composer").mkdir(parents=True)
    (evil / "vendor/composer/installed.json").write_bytes(b"[" + b"[],[]," * (5 * MIB // 2) + b"[]]")
    return "php"


def sections_that_cannot_be(evil: Path) -> str:
    head = b"\x7fELF\2\1\1".ljust(16, b"\0")
    head += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 64, 0, 64, 56, 4096, 64, 4096, 4095)
    headers = struct.pack("<IIQQQQIIQQ", 0, 1, 3, 0, 0, (1 << 63) - 1, 0, 0, 1, 0) * 4096
    (evil / "program").write_bytes(head + headers + b"aws-" * (10 * MIB))
    return "program"


def a_hundred_megabytes(evil: Path) -> str:
    """Of each format, as itself and nowhere to be cut short."""
    for name, head in (
        ("lib/botocore-9.dist-info/METADATA", b"Name: botocore\n"),
        ("lib/boto3-9.egg-info", b"Name: boto3\n"),
        ("a.jar", b"PK\3\4"),
        ("b.pyz", b"PK\3\4"),
        ("program", b"\x7fELF\2\1\1"),
    ):
        (evil / name).parent.mkdir(parents=True, exist_ok=True)
        with (evil / name).open("wb") as file:
            file.write(head)
            for _ in range(100):
                file.write(os.urandom(1024) * 1024)
    return f"PYTHONPATH={evil}/lib:{evil}/b.pyz\0CLASSPATH={evil}/a.jar"


ATTACKS = (
    *(gems_in_circles, gems_without_end, links_in_circles, one_entry_often, archives_in_archives, a_bomb),
    *(a_directory_of_an_archive_without_end, values_without_number, sections_that_cannot_be, a_hundred_megabytes),
)
