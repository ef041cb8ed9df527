"""A kind of facts that no page knows, and yet each shows."""

import re
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from observed import FACTS, report_of
from reports_made import HOSTILE

from imds_probe import report as report_module
from imds_probe.collect.collectors import SECTIONS
from imds_probe.facts.section import Section
from imds_probe.render import html, text
from imds_probe.render.page.bounds import SHORT
from imds_probe.render.page.sections import readable, sections


@dataclass(frozen=True)
class Origin:
    kind: str
    netns_id: int | None


@dataclass(frozen=True)
class Boot:
    started_at: str
    up_s: float
    units: tuple[str, ...]
    origin: Origin


@dataclass(frozen=True)
class Boots(Section):
    report_key: ClassVar[str] = "boots"
    heading: ClassVar[str] = "Boots of this host"

    boot_id: str | None
    window_s: int
    took_ms: float
    complete: bool
    units_failed: tuple[str, ...]
    origin: Origin
    boots: tuple[Boot, ...]


BOOT = Boot("2026-11-23T00:00:00Z", 12.5, ("a.service", "b.service"), Origin("cloud", None))
BOOTS = Boots(None, 60, 2.5, True, (), Origin("image", 7), (BOOT, replace(BOOT, up_s=3600.0, units=())))


def shown(section):
    facts = replace(FACTS, sections=(*FACTS.sections, section))
    return report_of(facts)


TEXT = """
Boots of this host
  boot ID:                      not known
  window:                       60 s
  took:                         2.5 ms
  complete:                     yes
  units failed:                 none
  origin kind:                  image
  origin network namespace ID:  7
  boots:
  started at            up      units                 origin kind  origin network namespace ID
  2026-11-23T00:00:00Z  12.5 s  a.service, b.service  cloud        not known
  2026-11-23T00:00:00Z  3600 s  none                  cloud        not known

"""


def test_text_has_it():
    assert TEXT in text.render(shown(BOOTS), text.Style(width=120))


def test_html_has_it():
    page = html.render(shown(BOOTS))
    assert ">Boots of this host</h2>" in page
    assert "<dt>boot ID</dt>\n<dd>not known</dd>" in page
    assert "<caption>boots</caption>" in page
    assert re.search(r">12\.5 s</td>\n<td[^>]*>a\.service, b\.service</td>", page)


def test_json_has_it(monkeypatch):
    monkeypatch.setattr(report_module, "SECTIONS", (*SECTIONS, Boots))
    document = shown(BOOTS).to_json()
    assert document["boots"]["origin"] == {"kind": "image", "netns_id": 7}
    assert [boot["up_s"] for boot in document["boots"]["boots"]] == [12.5, 3600.0]


def test_long_ones_are_counted():
    long = replace(BOOTS, units_failed=tuple(f"u{n}" for n in range(25)), boots=(BOOT,) * 25)
    written = text.render(shown(long), text.Style(width=200))
    assert "u9 and 15 more\n" in written
    assert written.count("12.5 s") == SHORT.items
    assert "\n  and 15 more\n" in written


@pytest.mark.parametrize("render", [lambda report: text.render(report, text.Style()), html.render])
def test_hostile_text_is_escaped_and_bounded(render):
    hostile = HOSTILE + "<script>" + "x" * 100_000
    boot = replace(BOOT, started_at=hostile, units=(hostile,), origin=Origin(hostile, 1))
    written = render(shown(replace(BOOTS, boot_id=hostile, units_failed=(hostile,), boots=(boot,))))
    assert "\x1b" not in written
    assert "\u202e" not in written
    assert "\x00" not in written
    assert len(written) < 60_000
    if written.startswith("<!doctype"):
        assert written.count("<script>") == 1  # its own


def test_those_without_a_heading_and_those_with_words_of_their_own_are_left_out():
    assert list(sections(report_of(FACTS), SHORT)) == []
    assert [part.heading for part in sections(shown(BOOTS), SHORT)] == ["Boots of this host"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("window_s", "window"),
        ("imdsv1_by_probe", "IMDSv1 by probe"),
        ("s", "s"),
        ("latency_ms", "latency"),
        ("_hidden", "hidden"),
    ],
)
def test_names_of_fields_are_readable(name, words):
    assert readable(name) == words
