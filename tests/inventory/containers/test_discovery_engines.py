"""Discovery beside a real Docker and a real containerd."""

import contextlib
import json
import os
from pathlib import Path

from discovering import namespace, seen
from soon import SOON_S, wait_for

from imds_probe.system import process


def test_docker(docker_engine):
    names = ("idt-web", "idt-joined", "idt-host", "idt-user", "idt-none")
    docker_engine.create_network("idt-net")
    docker_engine.run("idt-web", labels=("io.kubernetes.pod.name=shop-7d", "io.kubernetes.pod.namespace=prod"))
    docker_engine.run("idt-joined", network="container:idt-web")
    docker_engine.run("idt-host", network="host")
    docker_engine.run("idt-user", network="idt-net")
    docker_engine.run("idt-none", network="none")
    try:
        found = seen(own_netns=docker_engine.netns_inode)
        by_name = {container.name: container for container in found.containers if container.name in names}
        assert set(by_name) == set(names)
        for name, container in by_name.items():
            assert (container.runtime, container.image) == ("docker", "imds-probe-test/busybox:1")
            assert container.pid == docker_engine.pid(name)
            assert container.netns == os.stat(f"/proc/{container.pid}/ns/net").st_ino
        assert {name: container.network for name, container in by_name.items()} == {
            "idt-web": "own",
            "idt-joined": "own",
            "idt-host": "host",
            "idt-user": "own",
            "idt-none": "own",
        }
        web = by_name["idt-web"]
        assert (web.pod, web.pod_namespace) == ("shop-7d", "prod")
        assert set(namespace(found, web.netns).containers) == {web, by_name["idt-joined"]}
        assert by_name["idt-host"] in found.namespaces[0].containers
        assert found.namespaces[0].inode == docker_engine.netns_inode
        assert len({container.netns for container in by_name.values()}) == 4
        # The same by the root's own /var/lib/docker, and no name where that is another root.
        assert "idt-web" in [each.name for each in seen(docker_engine.root).containers]
        assert "idt-web" not in [each.name for each in seen(docker_engine.root / "exec").containers]
    finally:
        docker_engine.remove(*names)
        docker_engine.docker("network", "rm", "idt-net")
    assert not {container.name for container in seen().containers} & set(names)


def test_a_process_that_joins_by_exec_belongs_to_the_container(docker_engine):
    docker_engine.run("idt-exec")
    try:
        docker_engine.docker("exec", "--detach", "idt-exec", "/bin/busybox", "sleep", "601")
        wait_for(
            lambda: len([each for each in seen().containers if each.name == "idt-exec" and len(each.pids) == 2]) == 1
        )
        (container,) = [each for each in seen().containers if each.name == "idt-exec"]
        assert container.pid == container.pids[0] == docker_engine.pid("idt-exec")
    finally:
        docker_engine.remove("idt-exec")


@contextlib.contextmanager
def containerd(root):
    """containerd with all it has below `root`, its state where discovery looks for it."""
    address = root / "containerd.sock"
    settings = root / "containerd.toml"
    state, data = root / "run/containerd", root / "var/lib/containerd"
    settings.write_text(
        f'version = 2\nroot = "{data}"\nstate = "{state}"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
        f'[grpc]\naddress = "{address}"\n[ttrpc]\naddress = "{address}.ttrpc"\n'
    )
    with (root / "log").open("wb") as log:
        daemon = process.start(["containerd", "--config", str(settings)], stdout=log, stderr=log)

    def ctr(*arguments):
        done = process.run(["ctr", "--address", str(address), "--namespace", "k8s.io", *arguments], timeout_s=SOON_S)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout.decode()

    try:
        wait_for(
            lambda: (
                address.exists()
                and not process.run(["ctr", "-a", str(address), "version"], timeout_s=SOON_S).returncode
            )
        )
        yield ctr
    finally:
        process.stop(daemon)


def test_a_pod_of_containerd(tmp_path):
    rootfs = tmp_path / "rootfs"
    (rootfs / "bin").mkdir(parents=True)
    (rootfs / "bin/busybox").write_bytes(Path("/bin/busybox").read_bytes())
    (rootfs / "bin/busybox").chmod(0o755)
    pod = "0a1b2c3d-0000-1111-2222-333344445555"
    above = f"/kubepods/besteffort/pod{pod}"
    sandbox, app = f"{os.getpid():064x}", f"{os.getpid():063x}a"
    cri = "io.kubernetes.cri"
    names = ["--annotation", f"{cri}.sandbox-name=shop-7d", "--annotation", f"{cri}.sandbox-namespace=prod"]
    with containerd(tmp_path) as ctr:
        started = []

        def run(name, kind, *options):
            marks = [*names, "--annotation", f"{cri}.container-type={kind}", "--cgroup", f"{above}/{name}"]
            started.append(name)
            ctr("run", "--detach", "--rootfs", *marks, *options, str(rootfs), name, "/bin/busybox", "sleep", "300")
            (line,) = [line.split() for line in ctr("tasks", "list").splitlines() if name in line]
            return int(line[1])

        try:
            first = run(sandbox, "sandbox")
            shared = f"network:/proc/{first}/ns/net"
            marks = ["--annotation", f"{cri}.container-name=app", "--annotation", f"{cri}.image-name=app:1"]
            second = run(app, "container", "--with-ns", shared, *marks)
            found = seen(tmp_path)
            by_id = {each.id: each for each in found.containers}
            assert (by_id[sandbox].pid, by_id[app].pid) == (first, second)
            assert (by_id[sandbox].sandbox, by_id[app].sandbox) == (True, False)
            assert {each.runtime for each in by_id.values() if each.pod_uid == pod} == {"containerd"}
            assert (by_id[app].name, by_id[app].image) == ("app", "app:1")
            group = namespace(found, by_id[app].netns)
            assert (group.label, len(group.containers)) == ("prod/shop-7d", 2)
            assert group.path.stat().st_ino == group.inode
        finally:
            for name in reversed(started):
                with contextlib.suppress(AssertionError):  # not there, where `ctr run` itself failed
                    ctr("tasks", "delete", "--force", name)
                    ctr("containers", "delete", name)
    for hierarchy in [each for each in Path("/sys/fs/cgroup").iterdir() if (each / above.lstrip("/")).is_dir()]:
        with contextlib.suppress(OSError):
            (hierarchy / above.lstrip("/")).rmdir()
            (hierarchy / "kubepods/besteffort").rmdir()
            (hierarchy / "kubepods").rmdir()


def test_the_engines_record_is_what_we_think_it_is(docker_engine):
    container_id = docker_engine.run("idt-record")
    try:
        record = json.loads((docker_engine.data_root / "containers" / container_id / "config.v2.json").read_text())
        assert (record["Name"], record["Config"]["Image"]) == ("/idt-record", "imds-probe-test/busybox:1")
        assert record["State"]["Pid"] == docker_engine.pid("idt-record")
    finally:
        docker_engine.remove("idt-record")
