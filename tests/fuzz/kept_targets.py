"""Targets: what keeps a part of what strangers wrote."""

from __future__ import annotations

from collections.abc import Mapping

from fuzz.target import Target, printable

from imds_probe.kept import command_line, message, metadata_path, process_name, user_agent
from imds_probe.net.obstacles import iptables, nft_quoting, obstacle

EXES = (None, "/usr/bin/python3.11", "/usr/bin/java", "/usr/bin/dash", "/usr/bin/app")


def _kept(data: bytes) -> None:
    """All is printable and bounded, and a command line stays as it is when it is kept again."""
    text = data.decode(errors="replace")
    for exe in EXES:
        line = command_line.kept(text.split("\0"), exe)
        printable(line, command_line.SHOWN_MAX)
        assert command_line.kept_of_stored(line, exe) == line
        printable(process_name.kept_name(text, exe, text.split("\0")), process_name.NAME_MAX)
    printable(metadata_path.kept_path(text), metadata_path.LOOKED_AT_MAX)
    printable(metadata_path.kept_url(text), 2 * metadata_path.LOOKED_AT_MAX)
    printable(user_agent.kept_user_agent(text), user_agent.KEPT_MAX)
    printable(message.kept_message(text), message.KEPT_MAX)
    for quote in (nft_quoting.nft_rule, iptables.quoted):
        printable(quote(text), obstacle.QUOTE_LIMIT)


def _seeds() -> Mapping[str, bytes]:
    return {
        "curl": b"curl\0-u\0a:b\0-H\0X: y\0http://169.254.169.254/latest/meta-data/iam/",
        "python": b"python3\0-u\0-W\0x\0/opt/sync.py\0--token=x\0--config\0/etc/x.toml\0--\0y",
        "java": b"java\0-Dx=y\0-cp\0a:b\0org.example.app.Main\0--port\x0080",
        "title": b"nginx: worker process",
        "agent": b"aws-cli/2.15.30 Python/3.11.8 Linux/6.1.0-18-amd64 (x; y)",
        "path": b"/2021-07-15/meta-data/network/interfaces/macs/02:29:96:8f:6a:2d/subnet-id?x",
        "nft": b'iifname "docker0" ip daddr { 10.0.0.1, fd00:ec2::254/128 } tcp dport 1-80 drop comment "x"',
        "iptables": rb'-A OUTPUT -d 169.254.169.254/32 -m comment --comment "a \" b" -j DNAT --to-destination 127.0.0.1:80',
        "message": b"dpkg-query: error: parsing file '/var/lib/dpkg/status' near line 5",
    }


TARGETS = {"kept": Target(lambda _: _kept, _seeds)}
