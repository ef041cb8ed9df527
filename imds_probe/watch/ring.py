"""A packet socket whose packets the kernel puts into memory that we share: no system call a packet. Needs CAP_NET_RAW.

Source: Linux, networking/packet_mmap (TPACKET_V2, which hands on each packet at once); <linux/if_packet.h>.
"""

from __future__ import annotations

import mmap
import socket
import struct
from collections.abc import Iterator
from types import TracebackType
from typing import NamedTuple

from imds_probe.net import bpf
from imds_probe.net.capture import receive_everything

SOL_PACKET, PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION = 263, 5, 6, 10
TPACKET_V2 = 1
STATUS_KERNEL, STATUS_USER = 0, 1
# The head of a request fits; what is longer is cut off, and its length known. Room for a second of 1,000 requests a
# second, each with its SYN and answer, for when we are not given the CPU.
FRAME_BYTES, FRAMES = 2048, 4096
BLOCK_BYTES = 64 * 1024
_HEADER = struct.Struct("=IIIHHII")  # status, length, kept length, link header, network header, seconds, nanoseconds
_ADDRESS_AT = 32  # TPACKET_ALIGN(sizeof(struct tpacket2_hdr)): a struct sockaddr_ll
_ADDRESS = struct.Struct("=HHiHBB")
_STATUS = struct.Struct("=I")


class Packet(NamedTuple):
    """One packet, from its IP header on. `at` is in seconds since the epoch; `outgoing`: it left by this interface."""

    at: float
    interface: int
    outgoing: bool
    data: bytes


class Ring:
    """An open ring on all interfaces of the network namespace of the calling thread.

    Raises PermissionError without the right, OSError where packet rings are not to be had.
    """

    def __init__(self, program: bytes) -> None:
        # Protocol 0 receives nothing until `bind`: nothing can come in before the filter.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        try:
            bpf.attach(self._socket, program)
            self._socket.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
            size = FRAME_BYTES * FRAMES
            request = struct.pack("=IIII", BLOCK_BYTES, size // BLOCK_BYTES, FRAME_BYTES, FRAMES)
            self._socket.setsockopt(SOL_PACKET, PACKET_RX_RING, request)
            self._memory = mmap.mmap(self._socket.fileno(), size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
            receive_everything(self._socket)
        except OSError:
            self._socket.close()
            raise
        self._next = 0

    def fileno(self) -> int:
        """To be waited for with select or poll."""
        return self._socket.fileno()

    def packets(self) -> Iterator[Packet]:
        """What has come since, in its order; at most one turn of the ring."""
        memory = self._memory
        for _ in range(FRAMES):
            at = self._next * FRAME_BYTES
            status, _, kept, _, network, seconds, nanoseconds = _HEADER.unpack_from(memory, at)
            if not status & STATUS_USER:
                return
            _, _, interface, _, kind, _ = _ADDRESS.unpack_from(memory, at + _ADDRESS_AT)
            start = at + network
            data = memory[start : min(start + kept, at + FRAME_BYTES)]
            _STATUS.pack_into(memory, at, STATUS_KERNEL)
            self._next = (self._next + 1) % FRAMES
            yield Packet(seconds + nanoseconds / 1e9, interface, kind == socket.PACKET_OUTGOING, data)

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
