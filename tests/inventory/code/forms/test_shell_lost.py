"""Variables that hold a token, and others that are empty where a request takes them."""

from __future__ import annotations

import io

import pytest

from imds_probe.inventory.code.file import said_by
from imds_probe.inventory.code.forms.shell_lost import LOST, Lost

BASE = "http://169.254.169.254/latest"
PUT = f"curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' {BASE}/api/token"
SET = f"TOKEN=$({PUT})"
GET = f'curl -sf -H "X-aws-ec2-metadata-token: $TOKEN" {BASE}/meta-data/instance-id'
ESCAPED = GET.replace('"', '\\"').replace("$", "\\$")


def speaks(text: str, first: str = "#!/bin/bash\n") -> str | None:
    return said_by(io.BytesIO(f"{first}{text}\n".encode()), "/opt/x.sh").speaks


@pytest.mark.parametrize(
    "text",
    [
        f"{PUT} | read TOKEN\n{GET} || echo broken",
        f"{PUT} |\n  read -r TOKEN\n{GET}",
        f"{PUT} | while read -r l; do\n  TOKEN=$l\ndone\n{GET}",
        f"{PUT} | {{ read TOKEN; }}\n{GET}",
        f"if {PUT} | read TOKEN; then\n  {GET}\nfi",
        f"get_token() {{\n  local TOKEN=$({PUT})\n}}\nget_token\n{GET}",
        f"function get_token {{\n  local TOKEN\n  {SET}\n}}\nget_token\nID=$({GET})",
        f"get_token() {{ {SET}; echo $TOKEN; }}\nT=$(get_token)\n{GET}",
        f"begin() {{ {SET}; }}\nfetch() {{ {GET}; }}\nbegin | tee /var/log/x\nfetch",
        f"( {SET} )\n{GET}",
        f"{SET} &\n{GET}",
        f"[ -x /a ] && {SET} &\nwait\n{GET}",
        f"{SET}\nbash -c '{GET}'",
        f"{SET}\nbash <<'EOF'\n{GET}\nEOF",
        f"export {SET}\nsudo -u app sh -c '{GET}'",
        f"export {SET}\ndocker exec app sh -c '{GET}'",
        f'{SET}\nsudo sh -c "{ESCAPED}"',
        f"TOKN=$({PUT})\n{GET}",
        f'TOKN=$({PUT})\nHEADER="X-aws-ec2-metadata-token: $TOKEN"\ncurl -H "$HEADER" {BASE}/meta-data/',
        f"# {SET}\n{GET}",
        f'( {SET} )\nif [ -z "$TOKEN" ]; then\n  curl -s {BASE}/meta-data/instance-id\nfi',
    ],
)
def test_a_token_that_is_lost_is_none(text: str) -> None:
    assert speaks(text) == "both"


@pytest.mark.parametrize(
    "text",
    [
        f"{SET}\n{GET}",
        f"shopt -s lastpipe\n{PUT} | read TOKEN\n{GET}",
        f"{PUT} | while read -r TOKEN; do\n  {GET}\ndone",
        f"{PUT} | {{ read TOKEN; {GET}; }}",
        f"while read -r l; do TOKEN=$l; done < <({PUT})\n{GET}",
        f"read -r TOKEN <<< $({PUT})\n{GET}",
        f"mapfile -t TOKEN < <({PUT})\n{GET}",
        f'printf -v TOKEN %s "$({PUT})"\n{GET}',
        f': "${{TOKEN:=$({PUT})}}"\n{GET}',
        f"export {SET}\nbash -c '{GET}'",
        f"{SET}\nexport TOKEN\nsu app -c '{GET}'",
        f"export {SET}\nsudo -E sh -c '{GET}'",
        f"T=$({PUT})\nTOKEN=$T bash -c '{GET}'",
        f"T=$({PUT})\nsudo TOKEN=$T sh -c '{GET}'",
        f"{SET}\ndocker exec -e TOKEN=$TOKEN app sh -c '{GET}'",
        f'{SET}\nsudo bash -c "{GET.replace(chr(34), chr(39))}"',
        f"cat > /opt/y.sh <<'EOF'\n{SET}\n{GET}\nEOF",
        f"cat > /opt/y.sh <<EOF\n{SET.replace('$', chr(92) + '$')}\n{GET.replace('$', chr(92) + '$')}\nEOF",
        f"main() {{\n  local TOKEN\n  {SET}\n  fetch\n}}\nfetch() {{\n  {GET}\n}}\nmain | tee /var/log/x",
        f"begin() {{ {SET}; }}\nbegin\n{GET}",
        f"case $1 in\n start)\n  {SET}\n  ;;\nesac\n{GET}",
        f"(\n {SET}\n {GET}\n)",
        f"{SET} || exit 1\n{GET} | logger &",
        f'{SET}\nif [ -z "$TOKEN" ]; then\n  curl -s {BASE}/meta-data/instance-id\nelse\n  {GET}\nfi',
        f"x=(a b)\n(( x > 0 )) && {SET} 2>&1\n[[ $x =~ ^(a|b)$ ]] && {GET}",
        f'{SET}\necho "it\'s (here" # and )\n{GET}',
        f"f() {{ local -n out=$1; out=$({PUT}); }}\nf TOKEN\n{GET}",
        f'f() {{ printf -v "$1" %s "$({PUT})"; }}\nf TOKEN\n{GET}',
        f'f() {{ eval "$1=\\$({PUT})"; }}\nf TOKEN\n{GET}',
        f"(echo TOKEN=$({PUT})) > /run/e\ndocker run --env-file /run/e x sh -c '{GET}'",
        f"sh -c 'cat > /run/e' <<EOF\nTOKEN=$({PUT})\nEOF\n. /run/e\n{GET}",
        f"T=$({PUT})\nTOKEN=$T \\\n  bash -c '{GET}'",
    ],
)
def test_a_token_that_reaches_its_request_is_one(text: str) -> None:
    assert speaks(text) == "v2"


