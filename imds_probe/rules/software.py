"""Does the installed software speak IMDSv2? Held against the catalog, which knows since which version it does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.requirement import requirement_of
from imds_probe.catalog.rows import RequiredSetting, Requirement
from imds_probe.facts.callers import Callers
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.containers import Containers
from imds_probe.facts.facts import Facts, NotInReport
from imds_probe.facts.host import Host
from imds_probe.facts.image import Image
from imds_probe.facts.software import Installed, SdkSoftware, Software, UsersContainers
from imds_probe.findings import Fix, Found, Kind
from imds_probe.rules.caller_phrases import watched_part
from imds_probe.rules.code_phrases import matched, place_of
from imds_probe.rules.fixes import upgrade_commands
from imds_probe.rules.origins import of_code, of_software
from imds_probe.rules.phrases import (
    NAMES_SHOWN,
    NEEDS_SETTING,
    container_names,
    few,
    image_rebuilt,
    known_by,
    make_setting,
    more_time_or,
    named,
    not_verified,
    only_v1,
    upgraded,
)
from imds_probe.rules.precedence import INVENTORIES
from imds_probe.rules.requirement import is_idle_library, is_unused, of_its_files, own_code, requirement
from imds_probe.rules.rule import Rule
from imds_probe.rules.settled import is_unstarted, nobody_by_v1, programs_of, settled_software, silent_library, unserved
from imds_probe.rules.settling import (
    CATALOG,
    OWNER,
    UPGRADE,
    WHOLE_BOOT,
    by_reasons,
    by_rehearsal,
    by_run,
    by_watch,
    to_see,
)
from imds_probe.rules.software_kinds import (
    KINDS,
    NO_PACKAGE_MANAGER,
    PACKAGE_MANAGER_FAILED,
    READABLE,
    REPAIRED,
    SILENT_IMAGE,
    SOFTWARE_FIGURE_INFERRED,
    SOFTWARE_IDLE,
    SOFTWARE_LIES,
    SOFTWARE_NEEDS_SETTING,
    SOFTWARE_SETTLED,
    SOFTWARE_TOO_OLD,
    SOFTWARE_TOO_OLD_SILENT,
    SOFTWARE_UNKNOWN,
    SOFTWARE_UNSERVED,
    SOFTWARE_UNUSED,
    USERS_SOFTWARE_UNREAD,
)

_COLLECTORS = (*INVENTORIES, "settings")
# By their os-release(5): systems that come as a whole, and have no package manager; and those whose manager is not read.
IMAGE_BASED = ("bottlerocket", "flatcar", "talos")
OTHER_MANAGERS = ("arch", "gentoo", "guix", "nixos", "slackware", "void")
_UNREAD = {
    "container-software": "the packages in some containers could not be read",
    "settings": "the settings of installed software could not be read",
}


def _find(facts: Facts, catalog: Catalog) -> list[Found]:
    runs = [run for name in _COLLECTORS if (run := facts.collector(name))]
    if not runs:
        raise NotInReport("could not be judged again: the report has no record of a package manager")
    found = [trouble for run in runs if (trouble := _manager_trouble(run, facts))]
    if unread := facts[UsersContainers].users_software_unread:
        found.append(_unread_of_users(unread))
    if all(run.status == "nothing" for run in runs if run.id not in _UNREAD):
        found.append(_no_manager(facts))
    groups: dict[tuple[str, str, str, Requirement], list[Software]] = defaultdict(list)
    inferred: dict[tuple[str, str, str], list[Software]] = defaultdict(list)
    for software in facts[Installed].software:
        if isinstance(software, SdkSoftware):
            continue  # rules/sdks.py has those
        needed = requirement(software, facts, catalog)
        for line in not_verified(needed) if needed.status == "ok" else ():
            inferred[software.component, software.said_version, line].append(software)
        if needed.status != "ok" or needed.by != "version":
            groups[software.component, software.manager, software.said_version, needed].append(software)
    found += [_judged(needed, group, facts, catalog) for (*_, needed), group in groups.items()]
    found += [_by_inference(line, group, catalog) for (_, _, line), group in inferred.items()]
    return found


def _by_inference(line: str, group: list[Software], catalog: Catalog) -> Found:
    what = named(group[0], catalog.row(group[0].component))
    summary = f"{what} counts as new enough for IMDSv2, but {line}"
    evidence = (f"{group[0].package} {group[0].said_version}, {known_by(group[0])}",)
    return SOFTWARE_FIGURE_INFERRED.found(group[0].component, summary, evidence=evidence)


def _manager_trouble(run: CollectorRun, facts: Facts) -> Found | None:
    if run.status not in ("failed", "skipped", "partial"):
        return None
    if run.id == "settings" and run.status == "partial":
        return None  # what could not be read of them counts with the software that it is about
    return PACKAGE_MANAGER_FAILED.found(
        run.id,
        _UNREAD.get(run.id, f"the packages installed by {run.id} could not be read"),
        evidence=(run.reason,),
        fix=more_time_or(
            run, to_see([run.reason], facts, "Repair the fault that the evidence names, and run imds-probe again.")
        ),
        settled_by=by_run(run, facts, REPAIRED)
        if run.status == "skipped"
        else by_reasons([run.reason], facts, REPAIRED),
    )


def _unread_of_users(unread: Sequence[str]) -> Found:
    return USERS_SOFTWARE_UNREAD.found(
        "container-software",
        "the packages in containers of users could not be read; the verdict does not depend on them",
        evidence=tuple(unread),
        fix=Fix(
            "Ask the users what runs there, or watch whether the containers call IMDSv1: `imds-probe run --watch 1h`."
        ),
    )


def _no_manager(facts: Facts) -> Found:
    system = facts[Host].os
    name = system.pretty_name or system.id or ""
    if system.id in IMAGE_BASED:
        return _not_by_version(
            f"the software of the image of {name}",
            f"{name} has no package database: its software is part of its image, and the versions are not known",
            "its os-release is that of a system without a package manager, and no package database exists below the root",
            "Ask the maintainer of the image",
            facts,
        )
    if any(each in OTHER_MANAGERS for each in (system.id, *system.id_like)):
        return _not_by_version(
            f"the software of {name}",
            f"imds-probe does not read the package manager of {name}, so the versions of the installed software are not known",
            "its os-release is that of a system whose package manager imds-probe does not read",
            "Ask the owner of the host",
            facts,
        )
    return NO_PACKAGE_MANAGER.found(
        "host",
        "no package database was found, so the installed packages are not known",
        evidence=("no database of dpkg, rpm, apk or snapd exists below the root",),
        fix=Fix(
            "Run on the host itself. In a container, mount the host's root at /host, and name it as in this command.",
            ("imds-probe run --root /host",),
        ),
    )


def _not_by_version(software: str, summary: str, evidence: str, whom: str, facts: Facts) -> Found:
    """Nobody forgot to name the host's root: what is installed is known by what it does, and not by versions."""
    callers = facts.get(Callers)
    if callers is not None and callers.boot_was_silent and nobody_by_v1(facts):
        silent = f"{software} made no call by IMDSv1 while it was watched, also during a boot"
        return SOFTWARE_SETTLED.found("host", silent, evidence=(evidence, watched_part(callers)))
    return NO_PACKAGE_MANAGER.found(
        "host",
        summary,
        evidence=(evidence,),
        fix=Fix(
            f"{whom} whether its software uses IMDSv2. If it does, accept the risk of this finding ([[accept]]). This command "
            "shows for an hour whether something calls IMDSv1, and does not settle the finding.",
            ("imds-probe run --watch 1h",),
        ),
        settled_by=(SILENT_IMAGE, OWNER),
    )


