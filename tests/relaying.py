"""A relay between an application and what it asks, which a rule has brought its connections to.

    relaying.py PORT KIND [ADDRESS PORT]

KIND is what it does with a connection: "bytes" passes bytes on, as the sidecar of a service mesh does; "http" reads requests
and asks by itself, names itself in the answer, and says 504 where none comes; "tokens" answers token requests by itself and asks
the service with a token of its own for all else, as metadata proxies do; "half" does so, but asks without one; "old" is such a
proxy that knows no tokens; "silent" never answers, "closing" closes. It connects to where the connection was meant to go, unless
an address is given. It says "ready" once it listens.
"""

import contextlib
import http.client
import socket
import socketserver
import struct
import sys
import threading

ORIGINAL_DESTINATION = 80  # SO_ORIGINAL_DST: <linux/netfilter_ipv4.h>
GAVE_UP_S = 15.0  # as Envoy does by default
ANSWER_S = 60.0
HOPS = ("connection", "server", "transfer-encoding", "content-length")


def _copy(source, target):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def _meant_for(connection, given):
    if given:
        return given
    port, address = struct.unpack("!2xH4s8x", connection.getsockopt(socket.SOL_IP, ORIGINAL_DESTINATION, 16))
    return socket.inet_ntoa(address), port


def pass_bytes(connection, given):
    with socket.create_connection(_meant_for(connection, given)) as there:
        back = threading.Thread(target=_copy, args=(there, connection))
        back.start()
        _copy(connection, there)
        back.join()


def _request(connection):
    """Method, path and headers of the one request of a connection; none has a body."""
    received = b""
    while b"\r\n\r\n" not in received:
        data = connection.recv(65536)
        if not data:
            return None
        received += data
    start, *lines = received.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines if ": " in line)
    return (*start.split(" ")[:2], headers)


def _ask(where, method, path, headers, timeout_s):
    asking = http.client.HTTPConnection(*where, timeout=timeout_s)
    try:
        asking.request(method, path, headers=headers)
        answer = asking.getresponse()
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOPS]
        return answer.status, kept, answer.read()
    finally:
        asking.close()


def _answer(connection, status, headers, body):
    lines = ["HTTP/1.1 %d Said" % status, "Server: relay", "Connection: close", "Content-Length: %d" % len(body)]
    lines += ["%s: %s" % pair for pair in headers]
    connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)


def pass_requests(connection, given):
    asked = _request(connection)
    if asked is None:
        return
    method, path, headers = asked
    kept = {name: value for name, value in headers.items() if name.lower() not in HOPS}
    try:
        _answer(connection, *_ask(_meant_for(connection, given), method, path, kept, GAVE_UP_S))
    except (socket.timeout, TimeoutError):  # noqa: UP041 - two errors before Python 3.10
        _answer(connection, 504, [], b"upstream request timeout")


def give_tokens(connection, given):
    asked = _request(connection)
    if asked is None:
        return
    method, path, _ = asked
    where = _meant_for(connection, given)
    life = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    if method == "PUT":
        _answer(connection, 200, list(life.items()), b"T" * 56)
        return
    _, _, token = _ask(where, "PUT", "/latest/api/token", life, ANSWER_S)
    _answer(connection, *_ask(where, method, path, {"X-aws-ec2-metadata-token": token.decode()}, ANSWER_S))


def give_tokens_and_use_none(connection, given):
    asked = _request(connection)
    if asked is None:
        return
    method, path, _ = asked
    if method == "PUT":
        _answer(connection, 200, [("X-aws-ec2-metadata-token-ttl-seconds", "60")], b"T" * 56)
    else:
        _answer(connection, *_ask(_meant_for(connection, given), method, path, {}, ANSWER_S))


def know_no_tokens(connection, given):
    asked = _request(connection)
    if asked is None:
        return
    method, path, _ = asked
    if method != "GET":
        _answer(connection, 404, [], b"404 page not found")
        return
    _answer(connection, *_ask(_meant_for(connection, given), method, path, {}, ANSWER_S))


def be_silent(connection, given):
    while connection.recv(65536):
        pass


def close(connection, given):
    connection.recv(65536)


KINDS = {
    **{"bytes": pass_bytes, "http": pass_requests, "tokens": give_tokens, "old": know_no_tokens},
    "half": give_tokens_and_use_none,
    **{"silent": be_silent, "closing": close},
}


class Relay(socketserver.BaseRequestHandler):
    def handle(self):
        with contextlib.suppress(OSError):
            KINDS[self.server.kind](self.request, self.server.given)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 64


if __name__ == "__main__":
    server = Server(("", int(sys.argv[1])), Relay)
    server.kind = sys.argv[2]
    server.given = (sys.argv[3], int(sys.argv[4])) if len(sys.argv) > 4 else None
    print("ready", flush=True)
    server.serve_forever()
