"""A packet socket whose packets the kernel puts into memory that we share: no system call a packet. Needs CAP_NET_RAW.

Source: Linux, networking/packet_mmap (TPACKET_V2, which hands on each packet at once); <linux/if_packet.h>.
"""

from __future__ import annotations

import mmap
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from imds_probe.net import bpf, namespaces
from imds_probe.net.capture import receive_everything

SOL_PACKET, PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION = 263, 5, 6, 10
TPACKET_V2 = 1
STATUS_KERNEL, STATUS_USER = 0, 1
OUTGOING = int(socket.PACKET_OUTGOING)
# The head of a request fits; what is longer is cut off, and its length known. Room for a second of 1,000 requests a
# second, each with its SYN and answer, for when we are not given the CPU.
FRAME_BYTES, FRAMES = 2048, 4096
BLOCK_BYTES = 64 * 1024
HEADERS_BYTES = 60  # those of IPv6 and TCP without options
# struct tpacket2_hdr: status, kept length, where the network header begins, seconds, nanoseconds. TPACKET_ALIGN of its size
# behind its beginning comes a struct sockaddr_ll: the interface, and whether the packet left or came.
_HEADER = struct.Struct("=I4xI2xHII8x4xi2xBx")
_STATUS = struct.Struct("=I")
_NOTHING = _STATUS.pack(STATUS_KERNEL)


class Packet(NamedTuple):
    """One packet, from its IP header on. `at` is in seconds since the epoch; `outgoing`: it left by this interface."""

    at: float
    interface: int
    outgoing: bool
    data: bytes


class Ring:
    """An open ring of so many frames (a multiple of 32) on all interfaces of a network namespace, by default that of the calling
    thread. It keeps the namespace alive.

    Raises PermissionError without the right, OSError where packet rings are not to be had, and NamespaceError.
    """

    def __init__(self, program: bytes, netns: Path | None = None, frames: int = FRAMES) -> None:
        # Protocol 0 receives nothing until `bind`: nothing can come in before the filter.
        how = (socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self._socket = socket.socket(*how) if netns is None else namespaces.socket_in(netns, *how)
        self._frames = frames
        try:
            bpf.attach(self._socket, program)
            self._socket.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
            size = FRAME_BYTES * frames
            request = struct.pack("=IIII", BLOCK_BYTES, size // BLOCK_BYTES, FRAME_BYTES, frames)
            self._socket.setsockopt(SOL_PACKET, PACKET_RX_RING, request)
            self._memory = mmap.mmap(self._socket.fileno(), size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
            receive_everything(self._socket)
        except OSError:
            self._socket.close()
            raise
        self._next = self.looked_ahead = 0

    def fileno(self) -> int:
        """To be waited for with select or poll."""
        return self._socket.fileno()

    def packets(self) -> Iterator[Packet]:
        """What has come since, in its order; at most one turn of the ring."""
        memory, header, new = self._memory, _HEADER.unpack_from, tuple.__new__  # once: this is done for each packet
        frames, self.looked_ahead = self._frames, 0
        for _ in range(frames):
            at = self._next * FRAME_BYTES
            status, kept, network, seconds, nanoseconds, interface, kind = header(memory, at)
            if not status & STATUS_USER:
                return
            start, end = at + network, at + FRAME_BYTES
            data = memory[start : start + kept if start + kept < end else end]
            memory[at : at + 4] = _NOTHING
            self._next = (self._next + 1) % frames
            yield new(Packet, (seconds + nanoseconds / 1e9, interface, kind == OUTGOING, data))

    def ahead(self, before: float) -> Iterator[bytes]:
        """The headers of what has come before then (seconds since the epoch), each once; all of it stays for `packets`."""
        memory, header = self._memory, _HEADER.unpack_from
        while self.looked_ahead < self._frames:
            at = (self._next + self.looked_ahead) % self._frames * FRAME_BYTES
            status, _, network, seconds, nanoseconds, _, _ = header(memory, at)
            if not status & STATUS_USER or seconds + nanoseconds / 1e9 >= before:
                return
            self.looked_ahead += 1
            yield memory[at + network : at + network + HEADERS_BYTES]

    @property
    def is_filling(self) -> bool:
        """Whether a quarter of it was looked ahead at."""
        return 4 * self.looked_ahead >= self._frames

    def dropped(self) -> int:
        """How many packets there was no room for since this was asked last."""
        statistics = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        return int(struct.unpack("=II", statistics)[1])

    def close(self) -> None:
        self._memory.close()
        self._socket.close()

    def __enter__(self) -> Ring:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
