import copy
import gzip
import json
import random

import fleets_made
import msgspec
import pytest
import reports_made

from imds_probe.fleet import reading
from imds_probe.fleet.gathering import gathered
from imds_probe.fleet.hosts import SUMMARY, WHOLE
from imds_probe.fleet.problems import Problems
from imds_probe.fleet.reading import read
from imds_probe.fleet.sources import Piece
from imds_probe.sinks.readiness import readiness
from imds_probe.sinks.s3_layout import keys
from imds_probe.sinks.summary import fitting

REPORT = fleets_made.report(1)
ID = fleets_made.instance_id(1)


@pytest.fixture
def hosts_in(tmp_path):
    """The hosts in a file of this content, and what was wrong with it: kind and reason."""

    def hosts(content, name="reports"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        problems = Problems()
        found = list(read(Piece(str(path)), problems))
        return found, [(kind, reason) for kind, _, reason in problems.named]

    return hosts


def events(*reports):
    return [{"timestamp": 1, "message": json.dumps(each), "ingestionTime": 2} for each in reports]


SHAPES = {
    "compact": json.dumps(REPORT).encode(),
    "indented": json.dumps(REPORT, indent=2).encode(),
    "with a byte order mark": b"\xef\xbb\xbf" + json.dumps(REPORT).encode(),
    "two a file": json.dumps(REPORT, indent=2).encode() * 2,
    "packed": gzip.compress(json.dumps(REPORT).encode()),
    "lines": json.dumps(REPORT).encode() + b"\n" + json.dumps(REPORT).encode(),
    "a list": json.dumps([REPORT], indent=1).encode(),
    "an export of CloudWatch Logs": b"2026-11-30T01:00:00.000Z " + json.dumps(REPORT).encode() + b"\n",
    "get-log-events": json.dumps({"events": events(REPORT), "nextForwardToken": "f/1"}, indent=4).encode(),
    "get-log-events on one line": json.dumps({"events": events(REPORT)}).encode(),
    "filter-log-events, two pages": json.dumps({"events": events(REPORT), "searchedLogStreams": []}, indent=4).encode()
    * 2,
    "events a line": json.dumps(events(REPORT)[0]).encode() + b"\n",
    "Logs Insights": json.dumps(
        {
            "results": [[{"field": "@message", "value": json.dumps(REPORT)}, {"field": "@ptr", "value": "x"}]],
            "status": "Complete",
        }
    ).encode(),
    "a summary": fitting(REPORT, 5000).encode(),
    "a later minor version": json.dumps(
        REPORT | {"new": {"a": 1}, "verdict": REPORT["verdict"] | {"new": []}}
    ).encode(),
    "an earlier one": json.dumps(
        {key: value for key, value in REPORT.items() if key not in ("code", "read", "users_software_unread")}
    ).encode(),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_form_in_which_reports_are_kept(hosts_in, shape):
    found, problems = hosts_in(SHAPES[shape])
    assert problems == []
    assert {host.key for host in found} == {ID}
    assert len(found) == (2 if shape in ("two a file", "lines", "filter-log-events, two pages") else 1)
    (host, *_) = found
    assert (host.state, host.confidence) == (REPORT["verdict"]["state"], REPORT["verdict"]["confidence"])
    assert (host.account, host.region, host.owner) == ("222222222222", "us-east-1", "auto-scaling batch")
    assert host.started_at == fleets_made.NOW - 3600
    assert host.detail == (SUMMARY if shape == "a summary" else WHOLE)


def test_all_kept_reports_are_read_as_they_are(hosts_in):
    every = fleets_made.templates()
    found, problems = hosts_in(b"".join(json.dumps(each).encode() + b"\n" for each in every))
    assert problems == []
    assert [(host.state, host.confidence) for host in found] == [
        (each["verdict"]["state"], each["verdict"]["confidence"]) for each in every
    ]
    for host, each in zip(found, every, strict=True):
        assert bool(host.fixes) == (each["verdict"]["state"] in ("not-ready", "unknown"))
        assert all(fix.name for fix in host.fixes)
        assert host.hop_limit == ((each["imds"] or {}).get("hop_limit") or 0)


def test_the_inventory_of_ssm(hosts_in):
    entry = readiness(fleets_made.report(1, template=next(_not_ready())))
    item = {"SchemaVersion": "1.0", "TypeName": "Custom:ImdsReadiness", "Content": entry}
    row = entry | {"resourceId": ID, "captureTime": "2026-11-30T01:00:00Z", "schemaVersion": "1.0"}
    listed = {"TypeName": "Custom:ImdsReadiness", "InstanceId": ID, "Entries": [entry]}
    place = f"accountid=111111111111/region=eu-west-1/resourcetype=ManagedInstanceInventory/{ID}.json"
    for content, name in (
        (item, f"{ID}/inventory/custom/ImdsReadiness.json"),
        (row, place),
        (listed, "listed"),
        (entry, f"{ID}.json"),
    ):
        (host,), problems = hosts_in(content, name)
        assert problems == []
        assert (host.key, host.state, host.started_at) == (ID, "not-ready", fleets_made.NOW - 3600)
        assert host.fixes
        assert (host.account, host.region) == (("111111111111", "eu-west-1") if name == place else ("", ""))
    assert hosts_in(item)[1] == [("unnamed", "it has neither an instance id nor a host name")]
    assert hosts_in(item | {"Content": entry | {"Verdict": "perhaps"}}) == (
        [],
        [("damaged", "there is no verdict 'perhaps'")],
    )


def _not_ready():
    return (at for at, each in enumerate(fleets_made.templates()) if each["verdict"]["state"] == "not-ready")


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (b"", None, ""),
        (b"a text\nof two lines\n", "foreign", "it is not JSON"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "foreign", "it is not UTF-8"),
        (b'{"a": 1}', "foreign", "it is JSON, and no report"),
        (b"5", "foreign", "it is not JSON"),
        (b"[5]", "foreign", "it is JSON, and no report"),
        (json.dumps(REPORT)[:-500].encode(), "damaged", "it ends within a document"),
        (gzip.compress(json.dumps(REPORT).encode())[:-500], "damaged", "it is cut off"),
        (
            json.dumps(REPORT | {"schema": "imds-probe.report/v2"}).encode(),
            "newer",
            "its schema is imds-probe.report/v2",
        ),
        (b'{"schema": "imds-probe.report/v7"}', "newer", "its schema is imds-probe.report/v7"),
        (b'{"schema": "imds-probe.fleet/v1"}', "foreign", "it is JSON, and no report"),
        (
            json.dumps(REPORT | {"verdict": REPORT["verdict"] | {"state": "fine"}}).encode(),
            "damaged",
            "no verdict 'fine'",
        ),
        (
            json.dumps(REPORT | {"probe": REPORT["probe"] | {"started_at": "2026-13-41T99:00:00Z"}}).encode(),
            "damaged",
            "is no time",
        ),
        (json.dumps(REPORT | {"findings": "none"}).encode(), "damaged", "it is no valid report: Expected `array`"),
        (json.dumps(REPORT | {"image": {"used": False}}).encode(), "image", "`imds-probe run --image` made it"),
        (json.dumps({"events": events("a line of a log")}).encode(), "foreign", "it is JSON, and no report"),
        (json.dumps({"message": "a line of a log"}).encode(), "foreign", "the text of the event is not JSON"),
        (json.dumps({"message": json.dumps(REPORT)[:-5]}).encode(), "damaged", "the text of the event is not JSON"),
        (b'{"a": ' + b"[" * 100_000, "damaged", "it is nested too deeply"),
    ],
)
def test_what_is_no_report_is_named(hosts_in, content, kind, said):
    found, problems = hosts_in(content)
    assert found == []
    assert [each for each, _ in problems] == ([kind] if kind else [])
    assert all(said in reason for _, reason in problems)


