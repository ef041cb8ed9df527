"""What looks like an EC2 host, in a virtual machine: the probe's package is installed, and a metadata service answers.

The service is the package's own simulator, at the end of a link that leads to a network namespace of the guest. Its state
is a file, and what it is asked a log: both stay from boot to boot. An application asks once at each boot, before the daemon.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import package_roots
import virtual_machine
from virtual_machine import Machine

PYTHON = f"{package_roots.PYTHON} -IB"
SETTINGS = "/etc/imds-probe/imds-probe.toml"
STATE = "/opt/service/state.json"
ANSWERS = "/var/log/application"
METADATA = "http://169.254.169.254/latest/meta-data"
_SERVICE = f"""#!/bin/sh
set -e
ip netns add service
ip link add imds type veth peer name eth0 netns service
ip address add 169.254.169.1/32 dev imds
ip link set imds up
ip route add 169.254.169.254 dev imds src 169.254.169.1
ip -n service address add 169.254.169.254/32 dev eth0
ip -n service link set eth0 up
ip -n service route add 169.254.169.1 dev eth0
exec ip netns exec service {PYTHON} -m imds_probe simulate --listen 169.254.169.254:80 --state {STATE} --verbose
"""
_SERVICE_UNIT = """[Unit]
Description=Metadata service

[Service]
ExecStart=/opt/service/start
ExecStartPost=/bin/sh -c 'until ip netns exec service ss -Hltn | grep -q 169.254.169.254:80; do sleep 0.1; done'
ExecStopPost=-/usr/bin/ip netns delete service
StandardError=append:/var/log/metadata

[Install]
WantedBy=multi-user.target
"""
_APPLICATION_UNIT = """[Unit]
Description=Example
After=metadata.service
Requires=metadata.service
Before=imds-probe-daemon.service

[Service]
Type=oneshot
ExecStart={command}

[Install]
WantedBy=multi-user.target
"""


def handed_in(work: Path, application: dict[str, Path | str], command: str) -> Path:
    """The drive that brings the package, the service and an application that asks once at boot by IMDSv1."""
    return virtual_machine.handed_in(
        work,
        {
            "/opt/imds-probe.deb": package_roots.made().deb(),
            "/opt/service/start": _SERVICE,
            STATE: json.dumps({"http_tokens": "optional", "hop_limit": 1}),
            "/etc/systemd/system/metadata.service": _SERVICE_UNIT,
            "/etc/systemd/system/application.service": _APPLICATION_UNIT.format(command=command),
            **application,
        },
    )


def install(machine: Machine) -> None:
    """Take what was handed in. The application asks for the first time."""
    machine.must("tar -C / -xf /dev/vdb && dpkg -i /opt/imds-probe.deb && rm /opt/imds-probe.deb", within_s=120)
    # What assesses now and then would be seen as well, and costs time here.
    machine.must("systemctl disable --now imds-probe.timer && systemctl daemon-reload")
    machine.must("systemctl enable metadata application && systemctl start metadata application && sync")


def enable_daemon(machine: Machine, settings: str) -> None:
    """It runs from the next boot on."""
    machine.must(f"cat >{SETTINGS} <<'END'\n{settings}END\nsystemctl enable imds-probe-daemon && sync")


def report(machine: Machine, *arguments: str) -> dict[str, Any]:
    """What one assessment says. Raises MachineError where it says nothing."""
    said = machine.run(f"imds-probe run --output json {' '.join(arguments)}", within_s=120)
    if not said.output:
        raise virtual_machine.MachineError(f"the probe said nothing but {said.errors.strip()[-500:]}")
    report: dict[str, Any] = json.loads(said.output)
    return report


def restart(machine: Machine) -> None:
    """Boot it anew, and wait until all units that boot starts are up or done. Raises MachineError where one of these is not."""
    machine.restart()
    machine.run("systemctl is-system-running --wait", within_s=virtual_machine.BOOTED_WITHIN_S)
    said = machine.run(
        "systemctl is-active $(systemctl is-enabled -q imds-probe-daemon && echo imds-probe-daemon) metadata"
    )
    if said.code:
        units = machine.run("systemctl status --no-pager imds-probe-daemon metadata application")
        raise virtual_machine.MachineError(f"it did not start all units: {units.output[-1500:]}")


def switch(machine: Machine, **state: object) -> None:
    """The service as it is from its next start on."""
    machine.must(f"cat >{STATE} <<'END'\n{json.dumps(state)}\nEND\nsync")


def answers(machine: Machine) -> list[str]:
    """What the application got, a line for each time that it asked."""
    return machine.must(f"cat {ANSWERS}").splitlines()
