"""What the text of a schedule asks by itself, and from which network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from code_systems import CURL, PYTHON, CodeSystem, of
from observed import FACTS
from small_roots import made

from imds_probe.collect.code import CodeFound
from imds_probe.rules.starting import starting

UNIT = "[Unit]\n{}\n[Service]\nType=oneshot\n{}\n"
BY_TOKEN = (
    "T=$({0} curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)\n"
    '{0} curl -s -H "X-aws-ec2-metadata-token: $T" http://169.254.169.254/latest/meta-data/instance-id\n'
)
IN_BLUE = "ip netns exec blue"


@pytest.fixture
def system(tmp_path: Path) -> CodeSystem:
    found = CodeSystem(tmp_path)
    made(found.root, {PYTHON: "", "/bin/sh": b"\x7fELF"}, executable=(PYTHON, "/bin/sh"))
    return found


def in_networks(system: CodeSystem, files: Mapping[str, str | bytes | Path]) -> CodeFound:
    programs = {"/usr/sbin/ip": b"\x7fELF", "/usr/bin/curl": b"\x7fELF", "/usr/bin/sudo": b"\x7fELF"}
    scripts = [path for path in files if path.startswith("/opt/")]
    made(system.root, {**programs, **files}, executable=(*programs, *scripts))
    return system.code()


@pytest.mark.parametrize(
    "files",
    [
        {"/etc/cron.d/j": f"0 3 * * * root {IN_BLUE} /opt/x.sh\n"},
        {"/etc/cron.d/j": "0 3 * * * root /opt/y.sh\n", "/opt/y.sh": f"#!/bin/sh\n{IN_BLUE} sudo -u app /opt/x.sh\n"},
        {"/etc/cron.d/j": "0 3 * * * root ip -all netns exec /opt/x.sh\n"},
        {"/etc/systemd/system/j.service": UNIT.format("", f"ExecStart=/usr/sbin/{IN_BLUE} /opt/x.sh")},
        {"/etc/systemd/system/j.service": UNIT.format("", "NetworkNamespacePath=/run/netns/blue\nExecStart=/opt/x.sh")},
        {
            "/etc/systemd/system/j.service": UNIT.format(
                "JoinsNamespaceOf=b.service", "PrivateNetwork=yes\nExecStart=/opt/x.sh"
            )
        },
    ],
    ids=["crontab", "script", "all", "unit", "path", "joined"],
)
def test_what_runs_in_another_network_is_told_apart(system: CodeSystem, files: dict[str, str | Path]) -> None:
    script = "#!/bin/sh\n" + BY_TOKEN.format("")
    enabled = {f"/etc/systemd/system/multi-user.target.wants/{name.rpartition('/')[2]}": Path(name) for name in files}
    found = in_networks(system, {"/opt/x.sh": script, **files, **enabled})
    assert [each.own_network for each in found.code.code if each.runs != "lies"] == [True]


def test_a_script_that_falls_back_where_no_token_comes_is_told_apart_there_too(system: CodeSystem) -> None:
    """No token may come to that network at the hop limit of today, and its fallback is what works."""
    token, asks = BY_TOKEN.format("").strip().split("\n")
    bare = "curl -s http://169.254.169.254/latest/meta-data/instance-id"
    script = f'#!/bin/sh\n{token}\nif [ -n "$T" ]; then\n  {asks}\nelse\n  {bare}\nfi\n'
    found = in_networks(system, {"/etc/cron.d/j": f"0 3 * * * root {IN_BLUE} /opt/x.sh\n", "/opt/x.sh": script})
    seen = of(found, "/opt/x.sh")
    assert (seen.speaks, seen.own_network) == ("v2", True)
    assert starting(FACTS.with_(found.code).with_(found.read)) == (seen,)


def test_a_request_by_itself_in_another_network_is_told_apart(system: CodeSystem) -> None:
    asks = f'{IN_BLUE} sh -c "{CURL.strip()}"'
    found = in_networks(
        system,
        {
            "/etc/cron.d/j": f"0 3 * * * root {asks}\n",
            "/etc/cron.d/k": "0 3 * * * root /opt/y.sh\n",
            "/etc/cron.d/l": "0 3 * * * root ip vrf exec red /opt/z.sh\n",
            "/opt/y.sh": "#!/bin/sh\n" + BY_TOKEN.format(IN_BLUE),
            "/opt/z.sh": "#!/bin/sh\n" + BY_TOKEN.format(""),
        },
    )
    apart = {(each.path, each.speaks) for each in found.code.code if each.own_network}
    assert apart == {("/etc/cron.d/j", "v1"), ("/opt/y.sh", "v2")}


@pytest.mark.parametrize(
    ("said", "more", "kept_off"),
    [
        ("PrivateNetwork=yes", {}, True),
        ("PrivateNetwork=yes", {"/etc/cron.d/j": "0 3 * * * root /opt/x.sh\n"}, False),
        ("PrivateNetwork=no", {}, False),
        # What leaves the unit leaves its filters.
        ("PrivateNetwork=yes\nExecStartPre=/bin/sh -c 'sudo /opt/x.sh'", {}, False),
    ],
)
def test_what_a_unit_keeps_off_is_told_where_all_that_starts_it_does(
    system: CodeSystem, said: str, more: dict[str, str], kept_off: bool
) -> None:
    at = "/etc/systemd/system/j.service"
    enabled = {"/etc/systemd/system/multi-user.target.wants/j.service": Path(at)}
    unit = UNIT.format("", f"{said}\nExecStart=/opt/x.sh")
    found = in_networks(system, {at: unit, "/opt/x.sh": "#!/bin/sh\n" + CURL, **enabled, **more})
    assert [each.kept_off for each in found.code.code if each.path == "/opt/x.sh"] == [kept_off]
