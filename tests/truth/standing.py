"""The host of a case: its root, what lies in it, and its programs, running or started once.

    root        an overlay of what the client stands on and the probe's package, firmware that says EC2, the case's own files
    processes   those of a host with that root and no other
    containers  with a root of their own of the same kind, below Docker's directory of the host

For clients of the machine the root has the machine's programs, as containers of the lab have, and directories of the zoo.
"""

from __future__ import annotations

import pwd
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import package_roots
from sdk_zoo import ZOO
from truth import layers
from truth.cases import CONTAINERS, RUNNING, Case
from truth.clients import Client
from truth.programs import CALL, GO, MARK
from truth.starts import JAIL, STARTS
from truth.whole_host import Groups, WholeHost

from imds_probe.simulator import scenarios
from imds_probe.simulator.lab import plumbing
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.lab.node import Node

ANSWER_S = 30.0
_MERGED = "var/lib/docker/overlay2/{}/merged"
_MACHINE = """
set -e
mount -t tmpfs root "$0"
mkdir "$0/usr"
mount -t overlay overlay -o "lowerdir=$1/usr:/usr" "$0/usr"
[ ! -d /usr/lib/sysimage ] || mount -t tmpfs nothing "$0/usr/lib/sysimage"
for way in bin lib lib64 sbin; do
    if [ -L "/$way" ]; then
        ln -s "$(readlink "/$way")" "$0/$way"
    elif [ -d "/$way" ]; then
        mkdir "$0/$way"
        mount --rbind "/$way" "$0/$way"
    fi
done
mkdir "$0/dev" "$0/tmp" "$0/run"
mount -t tmpfs local "$0/usr/local"
touch "$0/dev/null" "$0/dev/urandom"
mount --bind /dev/null "$0/dev/null"
mount --bind /dev/urandom "$0/dev/urandom"
"""


# What a service mesh puts beside a container: its rules, and a relay that knows where a connection was to go.
MESH_USER, MESH_PORT = 1337, 15001
_MESH_RULES = (
    "add table ip mesh",
    "add chain ip mesh output { type nat hook output priority -100 ; }",
    f"add rule ip mesh output meta skuid {MESH_USER} return",
    "add rule ip mesh output ip daddr 127.0.0.0/8 return",
    f"add rule ip mesh output meta l4proto tcp redirect to :{MESH_PORT}",
)
_RELAY = (Path(__file__).parents[1] / "relaying.py").read_text()
_RELAYS = {"container-mesh": "bytes", "container-mesh-http": "http", "container-proxy": "tokens"}
# Debian's squid as it is, and one that does not say whom it asks for.
_SQUIDS = {"container-squid": "", "container-squid-plain": "forwarded_for delete\nvia off\n"}
_SQUID = f"""\
http_port {MESH_PORT} intercept
http_port 3128
http_access allow all
cache deny all
pinger_enable off
cache_effective_user proxy
"""


class CannotStand(Exception):
    """The host of a case could not be made, or its client does not work to begin with; why."""


@dataclass
class Running:
    """A program that was started, and what it says."""

    pid: int
    output: Path
    expects: str
    on_call: bool

    @property
    def answers(self) -> list[str]:
        """What came of each time that it asked."""
        lines = self.output.read_text(errors="replace").splitlines(keepends=True)
        return [line.strip() for line in lines if line.startswith(MARK) and line.endswith("\n")]

    def works(self, answer: str) -> bool:
        return self.expects in answer

    def last_words(self) -> str:
        return " ".join(self.output.read_text(errors="replace").split())[-300:]


