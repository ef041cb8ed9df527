"""Printed lines for a shell, run by bash: `aws` in them is made a call of botocore by its model, without the AWS CLI's own start of
a second for each. Options, shorthand, files, --query and --output are as in the AWS CLI.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import shlex
import socket
import subprocess
import threading
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import jmespath
from botocore import xform_name
from botocore.validate import ParamValidator

GLOBAL = ("region", "query", "output", "cli-input-json")
# Sends its arguments to the test that runs it, and prints the answer.
CLIENT = """#!/bin/bash
exec 3<>"/dev/tcp/127.0.0.1/$AWS_ARGV_PORT"
printf '%s\\0' "$#" "$PWD" "$@" >&3
read -r status <&3
cat <&3
exit "$status"
"""
_PAIR = re.compile(r"([A-Za-z]+)=([^,]*)(?:,|$)")
_session = botocore.session.Session()


class Refused(Exception):
    """What the AWS CLI would not take, or AWS would not do."""


def calls(line: str) -> Iterator[list[str]]:
    """The calls of the AWS CLI in a line of a shell, which may stand in one another."""
    for part in re.split(r"\$\(|\| | ;; |\) (?=aws )", line):
        if part.startswith("aws "):
            words = shlex.split(_without_the_end(part.replace('"$', '"')), posix=True)
            yield [
                _without_the_end(word) for word in itertools.takewhile(lambda word: not word.startswith(">"), words[1:])
            ]


def _without_the_end(text: str) -> str:
    """Of the call that this one stands in."""
    more = text.count(")") - text.count("(")
    return text[:-more] if more > 0 and text.endswith(")" * more) else text


def parsed(argv: list[str], directory: Path = Path()) -> tuple[str, str, dict[str, Any], dict[str, str]]:
    """Service, operation, its parameters as its model wants them, and the options that are the same for all."""
    service, command, *rest = argv
    model = _session.get_service_model(service)
    operation = next((each for each in model.operation_names if xform_name(each, "-") == command), None)
    if operation is None:
        raise Refused(f"{service} has no {command}")
    shape = model.operation_model(operation).input_shape
    members = {xform_name(name, "-"): (name, each) for name, each in shape.members.items()}
    parameters: dict[str, Any] = {}
    common: dict[str, str] = {}
    while rest:
        option = rest.pop(0)
        values = []
        while rest and not rest[0].startswith("--"):
            values.append(rest.pop(0))
        name = option.removeprefix("--")
        if name in GLOBAL:
            (common[name],) = values
        elif name in members and values:
            parameters[members[name][0]] = _value(values, members[name][1], directory)
        else:
            raise Refused(f"{command} has no {option} with {values}")
    if "cli-input-json" in common:
        file = directory / common["cli-input-json"].removeprefix("file://")
        parameters = json.loads(file.read_text()) | parameters
    if found := ParamValidator().validate(_encoded(parameters), shape).generate_report():
        raise Refused(found)
    return service, operation, parameters, common


def _encoded(parameters: dict[str, Any]) -> dict[str, Any]:
    """As botocore validates it, which encodes user data first."""
    data = parameters.get("UserData")
    return parameters | {"UserData": base64.b64encode(data).decode()} if isinstance(data, bytes) else parameters


def _value(values: list[str], shape: Any, directory: Path) -> Any:
    if values[0].startswith("fileb://"):
        return (directory / values[0].removeprefix("fileb://")).read_bytes()
    if values[0].startswith("file://"):
        values = [(directory / values[0].removeprefix("file://")).read_text()]
    if shape.type_name == "list":
        if values[0].startswith("["):
            return json.loads(values[0])
        return [_value([each], shape.member, directory) for each in values]
    (value,) = values
    if shape.type_name in ("structure", "map"):
        return json.loads(value) if value.lstrip().startswith("{") else dict(_PAIR.findall(value))
    return {"integer": int, "long": int, "boolean": lambda text: text == "true"}.get(shape.type_name, str)(value)


def _text(found: Any) -> str:
    if isinstance(found, list):
        return "\t".join(map(_text, found))
    return str(found)


@cache
def client(aws: Any, service: str, region: str = "eu-west-1") -> Any:
    """One for all calls: to make one takes the second that a call does not."""
    return aws.client(service, region)


def run(lines: Iterable[str], aws: Any, directory: Path) -> None:
    """Have one bash run the lines, each of which has to succeed, with `aws` (of aws_server.py) as AWS."""
    (directory / "bin").mkdir(exist_ok=True)
    program = directory / "bin/aws"
    program.write_text(CLIENT)
    program.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server, aws), daemon=True).start()
        environ = {
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "AWS_ARGV_PORT": str(server.getsockname()[1]),
            "LC_ALL": "C.UTF-8",
        }
        script = "\n".join(["set -euo pipefail", *lines])
        ran = subprocess.run(
            ["bash", "-c", script], cwd=directory, env=environ, capture_output=True, text=True, check=False
        )
        server.shutdown(socket.SHUT_RDWR)
    assert ran.returncode == 0, f"{script}\n{ran.stdout}\n{ran.stderr}"


def _serve(server: socket.socket, aws: Any) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection, connection.makefile("rwb") as stream:
            said = b""
            while said.count(b"\0") < 1 or said.count(b"\0") < int(said.partition(b"\0")[0]) + 2:
                said += stream.read1(65536)
            _, directory, *argv = said.decode().split("\0")[:-1]
            try:
                stream.write(f"0\n{_answer(argv, aws, Path(directory))}\n".encode())
            except Exception as error:  # noqa: BLE001 - whatever it is, the script that asked fails by it
                stream.write(f"1\n{error!r}\n".encode())


def _answer(argv: list[str], aws: Any, directory: Path) -> str:
    service, operation, parameters, common = parsed(argv, directory)
    found = getattr(client(aws, service, common.get("region", "eu-west-1")), xform_name(operation))(**parameters)
    found.pop("ResponseMetadata", None)
    if "query" in common:
        found = jmespath.search(common["query"], found)
    return _text(found) if common.get("output") == "text" else json.dumps(found, default=str)
