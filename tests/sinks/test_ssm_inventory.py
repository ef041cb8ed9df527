import json
import os
import time
from pathlib import Path

import pytest
from bad_places import of_somebody_else, on_disk
from reports_made import BARE, hostile, report

from imds_probe.config import Settings
from imds_probe.sinks.readiness import readiness
from imds_probe.sinks.sink import SinkError
from imds_probe.sinks.ssm_inventory import AGENT, FILE, InventoryConfig, InventorySink, make

NODE, OTHER, HYBRID = "i-0123456789abcdef0", "i-0fedcba9876543210", "mi-0123456789abcdef0"


def send(directory, agent=Path("/nonexistent"), of=None):
    InventorySink(directory, agent).send(of or report(), time.monotonic() + 60)


@pytest.fixture
def agent(tmp_path):
    return tmp_path / "ssm"


def nodes(agent, *names):
    for name in names:
        (agent / name).mkdir(parents=True)


def test_the_configuration_says_where(tmp_path):
    sink = make(Settings(InventoryConfig(directory=tmp_path)), {})
    assert (sink.name, sink.keeps_each) == ("ssm-inventory", False)
    sink.send(report(), time.monotonic())
    assert json.loads((tmp_path / FILE).read_text()) == {
        "SchemaVersion": "1.0",
        "TypeName": "Custom:ImdsReadiness",
        "Content": readiness(report()),
    }
    assert Path("/var/lib/amazon/ssm") == AGENT


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        ((NODE, OTHER, HYBRID), NODE),
        ((OTHER, HYBRID), HYBRID),
        ((HYBRID, "document", "localcommands", "i-..%2f"), HYBRID),
    ],
)
def test_the_nodes_own_directory_is_found(agent, there, taken):
    nodes(agent, *there)
    send(None, agent)
    assert [str(path.relative_to(agent)) for path in agent.rglob("*.json")] == [f"{taken}/inventory/custom/{FILE}"]
    for made in (agent / taken / "inventory", agent / taken / "inventory/custom"):
        assert made.stat().st_mode & 0o022 == 0
    send(None, agent)


def test_the_only_node_will_do_where_the_instances_id_is_unknown(agent):
    nodes(agent, OTHER)
    send(None, agent, report(BARE))
    assert (agent / OTHER / "inventory/custom" / FILE).is_file()


@pytest.mark.parametrize(
    ("there", "of", "says"),
    [
        ((), report(), "no directory of this node. Start the SSM agent"),
        (("document",), report(), "no directory of this node"),
        ((OTHER,), report(), "no directory of this node"),  # what an image brought along
        ((OTHER, HYBRID), report(BARE), f"several nodes \\({OTHER}, {HYBRID}\\). Set ssm-inventory.directory"),
        ((NODE,), hostile(), "no directory of this node"),
    ],
)
def test_which_directory_is_not_guessed(agent, there, of, says):
    nodes(agent, *there)
    with pytest.raises(SinkError, match=says):
        send(None, agent, of)
    assert not list(agent.rglob("inventory"))


def test_never_the_file_that_is_too_many(tmp_path):
    for number in range(19):
        (tmp_path / f"theirs-{number}.json").write_text("{}")
    (tmp_path / "notes.txt").touch()
    send(tmp_path)
    (tmp_path / FILE).unlink()
    (tmp_path / ".hidden.json").touch()
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(SinkError, match="has 20 other .*takes none of them. Take away") as caught:
        send(tmp_path)
    assert caught.value.outcome == "later"
    assert sorted(os.listdir(tmp_path)) == before
    assert (tmp_path / "theirs-7.json").read_text() == "{}"


def test_the_agent_never_sees_an_unfinished_file(tmp_path, monkeypatch):
    renamed = []
    original = os.replace

    def watched(source, target, **options):
        renamed.append((source, sorted(os.listdir(tmp_path))))
        original(source, target, **options)

    monkeypatch.setattr(os, "replace", watched)
    send(tmp_path)
    [(temporary, there)] = renamed
    assert there == [temporary]
    assert not temporary.endswith(".json")


def test_a_planted_link_is_replaced(tmp_path):
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "custom").mkdir()
    (tmp_path / "custom" / FILE).symlink_to(tmp_path / "victim")
    send(tmp_path / "custom")
    assert (tmp_path / "victim").read_text() == "mine"
    assert not (tmp_path / "custom" / FILE).is_symlink()


def test_a_planted_inventory_directory_is_refused(agent, tmp_path):
    nodes(agent, NODE)
    (tmp_path / "elsewhere").mkdir()
    (agent / NODE / "inventory").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SinkError, match="not to a link"):
        send(None, agent)
    assert os.listdir(tmp_path / "elsewhere") == []


def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(SinkError, match="wrong owner"):
        send(of_somebody_else(tmp_path / "theirs"))
    with pytest.raises(SinkError, match="Create the directory"):
        send(tmp_path / "two/levels")

    def refused():
        with pytest.raises(SinkError, match="Read-only file system. Mount .* writable"):
            send(tmp_path / "disk")

    on_disk(tmp_path / "disk", "read-only", refused)


def test_hostile_text_stays_json(tmp_path):
    send(tmp_path, of=hostile(500))
    raw = (tmp_path / FILE).read_bytes()
    assert raw.isascii()
    assert all(isinstance(value, str) for value in json.loads(raw)["Content"].values())