class Standing:
    """Use `host` while the lab stands; `work` is an empty directory. Mounts go with the mount namespace."""

    def __init__(self, case: Case, lab: Lab, work: Path, groups: Groups) -> None:
        self.case, self.lab, self.work = case, lab, work
        self.root = work / "host"
        self._outputs = 0
        self._script = ""  # that starts the program, where one does
        container = case.place in CONTAINERS
        self.host_layer = "bookworm" if container and case.layer != "machine" else case.layer
        self._stand(self.root, self.host_layer)
        if (self.root / "var/lib/dpkg/status").exists():
            package_roots.looks_like_ec2(self.root)
        else:
            scenarios.write_host(self.root, scenarios.UPGRADED_PACKAGES, package_roots.INSTANCE)
        self.place = self.root
        if container:
            self.place = self.root / _MERGED.format("0" * 64)
            self._stand(self.place, case.layer)
        elif case.place in ("chroot", "cron-chroot"):
            self.place = self.root / JAIL
            self._stand(self.place, case.layer)
        self._write_programs()
        if case.place not in RUNNING:
            self._write_starts()
        self.node = self._node()
        self.host = WholeHost(lab.instance, self.root, groups)

    def _node(self) -> Node:
        match self.case.place:
            case "container-slirp":
                return self.lab.add_container("web", no_route=True)
            case "container-drop":
                return self.lab.add_container("web", drop=True)
        if self.case.place in CONTAINERS and self.case.place != "container-host":
            return self.lab.add_container("web")
        return self.lab.instance

    def _stand(self, root: Path, layer: str) -> None:
        root.mkdir(parents=True)
        if layer == "machine":
            _must(["sh", "-c", _MACHINE, str(root), str(layers.product())])
            for path, directory in {k: v for client in self.case.its_clients for k, v in client.zoo.items()}.items():
                (root / path.lstrip("/")).mkdir(parents=True)
                _must(["mount", "--bind", str(ZOO / directory), str(root / path.lstrip("/"))])
            return
        number = self._number()
        upper, below = self.work / f"upper-{number}", self.work / f"work-{number}"
        upper.mkdir()
        below.mkdir()
        with_probe = [layers.product()] if root == self.root else []
        layers.overlay(root, [*layers.directories(layer), *with_probe], upper, below)
        (root / "tmp").mkdir(exist_ok=True)

    def _number(self) -> int:
        self._outputs += 1
        return self._outputs

    def _put(self, root: Path, path: str, text: str, mode: int = 0o644) -> None:
        file = root / path.lstrip("/")
        # An absolute link in a root leads to the machine's own directories from here.
        if not file.parent.resolve().is_relative_to(root.resolve()):
            raise CannotStand(f"{path} would lie outside of its root: name it without links")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def _write_programs(self) -> None:
        case = self.case
        for number, client in enumerate(case.its_clients):
            again = case.place in RUNNING
            text = client.program.text(again=again, on_call=client.on_call, later=case.later)
            self._put(self.place, client.program.path(number), text, 0o755)
            for path, content in {**client.files, **case.files}.items():
                self._put(self.place, path, content)

    def _write_starts(self) -> None:
        """What is to start the programs some time."""
        if (start := STARTS.get(self.case.place)) is None:
            return
        for number, client in enumerate(self.case.its_clients):
            name = f"app{number + 1 if number else ''}"
            command = " ".join(_by_path(client, number))
            script = f"#!/bin/sh\n{command}\n"
            if start.script and client.program.language == "sh":
                script = client.program.text(again=False)
                (self.root / client.program.path(number).lstrip("/")).unlink()
            files, links = start.laid(name, command, script)
            for path, text in files.items():
                self._put(self.root, path, text, 0o755 if path == start.script_of(name) else 0o644)
            for path, target in links.items():
                (self.root / path).parent.mkdir(parents=True, exist_ok=True)
                (self.root / path).symlink_to(target)
            if start.script:
                self._script = f"/{start.script_of(name)}"

    def prepare(self) -> None:
        """What has to run beside the programs, once the host stands."""
        place = self.case.place
        if place in _RELAYS:
            plumbing.nft(self.node.netns, _MESH_RULES)
            self._put(self.place, "/opt/relay.py", _RELAY)
            user = ("/usr/bin/setpriv", f"--reuid={MESH_USER}", "--clear-groups", "--")
            words = (*user, "/usr/bin/python3", "/opt/relay.py", str(MESH_PORT), _RELAYS[place])
            self._container(words, self.node, {}, subprocess.DEVNULL)
            _stands(self._is_there, "the relay does not listen")
        elif place in _SQUIDS:
            user = pwd.getpwnam("proxy").pw_uid
            plumbing.nft(self.node.netns, [rule.replace(str(MESH_USER), str(user)) for rule in _MESH_RULES])
            settings = self.work / "squid.conf"
            own = "".join(f"{key} {self.work}/squid/{key}\n" for key in ("pid_filename", "cache_log", "coredump_dir"))
            (self.work / "squid").mkdir()
            shutil.chown(self.work / "squid", "proxy", "proxy")
            self.work.chmod(0o755)
            settings.write_text(f"{_SQUID}{_SQUIDS[place]}{own}access_log none\n")
            self.node.start(("/usr/sbin/squid", "--foreground", "-f", str(settings)))
            _stands(self._is_there, "squid does not listen")
        elif place == "container-slirp":
            _must([*("nsenter", f"--net={self.node.netns}"), "ip", "link", "del", "eth0"])
            slirp = ("slirp4netns", "--configure", "--disable-host-loopback", "--netns-type=path", str(self.node.netns))
            self.lab.instance.start((*slirp, "tap0"))
            _stands(lambda: "tap0" in self._in_proc("route"), "slirp4netns makes no way out")

    def _is_there(self) -> bool:
        return f":{MESH_PORT:04X} " in self._in_proc("tcp") + self._in_proc("tcp6")

    def _in_proc(self, name: str) -> str:
        return self.node.call(Path(f"/proc/thread-self/net/{name}").read_text)

    def start(self, number: int) -> Running:
        """Start a client's program, in its place."""
        case, client = self.case, self.case.its_clients[number]
        output = self.work / f"output-{self._number()}"
        words = ("/bin/sh", self._script) if self._script else client.program.argv(number)
        env = {**client.env, **case.env}
        with open(output, "wb") as file:
            if case.place in CONTAINERS:
                network = None if case.place == "container-host" else self.node
                pid = self._container(words, network, env, file.fileno())
            else:
                group = "cron" if case.place.startswith("cron") else "app"
                cgroup = f"0::/system.slice/{group}.service\n"
                pid = self.host.start(words, cgroup=cgroup, env=env, stdout=file.fileno(), root=self._inside())
        return Running(pid, output, case.expects or client.expects, client.on_call)

    def _container(self, argv: Sequence[str], node: Node | None, env: dict[str, str], stdout: int) -> int:
        """With the record that Docker would have of it."""
        container_id = b"web".hex().ljust(64, "0")
        record = f'{{"ID": "{container_id}", "Name": "/web", "Config": {{"Image": "example/app:1", "Labels": {{}}}}}}'
        self._put(self.root, f"var/lib/docker/containers/{container_id}/config.v2.json", record)
        cgroup = f"0::/docker/{container_id}\n"
        return self.host.start(argv, node=node, cgroup=cgroup, env=env, stdout=stdout, root=self._inside())

    def _inside(self) -> Path | None:
        """The root directory of the case's programs, as the host sees it; None: the host's own."""
        return None if self.place == self.root else Path("/", self.place.relative_to(self.root))

    def call(self, program: Running) -> None:
        """Have a program ask that asks on call."""
        self._put(self.place, f"{CALL}.{program.pid}", "")

    def go(self) -> None:
        """Let programs ask that were to ask later."""
        self._put(self.place, GO, "")

    def stay(self) -> None:
        """The opposite."""
        (self.place / GO.lstrip("/")).unlink()


def _by_path(client: Client, number: int) -> Sequence[str]:
    """The command line that starts a program: a script by its own path, as crontabs have it."""
    return client.program.argv(number)[1:] if client.program.starts_itself else client.program.argv(number)


def _must(argv: Sequence[str]) -> None:
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        raise CannotStand(f"{argv[0]}: {done.stderr.strip()[-300:]}")


def _stands(condition: Callable[[], bool], else_why: str) -> None:
    if not until(condition):
        raise CannotStand(else_why)


def until(condition: Callable[[], bool], within_s: float = ANSWER_S) -> bool:
    """Wait until a condition holds; whether it does in the end."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
