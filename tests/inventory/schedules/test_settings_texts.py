from __future__ import annotations

import pytest

from imds_probe.inventory.schedules import settings_texts as by_text
from imds_probe.inventory.schedules.settings_commands import Language


@pytest.mark.parametrize(
    ("language", "text", "commands"),
    [
        (by_text.monit, 'check process x with pidfile /p\n start program = "/x a" as uid y\n', ["/x a"]),
        (by_text.monit, "if failed then exec /y\ncheck file z with path /z\n", ["/y"]),
        (by_text.apt, 'DPkg {Pre-Invoke {"a";"b \\"c\\"";};};\nX::Y "z";\n', ["a", 'b "c"']),
        (by_text.apt, 'APT::Update::Post-Invoke-Success:: "a";\nDir "/z";\n', ["a"]),
        (by_text.listed, '{"command": "x \\"a\\"", "name": "y"}', ['x "a"']),
        (by_text.listed, 'args = ["x", "a b"]\nhttp = "y"\n', ["x 'a b'"]),
        (by_text.listed, 'commands = [\'x a\', "y"]\n  command = ["z",\n"b"]\n', ["x a", "y", "z b"]),
        (by_text.listed, "command = x\nargs = [\n", []),
    ],
)
def test_commands_of_each_language(language: Language, text: str, commands: list[str]) -> None:
    assert [each.command for each in language(text)] == commands


URL = "http://169.254.169.254/latest/meta-data/instance-id"
CHECK = "check host m with address 169.254.169.254\n if failed port 80 protocol http"


@pytest.mark.parametrize(
    ("language", "text", "commands"),
    [
        (by_text.telegraf, f'[[inputs.http]]\n  urls = [\n "http://x",\n "{URL}"]\n', [f"curl -s {URL}"]),
        (by_text.telegraf, f'[[inputs.x]]\n  url = "{URL}"\n[[outputs.http]]\n', [f"curl -s {URL}"]),
        (by_text.telegraf, f'[[outputs.http]]\n  url = "{URL}"\n#  urls = ["{URL}"]\n', []),
        (
            by_text.telegraf,
            f'[[inputs.http]]\n urls = ["{URL}"]\n headers = {{"X-aws-ec2-metadata-token" = "$T"}}\n',
            [],
        ),
        (by_text.telegraf, 'commands = ["x"]\n', ["x"]),
        (by_text.consul, f'{{"checks": [{{"http": "{URL}"}}, {{"args": ["x", "y"]}}]}}', ["x y", f"curl -s {URL}"]),
        (by_text.consul, f'check {{\n  http = "{URL}" # "{URL}"\n}}\nhttp = "http://x"\n', [f"curl -s {URL}"]),
        (by_text.consul, f'check {{\n  http = "{URL}"\n  header = {{ X-aws-ec2-metadata-token = ["t"] }}\n}}\n', []),
        # One check has a token, and the one beside it none.
        (
            by_text.consul,
            f'checks = [{{ id = "{{"\n header = {{ X-aws-ec2-metadata-token = ["t"] }}\n http = "{URL}" }},\n'
            f'{{ http = "{URL}/"\n tags = {{ a = "b" }} }},\n{{ args = ["x", "metadata-token"] }}]',
            ["x metadata-token", f"curl -s {URL}/"],
        ),
        (by_text.consul, '{"http": "http:\\/\\/169.254.169.254\\/"}', ["curl -s http://169.254.169.254/"]),
        (by_text.consul, f'/*\nhttp = "{URL}"\n*/\nx = 1 # http = "{URL}"\n// http = "{URL}"\n', []),
        (by_text.consul, 'addresses {\n  http = "169.254.169.254"\n}\n', []),
        (by_text.monit, f'{CHECK} request "/latest/"\n', ["curl -s http://169.254.169.254/latest/"]),
        (by_text.monit, f"{CHECK} then alert\n", ["curl -s http://169.254.169.254/"]),
        (by_text.monit, f"check host x address 10.0.0.1\n if failed protocol http\n# {CHECK}\n", []),
        (
            by_text.monit,
            "check host m address 169.254.169.254\n if failed ping\ncheck host x address y\n protocol http",
            [],
        ),
    ],
)
def test_requests_that_software_makes_by_its_settings(language: Language, text: str, commands: list[str]) -> None:
    assert [each.command for each in language(text)] == commands
