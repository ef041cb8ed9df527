"""What several rules say of software and of the hop limit, in the same words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from imds_probe.catalog.rows import Requirement, Row
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.containers import Containers
from imds_probe.facts.software import Software
from imds_probe.findings import Fix

NAMES_SHOWN = 3
ONLY_V1 = "speaks only IMDSv1"
MORE_TIME = "Give the run more time with --timeout."
NEEDS_SETTING = "speaks IMDSv2 only with a setting that is not in force"


def named(software: Software, row: Row | None) -> str:
    """The name and version of a piece of software."""
    return f"{row.name if row else software.component} {software.said_version}"


def known_by(software: Software) -> str:
    """How it is known that the software is there, to follow its name."""
    return f"identified by its {software.source}" if software.sdk else f"reported by the {software.source}"


def only_v1(needed: Requirement) -> str:
    """What is wrong with software that is too old."""
    if needed.by == "code":
        return f"{ONLY_V1} by its own code{f' (IMDSv2 since {needed.minimum})' if needed.minimum else ''}"
    return f"{ONLY_V1}{f' (IMDSv2 since {needed.minimum})' if needed.minimum else ', in every version'}"


def more_time_or(run: CollectorRun | None, otherwise: str) -> Fix:
    """The fix for what could not be seen: more time where time was lacking, and nothing else; `otherwise` in all other
    cases.
    """
    return Fix(MORE_TIME if run is not None and run.status == "skipped" else otherwise)


def not_verified(needed: Requirement) -> tuple[str, ...]:
    """Evidence that the catalog's figure is a conclusion, where that is what decided."""
    if needed.grade != "inferred":
        return ()
    figure = f"the minimum version {needed.figure}" if needed.figure else "that no version speaks IMDSv2"
    return (f"{figure} is inferred, not verified",)


# Of a container whose need the configuration leaves out of the hop limit.
KEPT_OUT = "the hop limit is not raised for it: it will have no metadata after the switch"
KEPT_OUT_FIX = Fix(
    "Give the container credentials of its own if it needs AWS. If it needs metadata, remove the entry that accepts "
    "hop-limit-too-low for it from the configuration, and run imds-probe again."
)


def raise_hop_limit(limit: int) -> Fix:
    return Fix(f"Raise the hop limit to {limit} with the command in this report.")


def make_setting(needed: Requirement) -> Fix:
    """The fix for software that needs a setting. The catalog may know of it in words only."""
    setting = needed.setting
    if setting is None:
        return Fix(f"Make the setting: {needed.why}. Restart the program, and run imds-probe again.")
    return Fix(
        f"Set {setting.key} to {setting.value} in {setting.place}, restart the program, and run imds-probe again."
    )


def upgraded(package: str, minimum: str | None) -> str:
    """Upgrading, as an order without its full stop."""
    return f"Upgrade {package}{_newer(minimum)}"


def rebuilt(what: str, package: str, minimum: str | None) -> str:
    """Rebuilding an image or an application, as an order without its full stop."""
    return f"Rebuild {what} with {package} upgraded{_newer(minimum)}"


def image_rebuilt(package: str, minimum: str | None) -> str:
    return f"{rebuilt('the image', package, minimum)}, and recreate its containers."


def _newer(minimum: str | None) -> str:
    return f" to {minimum} or later" if minimum else ""


def few(names: Sequence[str], *, count: int | None = None, noun: str = "") -> str:
    """The first few names and how many more there are: of `count`, where not all are known by name."""
    shown = names[:NAMES_SHOWN]
    more = (len(names) if count is None else count) - len(shown)
    return ", ".join(shown) + (f" and {more} more{noun}" if more > 0 else "")


def container_names(group: Iterable[Software], containers: Containers) -> list[str]:
    """What the containers are called that have the software, each of them once: also namesakes, which have ids of their own."""
    called: dict[str, str] = {}
    for entry in group:
        if entry.on_host:
            continue
        known = [each for container_id in entry.container_ids if (each := containers.by_identity(container_id))]
        if known:
            called |= {each.identity: each.title for each in known}
        else:
            called |= {name: name for name in (entry.container, *entry.also_in) if name}
    return list(called.values())
