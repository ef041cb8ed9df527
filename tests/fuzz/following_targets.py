"""Targets: what programs load, by what scripts and files beside them say, and what is remembered of it."""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from code_root import Root, jar
from fuzz.target import Parse, Target, check, choose, chosen

from imds_probe.collect.code_tasks import Program
from imds_probe.collect.schedules_kept import (
    DueKept,
    EntryKept,
    Listed,
    SchedulesKept,
    SourceKept,
    decoded,
    encoded,
)
from imds_probe.inventory.code.following import java, node, perl, php, python, python_text, ruby, scripts, shell_text
from imds_probe.inventory.code.following.command import start_of
from imds_probe.inventory.code.following.java_plugins import plugged
from imds_probe.inventory.code.following.known import Kept
from imds_probe.inventory.code.following.loads import Asked
from imds_probe.inventory.code.owning import owners
from imds_probe.system.remembered import BEGINS, Remembered

SITE = "usr/local/lib/python3.11/site-packages"
# Each reader of a text, with one that has something of all that it knows.
TEXTS: tuple[tuple[Callable[[bytes], Asked], bytes], ...] = (
    (
        python_text.asked_by,
        b"import a.b as c\nfrom . import (d,\n e)\nimport_module(f'x.{y}')\nsys.path.insert(0, dirname(__file__) + '/v')\n"
        b"load_entry_point('p==1', 'console_scripts', 'p')\nexec(open('/z').read())\nsys.path.append(os.environ['W'])\n"
        b"subprocess.run(['/x', 'y'])\nos.system(f'x {y}; z')\ndef r(c):\n  Popen(c)\nr(shlex.split('a b'))\n",
    ),
    (node.asked_by, b"import {a} from 'b'; require('c'); require(d) // e\nchild_process.exec(`a ${b}`)\n"),
    (
        ruby.asked_by,
        b"require 'a'\nrequire_relative 'b'\nload File.expand_path('../c', __FILE__)\n$: << 'd'\n"
        b"x = `a #{b}`\nsystem %w[c d]\n",
    ),
    (
        perl.asked_by,
        b"use A::B qw(c);\nuse lib 'd'; use parent -norequire, 'E'; require \"f.pl\";\nsystem(qw(g h)); $i = `j $k`;\n"
        b"=pod\n\n=cut\n__END__\n",
    ),
    (
        php.asked_by,
        b"<?php namespace A; use B\\{C, D}; require __DIR__ . '/e.php'; include $f; new \\G\\H(); exec(__DIR__ . '/i');",
    ),
    (shell_text.asked_by, b'A=/x\n. "$(dirname "$0")/b"\nsudo -u c $A/d <<E | e\nf\nE\n'),
    (
        scripts.asked_by,
        b"source [file join [file dirname [info script]] a.tcl]\nx = dofile('b.lua')\nrequire(\"c.d\")\nsource $e\n",
    ),
)
# Files that say where others are, and what is started for them to be read.
FILES: tuple[tuple[str, tuple[str, ...], bytes], ...] = (
    ("opt/script.py", ("python3.11", "/opt/script.py"), b"import a, entry\n"),
    ("opt/script", ("/opt/script",), b"#!/usr/bin/env -S python3.11 -u\nimport a\n"),
    (f"{SITE}/x.pth", ("python3.11", "-c", "import a"), b"/opt\n# x\nimport y\n"),
    (f"{SITE}/__editable__x_finder.py", ("python3.11", "-c", "import a"), b"MAPPING: dict = {'a': '/opt/a'}\n"),
    (
        f"{SITE}/p-1.dist-info/entry_points.txt",
        ("python3.11", "-c", "load_entry_point('p')"),
        b"[console_scripts]\np = a.b:c\n",
    ),
    ("opt/pyvenv.cfg", ("python3.11", "/opt/bin/x"), b"home = /usr/bin\ninclude-system-site-packages = true\n"),
    ("opt/gunicorn.conf.py", ("python3.11", "-m", "gunicorn", "-c", "/opt/gunicorn.conf.py"), b"wsgi_app = 'a.b:c'\n"),
    ("opt/work.py", ("python3.11", "-m", "celery", "--workdir=/opt", "-A", "work"), b"Celery(include=['a.b'])\n"),
    (
        "opt/tomcat/conf/server.xml",
        ("java", "-Dcatalina.base=/opt/tomcat", "-Da.b=/srv", "Main"),
        b'<Host appBase="${a.b}/apps"><Context docBase="x"/></Host>',
    ),
    ("etc/c.properties", ("java", "-cp", "/x", "Main", "/etc/c.properties"), b"plugin.path=/opt, /srv/x\n"),
    ("opt/.bundle/config", ("ruby", "/opt/x.rb"), b'---\nBUNDLE_PATH: "vendor"\n'),
    ("srv/apps.json", ("/usr/bin/pm2", "start", "/srv/apps.json"), b'{"apps": [{"script": "m.js", "cwd": "/srv"}]}'),
    (
        "srv/node_modules/a/package.json",
        ("node", "/srv/m.js"),
        b'{"main": "x", "exports": {".": {"import": "./x.js"}}}',
    ),
    ("srv/vendor/composer/autoload_psr4.php", ("php8", "/srv/m.php"), b"'A\\\\' => array($vendorDir . '/a/b/src'),\n"),
    ("srv/vendor/composer/autoload_files.php", ("php8", "/srv/m.php"), b"'1' => $vendorDir . '/a/b/f.php',\n"),
    ("etc/rabbitmq/enabled_plugins", ("beam", "-pa", "/srv/rabbit-1/ebin"), b"[a]."),
    ("srv/rabbit-1/ebin/rabbit.app", ("beam", "-pa", "/srv/rabbit-1/ebin"), b"{applications, [a]}"),
    ("srv/x.dart", ("dart", "run", "/srv/x.dart"), b"main() {}"),
    (
        f"{SITE}/q-1.dist-info/entry_points.txt",
        ("python3.11", "-c", "entry_points(group='g')"),
        b"[ g ]\n# x = y\nz = a.b:c [d]\n",
    ),
)
ROOT: Mapping[str, str | bytes] = {
    **{
        f"usr/bin/{name}": b"\x7fELF"
        for name in ("python3.11", "node", "php8", "java", "env", "curl", "beam", "dart", "ruby")
    },
    "usr/bin/pm2": "#!/usr/bin/env node\n",
    "usr/lib/python3.11/os.py": "",
    "opt/bin/x": "import a",
    "opt/a/__init__.py": "",
    "opt/a/b.py": "",
    "srv/m.js": "require('a')",
    "srv/node_modules/a/x.js": "",
    "srv/m.php": "<?php require 'vendor/autoload.php'; use A\\C;",
    "srv/vendor/autoload.php": "",
    "srv/vendor/a/b/src/C.php": "",
    "srv/vendor/a/b/f.php": "",
}
OWNERS: tuple[tuple[str, str, bytes], ...] = (
    ("var/lib/dpkg/info/a.list", "/usr/bin/a", b"/usr\n/usr/bin/a\n"),
    (f"{SITE}/a-1.0.dist-info/RECORD", f"/{SITE}/a/b.py", b"a/b.py,sha256=x,1\n"),
    ("srv/node_modules/a/package.json", "/srv/node_modules/a/x.js", b'{"version": "1.0"}'),
    ("srv/vendor/composer/installed.json", "/srv/vendor/a/b/c.php", b'{"packages": [{"name": "a/b", "version": "1"}]}'),
    ("srv/vendor/botocore/__init__.py", "/srv/vendor/botocore/utils.py", b"__version__ = '1.12.253'\n"),
)
STATUS = "Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: 1.0\n\n"


