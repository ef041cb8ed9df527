"""How SDKs in archives ask, by their versions and the catalog."""

from __future__ import annotations

import pytest
from contexts import CATALOG

from imds_probe.collect.library_facts import judged
from imds_probe.facts.code import OF_LIBRARY, Speaks
from imds_probe.inventory.code.spoken import Spoken
from imds_probe.inventory.sdks.libraries import Library

CORE = "com.amazonaws:aws-java-sdk-core"


def spoken(library: Library | None, speaks: Speaks = "v1", path: str = "/srv/a.jar") -> Spoken:
    return Spoken(path, path, None, ("x",), speaks, OF_LIBRARY, None, library)


@pytest.mark.parametrize(
    ("library", "found", "speaks"),
    [
        (Library("maven", CORE, "1.11.457", "x"), "v1", "v1"),
        (Library("maven", CORE, "1.11.457", "x"), "both", "both"),  # it only may be started
        (Library("maven", CORE, "1.12.1", "x"), "both", "v2"),
        (Library("maven", CORE, None, "x", below="1.11.678"), "v1", "v1"),
        (Library("maven", CORE, None, "x", at_least="1.11.678"), "v1", "v2"),
        (Library("maven", CORE, None, "x"), "v1", "both"),
    ],
)
def test_by_its_version(library: Library, found: Speaks, speaks: Speaks) -> None:
    assert [each.speaks for each in judged({"r": spoken(library, found)}, CATALOG).values()] == [speaks]


def test_what_is_no_library_or_unknown_to_the_catalog_is_not_judged() -> None:
    assert judged({"r": spoken(None), "s": spoken(Library("maven", "a:b", "1", "x"))}, CATALOG) == {}


def test_what_makes_its_calls_by_another_library_is_judged_by_that_one() -> None:
    hadoop = Library("maven", "org.apache.hadoop:hadoop-aws", "3.3.1", "x")
    boto3 = Library("pypi", "boto3", None, "x")
    assert judged({"h": spoken(hadoop), "b": spoken(boto3)}, CATALOG) == {}


def test_of_the_modules_in_one_archive_the_one_counts_that_asks() -> None:
    row = CATALOG.recognise("maven", CORE, "1.12.1")
    assert row is not None
    others = [name for name in row.packages["maven"] if name != CORE]
    assert others
    core, module = Library("maven", CORE, "1.12.1", "x"), Library("maven", others[-1], "1.11.1", "x")
    assert set(judged({"core": spoken(core), "module": spoken(module)}, CATALOG)) == {"core"}
    beside = {"core": spoken(core), "module": spoken(module, path="/srv/b.jar")}
    assert set(judged(beside, CATALOG)) == {"core", "module"}
