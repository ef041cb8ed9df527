"""Did every collector come back? Where another rule says what one that failed leaves unknown, this one is silent."""

from __future__ import annotations

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.facts import Facts
from imds_probe.findings import Fix, Found, Kind
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
# Without these a verdict is only stricter, or says less of whom to tell: no time for them leaves nothing unknown.
_NEEDS_NO_TIME = (*_NO_EVIDENCE, "acceptances", "owner", "standing")

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
    return [_not_observed(run) for run in facts.collectors if run.status in ("failed", "skipped") and _counts(run)]


def _counts(run: CollectorRun) -> bool:
    if run.status == "skipped":
        return run.id not in (*_SAID_ELSEWHERE, *_NEEDS_NO_TIME)
    return run.bug or run.id not in (*_SAID_ELSEWHERE, *_NO_EVIDENCE)


def _not_observed(run: CollectorRun) -> Found:
    what = run.means or f"the part of the host that the collector {run.id} inspects"
    return NOT_OBSERVED.found(
        run.id,
        f"imds-probe could not observe {what}",
        evidence=(run.reason,),
        fix=Fix(
            "Report the bug with the text that imds-probe wrote to standard error or the journal."
            if run.bug
            else "Give the run more time with --timeout."
            if run.status == "skipped"
            else "Remove the quoted cause, and run again."
        ),
        settled_by=(MORE_TIME if run.status == "skipped" else WITHOUT_CAUSE, OWNER),
    )


RULE = Rule("observed", _find, kinds=(NOT_OBSERVED,))
