from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe.kept.command_line import SHOWN_MAX, kept, kept_of_stored, script_of

PYTHON, JAVA, AWS = "/usr/bin/python3.11", "/usr/lib/jvm/java-17/bin/java", "/usr/local/aws-cli/v2/current/dist/aws"
DOTNET = "/usr/share/dotnet/dotnet"


@pytest.mark.parametrize(
    ("arguments", "exe", "shown"),
    [
        (["curl", "-s", "http://169.254.169.254/"], "/usr/bin/curl", "curl -s http://169.254.169.254/"),
        (["/usr/bin/curl", "-4", "-o", "/tmp/x"], "/usr/bin/curl", "/usr/bin/curl -4 -o …"),
        (["app", "--password=hunter2", "x"], "/opt/app", "app --password=… …"),
        (["app", "--db-password", "hunter2", "x"], "/opt/app", "app --db-password …"),
        (["mysql", "-phunter2", "--user=a"], "/usr/bin/mysql", "mysql -p… --user=…"),
        (["app", "--hunter2", "--Hunter", "-3x"], "/opt/app", "app --… --… -…"),
        (["app", "--config", "/etc/app.toml", "--port=80", "--timeout", "5"], "/opt/app", None),
        (["app", "--config", "hunter2", "--port", "hunter2"], "/opt/app", "app --config … --port …"),
        (["app", "--config=/etc/a?token=x", "--region", "eu-west-1"], "/opt/app", "app --config=… --region eu-west-1"),
        (["app", "--", "--hunter", "x"], "/opt/app", "app -- …"),
        (["systemctl", "start", "web.service"], "/usr/bin/systemctl", "systemctl start web.service"),
        (["aws", "s3", "sync", "a", "s3://b/hunter2"], AWS, "aws s3 sync … s3://…"),
        (["aws", "configure", "set", "aws_secret_access_key", "hunter2"], AWS, "aws configure set …"),
        (["aws", "--profile", "x", "s3", "ls"], AWS, "aws --profile …"),
        (["/usr/bin/python3", "/usr/bin/aws", "s3", "ls"], PYTHON, "/usr/bin/python3 /usr/bin/aws s3 ls"),
        (["python3", "-u", "/opt/sync.py", "--token", "hunter2"], PYTHON, "python3 -u /opt/sync.py --token …"),
        (["python3", "-m", "http.server", "80"], PYTHON, "python3 -m http.server …"),
        (["python3", "-c", "x = 'hunter2'", "--no"], PYTHON, "python3 -c …"),
        (["python3", "--hunter", "/opt/hunter2.py"], PYTHON, "python3 --hunter …"),
        (["sh", "-c", "PGPASSWORD=hunter2 psql"], "/usr/bin/dash", "sh -c …"),
        (["awk", "/hunter2/", "/etc/x"], "/usr/bin/mawk", "awk …"),  # a pattern, and no path
        (["awk", "-f", "/opt/report.awk", "hunter2"], "/usr/bin/mawk", "awk -f /opt/report.awk …"),
        (["bash", "/opt/run.sh", "hunter2"], "/usr/bin/bash", "bash /opt/run.sh …"),
        (["java", "-Dx.password=hunter2", "-jar", "/a.jar"], JAVA, "java -D… -jar /a.jar"),
        (["java", "-cp", "a:b", "org.example.app.Main", "x"], JAVA, "java -cp … org.example.app.Main …"),
        (
            ["dotnet", "exec", "--depsfile", "/a.json", "/app/a.dll", "x"],
            DOTNET,
            "dotnet exec --depsfile … /app/a.dll …",
        ),
        (["dotnet", "run", "hunter2"], DOTNET, "dotnet …"),
        (["busybox", "wget", "-q"], "/bin/busybox", "busybox wget -q"),
        (["nginx: worker hunter2"], "/usr/sbin/nginx", "nginx …"),
        (["-bash"], "/usr/bin/bash", "bash"),
        (["hunter2", "x"], "/opt/app", "app …"),
        (["hunter2", "x"], None, "…"),
        (["curl", "x"], None, "curl …"),
        ([""], "/opt/app", ""),
        ([], None, ""),
        (["x", "\x1b[2J"], "/usr/bin/x", "x …"),
    ],
)
def test_what_is_kept(arguments: list[str], exe: str | None, shown: str | None) -> None:
    assert kept(arguments, exe) == (" ".join(arguments) if shown is None else shown)


