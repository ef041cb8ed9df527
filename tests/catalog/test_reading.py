"""The explicit checks of catalog files, held to the JSON Schema: what one refuses, the other refuses too."""

from __future__ import annotations

import copy
import importlib.resources
import json
from pathlib import Path

import jsonschema
import pytest

from imds_probe.catalog.entry import CatalogError
from imds_probe.catalog.reading import SIZE_LIMIT_BYTES, read_file, read_rows
from imds_probe.catalog.rows import Asked, Heeded, Prevention, SettingPlace, Switch

SCHEMA = json.loads(importlib.resources.files("imds_probe").joinpath("schema/catalog-v1.json").read_text())

FULL = {
    "schema": "imds-probe.catalog/v1",
    "components": [
        {
            "id": "thing",
            "name": "Thing",
            "packages": {"dpkg": ["thing", "python3-thing"], "npm": ["@scope/thing"]},
            "since": "1",
            "before": "9",
            "only_if": "it is used",
            "only_if_switch": {"values": ["on"], "places": [{"kind": "arguments", "key": "--use"}]},
            "asks_since": "1.5",
            "minimum": "2.0",
            "setting": {
                "text": "set it",
                "since": "2.2",
                "minimum_by_default": "3.0",
                "grade": "source",
                "source": "s",
                "switch": {
                    "values": ["true", "1"],
                    "places": [
                        {"kind": "environment", "key": "KEY"},
                        {"kind": "file", "key": "a.b", "path": "~/x", "format": "yaml", "path_options": ["-c"]},
                    ],
                },
            },
            "prevented_by": [
                {
                    "why": "w",
                    "switch": {"values": ["v1"], "places": [{"kind": "arguments", "key": "--v1"}]},
                    "cure": "v2",
                    "since": "2.5",
                    "source": "s",
                    "grade": "documented",
                }
            ],
            "programs": ["bin/thing"],
            "observed": [{"places": [{"kind": "file", "key": "k", "path": "/etc/x", "format": "env"}]}],
            "waits": "1 s",
            "heeds": {
                "AWS_A": {"since": "1.2", "source": "s", "grade": "package", "any_value": True, "false_is_false": True},
                "AWS_B": {"source": "s"},
            },
            "asks_for": [{"what": "the region", "when": "always", "source": "s", "unless": ["AWS_REGION"]}],
            "no_v1_fallback": {"version": "4.0", "config": {"KEY": "true"}, "grade": "inferred"},
            "on_lost_token": "fails",
            "backports": [
                {
                    "manager": "dpkg",
                    "os_ids": ["ubuntu"],
                    "derivatives": True,
                    "version_id_major": "20",
                    "minimum": "1:1.9-0ubuntu1~20.04.1",
                    "below": "too-old",
                    "why": "w",
                    "source": "s",
                    "grade": "documented",
                }
            ],
            "known_bad": [{"since": "2.1", "before": "2.2", "effect": "fails", "why": "w", "grade": "source"}],
            "notes": ["n"],
            "fix": "upgrade",
            "sources": ["s"],
            "confidence": "documented",
            "grade": "package",
        }
    ],
}


def changed(path: list, value: object) -> dict:
    document = copy.deepcopy(FULL)
    place = document
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return document


ROW = ["components", 0]


