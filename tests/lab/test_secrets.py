"""200 made-up secrets, given to real processes that call the metadata service, to rules, files and variables: nothing that the
probe writes has one of them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from secrets_made import FORMS, holds, secrets
from soon import SOON_S, wait_for
from watching import SOURCE, patient, watching

from imds_probe.facts.callers import Callers
from imds_probe.sinks import SINKS
from imds_probe.watch.history import History
from imds_probe.watch.history_format import FILE

SECRETS = secrets()
PROBE = [sys.executable, "-m", "imds_probe"]
# Writes over its own arguments and calls once for each line it is given: arguments, name and request, as JSON. Each is there until
# the file of its first argument is.
CALLER = r"""
import ctypes, json, os, socket, sys, time
libc = ctypes.CDLL(None)
over = sys.argv[1]
fields = open("/proc/self/stat").read().rpartition(")")[2].split()
begin, end = int(fields[45]), int(fields[46])
for line in sys.stdin:
    arguments, name, request = json.loads(line)
    child = os.fork()
    if not child:
        text = b"\0".join(each.encode() for each in arguments)[: end - begin - 1]
        ctypes.memmove(begin, text.ljust(end - begin, b"\0"), end - begin)
        libc.prctl(15, name.encode()[:15])
        client = socket.create_connection(("169.254.169.254", 80), 60)
        client.sendall(request.encode())
        client.recv(65536)
        while not os.path.exists(over):
            time.sleep(0.2)
        os._exit(0)
    print(child, flush=True)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
"""

CALLING = r"""
import os, socket, sys, time
client = socket.create_connection(("169.254.169.254", 80), 60)
client.sendall(b"GET / HTTP/1.1\r\n\r\n")
client.recv(65536)
while not os.path.exists(sys.argv[2]):
    time.sleep(0.05)
