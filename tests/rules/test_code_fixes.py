"""The lines that a fix has people paste, run as they are but for the address: against a service that requires tokens."""

import io
import shutil
import sys
from dataclasses import replace

import pytest
from code_seen import AGENT, BACKUP
from observed import CATALOG, FACTS, HOST, changed

from imds_probe.facts.host import OsRelease
from imds_probe.inventory.code.file import said_by
from imds_probe.inventory.code.forms import FORMS
from imds_probe.rules.code_fixes import ADDRESS, WITH_PYTHON, WITH_SHELL, fix_for
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState
from imds_probe.system import process

# Notes how it was called, and what a token request brought, which is all that it may be known by.
NOTING = """#!/bin/sh
tr '\\0' ' ' </proc/$$/cmdline >>{notes}/arguments
echo >>{notes}/arguments
case "$*" in
*PUT*) {real} "$@" >{notes}/token; code=$?; cat {notes}/token; exit $code ;;
*) exec {real} "$@" ;;
esac
"""
CLIENTS = ("curl", "wget")
TOOLS = ("sh", "bash", "cat", "tr", "mktemp", "rm")
RUN_S = 60


def pasted(lines, simulator):
    return "\n".join(lines).replace(ADDRESS, simulator.url) + "\n"


@pytest.fixture
def noting(tmp_path, client):
    """A host with this client alone, which notes its arguments, as /proc has them, and then does its work."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in TOOLS:
        (programs / tool).symlink_to(shutil.which(tool))
    (programs / client).write_text(NOTING.format(notes=tmp_path, real=shutil.which(client)))
    (programs / client).chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_lines_for_a_shell_ask_by_token_and_show_it_to_nobody(shell, noting):
    with Simulator(InstanceState(http_tokens="required")) as simulator:
        script = pasted(WITH_SHELL, simulator)
        environment = {"PATH": f"{noting}/bin", "TMPDIR": str(noting), "http_proxy": "http://127.0.0.1:9"}
        done = process.run([shell, "-x"], stdin=script.encode(), timeout_s=RUN_S, env=environment)
        counts = simulator.counts
    assert (done.returncode, done.stdout.decode()) == (0, InstanceState().instance_id)
    assert (counts.token_puts, counts.imdsv1, counts.total) == (1, 0, 2)
    token = (noting / "token").read_text()
    arguments = (noting / "arguments").read_text()
    assert len(token) > 20
    assert arguments.count("latest/api/token") == 1
    assert token not in arguments
    assert token not in done.stderr.decode()
    assert {path.name for path in noting.iterdir()} == {"bin", "arguments", "token"}


@pytest.mark.parametrize("client", CLIENTS)
def test_without_a_token_nothing_else_is_asked(noting):
    with Simulator(InstanceState(http_endpoint="disabled")) as simulator:
        environment = {"PATH": f"{noting}/bin", "TMPDIR": str(noting)}
        script = pasted(WITH_SHELL, simulator).encode()
        done = process.run(["sh"], stdin=script, timeout_s=RUN_S, env=environment)
        counts = simulator.counts
    assert done.returncode != 0
    assert (counts.total, counts.token_puts, counts.imdsv1) == (1, 1, 0)


# What Python 2 has in the place of urllib.request: requests without a method of their own.
PYTHON_2 = """import sys, urllib.request as new
class urllib2:
    build_opener, ProxyHandler = new.build_opener, new.ProxyHandler
    class Request(new.Request):
        def __init__(self, url, data=None, headers={}):
            new.Request.__init__(self, url, data, headers)