def test_a_full_row_is_read() -> None:
    jsonschema.validate(FULL, SCHEMA)
    (row,) = read_rows(FULL, "test")
    assert row.packages == {"dpkg": ("thing", "python3-thing"), "npm": ("@scope/thing",)}
    assert row.setting is not None and row.setting.minimum_by_default == "3.0"
    assert row.setting.switch == Switch(
        ("true", "1"), (SettingPlace("environment", "KEY"), SettingPlace("file", "a.b", "~/x", "yaml", ("-c",)))
    )
    assert row.prevented_by == (
        Prevention("w", Switch(("v1",), (SettingPlace("arguments", "--v1"),)), "v2", "2.5", None, "s", "documented"),
    )
    assert (row.programs, row.waits) == (("bin/thing",), "1 s")
    assert [name for name, _ in row.switches()] == ["only_if", "setting", "prevented_by[0]", "observed[0]"]
    assert row.no_v1_fallback is not None and row.no_v1_fallback.config == {"KEY": "true"}
    assert row.heeds == {
        "AWS_A": Heeded("1.2", "s", "package", any_value=True, false_is_false=True),
        "AWS_B": Heeded(None, "s"),
    }
    assert row.asks_for == (Asked("the region", "always", "s", ("AWS_REGION",)),)
    assert row.backports[0].derivatives and row.backports[0].version_id_major == "20"
    assert row.known_bad[0].before == "2.2"
    assert (row.grade, row.asks_since) == ("package", "1.5")
    assert (row.setting.since, row.setting.grade, row.no_v1_fallback.grade) == ("2.2", "source", "inferred")
    assert (row.backports[0].grade, row.known_bad[0].grade) == ("documented", "source")
    assert (row.since, row.before, row.minimum, row.notes, row.sources) == ("1", "9", "2.0", ("n",), ("s",))


@pytest.mark.parametrize(
    "key",
    [
        "since",
        "before",
        "minimum",
        "setting",
        "no_v1_fallback",
        "backports",
        "known_bad",
        "notes",
        "sources",
        "prevented_by",
        "programs",
        "observed",
        "waits",
        "asks_since",
        "grade",
        "only_if_switch",
        "heeds",
        "asks_for",
    ],
)
def test_what_is_optional_may_be_absent(key: str) -> None:
    document = changed([*ROW, key], None)
    jsonschema.validate(document, SCHEMA)
    assert not getattr(read_rows(document, "test")[0], key)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["schema"], "imds-probe.catalog/v2", "schema"),
        (["components"], {}, "must be a list"),
        (["extra"], 1, "unknown keys: extra"),
        ([*ROW], "row", "must be an object"),
        ([*ROW, "id"], "Thing", "lower-case"),
        ([*ROW, "id"], None, "has no id"),
        ([*ROW, "name"], "", "not empty"),
        ([*ROW, "name"], 5, "must be a text"),
        ([*ROW, "packages"], None, "has no packages"),
        ([*ROW, "packages"], {}, "name a package manager"),
        ([*ROW, "packages"], {"dpkg": []}, "list package names"),
        ([*ROW, "packages"], {"dpkg": ["--root=/x"]}, "list package names"),
        ([*ROW, "packages"], {"dpkg": "thing"}, "must be a list"),
        ([*ROW, "minimum"], "2.0-1", "plain dotted number"),
        ([*ROW, "minimum"], 2.0, "must be a text"),
        ([*ROW, "on_lost_token"], "maybe", "one of"),
        ([*ROW, "confidence"], "certain", "one of"),
        ([*ROW, "setting", "source"], None, "has no source"),
        ([*ROW, "setting", "more"], "x", "unknown keys"),
        ([*ROW, "setting", "switch", "places"], [], "names no places"),
        ([*ROW, "setting", "switch", "places", 0, "kind"], "registry", "one of"),
        ([*ROW, "setting", "switch", "places", 0, "path"], "/x", "unknown keys: path"),
        ([*ROW, "setting", "switch", "places", 1, "path"], "x", "must begin with"),
        ([*ROW, "setting", "switch", "places", 1, "format"], "xml", "one of"),
        ([*ROW, "setting", "switch", "places", 1, "format"], None, "has no format"),
        ([*ROW, "setting", "switch", "places", 1, "key"], None, "has no key"),
        ([*ROW, "setting", "switch", "more"], 1, "unknown keys"),
        ([*ROW, "prevented_by", 0, "switch"], None, "has no switch"),
        ([*ROW, "prevented_by", 0, "switch", "values"], [], "has no values"),
        ([*ROW, "prevented_by", 0, "since"], "new", "plain dotted number"),
        ([*ROW, "programs"], [1], "must be a text"),
        ([*ROW, "no_v1_fallback", "config"], None, "has no config"),
        ([*ROW, "no_v1_fallback", "version"], "new", "plain dotted number"),
        ([*ROW, "backports", 0, "manager"], "image", "no version order"),
        ([*ROW, "backports", 0, "below"], "ok", "one of"),
        ([*ROW, "backports", 0, "derivatives"], "yes", "true or false"),
        ([*ROW, "backports", 0, "source"], None, "has no source"),
        ([*ROW, "known_bad", 0, "effect"], "bad", "one of"),
        ([*ROW, "known_bad", 0], {"effect": "fails", "why": "w"}, "since, before or both"),
        ([*ROW, "grade"], "certain", "one of"),
        ([*ROW, "asks_since"], "new", "plain dotted number"),
        ([*ROW, "only_if_switch", "values"], [], "needs values"),
        ([*ROW, "only_if"], None, "only_if to say what it shows"),
        ([*ROW, "setting", "grade"], "certain", "one of"),
        ([*ROW, "setting", "since"], "new", "plain dotted number"),
        ([*ROW, "prevented_by", 0, "grade"], "certain", "one of"),
        ([*ROW, "no_v1_fallback", "grade"], "certain", "one of"),
        ([*ROW, "backports", 0, "grade"], "certain", "one of"),
        ([*ROW, "backports", 0, "minimum"], None, "no figure that it is about"),
        ([*ROW, "known_bad", 0, "grade"], "certain", "one of"),
        ([*ROW, "heeds", "PATH"], {"source": "s"}, "none of AWS's: PATH"),
        ([*ROW, "heeds", "AWS_A", "source"], None, "has no source"),
        ([*ROW, "heeds", "AWS_A", "since"], "new", "plain dotted number"),
        ([*ROW, "heeds", "AWS_A", "any_value"], "yes", "true or false"),
        ([*ROW, "heeds", "AWS_A", "false_is_false"], 1, "true or false"),
        ([*ROW, "heeds", "AWS_A", "more"], 1, "unknown keys"),
        ([*ROW, "asks_for", 0, "when"], "often", "one of"),
        ([*ROW, "asks_for", 0, "source"], None, "has no source"),
        ([*ROW, "asks_for", 0, "unless"], ["PATH"], "none of AWS's: PATH"),
        ([*ROW, "asks_for", 0, "more"], 1, "unknown keys"),
        ([*ROW, "asks_for", 0, "switch"], {"places": [{"kind": "environment", "key": "K"}]}, "has no values"),
        ([*ROW, "asks_for", 0, "switch"], {"values": ["true"], "places": []}, "names no places"),
        ([*ROW, "fix"], None, "has no fix"),
        ([*ROW, "comment"], "x", "unknown keys: comment"),
    ],
)
def test_what_does_not_fit_is_refused_by_checks_and_schema_alike(path: list, value: object, said: str) -> None:
    document = changed(path, value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)
    with pytest.raises(CatalogError, match=said):
        read_rows(document, "test")


