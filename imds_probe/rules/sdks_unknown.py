"""An AWS SDK in use whose version does not tell how it asks, and what would settle that."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.catalog.rows import Requirement, Row
from imds_probe.facts.software import SdkSoftware
from imds_probe.findings import Fix, Found
from imds_probe.rules.sdks_kinds import SDK_UNKNOWN
from imds_probe.rules.settling import CATALOG, OWNER, REHEARSAL, UPGRADE, WINDOW


def unknown(
    what: str,
    entries: Sequence[SdkSoftware],
    needed: Requirement,
    row: Row | None,
    evidence: tuple[str, ...],
    *,
    origins: tuple[str, ...],
) -> Found:
    """The finding on an SDK in use of one version. `what` says which and by whom, with a comma before its user."""
    by_version = needed.by == "version"  # a watch does not outweigh code
    settled_by = (
        *((UPGRADE,) if row is not None and row.minimum else ()),
        *((CATALOG,) if by_version and all(entry.version for entry in entries) else ()),
        *((WINDOW,) if by_version else ()),
        *((REHEARSAL,) if by_version else ()),
        OWNER,
    )
    watch = (
        " You can also watch the host. The finding disappears once the programs were started while the daemon watched, and nobody "
        "called IMDSv1 in a whole window."
    )
    return SDK_UNKNOWN.found(
        entries[0].component,
        f"IMDSv2 support of {what}, is not known",
        evidence=evidence,
        fix=Fix(
            f"Look up the version of {entries[0].package} in the application's list of dependencies, or upgrade it."
            f"{watch if by_version else ''}"
        ),
        forgeable_by=origins,
        settled_by=settled_by,
    )
