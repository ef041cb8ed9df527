"""The commands in settings of clusters, databases, agents and deployments. Source: the manuals of each."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator

from imds_probe.inventory.schedules.settings_commands import PLUGINS, Language, Named, joined_lines, keyed, unquoted
from imds_probe.inventory.schedules.settings_texts import listed

_SENTINEL = ("notification-script", "client-reconfig-script")
_PATRONI_KEYS = (
    *("on_reload", "on_restart", "on_role_change", "on_start", "on_stop", "pre_promote", "before_stop", "post_bootstrap"),
    *("post_init", "command", "archive_command", "restore_command", "recovery_end_command", "archive_cleanup_command"),
)  # fmt: skip
_PGPOOL_KEYS = (
    *(
        "failover_command",
        "failback_command",
        "follow_primary_command",
        "follow_master_command",
        "wd_lifecheck_command",
    ),
    *("wd_escalation_command", "wd_de_escalation_command", "if_up_cmd", "if_down_cmd", "arping_cmd"),
)
_YAML_PAIR = re.compile(r"(?:^|[{,-])[ \t]{0,80}['\"]?(\w{1,60})['\"]?[ \t]{0,9}:[ \t]{1,80}")
_YAML_VALUE = re.compile(r"'((?:[^'\n]|''){0,2000})'|\"([^\"\n]{0,2000})\"|([^\s#\[{&*!|>][^\n]{0,2000})")
_YAML_ITEM = re.compile(r"[ \t]{0,80}-[ \t]{1,9}(\S[^\n]{0,2000})")
_IN_BRACES = re.compile(r"[^,{}]{1,2000}")
_TAG = re.compile(r"<(primitive|template|alert)[ \t\n]([^<>]{1,2000})>")
_ATTRIBUTE = re.compile(r"\b(class|provider|type|path)[ \t\n]{0,9}=[ \t\n]{0,9}[\"']([^\"'<>\n]{1,300})[\"']")
_DIRECTORY = re.compile(
    r"\b(PluginDir|PluginContribDir|ManubulonPluginDir|ConfigDir|SysconfDir)[ \t]{0,9}\+[ \t]{0,9}\"/"
)
_DIRECTORIES = {"ConfigDir": '"/etc/icinga2/', "SysconfDir": '"/etc/'}
_ITEMS_MAX = 60
_BORGMATIC_KEYS = (
    *(f"{when}_{what}" for when in ("before", "after") for what in ("actions", "backup", "create", "prune", "check", "extract")),
    *("before_everything", "after_everything", "before_compact", "after_compact", "on_error", "run"),
)  # fmt: skip
OCF = "/usr/lib/ocf/resource.d"


def sentinel(text: str) -> Iterator[Named]:
    """sentinel notification-script NAME PATH, and its like; Sentinel writes words in quotes."""
    for number, line in joined_lines(text, ("#",)):
        words = [unquoted(word) for word in line.split()]
        if len(words) > 3 and words[0] == "sentinel" and words[1] in _SENTINEL:
            yield Named(number, words[3])


def _in_quotes(is_command: Callable[[str], bool]) -> Language:
    """KEY = 'COMMAND', where two quotes stand for one, and a comment may come behind it; the quotes may be left out."""

    def read(text: str) -> Iterator[Named]:
        for number, line in joined_lines(text, ("#",)):
            key, sign, value = line.partition("=")
            if not sign or not is_command(key.strip().lower()):
                continue
            value = value.strip()
            if value.startswith("'"):
                value = value[1:].replace("''", "\0").partition("'")[0].replace("\0", "'")
            if command := unquoted(value).strip():
                yield Named(number, command)

    return read


def _yaml(*keys: str) -> Language:
    """Commands that are values of these keys in YAML, or the words of a list."""

    def read(text: str) -> Iterator[Named]:
        lines = text.split("\n")
        for number, line in enumerate(lines, 1):
            if line.lstrip().startswith("#"):
                continue
            for pair in _YAML_PAIR.finditer(line):
                if pair[1] in keys and (command := yaml_value(line, pair.end()) or yaml_list(lines[number:])):
                    yield Named(number, command)
            if (
                line.rstrip().endswith(":")
                and line.strip(" \t-\"':") in keys
                and (command := yaml_list(lines[number:]))
            ):
                yield Named(number, command)

    return read


def yaml_value(line: str, at: int) -> str:
    """What stands there, alone or as one of several pairs in braces; a list in brackets as its words."""
    if line.startswith("[", at):
        words = [unquoted(each.strip()) for each in line[at + 1 :].partition("]")[0].split(",")]
        return shlex.join(words)
    value = _YAML_VALUE.match(line, at)
    if value is None:
        return ""
    if value[3] is None:
        return (value[1].replace("''", "'") if value[1] is not None else value[2]).strip()
    plain = value[3].partition(" #")[0]
    inner = _IN_BRACES.match(plain) if "{" in line[:at] else None
    return (inner[0] if inner is not None else plain).strip()


def yaml_list(lines: list[str]) -> str:
    """The words of a list whose items stand in the lines that follow."""
    words = []
    for line in lines[:_ITEMS_MAX]:
        item = _YAML_ITEM.fullmatch(line.rstrip())
        if item is None:
            break
        words.append(unquoted(item[1].strip()))
    return shlex.join(words) if words else ""


def borgmatic(text: str) -> Iterator[Named]:
    """Each item of a list of commands is one."""
    keys: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        indented = len(line) - len(line.lstrip())
        item = _YAML_ITEM.fullmatch(line.rstrip())
        key = line.strip(" \t-").rstrip()
        while keys and (indented < keys[-1] or (indented == keys[-1] and item is None)):
            keys.pop()
        if key.endswith(":") and key[:-1] in _BORGMATIC_KEYS:
            keys.append(indented)
        elif keys and item is not None and (command := unquoted(item[1].strip())):
            yield Named(number, command)


def icinga(text: str) -> Iterator[Named]:
    """Commands of checks, events and notifications. PluginDir is where distributions put the plugins."""
    path = f"PATH={':'.join(PLUGINS)}:$PATH; "
    for each in listed(_DIRECTORY.sub(lambda match: _DIRECTORIES.get(match[1], '"'), text)):
        yield Named(each.line, each.command if each.command.startswith("/") else path + each.command)


def pacemaker(text: str) -> Iterator[Named]:
    """The agents of a cluster's resources, fences and alerts, as its CIB has them."""
    for tag in _TAG.finditer(text):
        has = dict(_ATTRIBUTE.findall(tag[2]))
        kind, provider, name = has.get("class", ""), has.get("provider", ""), has.get("type", "")
        command = has.get("path", "") if tag[1] == "alert" else _agent(kind, provider, name)
        if command.startswith("/"):
            yield Named(text.count("\n", 0, tag.start()) + 1, shlex.join([command, *_MONITOR.get(kind, ())]))


_MONITOR = {"ocf": ("monitor",), "lsb": ("status",)}


def _agent(kind: str, provider: str, name: str) -> str:
    """Where the agent of a class lies; empty for units of systemd, which are read as such."""
    if "/" in provider or "/" in name or not name:
        return ""
    at = {"ocf": f"{OCF}/{provider}", "stonith": "/usr/sbin", "lsb": "/etc/init.d"}.get(kind, "")
    return f"{at}/{name}" if at else ""


rsnapshot = keyed("cmd_preexec", "cmd_postexec")
patroni = _yaml(*_PATRONI_KEYS)
newrelic = _yaml("exec", "command")
repmgr = _in_quotes(lambda key: key.endswith("_command"))
pgpool = _in_quotes(lambda key: key in _PGPOOL_KEYS or (key.startswith("recovery_") and key.endswith("_stage_command")))
