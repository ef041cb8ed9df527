"""The simulator as a whole: its life, updates while it runs, many clients at once."""

import socket
import sys
import threading
import time

import pytest
from soon import SOON_S, wait_for

from imds_probe.errors import ProbeError
from imds_probe.simulator import server
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState
from imds_probe.system import process

PATH = "/latest/meta-data/instance-id"

# In a process of its own, or client and server would share one interpreter lock.
MANY_CLIENTS = """
import asyncio, sys
host, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
REQUESTS, CONNECTIONS = 3000, 50
async def ask(request):
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(request)
    data = await reader.read(-1)
    writer.close()
    return data
async def main():
    put = b"PUT /latest/api/token HTTP/1.1\\r\\nX-aws-ec2-metadata-token-ttl-seconds: 60\\r\\n\\r\\n"
    token = (await ask(put)).partition(b"\\r\\n\\r\\n")[2]
    get = b"GET %s HTTP/1.1\\r\\nX-aws-ec2-metadata-token: %s\\r\\n\\r\\n" % (path.encode(), token)
    good = 0
    async def worker():
        nonlocal good
        for _ in range(REQUESTS // CONNECTIONS):
            answered = (await ask(get)).startswith(b"HTTP/1.1 200")
            good += answered
    await asyncio.gather(*(worker() for _ in range(CONNECTIONS)))
    print(good)
asyncio.run(main())
"""


def test_many_clients_at_once(simulate):
    simulator = simulate(http_tokens="required")
    host, port = simulator.addresses[0]
    done = process.run([sys.executable, "-c", MANY_CLIENTS, host, str(port), PATH], timeout_s=SOON_S)
    assert int(done.stdout) == 3000
    assert (simulator.counts.total, simulator.counts.imdsv1) == (3001, 0)


def test_life(client):
    before = threading.active_count()
    with Simulator() as simulator:
        assert simulator.url == "http://127.0.0.1:%d" % simulator.addresses[0][1]
        assert client.get(simulator, PATH).status == 200
        assert threading.active_count() == before + 1
        with pytest.raises(RuntimeError):
            simulator.start()
    assert threading.active_count() == before
    assert simulator.addresses == []
    with pytest.raises(ProbeError, match="no open address"):
        _ = simulator.url
    simulator.stop()
    simulator.start()
    assert client.get(simulator, PATH).status == 200
    simulator.stop()


def test_a_start_that_fails_leaves_nothing_open():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        simulator = Simulator(listen=(("127.0.0.1", 0), taken.getsockname()))
        with pytest.raises(ProbeError, match="already in use"):
            simulator.start()
    assert simulator.addresses == []
    simulator.stop()


def test_ipv6_is_closed_until_it_is_enabled(simulate, client):
    simulator = simulate()
    assert len(simulator.addresses) == 1
    simulator.update(http_protocol_ipv6="enabled")
    ipv6 = simulator.addresses[1]
    assert client.send(ipv6, client.request_bytes("GET", PATH)).status == 200
    assert simulator.counts.by_caller["::1"].imdsv1 == 1
    simulator.update(http_protocol_ipv6="disabled")
    with pytest.raises(ConnectionRefusedError):
        client.send(ipv6, b"")
    assert client.get(simulator, PATH).status == 200
    simulator.update(http_protocol_ipv6="enabled")
    assert simulator.addresses[1] == ipv6
    assert client.send(ipv6, client.request_bytes("GET", PATH)).status == 200


def test_ipv6_that_cannot_be_opened_changes_nothing(simulate, client):
    simulator = simulate(listen=(("127.0.0.1", 0), ("fd00:ec2::254", 80)))
    with pytest.raises(ProbeError, match="cannot listen on \\[fd00:ec2::254\\]:80"):
        simulator.update(http_protocol_ipv6="enabled", hop_limit=5)
    assert simulator.state == InstanceState()
    assert client.get(simulator, PATH).status == 200


@pytest.mark.parametrize("changes", [{"hops": 2}, {"hop_limit": "2"}])
def test_bad_updates(simulate, changes):
    simulator = simulate()
    with pytest.raises(ProbeError, match=next(iter(changes))):
        simulator.update(**changes)


def test_updates_before_the_start_and_during_requests(client):
    simulator = Simulator()
    simulator.update(http_tokens="required", http_protocol_ipv6="enabled")
    with simulator:
        assert len(simulator.addresses) == 2
        assert client.get(simulator, PATH).status == 401
        simulator.update(http_tokens="optional")
        assert client.get(simulator, PATH).status == 200
    assert simulator.counts.imdsv1_refused == 1


def test_counts_start_again(simulate, client):
    simulator = simulate()
    client.get(simulator, PATH)
    simulator.reset_counts()
    assert simulator.counts.total == 0


def test_issued_secrets(simulate, client):
    simulator = simulate()
    before = simulator.issued_secrets
    token = client.token(simulator)
    assert simulator.issued_secrets - before == {token}


def test_both_metadata_addresses_in_a_namespace(simulate, metadata_netns):
    simulator = simulate(
        netns=metadata_netns,
        listen=(("169.254.169.254", 80), ("fd00:ec2::254", 80)),
        http_protocol_ipv6="enabled",
        http_tokens="required",
    )
    assert simulator.addresses == [("169.254.169.254", 80), ("fd00:ec2::254", 80)]
    for url in ("http://169.254.169.254/", "http://[fd00:ec2::254]/"):
        done = process.run(["nsenter", f"--net={metadata_netns}", "curl", "-sgi", url], timeout_s=SOON_S)
        assert done.stdout.startswith(b"HTTP/1.1 401")
    assert set(simulator.counts.by_caller) == {"169.254.169.254", "fd00:ec2::254"}
    # IPv6 can be closed and opened again inside as well.
    simulator.update(http_protocol_ipv6="disabled")
    simulator.update(http_protocol_ipv6="enabled")
    assert len(simulator.addresses) == 2


def test_more_connections_than_there_is_room_for_wait(simulate, client, monkeypatch):
    monkeypatch.setattr(server, "CONNECTIONS_LIMIT", 2)
    simulator = simulate()
    holding = [socket.create_connection(simulator.addresses[0], timeout=SOON_S) for _ in range(2)]
    wait_for(lambda: simulator.counts.connections == 2)
    assert client.ask(simulator, "GET", PATH, timeout_s=0.3).end == "silent"
    for sock in holding:
        sock.close()
    assert client.get(simulator, PATH).status == 200


def test_stop_while_updates_come_in(client):
    simulator = Simulator()
    simulator.start()
    finished = threading.Event()

    def keep_updating():
        while not finished.is_set():
            simulator.update(http_protocol_ipv6="enabled")
            simulator.update(http_protocol_ipv6="disabled")

    thread = threading.Thread(target=keep_updating)
    thread.start()
    time.sleep(0.1)
    simulator.stop()
    finished.set()
    thread.join(SOON_S)
    assert not thread.is_alive()
    assert simulator.addresses == []


def test_a_bug_in_a_connection_is_not_swallowed(client):
    def fail(_seen):
        raise ZeroDivisionError

    simulator = Simulator(on_request=fail)
    simulator.start()
    assert client.get(simulator, PATH).data == b""
    with pytest.raises(ZeroDivisionError):
        simulator.stop()
