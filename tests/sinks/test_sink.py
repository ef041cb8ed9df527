from __future__ import annotations

import dataclasses
import gzip
import re
import time
import typing

import pytest
from observed import report_of
from reports_made import STARTED, TROUBLED, report

from imds_probe.config import Settings
from imds_probe.sinks import SINKS
from imds_probe.sinks.delivery import make_sinks
from imds_probe.sinks.emf import EmfSink
from imds_probe.sinks.file import FileConfig
from imds_probe.sinks.metrics_settings import MetricsConfig
from imds_probe.sinks.settings import SpoolConfig
from imds_probe.sinks.sink import NEWEST_S, OLDEST_S, SinkError, check_age, started_at
from imds_probe.sinks.spool import Spool
from imds_probe.sinks.ssm_inventory import InventoryConfig
from imds_probe.sinks.summary import fitting
from imds_probe.sinks.textfile import TextfileConfig


def test_the_time_of_a_report_is_its_runs():
    assert started_at({"probe": {"started_at": "1970-01-02T00:00:01Z"}}) == 86401.0


@pytest.mark.parametrize(("age_s", "outcome"), [(OLDEST_S + 1, "too-old"), (-NEWEST_S - 1, "refused")])
def test_what_cloudwatch_would_refuse_is_not_sent(age_s, outcome):
    with pytest.raises(SinkError) as caught:
        check_age(report(), STARTED + age_s)
    assert caught.value.outcome == outcome


@pytest.mark.parametrize("age_s", [OLDEST_S - 1, 0, -NEWEST_S + 1])
def test_what_it_takes_is(age_s):
    check_age(report(), STARTED + age_s)


@pytest.mark.parametrize("name", SINKS)
def test_each_goes_by_its_name_and_does_nothing_before_it_is_asked_to(name):
    (made,) = make_sinks([name, name], Settings(), {})
    assert made.name == name
    assert isinstance(made.keeps_each, bool)


def half_surrogates(value):
    """The same facts, with half a surrogate pair in all text that may be any."""
    if isinstance(value, tuple):
        return tuple(map(half_surrogates, value))
    if not dataclasses.is_dataclass(value):
        return value
    hints = typing.get_type_hints(type(value))
    changes = {each.name: half_surrogates(getattr(value, each.name)) for each in dataclasses.fields(value)}
    for name, kind in hints.items():
        if kind in (str, str | None) and isinstance(changes.get(name), str):
            changes[name] += "\ud800\udcff"
    return dataclasses.replace(value, **changes)


def test_no_text_that_utf_8_cannot_encode_goes_anywhere(tmp_path):
    """Names that are bytes, and somebody's JSON, bring it along; a consumer may refuse all that it is in."""
    facts = dataclasses.replace(TROUBLED, sections=half_surrogates(TROUBLED.sections))
    made = report_of(facts).to_json()
    assert made["host"]["hostname"].endswith("\\ud800\\udcff")
    settings = Settings(
        FileConfig(path=tmp_path / "file/report.json"),
        TextfileConfig(directory=tmp_path),
        InventoryConfig(directory=tmp_path),
    )
    (tmp_path / "state").mkdir()
    emf = EmfSink(f"{tmp_path}/metrics.emf", MetricsConfig(), now=lambda: STARTED)
    for sink in (*make_sinks(["file", "textfile", "ssm-inventory"], settings, {}), emf):
        sink.send(made, time.monotonic() + 60)
    Spool(tmp_path / "state", SpoolConfig()).put(made)
    texts = [gzip.decompress(next((tmp_path / "state").iterdir()).read_bytes()).decode(), fitting(made, 10_000)]
    written = (each for each in tmp_path.rglob("*") if each.is_file() and each.suffix != ".lock")
    texts += [each.read_bytes().decode() for each in written if each.parent.name != "state"]
    assert len(texts) == 6
    for text in texts:
        assert "web-17" in text or "imds_probe" in text or "Imds" in text or "verdict" in text
        # As JSON writes what it cannot encode; what was made text has two backslashes.
        assert not re.search(r"(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]", text)