def test_a_damaged_line_keeps_nobody_from_the_others(hosts_in):
    line = json.dumps(REPORT).encode()
    found, problems = hosts_in(b"\n".join([line[:100], line, b"\xff\xfe", line[:-1], line, b"{}"]))
    assert len(found) == 2
    assert [kind for kind, _ in problems] == ["damaged", "damaged", "damaged", "foreign"]


def test_long_lines_that_are_packed_are_lines(hosts_in):
    """What is unpacked at first may be less than a line."""
    long = json.dumps(REPORT | {"padding": random.Random(1).randbytes(150_000).hex()}).encode()
    packed = gzip.compress(b"\n".join([long, b"{damaged", long, long[:50_000]]))
    found, problems = hosts_in(packed)
    assert (len(found), [kind for kind, _ in problems]) == (2, ["damaged", "damaged"])
    found, problems = hosts_in(packed[:-50_000])
    assert (len(found), [kind for kind, _ in problems]) == (1, ["damaged", "damaged"])


def test_nobody_speaks_for_another_instance(hosts_in):
    """Whoever may write one object of a bucket, or one log stream, may not write of others."""
    other = fleets_made.instance_id(2)
    expected = [("misnamed", f"it is kept as {other}, and says that it is of {ID}")]
    for name in (f"{other}.json.gz", f"export/{other}/000000.gz", f"{ID}/{other}"):
        assert hosts_in(REPORT, name) == ([], expected)
    event = events(REPORT)[0]
    assert hosts_in({"events": [event | {"logStreamName": other}]}) == ([], expected)
    assert hosts_in({"events": [event | {"logStreamName": ID}]}, f"{other}.json") == ([], expected)