def _judged(needed: Requirement, group: list[Software], facts: Facts, catalog: Catalog) -> Found:
    """One finding for all places with the same version and the same judgement."""
    software = group[0]
    row = catalog.row(software.component)
    inside = container_names(group, facts[Containers])
    on_host = any(entry.on_host for entry in group)
    in_containers = f"in {few(inside, noun=' containers')}"
    what = f"{named(software, row)}{'' if on_host else f' {in_containers}'}"
    places = " and ".join([*(["on the host"] if on_host else []), in_containers]) if inside else ""
    seen = f"{software.package} {software.said_version}, {known_by(software)}{f', {places}' if places else ''}"
    subject = software.component
    origins = of_software(group, facts)
    if needed.status != "ok" and all(is_idle_library(entry, facts, catalog) for entry in group):
        return _lies(what, (seen, needed.why), needed, software, facts=facts, catalog=catalog)
    if _is_idle(needed, group, facts, catalog):
        summary = f"{what} is installed and may not speak IMDSv2; nothing that was read starts it"
        return SOFTWARE_IDLE.found(
            subject, summary, evidence=(seen, needed.why), fix=_upgrade(needed, software, facts, catalog)
        )
    if needed.by == "code":
        return _by_code(what, seen, needed, group, facts=facts, catalog=catalog)
    if needed.by == "changelog":
        summary = f"the changelog of {what} says that it speaks IMDSv2; nothing else shows whether it does"
        return SOFTWARE_SETTLED.found(subject, summary, evidence=(seen, needed.why))
    if needed.status == "too-old":
        never = row is not None and row.never
        fix = Fix(row.fix) if row and never else _upgrade(needed, software, facts, catalog)
        evidence = (seen, *not_verified(needed))
        silent = [silent_library(entry, facts) for entry in group]
        if all(silent) and not _unserved(group, facts):
            summary = f"{what} {only_v1(needed)}, but no program that uses it called IMDSv1 while the host was watched"
            evidence = (*evidence, *dict.fromkeys(silent))
            return SOFTWARE_TOO_OLD_SILENT.found(subject, summary, evidence=evidence, fix=fix)
        return _breaks(
            SOFTWARE_TOO_OLD, group, f"{what} {only_v1(needed)}", evidence, fix, facts=facts, origins=origins
        )
    evidence = (seen, needed.why)
    if needed.status == "needs-setting":
        evidence += not_verified(needed)
        summary = f"{what} {NEEDS_SETTING}"
        return _breaks(
            SOFTWARE_NEEDS_SETTING, group, summary, evidence, make_setting(needed), facts=facts, origins=origins
        )
    if why := _unserved(group, facts):
        summary = (
            f"{what} loses nothing by the switch, because {why}; its version does not show whether it speaks IMDSv2"
        )
        return SOFTWARE_SETTLED.found(subject, summary, evidence=evidence)
    for_other_reasons = row is not None and row.only_if is not None
    did, seen_doing = settled_software(group, facts, for_other_reasons=for_other_reasons)
    if needed.status == "unknown" and did:
        summary = f"{what} {did}; its version does not show whether it speaks IMDSv2"
        return SOFTWARE_SETTLED.found(subject, summary, evidence=(*evidence, *seen_doing))
    if needed.setting is not None:
        summary = f"the setting that makes {what} use IMDSv2 could not be read"
        return SOFTWARE_UNKNOWN.found(
            subject,
            summary,
            evidence=evidence,
            fix=_mend(needed.setting),
            forgeable_by=origins,
            settled_by=by_run(None, facts, READABLE),
        )
    window = _by_watch(group, facts, for_other_reasons=for_other_reasons)
    once = "a boot was watched" if window == (WHOLE_BOOT,) else "its programs were started while the daemon watched"
    ways: tuple[str, ...] = (f"Upgrade {software.package}", "ask its vendor which version speaks IMDSv2")
    if software.manager == "image" and needed.minimum:  # its tag says no release, or several
        ways = (f"Run {software.package} by a tag that names one release, {needed.minimum} or later",)
    look = (
        f"{', '.join(ways)}, or watch the host: the finding disappears once {once}, and nobody called IMDSv1 in a whole window."
        if window
        else f"{', or '.join(ways)}."
    )
    upgrade = _upgrade(needed, software, facts, catalog, look)
    summary = f"IMDSv2 support of {what} is not known"
    evidence += tuple(dict.fromkeys(line for entry in group for line in of_its_files(entry, facts)))
    settled_by = (
        *((UPGRADE,) if row is not None and row.minimum else ()),
        *((CATALOG,) if all(entry.version for entry in group) else ()),
        *window,
        *by_rehearsal([each for entry in group for each in programs_of(entry, facts)], facts),
        OWNER,
    )
    return SOFTWARE_UNKNOWN.found(
        subject, summary, evidence=evidence, fix=upgrade, forgeable_by=origins, settled_by=settled_by
    )


