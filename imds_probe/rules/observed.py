"""Did every collector come back? Where another rule says what one that failed leaves unknown, this one is silent."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.facts import Facts
from imds_probe.findings import Fix, Found, Kind
from imds_probe.rules.phrases import few
from imds_probe.rules.precedence import INVENTORIES
from imds_probe.rules.rule import Rule
from imds_probe.rules.settling import MORE_TIME, OWNER

# Their own rules have a finding that makes the verdict unknown.
_SAID_ELSEWHERE = (
    *INVENTORIES,
    "settings",
    "sdks",
    "code",
    "running-containers",
    "containers",
    "callers",
    "rehearsals",
)
# It asks which versions there are to upgrade to, where the verdict is not ready or unknown for another reason, and hosts
# without the metadata of their repositories are common. Since when tokens are required tells nothing of who can do without.
_NO_EVIDENCE = ("repositories", "tokens-seen")
# Without these a verdict is only stricter, or says less of whom to tell: no time for them leaves nothing unknown. Of the platform
# another rule says it. What the EC2 API says is asked for by an option, and nobody misses it without that.
_NEEDS_NO_TIME = (*_NO_EVIDENCE, "acceptances", "control-plane", "owner", "platform", "standing")

WITHOUT_CAUSE = "a run without the quoted cause"

NOT_OBSERVED = Kind(
    id="not-observed",
    severity="warning",
    implies="unknown",
    title="A part of the host could not be observed",
    meaning="Each part of the host is observed by one collector. A collector failed, or the run's time limit came before it. Its "
    "result could change the verdict, so the verdict treats that part as not seen.",
    cure="Remove the cause that the finding quotes, and run imds-probe again. If the cause is a bug in imds-probe, report the bug "
    "with the text that imds-probe wrote to standard error or the journal.",
    settled_by=(WITHOUT_CAUSE, MORE_TIME, OWNER),
)


def _find(facts: Facts, catalog: Catalog) -> list[Found]:
    del catalog
    found = [_failed(run) for run in facts.collectors if run.status == "failed" and _counts(run)]
    if late := [run for run in facts.collectors if run.status == "skipped" and _needs_time(run)]:
        found.append(_late(late))
    return found


def _counts(run: CollectorRun) -> bool:
    return run.bug or run.id not in (*_SAID_ELSEWHERE, *_NO_EVIDENCE)


def _needs_time(run: CollectorRun) -> bool:
    return run.id not in (*_SAID_ELSEWHERE, *_NEEDS_NO_TIME)


def _failed(run: CollectorRun) -> Found:
    return NOT_OBSERVED.found(
        run.id,
        f"imds-probe could not observe {_what(run)}",
        evidence=(run.reason,),
        fix=Fix(
            "Report the bug with the text that imds-probe wrote to standard error or the journal."
            if run.bug
            else "Remove the quoted cause, and run again."
        ),
        settled_by=(WITHOUT_CAUSE, OWNER),
    )


def _late(runs: Sequence[CollectorRun]) -> Found:
    """One finding for all that there was no time for."""
    return NOT_OBSERVED.found(
        "time limit",
        f"the run's time limit came before imds-probe could observe {few([_what(run) for run in runs])}",
        evidence=tuple(f"{run.id}: {run.reason}" for run in runs),
        fix=Fix("Give the run more time with --timeout."),
        settled_by=(MORE_TIME, OWNER),
    )


def _what(run: CollectorRun) -> str:
    return run.means or f"the part of the host that the collector {run.id} inspects"


RULE = Rule("observed", _find, kinds=(NOT_OBSERVED,))
