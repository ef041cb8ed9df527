#!/usr/bin/env python3
"""`make declared`: writes what is shipped beside the program anew, as far as it says what the code declares.

That is the configuration file, the report's JSON Schema, the policies in iam/, the manual pages of the commands and the
overview's sections on commands and sinks, where the units may write, which sinks the documents for SSM take, columns and common
parts of queries in the templates for Athena, and the reference pages and tables in docs. All of it is committed; a test says
where it is not current.
"""

from __future__ import annotations

import argparse
import configparser
import json
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import athena
import manual
import reference
import reference_report
import reference_tables

from imds_probe import __version__
from imds_probe.commands.configuration import sections
from imds_probe.config.keys import Key, fields_of, keys_of
from imds_probe.config.printing import toml_value
from imds_probe.sinks import SINKS, declared
from imds_probe.sinks.declaration import Declaration, Policy

PROJECT = Path(__file__).parents[1]
WIDTH = 126
CONFIGURATION = "packaging/imds-probe.toml"
SCHEMA = "imds_probe/schema/report-v1.json"
HEAD = """\
# imds-probe's configuration. This file never has to be changed: every key is here with its default, commented out.
# Put your own settings into files beside it, /etc/imds-probe/imds-probe.d/NAME.toml. They are read in the order of their
# names, and the last one wins. `imds-probe run --print-config` shows what is in force, and which file said so.
# Files that it names, such as packaging/iam/s3.json, are in /usr/share/doc/imds-probe.
"""
MANUAL = "packaging/imds-probe.1"
COMMANDS_IN_MANUAL = re.compile(
    r'(?<=^\.\\" The commands, made by `make declared`\.\n).*?(?=^\.\\" The end of the commands\.$)', re.M | re.S
)
IN_MANUAL = re.compile(r'(?<=^\.\\" Made by `make declared`, up to the end\.\n).*?(?=^\.\\" The end\.$)', re.M | re.S)
UNITS = ("systemd/imds-probe.service", "systemd/imds-probe-daemon.service")
IN_UNIT = re.compile(r"^# Where the sinks? (?:.*\n)(?:#.*\n)*ReadWritePaths=.*\n", re.M)
# What the units give by other means, which also make it.
STATE, LOGS = Path("/var/lib/imds-probe"), Path("/var/log/imds-probe")
ISSUES, SECURITY = "imds_probe/issues.py", "SECURITY.md"
IN_SECURITY = re.compile(r"(?<=^Report a vulnerability in private, ).*?(?=\. A program)", re.MULTILINE | re.DOTALL)
VERSIONED = (
    "README.md",
    "docs/install.md",
    "docs/kubernetes.md",
    "examples/ssm/README.md",
    "packaging/container/daemonset.yaml",
    "packaging/container/ecs-task-definition.json",
)
IN_NAME = re.compile(r"(?:(?<=imds-probe[_:-])|(?<=--version-name )|(?<= Version=))\d+\.\d+\.\d+(?=[\s`\"]|-1)")
DOCUMENTS = ("packaging/ssm/imds-probe-run.yaml", "packaging/cloudformation/imds-probe-ssm.yaml")
IN_DOCUMENT = re.compile(r"\(\([a-z0-9|-]+\)\(,\([a-z0-9|-]+\)\)\{0,\d+\}\)\?")
LISTED_IN_DOCUMENT = re.compile(r"(?<=report also goes to, by commas: )[a-z0-9, -]+(?=\.$)", re.M)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, name what is not current")
    check = parser.parse_args(argv).check
    code = 0
    for name, text in files(PROJECT):
        path = PROJECT / name
        if path.exists() and path.read_text() == text:
            continue
        if check:
            print(f"{name} is not what the code declares: run `make declared`", file=sys.stderr)
            code = 1
        else:
            path.write_text(text)
            print(name)
    return code


def files(project: Path) -> Iterator[tuple[str, str]]:
    """Each file by its path below `project`, as it should be."""
    sinks = [declared(name) for name in SINKS]
    keys = keys_of(sections())
    yield CONFIGURATION, configuration(keys)
    yield from reference.pages(keys)
    yield from reference_tables.pages(project)
    yield SCHEMA, json.dumps(reference_report.described(), indent=2) + "\n"
    for sink in sinks:
        for policy in sink.policies:
            yield f"packaging/iam/{policy.name}.json", document(policy)
    overview = _with(project / MANUAL, IN_MANUAL, "".join(map(sink_in_manual, sinks)))
    yield MANUAL, _replaced(overview, COMMANDS_IN_MANUAL, manual.commands_listed(), MANUAL)
    yield from manual.pages()
    for name in UNITS:
        yield name, _with(project / name, IN_UNIT, unit(sinks))
    named = configparser.ConfigParser()
    named.read(project / "setup.cfg")
    addresses = named["imds-probe"]
    yield ISSUES, places((project / ISSUES).read_text(), addresses["issues"], addresses["security"])
    where = f"at {addresses['security']}" if addresses["security"] else "to whoever maintains your package"
    yield SECURITY, _with(project / SECURITY, IN_SECURITY, where)
    for name in VERSIONED:
        yield name, versioned((project / name).read_text())
    for name in DOCUMENTS:
        text = _with(project / name, IN_DOCUMENT, choice(list(SINKS)))
        yield name, _replaced(text, LISTED_IN_DOCUMENT, ", ".join(SINKS), name)
    for name in athena.PLACES:
        yield name, athena.written(name, (project / name).read_text())


