import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace

import pytest
from bad_places import of_somebody_else, on_disk
from prometheus_client.parser import text_string_to_metric_families
from reports_made import BARE, STARTED, hostile, report

from imds_probe.config import Config
from imds_probe.sinks.sink import SinkError
from imds_probe.sinks.textfile import FILE, TextfileSink, exposition, make


def samples(text):
    """Each sample by name and labels, without imds_probe_info."""
    return {
        (sample.name.removeprefix("imds_probe_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("imds_probe_") and sample.name != "imds_probe_info"
    }


EXPECTED = {
    ("verdict", "not-ready"): 1,
    ("verdict", "unknown"): 0,
    ("verdict", "needs-hop-limit"): 0,
    ("verdict", "ready"): 0,
    ("hop_limit",): 1,
    ("hop_limit_needed",): 2,
    ("tokens_required",): 0,
    ("imdsv1_calls",): 3,
    ("watch_coverage_ratio",): 0.5,
    ("containers_token_lost",): 1,
    ("last_run_timestamp_seconds",): STARTED,
}


def test_what_was_found():
    found = samples(exposition(report()).decode())
    blockers = {labels[1]: value for labels, value in found.items() if labels[0] == "blockers"}
    assert blockers["software-too-old"] == 1
    assert sum(blockers.values()) == sum(f["severity"] == "blocker" for f in report()["findings"])
    assert {labels: value for labels, value in found.items() if labels[0] != "blockers"} == EXPECTED


def test_what_is_not_known_has_no_sample():
    found = {labels[0] for labels in samples(exposition(report(BARE)).decode())}
    assert found - {"blockers"} == {"verdict", "last_run_timestamp_seconds"}


def test_samples_have_no_timestamps():
    for made in (report(), hostile()):
        families = text_string_to_metric_families(exposition(made).decode())
        assert {sample.timestamp for family in families for sample in family.samples} == {None}


def test_hostile_text_stays_a_label():
    text = exposition(hostile(100)).decode()
    [info] = [family for family in text_string_to_metric_families(text) if family.name == "imds_probe_info"]
    assert set(info.samples[0].labels) == {"version", "schema", "instance_id", "region"}
    assert text.count("\nimds_probe_info{") == 1
    assert all(len(line) < 8192 and line.isprintable() for line in text.split("\n"))


@contextlib.contextmanager
def node_exporter(directory):
    """Debian's own, with nothing but the textfile collector; gives what it says when asked."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    exporter = subprocess.Popen(
        [
            "prometheus-node-exporter",
            f"--web.listen-address=127.0.0.1:{port}",
            "--collector.disable-defaults",
            "--collector.textfile",
            f"--collector.textfile.directory={directory}",
        ],
        stderr=subprocess.DEVNULL,
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def scrape():
        for _ in range(200):
            with contextlib.suppress(ConnectionError, urllib.error.URLError):
                with opener.open(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                    return answer.read().decode()
            time.sleep(0.05)
        raise AssertionError("node_exporter does not answer")

    try:
        yield scrape
    finally:
        exporter.kill()
        exporter.wait()


def test_node_exporter_takes_all_of_it(tmp_path):
    sink = TextfileSink(tmp_path)
    with node_exporter(tmp_path) as scrape:
        for made in (report(), report(BARE), hostile(100)):
            sink.send(made, time.monotonic())
            text = scrape()
            assert "node_textfile_scrape_error 0" in text
            assert samples(text) == samples(exposition(made).decode())
            assert f'node_textfile_mtime_seconds{{file="{tmp_path}/{FILE}"}}' in text


def test_the_configuration_says_where_and_anybody_may_read_it(tmp_path):
    sink = make(replace(Config(), textfile_directory=tmp_path), {})
    assert (sink.name, sink.keeps_each) == ("textfile", False)
    before = os.umask(0o077)
    try:
        sink.send(report(), time.monotonic())
    finally:
        os.umask(before)
    assert os.listdir(tmp_path) == ["imds_probe.prom"]
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o644


def test_no_file_of_prometheus_clients_own(tmp_path):
    code = (
        "import time, json, sys; from pathlib import Path; from imds_probe.sinks.textfile import TextfileSink;"
        "TextfileSink(Path(sys.argv[1])).send(json.load(sys.stdin), time.monotonic())"
    )
    (tmp_path / "multi").mkdir()
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        input=json.dumps(report()).encode(),
        env=dict(os.environ) | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "multi")},
        check=True,
    )
    assert os.listdir(tmp_path / "multi") == []
    assert samples((tmp_path / FILE).read_text()) == samples(exposition(report()).decode())


def test_places_that_cannot_be_written(tmp_path):
    sink = TextfileSink(tmp_path / "missing")
    with pytest.raises(SinkError, match="Create the directory .*/missing, or set textfile.directory"):
        sink.send(report(), time.monotonic())
    with pytest.raises(SinkError, match="wrong owner"):
        TextfileSink(of_somebody_else(tmp_path / "theirs")).send(report(), time.monotonic())

    def refused():
        with pytest.raises(SinkError, match="No space left on device. Free space"):
            TextfileSink(tmp_path / "disk").send(report(), time.monotonic())
        return os.listdir(tmp_path / "disk")

    assert on_disk(tmp_path / "disk", "full", refused) == ["filler"]


def test_a_planted_link_is_replaced(tmp_path):
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "prom").mkdir()
    (tmp_path / "prom" / FILE).symlink_to(tmp_path / "victim")
    TextfileSink(tmp_path / "prom").send(report(), time.monotonic())
    assert (tmp_path / "victim").read_text() == "mine"
