"""A real Docker engine on the made-up host: its daemon, bridges, names and cgroups, as on an instance."""

from itertools import count, islice

import pytest
from docker_engine import IMAGE, running_engine
from soon import SOON_S
from watching import numbered, watching

from imds_probe.simulator import scenarios
from imds_probe.simulator.lab.host import MadeUpHost
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState


@pytest.fixture(scope="module")
def lab():
    with Lab("docker") as built:
        yield built


@pytest.fixture(scope="module")
def _service(lab):
    with Simulator(InstanceState(), (("169.254.169.254", 80),), netns=str(lab.service.netns)) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("docker-host")


@pytest.fixture(scope="module")
def _made_up(lab, root):
    scenarios.write_host(root, scenarios.UPGRADED_PACKAGES, "i-0123456789abcdef0")
    with MadeUpHost(lab.instance, root) as standing:
        yield standing


@pytest.fixture
def made_up(_made_up):
    return _made_up


@pytest.fixture
def host(root):
    return root


@pytest.fixture
def service(_service):
    yield _service
    _service.update(hop_limit=1)


@pytest.fixture(scope="module")
def engine(lab, _made_up, root):
    with running_engine(lab.instance.netns, root, _made_up.command) as running:
        running.run("web", options=("--env", "AWS_REGION=eu-west-1"))
        running.run("sidecar", network="container:web")
        running.create_network("backend")
        running.run("api", network="backend", options=("--env", "AWS_DEFAULT_REGION=eu-west-1"))
        running.run("agent", network="host")
        running.run("offline", network="none")
        yield running


def seen(ran):
    return {
        each["name"]: (each["network"], each["distance"], each["needs_hop_limit"], each["token"])
        for each in ran.report["containers"]
    }


@pytest.mark.parametrize(("limit", "token", "code"), [(1, "lost", 4), (2, "ok", 0)])
def test_names_images_and_measurements(engine, run, service, limit, token, code):
    service.update(hop_limit=limit)
    ran = run()
    assert seen(ran) == {
        "web": ("own", 1, 2, token),
        "sidecar": ("own", 1, 2, token),
        "api": ("own", 1, 2, token),
        "agent": ("host", 0, 1, "ok"),
        "offline": ("own", None, None, "unreachable"),
    }
    assert (ran.code, ran.report["verdict"]["switch"]["http_put_response_hop_limit"]) == (code, 2)
    assert {each["image"] for each in ran.report["containers"]} == {IMAGE}
    assert {each["runtime"] for each in ran.report["containers"]} == {"docker"}
    by_name = {each["name"]: each for each in ran.report["containers"]}
    assert by_name["web"]["netns"] == by_name["sidecar"]["netns"] != by_name["api"]["netns"]
    assert {name: by_name[name]["metadata_need"] for name in ("web", "api", "agent")} == {
        "web": "likely",
        "api": "likely",
        "agent": "unknown",
    }
    assert {name: by_name[name]["pid"] for name in by_name} == {name: engine.pid(name) for name in by_name}


def test_a_container_that_docker_has_frozen(engine, run, service):
    engine.docker("pause", "web")
    try:
        assert seen(run())["web"] == ("own", 1, 2, "lost")
    finally:
        engine.docker("unpause", "web")


def test_containers_that_come_and_go(engine, run, service):
    for number in range(4):
        engine.run(f"brief-{number}", options=("--rm",), command=("/bin/busybox", "sleep", f"0.{2 * number + 2}"))
    ran = run()
    assert ran.code == 4
    assert {"web", "sidecar", "api", "agent", "offline"} <= set(seen(ran))


