from __future__ import annotations

import pytest

from imds_probe.inventory.code.forwarding import is_forwarder, names_address, starts_forwarder

SERVICE = "169.254.169.254"


@pytest.mark.parametrize(
    ("command", "forwards"),
    [
        (f"socat TCP-LISTEN:8080,fork TCP:{SERVICE}:80", True),
        (f"/usr/bin/socat tcp-listen:80 tcp4:{SERVICE}:80", True),
        (f"/usr/lib/systemd/systemd-socket-proxyd {SERVICE}:80", True),
        ("systemd-socket-proxyd [fd00:ec2::254]:80", True),
        (f"ncat -l 8080 --sh-exec 'ncat {SERVICE} 80'", True),
        (f"redir :80 {SERVICE}:80", True),
        (f"socat - TCP:{SERVICE}:80", False),
        (f"nc -z {SERVICE} 80", False),
        ("socat TCP-LISTEN:8080,fork TCP:10.0.0.1:80", False),
        (f"ping {SERVICE}", False),
        ("", False),
    ],
)
def test_who_passes_on_what_it_is_asked(command: str, forwards: bool) -> None:
    assert is_forwarder(command.split() or [""]) == forwards
    assert starts_forwarder(f"#!/bin/sh\nif true; then exec {command}; fi\n") == forwards
    assert not starts_forwarder(f"# {command}\n")


def test_an_address_is_named_by_itself() -> None:
    assert names_address(f"http://{SERVICE}/x")
    assert not names_address("http://169.254.170.2/x")
