"""AWS on loopback: moto's server as a process of its own, for tests that talk to AWS through botocore.

A process of its own, because moto's warnings are not ours to be errors, and what it patches must not reach the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import botocore.session
import pytest
from botocore.client import BaseClient
from botocore.config import Config
from soon import SOON_S

from imds_probe.aws import clients

REGION = "eu-west-1"
ACCOUNT = "123456789012"  # moto's
STOP_S = 10.0
# Until an answer comes: moto imports a service at its first call, and each process may stand still on a busy machine.
PATIENCE_S = 2 * SOON_S

# botocore's session variables: name in the file, name in the environment, default, conversion.
NOT_THE_MACHINES = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}

# The kernel picks the port, so that two runs never want the same. End of input is the order to stop, which the kernel
# gives too when the tests are killed: no server outlives them.
SERVER = """
import importlib
import sys
from moto.server import ThreadedMotoServer
for name in sys.argv[2:]:
    sys.path.insert(0, sys.argv[1])
    importlib.import_module(name)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""


@dataclass(frozen=True)
class AwsServer:
    """What answers at `endpoint`, for every service; `pid` is its process."""

    endpoint: str
    pid: int

    def client(self, service: str, region: str = REGION, **config: object) -> BaseClient:
        """A client with made-up credentials, that heeds no configuration of the machine; `config` is botocore's."""
        session = botocore.session.Session(session_vars=NOT_THE_MACHINES)
        session.set_credentials("AKIAIOSFODNN7EXAMPLE", "made-up")
        patience = {"connect_timeout": PATIENCE_S, "read_timeout": PATIENCE_S}
        options = {**patience, "retries": {"total_max_attempts": 1}, "proxies": {}}
        return session.create_client(
            service, region_name=region, endpoint_url=self.endpoint, config=Config(**(options | config))
        )

    def reset(self) -> None:
        """Forget everything, in all services."""
        request = urllib.request.Request(f"{self.endpoint}/moto-api/reset", method="POST")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=PATIENCE_S) as answer:
            answer.read()


@contextmanager
def patient() -> Iterator[None]:
    """The product gives AWS seconds, after which a report is in doubt. That says nothing of a server beside other tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clients, "CONNECT_S", PATIENCE_S)
        patch.setattr(clients, "READ_S", PATIENCE_S)
        yield


@contextmanager
def aws_server(*modules: str) -> Iterator[AwsServer]:
    """Start it, wait until it answers, and end it. `modules` of the tests add what moto lacks."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    # Its log, a line a request, goes into a file: a pipe that nobody reads would fill up and stop it.
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(
            [sys.executable, "-c", SERVER, str(Path(__file__).parent), *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environ,
        ) as process,
    ):
        try:
            port = process.stdout.readline().strip()  # printed once it listens
            if not port:
                process.wait(STOP_S)
                log.seek(0)
                raise RuntimeError(f"moto's server did not start:\n{log.read()}")
            server = AwsServer(f"http://127.0.0.1:{port}", process.pid)
            server.reset()
            with patient():
                yield server
        finally:
            if process.poll() is None:
                process.stdin.close()
                try:
                    process.wait(STOP_S)
                except subprocess.TimeoutExpired:
                    process.kill()
