"""A network namespace of a user's own, which anybody can make, with something in it that answers for the metadata service.

    users_network.py UID LAYERS ANSWER TTL READY

UID drops its privileges and makes LAYERS user namespaces, one in another, with a network namespace in the innermost; 0 makes
a network namespace as root. There it answers at both addresses of the service, with packets of that TTL: a token, another
server's token, 403 or nothing. "relay" passes connections on to the real service, as slirp4netns does, from the network that
it was started in; "none" makes nothing but the namespace. It says in the file READY when it stands.

The interpreter may be one that only root can read, so it is there before the privileges are dropped.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

CLONE_NEWUSER, CLONE_NEWNET, PR_SET_DUMPABLE = 0x10000000, 0x40000000, 4
SERVICE = {socket.AF_INET: "169.254.169.254", socket.AF_INET6: "fd00:ec2::254"}
TTL = {
    socket.AF_INET: (socket.IPPROTO_IP, socket.IP_TTL),
    socket.AF_INET6: (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS),
}
TOKEN = "A" * 56
ANSWERS = {
    "token": f"HTTP/1.1 200 OK\r\nServer: EC2ws\r\nContent-Length: {len(TOKEN)}\r\n\r\n{TOKEN}",
    "kiam": f"HTTP/1.1 200 OK\r\nServer: kiam\r\nContent-Length: {len(TOKEN)}\r\n\r\n{TOKEN}",
    "403": "HTTP/1.1 403 Forbidden\r\nServer: EC2ws\r\nContent-Length: 0\r\n\r\n",
    "silent": "",
    "relay": "",
    "none": "",
}


def _libc(name: str, *arguments: int) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments):
        raise OSError(ctypes.get_errno(), name)


def _unshared(uid: int, layers: int) -> None:
    if uid == 0:
        _libc("unshare", CLONE_NEWNET)
        return
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    _libc("prctl", PR_SET_DUMPABLE, 1, 0, 0, 0)  # dropping privileges took away the right to write one's own map
    outside = uid
    for layer in range(layers):
        _libc("unshare", CLONE_NEWUSER | (CLONE_NEWNET if layer == layers - 1 else 0))
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {outside} 1")
        Path("/proc/self/gid_map").write_text(f"0 {outside} 1")
        outside = 0


def _listening(family: int, ttl: int) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(*TTL[family], ttl)
    listening.bind((SERVICE[family], 80))
    listening.listen(64)
    return listening


def _answer(client: socket.socket, answer: str) -> None:
    with client, contextlib.suppress(OSError):
        client.recv(65536)
        if not answer:
            client.recv(65536)  # until the other one gives up
        client.sendall(answer.encode())


def _serve(listening: socket.socket, answer: str, way_out: socket.socket | None) -> None:
    while True:
        client, _ = listening.accept()
        if way_out is not None:
            with client:
                socket.send_fds(way_out, [bytes([listening.family])], [client.fileno()])
        else:
            threading.Thread(target=_answer, args=(client, answer), daemon=True).start()


def _pass_on(way_in: socket.socket) -> None:
    """Stays in the network that it was started in, and connects from there."""
    while True:
        family, descriptors, _, _ = socket.recv_fds(way_in, 1, 1)
        if not family:
            return
        threading.Thread(target=_relay, args=(socket.socket(fileno=descriptors[0]), family[0]), daemon=True).start()


def _relay(client: socket.socket, family: int) -> None:
    with client, socket.socket(family, socket.SOCK_STREAM) as upstream, contextlib.suppress(OSError):
        upstream.settimeout(30)
        request = client.recv(65536)
        upstream.connect((SERVICE[socket.AddressFamily(family)], 80))
        upstream.sendall(request)
        while chunk := upstream.recv(65536):
            client.sendall(chunk)


def main(uid: int, layers: int, answer: str, ttl: int, ready: str) -> None:
    with open(ready, "w", encoding="ascii") as said:
        way_out: socket.socket | None = None
        if answer == "relay":
            way_out, way_in = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            if os.fork() == 0:
                way_out.close()
                if uid:
                    os.setgroups([])
                    os.setresgid(uid, uid, uid)
                    os.setresuid(uid, uid, uid)
                _pass_on(way_in)
                os._exit(0)
            way_in.close()
        _unshared(uid, layers)
        if answer != "none":
            commands = ["link set lo up"]
            commands += [
                f"addr add {address}/{32 if ':' not in address else 128} dev lo{' nodad' * (':' in address)}"
                for address in SERVICE.values()
            ]
            subprocess.run(["ip", "-batch", "-"], input="\n".join(commands).encode(), check=True)
            for family in SERVICE:
                arguments = (_listening(family, ttl), ANSWERS[answer], way_out)
                threading.Thread(target=_serve, args=arguments, daemon=True).start()
        said.write("ready")
    threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5])
