import json
import socket
import time

import pytest
from emf_reader import read_all
from reports_made import BARE, STARTED, hostile, report
from soon import SOON_S

from imds_probe.config import Settings
from imds_probe.sinks import emf_destinations
from imds_probe.sinks.emf import LOG_GROUP, EmfConfig, EmfSink, make, read_destination
from imds_probe.sinks.metrics import metrics_of
from imds_probe.sinks.metrics_settings import MetricsConfig
from imds_probe.sinks.sink import SinkError

NOW = STARTED + 60
METRICS = len(metrics_of(report(), MetricsConfig(), NOW))


def send(destination, of=None, **options):
    EmfSink(destination, MetricsConfig(), now=lambda: NOW, **options).send(of or report(), time.monotonic() + SOON_S)


def test_the_configuration_says_where(tmp_path):
    sink = make(Settings(EmfConfig(destination=str(tmp_path / "emf.log")), MetricsConfig(namespace="Mine")), {})
    assert (sink.name, sink.keeps_each) == ("emf", True)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    sink.send(report(probe={"started_at": now}), time.monotonic() + SOON_S)
    assert {key[0] for key in read_all((tmp_path / "emf.log").read_bytes().splitlines())} == {"Mine"}


@pytest.mark.parametrize("value", ["stdout", "udp://[::1]:25888", "tcp://localhost:1", "/var/log/x"])
def test_a_destination(value):
    assert read_destination(value) == value


@pytest.mark.parametrize("value", ["tcp://127.0.0.1", "tcp://127.0.0.1:99999", "tcp://a:1/x", "here", "/a\0b", 5])
def test_no_destination(value):
    with pytest.raises(ValueError, match="^must be "):
        read_destination(value)


def test_to_the_agent_by_tcp(monkeypatch):
    monkeypatch.setattr(emf_destinations, "CLOSES_WITHIN_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        sink = EmfSink(f"tcp://127.0.0.1:{server.getsockname()[1]}", MetricsConfig(), now=lambda: NOW)
        sink.send(report(), time.monotonic() + SOON_S)  # which nobody reads yet
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as file:
            lines = file.read().splitlines()
    assert len(read_all(lines)) == METRICS
    for line in lines:
        where = json.loads(line)["_aws"]
        assert (where["LogGroupName"], where["LogStreamName"]) == (LOG_GROUP, "i-0123456789abcdef0")


@pytest.mark.parametrize(("of", "stream"), [(report(BARE), "web-17"), (hostile(1000), "x__2J_")])
def test_to_the_agent_by_udp(of, stream):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as server:
        server.bind(("::1", 0))
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        send(f"udp://[::1]:{server.getsockname()[1]}", of)
        server.settimeout(SOON_S)
        lines = [server.recv(65536) for _ in range(4)]
    assert read_all(lines)
    assert json.loads(lines[0])["_aws"]["LogStreamName"].startswith(stream)
    assert len(json.loads(lines[0])["_aws"]["LogStreamName"]) <= 512


def test_to_standard_output():
    lines = []
    send("stdout", write=lines.append)
    assert len(read_all([line.encode().removesuffix(b"\n") for line in lines])) == METRICS
    assert "LogGroupName" not in json.loads(lines[0])["_aws"]


def test_nothing_is_sent_that_is_refused():
    lines = []
    with pytest.raises(SinkError) as caught:
        send("stdout", report(probe={"started_at": "2020-01-01T00:00:00Z"}), write=lines.append)
    assert (caught.value.outcome, lines) == ("too-old", [])
