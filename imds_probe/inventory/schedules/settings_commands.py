"""The commands that settings of other software name, by the language of each: whole, as the software would run them.

What is a value of another kind is no command: a file that is only watched, a log, a comment. Source: the manuals of each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from imds_probe.dataclass import dataclass

LOGROTATE_SCRIPTS = ("prerotate", "postrotate", "firstaction", "lastaction", "preremove")
_UDEV_PROGRAM = re.compile(
    r'\b(?:RUN|PROGRAM|IMPORT)(?:\{program\})?[ \t]{0,8}[-+:!=]{1,2}[ \t]{0,8}e?"([^"\n]{1,1900})"'
)
_UDEV_UNITS = re.compile(r'\bENV\{SYSTEMD_WANTS\}[ \t]{0,8}[+:]?=(?!=)[ \t]{0,8}"([^"\n]{1,1900})"')
_UDEV_VALUE = re.compile(r"\$(?:\w{1,60}(?:\{[^{}\n]{1,200}\})?)|%\w(?:\{[^{}\n]{1,200}\})?")
_RSYSLOG_PROGRAM = re.compile(r'\bbinary[ \t]{0,9}=[ \t]{0,9}"([^"\n]{1,1900})"', re.IGNORECASE)
_ALIAS_PROGRAM = re.compile(r'\|[ \t]{0,9}([^",|\n]{1,1900})')
_FAIL2BAN_TAG = re.compile(r"<[\w/.-]{1,60}>")
_POSTGRESQL = (
    "archive_command",
    "restore_command",
    "archive_cleanup_command",
    "recovery_end_command",
    "ssl_passphrase_command",
)
_IN_QUOTES = re.compile(r"'((?:[^'\n]|''){0,4000})'")
PLUGINS = (
    "/usr/lib/nagios/plugins",
    "/usr/lib64/nagios/plugins",
    "/usr/local/nagios/libexec",
    "/usr/lib/monitoring-plugins",
)
_SNMP_EXTEND, _SNMP_PASS = ("extend", "extend-sh", "extendfix", "exec", "sh", "execfix"), ("pass", "pass_persist")


_SCHEME = re.compile(r"(?:^|\s)([a-z][a-z0-9+-]{0,30})://")
APT_METHODS = "/usr/lib/apt/methods"
# What APT itself has for these asks nobody for credentials.
_OF_APT = frozenset(("http", "https", "ftp", "file", "copy", "cdrom", "ssh", "rsh", "tor", "mirror"))


@dataclass(frozen=True)
class Named:
    """A command as a text for a shell, the line where it stands, and the directory that it runs in: "." is that of the settings.
    What only `reads` a file is named by the file's path.
    """

    line: int
    command: str
    directory: str = "/"
    reads: bool = False


Language = Callable[[str], Iterator[Named]]


def apt_sources(text: str) -> Iterator[Named]:
    """The programs by which APT loads from where its lists say, one for each scheme: "deb s3://bucket stable main"."""
    found: set[str] = set()
    for number, line in joined_lines(text):
        for match in _SCHEME.finditer(line):
            scheme = match[1]
            if not _OF_APT.issuperset(scheme.split("+")) and scheme not in found:
                found.add(scheme)
                yield Named(number, f"{APT_METHODS}/{scheme}")


def joined_lines(text: str, comments: tuple[str, ...] = ("#", ";")) -> Iterator[tuple[int, str]]:
    """Lines without those that are comments; where one ends in a backslash, the next goes on."""
    begun, first = "", 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not begun and (not line or line.startswith(comments)):
            continue
        first = first if begun else number
        if line.endswith("\\"):
            begun += f"{line[:-1]} "
            continue
        if whole := f"{begun}{line}".strip():
            yield first, whole
        begun = ""
    if begun.strip():
        yield first, begun.strip()


def uncommented(text: str, comments: tuple[str, ...] = ("#",)) -> str:
    """As many lines, with blanks for those that are comments."""
    return "\n".join("" if line.lstrip().startswith(comments) else line for line in text.split("\n"))


def _of_lines(command: Callable[[str], str], comments: tuple[str, ...] = ("#", ";")) -> Language:
    """Where each line has one command at most."""

    def read(text: str) -> Iterator[Named]:
        for number, line in joined_lines(text, comments):
            if found := command(line).strip():
                yield Named(number, unquoted(found))

    return read


def unquoted(value: str) -> str:
    """A command that stands in quotes as a whole."""
    quote = value[:1]
    return value[1:-1] if quote in ("'", '"') and value.find(quote, 1) == len(value) - 1 else value


def _pair(line: str) -> tuple[str, str]:
    """A key and its value, between which are blanks, or "="."""
    at = next((at for at, sign in enumerate(line) if sign.isspace() or sign == "="), len(line))
    return line[:at], line[at:].lstrip().removeprefix("=").strip()


def _behind(value: str, words: int) -> str:
    """A value without its first words, of which one may stand in quotes."""
    for _ in range(words):
        quote = value[:1]
        end = value.find(quote, 1) + 1 if quote in ("'", '"') else len(value.split(None, 1)[0]) if value else 0
        value = value[end or len(value) :].lstrip()
    return value


def nrpe(text: str) -> Iterator[Named]:
    """command[NAME]=COMMAND, behind what command_prefix is."""
    prefix = ""
    found = []
    for number, line in joined_lines(text):
        key, sign, value = line.partition("=")
        if key.strip() == "command_prefix":
            prefix = f"{value.strip()} "
        elif sign and key.startswith("command["):
            found.append((number, value.strip()))
    yield from (Named(number, f"{prefix}{value}") for number, value in found)


def _zabbix(line: str) -> str:
    key, value = _pair(line)
    return value.partition(",")[2] if key == "UserParameter" else ""


def _snmpd(line: str) -> str:
    key, value = _pair(line)
    if key not in (*_SNMP_EXTEND, *_SNMP_PASS):
        return ""
    while value.startswith("-"):
        value = _behind(value, 2)
    if key in _SNMP_PASS or value.startswith((".1", "1.")):
        value = _behind(value, 1)
    return value if key in _SNMP_PASS else _behind(value, 1)


def _sshd(line: str) -> str:
    key, value = _pair(line)
    if key.lower() == "subsystem":
        return _behind(value, 1)
    return value if key.lower() in ("forcecommand", "authorizedkeyscommand", "authorizedprincipalscommand") else ""


def _pam(line: str) -> str:
    behind = line.partition("pam_exec.so")[2]
    begin = next((at for at, sign in enumerate(behind) if sign == "/" and behind[at - 1 : at].isspace()), len(behind))
    return behind[begin:]


def _of_blocks(begins: tuple[str, ...], ends: tuple[str, ...], alone: str = "") -> Language:
    """Scripts between two words that stand in lines of their own, and commands behind the word `alone`."""

    def read(text: str) -> Iterator[Named]:
        begin, lines = 0, list[str]()
        for number, raw in enumerate(text.split("\n"), 1):
            words = raw.split()
            if begin and (" ".join(words) in ends):
                yield Named(begin, "\n".join(lines))
                begin = 0
            elif begin:
                begin = begin if lines else number
                lines.append(raw)
            elif words and (words[0] in begins or " ".join(words[1:]) in begins):
                begin, lines = number, []
            elif alone and alone in words[:2]:
                yield Named(number, raw.partition(alone)[2].strip())

    return read


def udev(text: str) -> Iterator[Named]:
    """RUN, PROGRAM and IMPORT{program}, but not what is built in; and the units that systemd starts for a device."""
    for number, line in joined_lines(text, ("#",)):
        yield from (Named(number, each) for each in _UDEV_PROGRAM.findall(line))
        for units in _UDEV_UNITS.findall(line):
            yield Named(number, f"systemctl start {_UDEV_VALUE.sub('x', units)}")


def _incron(line: str) -> str:
    return [*line.split(None, 2), "", "", ""][2]


def _acpi(line: str) -> str:
    key, value = _pair(line)
    return value if key == "action" else ""


def _inetd(line: str) -> str:
    words = line.split()
    return " ".join([words[5], *words[7:]]) if len(words) > 5 and words[5].startswith("/") else ""


def xinetd(text: str) -> Iterator[Named]:
    """The server of each service that is not disabled."""
    values = dict[str, tuple[int, str]]()
    for number, line in joined_lines(text):
        if line == "}":
            if "server" in values and values.get("disable", (0, ""))[1].lower() not in ("yes", "true", "on", "1"):
                at, server = values["server"]
                yield Named(at, f"{server} {values.get('server_args', (0, ''))[1]}".strip())
            values = {}
        key, sign, value = line.partition("=")
        if sign:
            values[key.strip(" \t+-")] = number, value.strip()


def rsyslog(text: str) -> Iterator[Named]:
    """omprog's programs, and those behind a selector and "^"."""
    for number, line in joined_lines(text, ("#",)):
        yield from (Named(number, each) for each in _RSYSLOG_PROGRAM.findall(line))
        behind = _behind(line, 1)
        if behind.startswith("^"):
            yield Named(number, behind[1:].partition(";")[0].strip())


