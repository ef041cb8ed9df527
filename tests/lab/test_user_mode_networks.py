"""User-mode networks as podman has them, by the real programs, before and after the switch: the token arrives at hop limit 1."""

import io
import os
import shutil
import tarfile
import tempfile
from pathlib import Path

import pytest
from docker_engine import remove_empty_control_groups
from soon import SOON_S, wait_for
from switched import INSTANCE, asked_by_token, by_token, lowers, seen, switch

REGION = {"AWS_REGION": "eu-west-1"}
LAID = 'for file; do mkdir -p "$0${file%/*}" && touch "$0$file" && mount --bind "$file" "$0$file" || exit 1; done'
PODMAN = ("--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--runtime", "runc", "--events-backend", "none")


def laid_on(made_up, host, program):
    """A host has what runs there: here the program and its libraries, as this machine has them."""
    done = made_up.run(["ldd", program], timeout_s=SOON_S)
    words = [word for word in done.stdout.decode().split() if word.startswith("/")]
    files = sorted({os.path.realpath(path) for path in (*words, program)})
    done = made_up.run(["sh", "-c", LAID, str(host), *files], timeout_s=SOON_S)
    assert done.returncode == 0, done.stderr


def pasta(netns, tmp_path):
    """Without its twin for processors with AVX2, which Debian 12's becomes and which ends over the first connection."""
    alone = tmp_path / "pasta"
    shutil.copy("/usr/bin/passt", alone)
    addresses = ("-i", "ens5", "-a", "10.0.0.10", "-g", "10.0.0.1", "-I", "tap0")
    return (str(alone), "--foreground", "--quiet", "--config-net", *addresses, "--runas", "0", "--netns", str(netns))


def limits_after(ran):
    return ran.code, ran.verdict, switch(ran), lowers(ran)


def test_a_network_of_pasta(run, service, lab, made_up, host, tmp_path):
    service.update(hop_limit=1, http_protocol_ipv6="disabled")
    node = lab.add_container("pasta", no_route=True)
    node.run(["ip", "link", "del", "eth0"], timeout_s=SOON_S)
    made_up.start_container("app", node, env=REGION)
    argv = pasta(node.netns, tmp_path)
    laid_on(made_up, host, argv[0])
    made_up.start(argv)
    wait_for(lambda: "tap0" in node.call(Path("/proc/thread-self/net/route").read_text))
    before = run()
    assert limits_after(before) == (0, "ready", 1, False), before.report["verdict"]["reasons"]
    app = seen(before, "app")
    assert (app["token"], app["distance"], app["reach"][0]["confirmed"]) == ("ok", None, False)
    service.update(http_tokens="required", hop_limit=switch(before))
    assert asked_by_token(node) == INSTANCE


@pytest.fixture
def podman(made_up, host):
    """Runs its command line on the made-up host, whose containers are its, and removes them in the end."""
    runs = tempfile.mkdtemp(prefix="podman-")  # of a short name, as podman wants it
    places = [
        "--root",
        f"{host}/var/lib/containers/storage",
        "--runroot",
        f"{runs}/storage",
        "--tmpdir",
        f"{runs}/libpod",
    ]

    def call(*arguments, stdin=b""):
        argv = ["podman", *places, *PODMAN, *arguments]
        done = made_up.run(argv, timeout_s=3 * SOON_S, stdin=stdin, env={"HOME": "/root", "PATH": os.environ["PATH"]})
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout.decode()

    yield call
    call("rm", "--all", "--force", "--time", "0")
    wait_for(
        lambda: (shutil.rmtree(runs, ignore_errors=True), not Path(runs).exists())[1]
    )  # podman itself tidies up yet
    for group in ("libpod_parent/conmon", "libpod_parent"):
        remove_empty_control_groups(group)


def programs_of_the_machine():
    """An image of links alone: the programs that it has are this machine's, mounted there."""
    image = io.BytesIO()
    with tarfile.open(fileobj=image, mode="w") as archive:
        for name in ("bin", "sbin", "lib", "lib64"):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, f"usr/{name}"
            archive.addfile(link)
    return image.getvalue()


def test_a_container_of_podman(run, service, made_up, host, podman):
    service.update(hop_limit=1, http_protocol_ipv6="disabled")
    laid_on(made_up, host, "/usr/bin/slirp4netns")
    image = "localhost/imds-probe-test/machine:1"
    podman("import", "-", image, stdin=programs_of_the_machine())
    options = ("--network", "slirp4netns", "--volume", "/usr:/usr:ro", "--env", "AWS_REGION=eu-west-1")
    podman("run", "--detach", "--name", "app", *options, image, "/usr/bin/sleep", "600")
    before = run()
    assert limits_after(before) == (0, "ready", 1, False), before.report["verdict"]["reasons"]
    app = seen(before, "app")
    assert (app["runtime"], app["image"], app["token"], app["distance"]) == ("podman", image, "ok", None)
    assert app["reach"][0]["detail"] == "HTTP status 200, through a relay"
    service.update(http_tokens="required")
    assert podman("exec", "app", "sh", "-c", by_token()) == INSTANCE
    service.update(hop_limit=2)
    assert limits_after(run()) == (0, "ready", 2, False)