def _event(stream, message):
    return {"timestamp": 1, "message": json.dumps(message)} | ({"logStreamName": stream} if stream else {})


@pytest.mark.parametrize("deeper", ["r.json", "1/2/3/4/r.json", f"{ID}.json", f"{ID}/r.json"])
def test_nobody_speaks_for_another_instance_by_what_is_below_its_own_name(hosts_in, deeper):
    own = fleets_made.instance_id(2)
    entry = {"TypeName": "Custom:ImdsReadiness", "resourceId": ID, "Content": readiness(REPORT)}
    for forged in (REPORT, _event(ID, REPORT), entry, _event(ID, entry), [REPORT], {"results": [[entry]]}):
        found, problems = hosts_in(forged, f"bucket/{own}/{deeper}")
        assert found == []
        assert [kind for kind, _ in problems] == ["misnamed"]


def test_nobody_speaks_for_another_instance_by_what_is_in_its_own_stream(hosts_in):
    own = fleets_made.instance_id(2)
    entry = {"TypeName": "Custom:ImdsReadiness", "resourceId": ID, "Content": readiness(REPORT)}
    both = entry | {"InstanceId": own}
    for forged in (_event(ID, REPORT), _event("", REPORT), _event("x", _event(ID, REPORT)), entry, both, [REPORT]):
        found, problems = hosts_in({"events": [_event(own, forged)]})
        assert found == []
        assert [kind for kind, _ in problems] == ["misnamed"]
    # Nor do names that only the text has vouch for anything, but they have to be right.
    (host,), problems = hosts_in({"events": [_event("", _event(ID, REPORT))]})
    assert (host.vouched, problems) == ("", [])
    assert hosts_in({"events": [_event("", _event(own, REPORT))]})[1][0][0] == "misnamed"


def test_who_vouches_for_a_report(hosts_in):
    exported = b"2026-11-30T01:00:00.000Z " + json.dumps(REPORT).encode() + b"\n"
    for content, name, vouched in (
        (REPORT, "r.json", ""),
        (REPORT, f"{ID}/r.json", "place"),
        (_event(ID, REPORT), "r.json", "stream"),
        ([[{"field": "@message", "value": json.dumps(REPORT)}]], "insights.json", ""),
        (exported, f"{ID}/000000", "stream"),
        (exported, "000000", ""),
    ):
        (host,), problems = hosts_in(content, name)
        assert (host.vouched, problems) == (vouched, [])


def test_a_report_without_an_id_is_of_the_instance_below_whose_name_it_is_kept(hosts_in):
    bare = copy.deepcopy(REPORT)
    bare["instance"] = bare["platform"]["instance_id"] = None
    for key, host in ((ID, hosts_in(bare, f"{ID}/b.json")), (ID, hosts_in(_event(ID, bare)))):
        assert [each.key for each in host[0]] == [key]
    assert hosts_in(bare, f"{ID}/{fleets_made.instance_id(2)}.json")[1][0][0] == "misnamed"
    bare["platform"]["instance_id"] = "host host-1"  # no id, and no way to the place of another host
    bare["host"]["hostname"] = "host-2"
    assert hosts_in(bare)[0][0].key == "host host-2"


