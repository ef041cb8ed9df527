"""Whatever form a secret is given in, what is kept of it does not have it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from secrets_made import FORMS, holds, secrets

from imds_probe.catalog.rows import FileFormat
from imds_probe.errors import ProbeError
from imds_probe.inventory.settings.formats import look_up
from imds_probe.inventory.settings.said import said
from imds_probe.kept.command_line import kept, kept_of_stored
from imds_probe.kept.message import kept_message, without_urls
from imds_probe.kept.metadata_path import kept_path
from imds_probe.kept.process_name import kept_name
from imds_probe.kept.user_agent import kept_user_agent
from imds_probe.net.obstacles import settings
from imds_probe.net.obstacles.iptables import quoted
from imds_probe.net.obstacles.nft_quoting import nft_json, nft_rule

SECRETS = secrets()


def test_there_are_as_many_as_they_should_be() -> None:
    assert len(set(SECRETS)) == 200 and len(FORMS) + len(OTHERS) >= 200
    assert not [each for each in SECRETS if any(each in other for other in SECRETS if other != each)]


@pytest.mark.parametrize("number", range(len(FORMS)))
def test_command_lines(number: int) -> None:
    form = FORMS[number]
    for secret in SECRETS:
        arguments = form.arguments(secret)
        for exe in (form.exe, None, "/opt/other"):
            for line in (kept(arguments, exe), kept_of_stored(" ".join(arguments), exe)):
                assert not holds(line, secret), line


OTHERS: dict[str, Callable[[str], str]] = {
    "User-Agent": kept_user_agent,
    "User-Agent, product": lambda secret: kept_user_agent(f"{secret}/1.0"),
    "User-Agent, version": lambda secret: kept_user_agent(f"curl/{secret}"),
    "User-Agent, behind one that is known": lambda secret: kept_user_agent(f"curl/8.1 ({secret}) token={secret}"),
    "path": lambda secret: kept_path(f"/{secret}"),
    "path, version": lambda secret: kept_path(f"/{secret}/meta-data/"),
    "path, below": lambda secret: kept_path(f"/latest/meta-data/{secret}"),
    "path, role": lambda secret: kept_path(f"/latest/meta-data/iam/security-credentials/{secret}"),
    "path, query": lambda secret: kept_path(f"/latest/meta-data/?sig={secret}"),
    "path, fragment": lambda secret: kept_path(f"/latest/meta-data/#{secret}"),
    "name": lambda secret: kept_name(secret[:15], "/usr/bin/app", ["app", secret]),
    "name of a script's process": lambda secret: kept_name(secret[:15], "/usr/bin/python3", ["python3", secret]),
    "nft, comment": lambda secret: nft_rule(f'drop comment "{secret}"'),
    "nft, log": lambda secret: nft_rule(f'log prefix "{secret}" drop'),
    "nft, JSON": lambda secret: json.dumps(nft_json([{"log": {"prefix": secret}}, {"comment": secret}, {secret: 1}])),
    "iptables, comment": lambda secret: quoted(f'-A X -m comment --comment "{secret}" -j DROP'),
    "iptables, comment without quotes": lambda secret: quoted(f"-A X -m comment --comment {secret} -j DROP"),
    "iptables, comment with a quote": lambda secret: quoted(rf'-A X -m comment --comment "\" {secret}" -j DROP'),
    "iptables, log": lambda secret: quoted(f"-A X -j LOG --log-prefix {secret}"),
    "iptables, string": lambda secret: quoted(f'-A X -m string --string "{secret}" --algo bm -j DROP'),
    "message": kept_message,
    "message, quoted": lambda secret: kept_message(f"E: Type '{secret}' is not known on line 3"),
    "message, URL": lambda secret: kept_message(f"Error: failed to fetch https://u:{secret}@h/{secret}"),
    "message, assignment": lambda secret: kept_message(f"error: password={secret}: invalid value"),
    "proxy": lambda secret: without_urls(f'Failed to connect to proxy URL: "http://u:{secret}@h:3128"'),
    "URL of a token": lambda secret: without_urls(f"Could not connect to https://{secret}@logs.amazonaws.com/"),
    "setting": lambda secret: said(secret, ("true",)),
    "setting, unit's environment": lambda secret: said(f"X=yes PASSWORD={secret}", ("X=yes",)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_forms(name: str) -> None:
    for secret in SECRETS:
        said = OTHERS[name](secret)
        assert not holds(said, secret), said


@pytest.mark.parametrize("form", get_args(FileFormat))
@pytest.mark.parametrize("shape", ["§", "a: §: b", "key = §\nkey = §", "[§", "{§", "a: !!§ x", "*§", "'§", "a:\n\t§"])
def test_what_is_said_of_a_file_that_cannot_be_read(form: str, shape: str) -> None:
    for secret in SECRETS:
        try:
            look_up(form, shape.replace("§", secret), "setting.key")  # type: ignore[arg-type]
        except ProbeError as error:
            assert not holds(str(error), secret), error


def test_lines_of_configuration_files(tmp_path: Path) -> None:
    for name, line in (
        (settings.ECS_CONFIG, "ECS_AWSVPC_BLOCK_IMDS=true\nECS_ENGINE_AUTH_DATA={}"),
        (settings.CLOUD_CONFIG, "disable_ec2_metadata: true # {}"),
        (f"{settings.CLOUD_CONFIG}.d/1.cfg", "disable_ec2_metadata: {}"),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(line.format(secret) for secret in SECRETS[:50]))
    said = str(settings.look(tmp_path))
    assert "ECS_AWSVPC_BLOCK_IMDS=true" in said and "disable_ec2_metadata: true" in said
    assert not [secret for secret in SECRETS if holds(said, secret)]
