"""What is known of every ecosystem, the word here for whatever packages come from: a language's, or a package manager.

The knowledge that the catalog and the rules need. How an ecosystem's libraries are recognised opens files, and stands in
inventory/sdks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import NamedTuple

from imds_probe.dataclass import dataclass
from imds_probe.ecosystems.orders.dpkg import compare_dpkg_part

Compare = Callable[[str, str], int]  # -1, 0 or 1; raises VersionError


class Upstream(NamedTuple):
    """What upstream called a version, and what a packager put behind that; empty where nobody did."""

    version: str
    revision: str


def as_upstream_wrote_it(version: str) -> Upstream:
    """Without the "v" that Go writes in front."""
    return Upstream(version.removeprefix("v"), "")


def hyphen_may_be_a_pre_release(upstream: Upstream, rest: str) -> str:
    """As in semver; it may be a packager's revision as well."""
    return f"{upstream.version[:80]!r} may be a pre-release" if rest.startswith("-") else ""


@dataclass(frozen=True)
class Versions:
    """How an ecosystem's versions are read and ordered.

    order: of two versions as the ecosystem's own tool has it; None where it has none, and upstream's number decides.
    order_decides: versions are upstream's own, so that `order` alone compares one with an upstream number.
    Otherwise:
    upstream: takes off what packagers put around upstream's version; raises VersionError.
    upstream_order: of two versions that are upstream's, which has to agree with the plain numbers.
    doubt: why a version with the same number as another may still be older, by `rest`, which follows that number in
    upstream's version; empty where nothing says so.
    shorter_is_a_range: a number with fewer parts stands for all releases that begin with it: nginx:1 is the newest 1.x of the day
    it was pulled.
    """

    order: Compare | None = None
    order_decides: bool = False
    upstream: Callable[[str], Upstream] = as_upstream_wrote_it
    upstream_order: Compare = compare_dpkg_part
    doubt: Callable[[Upstream, str], str] = hyphen_may_be_a_pre_release
    shorter_is_a_range: bool = False


@dataclass(frozen=True)
class Outdated:
    """A package that is to be upgraded to `minimum` (None: to the newest).

    path: where the library was recognised; empty for a package that a package manager installed.
    os_id, os_version_id, os_id_like: as os-release has them, where the command is one of a distribution.
    """

    package: str
    minimum: str | None = None
    path: str = ""
    os_id: str | None = None
    os_version_id: str | None = None
    os_id_like: tuple[str, ...] = ()


def no_command(outdated: Outdated) -> tuple[str, ...]:
    """It has to be built anew."""
    del outdated
    return ()


@dataclass(frozen=True)
class Ecosystem:
    """`id` is its key in the `packages` of the catalog's rows.

    upgrade: the commands to paste into a shell, every name and path quoted; empty where none would do.
    products: how its SDKs name themselves in their User-Agent, in lower case, each with the catalog's row.
    """

    id: str
    versions: Versions = Versions()
    upgrade: Callable[[Outdated], tuple[str, ...]] = no_command
    products: Mapping[str, str] = field(default_factory=dict)