def test_what_is_behind_a_damaged_report_is_read(hosts_in):
    whole = [json.dumps(fleets_made.report(number), indent=1) for number in range(10)]
    whole[3] = whole[3][:500]
    found, problems = hosts_in("\n".join(whole).encode())
    assert [host.key for host in found] == [fleets_made.instance_id(number) for number in range(10) if number != 3]
    assert [kind for kind, _ in problems] == ["damaged"]


def test_a_line_that_takes_all_memory_keeps_nobody_from_the_others(hosts_in, monkeypatch):
    def loaded(line):
        raise MemoryError

    monkeypatch.setattr(reading, "loaded", loaded)
    line = json.dumps(REPORT).encode()
    found, problems = hosts_in(b"\n".join([line, b'{"a": []}', line]))
    assert (len(found), problems) == (2, [("damaged", "it takes more memory than any report")])


@pytest.mark.parametrize(
    "content", [b"[" + b"0," * 5000 + b"0]", b'{"a":0}\n' * 5000, b'{"a":0}\n[' + b"0," * 5000 + b"0]"]
)
def test_who_writes_no_reports_is_not_read_for_long(tmp_path, content):
    problems = Problems()
    (tmp_path / "r").write_bytes(content)
    assert list(read(Piece(str(tmp_path / "r")), problems)) == []
    assert problems.counts == {"foreign": reading.IN_A_ROW_MAX, "damaged": 1}
    assert problems.named[-1][2] == "1000 values before it are no reports, and nothing behind them was read"


def test_numbers_that_nobody_counts_to_end_no_run(tmp_path):
    caller = {"version": "v1", "program": "p", "count": 2**63, "probe": False}
    large = copy.deepcopy(REPORT)
    large["verdict"] |= {"accepted_left_out": 2**70}
    large["callers"] = (large["callers"] or {}) | {
        "by": [caller | {"program": str(at)} for at in range(3)] + [caller] * 3
    }
    large["imds"]["hop_limit"] = 2**70
    (tmp_path / "r.json").write_text(json.dumps(large))
    (host,) = gathered([str(tmp_path)], fleets_made.NOW).hosts.values()
    assert (host.accepted, host.hop_limit) == (100_000, 0)
    assert 2**40 <= sum(each.calls for each in host.callers) < 2**50


def test_a_host_without_an_instance_id_has_its_name(hosts_in):
    bare = copy.deepcopy(REPORT)
    bare["instance"] = None
    assert hosts_in(bare)[0][0].key == ID  # by the firmware
    bare["platform"]["instance_id"] = None
    assert hosts_in(bare)[0][0].key == "host host-1"
    bare["host"]["hostname"] = None
    assert hosts_in(bare) == ([], [("unnamed", "it has neither an instance id nor a host name")])


def test_hostile_text_is_bounded_and_can_be_written(hosts_in):
    for repeated in (1, 2000):
        (host,), problems = hosts_in(reports_made.hostile(repeated))
        assert problems == []
        said = [host.key, host.account, host.owner, host.ami, host.hostname, host.version]
        said += [
            text
            for each in (*host.fixes, *host.callers, *host.hops)
            for text in (each if isinstance(each, tuple) else ())
        ]
        said += [fix.name for fix in host.fixes] + [each.program for each in host.callers]
        assert all(len(text) <= 600 for text in said)
        "".join(said).encode()


def test_halves_of_characters_can_be_handed_over(hosts_in):
    half = json.loads(
        json.dumps(REPORT | {"verdict": REPORT["verdict"] | {"state": "unknown"}}).replace("host-1", "\\ud800")
    )
    half["findings"] = [dict.fromkeys(("id", "rule", "subject", "summary"), "\ud800") | {"implies": "unknown"}]
    half["verdict"]["confidence"] = "\udfff"
    text = json.dumps(half)
    for content in (
        text,
        json.dumps(half, indent=2),
        text + "\n" + text,
        json.dumps({"events": events(half)}),
        json.dumps(events(half)[0]),
    ):
        found, problems = hosts_in(content.encode())
        assert problems == []
        assert msgspec.msgpack.encode(found)
        assert {host.hostname for host in found} == {"\\ud800"}


