"""What settles a doubt about a program, beside its code and version: what was seen of it, and where it runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.duration import in_words
from imds_probe.facts.callers import BOOT_S, BootWatched, Callers, CallerSeen
from imds_probe.facts.code import CodeRead, CodeSeen, NotRead
from imds_probe.facts.containers import Containers
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds
from imds_probe.facts.software import Installed, SdkSoftware, SdkUse, Software
from imds_probe.rules.caller_phrases import no_call, watched_part
from imds_probe.rules.cut_off import host_is_cut_off, is_cut_off, is_kept_from_all, user_is_cut_off
from imds_probe.rules.known_callers import runner_of
from imds_probe.rules.metadata_need import metadata_need
from imds_probe.rules.origins import of_callers
from imds_probe.rules.phrases import few
from imds_probe.rules.quiet import is_old_enough, unwatched_start
from imds_probe.rules.rehearsed import asked_again, has_a_bare_request, rehearsed_code, rehearsed_software
from imds_probe.rules.requirement import own_code, packages_read, unread_code
from imds_probe.rules.settling import of_containers


def silent_since_start(oldest_s: float | None, facts: Facts) -> str:
    """Why processes are known to do without IMDSv1, the oldest of which runs for so many seconds; empty where that is not
    known. They were started within a window that was watched whole, or since it has been watched for longer, or by a boot that
    was; they have run for long enough to have asked for what they need, and there was no call by IMDSv1 that could have been
    theirs.
    """
    if oldest_s is None:
        return ""
    callers = facts.get(Callers)
    if callers is None or not nobody_by_v1(facts):
        return ""
    if not is_old_enough(oldest_s, callers) or unwatched_start(oldest_s, callers):
        return ""
    started = f"started {in_words(oldest_s)} ago"
    if oldest_s < callers.window_s:
        return f"{started}, and {no_call(callers)} in {watched_part(callers)}"
    if oldest_s < callers.silent_s:
        return f"{started}, and {no_call(callers)} in the {in_words(callers.silent_s)} that were watched"
    boot = callers.whole_boot
    if boot is not None and callers.boot_was_silent and boot.age_s - BOOT_S / 2 <= oldest_s <= boot.age_s:
        whole = f"the boot of {boot.booted} was watched whole without a call by IMDSv1"
        return f"{started}; {whole}, and {no_call(callers)} in {watched_part(callers)}"
    return ""


def silent_processes(run: CodeSeen | NotRead | SdkUse, pids: Sequence[int], facts: Facts) -> str:
    """The same of the processes of a program or a library. Several units may run it: that which was started last has to have run
    for long enough as well. Reports that do not say how long that is tell it of one process alone.
    """
    newest_s = run.oldest_s if run.newest_s is None and len(pids) == 1 else run.newest_s
    callers = facts.get(Callers)
    if newest_s is None or callers is None or not is_old_enough(newest_s, callers):
        return ""
    return silent_since_start(run.oldest_s, facts)


def silent(code: CodeSeen | NotRead, facts: Facts) -> str:
    """The same of a program, by its processes or by the schedule that starts it. Empty also where a schedule starts it besides
    that did not come round in the window: the processes do not tell what that start asks for.
    """
    if code.every_s is not None and not _came_round(code, code.every_s, facts):
        return ""
    if code.pids:
        return silent_processes(code, code.pids, facts)
    if code.runs == "boot":
        return _silent_at_start(code, facts) if of_containers(code) else _silent_at_boot(code, facts)
    if code.runs != "scheduled" or code.every_s is None:
        return ""
    none, watched = no_call(facts[Callers]), watched_part(facts[Callers])
    return f"started by {few(code.started_by)}, and {none} in {watched}"


def unwatched(code: CodeSeen | NotRead, facts: Facts) -> str:
    """Why a watch did not see what starts it, a clause; empty where it did, where processes tell, and where nobody watched."""
    callers = facts.get(Callers)
    if callers is None or code.runs is None:
        return ""
    if code.runs == "boot" and of_containers(code):
        return (
            "" if _stood_since_start(code) else "changed after its container was started, and perhaps not started since"
        )
    if code.runs == "boot" and (boot := callers.whole_boot) is None:
        return "no boot was watched whole"
    if code.runs == "boot" and boot is not None and not _stood(code, boot):
        return f"changed after the boot of {boot.booted}, and perhaps not started since"
    if code.every_s is not None and code.every_s > callers.window_s:
        return f"started less often than once in the {in_words(callers.window_s)} that are watched"
    if code.runs != "scheduled":
        return ""
    if code.every_s is None:
        return "started at no set time, so that the watch may not have seen it"
    if code.standing_s is not None and code.standing_s < code.every_s:
        return f"changed {in_words(code.standing_s)} ago, and perhaps not started since"
    return ""


def _silent_at_start(code: CodeSeen | NotRead, facts: Facts) -> str:
    """The same of what containers start when they are started, by the last start of each, if it was the same then."""
    if code.newest_s is None or not _stood_since_start(code):
        return ""
    said = silent_processes(code, (), facts)
    return f"started by {few(code.started_by)}: {said}" if said else ""


def _stood_since_start(code: CodeSeen | NotRead) -> bool:
    """Whether it and what starts it are the same as at the last start of each of its containers."""
    return code.standing_s is not None and code.oldest_s is not None and code.standing_s >= code.oldest_s


def _silent_at_boot(code: CodeSeen | NotRead, facts: Facts) -> str:
    """The same of what a boot starts, by the last boot that was watched whole, if it was the same then."""
    callers = facts.get(Callers)
    if callers is None or not nobody_by_v1(facts) or not callers.boot_was_silent:
        return ""
    boot = callers.whole_boot
    if boot is None or not _stood(code, boot):
        return ""
    return (
        f"started by {few(code.started_by)}, and the boot of {boot.booted} was watched whole without a call by IMDSv1"
    )


def _stood(code: CodeSeen | NotRead, boot: BootWatched) -> bool:
    """Whether it and what starts it were the same at this boot as now."""
    return code.standing_s is not None and code.standing_s >= boot.age_s


def _came_round(code: CodeSeen | NotRead, every_s: float, facts: Facts) -> bool:
    """Whether what comes so often was started as it is now, in a window that was watched whole and without a call by IMDSv1."""
    callers = facts.get(Callers)
    if callers is None or not nobody_by_v1(facts) or code.standing_s is None:
        return False
    return every_s <= min(callers.window_s, code.standing_s)


def silent_software(software: Software, facts: Facts) -> str:
    """The same of a package, by those of its programs that were looked at."""
    said = [silent(each, facts) for each in programs_of(software, facts)]
    return said[0] if said and all(said) else ""


def settled_software(
    group: Sequence[Software], facts: Facts, *, for_other_reasons: bool = False
) -> tuple[str, tuple[str, ...]]:
    """What each of these packages did that outweighs a version which does not decide, to follow their name, and the evidence; both
    empty where nothing does.
    """
    silent = [
        silent_software(each, facts)
        or silent_library(each, facts)
        or silent_unstarted(each, facts, for_other_reasons=for_other_reasons)
        for each in group
    ]
    if all(silent):
        return "made no call by IMDSv1 while it was watched", tuple(dict.fromkeys(silent))
    rehearsed = [rehearsed_software(each, facts) for each in group]
    return ("asked with a token in a rehearsal", tuple(dict.fromkeys(rehearsed))) if all(rehearsed) else ("", ())


def silent_library(software: Software, facts: Facts) -> str:
    """The same of a package that is a library, by the processes which have it loaded in each place that the package is in."""
    loaded = [
        entry
        for entry in facts[Installed].software
        if isinstance(entry, SdkSoftware) and entry.running and _is_loaded_from(entry, software)
    ]
    everywhere = (not software.on_host or any(entry.on_host for entry in loaded)) and set(software.container_ids) <= {
        identity for entry in loaded for identity in entry.container_ids
    }
    programs: list[CodeSeen | NotRead] = [*own_code(software, facts), *unread_code(software, facts)]
    started = [each for each in programs if each.runs != "lies"]
    said = [
        *(silent_processes(entry.sdk, entry.pids, facts) for entry in loaded),
        *(silent(each, facts) for each in started),
    ]
    return said[0] if said and everywhere and all(said) else ""


def is_unstarted(software: Software, facts: Facts, *, for_other_reasons: bool) -> bool:
    """Whether a package of the host has no program that is known to run or to be started, where all was looked at that starts
    programs. It is installed `for_other_reasons` than that it asks, or else all of its own files were read, and none is started:
    what it loads from elsewhere, as what it has downloaded, may be what asks.
    """
    read, run = facts.get(CodeRead), facts.collector("code")
    looked = read is not None and read.scheduled is not None and run is not None and run.status in ("ok", "nothing")
    if not looked or software.pids or not software.on_host or software.container_ids:
        return False
    own = packages_read(software, facts)
    if not for_other_reasons and (not own or any(each.why or each.started is not False for each in own)):
        return False
    if any(each.started for each in own):
        return False
    return not unread_code(software, facts) and all(each.runs == "lies" for each in own_code(software, facts))


def silent_unstarted(software: Software, facts: Facts, *, for_other_reasons: bool) -> str:
    """Why such a package is known to do without IMDSv1: what may run of it unnoticed was started in a boot that was watched."""
    callers = facts.get(Callers)
    if callers is None or not callers.boot_was_silent or not nobody_by_v1(facts):
        return ""
    if not is_unstarted(software, facts, for_other_reasons=for_other_reasons):
        return ""
    return f"nothing that was read starts it, and {no_call(callers)} in {watched_part(callers)}, also during a boot"


def _is_loaded_from(entry: SdkSoftware, software: Software) -> bool:
    together = (entry.on_host and software.on_host) or not set(entry.container_ids).isdisjoint(software.container_ids)
    # Distributions add their own revision to the number that the library says of itself.
    same = entry.version is not None and entry.version in (software.version or "")
    return entry.component == software.component and together and same


def programs_of(software: Software, facts: Facts) -> tuple[CodeSeen | NotRead, ...]:
    """The programs of a package that a watch can tell of; none where users alone start some, who choose what a watch sees. What
    nothing starts calls nobody.
    """
    started = (each for each in own_code(software, facts) if each.runs != "lies")
    programs: tuple[CodeSeen | NotRead, ...] = (*started, *unread_code(software, facts))
    return programs if any(runner_of(each) is None for each in programs) else ()


def turned_off(facts: Facts) -> bool:
    """Whether the service serves nobody on this instance."""
    imds = facts.get(Imds)
    return imds is not None and imds.endpoint == "disabled"


def unserved(on_host: bool, container_ids: Iterable[str], facts: Facts, *, heeds_proxies: bool = True) -> str:
    """Why the switch takes nothing from what is in these places: no metadata reaches it. Empty where some does, or may."""
    if turned_off(facts):
        return "the metadata service is turned off"
    if on_host:
        return ""
    inside = [facts[Containers].by_identity(each) for each in container_ids]
    if inside and all(each is not None and is_cut_off(each, facts, heeds_proxies=heeds_proxies) for each in inside):
        return "the metadata service cannot be reached from there"
    return ""


def unserved_now(on_host: bool, container_ids: Iterable[str], facts: Facts, *, heeds_proxies: bool = True) -> str:
    """The same of what runs or is started again and again. Rules on the host may have come after the boot, so that they say
    nothing of what only a boot starts, and nothing of calls that were seen.
    """
    if not on_host or not host_is_cut_off(facts):
        return unserved(on_host, container_ids, facts, heeds_proxies=heeds_proxies)
    inside = tuple(container_ids)
    return (
        ""
        if inside and not unserved(on_host=False, container_ids=inside, facts=facts)
        else "a rule or route keeps all programs of the host from it"
    )


def unserved_code(code: CodeSeen, facts: Facts) -> str:
    """The same of a program."""
    at_work = code.pids or code.runs == "scheduled"
    in_no_container = code.on_host or not code.container_ids  # nor is a directory that processes were chrooted to
    if at_work and code.uid is not None and user_is_cut_off(code.uid, facts):
        return f"a rule or route keeps all programs of user {code.uid} from it"
    if why := kept_off(code):
        return why
    return (unserved_now if at_work else unserved)(in_no_container, code.container_ids, facts)


def unserved_caller(container_id: str | None, facts: Facts) -> str:
    """The same of who was seen calling. That a container cannot be reached today outweighs its calls only where a rule or route
    on its own way says so that is the same for all its programs: who asked from there now was root.
    """
    container = facts[Containers].by_identity(container_id)
    if container_id is None or container is None or turned_off(facts):
        return unserved(on_host=container_id is None, container_ids=(container_id or "",), facts=facts)
    if not is_kept_from_all(container, facts):
        return ""
    return unserved(on_host=False, container_ids=(container_id,), facts=facts, heeds_proxies=False)


def elsewhere(code: CodeSeen | NotRead, facts: Facts, catalog: Catalog) -> str:
    """What tells that the switch does not break a program which reading leaves open; empty where nothing does."""
    return (
        silent(code, facts)
        or (asked_again(code, facts) if has_a_bare_request(code) else rehearsed_code(code, facts))
        or kept_off(code)
        or unserved(code.on_host, code.container_ids, facts)
        or _unneeded(code, facts, catalog)
    )


def kept_off(code: CodeSeen | NotRead) -> str:
    """How the units that start it keep it from the service; empty where they do not, or perhaps only from its address of IPv4."""
    by_ipv6 = isinstance(code, CodeSeen) and any("fd00" in each.lower() for each in code.quote)
    return "the unit that starts it keeps it from the service" if code.kept_off and not by_ipv6 else ""


def seen_by_token(code: CodeSeen, facts: Facts) -> str:
    """Whether a program was seen asking by token, in a window that was watched whole and in which nobody asked without.

    A user who starts it shows nothing of how root's schedule does, and another start nothing of one that did not come round.
    """
    callers = facts.get(Callers)
    if callers is None or not nobody_by_v1(facts) or not code.on_host or code.in_arguments:
        return ""
    if code.every_s is not None and not _came_round(code, code.every_s, facts):
        return ""
    seen = any(
        each.version == "v2" and each.on_host and each.program == code.path and _starts_it(each, code, facts)
        for each in callers.by
    )
    if not seen:
        return ""
    return f"seen asking with a token, and {no_call(callers)} in {watched_part(callers)}"


def _starts_it(caller: CallerSeen, code: CodeSeen, facts: Facts) -> bool:
    """Whether this is how the program is started: by root or a service of the system, or by the only one who runs it."""
    own = caller.uid is not None and caller.uid in (code.runner_uid, code.owner_uid)
    return own or not of_callers([caller], facts)


def _unneeded(code: CodeSeen | NotRead, facts: Facts, catalog: Catalog) -> str:
    """Why containers need no metadata, by what they say themselves."""
    if code.on_host or not code.container_ids:
        return ""
    known = [facts[Containers].by_identity(each) for each in code.container_ids]
    needs = [metadata_need(each, facts, catalog) for each in known if each is not None]
    if len(needs) < len(known) or any(need.state != "unlikely" for need in needs):
        return ""
    return needs[0].in_words


def nobody_by_v1(facts: Facts) -> bool:
    """Whether a whole window was watched, and nothing in it can have been a call by IMDSv1."""
    callers, run = facts.get(Callers), facts.collector("callers")
    if callers is None or not callers.complete or (run is not None and run.status != "ok"):
        return False
    unseen = callers.metric is not None and callers.metric.unseen > 0
    return not (callers.losing or callers.unconfirmed or unseen)
