"""Targets: libraries in files and directories, by what tests/inventory/sdks makes of them."""

from __future__ import annotations

import contextlib
import io
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from fuzz.target import Parse, Target, check

from imds_probe.catalog.catalog import Catalog
from imds_probe.inventory.sdks import (
    archive,
    bundle,
    dotnet,
    go_build,
    jar,
    native,
    node,
    node_plugged,
    php,
    php_source,
    python,
    python_archive,
    python_embedded,
    python_own_code,
    ruby,
)
from imds_probe.inventory.sdks.elf import Elf, NotElf
from imds_probe.inventory.sdks.profiles import Profiles
from imds_probe.inventory.sdks.recogniser import Recogniser
from imds_probe.inventory.sdks.scan import Scan
from imds_probe.inventory.sdks.start import Start
from imds_probe.system.rootfs import FileUnreadable

CONTENT_MAX = 65536
CATALOG = Catalog.load()
SITE = "lib/python3/site-packages"


def _names(ecosystem: str) -> tuple[str, ...]:
    return CATALOG.package_names(ecosystem)


def _of_file(parse: Callable[[io.BytesIO, tuple[str, ...]], object], *ecosystems: str) -> Target:
    """A parser of an open file, which raises nothing."""
    names = tuple(name for ecosystem in ecosystems for name in _names(ecosystem))
    return Target(lambda _: lambda data: check(parse(io.BytesIO(data), names)), _files)


def _plugged(data: bytes) -> None:
    packages = node_plugged.registry(data)
    check(
        [(each.place("/srv"), each.version, list(node_plugged.needed_by(each.name, packages))) for each in packages[:9]]
    )


def _of_root(recogniser: Recogniser, path: str, place: str) -> Target:
    """A recogniser that reads a file in a root."""

    def make(root: Path) -> Parse:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)

        def parse(data: bytes) -> None:
            file.write_bytes(data)
            with contextlib.suppress(FileUnreadable):
                check(list(recogniser.directories.libraries(root, place, _names(recogniser.key))))

        return parse

    return Target(make, _files)


def _elf(data: bytes) -> None:
    try:
        elf = Elf(io.BytesIO(data))
        elf.sections()
        elf.segments()
        check(elf.soname())
    except NotElf:
        pass


def _archive(data: bytes) -> None:
    try:
        found = archive.Archive(io.BytesIO(data))
    except archive.NotAnArchive:
        return
    for entry in found.entries(b".", jar._INNER):
        found.content(entry, CONTENT_MAX)


def _environment(root: Path) -> Parse:
    """Whether a directory is a virtual environment that sees nothing else."""
    scan = Scan(root, {}, {})

    def parse(data: bytes) -> None:
        (root / "pyvenv.cfg").write_bytes(data)
        scan._is_isolated("")

    return parse


def _own_code(root: Path) -> Parse:
    """A program that begins with a script, and has a module of the same content beside it."""
    begun = Start("/usr/bin/python3", "/", ("python3", "/x.py"), {}, frozenset(), root)

    def parse(data: bytes) -> None:
        for name in ("x.py", "botocore.py"):
            (root / name).write_bytes(data)
        check(python_own_code.own_code(begun, _names("pypi")))

    return parse


def _embedded(data: bytes) -> None:
    """The settings of servers with Python inside, in each of their formats."""
    settings = ("uwsgi", "--ini", "/a.ini", "--yaml=/a.yml", "-H", "x", "a.xml", "--emperor", "/v")
    for executable, arguments in (("/usr/bin/uwsgi", settings), ("/usr/sbin/apache2", ("apache2", "-f", "/a.conf"))):
        begun = Start(executable, "/", arguments, {}, frozenset(), Path("/none"))
        check(python_embedded.embedded(begun, lambda _: data, lambda _: ("a.ini", "b.json")))


def _embedded_seeds() -> Mapping[str, bytes]:
    return {
        "ini": b"[uwsgi]\nini = %db.ini\nvenv=%(base)/v\nmodule=a:b\nmount=/x=y.py\n",
        "xml": b"<uwsgi><home>/v</home><module>a</module></uwsgi>",
        "apache": b"WSGIDaemonProcess a \\\n python-home='/v' home=/x\nWSGIScriptAlias / /srv/\n",
    }


