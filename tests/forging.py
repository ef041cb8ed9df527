"""Somebody in a container who may send raw packets, and nothing else that root may, and what he sends."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).parent
# Of all that root may do, only what container runtimes leave to a container.
NET_RAW = ("setpriv", "--bounding-set", "-all,+net_raw", "--inh-caps", "-all", "--no-new-privs")
_BEGIN = """
import random, socket, struct, sys, time
from watched_packets import ACK, MD4, OK, PSH, SYN, V1, back, tcp, to
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
def with_checksum(packet):
    source, destination, segment = packet[12:16], packet[16:20], packet[20:]
    pseudo = source + destination + struct.pack("!BBH", 0, 6, len(segment)) + segment
    words = struct.unpack(f"!{(len(pseudo) + 1) // 2}H", pseudo + b"\\0" * (len(pseudo) % 2))
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return packet[:36] + struct.pack("!H", ~total & 0xFFFF) + packet[38:]
def send(packet, to=MD4):
    raw.sendto(with_checksum(packet), (to, 0))
client, port = sys.argv[1], int(sys.argv[2])
"""
ONE_PACKET = _BEGIN + "send(to(1000, V1, client=client, port=port, ack=2000))"
BOTH_ENDS = (
    _BEGIN
    + """
send(to(1000, flags=SYN, client=client, port=port))
send(back(5000, flags=SYN | ACK, ack=1001, client=client, port=port), client)
send(to(1001, V1, client=client, port=port, ack=5001))
send(back(5001, OK, ack=1001 + len(V1), client=client, port=port), client)
"""
)
# As many as it says: SYNs, requests without a handshake, of many addresses, at some thousands a second.
FLOOD = (
    _BEGIN
    + """
for number in range(int(sys.argv[3])):
    source = f"172.17.{number % 250}.{number % 199 + 1}"
    send(to(number * 7919, flags=SYN, client=source, port=1024 + number % 50000))
    send(to(number * 7919, V1, client=source, port=1024 + number % 50000, ack=number))
    if number % 50 == 0:
        time.sleep(0.01)
"""
)
# A connection without a socket: the handshake is made by hand, and the kernel knows nothing of it.
BY_HAND = (
    _BEGIN
    + """
heard = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
heard.settimeout(60)
print("ready", flush=True)
sys.stdin.readline()
send(to(1000, flags=SYN, client=client, port=port))
while True:
    answer = heard.recv(4096)[20:]
    if struct.unpack("!HH", answer[:4]) == (80, port) and answer[13] & 18 == 18:
        break
(served,) = struct.unpack("!I", answer[4:8])
send(to(1001, V1, client=client, port=port, ack=served + 1))
time.sleep(1)
"""
)


def forging(script: str, *arguments: object) -> list[str]:
    """The program and arguments that run a script of these, which may import tests' modules."""
    begin = f"import sys\nsys.path.insert(0, {str(TESTS)!r})\n"
    return [*NET_RAW, sys.executable, "-c", begin + script, *map(str, arguments)]
