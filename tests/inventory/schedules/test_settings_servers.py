from __future__ import annotations

import pytest

from imds_probe.inventory.code.forwarding import PASSES_ON
from imds_probe.inventory.schedules import settings_servers as by_server
from imds_probe.inventory.schedules.settings_commands import Language

NGINX = """\
http {
  # content_by_lua_block { off }
  init_by_lua_block {
    if x then y = { 1 } end
  }
  set_by_lua_block $a { b }
  content_by_lua 'c()';
  access_by_lua_file lua/d.lua;
  js_import main from e.js;
  root /f;
}
"""


@pytest.mark.parametrize(
    ("language", "text", "commands"),
    [
        (
            by_server.nginx,
            NGINX,
            [
                (3, "#!/usr/bin/lua\n\n    if x then y = { 1 } end\n  ", False),
                (6, "#!/usr/bin/lua\n b ", False),
                (7, "#!/usr/bin/lua\nc()", False),
                (8, "lua/d.lua", True),
                (9, "e.js", True),
            ],
        ),
        (
            by_server.nginx,
            "location / { access_by_lua_file /a.lua; js_import b.js; }\n",
            [(1, "/a.lua", True), (1, "b.js", True)],
        ),
        (by_server.nginx, "content_by_lua_block { a\n", [(1, "#!/usr/bin/lua\n a\n", False)]),
        (
            by_server.apache,
            'ScriptAlias /cgi/ "/srv/cgi/"\nWSGIScriptAlias / /srv/app.wsgi process-group=x\nCustomLog "|/x a" common\n'
            'CustomLog /var/log/y common\nRewriteMap m "prg:/z b"\nPerlRequire /p.pl\n',
            [
                (1, "/srv/cgi/*", False),
                (2, "python3 /srv/app.wsgi", False),
                (3, "/x a", False),
                (5, "/z b", False),
                (6, "/p.pl", True),
            ],
        ),
        (
            by_server.haproxy,
            'global\n lua-load /x.lua\nbackend b\n external-check command "/y"\n option command\nprogram p\n command /z a\n',
            [(2, "/x.lua", True), (4, "/y", False), (7, "/z a", False)],
        ),
        (
            by_server.lighttpd,
            'include_shell "/x a"\nfastcgi.server = ( "/" => (( "bin-path" => "/y" )))\n',
            [(1, "/x a", False), (2, "/y", False)],
        ),
    ],
)
def test_code_and_commands_of_servers(language: Language, text: str, commands: list[tuple[int, str, bool]]) -> None:
    assert [(each.line, each.command, each.reads) for each in language(text)] == commands


@pytest.mark.parametrize("language", [by_server.apache, by_server.haproxy])
@pytest.mark.parametrize("text", ["\\\n\n", " \\\n\\\n\\\n", "\\"])
def test_a_line_that_goes_on_with_nothing(language: Language, text: str) -> None:
    assert list(language(text)) == []


@pytest.mark.parametrize(
    "home",
    ["WSGIDaemonProcess x threads=2 python-home=/srv/venv", "WSGIPythonHome /srv/venv", "wsgipythonhome '/srv/venv'"],
)
def test_applications_of_wsgi_begin_in_their_environment(home: str) -> None:
    (found,) = by_server.apache(f"{home}\nWSGIScriptAlias / /srv/x.py\n")
    assert found.command == "PATH=/srv/venv/bin:/usr/local/bin:/usr/bin:/bin python3 /srv/x.py"
    (found,) = by_server.apache("WSGIDaemonProcess x threads=2\nWSGIScriptAlias / /srv/x.py\n")
    assert found.command == "python3 /srv/x.py"


TO = "http://169.254.169.254"


@pytest.mark.parametrize(
    ("language", "text", "lines"),
    [
        (by_server.nginx, f"server {{\n location / {{ proxy_pass {TO}; }}\n}}\n", [2]),
        (by_server.nginx, "upstream m {\n  server 169.254.169.254:80;\n}\n", [2]),
        (by_server.nginx, f"# proxy_pass {TO};\nserver_name 169.254.169.254; deny 169.254.169.254;\n", []),
        (by_server.nginx, f"proxy_set_header X-aws-ec2-metadata-token $t; proxy_pass {TO};\n", []),
        (by_server.nginx, "proxy_pass http://127.0.0.1:80;\n", []),
        (by_server.apache, f"ProxyPass / {TO}/\nAllow from 169.254.169.254\n", [1]),
        (by_server.haproxy, "backend m\n  server m 169.254.169.254:80 check\n  acl x src 169.254.169.254\n", [2]),
        (by_server.lighttpd, 'proxy.server = ( "" =>\n ( ( "host" => "169.254.169.254" ) ) )\n', [2]),
        (by_server.lighttpd, 'x = "169.254.169.254"\n', []),
    ],
)
def test_where_requests_are_passed_on_to_the_service(language: Language, text: str, lines: list[int]) -> None:
    assert [each.line for each in language(text) if each.command == PASSES_ON] == lines
