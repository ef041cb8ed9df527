"""The commands in settings of agents, runners and clusters, and in fstab. Source: the manuals of each, fstab(5), mount.fuse(8)."""

from __future__ import annotations

import html
import re
import shlex
from collections.abc import Iterator

from imds_probe.inventory.schedules.settings_commands import Language, Named, joined_lines, keyed, unquoted
from imds_probe.inventory.schedules.settings_jobs import yaml_of
from imds_probe.inventory.schedules.settings_texts import listed, lists_of

BLOCKS_MAX = 300
_SPLUNK_STANZA = re.compile(r"\[([\w-]{1,60})://([^\]\n]{0,1000})\]")
# What Splunk has itself; others are programs of the application that has them.
_OF_SPLUNK = frozenset(
    "batch fifo fschange http monitor perfmon powershell remote_queue splunktcp splunktcp-ssl tcp tcp-ssl udp wineventlog".split()  # noqa: SIM905
)
_OSSEC = re.compile(
    r"<disabled>\s{0,20}(yes|no)\s{0,20}</disabled>|<(command|executable|name)>([^<>]{1,2000})</|<(/?)(wodle|localfile|command|"
    r"active-response|integration)\b[^<>]{0,300}>"
)
_OSSEC_AT = "/var/ossec"
_GITLAB = re.compile(
    r"^[ \t]{0,80}(?:(?:pre|post)_(?:build|clone|get_sources)_script|(?:config|prepare|run|cleanup)_exec)[ \t]{0,9}=[ \t]{0,9}"
    r"(?:\"\"\"(.{0,8000}?)\"\"\"|'''(.{0,8000}?)'''|\"((?:[^\"\\\n]|\\.){0,8000})\"|'([^'\n]{0,8000})')",
    re.MULTILINE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MRPE_OPTIONS = re.compile(r"\([^()\n]{0,300}\)[ \t]{0,80}")
_YAML_TOP = re.compile(r"^[\w.-]{1,80}:(?:[ \t]|$)", re.MULTILINE)
_TOML_TABLE = re.compile(r"^[ \t]{0,80}\[{1,2}[A-Za-z]", re.MULTILINE)
_LOGSTASH = re.compile(r"\b(command)[ \t]{0,20}=>[ \t]{0,20}")
_ORCHESTRATOR = re.compile(r"\"(\w{1,60}Processes)\"[ \t]{0,20}:\s{0,20}")
_PLUGIN = re.compile(r"<Plugin[ \t]{1,20}\"?(\w{1,60})\"?[ \t]{0,20}>", re.IGNORECASE)
_MODULE = re.compile(r"[\w.:]{1,200}")


def splunk(home: str) -> Language:
    """Scripts and modular inputs. They lie beside the directory that has the settings, from which `home` leads to Splunk's own."""

    def read(text: str) -> Iterator[Named]:
        named = ""
        at, stanza = 0, dict[str, str]()
        for number, line in [*joined_lines(text, ("#",)), (0, "[]")]:
            if not line.startswith("["):
                key, _, value = line.partition("=")
                stanza[key.strip().lower()] = value.strip().lower()
                continue
            if named and stanza.get("disabled", "0") not in ("1", "true", "t", "yes"):
                program, _, _ = named.partition(" ")
                by_python = program.endswith(".py")
                yield Named(at, program if by_python else f"cd .. && {named}", ".", reads=by_python)
            match = _SPLUNK_STANZA.match(line)
            at, named, stanza = number, _of_splunk(match[1], match[2].strip(), home) if match else "", {}

    return read


def _of_splunk(scheme: str, value: str, home: str) -> str:
    if scheme == "script":
        return value.replace("$SPLUNK_HOME", home).strip()
    return "" if scheme.lower() in _OF_SPLUNK else f"bin/{scheme}.py"


def ossec(text: str) -> Iterator[Named]:
    """Commands that Wazuh and OSSEC start by themselves, what they answer with, and integrations of one's own."""
    bare = _without_comments(text)
    block, off, waiting = "", False, list[Named]()
    for number, match in enumerate(_OSSEC.finditer(bare)):
        if number >= BLOCKS_MAX:
            break
        line = bare.count("\n", 0, match.start()) + 1
        value = html.unescape(match[3] or "").strip()
        if match[1]:
            off = off or match[1] == "yes"
        elif match[5] and match[4]:
            yield from waiting if not off else ()
            block, off, waiting = "", False, []
        elif match[5]:
            block = match[5]
        elif match[2] == "command" and block in ("wodle", "localfile"):
            waiting.append(Named(line, value))
        elif match[2] == "executable":
            waiting.append(Named(line, f"{_OSSEC_AT}/active-response/bin/{value}"))
        elif match[2] == "name" and block == "integration" and value.startswith("custom-"):
            waiting.append(Named(line, f"{_OSSEC_AT}/integrations/{value}"))
    yield from waiting if not off else ()


def _without_comments(text: str) -> str:
    """XML with as many lines."""
    found, at = [], 0
    while (begin := text.find("<!--", at)) >= 0:
        end = text.find("-->", begin)
        end = len(text) if end < 0 else end + 3
        found += [text[at:begin], "\n" * text.count("\n", begin, end)]
        at = end
    return "".join([*found, text[at:]])


def gitlab_runner(text: str) -> Iterator[Named]:
    """Scripts around each job, and the programs of the executor "custom"."""
    for match in _GITLAB.finditer(text):
        plain = match[2] if match[2] is not None else match[4]
        escaped = match[1] if match[1] is not None else match[3]
        command = plain if plain is not None else _ESCAPE.sub(_escaped, escaped or "")
        if command.strip():
            yield Named(text.count("\n", 0, match.start()) + 1, command.strip())


def _escaped(match: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t", "r": ""}.get(match[1], match[1])


def mrpe(text: str) -> Iterator[Named]:
    """NAME COMMAND, with options in parentheses between them."""
    for number, line in joined_lines(text, ("#",)):
        _, _, value = line.replace("\t", " ").partition(" ")
        if command := _MRPE_OPTIONS.sub("", value.strip(), count=1) if value.startswith("(") else value.strip():
            yield Named(number, command)


def collectd(text: str) -> Iterator[Named]:
    """Programs of the plug-in "exec", and modules that those for Python and Perl load."""
    plugin, base = "", ""
    places: list[str] = []
    for number, line in joined_lines(text, ("#",)):
        key, _, value = line.replace("\t", " ").partition(" ")
        value = value.strip()
        if begins := _PLUGIN.match(line):
            plugin, base, places = begins[1].lower(), "", []
        elif key.lower().startswith("</plugin"):
            plugin = ""
        elif key.lower() in ("exec", "notificationexec"):
            _, *words = _words(value)
            if words:
                yield Named(number, shlex.join(words))
        elif key.lower() in ("modulepath", "includedir"):
            places.append(unquoted(value))
        elif key.lower() == "basename":
            base = f"{unquoted(value)}::"
        elif module := _module(plugin, key.lower(), base, unquoted(value)):
            yield from (Named(number, f"{place}/{each}", ".", reads=True) for place in places for each in module)
            if plugin == "python" and not places:
                yield Named(number, f"python3 -c 'import {unquoted(value)}'")


def _module(plugin: str, key: str, base: str, name: str) -> list[str]:
    """Where a module may lie below one of the places."""
    if not _MODULE.fullmatch(name):
        return []
    if (plugin, key) == ("python", "import"):
        path = name.replace(".", "/")
        return [f"{path}.py", f"{path}/__init__.py"]
    return [f"{base}{name}.pm".replace("::", "/")] if (plugin, key) == ("perl", "loadplugin") else []


def _words(value: str) -> list[str]:
    try:
        return shlex.split(value) or [""]
    except ValueError:
        return value.split() or [""]


def fluent_bit(text: str) -> Iterator[Named]:
    """Commands of the input "exec", and scripts of Lua; in its own format, or in YAML."""
    if _YAML_TOP.search(text) and _TOML_TABLE.search(text) is None:
        yield from yaml_of("command")(text)
        yield from (Named(each.line, each.command, ".", reads=True) for each in yaml_of("script")(text))
        return
    for number, line in joined_lines(text, ("#",)):
        key, _, value = line.replace("\t", " ").partition(" ")
        if key.lower() == "command" and value.strip():
            yield Named(number, value.strip())
        elif key.lower() == "script" and value.strip():
            yield Named(number, unquoted(value.strip()), ".", reads=True)


def vector(text: str) -> Iterator[Named]:
    """Commands of the source "exec", in YAML, or in TOML and JSON."""
    is_yaml = _YAML_TOP.search(text) is not None and _TOML_TABLE.search(text) is None and text.lstrip()[:1] != "{"
    yield from yaml_of("command")(text) if is_yaml else listed(text)


def fstab(text: str) -> Iterator[Named]:
    """The programs that mount: PROGRAM#WHAT, a type fuse.PROGRAM, and mount.TYPE."""
    for number, raw in enumerate(text.split("\n"), 1):
        fields = raw.split()
        if len(fields) < 3 or fields[0].startswith("#"):
            continue
        device, at, kind = fields[:3]
        before, sign, behind = device.partition("#")
        of_fuse = kind.startswith(("fuse.", "fuse3."))
        program = before if sign and kind in ("fuse", "fuse3") else kind.partition(".")[2] if of_fuse else ""
        for each in kind.split(",") if not program else ():
            if each not in ("auto", "none", "swap", "fuse", "fuse3") and "/" not in each:
                yield Named(number, shlex.join([f"mount.{each}", device, at]))
        if program:
            yield Named(number, shlex.join([program, behind or device, at]))


orchestrator = lists_of(_ORCHESTRATOR)
logstash = lists_of(_LOGSTASH)
beanstalk = yaml_of("command", "test", directory="/var/app/current")
confd = keyed("reload_cmd", "check_cmd", sign="=")
galera = keyed("wsrep_notify_cmd", "wsrep-notify-cmd", sign="=")
maxscale = keyed("script", sign="=")
mha = keyed(
    *("master_ip_failover_script", "master_ip_online_change_script", "shutdown_script", "report_script"),
    "secondary_check_script",
    sign="=",
)
