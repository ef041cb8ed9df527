"""A real Docker daemon for tests, in a network namespace that is given or made for it, gone afterwards without a trace.

Needs root and the Debian packages docker.io, busybox-static, iproute2, iptables. Nothing is pulled: the only image is
made of the busybox of this machine. The daemon's data, socket and process id live in one directory; a root file system
for `discover(root=...)` is laid out there as on a host.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from soon import SOON_S

from imds_probe.system import process

IMAGE = "imds-probe-test/busybox:1"
START_S, STOP_S = 120.0, 60.0


@dataclass
class DockerEngine:
    """A running daemon. `root` has its data at var/lib/docker; `netns` is the namespace that is its host network."""

    root: Path
    netns: Path
    daemon: subprocess.Popen[bytes]

    @property
    def data_root(self) -> Path:
        return self.root / "var/lib/docker"

    @property
    def socket(self) -> Path:
        return self.root / "docker.sock"

    @property
    def netns_inode(self) -> int:
        return self.netns.stat().st_ino

    def host_pid(self) -> int:
        """Of the daemon, which is below what entered its namespaces, where these are not those of the tests."""
        below = Path(f"/proc/{self.daemon.pid}/task/{self.daemon.pid}/children").read_text().split()
        is_entered = Path(f"/proc/{self.daemon.pid}/comm").read_text() != "dockerd\n"
        return int(below[0]) if is_entered else self.daemon.pid

    def docker(self, *arguments: str, stdin: bytes = b"", check: bool = True) -> str:
        """Run the command-line client against this daemon and return what it printed."""
        done = process.run(
            ["docker", "-H", f"unix://{self.socket}", *arguments],
            timeout_s=2 * SOON_S,
            stdin=stdin,
            env={"HOME": str(self.root), "DOCKER_BUILDKIT": "0"},  # Debian has the builder that needs no plug-in
        )
        if check and done.returncode:
            raise RuntimeError(f"docker {' '.join(arguments)}: {done.stderr_line()}")
        return done.stdout.decode(errors="replace").strip()

    def run(
        self,
        name: str,
        *,
        network: str = "bridge",
        labels: Sequence[str] = (),
        options: Sequence[str] = (),
        command: Sequence[str] = ("/bin/busybox", "sleep", "600"),
    ) -> str:
        """Start a container and return its id. `network`: bridge, host, none, a made network, or container:NAME."""
        marks = [part for label in labels for part in ("--label", label)]
        arguments = ["run", "--detach", "--pull", "never", "--name", name, "--network", network]
        return self.docker(*arguments, *marks, *options, IMAGE, *command)

    def pid(self, name: str) -> int:
        """The first process of a container, as the host numbers it."""
        return int(self.docker("inspect", "--format", "{{.State.Pid}}", name))

    def create_network(self, name: str, *options: str) -> str:
        """Make another bridge and return its id."""
        return self.docker("network", "create", *options, name)

    def remove(self, *names: str) -> None:
        """End and remove containers at once."""
        if names:
            self.docker("rm", "--force", "--volumes", *names)


@contextlib.contextmanager
def network_namespace(name: str) -> Iterator[Path]:
    """A named network namespace with its loopback up and no way out."""
    _ip("netns", "add", name)
    try:
        _ip("-n", name, "link", "set", "lo", "up")
        yield Path("/run/netns") / name
    finally:
        _ip("netns", "delete", name)


@contextlib.contextmanager
def running_engine(
    netns: Path, directory: Path, inside: Callable[[list[str]], list[str]] | None = None
) -> Iterator[DockerEngine]:
    """A Docker daemon whose host network is the namespace at `netns`; all it leaves is inside `directory`.

    `inside` puts something else before its command than what enters that namespace alone.
    """
    for needed in (directory / "var/lib/docker", directory / "exec", directory / "etc/docker"):
        needed.mkdir(parents=True, exist_ok=True)
    settings = directory / "etc/docker/daemon.json"
    settings.write_text("{}")
    log = directory / "dockerd.log"
    argv = ["dockerd", "--config-file", str(settings), "--host", f"unix://{directory}/docker.sock"]
    argv += ["--data-root", f"{directory}/var/lib/docker", "--exec-root", f"{directory}/exec"]
    argv += ["--pidfile", f"{directory}/docker.pid"]
    with log.open("wb") as output:
        # nsenter becomes dockerd without a fork, so its process is the daemon, or else ends when the daemon does.
        entered = inside(argv) if inside else ["nsenter", f"--net={netns}", *argv]
        daemon = process.start(entered, stdout=output, stderr=output)
    engine = DockerEngine(directory, netns, daemon)
    try:
        _wait_until_ready(engine, log)
        engine.docker("import", "-", IMAGE, stdin=_root_file_system())
        yield engine
    finally:
        _stop(engine)


@pytest.fixture(scope="session")
def docker_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerEngine]:
    """One daemon for the whole test session, in a network namespace of its own."""
    with (
        network_namespace(f"idtest-{os.getpid()}-docker") as netns,
        running_engine(netns, tmp_path_factory.mktemp("docker")) as engine,
    ):
        yield engine


def _wait_until_ready(engine: DockerEngine, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if engine.daemon.poll() is not None:
            break
        if engine.socket.exists() and engine.docker("info", "--format", "{{.ID}}", check=False):
            return
        time.sleep(0.1)
    raise RuntimeError(f"dockerd did not start: {log.read_text(errors='replace')[-2000:]}")


def _stop(engine: DockerEngine) -> None:
    """Containers first, at once; then the daemon in good order; then what it leaves mounted."""
    try:
        if engine.daemon.poll() is None:
            with contextlib.suppress(RuntimeError, process.CommandError):
                engine.remove(*engine.docker("ps", "--all", "--quiet").split())
            os.kill(engine.daemon.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                engine.daemon.wait(STOP_S)
    finally:
        process.stop(engine.daemon)
        _unmount_below(engine.root)
        remove_empty_control_groups("docker")
        shutil.rmtree(engine.root)


def _unmount_below(directory: Path) -> None:
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted((place for place in mounts if place.startswith(f"{directory}/")), reverse=True):
        process.run(["umount", "--lazy", mount], timeout_s=SOON_S)


def remove_empty_control_groups(name: str) -> None:
    """Engines remove their containers' groups and leave the one above them, such as /docker, in each hierarchy."""
    base = Path("/sys/fs/cgroup")
    for hierarchy in (base, *base.iterdir()):
        with contextlib.suppress(OSError):  # there is none, or another daemon has containers in it
            (hierarchy / name).rmdir()


def _root_file_system() -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add("/bin/busybox", "bin/busybox")
    return archive.getvalue()


def _ip(*arguments: str) -> None:
    done = process.run(["ip", *arguments], timeout_s=SOON_S)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr_line()}")