def places(text: str, issues: str, security: str) -> str:
    """The module that names the places for issues, with these addresses."""
    for name, address in (("ISSUES", issues), ("SECURITY", security)):
        text = re.sub(rf'^{name} = ".*"$', f"{name} = {json.dumps(address)}", text, flags=re.MULTILINE)
    return text


def versioned(text: str) -> str:
    """A page or file with the version of today in names of packages, images and packages for Distributor."""
    return IN_NAME.sub(__version__, text)


def configuration(keys: Sequence[Key]) -> str:
    """The shipped configuration file: each key with its comment and its default, or an example, commented out."""
    lines, table = [HEAD], ""
    for key in keys:
        within, _, name = key.name.rpartition(".")
        if within != table:
            table = within
            lines += ["\n", _comment(key.table_help), f"[{table}]\n"]
        elif not table:
            lines.append("\n")
        value = toml_value(key.example if key.default is None else key.default)
        lines += [_comment(key.help), f"#{name} = {value}\n"]
    return "".join(lines)


def document(policy: Policy) -> str:
    """A policy as IAM takes it: what is only one stands by itself, as AWS writes it."""
    statement: dict[str, object] = {
        "Sid": policy.statement,
        "Effect": "Allow",
        "Action": _one_or_more(policy.actions),
        "Resource": _one_or_more(policy.resources),
    }
    if policy.conditions:
        statement["Condition"] = {operator: dict(keys) for operator, keys in policy.conditions.items()}
    statements = [statement]
    if policy.denied:
        denied = {"Sid": policy.denial, "Effect": "Deny", "Action": policy.denied_action}
        statements.append(denied | {"Resource": _one_or_more(policy.denied)})
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2) + "\n"


def sink_in_manual(sink: Declaration) -> str:
    """A sink's entry in the manual."""
    said = [f"{sink.purpose[0].upper()}{sink.purpose[1:]}."]
    if sink.costs:
        said.append(sink.costs)
    if sink.settings:
        said.append(f"Settings: {', '.join(key.name for key in fields_of(sink.settings).values())}.")
    for policy in sink.policies:
        said.append(f"Rights, as in the policy {policy.name}: {', '.join(policy.actions)}.")
    if sink.paths:
        said.append(f"Writes below {', '.join(sink.paths)}.")
    return "".join([".TP\n", f".B {manual.roff(sink.name)}\n", *(f"{manual.roff(line)}\n" for line in said)])


def unit(sinks: Sequence[Declaration]) -> str:
    """The lines of a unit that open the places of sinks which systemd does not make."""
    paths = {sink.name: [path for path in sink.paths if not _made_by_systemd(Path(path))] for sink in sinks}
    names = [f'"{name}"' for name, own in paths.items() if own]
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    comment = _comment(
        f"Where the sink{'s' if len(names) > 1 else ''} {listed} write{'' if len(names) > 1 else 's'}. "
        "A sink that is told to write elsewhere needs that place here, too."
    )
    opened = dict.fromkeys(path for own in paths.values() for path in own)
    return f"{comment}ReadWritePaths={' '.join(f'-{path}' for path in opened)}\n"


def choice(names: Sequence[str]) -> str:
    """A regular expression for some of the names, by commas, or none."""
    one = f"({'|'.join(names)})"
    return f"({one}(,{one}){{0,{len(names) - 1}}})?"


def _made_by_systemd(path: Path) -> bool:
    return path.is_relative_to(STATE) or path.is_relative_to(LOGS)


def _one_or_more(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in textwrap.wrap(text, WIDTH - 2, break_on_hyphens=False))


def _with(path: Path, place: re.Pattern[str], text: str) -> str:
    return _replaced(path.read_text(), place, text, str(path))


def _replaced(whole: str, place: re.Pattern[str], text: str, name: str) -> str:
    made, count = place.subn(lambda _: text, whole)
    if count == 0:
        raise SystemExit(f"{name} has lost the place where declarations go: {place.pattern}")
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
