from __future__ import annotations

import datetime
from pathlib import Path

from contexts import collected, context

from imds_probe.collect.acceptances import COLLECTOR, AcceptanceOptions
from imds_probe.facts.acceptances import Acceptance, Acceptances, UnusableAcceptance

RIGHT = Acceptance("imdsv1-caller", "backup.service", "why", "who", "2027-01-31", "a.toml:1")
WRONG = UnusableAcceptance("a.toml:7", "owner", "is missing", "Add it.")


def test_what_the_configuration_accepts_is_a_fact_of_the_run(tmp_path: Path) -> None:
    given = context(tmp_path, options=(AcceptanceOptions((WRONG, RIGHT)),))
    before = datetime.datetime.now(datetime.UTC).date().isoformat()
    assert collected(given, [COLLECTOR])["acceptances"].status == "ok"
    found = given.get(Acceptances)
    assert (found.entries, found.unusable) == ((RIGHT,), (WRONG,))
    assert before <= found.day <= datetime.datetime.now(datetime.UTC).date().isoformat()


def test_where_nothing_is_accepted_it_is_not_in_the_report(tmp_path: Path) -> None:
    assert not COLLECTOR.applies(context(tmp_path))
    assert COLLECTOR.applies(context(tmp_path, options=(AcceptanceOptions((WRONG,)),)))
