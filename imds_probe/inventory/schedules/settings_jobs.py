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
_YAML_VALUE = re.compile(r"'((?:[^'\n]|''){0,2000})'|\"((?:[^\"\\\n]|\\.){0,2000})\"|([^\s#\[{&*!|>][^\n]{0,2000})")
_YAML_ITEM = re.compile(r"[ \t]{0,80}-[ \t]{1,9}(\S[^\n]{0,2000})")
_YAML_BLOCK = re.compile(r"([|>])[-+\d]{0,3}[ \t]{0,20}(?:#[^\n]{0,500})?\Z")
_YAML_ESCAPE = re.compile(r"\\(.)")
_IN_BRACES = re.compile(r"[^,{}]{1,2000}")
_TAG = re.compile(r"<(primitive|template|alert)[ \t\n]([^<>]{1,2000})>")
_ATTRIBUTE = re.compile(r"\b(class|provider|type|path)[ \t\n]{0,9}=[ \t\n]{0,9}[\"']([^\"'<>\n]{1,300})[\"']")
_DIRECTORY = re.compile(
    r"\b(PluginDir|PluginContribDir|ManubulonPluginDir|ConfigDir|SysconfDir)[ \t]{0,9}\+[ \t]{0,9}\"/"
)
_DIRECTORIES = {"ConfigDir": '"/etc/icinga2/', "SysconfDir": '"/etc/'}
_BORGMATIC_KEYS = (
    *(f"{when}_{what}" for when in ("before", "after") for what in ("actions", "backup", "create", "prune", "check", "extract")),
    *("before_everything", "after_everything", "before_compact", "after_compact", "on_error", "run"),
)  # fmt: skip
_ITEMS_MAX, _LINES_MAX = 60, 300
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


def yaml_of(*keys: str, directory: str = "/") -> Language:
    """Commands that are values of these keys in YAML, the words of a list, or a block of lines."""

    def read(text: str) -> Iterator[Named]:
        lines = text.split("\n")
        for number, line in enumerate(lines, 1):
            if line.lstrip().startswith("#"):
                continue
            for pair in _YAML_PAIR.finditer(line):
                if pair[1] in keys and (
                    command := _yaml_command(line, pair.end(), lines[number : number + _LINES_MAX])
                ):
                    yield Named(number, command, directory)
            if (
                line.rstrip().endswith(":")
                and line.strip(" \t-\"':") in keys
                and (command := yaml_list(lines[number : number + _LINES_MAX]))
            ):
                yield Named(number, command, directory)

    return read


def _yaml_command(line: str, at: int, behind: list[str]) -> str:
    if block := _YAML_BLOCK.match(line, at):
        return _yaml_block(line, behind, "\n" if block[1] == "|" else " ")
    return yaml_value(line, at) or yaml_list(behind)


def _yaml_block(line: str, behind: list[str], sign: str) -> str:
    """The lines that follow and are deeper, put together as the block says."""
    depth = len(line) - len(line.lstrip(" \t-"))
    found = []
    for each in behind:
        if each.strip() and len(each) - len(each.lstrip()) <= depth:
            break
        found.append(each.strip())
    return sign.join(found).strip()


def yaml_value(line: str, at: int) -> str:
    """What stands there, alone or as one of several pairs in braces; a list in brackets as its words."""
    if line.startswith("[", at):
        words = [unquoted(each.strip()) for each in line[at + 1 :].partition("]")[0].split(",")]
        return shlex.join(words)
    value = _YAML_VALUE.match(line, at)
    if value is None:
        return ""
    if value[3] is None:
        return (value[1].replace("''", "'") if value[1] is not None else _YAML_ESCAPE.sub(_escaped, value[2])).strip()
    plain = value[3].partition(" #")[0]
    inner = _IN_BRACES.match(plain) if "{" in line[:at] else None
    return (inner[0] if inner is not None else plain).strip()


def _escaped(match: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t"}.get(match[1], match[1])


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
patroni = yaml_of(*_PATRONI_KEYS)
newrelic = yaml_of("exec", "command")
repmgr = _in_quotes(lambda key: key.endswith("_command"))
pgpool = _in_quotes(lambda key: key in _PGPOOL_KEYS or (key.startswith("recovery_") and key.endswith("_stage_command")))
