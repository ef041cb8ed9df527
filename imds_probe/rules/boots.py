"""Was a boot of this host watched from its start? A boot starts what nothing starts later."""

from __future__ import annotations

from imds_probe.catalog.catalog import Catalog
from imds_probe.duration import in_words
from imds_probe.facts.callers import BOOT_S, BootWatched, Callers
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds, switched_already
from imds_probe.findings import Fix, Found, Kind
from imds_probe.rules.caller_phrases import times
from imds_probe.rules.rule import NothingToJudge, Rule
from imds_probe.rules.settling import OWNER, WHOLE_BOOT

BOOTS_SHOWN = 5

BOOT_NOT_WATCHED = Kind(
    id="boot-not-watched",
    severity="info",
    title="No boot of this host was watched whole",
    meaning="A unit or script that runs only at boot may call IMDSv1 before the daemon watches. A long watch afterwards does not "
    "show that call. For high confidence, the watch must therefore have seen one boot of this host from its start: before any "
    "program opened a connection, and for the first hour without a gap. The unit imds-probe-boot.service watches from the start of "
    "the boot and hands over to the daemon. A daemon in a container, for example in a DaemonSet, always starts too late for that. "
    "Where no boot was watched, the programs and scripts that a boot starts are judged by their code.",
    cure="Enable the daemon on the host with systemctl reenable imds-probe-daemon, which enables imds-probe-boot.service as well. "
    "Then reboot the host once. In a DaemonSet the confidence stays medium.",
    sources=("bootup(7)",),
)
BOOT_CALLED_IMDSV1 = Kind(
    id="boot-called-imdsv1",
    severity="warning",
    implies="unknown",
    title="A program called IMDSv1 in the last boot that was watched",
    meaning="The watch saw calls by IMDSv1 in the first hour of a boot that is longer ago than the window (watch.window). The "
    "callers have called on fewer than three days since then, so perhaps only a boot starts them. Their silence in the window "
    "therefore does not show that they were changed. The next boot may make the same calls.",
    cure="Reboot the host while the daemon is enabled: the watch sees the calls of that boot, and the report names the callers. "
    "Change them so that they ask for a token, and reboot once more. The finding disappears once a boot was watched whole without "
    "a call by IMDSv1. To find the callers without a reboot, set watch.window to more than the age of that boot and run imds-probe "
    "again, as long as the boot is not older than watch.retention (90 days): the daemon does not keep the calls of older boots.",
    settled_by=(WHOLE_BOOT, OWNER),
)


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    del catalog
    callers = facts.get(Callers)
    if callers is None:
        return NothingToJudge("the callers were not watched")
    if switched_already(facts.get(Imds)):
        return []
    found = [_called(boot)] if (boot := callers.boot_that_called) is not None else []
    if callers.whole_boot is None and (callers.boots or callers.complete):
        found.append(_not_watched(callers))
    return found


def _not_watched(callers: Callers) -> Found:
    why = f": {_how(callers.boots[-1], callers)}" if callers.boots else ""
    return BOOT_NOT_WATCHED.found(
        "watch",
        f"no boot of this host was watched whole{why}",
        evidence=tuple(_how(boot, callers) for boot in callers.boots[-BOOTS_SHOWN:]) if len(callers.boots) > 1 else (),
        fix=Fix(
            "Enable imds-probe's daemon on the host, and reboot the host once. Until then, the programs that a boot starts are "
            "judged by their code alone.",
            ("systemctl reenable imds-probe-daemon",),
        ),
    )


def _how(boot: BootWatched, callers: Callers) -> str:
    """How much of a boot was watched, a clause."""
    needed = in_words(min(BOOT_S, callers.window_s / 2))
    if not boot.from_start:
        return (
            f"the watch began {in_words(boot.began_s)} after the boot of {boot.booted}, and earlier calls were not seen"
        )
    if boot.is_under_way:
        return (
            f"the watch began with the boot of {boot.booted} and covers {in_words(boot.watched_s)} of {needed} so far"
        )
    return f"the boot of {boot.booted} was watched from its start for {in_words(boot.watched_s)} of {needed}"


def _called(boot: BootWatched) -> Found:
    return BOOT_CALLED_IMDSV1.found(
        "watch",
        f"IMDSv1 was called {times(boot.imdsv1)} in the last boot that was watched whole, {in_words(boot.age_s)} ago, and not "
        "again in the window",
        fix=Fix(
            "Reboot the host while the daemon is enabled: the report then names the programs that call at boot. Change them, and "
            "reboot again. `imds-probe explain boot-called-imdsv1` says how to find them before."
        ),
    )


RULE = Rule("boots", _find, kinds=(BOOT_NOT_WATCHED, BOOT_CALLED_IMDSV1))
