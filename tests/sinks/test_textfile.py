import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from bad_places import of_somebody_else, on_disk
from exposition_reader import samples
from reports_made import BARE, hostile, report
from soon import SOON_S, wait_for

from imds_probe.config import Settings
from imds_probe.sinks.exposition import exposition
from imds_probe.sinks.sink import SinkError
from imds_probe.sinks.textfile import FILE, TextfileConfig, TextfileSink, make


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
        with contextlib.suppress(ConnectionError, urllib.error.URLError):
            with opener.open(f"http://127.0.0.1:{port}/metrics", timeout=SOON_S) as answer:
                return answer.read().decode()
        assert exporter.poll() is None
        return ""

    try:
        yield lambda: wait_for(scrape)
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
    sink = make(Settings(TextfileConfig(directory=tmp_path)), {})
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
