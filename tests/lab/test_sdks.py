"""AWS SDKs from the zoo, really running: on the made-up host and in containers with roots of their own."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from bench.memory import peak_mb
from sdk_attacks import ATTACKS
from sdk_zoo import ZOO
from soon import SOON_S

SITE = "lib/python3.11/site-packages"
# botocore of 2019 needs names that collections had until Python 3.9. Where it cannot be imported all the same (it
# brings a six that Python 3.12 refuses), what counts here is that the interpreter would find it.
IMPORT = """
import collections, collections.abc, ssl, sys, time
for name in ("Mapping", "MutableMapping", "Callable", "MutableSet"):
    setattr(collections, name, getattr(collections.abc, name))
try:
    import boto3
    boto3.Session().get_available_services()
except ImportError as error:
    print(error, file=sys.stderr)
time.sleep(600)
"""
PYTHON = ("/usr/bin/python3", "-c", IMPORT)
STATIC = {"AWS_ACCESS_KEY_ID": "AKIAZOO", "AWS_SECRET_ACCESS_KEY": "not-a-secret"}


def path(directory: str, root: str = "") -> dict[str, str]:
    return {"PYTHONPATH": f"{root}/{directory.lstrip('/')}/{SITE}" if root else f"/{directory.strip('/')}/{SITE}"}


def sdks(ran) -> dict[tuple[str, str | None], dict]:
    """What was found as libraries, by component and container."""
    found = [entry for entry in ran.report["software"] if entry["sdk"]]
    return {(entry["component"], entry["container"]): entry for entry in found}


@pytest.fixture
def settled(run) -> Callable:
    """Run until the programs that were started have loaded what they load: they need a moment."""

    def call(expected: Callable, *arguments: str):
        deadline = time.monotonic() + 2 * SOON_S
        while True:
            ran = run(*arguments)
            if expected(ran) or time.monotonic() > deadline:
                return ran

    return call


def in_use(*components: str) -> Callable:
    def expected(ran) -> bool:
        return {name for (name, _), entry in sdks(ran).items() if entry["pids"]} >= set(components)

    return expected


def used(ran) -> set[tuple[str, str | None, str | None]]:
    """What is in use, by component, version and container."""
    return {
        (entry["component"], entry["version"], where)
        for entry in ran.report["software"]
        if entry["sdk"] and entry["pids"]
        for where in (entry["container"], *entry["also_in"])
    }


@pytest.fixture(scope="module")
def bridged(lab):
    return lab.add_container("web", "bridge")


def findings(ran) -> Mapping[str, dict]:
    return {finding["id"]: finding for finding in ran.report["findings"]}


def test_an_old_one_in_a_process_of_the_host_blocks(settled, service, made_up):
    pid = made_up.start(PYTHON, env=path("opt/python-old", str(ZOO)))
    ran = settled(in_use("botocore"))
    assert (ran.code, ran.verdict) == (1, "not-ready")
    botocore = sdks(ran)["botocore", None]
    assert (botocore["version"], botocore["source"], botocore["pids"]) == ("1.12.253", "dist-info", [pid])
    assert botocore["path"] == f"{ZOO}/opt/python-old/{SITE}/botocore-1.12.253.dist-info"
    assert [user["pid"] for user in botocore["sdk"]["users"]] == [pid]
    blocker = findings(ran)["sdk-too-old"]
    assert blocker["subject"] == "botocore"
    assert "botocore 1.12.253" in blocker["summary"]
    assert f"({pid})" in blocker["summary"]
    assert "1.13.25" in blocker["fix"]["text"]
    # What only uses botocore is no finding of its own.
    assert [finding["subject"] for finding in ran.report["findings"] if finding["rule"] == "sdks"] == ["botocore"]


def test_one_that_has_its_credentials_elsewhere_only_warns(settled, service, made_up):
    made_up.start(PYTHON, env=path("opt/python-old", str(ZOO)) | STATIC)
    ran = settled(in_use("botocore"))
    assert (ran.code, ran.verdict) == (0, "ready")
    assert "access keys" in findings(ran)["sdk-too-old-unasked"]["summary"]


@pytest.mark.parametrize(
    "said",
    [
        {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
        {"AWS_EC2_METADATA_DISABLED": "false"},
        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": ""},
    ],
    ids=["empty-keys", "not-disabled", "empty-uri"],
)
def test_what_is_empty_or_false_takes_no_need_away(settled, service, made_up, bridged, said):
    made_up.start(PYTHON, env=path("opt/python-old", str(ZOO)) | said)
    root = made_up.container_root({"/opt/python-new": ZOO / "opt/python-new"})
    made_up.start_container("uploads", bridged, argv=PYTHON, root=root, env=path("/opt/python-new") | said)
    ran = settled(lambda ran: len([each for each in sdks(ran).values() if each["pids"]]) >= 2)
    assert (ran.code, ran.verdict) == (1, "not-ready")
    assert findings(ran)["sdk-too-old"]["subject"] == "botocore"
    assert "hop limit 2 suffices: uploads" in findings(ran)["hop-limit-too-low"]["summary"]
    (container,) = [each for each in ran.report["containers"] if each["name"] == "uploads"]
    assert (container["metadata_need"], container["credentials_need"]) == ("likely", "likely")
    classes = {"empty"} if "" in said.values() else {"false"}
    assert {each["value"] for some in container["sdk_settings"] for each in some["variables"]} == classes
    assert container["environment"] == [sorted(said)]


def test_keys_in_the_shared_file_are_credentials_from_elsewhere(settled, service, made_up, tmp_path):
    shared = tmp_path / ".aws/credentials"
    shared.parent.mkdir()
    shared.write_text("[default]\naws_access_key_id = AKIAZOO\naws_secret_access_key = not-a-secret\n")
    made_up.start(PYTHON, env=path("opt/python-old", str(ZOO)) | {"HOME": str(tmp_path)})
    ran = settled(in_use("botocore"))
    assert (ran.code, ran.verdict) == (0, "ready")
    assert "access keys in the shared credentials file" in findings(ran)["sdk-too-old-unasked"]["summary"]
    assert "not-a-secret" not in json.dumps(ran.report)
    assert "AKIAZOO" not in json.dumps(ran.report)


def test_a_python_that_has_not_loaded_tls_uses_none(run, service, first_line):
    script = "import time; print('there', flush=True); time.sleep(600)"
    assert first_line(("/usr/bin/python3", "-c", script), env=path("opt/python-old", str(ZOO)))[1] == "there"
    ran = run()
    assert (ran.code, ran.verdict) == (0, "ready")
    assert not [entry for entry in sdks(ran).values() if entry["pids"]]


def test_one_that_speaks_imdsv2_falls_back_where_its_token_is_lost(run, settled, service, made_up, bridged):
    root = made_up.container_root({"/opt/python-new": ZOO / "opt/python-new"})
    pid = made_up.start_container("uploads", bridged, argv=PYTHON, root=root, env=path("/opt/python-new"))
    ran = settled(in_use("botocore"))
    assert (ran.code, ran.verdict) == (4, "needs-hop-limit")
    assert ran.report["verdict"]["switch"]["http_put_response_hop_limit"] == 2
    botocore = sdks(ran)["botocore", "uploads"]
    assert (botocore["version"], botocore["pids"]) == ("1.43.11", [pid])
    assert botocore["requirement"]["status"] == "ok"
    finding = findings(ran)["sdk-falls-back"]
    assert "falls back to IMDSv1 today" in finding["summary"]
    assert "hop limit 2 cures that" in finding["summary"]
    (container,) = [each for each in ran.report["containers"] if each["name"] == "uploads"]
    assert container["sdks"] == ["botocore 1.43.11"]
    assert (container["metadata_need"], container["token"]) == ("likely", "lost")
    assert botocore["sdk"]["container_ids"] == [container["id"]]

    service.update(hop_limit=2)
    service.reset_counts()
    ran = run()  # it has loaded it
    assert (ran.code, ran.verdict) == (0, "ready")
    assert "sdk-falls-back" not in ran.finding_ids
    assert service.counts.imdsv1 == ran.report["probe"]["imdsv1_requests_made"] == 1


def test_each_in_its_own_container(settled, service, made_up, tmp_path):
    """Old and new side by side, in other languages, on the host's network: right process, right container."""
    modules = {"/srv/app/node_modules": ZOO / "srv/node-old/node_modules"}
    roots = {
        "py-old": ({"/opt/python-old": ZOO / "opt/python-old"}, PYTHON, path("/opt/python-old")),
        "js-old": ({"/srv": _node_application(tmp_path), **modules}, ("/usr/bin/node", "/srv/app/dist/main.js"), {}),
        "js-bundle": ({"/srv/app": ZOO / "srv/bundles"}, ("/usr/bin/node", "/srv/app/new-aws-sdk.js"), {}),
        "go": ({"/opt/go": ZOO / "debian/usr/bin"}, ("/opt/go/rclone", *_RCLONE), {}),
        "java": ({"/opt/spark": ZOO / "opt/spark", "/etc": Path("/etc")}, _JAVA, {}),
        "frozen": ({"/opt/uploader": ZOO / "opt/uploader"}, ("/opt/uploader/uploader",), {}),
        "rust": ({"/opt/rust": ZOO / "opt/rust"}, _loading(f"/opt/rust/{SITE}/deltalake/_internal.abi3.so"), {}),
        "cpp": ({"/opt/cpp": ZOO / "opt/cpp"}, _python("pyarrow.fs"), path("/opt/cpp")),
    }
    pids = {}
    for name, (contents, argv, env) in roots.items():
        root = made_up.container_root(contents)
        pids[name] = made_up.start_container(name, None, argv=argv, root=root, env=env)
    expected = {
        ("botocore", "1.12.253", "py-old"),
        ("aws-sdk-js-v2", "2.574.0", "js-old"),
        ("aws-sdk-js-v2", "2.1692.0", "js-bundle"),
        ("aws-sdk-go-v1", None, "go"),
        ("aws-sdk-java-v1", "1.12.262", "java"),
        ("botocore", None, "frozen"),
        ("aws-sdk-rust", "1.12.0", "rust"),
        ("aws-sdk-cpp", None, "cpp"),
        ("deltalake-python", "1.6.6", "rust"),
    }
    ran = settled(lambda ran: used(ran) >= expected)
    through = {("boto3", "1.9.253", "py-old"), ("boto3", None, "frozen"), ("aws-cli-v1", "1.16.260", "py-old")}
    through |= {("pyarrow", "26.0.1", "cpp")}
    assert used(ran) - through == expected
    for entry in ran.report["software"]:
        if entry["sdk"] and entry["pids"]:
            # A container's first process may have children, as PyInstaller's does.
            assert pids[entry["container"]] in entry["pids"] or entry["container"] == "frozen"
    status = {key: entry["requirement"]["status"] for key, entry in sdks(ran).items() if entry["pids"]}
    assert status["aws-sdk-go-v1", "go"] == status["botocore", "frozen"] == status["aws-sdk-cpp", "cpp"] == "ok"
    assert status["botocore", "py-old"] == status["aws-sdk-js-v2", "js-old"] == "too-old"
    assert ran.verdict == "not-ready"


