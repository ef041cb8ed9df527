"""What Yarn's Plug'n'Play says of a project's packages."""

from __future__ import annotations

import io
import json

import pytest

from imds_probe.inventory.sdks.bundle import bundled_libraries
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.node_plugged import Plugged, needed_by, registry

CACHE = "./.yarn/cache"


def described(name: str, reference: str, location: str, **needs: object) -> list[object]:
    needed = [[name, reference], *([each, to] for each, to in needs.items())]
    return [name, [[reference, {"packageLocation": location, "packageDependencies": needed}]]]


PACKAGES = [
    [None, [[None, {"packageLocation": "./", "packageDependencies": []}]]],
    described("app", "workspace:.", "./", a="npm:1.0.0"),
    described("a", "npm:1.0.0", f"{CACHE}/a-npm-1.0.0-x.zip/node_modules/a/", b=["aws-sdk", "npm:2.574.0"], c=None),
    described("aws-sdk", "npm:2.574.0", f"{CACHE}/aws-sdk-npm-2.574.0-x.zip/node_modules/aws-sdk/"),
    described("its", "it's not one", "./"),
]
DATA = json.dumps({"__info": [], "packageRegistryData": PACKAGES}, indent=2)
IN_TEXT = "'" + DATA.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\\n") + "';"
SCRIPTS = {
    "data": DATA,
    "text": f"const RAW_RUNTIME_STATE =\n{IN_TEXT}\nfunction more() {{}}",
    "object": f"return hydrateRuntimeState({DATA}, {{basePath: x}})",
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_each_form_of_the_list_is_read(script: str) -> None:
    found = registry(script.encode())
    assert [(each.name, each.version) for each in found] == [
        ("app", None), ("a", "1.0.0"), ("aws-sdk", "2.574.0"), ("its", None)
    ]  # fmt: skip
    assert [each.name for each in needed_by("a", found)] == ["a", "aws-sdk"]
    libraries = bundled_libraries(io.BytesIO(script.encode()), ["aws-sdk", "@smithy/credential-provider-imds"])
    assert libraries == [Library("npm", "aws-sdk", "2.574.0", "Plug'n'Play")]


@pytest.mark.parametrize(
    "script", ["", "{", '{"__info"', "'{\"__info\": ['", '{"__info": [], "packageRegistryData": 1}']
)
def test_what_is_none_lists_nothing(script: str) -> None:
    assert registry(script.encode()) == ()


@pytest.mark.parametrize(
    ("location", "archive", "directory"),
    [
        (f"{CACHE}/a.zip/node_modules/a/", "/srv/.yarn/cache/a.zip", "/srv/.yarn/cache/a.zip/node_modules/a"),
        ("../root/.yarn/berry/cache/a.zip/node_modules/a/", "/root/.yarn/berry/cache/a.zip", None),
        ("./.yarn/__virtual__/a-virtual-1/0/cache/a.zip/node_modules/a/", "/srv/.yarn/cache/a.zip", None),
        ("./.yarn/$$virtual/a-virtual-1/1/packages/a/", "", "/srv/packages/a"),
        ("./.yarn/unplugged/a-npm-1/node_modules/a/", "", "/srv/.yarn/unplugged/a-npm-1/node_modules/a"),
    ],
)
def test_where_a_package_lies(location: str, archive: str, directory: str | None) -> None:
    found = Plugged("a", "npm:1", location, ()).place("/srv")
    assert found == (archive, directory or f"{archive}/node_modules/a")


@pytest.mark.parametrize(
    ("reference", "name", "version"),
    [
        ("npm:2.1.0", "a", "2.1.0"),
        ("virtual:0f#npm:2.1.0", "a", "2.1.0"),
        ("npm:aws-sdk@npm:2.1.0", "aws-sdk", "2.1.0"),
        ("npm:@x/y@2.1.0", "@x/y", "2.1.0"),
        ("workspace:.", "a", None),
    ],
)
def test_a_reference(reference: str, name: str, version: str | None) -> None:
    one = Plugged("a", reference, "./", ())
    assert (one.own_name, one.version) == (name, version)