def test_the_empty_variable_is_shown() -> None:
    said = said_by(io.BytesIO(f"#!/bin/sh\nTOKN=$({PUT})\n{GET}\n".encode()), "/opt/x.sh")
    assert LOST in said.quote
    assert said.shown is not None and said.shown.line == 3


def test_some_shells_run_the_last_command_of_a_pipe_themselves() -> None:
    text = f"{PUT} | read TOKEN\n{GET}"
    assert [speaks(text, f"#!/bin/{shell}\n") for shell in ("ksh", "zsh", "sh")] == ["v2", "v2", "both"]


@pytest.mark.parametrize(
    "text",
    [
        GET,
        f"token() {{ {PUT}; }}\nget() {{ {GET}; }}\nid() {{ get; }}",
        f"{PUT} > /run/t\n. /run/env\nf() {{ {GET}; }}",
    ],
)
def test_what_another_script_may_set_is_no_loss(text: str) -> None:
    assert speaks(text) == "v2"


@pytest.mark.parametrize(
    "text",
    [
        f"- shell: |\n    {SET}\n    {GET}",
        f"run: |-\n  {SET}\n  {GET}",
        f"args:\n- |\n  {SET}\n  {GET}",
        f"environment:\n  TOKEN: '{{{{ token }}}}'\nbefore: {PUT}\nshell: {GET}",
    ],
)
def test_a_text_in_yaml_is_no_pipe(text: str) -> None:
    assert said_by(io.BytesIO(f"{text}\n".encode()), "/opt/x.yml").speaks == "v2"


def test_a_unit_may_have_a_token_from_a_file() -> None:
    put, get = PUT.replace("'", '"'), GET
    before = f"[Service]\nExecStartPre=/bin/sh -c 'echo TOKEN=$({put}) > /run/e'\n"
    text = f"{before}EnvironmentFile=/run/e\nExecStart=/bin/sh -c '{get}'\n"
    assert said_by(io.BytesIO(text.encode()), "/etc/systemd/system/a.service").speaks == "v2"


def test_wget_sends_a_header_without_a_value() -> None:
    assert speaks(f'TOKN=$({PUT})\nwget -q --header "X-aws-ec2-metadata-token: $TOKEN" {BASE}/meta-data/') == "v2"


def test_a_variable_of_a_text_that_is_too_long_is_not_called_lost() -> None:
    text = f"TOKN=$({PUT})\n{GET}\n"
    at = text.index("$TOKEN")
    assert Lost(text, text).is_lost("TOKEN", at)
    assert not Lost(text + " " * 300_000, text).is_lost("TOKEN", at)


def test_functions_that_call_one_another_end() -> None:
    calls = "".join(f"f{each}() {{ f{(each + 1) % 40}; f{(each + 7) % 40}; {GET}; }}\n" for each in range(40))
    text = f"{calls}( {SET} )\nf0\n"
    assert Lost(text, text).is_lost("TOKEN", text.index("$TOKEN"))
