"""What holds for every row that is shipped: it can be found, its figures can be compared, and each says how it is known."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import Grade, Row
from imds_probe.catalog.upstream import compare_upstream
from imds_probe.ecosystems.listed import ecosystem_of
from imds_probe.inventory.packages.managers import MANAGERS
from imds_probe.inventory.sdks.native import CPP
from imds_probe.inventory.sdks.recognised import RECOGNISED
from imds_probe.inventory.sdks.variables import KNOWN

ROWS = Catalog.load().rows
# Nothing looks for these yet: a program by its name alone, a collection, a module of Perl or PowerShell. Their rows are
# there to be read. One that gets a package or a library that is looked for has to leave this list.
NOT_LOOKED_FOR = {
    "collectd-cloudwatch",
    "aws-data-pipeline",
    "aws-tools-powershell",
    "aws-crt-c-auth",
    "dynatrace-oneagent",
    "appdynamics-aws-ext",
    "gruntwork-bash-commons",
    "kops",
    "prisma-cloud",
    "sas-viya",
}


def is_looked_for(row: Row) -> bool:
    """A manager of packages or the name of an image tells of it, or a recogniser of libraries."""
    found = {*(manager.id for manager in MANAGERS), "image", *RECOGNISED} - {"binary"}
    return bool(found & set(row.packages)) or CPP in row.packages.get("binary", ())


def figures(row: Row) -> Iterator[tuple[str, str | None, Grade | None, str | None]]:
    """Where it stands, the upstream figure if it is one, its grade, and its source."""
    source = row.sources[0] if row.sources else None
    if row.minimum is not None or row.never or row.asks_since is not None:
        yield "minimum", row.minimum, row.grade, source
        yield "asks_since", row.asks_since, row.grade, source
    if row.setting:
        yield "setting", row.setting.minimum_by_default, row.setting.grade, row.setting.source
        yield "setting.since", row.setting.since, row.setting.grade, row.setting.source
    if row.no_v1_fallback:
        yield "no_v1_fallback", row.no_v1_fallback.version, row.no_v1_fallback.grade, source
    for prevention in row.prevented_by:
        yield "prevented_by", prevention.since or prevention.before, prevention.grade, prevention.source
    for fault in row.known_bad:
        yield "known_bad.since", fault.since, fault.grade, source
        yield "known_bad.before", fault.before, fault.grade, source
    for name, heeded in row.heeds.items():
        yield f"heeds.{name}", heeded.since, heeded.grade, heeded.source
    for backport in row.backports:
        if backport.minimum is not None:
            yield "backports", None, backport.grade, backport.source


def test_what_nothing_looks_for_is_named() -> None:
    assert {row.id for row in ROWS if not is_looked_for(row)} == NOT_LOOKED_FOR


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_each_figure_has_a_source_and_a_grade(row: Row) -> None:
    for where, _, grade, source in figures(row):
        assert grade is not None, where
        assert source, where
    if row.minimum is None and not row.never and row.asks_since is None:
        assert row.grade is None


def test_what_is_steered_by_variables_is_known_by_names_that_are_collected() -> None:
    named = {name for row in ROWS for name in row.heeds if name.isupper()}
    named |= {heeded.only_with for row in ROWS for heeded in row.heeds.values() if heeded.only_with}
    named |= {heeded.not_with for row in ROWS for heeded in row.heeds.values() if heeded.not_with}
    assert named | {name for row in ROWS for asked in row.asks_for for name in asked.unless} <= KNOWN


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_each_figure_compares_in_its_ecosystems_order(row: Row) -> None:
    for where, figure, _, _ in figures(row):
        for manager in row.packages if figure is not None else ():
            assert compare_upstream(manager, figure, figure).order == 0, (where, manager)
            oldest = "0.0.0.0" if manager == "image" else "0"  # a tag of one number may be any release with that number
            assert compare_upstream(manager, oldest, figure).order == -1, (where, manager)
    for backport in row.backports:
        assert backport.manager in row.packages
        order = ecosystem_of(backport.manager).versions.order
        assert order is not None
        if backport.minimum is not None:
            assert order("0", backport.minimum) < 0 == order(backport.minimum, backport.minimum)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_figures_follow_each_other(row: Row) -> None:
    """A range ends after it begins, and it asks before it speaks IMDSv2."""
    pairs = [
        (row.since, row.before),
        (row.asks_since, row.minimum),
        *((each.since, each.before) for each in row.known_bad),
    ]
    if row.setting:
        pairs.append((row.setting.since, row.setting.minimum_by_default))
    for first, last in pairs:
        if first is not None and last is not None:
            order = compare_upstream("image", first, last).order
            assert order is not None and (order < 0 or first == row.asks_since), (first, last)