def _is_idle(needed: Requirement, group: Sequence[Software], facts: Facts, catalog: Catalog) -> bool:
    """Whether software that may ask for metadata, if something is so on the host, is known to be started by nothing: its own files
    were read, and what starts programs was looked at. Code that asks without a token would be a warning there, too.
    """
    return needed.status == "unknown" and all(
        is_unused(entry, facts, catalog) and is_unstarted(entry, facts, for_other_reasons=False) for entry in group
    )


def _by_watch(group: Sequence[Software], facts: Facts, *, for_other_reasons: bool) -> tuple[str, ...]:
    """The watched window that settles a package; empty where none of its programs is known in one of its places."""
    programs = [programs_of(entry, facts) for entry in group]
    if facts.get(Image) is None and all(
        is_unstarted(entry, facts, for_other_reasons=for_other_reasons) for entry in group
    ):
        return (WHOLE_BOOT,)
    return by_watch([each for known in programs for each in known], facts) if all(programs) else ()


def _lies(
    what: str, evidence: tuple[str, ...], needed: Requirement, software: Software, *, facts: Facts, catalog: Catalog
) -> Found:
    """What nothing uses breaks nothing now."""
    row = catalog.row(software.component)
    is_ = {"too-old": only_v1(needed), "needs-setting": NEEDS_SETTING}.get(needed.status, "may not speak IMDSv2")
    fix = _upgrade(needed, software, facts, catalog)
    if row and row.never:
        fix = Fix(f"Remove {software.package} if nobody needs it. Otherwise: {row.fix}")
    summary = f"{what} is installed and {is_}, but no program that runs or is started uses it"
    return SOFTWARE_LIES.found(software.component, summary, evidence=evidence, fix=fix)