def _python(module: str) -> tuple[str, ...]:
    return ("/usr/bin/python3", "-c", f"import ssl, time, {module}; time.sleep(600)")


def _loading(path: str) -> tuple[str, ...]:
    """A shared object alone: what it is a part of needs packages that are not in the zoo."""
    return ("/usr/bin/python3", "-c", f"import ctypes, ssl, time; ctypes.CDLL('{path}'); time.sleep(600)")


def _node_application(folder: Path) -> Path:
    script = folder / "node/app/dist/main.js"
    script.parent.mkdir(parents=True)
    script.write_text("require('aws-sdk'); setTimeout(() => {}, 600000)")
    return folder / "node"


_RCLONE = ("serve", "http", "--addr", "127.0.0.1:0", "/opt/go")
_JAVA = (
    *("/usr/bin/java", "-Xmx64m", "-cp", "/opt/spark/aws-java-sdk-core-1.12.262.jar"),
    *("-m", "java.rmi/sun.rmi.registry.RegistryImpl", "0"),
)


def test_what_lies_on_disk_warns_and_is_counted(run, service, host):
    for number in range(7):
        record = host / f"opt/app{number}/lib/python3.9/site-packages/botocore-1.12.0.dist-info/METADATA"
        record.parent.mkdir(parents=True)
        record.write_text("Name: botocore\nVersion: 1.12.0\n")
    elsewhere = host / "elsewhere/node_modules/aws-sdk/package.json"
    elsewhere.parent.mkdir(parents=True)
    elsewhere.write_text(json.dumps({"name": "aws-sdk", "version": "2.100.0"}))
    ran = run()
    assert (ran.code, ran.verdict) == (0, "ready")
    (entry,) = sdks(ran).values()
    assert (entry["sdk"]["places"], len(entry["sdk"]["paths"]), entry["pids"]) == (7, 5, [])
    assert findings(ran)["sdk-on-disk-too-old"]["severity"] == "warning"
    assert "and 4 more places" in findings(ran)["sdk-on-disk-too-old"]["evidence"][0]

    ran = run("--deep", "/elsewhere")
    assert sdks(ran)["aws-sdk-js-v2", None]["version"] == "2.100.0"


