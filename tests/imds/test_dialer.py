import socket
import threading
import time

import pytest
from soon import SOON_S

from imds_probe.imds.dialer import Dialer
from imds_probe.imds.endpoints import Endpoint


@pytest.fixture
def server():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def dialer_of(server, **settings):
    dialer = Dialer(Endpoint(*server.getsockname()), connect_timeout_s=SOON_S, read_timeout_s=SOON_S, **settings)
    dialer.begin(time.monotonic() + SOON_S)
    return dialer


def test_the_conversation_is_on_record(server):
    dialer = dialer_of(server)
    with dialer.dial() as sock:
        accepted, (_, port) = server.accept()
        with accepted:
            accepted.sendall(b"abc")
            assert sock.recv_into(bytearray(10)) == 3
    assert (dialer.conversation.connected, dialer.conversation.bytes_received) == (True, 3)
    assert dialer.conversation.local_port == port


def test_dripping_does_not_outlast_the_deadline(server):
    dialer = Dialer(Endpoint(*server.getsockname()), connect_timeout_s=SOON_S, read_timeout_s=SOON_S)
    dialer.begin(time.monotonic() + 0.5)
    started = time.monotonic()
    stop = threading.Event()
    with dialer.dial() as sock:
        accepted, _ = server.accept()

        def drip():
            while not stop.wait(0.05):
                try:
                    accepted.send(b"x")
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(TimeoutError):
            while sock.recv_into(bytearray(1)):
                pass
        stop.set()
        thread.join()
        accepted.close()
    assert 0.4 < time.monotonic() - started < SOON_S


def test_options_are_set_on_the_connected_socket(server):
    with dialer_of(server, options=((socket.IPPROTO_IP, socket.IP_TOS, 0x10),)).dial() as sock:
        assert sock.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 0x10


def test_sockets_can_be_handed_in(server):
    made = []

    def make(family):
        made.append(family)
        return socket.socket(family, socket.SOCK_STREAM)

    dialer_of(server, make_socket=make).dial().close()
    assert made == [socket.AF_INET]


def test_a_failed_connection_is_on_record_and_closed(server):
    server.close()
    dialer = Dialer(Endpoint("127.0.0.1", 1), connect_timeout_s=SOON_S, read_timeout_s=SOON_S)
    dialer.begin(time.monotonic() + SOON_S)
    with pytest.raises(ConnectionRefusedError):
        dialer.dial()
    assert isinstance(dialer.conversation.connect_error, ConnectionRefusedError)
    assert not dialer.conversation.connected