def aliases(text: str) -> Iterator[Named]:
    """Programs that mail is piped to."""
    for number, line in joined_lines(text, ("#",)):
        yield from (Named(number, each.strip()) for each in _ALIAS_PROGRAM.findall(line))


def fail2ban(text: str) -> Iterator[Named]:
    """Commands of an action, whose values go on in lines that begin with blanks."""
    named = False
    for number, raw in enumerate(text.split("\n"), 1):
        key, sign, value = raw.partition("=")
        if raw[:1].isspace():
            value = raw
        else:
            named = bool(sign) and key.strip().startswith("action")
        if named and (command := value.strip()) and not command.startswith("#"):
            yield Named(number, _FAIL2BAN_TAG.sub("_", command))


def _inittab(line: str) -> str:
    fields = line.split(":", 3)
    return fields[3].lstrip("+@") if len(fields) > 3 and fields[2] not in ("off", "initdefault") else ""


def _dhclient(line: str) -> str:
    key, value = _pair(line)
    return value.rstrip("; \t") if key == "script" else ""


def _postgresql(line: str) -> str:
    """A text in quotes, of which two stand for one; a comment may come behind it."""
    key, value = _pair(line)
    text = _IN_QUOTES.match(value) if key.lower() in _POSTGRESQL else None
    return text[1].replace("''", "'") if text is not None else ""