def test_what_an_earlier_version_stored_is_kept_by_the_same_rule() -> None:
    assert (
        kept_of_stored("curl -u a:b --token *** https://x/?sig=1", "/usr/bin/curl") == "curl -u … --token … https://…"
    )


WORDS = st.sampled_from(
    (
        *(
            "python3",
            "-m",
            "-c",
            "-jar",
            "-x",
            "-W",
            "--config",
            "/etc/a",
            "--port",
            "80",
            "/opt/a.py",
            "aws",
            "s3",
            "ls",
        ),
        *("--", "…", "--x=…", "http://169.254.169.254/latest/", "a.service", "--region", "eu-west-1", "java", "-Dx=y"),
    )
)
EXES = st.sampled_from((None, PYTHON, JAVA, AWS, DOTNET, "/usr/bin/dash", "/usr/bin/curl", "/opt/app"))


@given(st.lists(WORDS | st.text(max_size=20), max_size=12), EXES)
def test_it_is_printable_bounded_and_stays_as_it_is(arguments: list[str], exe: str | None) -> None:
    line = kept(arguments, exe)
    assert len(line) <= SHOWN_MAX and line.isprintable()
    assert kept_of_stored(line, exe) == line


@pytest.mark.parametrize("word", ["pwd" * 400_000, "-" * 1_000_000, "a:" * 500_000, "/" * 1_000_000, "--a-" * 300_000])
def test_a_long_word_costs_no_more_than_its_beginning(word: str) -> None:
    assert len(kept([word] * 1000, "/usr/bin/app")) <= SHOWN_MAX


@pytest.mark.parametrize(
    ("arguments", "exe", "script"),
    [
        (["/bin/sh", "/usr/local/bin/register-dns", "hunter2"], "/usr/bin/dash", "/usr/local/bin/register-dns"),
        (["bash", "-eu", "jobs/x.sh"], "/usr/bin/bash", "jobs/x.sh"),
        (["bash", "hunter2"], "/usr/bin/bash", ""),
        (["sh", "-c", "/opt/x.sh"], "/usr/bin/dash", ""),
        (["-bash"], "/usr/bin/bash", ""),
        (["sh", "--hunter2", "/opt/x.sh"], "/usr/bin/dash", ""),
        (["python3", "-u", "/opt/sync.py"], PYTHON, "/opt/sync.py"),
        (["python3", "-m", "app.main"], PYTHON, "module app.main"),
        (["python3", "-c", "hunter2"], PYTHON, ""),
        (["/usr/bin/python3", "/usr/bin/aws", "s3"], PYTHON, "/usr/bin/aws"),
        (["java", "-jar", "/a.jar"], JAVA, "/a.jar"),
        (["dotnet", "app.dll"], DOTNET, "app.dll"),
        (["dotnet", "--roll-forward", "Major", "/app/a.dll", "--x"], DOTNET, "/app/a.dll"),
        (["dotnet", "run"], DOTNET, ""),
        (["awk", "/opt/x.awk"], "/usr/bin/gawk", ""),
        (["awk", "-F", ":", "-f", "/opt/x.awk"], "/usr/bin/gawk", "/opt/x.awk"),
        (["awk", "-F:", "BEGIN{}"], "/usr/bin/gawk", ""),
        (["busybox", "sh", "/opt/x.sh"], "/bin/busybox", "/opt/x.sh"),
        (["sh", "/opt/x.sh"], "/bin/busybox", "/opt/x.sh"),
        (["curl", "/opt/x.sh"], "/usr/bin/curl", None),
        (["sh", "/opt/x.sh"], None, None),
        ([], "/usr/bin/dash", ""),
    ],
)
def test_the_script_that_an_interpreter_runs(arguments: list[str], exe: str | None, script: str | None) -> None:
    assert script_of(arguments, exe) == script
