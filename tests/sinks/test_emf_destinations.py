"""Real sockets, files and descriptors."""

import contextlib
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from bad_places import of_somebody_else, on_disk
from soon import SOON_S

from imds_probe.sinks import emf_destinations
from imds_probe.sinks.emf_destinations import DATAGRAM_MAX, over_tcp, over_udp, through, to_file
from imds_probe.sinks.sink import SinkError

DOCUMENTS = [b'{"a":1}', b'{"b":2}', b'{"c":3}']
LARGE = [b"x" * 4_000_000] * 4  # more than a socket holds by itself


@contextlib.contextmanager
def listening(serve, family=socket.AF_INET, address="127.0.0.1"):
    """A TCP server that does `serve` with the first connection; gives its address and what `serve` returned, once it has."""
    results = []
    with socket.socket(family) as server:
        server.bind((address, 0))
        server.listen()
        server.settimeout(SOON_S)

        def accept():
            connection, _ = server.accept()
            with connection:
                connection.settimeout(SOON_S)
                results.append(serve(connection))

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[:2], results
        finally:
            thread.join()


@pytest.fixture
def patient(monkeypatch):
    """Who breaks off may take long to do so."""
    monkeypatch.setattr(emf_destinations, "CLOSES_WITHIN_S", SOON_S)


def everything(connection):
    read = b""
    while chunk := connection.recv(65536):
        read += chunk
    return read


def all_of_them(connection):
    read = b""
    while read.count(b"\n") < len(DOCUMENTS):
        read += connection.recv(65536)
    return read


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def soon(seconds=SOON_S):
    return time.monotonic() + seconds


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as found:
        found.bind(("127.0.0.1", 0))
        return ("127.0.0.1", found.getsockname()[1])


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_tcp_a_document_a_line(family, address):
    with listening(everything, family, address) as (where, read):
        over_tcp(where, DOCUMENTS, soon())
    assert read == [b'{"a":1}\n{"b":2}\n{"c":3}\n']


def test_tcp_of_any_size():
    with listening(everything) as (where, read):
        over_tcp(where, LARGE, soon())
    assert read == [b"".join(document + b"\n" for document in LARGE)]


def test_tcp_nobody_listens():
    with pytest.raises(SinkError, match="Connection refused.*logs.metrics_collected.emf") as caught:
        over_tcp(free_port(socket.SOCK_STREAM), DOCUMENTS, soon())
    assert caught.value.outcome == "later"


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "x" * 70])
def test_tcp_no_such_host(host):
    with pytest.raises(SinkError, match="takes no metrics") as caught:
        over_tcp((host, 25888), DOCUMENTS, soon())
    assert caught.value.outcome == "later"


@pytest.mark.usefixtures("patient")
def test_tcp_a_connection_that_breaks_is_in_doubt():
    def part(connection):
        connection.recv(1000)
        reset(connection)

    with listening(part) as (where, _), pytest.raises(SinkError, match="broke off") as caught:
        over_tcp(where, LARGE, soon())
    assert caught.value.outcome == "in-doubt"


@pytest.mark.usefixtures("patient")
def test_tcp_a_connection_that_breaks_after_all_was_handed_over_is_in_doubt():
    def late(connection):
        all_of_them(connection)
        time.sleep(0.1)
        reset(connection)

    with listening(late) as (where, _), pytest.raises(SinkError) as caught:
        over_tcp(where, DOCUMENTS, soon())
    assert caught.value.outcome == "in-doubt"


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("documents", [DOCUMENTS, LARGE])
@pytest.mark.parametrize("delay_s", [0, 0.001, 0.01])
def test_tcp_one_that_closes_without_reading_is_in_doubt(documents, delay_s):
    with listening(lambda _: time.sleep(delay_s)) as (where, _), pytest.raises(SinkError) as caught:
        over_tcp(where, documents, soon())
    assert caught.value.outcome == "in-doubt"


def test_tcp_one_that_keeps_the_connection_took_it(monkeypatch):
    monkeypatch.setattr(emf_destinations, "CLOSES_WITHIN_S", 0.3)
    done = threading.Event()

    def keep(connection):
        read = all_of_them(connection)
        done.wait(2 * SOON_S)
        return read

    with listening(keep) as (where, _):
        began = time.monotonic()
        over_tcp(where, DOCUMENTS, soon(3 * SOON_S))
        assert time.monotonic() - began < SOON_S
        done.set()


def test_tcp_one_that_reads_nothing_is_left_at_the_deadline(monkeypatch):
    """To connect it has all the time there is: once it is connected, 0.3 s are left."""
    to_connect = iter([0.0])
    clock = SimpleNamespace(monotonic=lambda: next(to_connect, SOON_S - 0.3))
    monkeypatch.setattr(emf_destinations, "time", clock)
    done = threading.Event()
    with listening(lambda connection: done.wait(2 * SOON_S)) as (where, _):
        began = time.monotonic()
        with pytest.raises(SinkError, match="timed out") as caught:
            over_tcp(where, LARGE, SOON_S)
        done.set()
    assert 0.2 < time.monotonic() - began < SOON_S
    assert caught.value.outcome == "in-doubt"