def _breaks(
    kind: Kind,
    group: Sequence[Software],
    summary: str,
    evidence: tuple[str, ...],
    fix: Fix,
    *,
    facts: Facts,
    origins: tuple[str, ...],
) -> Found:
    """What the switch breaks, unless nothing is served where it is."""
    subject = group[0].component
    if why := _unserved(group, facts):
        return SOFTWARE_UNSERVED.found(subject, f"{summary}, but {why}", evidence=evidence, fix=fix)
    return kind.found(subject, summary, evidence=evidence, fix=fix, forgeable_by=origins)


def _unserved(group: Sequence[Software], facts: Facts) -> str:
    """Why the switch takes nothing from what is in these places; empty where it may."""
    inside = [identity for entry in group for identity in entry.container_ids]
    return unserved(any(entry.on_host for entry in group), inside, facts)


def _by_code(
    what: str, seen: str, needed: Requirement, group: list[Software], *, facts: Facts, catalog: Catalog
) -> Found:
    """What was read in the software itself decides, whatever the catalog says of its version."""
    code = tuple(dict.fromkeys(each for entry in group for each in own_code(entry, facts)))
    decisive = [each for each in code if each.speaks == ("v2" if needed.status == "ok" else "v1")]
    decisive.sort(key=lambda each: each.runs == "lies")
    evidence = (seen, needed.why, *(matched(each) for each in decisive[:NAMES_SHOWN]))
    subject, at = group[0].component, place_of(decisive[0])
    if needed.status == "ok":
        summary = f"{what} asks for a token by its own code, {at}"
        return SOFTWARE_SETTLED.found(subject, summary, evidence=evidence)
    summary = f"{what} {only_v1(needed)}: {at}"
    fix = _upgrade(needed, group[0], facts, catalog)
    if all(is_unused(entry, facts, catalog) for entry in group):
        return SOFTWARE_UNUSED.found(subject, f"{summary}; nothing that was read starts it", evidence=evidence, fix=fix)
    return _breaks(SOFTWARE_TOO_OLD, group, summary, evidence, fix, facts=facts, origins=of_code(decisive, facts))


def _upgrade(needed: Requirement, software: Software, facts: Facts, catalog: Catalog, text: str = "") -> Fix:
    """How to get a version that is new enough, and whether the configured repositories have one."""
    if not software.on_host:
        return Fix(text or image_rebuilt(software.package, needed.minimum))
    text = text or f"{upgraded(software.package, needed.minimum)}."
    commands = upgrade_commands(software, facts[Host].os, needed.minimum)
    available = software.available
    if available is None:
        return Fix(text, commands)
    if available.version is None:
        nothing = f"The configured repositories offer no newer version (by {available.checked})"
        return Fix(f"{text} {nothing}: install {software.package} from its vendor, or upgrade the distribution.")
    judged = requirement_of(software, available.version, facts, catalog)
    has = f"The configured repositories offer {available.version}"
    if judged.status in ("ok", "needs-setting"):
        return Fix(f"{text} {has}, which is new enough.", commands)
    enough = "which is too old as well" if judged.status == "too-old" else "whose IMDSv2 support is not known either"
    return Fix(f"{text} {has}, {enough}.", commands if judged.status == "unknown" else ())


def _mend(setting: RequiredSetting) -> Fix:
    return Fix(
        f"Make the setting readable, or run as root. If {setting.key} is not {setting.value} in {setting.place}, set it, restart "
        "the program, and run imds-probe again."
    )


RULE = Rule("software", _find, kinds=KINDS)
