"""Code and commands in the settings of servers and proxies, and where these pass on requests to the metadata service: nginx with
Lua and njs, Apache, HAProxy, lighttpd.

Source: the documentation of lua-nginx-module and njs, of the Apache HTTP server, of HAProxy and of lighttpd.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from imds_probe.facts.imds import SERVICE
from imds_probe.inventory.code.forwarding import PASSES_ON, names_address
from imds_probe.inventory.schedules.settings_commands import Named, joined_lines, uncommented, unquoted
from imds_probe.inventory.sdks.python_embedded import wsgi_directives

BLOCK_MAX, BLOCKS_MAX = 7000, 100
LUA, PERL = "#!/usr/bin/lua\n", "#!/usr/bin/perl\n"
_LUA_BLOCK = re.compile(r"\b[a-z_]{1,40}_by_lua_block[ \t]{0,9}(?:\$\w{1,60}[ \t]{0,9})?\{")
_LUA_TEXT = re.compile(
    r"\b[a-z_]{1,40}_by_lua[ \t]{1,9}(?:\$\w{1,60}[ \t]{1,9})?(?:'([^']{1,7000})'|\"([^\"]{1,7000})\")"
)
_SUB = re.compile(r"\bperl(?:_set[ \t]{1,9}\$\w{1,60})?[ \t\n]{1,40}'([^']{1,7000})'")
_NGINX_FILE = re.compile(
    r"(?:^|[{;])[ \t]{0,80}"
    r"(?:[a-z_]{1,40}_by_lua_file(?:[ \t]{1,9}\$\w{1,60})?|js_include|js_import|perl_require)[ \t]{1,9}([^;\n]{1,300})",
    re.MULTILINE,
)
_PIPED = re.compile(r"[\"']?\|[|$]?([^\"'\n]{1,500})")
_LIGHTTPD = re.compile(r"\b(?:include_shell|bin-path\"?)\s{0,9}(?:=>\s{0,9})?\"([^\"\n]{1,1000})\"")
_STATEMENT = re.compile(r"[^;{}]{1,2000}")
_CGI = ("scriptalias", "scriptaliasmatch")
_PROXIES = ("proxypass", "proxypassmatch", "balancermember", "rewriterule")
_LOGS = ("customlog", "errorlog", "globallog", "transferlog")


def nginx(text: str) -> Iterator[Named]:
    """Blocks of Lua and Perl, and files of Lua, JavaScript and Perl."""
    bare = uncommented(text)
    for number, match in enumerate(_LUA_BLOCK.finditer(bare)):
        if number >= BLOCKS_MAX:
            break
        yield Named(_line(bare, match.start()), LUA + _block(bare, match.end()))
    for match in _LUA_TEXT.finditer(bare):
        yield Named(_line(bare, match.start()), LUA + (match[1] or match[2]))
    for match in _SUB.finditer(bare):
        yield Named(_line(bare, match.start()), PERL + match[1])
    for match in _NGINX_FILE.finditer(bare):
        words = match[1].split()
        if words:  # js_import NAME from FILE
            yield Named(_line(bare, match.start()), unquoted(words[-1]), ".", reads=True)

    for at, statement in _statements(bare):
        if statement.split()[:1] in (["proxy_pass"], ["server"], ["grpc_pass"]) and names_address(statement):
            yield from _forwarding(_line(bare, at), text)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    for match in _STATEMENT.finditer(text):
        yield match.start() + len(match[0]) - len(match[0].lstrip()), match[0]


def _forwarding(line: int, text: str) -> Iterator[Named]:
    """What passes on requests. Where the settings have a token added to them, they are IMDSv2's."""
    if "metadata-token" not in text.lower():
        yield Named(line, PASSES_ON)


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _block(text: str, at: int) -> str:
    """What stands there up to the brace that closes it."""
    depth = 1
    end = min(len(text), at + BLOCK_MAX)
    for index in range(at, end):
        depth += (text[index] == "{") - (text[index] == "}")
        if not depth:
            return text[at:index]
    return text[at:end]


def apache(text: str) -> Iterator[Named]:
    """Directories of CGI, applications of WSGI, and programs that logs and maps are piped to."""
    environment = next(_environments(text), "")
    for number, line in joined_lines(text, ("#",)):
        key, *words = line.split()
        name = key.lower()
        value = unquoted(words[-1]) if words else ""
        if name in _CGI and value.startswith("/"):
            yield Named(number, f"{value}*" if value.endswith("/") else value)
        elif name == "wsgiscriptalias" and len(words) > 1:
            yield Named(number, f"{environment}python3 {unquoted(words[1])}")
        elif name in _LOGS and (match := _PIPED.search(line)):
            yield Named(number, match[1])
        elif name == "rewritemap" and "prg:" in line:
            yield Named(number, line.partition("prg:")[2].strip("\"' "))
        elif name in _PROXIES and names_address(line):
            yield from _forwarding(number, text)
        elif name in ("perlrequire", "luahookfixups", "luamaphandler", "luahookaccesschecker") and value.startswith(
            "/"
        ):
            yield Named(number, value, reads=True)


def _environments(text: str) -> Iterator[str]:
    """What has Python begin in the virtual environments of WSGI's applications."""
    for name, words in wsgi_directives(text):
        homes = (
            words[:1] if name == "wsgipythonhome" else [word[12:] for word in words if word.startswith("python-home=")]
        )
        for home in homes if name in ("wsgipythonhome", "wsgidaemonprocess") else ():
            if home.startswith("/"):
                yield f"PATH={shlex.quote(home)}/bin:/usr/local/bin:/usr/bin:/bin "


def haproxy(text: str) -> Iterator[Named]:
    """Lua that is loaded, checks by a command, and programs that HAProxy itself starts."""
    program = False
    for number, line in joined_lines(text, ("#",)):
        words = line.split()
        if words[0] in ("global", "defaults", "frontend", "backend", "listen", "program"):
            program = words[0] == "program"
        elif words[0] in ("lua-load", "lua-load-per-thread") and len(words) > 1:
            yield Named(number, unquoted(words[1]), ".", reads=True)
        elif words[0] == "server" and len(words) > 2 and names_address(words[2]):
            yield from _forwarding(number, text)
        elif words[:2] == ["external-check", "command"] or (program and words[0] == "command"):
            yield Named(number, unquoted(line.partition("command")[2].strip()))


def lighttpd(text: str) -> Iterator[Named]:
    """Programs that make settings, and those that serve."""
    bare = uncommented(text)
    for match in _LIGHTTPD.finditer(bare):
        yield Named(_line(bare, match.start()), match[1])
    begin = bare.find("proxy.server")
    if begin >= 0 and (at := next((at for address in SERVICE if (at := bare.find(address, begin)) >= 0), -1)) >= 0:
        yield from _forwarding(_line(bare, at), text)
