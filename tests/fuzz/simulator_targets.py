"""Targets: what the simulator is sent and set to."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

from fuzz.target import Parse, Target, check, choose, chosen

from imds_probe.errors import ProbeError
from imds_probe.simulator.instance import SimulatedInstance
from imds_probe.simulator.messages import parse, render_head
from imds_probe.simulator.state import InstanceState, parse_setting
from imds_probe.simulator.tokens import Clock


def _requests(_: Path) -> Parse:
    """A request, answered."""
    instance = SimulatedInstance(
        InstanceState(iam_role="web", tags={"Name": "x"}, instance_metadata_tags="enabled"), Clock(), None
    )

    def target(data: bytes) -> None:
        request = parse(data)
        if request is None:
            render_head(instance.malformed(), server="x", unix_s=0)
            return
        assert request.body_bytes is None or request.body_bytes >= 0
        reply = instance.handle(request, "10.0.0.1")
        render_head(reply.answer, server="x", unix_s=0)

    return target


def _request_seeds() -> Mapping[str, bytes]:
    ttl, token = "X-aws-ec2-metadata-token-ttl-seconds", "X-aws-ec2-metadata-token"
    heads = {
        "put": f"PUT /latest/api/token HTTP/1.1\r\nHost: x\r\n{ttl}: 60\r\n\r\n",
        "get": f"GET /latest/meta-data/tags/instance/Name HTTP/1.1\r\n{token}: AQ==\r\n\r\n",
        "absolute": "GET http://[::1]/latest//meta-data/?x#y HTTP/1.0\r\nContent-Length: 3\r\n\r\n",
        "role": "GET /latest/meta-data/iam/security-credentials/web HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    }
    return {name: head.encode() for name, head in heads.items()}


def _states(data: bytes) -> None:
    """A state, and one setting of it, as they are given."""
    at, content = choose(data, 2)
    text = content.decode(errors="replace")
    try:
        if at:
            check(json.dumps(InstanceState.from_json(text).to_mapping()))
        else:
            name, value = parse_setting(text)
            with contextlib.suppress(ProbeError):
                InstanceState().changed({name: value}).to_json()
    except ProbeError as error:
        str(error)


def _state_seeds() -> Mapping[str, bytes]:
    faults = {
        "faults": [{"kind": "drip", "applies_to": "get", "count": 2}, {"kind": "redirect", "location": "http://x/"}]
    }
    settings = (
        "http_tokens=required",
        "hop_limit=2",
        'tags={"Name":"web"}',
        "user_data=x",
        "latency_ms=1.5",
        "public_ip=null",
    )
    found = {f"setting-{number}": chosen(0, text) for number, text in enumerate(settings)}
    return {**found, "state": chosen(1, InstanceState().to_json()), "faults": chosen(1, json.dumps(faults))}


TARGETS = {
    "simulator-request": Target(_requests, _request_seeds),
    "simulator-state": Target(lambda _: _states, _state_seeds),
}
