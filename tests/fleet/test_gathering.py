import gzip
import itertools
import json
import os

import fleets_made
import pytest

from imds_probe.errors import UsageError
from imds_probe.fleet import gathering, sources
from imds_probe.fleet.gathering import Gathered, gathered
from imds_probe.fleet.hosts import INVENTORY, SUMMARY, WHOLE, Fix, Host

NOW = int(fleets_made.NOW)
DAY = 86400


def host(started_at, run=1, state="ready", detail=WHOLE, **more):
    return Host("i-0123456789abcdef0", started_at, run, detail, "0.1.0", state, "medium", **more)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (host(NOW), host(NOW - 1)),  # the newest
        (host(NOW - DAY), host(NOW + 2 * DAY)),  # a clock that is ahead does not win
        (host(NOW + 3000), host(NOW)),  # but one that is a little ahead is as good as any
        (host(NOW + 3 * DAY), host(NOW + 2 * DAY)),  # where there is no other
        (host(NOW, run=7, detail=WHOLE), host(NOW, run=7, detail=SUMMARY)),  # the same run, in full
        (host(NOW, run=7, detail=SUMMARY), host(NOW, run=7, detail=INVENTORY)),
        (host(NOW, run=1, state="not-ready"), host(NOW, run=2, state="ready")),  # two runs in a second
        (host(NOW, run=1, state="unknown"), host(NOW, run=2, state="needs-hop-limit")),
        (host(NOW, run=2), host(NOW, run=1)),
        (host(NOW, run=1, state="not-ready", detail=INVENTORY), host(NOW, run=2, detail=WHOLE)),
    ],
)
def test_which_of_two_reports_counts_whatever_the_order(one, other):
    for order in itertools.permutations((one, other)):
        found = Gathered(NOW)
        for each in order:
            found.add(each)
        assert found.hosts == {one.key: one}
        assert found.read == 2
        assert found.older + found.duplicates + found.from_future == 1


def test_what_is_left_out_is_counted():
    found = Gathered(NOW)
    for each in (host(NOW - 5), host(NOW - 5), host(NOW - 9), host(NOW + DAY), host(NOW - 5, detail=SUMMARY)):
        found.add(each)
    assert (found.read, found.duplicates, found.older, found.from_future) == (5, 2, 1, 1)


def test_an_instance_that_was_replaced_is_another_host(tmp_path):
    for number in (1, 2):
        report = fleets_made.report(number)
        report["host"]["hostname"] = "the same"
        (tmp_path / f"{number}.json").write_text(json.dumps(report))
    assert set(gathered([str(tmp_path)], NOW).hosts) == {fleets_made.instance_id(1), fleets_made.instance_id(2)}


def test_equal_text_of_many_hosts_is_kept_once():
    found = Gathered(NOW)
    for number in range(3):
        fixes = (Fix("software", "".join(["cloud-init", " 18.3"]), "software-too-old"),)
        each = host(NOW, account="".join(["1", "23"]), fixes=fixes)
        each.key = f"i-{number}"
        found.add(each)
    one, *others = found.hosts.values()
    assert all(each.account is one.account and each.fixes is one.fixes for each in others)


def test_several_processes_come_to_the_same_as_one(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "PIECE", 200_000)
    monkeypatch.setattr(gathering, "_AT_ONCE", 7)
    lines = list(fleets_made.lines(120))
    (tmp_path / "long.ndjson").write_bytes(b"".join(lines[:90]) + b"{damaged\n")
    (tmp_path / "packed.gz").write_bytes(gzip.compress(b"".join(lines[80:]), 1))
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text("no report")
    found = [gathered([str(tmp_path)], NOW, jobs) for jobs in (1, 3)]
    assert len(found[0].hosts) == 120
    assert found[0].hosts == found[1].hosts
    assert found[0].problems.counts == found[1].problems.counts == {"foreign": 5, "damaged": 1}
    assert sorted(found[0].problems.named) == sorted(found[1].problems.named)
    assert [each.read for each in found] == [130, 130]
    assert [each.duplicates for each in found] == [10, 10]


def test_a_path_that_is_not_there_is_a_mistake(tmp_path):
    with pytest.raises(UsageError):
        gathered([str(tmp_path / "nowhere")], NOW)


def test_a_file_that_no_process_survives_costs_itself_alone(tmp_path, monkeypatch):
    def read(piece, problems):
        if piece.path.endswith("deadly"):
            os._exit(1)
        return original(piece, problems)

    original = gathering.read
    monkeypatch.setattr(gathering, "read", read)
    for number, name in enumerate(("a", "deadly", "z")):
        (tmp_path / name).write_text(json.dumps(fleets_made.report(number)))
    found = gathered([str(tmp_path)], NOW)
    assert set(found.hosts) == {fleets_made.instance_id(0), fleets_made.instance_id(2)}
    ((kind, where, _),) = found.problems.named
    assert (kind, where) == ("damaged", str(tmp_path / "deadly"))