def test_a_grade_is_of_a_figure() -> None:
    document = changed([*ROW, "minimum"], None)
    jsonschema.validate(document, SCHEMA)  # it is of asks_since
    assert read_rows(document, "test")[0].grade == "package"
    del document["components"][0]["asks_since"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)
    with pytest.raises(CatalogError, match="no figure that it is about"):
        read_rows(document, "test")
    document["components"][0]["never"] = True
    jsonschema.validate(document, SCHEMA)
    assert read_rows(document, "test")[0].never


def test_what_only_an_order_can_refuse() -> None:
    document = changed([*ROW, "backports", 0, "minimum"], "not a version")
    with pytest.raises(CatalogError, match="Debian version"):
        read_rows(document, "test")


def test_one_id_twice_is_refused() -> None:
    document = copy.deepcopy(FULL)
    document["components"] *= 2
    with pytest.raises(CatalogError, match="one id twice: thing"):
        read_rows(document, "test")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe\xff", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "must be an object"),
        (b" " * (SIZE_LIMIT_BYTES + 1), "is larger than"),
    ],
)
def test_a_file_that_is_no_catalog(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "extra.json"
    path.write_bytes(content)
    with pytest.raises(CatalogError, match=said) as caught:
        read_file(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="No such file"):
        read_file(tmp_path / "extra.json")
