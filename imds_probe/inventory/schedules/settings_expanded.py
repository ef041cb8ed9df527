"""The commands in settings that have variables: keepalived and supervisor. Source: keepalived.conf(5), the manual of supervisor."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.settings_commands import Named, joined_lines

VARIABLES_MAX, VALUE_MAX = 200, 4000
_KEEPALIVED = (
    *("script", "misc_path", "quorum_up", "quorum_down"),
    *("lvs_notify_fifo_script", "vrrp_notify_fifo_script"),
)
_KEEPALIVED_SET = re.compile(r"\$([A-Za-z_]\w{0,60})[ \t]{0,9}=[ \t]{0,9}([^\n]{0,1000})")
_KEEPALIVED_USED = re.compile(r"\$(?:\{([A-Za-z_]\w{0,60})\}|([A-Za-z_]\w{0,60}))")
_QUOTED = re.compile(r'"((?:[^"\\\n]|\\.){0,1900})"')
_COMMENT_BEHIND = re.compile(r"[ \t][#!]")
_EXPANSION = re.compile(r"%\(([A-Za-z_]\w{0,80})\)\d{0,3}[sd]|%%")
_INLINE = re.compile(r"[ \t];|[ \t]#")
_NAME = re.compile(r"[A-Za-z_]\w{0,80}")
_OFF = ("false", "no", "off", "0")


def keepalived(text: str) -> Iterator[Named]:
    """Scripts that check and that are told of a change. Behind a command in quotes, a user and a group may stand."""
    variables: dict[str, str] = {}
    for number, written in joined_lines(text, ("#", "!")):
        if set_here := _KEEPALIVED_SET.fullmatch(written):
            if len(variables) < VARIABLES_MAX:
                variables[set_here[1]] = set_here[2].strip().strip("\"'")
            continue
        if command := _of_keepalived(_with_values(written, variables)):
            yield Named(number, command)


def _of_keepalived(line: str) -> str:
    before, brace, behind = line.partition("{")
    if brace and behind.strip(" \t}") and '"' not in before:
        line = behind.strip().removesuffix("}").strip()
    key, _, value = line.replace("\t", " ").partition(" ")
    if key not in _KEEPALIVED and (not key.startswith("notify") or key == "notify_fifo"):
        return ""
    quoted = _QUOTED.match(value.strip())
    command = quoted[1].replace('\\"', '"') if quoted else _COMMENT_BEHIND.split(value.strip(), maxsplit=1)[0]
    return command.strip()


def _with_values(line: str, variables: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        return variables.get(match[1] or match[2], match[0])

    return _KEEPALIVED_USED.sub(value, line)[:VALUE_MAX] if variables else line


@dataclass(frozen=True)
class _Value:
    line: int
    text: str


def supervisor(text: str) -> Iterator[Named]:
    """The programs that are started by themselves, with the variables that are set for each."""
    sections = _sections(text)
    of_all = _variables(sections.get("[supervisord]", {}).get("environment"), {})
    for section, values in sections.items():
        kind, sign, name = section.strip("[]").partition(":")
        off = values.get("autostart", _Value(0, "true")).text.lower() in _OFF
        if off or not sign or kind not in ("program", "eventlistener", "fcgi-program") or "command" not in values:
            continue
        known = {"program_name": name, "group_name": name, "process_num": "0", "numprocs": "1", "here": "."}
        known |= {f"ENV_{each}": value for each, value in of_all.items()}
        own = _variables(values.get("environment"), known)
        known |= {f"ENV_{each}": value for each, value in own.items()}
        written = values["command"]
        assigned = "".join(f"{each}={_in_quotes(value)} " for each, value in (of_all | own).items())
        directory = _expanded(values.get("directory", _Value(0, "")).text, known)
        if not directory.startswith("/"):
            directory = "." if "%(here)s" in written.text or directory.startswith(".") else "/"
        yield Named(written.line, f"{assigned}{_expanded(written.text, known)}", directory)


def _sections(text: str) -> dict[str, dict[str, _Value]]:
    """Values by section and key. A value goes on in lines that begin deeper than its key."""
    found: dict[str, dict[str, _Value]] = {}
    values, key, depth = found.setdefault("", {}), "", 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith(("#", ";")):
            continue
        begins = len(raw) - len(raw.lstrip())
        plain = _INLINE.split(line, maxsplit=1)[0].strip()
        if key and begins > depth:
            before = values[key]
            values[key] = _Value(before.line, f"{before.text} {plain}".strip()[:VALUE_MAX])
        elif line.startswith("["):
            values, key = found.setdefault(line.partition("]")[0].strip() + "]", {}), ""
        else:
            name, sign, value = plain.partition("=" if "=" in plain else ":")
            key, depth = name.strip().lower() if sign else "", begins
            if sign:
                values[key] = _Value(number, value.strip()[:VALUE_MAX])
    return found


def _variables(value: _Value | None, known: Mapping[str, str]) -> dict[str, str]:
    """KEY="value",KEY=value as supervisor reads them."""
    try:
        words = shlex.shlex(value.text if value is not None else "", posix=True)
        words.wordchars += "/.+-():@%$*&^~!{}[]|?<>;"
        words.commenters = ""
        tokens = list(words)
    except ValueError:
        return {}
    found: dict[str, str] = {}
    for at, sign in enumerate(tokens):
        if sign == "=" and 0 < at < len(tokens) - 1 and _NAME.fullmatch(tokens[at - 1]) and len(found) < VARIABLES_MAX:
            found[tokens[at - 1]] = _expanded(tokens[at + 1], known)
    return found


def _expanded(text: str, known: Mapping[str, str]) -> str:
    """With what is known of %(NAME)s; a variable of the environment that is not stands there as a shell would have it."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return "%"
        if name in known:
            return known[name]
        return f"${{{name[4:]}}}" if name.startswith("ENV_") and name[4:] else "x"

    return _EXPANSION.sub(value, text)[:VALUE_MAX]


def _in_quotes(value: str) -> str:
    """As a shell would have it, but for variables of the environment."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("`", "\\`") + '"'