def _files() -> Mapping[str, bytes]:
    """Something of each kind: what the tests make, and what this machine has."""
    for place in (Path(__file__).parents[1] / "inventory/sdks",):
        if str(place) not in sys.path:
            sys.path.insert(0, str(place))
    import elves
    import test_jar

    fat = test_jar.archive({**test_jar.pom(jar.SDK1, "1.11.600"), "lib/aws-java-sdk-core-1.11.600.jar": test_jar.CORE})
    go_old = b"aws-sdk-go/1.25.37 aws-sdk-go/aws/ec2metadata.(*tokenProvider)"
    rust = zlib.compress(b'{"packages": [{"name": "aws-config", "version": "1.1.0"}]}')
    return {
        "zip": fat,
        "manifest": test_jar.archive(
            {"META-INF/MANIFEST.MF": "Implementation-Title: AWS SDK for Java\nImplementation-Version: 1.1\n"}
        ),
        "wheel": test_jar.archive({"botocore-1.0.dist-info/METADATA": b"x", "boto3/__init__.py": b"__version__ = '1'"}),
        "elf": Path("/bin/true").read_bytes()[:CONTENT_MAX],
        "go": elves.made({".go.buildinfo": _BUILD_INFO}),
        "go-pointers": elves.made({".go.buildinfo": b"\xff Go buildinf:\x08\x00" + bytes(16)}),
        "go-old": elves.made({".gopclntab": b"x", ".rodata": go_old}),
        "rust": elves.made({".dep-v0": rust}),
        "rust-paths": elves.made({".rodata": b"aws-config-1.1.2/src/x.rs aws-sdk-cpp/1.7.1 /latest/api/token"}),
        "package": b'{"name": "aws-sdk", "version": "2.1.0"}',
        "installed": b'{"packages": [{"name": "aws/aws-sdk-php", "version": "v3.1.0"}]}',
        "deps": b'{"libraries": {"AWSSDK.Core/3.7.1": {}}}',
        "metadata": b"Metadata-Version: 2.1\nName: botocore\nVersion: 1.12.0\n\ntext",
        "module": b"__version__ = '1.12.0'\nUserAgent = 'Boto3'\n",
        "phar": b"<?php class Sdk\n{\n const VERSION = '3.100.1'; Aws/Sdk.php GBMB",
        "places": b"# x\n/opt/x\nimport y\n../z\n",
        "imports": b"import sys\nsys.path.append('x')\nfrom .a import b\nimport vendor.botocore, botocore\n",
        "plugged": b"""'{\\\n "__info": [], "packageRegistryData": [["a", [["npm:1.0", {\\\n "packageLocation":
        "./.yarn/__virtual__/a-1/0/cache/a.zip/node_modules/a/", "packageDependencies": [["a", "npm:1.0"]]}]]]]}'""",
        "script": b"loadCredentialsCallbacks fetchMetadataToken VERSION: '2.600.0'",
        "resource": "FileVersion\0\0\0003.7.1.0\0".encode("utf-16-le"),
        "buildinfo": b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\x04go1.",
        "pyvenv": b"home = /usr/bin\ninclude-system-site-packages = true\n",
    }


def _profile(root: Path) -> Parse:
    """Both shared files and the accounts, the same content in each."""
    files = [root / name for name in (".aws/credentials", ".aws/config", "etc/passwd")]
    for file in files:
        file.parent.mkdir(exist_ok=True)

    def parse(data: bytes) -> None:
        for file in files:
            file.write_bytes(data)
        profiles = Profiles(root)
        check(profiles.home_of("0"))
        check(profiles.chosen({"HOME": "/", "AWS_PROFILE": "ops"}))
        profiles.programs({"HOME": "/", "AWS_PROFILE": "ops", "AWS_DEFAULT_PROFILE": "default"})

    return parse


def _profile_seeds() -> Mapping[str, bytes]:
    keys = b"aws_access_key_id = a\naws_secret_access_key = b\n"
    role = b"[profile ops]\nrole_arn = r\nsource_profile = base\nregion = x\n"
    return {"keys": b"[ops]\n" + keys, "role": role + b"[base]\n" + keys, "sso": b"[ops]\nsso_session = s\n  more\n"}


_BUILD_INFO = (
    b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\x06go1.22\x60" + b"0" * 16
    + b"path\tx\nmod\tx\tv1\ndep\tgithub.com/aws/aws-sdk-go\tv1.2.3\th1:=\n" + b"0" * 16
)  # fmt: skip
TARGETS = {
    "archive": Target(lambda _: _archive, _files),
    "jar": _of_file(jar.java_libraries, "maven"),
    "python-archive": _of_file(python_archive.python_libraries, "pypi"),
    "elf": Target(lambda _: _elf, _files),
    "go": _of_file(go_build.go_libraries, "go"),
    "native": _of_file(native.native_libraries, "crate", "binary"),
    "bundle": _of_file(bundle.bundled_libraries, "npm"),
    "plugged": Target(lambda _: _plugged, _files),
    "node": _of_root(node.RECOGNISER, "node_modules/aws-sdk/package.json", "/node_modules"),
    "php-archive": _of_file(php_source.archived_libraries, "composer"),
    "php-source": _of_root(php.RECOGNISER, "aws-sdk-php/src/Sdk.php", "/aws-sdk-php"),
    "php": _of_root(php.RECOGNISER, "composer/installed.json", "/composer"),
    "dotnet": _of_root(dotnet.RECOGNISER, "App.deps.json", "/"),
    "dotnet-resource": _of_root(dotnet.RECOGNISER, "AWSSDK.Core.dll", "/"),
    "python": _of_root(python.RECOGNISER, f"{SITE}/botocore-1.0.dist-info/METADATA", f"/{SITE}"),
    "python-places": _of_root(python.RECOGNISER, f"{SITE}/x.pth", f"/{SITE}"),
    "python-own-code": Target(_own_code, _files),
    "python-embedded": Target(lambda _: _embedded, _embedded_seeds),
    "python-module": _of_root(python.RECOGNISER, f"{SITE}/botocore/__init__.py", f"/{SITE}"),
    "ruby": _of_root(ruby.RECOGNISER, "specifications/aws-sdk-core-3.0.gemspec", "/specifications"),
    "virtual-environment": Target(_environment, _files),
    "profiles": Target(_profile, _profile_seeds),
}
