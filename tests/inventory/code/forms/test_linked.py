"""Programs of Go that answer as the metadata service, by the functions that they were linked with."""

from __future__ import annotations

import io

import elves
import pytest

from imds_probe.facts.code import Speaks
from imds_probe.inventory.code.file import said_by

TEXTS = (b"169.254.169.254:80", b"index out of range/latest/meta-data/instance-id400 Bad Request")
SERVER = "net/http.(*Server).Serve"
PASSES_ON = "net/http/httputil.(*ReverseProxy).ServeHTTP"
TRANSPORT = "net/http.(*Transport).RoundTrip"


@pytest.mark.parametrize(
    ("functions", "texts", "speaks"),
    [
        ((SERVER,), (), "mentions"),
        ((SERVER, TRANSPORT, PASSES_ON), (), "mentions"),
        ((SERVER, "os/exec.(*Cmd).Start"), (b"ip addr add",), "mentions"),
        ((), (), "v1"),
        ((SERVER, "net/http.(*Client).do"), (), "v1"),
        ((SERVER, "net.Dial", "net.(*Dialer).Dial"), (), "v1"),
        ((SERVER, TRANSPORT), (), "v1"),
        ((SERVER, "github.com/valyala/fasthttp.(*HostClient).Do"), (), "v1"),
        ((SERVER, "os/exec.(*Cmd).Start"), (b"curl",), "v1"),
        ((SERVER,), (b"/latest/api/token", b"X-aws-ec2-metadata-token"), "v2"),
    ],
)
def test_a_program_that_serves(functions: tuple[str, ...], texts: tuple[bytes, ...], speaks: Speaks) -> None:
    names = b"".join(each.encode() + b"\0" for each in functions)
    program = elves.made({".rodata": b"\0".join((*TEXTS, *texts)), ".gopclntab": b"runtime.main\0" + names})
    assert said_by(io.BytesIO(program), "/usr/bin/x").speaks == speaks
