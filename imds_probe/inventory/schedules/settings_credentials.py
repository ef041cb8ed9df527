"""The programs that settings of clusters, repositories and registries name for credentials.

Source: the documentation of kubeconfig and kubelet; git-config(1), gitcredentials(7), containers-auth.json(5).
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import pairwise

from imds_probe.inventory.schedules.settings_commands import Named, unquoted
from imds_probe.inventory.schedules.settings_jobs import yaml_list, yaml_value

EXECS_MAX, DEPTH_MAX = 100, 20
_EXEC = re.compile(r"([ \t-]{0,200})['\"]?exec['\"]?[ \t]{0,9}:[ \t]{0,9}(?:#[^\n]{0,500})?")
_EXEC_KEY = re.compile(r"[ \t]{0,200}['\"]?(command|args)['\"]?[ \t]{0,9}:[ \t]{0,80}")
_SECTION = re.compile(r"\[[ \t]{0,9}([\w.-]{1,60})")
_OTHER_PROTOCOL = re.compile(r"([A-Za-z][\w.-]{0,60})::")
_RUNS = ("core.sshcommand", "core.askpass", "core.gitproxy", "core.fsmonitor")
_LISTED = re.compile(r"^[ \t]{0,80}credential-helpers[ \t]{0,9}=[ \t]{0,9}\[([^\]\n]{1,500})\]", re.MULTILINE)
_HELPER = re.compile(r"[\w.-]{1,100}")


def kubeconfig(text: str) -> Iterator[Named]:
    """The command of each user's "exec", with its arguments; with a directory in its name, it lies beside the settings."""
    if text.lstrip()[:1] == "{":
        yield from (Named(1, shlex.join(words), ".") for words in _execs(_document(text), 0))
        return
    lines = text.split("\n")
    found = 0
    for number, line in enumerate(lines, 1):
        begin = _EXEC.fullmatch(line.rstrip()) if found < EXECS_MAX else None
        if begin is not None:
            found += 1
            at, command = _exec(lines, number, len(begin[1].expandtabs()))
            if command:
                yield Named(at, command, ".")


def _exec(lines: list[str], first: int, depth: int) -> tuple[int, str]:
    """The line of the command, and what stands there, in the lines that are deeper than the key."""
    at, command, arguments = first, "", ""
    for number, line in enumerate(lines[first : first + EXECS_MAX], first + 1):
        plain = line.expandtabs().lstrip()
        if not plain or plain.startswith("#"):
            continue
        if len(line.expandtabs()) - len(plain) <= depth:
            break
        key = _EXEC_KEY.match(line)
        if key is not None and key[1] == "command":
            at, command = number, yaml_value(line, key.end())
        elif key is not None:
            arguments = yaml_value(line, key.end()) or yaml_list(lines[number:])
    return at, f"{shlex.quote(command)} {arguments}".strip() if command else ""


def _execs(value: object, depth: int) -> Iterator[list[str]]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    called = value.get("exec") if isinstance(value, dict) else None
    if isinstance(called, dict) and isinstance(command := called.get("command"), str):
        arguments = called.get("args")
        yield [command, *(map(str, arguments) if isinstance(arguments, list) else ())]
    for each in inner if depth < DEPTH_MAX else ():
        yield from _execs(each, depth + 1)


def _document(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def git(text: str) -> Iterator[Named]:
    """Helpers that know credentials, programs that connect, and those of remotes that git has by another program."""
    section = ""
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if line.startswith(("#", ";")):
            continue
        if named := _SECTION.match(line):
            section = named[1].lower()
            line = line.rpartition("]")[2].strip()
        key, sign, value = line.partition("=")
        if command := _of_git(f"{section}.{key.strip().lower()}", _git_value(value)) if sign else "":
            yield Named(number, command)


def _git_value(value: str) -> str:
    """Without its quotes, and up to a comment outside of them."""
    found, within, escaped = [], False, False
    for sign in value.strip():
        if escaped:
            found.append({"n": "\n", "t": "\t"}.get(sign, sign))
            escaped = False
        elif sign == "\\":
            escaped = True
        elif sign == '"':
            within = not within
        elif sign in "#;" and not within:
            break
        else:
            found.append(sign)
    return "".join(found).strip()


def _of_git(key: str, value: str) -> str:
    if key == "credential.helper" and value:
        if value.startswith("!"):
            return f"{value[1:]} get"
        return f"{value} get" if value.startswith("/") else f"git-credential-{value} get"
    if key in _RUNS:
        return value
    other = _OTHER_PROTOCOL.match(value) if key in ("remote.url", "remote.pushurl") else None
    return f"git-remote-{other[1]} origin {shlex.quote(value)}" if other is not None else ""


def git_helpers(arguments: Sequence[str | None]) -> Iterator[str]:
    """The commands of settings that a command line of git gives (-c credential.helper=VALUE) or sets (config)."""
    some = [word or "" for word in arguments[:EXECS_MAX]]
    for before, word in pairwise(some):
        key, sign, value = word.partition("=") if before == "-c" else (before, "config" in some, word)
        section, _, name = key.partition(".")
        if sign and (command := _of_git(f"{section.lower()}.{name.rpartition('.')[2].lower()}", value)):
            yield command


def registries(text: str) -> Iterator[Named]:
    """credsStore and credHelpers of Docker's settings, credential-helpers of those of Podman."""
    if text.lstrip()[:1] != "{":
        names = [unquoted(name.strip()) for match in _LISTED.finditer(text) for name in match[1].split(",")]
        # The names that stand for a file, and for none.
        yield from (_registry(name) for name in names if _HELPER.fullmatch(name) and name != "containers-auth.json")
        return
    document = _document(text)
    known = document if isinstance(document, dict) else {}
    helpers = known.get("credHelpers")
    of_hosts = list(helpers.values()) if isinstance(helpers, dict) else []
    for name in dict.fromkeys(each for each in (known.get("credsStore"), *of_hosts) if isinstance(each, str)):
        if _HELPER.fullmatch(name):
            yield _registry(name)


def _registry(name: str) -> Named:
    return Named(1, f"docker-credential-{name} get")