def _nagios(line: str) -> str:
    """$USER1$ is the directory of the plugins, as all distributions set it in a file that only Nagios may read."""
    key, value = _pair(line)
    if key != "command_line" or not value.startswith("$USER1$/"):
        return value if key == "command_line" else ""
    return f"PATH={':'.join(PLUGINS)}:$PATH; {value.removeprefix('$USER1$/')}"


def execline(text: str) -> Iterator[Named]:
    """The up and down of s6-rc: the lines of one command, in a language of which it uses words alone."""
    lines = [*joined_lines(text, ("#",))]
    if lines:
        yield Named(lines[0][0], " ".join(line for _, line in lines))


def keyed(*keys: str, sign: str = "", directory: str = "/") -> Language:
    """Commands that are values of these keys, behind a sign or blanks."""

    def read(text: str) -> Iterator[Named]:
        for number, line in joined_lines(text):
            key, value = line.partition(sign)[::2] if sign else _pair(line)
            if key.strip() in keys and (command := unquoted(value.strip())):
                yield Named(number, command, directory)

    return read


zabbix, snmpd = map(_of_lines, (_zabbix, _snmpd))
sshd, pam, incron, acpi, inetd, inittab = map(_of_lines, (_sshd, _pam, _incron, _acpi, _inetd, _inittab))
dhclient = _of_lines(_dhclient)
wireguard = keyed("PreUp", "PostUp", "PreDown", "PostDown", sign="=")
openvpn = keyed(
    *("up", "down", "route-up", "route-pre-down", "client-connect", "client-disconnect", "learn-address", "ipchange"),
    *("auth-user-pass-verify", "tls-verify", "tls-crypt-v2-verify"),
    directory=".",
)
squid = keyed(
    "url_rewrite_program", "redirect_program", "store_id_program", "logfile_daemon", "unlinkd_program", "pinger_program"
)
dnsmasq = keyed("dhcp-script", sign="=")
postgresql = _of_lines(_postgresql, ("#",))
certbot = keyed(
    "pre_hook", "post_hook", "renew_hook", "deploy_hook", "manual_auth_hook", "manual_cleanup_hook", sign="="
)
uwsgi = keyed(
    *(
        "exec-asap",
        "exec-pre-jail",
        "exec-post-jail",
        "exec-pre-app",
        "exec-post-app",
        "exec-as-root",
        "exec-as-user",
        "attach-daemon",
    ),
    *("smart-attach-daemon", "attach-daemon2", "exec-as-user-atexit"),
    sign="=",
)
credentials = keyed("credential_process", sign="=")
cfn_hup = keyed("action", sign="=")
strongswan = keyed("leftupdown", "rightupdown", "updown", sign="=")
nut = keyed("NOTIFYCMD", "SHUTDOWNCMD")
nagios = _of_lines(_nagios)
fluentd = keyed("command")
logrotate = _of_blocks(LOGROTATE_SCRIPTS, ("endscript",))
upstart = _of_blocks(("script",), ("end script",), "exec")