def test_two_hundred_damaged_and_hostile_files_are_counted_and_never_fatal(tmp_path):
    """Each is cut off, changed, wrapped or something else, by chance; a directory of them with one good report has that one."""
    chance = random.Random(7)
    whole = json.dumps(REPORT).encode()
    for number in range(200):
        content = bytearray(json.dumps(fleets_made.report(1000 + number)).encode())
        kind = number % 8
        if kind == 0:
            content = content[: chance.randrange(len(content))]
        elif kind == 1:
            for _ in range(20):
                content[chance.randrange(len(content))] = chance.randrange(256)
        elif kind == 2:
            content = bytearray(gzip.compress(bytes(content))[: chance.randrange(10, 1500)])
        elif kind == 3:
            content = bytearray(chance.randbytes(chance.randrange(2000)))
        elif kind == 4:
            content = bytearray(b'{"events":' * chance.randrange(1, 2000) + content)
        elif kind == 5:
            at = chance.randrange(len(content))
            content[at:at] = chance.choice([b"\0", b"\n", b"\\ud800", b"}", b"]", b'"', b"[" * 5000])
        elif kind == 6:
            document = json.loads(content)
            key = chance.choice(list(document))
            document[key] = chance.choice([None, 5, "x", [], {}, [[]], True, -1, 1e300, 10**400])
            content = bytearray(json.dumps(document).encode())
        else:
            content = bytearray(
                chance.choice([b"", b"[]", b"{}", b"null", b"\n\n", b"PK\3\4", b"<html>", b'"x"', b"{}{}", b"NaN"])
            )
        (tmp_path / f"{number:03}").write_bytes(content)
    (tmp_path / f"{ID}.json").write_bytes(whole)
    found = gathered([str(tmp_path)], fleets_made.NOW)
    assert ID in found.hosts
    assert found.problems.counts.total() > 120
    assert len(found.problems.named) <= 20 * len(found.problems.counts)
    # What was changed and still is a report is one; nothing is both, and nothing is lost.
    assert found.read + found.problems.counts.total() >= 201 - 40


USER = f"AROAEXAMPLE123456789:{ID}"


def keys_of(report, **changed):
    said = {"region": report["instance"]["region"], **report["probe"], **changed}
    return keys("imds-probe", changed.get("user", USER), said["region"], said["started_at"], said["run_id"])


def test_copies_of_objects_of_the_sink_are_reports_and_the_newest_one_is_none_more(tmp_path):
    packed = gzip.compress(json.dumps(REPORT, separators=(",", ":")).encode() + b"\n", mtime=0)
    for key in keys_of(REPORT):
        (tmp_path / key).parent.mkdir(parents=True)
        (tmp_path / key).write_bytes(packed)
    found = gathered([str(tmp_path)], fleets_made.NOW)
    assert set(found.hosts) == {ID}
    assert (found.read, found.duplicates, found.older, found.unvouched) == (2, 1, 0, 0)
    assert not found.problems.counts


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"region": "ap-south-2"}, "its key has the Region ap-south-2, and it says "),
        ({"started_at": "2020-02-29T05:14:03Z"}, "its key has the date 2020-02-29, and it says "),
        ({"run_id": "e" * 32}, f"its key has the run {'e' * 32}, and it says "),
        (
            {"user": USER.replace(ID, "i-0fedcba9876543210")},
            "it is kept as i-0fedcba9876543210, and says that it is of ",
        ),
    ],
)
def test_a_report_that_contradicts_its_key_does_not_count(hosts_in, changed, reason):
    (host,), problems = hosts_in(REPORT, keys_of(REPORT).report)
    assert (host.key, host.vouched, problems) == (ID, "place", [])
    hosts, ((kind, said),) = hosts_in(REPORT, keys_of(REPORT, **changed).report)
    assert (hosts, kind) == ([], "misnamed")
    assert said.startswith(reason)


def test_keys_that_a_host_can_write_and_the_sink_does_not_count_for_nobody(hosts_in):
    other = USER.replace(ID, "i-0fedcba9876543210")
    own = keys_of(REPORT).report
    for name in (f"{own}/{other}.json.gz", own.replace("/date=", f"/{USER}.x/date="), own.replace(".json.gz", ".json")):
        hosts, ((kind, reason),) = hosts_in(REPORT, f"{len(name)}/{name}")
        assert (hosts, kind, reason) == ([], "misnamed", "its key is none that the sink s3 writes")
