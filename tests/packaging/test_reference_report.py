"""The report's page says what each field means, in words for readers who do not know the code."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import pytest

from imds_probe.report_document import json_schema

PROJECT = Path(__file__).parents[2]
GOLDEN = PROJECT / "tests/render/golden"
# Of the report, and of AWS, which writes names in the same way.
OF_AWS = {"CloudFormation", "CloudWatch", "MetadataNoToken", "MetadataNoTokenRejected"}


@pytest.fixture
def texts(monkeypatch):
    monkeypatch.syspath_prepend(str(PROJECT / "packaging"))
    return importlib.import_module("report_texts").OBJECTS


@pytest.fixture
def page(monkeypatch):
    monkeypatch.syspath_prepend(str(PROJECT / "packaging"))
    return importlib.import_module("reference_report").page()


def test_each_field_has_a_text_and_no_text_is_of_another(texts):
    schema = json_schema()
    fields = {name: [*each["properties"]] for name, each in {"Report": schema, **schema["$defs"]}.items()}
    described = {name: [*each.fields] for name, each in texts.items()}
    assert {name: sorted(each) for name, each in described.items()} == {
        name: sorted(each) for name, each in fields.items()
    }, "packaging/report_texts.py"


def test_headings_tell_objects_apart(texts):
    titles = [each.title for each in texts.values()]
    assert len({title.lower() for title in titles}) == len(titles)


def test_each_link_leads_to_a_heading(page):
    headings = {
        line.removeprefix("## ").lower().replace(" ", "-") for line in page.splitlines() if line.startswith("## ")
    }
    links = set(re.findall(r"\(#([^)]+)\)", page))
    assert len(links) > 50
    assert links <= headings


def test_it_has_no_words_of_the_code(page):
    words = re.sub(r"`[^`]*`", "", page)
    assert re.findall(r"\bNone\b|\bTrue\b|\bFalse\b|\b[a-z]+\.[a-z]+_?[a-z]*\(|\b[A-Z]{2,}_[A-Z_]+\b", words) == []
    assert set(re.findall(r"\b[A-Z][a-z]+[A-Z]\w+\b", words)) <= OF_AWS


def test_values_that_a_text_names_are_values_that_the_field_can_have(texts):
    """As far as the schema lists them: a value that is renamed must not live on in words."""
    schema = json_schema()
    wrong = []
    for name, each in {"Report": schema, **schema["$defs"]}.items():
        for field, kind in each["properties"].items():
            values = {value for some in (kind, *kind.get("anyOf", ())) for value in some.get("enum", ())}
            # "`x`: what it means" explains a value.
            explained = re.findall(r"`([a-z0-9.-]+)`(?:, `[a-z-]+`)*: ", texts[name].fields[field])
            wrong += [(name, field, value) for value in explained if values and value not in values]
    assert wrong == []


def test_places_are_those_of_reports(page):
    """Each place that a kept report has is on the page, and each place on the page begins with a key of the report."""
    on_page = set(re.findall(r"`([^`]+)`", "\n".join(re.findall(r"^Place: (.*)$", page, re.MULTILINE))))

    def places(value: object, at: str):
        if isinstance(value, dict):
            yield at
            for key, inner in value.items():
                yield from places(inner, f"{at}.{key}" if at else key)
        elif isinstance(value, list):
            for inner in value:
                yield from places(inner, f"{at}[]")

    found = {place for path in GOLDEN.glob("*.json") for place in places(json.loads(path.read_text()), "") if place}
    assert len(found) > 30
    assert found <= on_page
    assert {place.partition(".")[0].removesuffix("[]") for place in on_page} <= {*json_schema()["properties"]}