sys.modules.update({"urllib.request": None, "urllib2": urllib2})
"""


@pytest.mark.parametrize("before", ["", PYTHON_2], ids=["3", "2"])
def test_the_lines_for_python_ask_by_token_past_any_proxy(before):
    with Simulator(InstanceState(http_tokens="required")) as simulator:
        script = (before + pasted(WITH_PYTHON, simulator)).encode()
        environment = {"http_proxy": "http://127.0.0.1:9"}
        done = process.run([sys.executable, "-"], stdin=script, timeout_s=RUN_S, env=environment)
        counts = simulator.counts
    assert (done.stdout.decode().strip(), done.stderr) == (InstanceState().instance_id, b"")
    assert (counts.token_puts, counts.imdsv1, counts.total) == (1, 0, 2)


def test_without_a_token_the_lines_for_python_ask_for_nothing_else():
    with Simulator(InstanceState(http_endpoint="disabled")) as simulator:
        done = process.run([sys.executable, "-"], stdin=pasted(WITH_PYTHON, simulator).encode(), timeout_s=RUN_S)
        counts = simulator.counts
    assert done.returncode != 0
    assert (counts.total, counts.token_puts, counts.imdsv1) == (1, 1, 0)


def test_the_lines_themselves_are_code_that_asks_for_a_token():
    """What is pasted is read by the next run, and must not block it."""
    for lines, name in ((WITH_SHELL, "x.sh"), (WITH_PYTHON, "x.py")):
        said = said_by(io.BytesIO("\n".join(lines).encode()), f"/usr/local/bin/{name}")
        assert (said.speaks, said.whole) == ("v2", True)


def fixed(code, facts=FACTS):
    return fix_for(code, facts, CATALOG)


def test_a_script_gets_lines_in_its_own_language():
    assert fixed(BACKUP).commands == WITH_SHELL
    assert fixed(replace(BACKUP, form="python")).commands == WITH_PYTHON
    assert fixed(BACKUP).text == (
        "Put these lines into /usr/local/bin/backup in place of its own requests. They ask for a token first. The last line is an "
        "example of a request."
    )


@pytest.mark.parametrize("path", ["/etc/cron.d/x", "/var/spool/cron/crontabs/root", "/etc/systemd/system/x.service"])
def test_where_a_command_has_one_line_the_lines_go_into_a_script(path):
    assert fixed(replace(BACKUP, path=path)).text.startswith(
        f"Put these lines into a script that {path} starts, in place of "
    )
    assert "a script that" not in fixed(replace(BACKUP, path="/etc/cron.daily/x")).text


def test_a_script_of_another_language_is_told_what_to_send():
    fix = fixed(replace(BACKUP, form="perl", runs="running"))
    assert "X-aws-ec2-metadata-token-ttl-seconds: 60" in fix.text
    assert fix.text.endswith("with each request, and restart what runs it.")


def test_a_package_is_upgraded_to_the_version_that_the_catalog_knows():
    debian = changed(FACTS, host=replace(HOST, os=OsRelease("debian", "12", None)))
    package = replace(AGENT, package="restic 0.11.0-1 (dpkg)")
    fix = fixed(package, debian)
    assert fix.commands == ("apt-get update && apt-get install --only-upgrade restic",)
    assert fix.text.startswith("Upgrade restic, and restart what runs it.")
    assert "ask its vendor" in fix.text
    row = next(row for row in CATALOG.rows if row.minimum)
    known = fixed(replace(package, component=row.id), debian)
    assert known.text == f"Upgrade restic to {row.minimum} or later, and restart what runs it."


def test_a_library_is_upgraded_where_it_lies_and_an_image_is_rebuilt():
    library = replace(
        AGENT, path="/srv/env/lib/python3.11/site-packages/minio/credentials.py", package="minio 7.1.0 (pypi)"
    )
    assert fixed(library).commands == ("/srv/env/bin/python3 -m pip install --upgrade minio",)
    inside = fixed(replace(library, on_host=False, container_ids=("a" * 64,)))
    assert (inside.text.partition(".")[0], inside.commands) == (
        "Rebuild the image with minio upgraded, and recreate its containers",
        (),
    )


def test_in_another_root_it_is_changed_there():
    jail = replace(AGENT, path="/usr/bin/s3cmd", package="s3cmd 2.1.0-2 (dpkg)", on_host=False, inside="/srv/bullseye")
    fix = fixed(jail)
    assert (fix.text.partition(". ")[0], fix.commands) == ("Upgrade s3cmd in the chroot /srv/bullseye", ())
    script = replace(jail, path="/opt/x.sh", package=None, form="shell", runs="scheduled")
    assert "into /opt/x.sh in place of its own requests in the chroot /srv/bullseye." in fixed(script).text
    image = replace(script, inside="image x:1")
    assert "its own requests in the image, and deploy the new image to this host." in fixed(image).text
    assert fixed(replace(jail, inside="image x:1")).text.startswith("Rebuild the image with s3cmd upgraded")


def test_what_a_process_was_given_is_changed_where_the_command_stands():
    given = replace(BACKUP, path="/usr/bin/dash", runs="running", pids=(5,), started_by=(), in_arguments=True)
    fix = fixed(given)
    assert fix.commands == WITH_SHELL
    assert fix.text.startswith(
        "Put these lines into the command that /usr/bin/dash is given in place of its own requests, and restart what runs it."
    )
    inside = fixed(replace(given, on_host=False, container_ids=("a" * 64,)))
    assert "its own requests (in the image, pod or compose file), and recreate the containers." in inside.text


def test_what_only_an_image_has_is_changed_in_the_image():
    script = replace(BACKUP, on_host=False, container_ids=("a" * 64,), package="shop:3 (image)")
    fix = fixed(script)
    assert fix.commands == WITH_SHELL
    assert "in place of its own requests in the image, and recreate its containers." in fix.text
    assert fix.text.endswith("If the image is a vendor's, ask the vendor for a version that asks for a token.")
    compiled = fixed(replace(script, form="elf", path="/app/agent"))
    assert compiled.text.startswith(
        "Build a version of the image shop:3 in which /app/agent asks for a token, and recreate its containers."
    )


def test_what_has_no_source_is_its_owners():
    assert fixed(AGENT).text == (
        "Ask the owner of /opt/agent/agent or its vendor for a version that asks for a token, and restart what runs it."
    )
    assert "Ask user 1000, who can write /opt/agent/agent," in fixed(replace(AGENT, owner_uid=1000)).text


# What a language is compiled to, and what is no program: there is nothing to change in the file itself.
NO_SOURCE = {"elf", "dotnet", "byte code", "beam", "pyc", "class", "settings", "text"}


@pytest.mark.parametrize("form", sorted({each.name for each in FORMS}))
def test_a_source_is_to_be_changed_and_the_rest_is_its_vendors(form):
    text = fix_for(replace(BACKUP, form=form, path="/srv/x", package=None), FACTS, CATALOG).text
    assert text.startswith(("Put these lines into /srv/x ", "Change /srv/x ")) is (form not in NO_SOURCE)