@pytest.mark.parametrize("given", ["elsewhere", "/no/such", "/etc/os-release"])
def test_a_directory_that_is_none_is_wrong_usage(made_up, host, given):
    argv = [sys.executable, "-m", "imds_probe", "run", "--root", str(host), "--deep", given]
    done = made_up.run(argv, timeout_s=SOON_S, env={"PYTHONPATH": str(Path(__file__).parents[2])})
    assert done.returncode == 2
    assert done.stdout == b""
    assert f"--deep {given} is no directory" in done.stderr.decode()


# Shells under the names of interpreters, which wait; what they are given as a script lies beside what a stranger prepared.
WAITING = "while :; do sleep 60; done"
TIMEOUT_S = 20
SLACK_S = 30  # a busy machine takes as much


def test_what_strangers_prepare_takes_no_blocker_away(settled, service, made_up, host, tmp_path):
    """Every attack at once, on the host and in a container, beside an old SDK of the host's: the run ends in time, within its
    memory, and says what it could not read.
    """
    for number, attack in enumerate(ATTACKS):
        evil = tmp_path / f"evil{number}"
        evil.mkdir()
        variables = dict(each.split("=", 1) for each in attack(evil).split("\0") if "=" in each)
        for name in ("java", "ruby3.1", "php8", "python3"):
            program = evil / name
            shutil.copy("/bin/sh", program)
            made_up.start((str(program), "-c", WAITING, str(evil / "index.php")), env=variables)
    pid = made_up.start(PYTHON, env=path("opt/python-old", str(ZOO)))

    def users(ran) -> set[int]:
        old = [entry for entry in ran.report["software"] if entry["sdk"] and entry["version"] == "1.12.253"]
        return {each for entry in old for each in entry["pids"]}

    ran = settled(lambda ran: pid in users(ran), "--timeout", str(TIMEOUT_S))
    assert (ran.code, ran.verdict) == (1, "not-ready")
    assert pid in users(ran)
    assert "botocore 1.12.253" in findings(ran)["sdk-too-old"]["summary"]
    assert ran.report["probe"]["duration_ms"] < (TIMEOUT_S + SLACK_S) * 1000
    (collector,) = [each for each in ran.report["collectors"] if each["id"] == "sdks"]
    assert collector["status"] == "partial"
    assert any("takes more time or memory" in each for each in ran.report["sdks_unseen"])
    probe = [sys.executable, "-m", "imds_probe", "run", "--root", str(host), "--timeout", str(TIMEOUT_S)]
    assert peak_mb(made_up.command(probe), dict(os.environ)) < 150
