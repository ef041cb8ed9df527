"""The search on disk, over a root full of real packages: nothing missed, nothing invented."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sdk_zoo import CORE, ZOO

from imds_probe.catalog.catalog import Catalog
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.recognised import RECOGNISED
from imds_probe.inventory.sdks.scan import Scan, Use
from imds_probe.system.walk import Budget

CATALOG = Catalog.load()
NAMES = {ecosystem: CATALOG.package_names(ecosystem) for ecosystem in RECOGNISED}
SITE = "lib/python3.11/site-packages"
GO, SDK1 = "github.com/aws/aws-sdk-go", "com.amazonaws:aws-java-sdk-core"
IMDS = "@smithy/credential-provider-imds"
# Path, package, version or the range that it lies in, how it is known, and the way in through inner archives.
EXPECTED = {
    (f"/opt/python-old/{SITE}/awscli-1.16.260.dist-info", "awscli", "1.16.260", "dist-info", ()),
    (f"/opt/python-old/{SITE}/boto3-1.9.253.dist-info", "boto3", "1.9.253", "dist-info", ()),
    (f"/opt/python-old/{SITE}/botocore-1.12.253.dist-info", "botocore", "1.12.253", "dist-info", ()),
    (f"/opt/python-new/{SITE}/aiobotocore-3.10.0.dist-info", "aiobotocore", "3.10.0", "dist-info", ()),
    (f"/opt/python-new/{SITE}/boto3-1.43.11.dist-info", "boto3", "1.43.11", "dist-info", ()),
    (f"/opt/python-new/{SITE}/botocore-1.43.11.dist-info", "botocore", "1.43.11", "dist-info", ()),
    (f"/opt/python-boto/{SITE}/boto-2.49.0.dist-info", "boto", "2.49.0", "dist-info", ()),
    ("/opt/zipapp/app.pyz", "botocore", "1.12.253", "dist-info", ()),
    ("/opt/uploader/_internal/boto3", "boto3", (None, None), "data of a bundled program", ()),
    ("/opt/uploader/_internal/botocore", "botocore", ("1.23.19", None), "data of a bundled program", ()),
    ("/debian/usr/lib/python3/dist-packages/awscli-2.9.19.dist-info", "awscli", "2.9.19", "dist-info", ()),
    (f"/opt/rust/{SITE}/deltalake-1.6.6.dist-info", "deltalake", "1.6.6", "dist-info", ()),
    (f"/opt/cpp/{SITE}/pyarrow-26.0.1.dist-info", "pyarrow", "26.0.1", "dist-info", ()),
    ("/srv/node-old/node_modules/aws-sdk", "aws-sdk", "2.574.0", "package.json", ()),
    ("/srv/node-new/node_modules/aws-sdk", "aws-sdk", "2.1692.0", "package.json", ()),
    (f"/srv/node-new/node_modules/{IMDS}", IMDS, "3.2.8", "package.json", ()),
    ("/srv/bundles/old-aws-sdk.js", "aws-sdk", "2.574.0", "marker in a bundle", ()),
    ("/srv/bundles/new-aws-sdk.js", "aws-sdk", "2.1692.0", "marker in a bundle", ()),
    ("/srv/bundles/new-aws-sdk-client-s3.js", IMDS, ("1.0.0", None), "marker in a bundle", ()),
    (f"/opt/spark/{CORE}", SDK1, "1.12.262", "pom.properties", ()),
    ("/opt/spark/aws-java-sdk-bundle-1.11.901.jar", SDK1, "1.11.901", "pom.properties", ()),
    *(
        ("/opt/spark/aws-java-sdk-bundle-1.11.901.jar", f"com.amazonaws:{name}", "1.11.901", "pom.properties", ())
        for name in ("aws-java-sdk", "aws-java-sdk-bundle")
    ),
    ("/opt/spark/hadoop-aws-3.3.1.jar", "org.apache.hadoop:hadoop-aws", "3.3.1", "pom.properties", ()),
    ("/opt/java/boot.jar", SDK1, "1.12.262", "pom.properties", (f"BOOT-INF/lib/{CORE}",)),
    (
        *("/opt/java/boot.jar", "org.apache.hadoop:hadoop-aws", "3.3.1", "pom.properties"),
        ("BOOT-INF/lib/hadoop-aws-3.3.1.jar",),
    ),
    ("/opt/java/app.war", SDK1, "1.12.262", "pom.properties", (f"WEB-INF/lib/{CORE}",)),
    ("/opt/java/shaded.jar", SDK1, ("1.11.678", None), "names of classes", ()),
    *(
        (f"/debian/usr/{program}", GO, ("1.25.38", None), "names of functions", ())
        for program in ("bin/aws-nuke", "bin/prometheus", "bin/promtool", "bin/rclone", "sbin/dockerd")
    ),
    (
        *("/debian/usr/share/rubygems-integration/all/specifications/aws-sdk-core-3.168.1.gemspec", "aws-sdk-core"),
        *("3.168.1", "gemspec", ()),
    ),
}


def said(library: Library) -> str | tuple[str | None, str | None]:
    return library.version or (library.at_least, library.below)


@pytest.fixture(scope="module")
def uses() -> Iterator[list[Use]]:
    scan = Scan(ZOO, NAMES)
    yield scan.on_disk(["/"], Budget(time.monotonic() + 60, 1_000_000))
    assert scan.troubles == []


def test_nothing_is_missed_and_nothing_invented(uses: list[Use]) -> None:
    found = {
        (use.located.path, use.located.found.package, said(use.located.found), use.located.found.how, inside)
        for use in uses
        for inside in [use.located.found.inside]
    }
    assert found == EXPECTED
    assert len(uses) == len(found)


def test_the_catalog_knows_every_one_of_them(uses: list[Use]) -> None:
    old = {"boto", "aws-sdk 2.574.0", "botocore 1.12.253", "boto3 1.9.253", "awscli 1.16.260"}
    for use in uses:
        library = use.located.found
        row = CATALOG.recognise(library.ecosystem, library.package, library.version or library.at_least)
        assert row
        judged = CATALOG.judge(
            row,
            manager=library.ecosystem,
            version=library.version,
            at_least=library.at_least,
            below=library.below,
        )
        expected = "too-old" if {library.package, f"{library.package} {library.version}"} & old else "ok"
        if row.through and judged.status == "unknown":
            continue  # judged by what makes its calls
        assert judged.status == expected, (library, judged)


@pytest.mark.parametrize("entries", [0, 1, 100, 5000])
def test_a_budget_that_does_not_suffice_is_said(entries: int) -> None:
    budget = Budget(time.monotonic() + 60, entries)
    found = Scan(ZOO, NAMES).on_disk(["/"], budget)
    assert budget.in_part() == "only a part of the disk was searched for SDKs: the file limit was reached"
    assert len(found) < len(EXPECTED)


def test_the_root_is_a_directory_like_any_other() -> None:
    """The same from a start of its own, and no directory twice."""
    scan = Scan(ZOO, NAMES)
    budget = Budget(time.monotonic() + 60, 1_000_000)
    (use,) = scan.on_disk(["/opt/zipapp", "/opt/zipapp", "/opt/../opt/zipapp", "/no/such"], budget)
    assert use.located.path == "/opt/zipapp/app.pyz"
    assert Path(ZOO, use.located.path.lstrip("/")).is_file()
