from __future__ import annotations

import pytest

from imds_probe.inventory.code.following.named_files import ENV_FILE, NAMED_MAX, named_settings


def test_files_of_settings_by_their_names() -> None:
    text = b"json.load(open('/etc/app/a.json')); read('b.ini'), c.yaml .env x.jsonl json.conf( d.config ../e.toml /x.json.bak"
    assert named_settings(text) == ("/etc/app/a.json", "b.ini", "c.yaml", "../e.toml")


def test_there_are_only_so_many_of_any_length() -> None:
    many = b" ".join(b"%d.json" % number for number in range(100))
    assert len(named_settings(many)) == NAMED_MAX
    assert len(named_settings(b"x" * 10_000 + b".json")[0]) <= 200


@pytest.mark.parametrize(
    "text",
    [
        b"require('dotenv').config()",
        b"from dotenv import load_dotenv",
        b"axios.get(process.env.IMDS)",
        b"os.environ['IMDS']",
        b"getenv('IMDS')",
        b"ENV['IMDS']",
        b"ENV.fetch('IMDS')",
        b"$_ENV['IMDS']",
        b"env('IMDS')",
    ],
)
def test_what_takes_the_environment_may_have_it_from_a_file(text: bytes) -> None:
    assert named_settings(text) == (ENV_FILE,)
    assert named_settings(text, in_shell=True) == ()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (b"wget -q -i /srv/urls.txt -O /run/id", "/srv/urls.txt"),
        (b"wget --input-file=urls", "urls"),
        (b"curl -sK /srv/x.curl", "/srv/x.curl"),
        (b'curl --config "/srv/x.curl"', "/srv/x.curl"),
        (b"curl -s $(cat /srv/url)", "/srv/url"),
        (b'curl -s "$(< url)"', "url"),
        (b"curl -s `cat /srv/url`", "/srv/url"),
        (b"while read -r u; do curl $u; done < /srv/urls", "/srv/urls"),
    ],
)
def test_what_a_shell_reads_addresses_from(text: bytes, named: str) -> None:
    assert named_settings(text, in_shell=True) == (named,)
    assert named_settings(text) == ()