"""


@contextmanager
def call_all(lab, directory: Path) -> Iterator[int]:
    """Each form from a process of a program with its name, with other secrets in name, path, query, User-Agent and headers; how
    many. The processes are there until the block has been left: a busy machine looks at them late.
    """
    by_program: dict[str, list[str]] = {}
    for number, form in enumerate(FORMS):
        secret, other = SECRETS[number % len(SECRETS)], SECRETS[(number + 77) % len(SECRETS)]
        path = ("/latest/meta-data/?k=" + other, f"/latest/meta-data/{other}", f"/{other}/x")[number % 3]
        request = (
            f"GET {path} HTTP/1.1\r\nHost: {other}\r\nUser-Agent: {('curl/8.1 ', '')[number % 2]}{other}\r\n"
            f"Authorization: Bearer {other}\r\nCookie: s={other}\r\nX-Aws-Parameters-Secrets-Token: {other}\r\n\r\n"
        )
        line = json.dumps([form.arguments(secret), (secret, "")[number % 2] or Path(form.exe).name, request])
        by_program.setdefault(Path(form.exe).name, []).append(line)
    over, running = directory / "over", []
    for name, lines in by_program.items():
        program = directory / name
        shutil.copy(Path(sys.executable).resolve(), program)
        env = {"PYTHONHOME": sys.base_prefix, "PATH": "/usr/bin:/bin"}
        child = lab.instance.start(
            [str(program), "-ISc", CALLER, str(over), "x" * 2000],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env,
        )
        assert child.stdin
        child.stdin.write(("\n".join(lines) + "\n").encode())
        child.stdin.flush()
        running.append((child, len(lines)))
    try:
        yield len(FORMS)
    finally:
        over.touch()
    for child, count in running:
        out, _ = child.communicate(timeout=4 * SOON_S)
        assert child.returncode == 0 and len(out.splitlines()) == count


@contextmanager
def daemon(lab, state: Path, *arguments: str, env: dict[str, str] | None = None) -> Iterator[Path]:
    """One that watches; the file with what it says."""
    log = state.with_suffix(".log")
    with log.open("wb") as said:
        argv = [*PROBE, "daemon", "--state-directory", str(state), *arguments]
        child = lab.instance.start(argv, stdout=said, stderr=said, env=patient(state.parent) | (env or {}))
    try:
        wait_for(lambda: "watching; the history is" in log.read_text(), log.read_text)
        yield log
    finally:
        child.terminate()
        child.wait(timeout=SOON_S)


def evidence(state: Path) -> Callers:
    with History(state / FILE, read_only=True) as history:
        return history.evidence(time.time(), 86400)


@pytest.fixture
def rules(lab):
    """Rules that concern the address, with something secret in each."""
    one, two, three = SECRETS[1], SECRETS[2], SECRETS[3]
    done = lab.instance.run(
        ["nft", "-f", "-"],
        stdin=(
            f'table inet secret {{\ncomment "{three}"\nchain c {{ type filter hook output priority 0;\n'
            f'ip daddr 169.254.169.254 tcp dport 80 meta skuid 4242 log prefix "{two}" drop comment "{one}"\n}}\n}}\n'
        ).encode(),
        timeout_s=SOON_S,
    )
    assert done.returncode == 0, done.stderr
    yield
    lab.instance.run(["nft", "delete", "table", "inet", "secret"], timeout_s=SOON_S)


def plant(host: Path) -> None:
    """Secrets in the files that are read."""
    for name, text in {
        "etc/ecs/ecs.config": f"ECS_AWSVPC_BLOCK_IMDS=true\nECS_ENGINE_AUTH_DATA={SECRETS[4]}\n",
        "etc/cloud/cloud.cfg": f"disable_ec2_metadata: true # {SECRETS[5]}\n",
        "etc/datadog-agent/datadog.yaml": f"api_key: {SECRETS[6]}\nx: !!{SECRETS[7]} y\nec2_prefer_imdsv2: {SECRETS[8]}\n",
        "etc/systemd/system/nm-cloud-setup.service.d/a.conf": f"[Service]\nEnvironment=NM=1 P={SECRETS[9]}\n",
    }.items():
        path = host / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_nothing_that_is_written_has_a_secret(lab, service, host, made_up, rules, tmp_path):
    service.update(hop_limit=64)
    plant(host)
    programs, state, written = tmp_path / "programs", tmp_path / "state", tmp_path / "written"
    programs.mkdir()
    written.mkdir()
    config = tmp_path / "imds-probe.toml"
    sinks = ", ".join(f'"{name}"' for name in SINKS)
    # Nobody listens there: what should be sent stays in the spool.
    config.write_text(
        f'report = [{sinks}]\n[daemon]\ninterval = "1h"\njitter = "9d"\n'
        '[aws]\nregion = "eu-west-1"\ncloudwatch_endpoint = "http://127.0.0.1:9"\nlogs_endpoint = "http://127.0.0.1:9"\n'
        f'[file]\npath = "{written}/report.json"\n[textfile]\ndirectory = "{written}"\n'
        f'[ssm-inventory]\ndirectory = "{written}"\n[emf]\ndestination = "{written}/emf.log"\n'
    )
    env = {"http_proxy": f"http://u:{SECRETS[10]}@127.0.0.1:9", "AWS_SECRET_ACCESS_KEY": SECRETS[11]}
    with daemon(lab, state, "--root", str(host), "--config", str(config), env=env) as log:
        with watching(lab, "--json") as told, watching(lab) as lines, call_all(lab, programs) as made:
            wait_for(lambda: min(len(told.so_far), len(lines.so_far), evidence(state).imdsv1) >= made)
        seen = evidence(state)
        said = [told.out, told.err, lines.out, lines.err]
        assert len(told.calls) == made
        # Of one form, the secret is in the query, which leaves no mark.
        whole = {each["caller"]["command"] for each in told.calls if "…" not in each["caller"]["command"]}
        assert whole <= {"curl http://169.254.169.254/latest/meta-data/"}
        for form in ("text", "html", "json"):
            argv = [*PROBE, "run", "--root", str(host), "--output", form]
            argv += [
                "--state-directory",
                str(state),
                "--config",
                str(config),
                *(("--report", "") if form != "json" else ()),
            ]
            done = made_up.run(argv, timeout_s=4 * SOON_S, env={"PYTHONPATH": SOURCE} | env)
            said += [done.stdout.decode(), done.stderr.decode()]
        history = [each.read_bytes() for each in state.rglob("callers.sqlite3*")]
    report = json.loads(said[-2])
    assert len(report["callers"]["by"]) >= 20 and {each["kind"] for each in report["obstacles"]} >= {"drop", "setting"}
    assert {Path(each.program).name for each in seen.by} >= {"curl", "mysql", "java", "bash"}
    files = [each for place in (state, written) for each in place.rglob("*") if each.is_file()]
    assert len(files) > 6 and list((state / "spool").rglob("[0-9]*"))
    said += [log.read_text(), *(each.decode("latin-1") for each in history)]
    said += [each.read_bytes().decode("latin-1") for each in files]
    leaked = {secret for text in said for secret in SECRETS if holds(text, secret)}
    assert leaked == set()


def test_who_wants_all_has_it_from_both(lab, service, host, made_up, tmp_path):
    """The daemon keeps whole command lines if told so, and a run says them if told so; its findings do not."""
    state, over, secret = tmp_path / "state", tmp_path / "over", SECRETS[0]
    program = tmp_path / "calling.py"
    program.write_text(CALLING)
    with daemon(lab, state, "--root", str(host), "--full-command-lines"):
        with watching(lab, "--json", "--full-command-lines") as told:
            child = lab.instance.start([sys.executable, "-IS", str(program), f"a:{secret}", str(over)])
            try:
                wait_for(lambda: told.so_far and evidence(state).imdsv1)
            finally:
                over.touch()
                child.wait(timeout=SOON_S)
    assert secret in told.out
    assert not holds(str(evidence(state)), secret)
    argv = [
        sys.executable,
        "-m",
        "imds_probe",
        "run",
        "--root",
        str(host),
        "--output",
        "json",
        "--state-directory",
        str(state),
    ]
    without, whole = (
        json.loads(made_up.run([*argv, *more], timeout_s=2 * SOON_S, env={"PYTHONPATH": SOURCE}).stdout)
        for more in ((), ("--full-command-lines",))
    )
    assert not holds(json.dumps(without), secret)
    assert holds(json.dumps(whole["callers"]), secret) and not holds(json.dumps(whole["findings"]), secret)