def _texts(_: Path) -> Parse:
    def parse(data: bytes) -> None:
        at, text = choose(data, len(TEXTS) + 1)
        check(TEXTS[at][0](text) if at < len(TEXTS) else java.asked_by(io.BytesIO(text)))

    return parse


def _text_seeds() -> Mapping[str, bytes]:
    seeds = {f"text-{at}": chosen(at, text) for at, (_, text) in enumerate(TEXTS)}
    return {**seeds, "jar": chosen(len(TEXTS), jar("Class-Path: a.jar\r\n b.jar\r\n"))}


def _followed(root: Path) -> Parse:
    made = Root(root).put(ROOT)

    def parse(data: bytes) -> None:
        at, content = choose(data, len(FILES))
        path, argv, _ = FILES[at]
        (root / path).unlink(missing_ok=True)
        made.put({path: content})
        ground = made.ground()
        if (start := start_of(argv, ground)) is not None:
            check(made.follow(*argv))
            check(plugged(start, ground))
        (root / path).unlink()

    return parse


def _owned(root: Path) -> Parse:
    made = Root(root).put({"var/lib/dpkg/status": STATUS})

    def parse(data: bytes) -> None:
        at, content = choose(data, len(OWNERS))
        path, asked, _ = OWNERS[at]
        made.put({path: content})
        check(list(owners(root, [asked], time.monotonic() + 60, ["botocore"])))

    return parse


def _owner_seeds() -> Mapping[str, bytes]:
    return {path: chosen(at, content) for at, (path, _, content) in enumerate(OWNERS)}


def _remembered(root: Path) -> Parse:
    store = Remembered(root, "code", Kept, "1")

    def parse(data: bytes) -> None:
        (root / "code.remembered").write_bytes(data)
        check(store.load())

    return parse


def _remembered_seeds() -> Mapping[str, bytes]:
    with tempfile.TemporaryDirectory() as directory:
        made = Root(Path(directory)).put({"a.py": "import a"}).ground()
        made.before_ns = time.time_ns() + 10**12
        made.visit("/a.py", python.LANGUAGE)
        Remembered(Path(directory), "code", Kept, "1").save(made.learnt)
        kept = (Path(directory) / "code.remembered").read_bytes()
    return {"nothing": b"", "begins": BEGINS + bytes(40), "kept": kept}


def _schedules_kept(root: Path) -> Parse:
    del root

    def parse(data: bytes) -> None:
        if (kept := decoded(data)) is not None:
            for each in (*kept.sources.values(), *kept.entries.values()):
                check([kept.paths[number] for number in each.by])

    return parse


def _schedules_kept_seeds() -> Mapping[str, bytes]:
    listed = Listed("key", "/etc/cron.d/x", "scheduled", "daily", 86400.0)
    entry = EntryKept((0, 1), (DueKept(Program("/opt/x.sh", ()), (), ("/opt/x.sh",)),))
    kept = SchedulesKept(
        ("/etc", "/a"), ((1, 2, 3, 4, 5), None), {"crontabs": SourceKept((0,), (listed,))}, {"key": entry}
    )
    return {"nothing": b"", "kept": encoded(kept), "out of range": encoded(SchedulesKept(entries={"key": entry}))}


TARGETS = {
    "following-texts": Target(_texts, _text_seeds),
    "following": Target(_followed, lambda: {str(at): chosen(at, content) for at, (_, _, content) in enumerate(FILES)}),
    "owners": Target(_owned, _owner_seeds),
    "remembered": Target(_remembered, _remembered_seeds),
    "schedules-kept": Target(_schedules_kept, _schedules_kept_seeds),
}
