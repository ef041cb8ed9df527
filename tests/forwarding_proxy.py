"""A metadata proxy as kube2iam is one: takes requests in a lab's namespace and passes them on, with a header of its own."""

from __future__ import annotations

import contextlib
import socket
import threading

from soon import SOON_S

SERVICE = ("169.254.169.254", 80)


class ForwardingProxy:
    """Listens on all IPv4 addresses of a node. `added` is put into every request; the answer's Server header becomes
    `server` where one is given, and what it gave as a token `token`. Use it in a `with` statement.
    """

    def __init__(self, node, port=8181, *, added="X-Forwarded-For: 172.17.0.2", server=None, token=None):
        self._node, self._port, self._added, self._server, self._token = node, port, added, server, token
        self._listening = None
        self._threads = []
        self.requests = 0

    def __enter__(self):
        self._listening = self._node.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listening.bind(("0.0.0.0", self._port))
        self._listening.listen(64)
        self._start(self._accept)
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self._start(self._pass_on, client)

    def _pass_on(self, client):
        with client, self._node.socket(socket.AF_INET, socket.SOCK_STREAM) as upstream, contextlib.suppress(OSError):
            for sock in (client, upstream):
                sock.settimeout(SOON_S)
            request = client.recv(65536)
            self.requests += 1
            start, _, rest = request.partition(b"\r\n")
            upstream.connect(SERVICE)
            upstream.sendall(start + b"\r\n" + (f"{self._added}\r\n".encode() if self._added else b"") + rest)
            answer = b""
            while chunk := upstream.recv(65536):
                answer += chunk
            if self._server:
                answer = answer.replace(b"Server: EC2ws", b"Server: " + self._server.encode())
            if self._token:
                head, _, given = answer.partition(b"\r\n\r\n")
                answer = head + b"\r\n\r\n" + self._token.encode().ljust(len(given), b"A")
            client.sendall(answer)


def redirect(node, address, port=8181):
    """Have what this address sends to the metadata service go to a port of the node instead, as kube2iam has it."""
    rule = f"-t nat -I PREROUTING -s {address} -d 169.254.169.254/32 -p tcp --dport 80 -j REDIRECT --to-ports {port}"
    done = node.run(["iptables", *rule.split()], timeout_s=SOON_S)
    assert done.returncode == 0, done.stderr
    return rule
