"""Images that real runtimes have put on the disk are read as these run them."""

from __future__ import annotations

import contextlib
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_engine import IMAGE, DockerEngine
from soon import SOON_S, wait_for

from imds_probe.inventory.images import stores
from imds_probe.inventory.images.stored import Config, Stored
from imds_probe.system import process, rootfs
from imds_probe.system.views import View, Views

NAME = "imds-probe-test/layers:1"
DOCKERFILE = f"""FROM {IMAGE}
COPY below /
RUN ["/bin/busybox", "rm", "/etc/gone"]
RUN ["/bin/busybox", "sh", "-c", "busybox rm -r /opt/d; busybox mkdir /opt/d; echo new >/opt/d/new; busybox ln -s /etc/a /link"]
ENV A=1
WORKDIR /srv
ENTRYPOINT ["/app/run.sh"]
CMD ["once", "more"]
"""
BELOW = {"etc/a": "a", "etc/gone": "x", "opt/d/old": "old", "opt/kept": "kept", "app/run.sh": "#!/bin/busybox sh\n"}
VIEW = Path("/.view")


@pytest.fixture(scope="module")
def built(docker_engine: DockerEngine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes | str]:
    """The image's files as a container of it has them: what they hold, and where links lead."""
    context = tmp_path_factory.mktemp("context")
    for path, content in BELOW.items():
        (context / "below" / path).parent.mkdir(parents=True, exist_ok=True)
        (context / "below" / path).write_text(content)
    (context / "Dockerfile").write_text(DOCKERFILE)
    docker_engine.docker("build", "--network", "none", "--tag", NAME, str(context))
    made = docker_engine.docker("create", NAME)
    try:
        exported = context / "exported.tar"
        docker_engine.docker("export", "--output", str(exported), made)
        return {path: each for path, each in _files(exported) if not path.startswith(_MADE_BY_ENGINES)}
    finally:
        docker_engine.remove(made)


# What an engine puts into each container.
_MADE_BY_ENGINES = ("etc/host", "etc/resolv.conf", "etc/mtab", "dev/", ".dockerenv", "proc/", "sys/")


def _files(archive: Path) -> Iterator[tuple[str, bytes | str]]:
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() or member.islnk():
                content = tar.extractfile(member)
                assert content is not None
                yield member.name, content.read()
            elif member.issym():
                yield member.name, member.linkname


def seen(root: Path, stored: Stored) -> dict[str, bytes | str]:
    """The same by a view of the layers."""
    door = Views(rootfs.files())
    door.add(VIEW, View(door.files, root, stored.layers, stored.opaque))
    found: dict[str, bytes | str] = {}
    waiting = [""]
    with rootfs.read_by(door):
        for directory in waiting:
            for name in rootfs.names(VIEW, directory or "/"):
                path = f"{directory}/{name}"
                real = rootfs.real_path(VIEW, path)
                if real != path:
                    found[path[1:]] = real or ""
                elif (content := rootfs.read(VIEW, path, 1 << 24) if _is_file(path) else None) is not None:
                    found[path[1:]] = content
                else:
                    waiting.append(path)
    return {path: each for path, each in found.items() if not path.startswith(_MADE_BY_ENGINES)}


def _is_file(path: str) -> bool:
    with contextlib.suppress(rootfs.FileUnreadable), rootfs.opened(VIEW, path) as file:
        return file is not None
    return False


CONFIG = Config(("/app/run.sh",), ("once", "more"), {"A": "1"}, "/srv")


def is_as_built(root: Path, stored: Stored | None, built: dict[str, bytes | str]) -> None:
    assert stored is not None
    config = stored.config
    assert (config.entrypoint, config.command, config.directory) == (
        CONFIG.entrypoint,
        CONFIG.command,
        CONFIG.directory,
    )
    assert config.environment["A"] == "1"
    assert seen(root, stored) == built
    assert built["opt/d/new"] == b"new\n"
    assert not {"etc/gone", "opt/d/old"} & built.keys()


def test_what_docker_keeps(docker_engine: DockerEngine, built: dict[str, bytes | str]) -> None:
    root = docker_engine.root
    identity = docker_engine.docker("inspect", "--format", "{{.Id}}", NAME)
    for name in (NAME, f"docker.io/{NAME}", identity, identity.removeprefix("sha256:")[:12]):
        is_as_built(root, stores.image(root, name), built)
    assert stores.image(root, "imds-probe-test/layers:2") is None
    stored = stores.image(root, NAME)
    assert stored is not None
    # Where the daemon has layers at all, and no copies of the whole.
    assert [path.rpartition("/opt/")[2] for path in stored.opaque] == ["d"] * (len(stored.layers) > 1)


@contextlib.contextmanager
def containerd(at: Path) -> Iterator[list[str]]:
    """A daemon of its own, whose root is that of a host below `at`; how a client of it is called."""
    (at / "containerd.toml").write_text('version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n')
    socket = str(at / "containerd.sock")
    argv = ["containerd", "--config", str(at / "containerd.toml"), "--address", socket]
    argv += ["--root", str(at / "var/lib/containerd"), "--state", str(at / "state")]
    with (at / "log").open("wb") as log:
        daemon = process.start(argv, stdout=log, stderr=log)
    try:
        client = ["ctr", "--address", socket, "--namespace", "k8s.io"]
        wait_for(
            lambda: process.run([*client, "version"], timeout_s=SOON_S).returncode == 0,
            (at / "log").read_text,
        )
        yield client
    finally:
        process.stop(daemon)


def test_what_containerd_keeps(docker_engine: DockerEngine, built: dict[str, bytes | str], tmp_path: Path) -> None:
    archive = tmp_path / "saved.tar"
    docker_engine.docker("save", "--output", str(archive), NAME)
    with containerd(tmp_path) as client:
        done = process.run([*client, "images", "import", str(archive)], timeout_s=SOON_S)
        assert done.returncode == 0, done.stderr_line()
        # While it runs, which holds the lock of its files.
        stored = stores.image(tmp_path, NAME)
    assert stored is not None
    # By which files a directory hides what lies below, the kernel alone is told.
    assert stored.opaque == frozenset()
    hides = {f"{layer}/opt/d" for layer in stored.layers if (tmp_path / layer[1:] / "opt/d/new").exists()}
    is_as_built(tmp_path, Stored(stored.config, stored.layers, frozenset(hides)), built)
    assert stores.image(tmp_path, f"docker.io/{NAME}") == stored
    assert stores.image(tmp_path, "other") is None
    shutil.rmtree(tmp_path / stored.layers[-1].lstrip("/"))
    assert stores.image(tmp_path, NAME) is None
