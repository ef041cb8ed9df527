#!/usr/bin/env python3
"""`make fuzz`: every parser of what a container may have prepared, driven by coverage, for FUZZ_SECONDS (20) each.

A parser passes if nothing but its documented error comes out, and it never takes longer than a few seconds or more
memory than it may. What is found becomes a regression test beside the parser's own tests.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["imds_probe.inventory", "imds_probe.watch"]):
    from imds_probe.inventory.sdks import (
        archive,
        bundle,
        dotnet,
        go_build,
        jar,
        mounts,
        native,
        node,
        php,
        python,
        python_archive,
        ruby,
    )
    from imds_probe.watch import connections, requests
    from imds_probe.watch.ring import Packet
with atheris.instrument_imports(include=["imds_probe.report_document", "imds_probe.rules", "imds_probe.verdict"]):
    from imds_probe import judging_again, report_document
    from imds_probe.commands import judge

import contextlib

from imds_probe.catalog.catalog import Catalog
from imds_probe.errors import UsageError
from imds_probe.inventory.sdks.elf import Elf, NotElf
from imds_probe.inventory.sdks.recogniser import Recogniser
from imds_probe.system.rootfs import FileUnreadable

SECONDS = int(os.environ.get("FUZZ_SECONDS", "20"))
LENGTH_MAX, SLOW_SECONDS, MEMORY_MB = 65536, 5, 1024
CATALOG = Catalog.load()


def _names(ecosystem: str) -> tuple[str, ...]:
    return CATALOG.package_names(ecosystem)


def _of_file(parse: Callable[[io.BytesIO, tuple[str, ...]], object], *ecosystems: str) -> Callable[[bytes], None]:
    """A parser of an open file, which raises nothing."""
    names = tuple(name for ecosystem in ecosystems for name in _names(ecosystem))
    return lambda data: parse(io.BytesIO(data), names) and None


def _of_root(recogniser: Recogniser, path: str, place: str) -> Callable[[bytes], None]:
    """A recogniser that reads a file in a root, which is the working directory."""
    root = Path.cwd()
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)

    def target(data: bytes) -> None:
        file.write_bytes(data)
        with contextlib.suppress(FileUnreadable):
            list(recogniser.directories.libraries(root, place, _names(recogniser.key)))

    return target


def _elf(data: bytes) -> None:
    try:
        elf = Elf(io.BytesIO(data))
        elf.sections()
        elf.segments()
        elf.soname()
    except NotElf:
        pass


def _archive(data: bytes) -> None:
    try:
        found = archive.Archive(io.BytesIO(data))
    except archive.NotAnArchive:
        return
    for entry in found.entries(b".", jar._INNER):
        found.content(entry, LENGTH_MAX)


def _mounts(data: bytes) -> None:
    Path("self").mkdir(exist_ok=True)
    Path("self/mountinfo").write_bytes(data)
    mounts.mount_points(Path.cwd(), "self")


def _request(data: bytes) -> None:
    """What clients send, in two parts."""
    reader = requests.RequestReader()
    half = len(data) // 2
    found = [*reader.feed(data[:half]), *reader.feed(data[half:]), *reader.give_up()]
    assert all(each.path.isprintable() and each.user_agent.isprintable() for each in found)


def _packets(data: bytes) -> None:
    """Packets as they come from an interface, of a length that the first byte says."""
    seen = connections.Connections([MD4, MD6], 80, lambda _: None)
    while data:
        length = 20 + data[0]
        seen.packet(Packet(0.0, 1, False, data[1:length]))
        data = data[length:]


def _report(data: bytes) -> None:
    """What `imds-probe judge` is given: read and judged, or refused in a sentence."""
    try:
        stored = report_document.read(judge.parsed(data))
    except UsageError as error:
        assert "\n" not in str(error)
        return
    judging_again.changes(stored, judging_again.judged_again(stored, CATALOG))


MD4, MD6 = bytes([169, 254, 169, 254]), bytes.fromhex("fd000ec2") + bytes(10) + b"\x02\x54"
SITE = "lib/python3/site-packages"
TARGETS: dict[str, Callable[[], Callable[[bytes], None]]] = {
    "archive": lambda: _archive,
    "jar": lambda: _of_file(jar.java_libraries, "maven"),
    "python-archive": lambda: _of_file(python_archive.python_libraries, "pypi"),
    "elf": lambda: _elf,
    "go": lambda: _of_file(go_build.go_libraries, "go"),
    "native": lambda: _of_file(native.native_libraries, "crate", "binary"),
    "bundle": lambda: _of_file(bundle.bundled_libraries, "npm"),
    "node": lambda: _of_root(node.RECOGNISER, "node_modules/aws-sdk/package.json", "/node_modules"),
    "php": lambda: _of_root(php.RECOGNISER, "composer/installed.json", "/composer"),
    "dotnet": lambda: _of_root(dotnet.RECOGNISER, "App.deps.json", "/"),
    "dotnet-resource": lambda: _of_root(dotnet.RECOGNISER, "AWSSDK.Core.dll", "/"),
    "python": lambda: _of_root(python.RECOGNISER, f"{SITE}/botocore-1.0.dist-info/METADATA", f"/{SITE}"),
    "python-module": lambda: _of_root(python.RECOGNISER, f"{SITE}/botocore/__init__.py", f"/{SITE}"),
    "ruby": lambda: _of_root(ruby.RECOGNISER, "specifications/aws-sdk-core-3.0.gemspec", "/specifications"),
    "mounts": lambda: _mounts,
    "request": lambda: _request,
    "packets": lambda: _packets,
    "report": lambda: _report,
}


_BUILD_INFO = (
    b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\x06go1.22\x60" + b"0" * 16
    + b"path\tx\nmod\tx\tv1\ndep\tgithub.com/aws/aws-sdk-go\tv1.2.3\th1:=\n" + b"0" * 16
)  # fmt: skip


def _seeds(directory: Path) -> None:
    """Something of each kind to begin from: what the tests make, and what this machine has."""
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "inventory/sdks")]
    sys.path.insert(0, str(Path(__file__).parents[1] / "reports"))
    import elves
    import keep
    import test_jar
    import watched_packets

    fat = test_jar.archive({**test_jar.pom(jar.SDK1, "1.11.600"), "lib/aws-java-sdk-core-1.11.600.jar": test_jar.CORE})
    samples = {
        "zip": fat,
        "wheel": test_jar.archive({"botocore-1.0.dist-info/METADATA": b"x", "boto3/__init__.py": b"__version__ = '1'"}),
        "elf": Path("/bin/true").read_bytes()[:LENGTH_MAX],
        "go": elves.made({".go.buildinfo": _BUILD_INFO}),
        "go-old": elves.made(
            {".gopclntab": b"x", ".rodata": b"aws-sdk-go/1.25.37 aws-sdk-go/aws/ec2metadata.(*tokenProvider)"}
        ),
        "rust": elves.made({".dep-v0": zlib.compress(b'{"packages": [{"name": "aws-config", "version": "1.1.0"}]}')}),
        "rust-paths": elves.made({".rodata": b"aws-config-1.1.2/src/x.rs aws-sdk-cpp/1.7.1 /latest/api/token"}),
        "package": b'{"name": "aws-sdk", "version": "2.1.0"}',
        "installed": b'{"packages": [{"name": "aws/aws-sdk-php", "version": "v3.1.0"}]}',
        "deps": b'{"libraries": {"AWSSDK.Core/3.7.1": {}}}',
        "metadata": b"Metadata-Version: 2.1\nName: botocore\nVersion: 1.12.0\n\ntext",
        "script": b"loadCredentialsCallbacks fetchMetadataToken VERSION: '2.600.0'",
        "resource": "FileVersion\0\0\0003.7.1.0\0".encode("utf-16-le"),
        "buildinfo": b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\x04go1.",
        "request": b"GET /a HTTP/1.1\r\nUser-Agent: x\r\nX-aws-ec2-metadata-token: t\r\nContent-Length: 3\r\n\r\nabc",
        "packet": bytes([40])
        + watched_packets.to(1, flags=2)
        + bytes([200])
        + watched_packets.to(2, watched_packets.V1),
        "mounts": b"22 1 8:1 / /a\\040b rw - ext4 x rw\n",
    }
    for number, (_, report) in enumerate(keep.kept()):
        samples[f"report-{number}"] = json.dumps(report).encode()[:LENGTH_MAX]
    for name, content in samples.items():
        (directory / name).write_bytes(content)


def fuzz(name: str, corpus: str) -> None:
    """One target, in this process, which ends with it."""
    target = TARGETS[name]()
    limits = [f"-max_total_time={SECONDS}", f"-max_len={LENGTH_MAX}", f"-timeout={SLOW_SECONDS}"]
    limits += [f"-rss_limit_mb={MEMORY_MB}", "-print_final_stats=1", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={corpus}/found-", corpus], target)
    atheris.Fuzz()


def main() -> int:
    failed = []
    for name in os.environ.get("FUZZ_TARGETS", "").split() or TARGETS:
        with tempfile.TemporaryDirectory(prefix="imds-probe-fuzz-", dir="/dev/shm") as directory:
            corpus, root = Path(directory, "corpus"), Path(directory, "root")
            corpus.mkdir()
            root.mkdir()
            _seeds(corpus)
            done = subprocess.run(
                [sys.executable, Path(__file__).resolve(), name, corpus],
                cwd=root,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
            runs = [line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line]
            print(
                f"{name:<16} {runs[0] if runs else '?':>9} inputs, {'nothing found' if not done.returncode else 'FOUND'}"
            )
            if done.returncode:
                failed.append(name)
                print(done.stdout[-2000:], done.stderr[-4000:])
                for found in corpus.glob("found-*"):
                    print(f"{found.name}: {found.read_bytes()[:4096]!r}")
    return bool(failed)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        fuzz(*sys.argv[1:])
    else:
        sys.exit(main())
