"""Commands, and what their variables hold. Most of it is in the snippets."""

from __future__ import annotations

import time

import pytest

from imds_probe.inventory.code.forms import shell

URL = "http://169.254.169.254/latest/meta-data/"


def bare(text: str) -> bool:
    return shell.judged(text).evidence.bare


@pytest.mark.parametrize(
    "command",
    [
        f"curl -s {URL}",
        f"A={URL}\ncurl $A/x",
        f"A=$B\nB={URL}\nwget -q ${{A}}x",
        f"curl ${{1:-{URL}}}",
        f"curl -s \\\n  {URL}",
        f"x && /usr/bin/curl '{URL}' | head",
        f"CURL=/usr/bin/curl\n$CURL -s {URL}",
        f'note="curl -s {URL}"\n$note',
        f'help="curl -s {URL}"\necho "$help"\neval "$help"',
        f'CURL="curl -s"\nid=$($CURL {URL})',
        f'CURL=$(which curl)\nif "${{CURL}}" -s {URL}; then x; fi',
        f'get=(wget -q)\n"${{get[@]}}" {URL}',
        f"lynx -dump {URL}",
        f"sudo -u x timeout 5 lynx {URL}",
        f"A=b fetch -o - {URL}",
        f"*/5 * * * * root fetch -o - {URL}",
        f"ExecStart=/usr/bin/links {URL}",
        f"x=$(GET {URL})",
        f"sh -c 'GET {URL}'",
        f'logger "$(curl {URL})"',
        f"logger started; curl {URL}",
        f'C="nice curl -s {URL}"; $C',
        f"curl -X GET {URL}",
        f"lwp-download {URL} /tmp/x",
        "exec 3<>/dev/tcp/169.254.169.254/80\nprintf 'GET /latest/meta-data/x HTTP/1.0\\r\\n\\r\\n' >&3",
    ],
)
def test_surely_without_a_token(command: str) -> None:
    assert bare(command)


@pytest.mark.parametrize(
    "command",
    [
        f'curl -H "$HEADER" {URL}',
        f'curl "${{OPTS[@]}}" {URL}',
        f'curl "$@" {URL}',
        f"T='X-aws-ec2-metadata-token: x'\ncurl -H \"$T\" {URL}",
        f"curl -H 'X-aws-ec2-metadata-token: x' \\\n {URL}",
        "curl http://169.254.169.254/computeMetadata/v1/",
        "curl https://example.com/",
        f"# curl {URL}",
        f"LESS=less\n$LESS {URL}",
        f"help:\n\t@echo 'Run: curl {URL}'",
        f'note="curl -s {URL}"\necho "$note"',
        f'note="curl -s {URL}"',
        f'logger "could not fetch {URL}"',
        f'logger -t x "will not curl {URL}"',
        f'x || logger "see links {URL}"',
        f'HELP="Use lynx {URL}"',
        f'HELP="Use curl {URL}"',
        f"message 'sorry, could not GET {URL}, nor fetch {URL}'",
        f'T="curl -H X-aws-ec2-metadata-token:x"\n$T {URL}',
        "(echo >/dev/tcp/169.254.169.254/80) && echo up",
    ],
)
def test_perhaps_with_one(command: str) -> None:
    assert not bare(command)


@pytest.mark.parametrize(
    "part",
    [
        "curl ",
        "curl $A ",
        "A=$A$A\ncurl $A\n",
        "#",
        "'",
        '"',
        "$(",
        "a=",
        "${A:-",
        "\\\n",
        "169.254.169.254 ",
        "a() {\n",
    ],
)
def test_time_is_in_proportion(part: str) -> None:
    def seconds(times: int) -> float:
        began = time.thread_time()
        shell.judged("curl x\n" + part * times + URL)
        return time.thread_time() - began

    took = seconds(16_000)
    assert took < 2 or min(seconds(16_000) for _ in range(3)) < 20 * max(0.01, min(seconds(2000) for _ in range(3)))