def test_a_drop_rule_of_the_users_own_is_quoted(engine, run, service, lab):
    rule = "DOCKER-USER -d 169.254.169.254/32 -p tcp -j DROP"
    assert lab.instance.run(["iptables", "-I", *rule.split()], timeout_s=SOON_S).returncode == 0
    try:
        ran = run()
    finally:
        lab.instance.run(["iptables", "-D", *rule.split()], timeout_s=SOON_S)
    assert seen(ran)["web"] == ("own", None, None, "unreachable")
    assert any(each["quote"] == "meta l4proto tcp ip daddr 169.254.169.254 drop" for each in ran.report["obstacles"])
    assert ran.code == 0


STATUS = "Package: {}\nStatus: install ok installed\nVersion: {}\nArchitecture: all\n\n"


def write_inside(engine, name, path, text):
    script = f"/bin/busybox mkdir -p {path.rpartition('/')[0]} && /bin/busybox cat > {path}"
    engine.docker("exec", "-i", name, "/bin/busybox", "sh", "-c", script, stdin=text.encode())


def test_software_and_settings_inside_containers(engine, run, service):
    service.update(hop_limit=2)
    write_inside(engine, "web", "/etc/os-release", "ID=ubuntu\nVERSION_ID=18.04\n")
    write_inside(engine, "web", "/var/lib/dpkg/status", STATUS.format("datadog-agent", "1:7.40.0-1"))
    write_inside(engine, "api", "/var/lib/dpkg/status", STATUS.format("cloud-init", "18.3-6"))
    try:
        ran = run()
        inside = {entry["container"]: entry for entry in ran.report["software"] if entry["container"]}
        assert ran.code == 1
        assert {name: (entry["component"], entry["requirement"]["status"]) for name, entry in inside.items()} == {
            "web": ("datadog-agent", "needs-setting"),
            "api": ("cloud-init", "too-old"),
        }
        assert inside["web"]["os"]["version_id"] == "18.04"
        wanted = {"place": "/etc/datadog-agent/datadog.yaml", "key": "ec2_prefer_imdsv2", "value": "true"}
        assert inside["web"]["requirement"]["setting"] == wanted
        assert any("in web" in each["summary"] for each in ran.report["findings"])

        write_inside(engine, "web", wanted["place"], "ec2_prefer_imdsv2: true\n")
        write_inside(engine, "api", "/var/lib/dpkg/status", "")
        assert run().code == 0
    finally:
        for name in ("web", "api"):
            engine.docker("exec", name, "/bin/busybox", "rm", "-rf", "/var/lib/dpkg", "/etc/datadog-agent")


def test_short_lived_callers_are_named_with_their_container(engine, service, lab, tmp_path):
    """Each has ended, and what began it has, by the time that anybody could look: in a shell that runs on, or alone."""
    service.update(hop_limit=2)
    url, wget, ids = "http://169.254.169.254", "/bin/busybox wget -q -O -", {}
    names = ("web", "api", "agent", "sidecar")
    whole = {name: engine.docker("inspect", "--format", "{{.Id}}", name) for name in names}
    paths = map(numbered, count())
    with watching(lab, "--json") as watched:
        for name in names:
            for path in islice(paths, 5):
                engine.docker("exec", name, *wget.split(), url + path, check=False)
                ids[path] = whole[name]
            several = list(islice(paths, 5))
            loop = "; ".join(f"{wget} {url}{path}" for path in several)
            engine.docker("exec", name, "/bin/busybox", "sh", "-c", f"{loop}; true")
            ids |= dict.fromkeys(several, whole[name])
        for number, network in enumerate(("bridge", "host", "backend") * 2):
            path, file = next(paths), tmp_path / str(number)
            options = ("--rm", "--pull", "never", "--network", network, "--cidfile", str(file))
            engine.docker("run", *options, IMAGE, *wget.split(), url + path, check=False)
            ids[path] = file.read_text()
    seen = {each["path"]: each["caller"] for each in watched.calls}
    assert {path: caller and caller["container"] for path, caller in seen.items()} == ids
    assert {caller["runtime"] for caller in seen.values()} == {"docker"}
    assert {caller["exe"] for caller in seen.values()} == {"/bin/busybox"}
