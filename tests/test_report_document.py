import copy
import json
import sys

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from many_facts import many_facts
from observed import CATALOG, FACTS, report_of
from report_schema import check, strict
from reports_made import TROUBLED

from imds_probe import report_document
from imds_probe.collect.collectors import SECTIONS
from imds_probe.errors import UsageError
from imds_probe.facts.code import Code, CodeRead, NotRead
from imds_probe.judging_again import changes, judged_again
from imds_probe.report import SCHEMA, dump
from imds_probe.report_document import SCHEMA_FILE, json_schema, read

PUBLISHED = jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text()))


def objects(value):
    """All objects of a document, at any depth."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(each)


def test_the_published_schema_is_the_one_of_the_dataclasses_with_words():
    published = json.loads(SCHEMA_FILE.read_text())
    jsonschema.Draft202012Validator.check_schema(published)
    assert all(each.pop("description") for each in published["$defs"].values())
    for each in (published, *published["$defs"].values()):
        assert all(kind.pop("description") for kind in each["properties"].values())
    assert published == json.loads(json.dumps(json_schema())), "run `make declared`"


def test_names_that_are_added_later_are_accepted_everywhere():
    document = json.loads(dump(report_of(TROUBLED)))
    for each in list(objects(document)):
        each["added_in_a_later_version"] = {"of": ["any", "kind"]}
    PUBLISHED.validate(document)
    assert judged_again(read(document), CATALOG).verdict == report_of(TROUBLED).verdict


def test_a_typo_is_noticed_by_the_tests_own_schema():
    document = json.loads(dump(report_of(TROUBLED)))
    for path in (
        ("verdict",),
        ("imds",),
        ("containers", 0, "reach", 0),
        ("findings", 0),
        ("software", 0, "requirement"),
    ):
        wrong = copy.deepcopy(document)
        place = wrong
        for step in path:
            place = place[step]
        name = next(iter(place))
        place[f"{name}_"] = place.pop(name)
        with pytest.raises(AssertionError, match=f"{name}_"):
            check(wrong)


def test_strict_leaves_no_object_open():
    for each in objects(strict(json_schema())):
        if isinstance(each.get("properties"), dict) and each.get("type") == "object":
            assert each["additionalProperties"] is False


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["imds"].update(hop_limit=65), "imds.hop_limit"),
        (lambda d: d["imds"].update(tokens="perhaps"), "imds.tokens"),
        (lambda d: d.update(software={}), "software"),
        (lambda d: d["software"][0].pop("component"), r"software\[0\]"),
        (lambda d: d["probe"].update(started_at="yesterday"), "probe.started_at"),
        (lambda d: d.update(verdict=None), "verdict"),
        (lambda d: d["containers"][0].update(reach=[7]), r"containers\[0\]\.reach\[0\]"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(change, said):
    document = json.loads(dump(report_of(TROUBLED)))
    change(document)
    with pytest.raises(UsageError, match=f"{said}.*take the report from its host again"):
        read(document)


@pytest.mark.parametrize("document", [None, 7, [], {}, {"schema": "other/v1"}, {"schema": [SCHEMA]}])
def test_what_is_no_report_is_said_so(document):
    with pytest.raises(UsageError, match=f"it is not a report of the schema {SCHEMA}"):
        read(document)


@pytest.mark.parametrize(
    ("version", "is_one"), [("v2", True), ("v10", True), ("v", False), ("v2x", False), ("v٢", False)]
)
def test_a_report_of_a_later_schema_needs_a_newer_version(version, is_one):
    with pytest.raises(UsageError) as caught:
        read({"schema": f"imds-probe.report/{version}"})
    assert (caught.value.remedy == "Use a newer version of imds-probe.") is is_one
    assert ("and this version reads imds-probe.report/v1" in caught.value.problem) is is_one


@pytest.mark.parametrize("key", ["probe", "collectors", "rules", "findings", "verdict"])
def test_a_report_that_lost_what_every_report_has_is_never_judged(key):
    document = json.loads(dump(report_of(TROUBLED)))
    del document[key]
    with pytest.raises(UsageError, match=f"^it is not a whole report: {key} is missing\\."):
        read(document)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
REPORTS = [json.loads(dump(report_of(facts))) for facts in (FACTS, TROUBLED, *many_facts(20, seed=7))]


def leaves(value, path=()):
    """The path to everything in a document that can be put in another's place."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield (*path, key)
        yield from leaves(each, (*path, key))


@settings(max_examples=150)
@given(st.data())
def test_whatever_stands_in_a_report_is_read_or_ends_in_a_sentence(data):
    document = copy.deepcopy(data.draw(st.sampled_from(REPORTS)))
    places = list(leaves(document))
    for _ in range(data.draw(st.integers(1, 4))):
        path = data.draw(st.sampled_from(places))
        place = document
        try:
            for step in path[:-1]:
                place = place[step]
            if data.draw(st.booleans()):
                place[path[-1]] = data.draw(JSON)
            else:
                del place[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue  # something above it was changed before
    try:
        stored = read(document)
    except UsageError as error:
        assert str(error).strip()
        assert "\n" not in str(error)
        return
    made = changes(stored, judged_again(stored, CATALOG))
    assert made.now.state in ("ready", "needs-hop-limit", "not-ready", "unknown")


def test_depth_without_end_is_no_crash():
    document = report_of(FACTS).to_json()
    nested: object = []
    for _ in range(sys.getrecursionlimit() * 3):
        nested = [nested]
    document["software"] = nested
    with pytest.raises(UsageError):
        read(document)


def test_a_section_that_came_later_is_not_missed_in_a_report_from_before(monkeypatch):
    later = tuple(kind for kind in (Code, CodeRead) if kind not in SECTIONS)
    monkeypatch.setattr(report_document, "SECTIONS", (*SECTIONS, *later))
    document = json.loads(dump(report_of(TROUBLED)))
    for key in ("code", "read"):
        document.pop(key, None)
    stored = read(document)
    assert (stored.facts.lacking, stored.facts.get(CodeRead), stored.facts[Code]) == ((), None, Code())
    document["read"] = {"programs": 3, "programs_read": 2, "not_read": [{"program": "/opt/x", "why": "packed"}]}
    assert read(document).facts.get(CodeRead) == CodeRead(3, 2, not_read=(NotRead("/opt/x", "packed"),))