@pytest.mark.parametrize("send", [over_tcp, over_udp])
def test_no_time_left(send):
    with pytest.raises(SinkError, match="out of time") as caught:
        send(("127.0.0.1", 9), DOCUMENTS, time.monotonic() - 1)
    assert caught.value.outcome == "later"


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_udp_a_datagram_a_document(family, address):
    with socket.socket(family, socket.SOCK_DGRAM) as server:
        server.bind((address, 0))
        over_udp(server.getsockname()[:2], DOCUMENTS, soon())
        server.settimeout(SOON_S)
        assert [server.recv(65536) for _ in DOCUMENTS] == DOCUMENTS
        assert not select.select([server], [], [], 0)[0]


@pytest.mark.parametrize("documents", [DOCUMENTS, DOCUMENTS[:1]])
def test_udp_nobody_listens(documents):
    with pytest.raises(SinkError, match="Connection refused.*logs.metrics_collected.emf") as caught:
        over_udp(free_port(socket.SOCK_DGRAM), documents, soon())
    assert caught.value.outcome == "later"


def test_udp_what_fits_into_no_datagram_is_refused_before_anything_is_sent():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        with pytest.raises(SinkError, match="tcp://") as caught:
            over_udp(server.getsockname(), [b"{}", b"x" * (DATAGRAM_MAX + 1)], soon())
        assert not select.select([server], [], [], 0)[0]
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        over_udp(server.getsockname(), [b"x" * DATAGRAM_MAX], soon())
        assert len(server.recv(1 << 17)) == DATAGRAM_MAX
    assert caught.value.outcome == "refused"


def test_a_file_is_appended_to(tmp_path):
    path = tmp_path / "emf.log"
    to_file(path, DOCUMENTS[:1])
    to_file(path, DOCUMENTS[1:])
    assert path.read_bytes() == b'{"a":1}\n{"b":2}\n{"c":3}\n'
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_file_that_is_not_just_that_is_left_alone(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "link").symlink_to(victim)
    (tmp_path / "dangling").symlink_to(tmp_path / "new")
    os.link(victim, tmp_path / "second name")
    os.mkfifo(tmp_path / "fifo")
    os.mkfifo(tmp_path / "read")
    (tmp_path / "directory").mkdir()
    reader = os.open(tmp_path / "read", os.O_RDONLY | os.O_NONBLOCK)
    for name in ("link", "dangling", "second name", "fifo", "read", "directory"):
        with pytest.raises(SinkError, match=f"{name} is not written: .* a FIFO or something else"):
            to_file(tmp_path / name, DOCUMENTS)
    os.close(reader)
    with pytest.raises(SinkError, match="is not written"):
        to_file(tmp_path.__class__("/dev/null"), DOCUMENTS)
    assert (victim.read_text(), (tmp_path / "new").exists()) == ("mine", False)


def test_a_full_disk_gets_no_half_a_line(tmp_path):
    path = tmp_path / "disk/emf.log"

    def act(room):
        (tmp_path / "disk/filler").write_bytes(b"x" * (60 * 1024 - room))
        path.write_bytes(b"before\n")
        with pytest.raises(SinkError, match="No space left on device. Free space") as caught:
            to_file(path, [b"y" * 6000, b"z" * 60_000])
        return path.read_bytes(), caught.value.outcome

    kept = on_disk(tmp_path / "disk", "full", lambda: act(8 * 1024))
    assert kept == (b"before\n" + b"y" * 6000 + b"\n", "in-doubt")
    (tmp_path / "disk").rmdir()
    assert on_disk(tmp_path / "disk", "full", lambda: act(0)) == (b"before\n", "later")


def test_files_where_they_cannot_be(tmp_path):
    with pytest.raises(SinkError, match="wrong owner"):
        to_file(of_somebody_else(tmp_path / "theirs") / "emf.log", DOCUMENTS)
    with pytest.raises(SinkError, match="Create the directory .*, or set emf.destination"):
        to_file(tmp_path / "missing/emf.log", DOCUMENTS)

    def refused():
        with pytest.raises(SinkError, match="Read-only file system"):
            to_file(tmp_path / "disk/emf.log", DOCUMENTS)

    on_disk(tmp_path / "disk", "read-only", refused)


def test_a_line_each_goes_through_what_is_given():
    lines = []
    through(lines.append, DOCUMENTS)
    assert lines == ['{"a":1}\n', '{"b":2}\n', '{"c":3}\n']


def test_standard_output_comes_after_what_python_still_holds():
    code = """
import sys
from imds_probe.sinks.emf_destinations import through, to_standard_output
sys.stdout.write("the report\\n")
through(to_standard_output, [b"{}", b"x" * 200_000])
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    assert done.stdout == b"the report\n{}\n" + b"x" * 200_000 + b"\n"


def test_standard_output_that_is_full():
    code = """
from imds_probe.sinks.emf_destinations import through, to_standard_output
from imds_probe.sinks.sink import SinkError
import sys
try:
    through(to_standard_output, [b"{}"])
except SinkError as error:
    sys.stderr.write(f"{error.outcome}: {error}")
"""
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, check=True)
    assert done.stderr.startswith(b"later: standard output takes no metrics: No space left on device.")
