"""Why a caller asks without a token, and what cures that: by what else it asks, by what it says it is, by what it runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import Requirement, Row
from imds_probe.ecosystems.listed import ECOSYSTEMS
from imds_probe.facts.callers import ANOTHER_HOST, OF_ROOT_ALONE, Callers, CallerSeen
from imds_probe.facts.code import Code, CodeSeen
from imds_probe.facts.containers import Containers
from imds_probe.facts.facts import Facts
from imds_probe.facts.host import Host
from imds_probe.facts.software import Installed, SdkSoftware, Software
from imds_probe.findings import Fix
from imds_probe.kept.generated_names import lasting_unit
from imds_probe.kept.programs import FETCHERS
from imds_probe.rules.caller_place import token_is_lost
from imds_probe.rules.cause import Cause
from imds_probe.rules.code_fixes import fix_for
from imds_probe.rules.code_phrases import matched, place_of
from imds_probe.rules.fallback import JAVASCRIPT_V2, cause_by_token, falls_back_unseen, of_one_relay
from imds_probe.rules.fixes import library_commands, upgrade_commands
from imds_probe.rules.phrases import (
    NEEDS_SETTING,
    image_rebuilt,
    known_by,
    make_setting,
    named,
    not_verified,
    only_v1,
    upgraded,
)
from imds_probe.rules.requirement import requirement
from imds_probe.rules.token_lost import of_running
from imds_probe.rules.token_outcome import outcome_of

# How SDKs name themselves to the service, as a product of their User-Agent, and the ecosystem they come from.
PRODUCTS = {
    product: (component, ecosystem.id) for ecosystem in ECOSYSTEMS for product, component in ecosystem.products.items()
}
_PRODUCT = re.compile(r"([A-Za-z][A-Za-z0-9-]{2,39})/(\d{1,6}(?:\.\d{1,6}){1,3})(?![\w.])")
_OLD = ("too-old", "needs-setting")
NOT_OF_PACKAGES = "/usr/local/"


def cause_of(group: Sequence[CallerSeen], callers: Callers, facts: Facts, catalog: Catalog) -> Cause:
    """`group` are the calls by IMDSv1 of one caller, of one outcome of its token requests: see token_outcome.outcome_of."""
    if (found := cause_by_inventory(group, facts, catalog)) is not None:
        return found
    known = cause_by_token(group, callers, facts) or falls_back_unseen(group, callers, facts)
    if known is not None:
        named = all(_names_itself_as_fit(each, catalog) for each in group)
        return known if named else of_one_relay(known, max(group, key=lambda each: each.last_seen), facts)
    latest = max(group, key=lambda each: each.last_seen)
    if outcome_of(latest, callers) is None and (before := _as_before(latest, callers, facts)):
        return before
    return _behind(latest) or _unexplained(group, latest)


def cause_by_inventory(group: Sequence[CallerSeen], facts: Facts, catalog: Catalog) -> Cause | None:
    """By the software that the caller runs, and by its code; None where neither explains the calls."""
    old = _old_software(group, facts, catalog)
    if old is None and (code := _code_of(group, facts)):
        why = f"its own code asks without a token: {place_of(code)}"
        return Cause(why, fix_for(code, facts, catalog), (matched(code),))
    return old


def _as_before(caller: CallerSeen, callers: Callers, facts: Facts) -> Cause | None:
    """What a report says that does not know which client made which token request: its program did."""
    if not any(each.path_class == "token" for each in callers.of_each.get(caller.identity, ())):
        return None
    container = facts[Containers].by_identity(caller.container_id)
    if container is not None and token_is_lost(container):
        return of_running(container, facts)
    return _HALF_OLD


def _behind(caller: CallerSeen) -> Cause | None:
    """Where the caller is not the one who asks."""
    if caller.program == ANOTHER_HOST:
        return Cause(
            "this host forwards its requests",
            Fix("Find the proxy or route that passes requests of other hosts to this instance's metadata service."),
        )
    if caller.origin == "virtual-machine":
        return Cause(
            "the programs in a virtual machine cannot be seen from this host",
            Fix("Run imds-probe in the virtual machine, and change the programs there that ask without a token."),
        )
    if caller.origin == "user-mode-network":
        return Cause(
            "it relays requests of a container or virtual machine; the program that asks is not known",
            Fix(
                "Find the container or virtual machine that this process was started for, and change the program there that asks."
            ),
        )
    return None


_HALF_OLD = Cause(
    "it also asks for tokens, so only a part of it is old, or it does not wait for the answer",
    Fix("Find the part that asks without a token: `imds-probe watch --v1-only` shows each call with its path."),
)


def _unexplained(group: Sequence[CallerSeen], latest: CallerSeen) -> Cause:
    if any(each.token == "answered" for each in group):
        return _HALF_OLD
    if any((each.user_agent or "").startswith("imds-probe/") for each in group):
        return Cause(
            "it calls itself imds-probe, but does not run as root",
            Fix(
                "Run imds-probe as root, or with --no-v1-probe. If nobody ran imds-probe, inspect the program that uses its name."
            ),
        )
    if all(each.served == 0 and each.refused == 0 for each in group):
        return Cause(
            "the service has answered only with errors so far, such as 404; a later request may receive metadata",
            Fix("Change the program so that it asks for a token first, or sends no request."),
        )
    asked = {"none": "; it asked for no token", "unseen": "; it was started before the watch"}.get(
        latest.token or "", ""
    )
    return Cause(
        f"no old software was found that explains the call{asked}",
        Fix(
            "Change the program, or the script that starts it, so that it asks for a token first. `imds-probe watch --v1-only` "
            "shows whether it still calls IMDSv1."
        ),
    )


def _code_of(group: Sequence[CallerSeen], facts: Facts) -> CodeSeen | None:
    """The code that the caller runs and that was read to ask without a token."""
    for code in facts[Code].code:
        for caller in group:
            inside = caller.container_id or caller.container
            there = caller.container_id in code.container_ids if inside else code.on_host
            # An interpreter runs other code as well: that of another process says nothing of it.
            by_path = not code.in_arguments and code.path == caller.program and bool(inside or caller.on_host)
            if code.speaks == "v1" and there and (by_path or caller.pid in code.pids):
                return code
    return None


def _old_software(group: Sequence[CallerSeen], facts: Facts, catalog: Catalog) -> Cause | None:
    """What of the inventory the caller runs and is too old or set up so; what it says of itself otherwise."""
    for entry in facts[Installed].software:
        if any(_is_run_by(entry, caller) for caller in group):
            needed = requirement(entry, facts, catalog)
            if needed.status in _OLD:
                name = named(entry, catalog.row(entry.component))
                evidence = (f"{name}, {known_by(entry)}", *not_verified(needed))
                return Cause(_why(name, needed), _fix(entry, needed, facts), evidence)
    for caller in group:
        for row, version, needed in _named_by_itself(caller, catalog):
            if needed.status in _OLD:
                return Cause(
                    _why(f"{row.name} {version}", needed),
                    Fix(f"{upgraded(row.name, needed.minimum)}, and restart the programs that use it."),
                    not_verified(needed),
                )
    return None


def _named_by_itself(caller: CallerSeen, catalog: Catalog) -> Iterator[tuple[Row, str, Requirement]]:
    """The SDKs that a caller says it is, with what the catalog says of their versions."""
    for product, version in _PRODUCT.findall(caller.user_agent or ""):
        component, manager = PRODUCTS.get(product.lower(), ("", ""))
        row = catalog.row(component)
        if row is not None:
            needed = catalog.judge(component, manager=manager, version=version, os_id=None, os_version_id=None)
            yield row, version, needed


def _names_itself_as_fit(caller: CallerSeen, catalog: Catalog) -> bool:
    """Whether it says that it is an SDK of a version that asks for a token before all else: then it falls back. The one for
    JavaScript v2 does so for credentials alone.
    """
    said = list(_named_by_itself(caller, catalog))
    return bool(said) and all(needed.status == "ok" and row.id != JAVASCRIPT_V2 for row, _, needed in said)


def _is_run_by(entry: Software, caller: CallerSeen) -> bool:
    """Whether a caller is this software: a package by the name of its unit or program, where none but root gives these names,
    or in its own container. A user's unit has a name that no package has.
    """
    if not _is_where(entry, caller):
        return False
    if isinstance(entry, SdkSoftware):
        # curl asks by itself, whatever its neighbours in the unit use: all of cron's jobs are in one.
        by_unit = caller.program.rpartition("/")[2] not in FETCHERS
        return any(
            (by_unit and user.unit and user.unit == caller.unit)
            or (user.pid, user.comm, lasting_unit(user.unit or ""))
            == (caller.pid, caller.comm, "" if caller.container_id else lasting_unit(caller.unit or ""))
            for user in entry.sdk.users
        )
    # A package is known by the name of what it runs: amazon-ssm-agent, cloud-init.
    program = _named_by_root(caller).rpartition("/")[2]
    unit = (caller.unit or "").removesuffix(".service")
    return entry.package in (program, unit.removeprefix("snap.").partition(".")[0], unit)


def _named_by_root(caller: CallerSeen) -> str:
    """The path of its program where that was put there with a package: names, and paths below a home, are anybody's. What a
    container calls its own is its own affair.
    """
    of_package = caller.program.startswith(OF_ROOT_ALONE) and not caller.program.startswith(NOT_OF_PACKAGES)
    return caller.program if caller.container_id or (of_package and caller.on_host is not False) else ""


def _is_where(entry: Software, caller: CallerSeen) -> bool:
    """What runs in a container whose id is not known is on no system that is known."""
    if caller.container is None and caller.container_id is None:
        return entry.on_host
    return caller.container_id in entry.container_ids


def _why(name: str, needed: Requirement) -> str:
    if needed.status == "needs-setting":
        return f"{name} {NEEDS_SETTING}"
    return f"{name} {only_v1(needed)}"


def _fix(entry: Software, needed: Requirement, facts: Facts) -> Fix:
    if needed.status == "needs-setting":
        return make_setting(needed)
    if not entry.on_host:
        return Fix(image_rebuilt(entry.package, needed.minimum))
    commands = (
        library_commands(entry, needed.minimum)
        if isinstance(entry, SdkSoftware)
        else upgrade_commands(entry, facts[Host].os, needed.minimum)
    )
    return Fix(f"{upgraded(entry.package, needed.minimum)}, and restart the programs that use it.", commands)
