"""Node: what scripts require and import, by Node's own algorithm.

Source: Node's documentation, "Modules: CommonJS modules", "Modules: Packages". A package whose entry points depend on
conditions has all of them followed.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace

from imds_probe.inventory.code.following.arguments import NODE, read
from imds_probe.inventory.code.following.command import SEARCHED, starts_of
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.language import Language, of_text
from imds_probe.inventory.code.following.loads import Asked, Begun, Load, Text, Way, asked, joined, package_of
from imds_probe.inventory.code.following.node_runners import CONTAINER, ENDS, WHOLE_MAX, Told, told
from imds_probe.inventory.code.following.script_commands import NODE as STARTING
from imds_probe.inventory.code.following.script_commands import commands_in
from imds_probe.inventory.sdks import node_plugged
from imds_probe.inventory.sdks.node import ANCESTORS_MAX, DIRECTORY, PROGRAMS
from imds_probe.inventory.sdks.start import Start

# Of Deno and Bun, which have a word before the script, and of Deno also before the name of a package.
_RUN = frozenset(("run", "serve", "x", "start", "test"))
_FROM_REGISTRY = re.compile(r"npm:/?((?:@[^/@]{1,100}/)?[^/@]{1,100})(?:@[^/]{0,100})?(/.{0,200})?", re.DOTALL)
EXPORTS_MAX, EXPORTS_DEPTH = 50, 6
BUILT_IN = frozenset(
    (
        *("assert", "async_hooks", "buffer", "child_process", "cluster", "console", "constants", "crypto", "dgram"),
        *("diagnostics_channel", "dns", "domain", "events", "fs", "http", "http2", "https", "inspector", "module"),
        *("net", "os", "path", "perf_hooks", "process", "punycode", "querystring", "readline", "repl", "stream"),
        *("string_decoder", "sys", "timers", "tls", "trace_events", "tty", "url", "util", "v8", "vm", "wasi"),
        *("worker_threads", "zlib"),
    )
)
# A comment, or a text of one line, which is kept.
_ASIDE = re.compile(
    rb'("(?:[^"\\\n]++|\\.)*+"|\'(?:[^\'\\\n]++|\\.)*+\')|/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z)|(?<![:\\/])//[^\n]*+'
)
_TITLE = re.compile(r"(next)-server\b|PM2 v[\d.]{1,20}: God Daemon\b")
_TEXT = rb"[\"'`]([^\"'`\n$]{1,200})[\"'`]"
_REQUIRED = re.compile(rb"\b(?:require(?:\.resolve)?|import)\s{0,10}\(\s{0,20}(?:" + _TEXT + rb"\s{0,20}[,)])?")
_FORKED = re.compile(rb"\b(?:new[ \t]{1,9}(?:\w{1,60}\.)?Worker|(?:\w{1,60}\.)?fork)[ \t]{0,9}\(([^;\n]{0,300})")
_ITSELF = re.compile(
    rb"[ \t]{0,9}(?:new[ \t]{1,9}URL\([ \t]{0,9})?(?:__filename|import\.meta\.(?:filename|url)|process\.argv\[1\]|\)|\Z)"
)
_ONE_TEXT = re.compile(rb"[\"'`]([^\"'`\n$]{1,200})[\"'`]")
_IMPORTED = re.compile(rb"(?:\bfrom|\bimport)\s{0,10}" + _TEXT)


def _runs(program: str, libraries: frozenset[str]) -> bool:
    return program in PROGRAMS or "libnode" in libraries


def _begins(start: Start, ground: Ground) -> Begun:
    arguments = start.arguments
    if posixpath.basename(start.executable) in ("bun", "deno") and len(arguments) > 1 and arguments[1] in _RUN:
        arguments = (arguments[0], *arguments[2:])
    given = read(arguments, NODE)
    way = Way(start.directory, variables=dict(start.environment), directory=start.directory)
    way.add(start.listed("NODE_PATH"))
    names = [value for _, value in given.required]
    texts: tuple[Text, ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()
    if given.text is not None:
        text = given.text.encode("utf-8", "replace")
        by_text = asked_by(text)
        texts, names = (Text("node", text),), [*names, *by_text.names]
        commands = by_text.commands
    begun = Begun(way, asked=asked(names, (), commands), texts=texts)
    if given.text is not None:
        return begun
    script = given.script and next(_file(start.path(given.script), ground), "")
    # pm2 runs a script in one of its own, or has it run as if it were called so.
    run_by_pm2 = start.environment.get("pm_exec_path", "") if not script or CONTAINER in script else ""
    script = next(_file(start.path(run_by_pm2), ground), script) if run_by_pm2 else script
    if not script and (title := _TITLE.match(start.arguments[0] if start.arguments else "")):
        # What pm2's own process starts are processes of their own.
        runs = told(start, title[1], ("start",), ground, _file) if title[1] else None
        return _running(runs, begun, start, ground)
    # A process may call itself what it likes: then what its directory is the package of.
    script = script or next(_main(start.directory, ground), "")
    if not script:
        return Begun(way, asked=begun.asked, unknown=True)
    called, script = script, ground.real(script)
    package = package_of(script)
    if runs := told(start, called, given.rest, ground, _file):
        return _running(runs, begun.with_(Load(script, package)), start, ground)
    way.own = posixpath.dirname(script)
    return begun.with_(Load(script, package))


def _running(runs: Told | None, begun: Begun, start: Start, ground: Ground) -> Begun:
    """The same with what a runner is told to run: that comes first, as it tells the runner from another one."""
    runs = runs or Told()
    scripts = [*runs.scripts, *(_main(start.directory, ground) if runs.main else ())]
    real = [ground.real(path) for path in scripts]
    whole = [Load(path) for at in runs.whole for path in ground.walked(at, ENDS, WHOLE_MAX, of_program=True)]
    if real:
        begun.way.own = posixpath.dirname(real[0])
    loads = (*(Load(path, package_of(path)) for path in real), *map(Load, runs.settings), *whole, *begun.loads)
    is_missed = runs.must and not (real or whole)
    return replace(begun, loads=loads, asked=replace(begun.asked, commands=runs.commands), unknown=is_missed)


def asked_by(text: bytes) -> Asked:
    """What a script requires or imports. A name that is put together is not known."""
    if b"require" not in text and b"import" not in text and b"Worker" not in text:
        return asked()
    bare = _ASIDE.sub(lambda match: match[1] or b" ", text)
    required = list(_REQUIRED.finditer(bare))
    names = [match[1] for match in (*required, *_IMPORTED.finditer(bare)) if match[1]]
    forked = [(match, _ONE_TEXT.search(match[1].partition(b"[")[0])) for match in _FORKED.finditer(bare)]
    names += [
        b"./" + text[1].lstrip(b"./") if not text[1].startswith(b"../") else text[1] for _, text in forked if text
    ]
    absolute = [text[1] for match, text in forked if text and text[1].startswith(b"/") and b"dirname" not in match[1]]
    # Others have workers and forks, too: a queue its workers by their names, a cluster itself.
    own = b"worker_threads" in bare or b"child_process" in bare
    dynamic = any(match[1] is None for match in required) or any(
        own and text is None and not match[0].startswith(b"cluster") and _ITSELF.match(match[1]) is None
        for match, text in forked
    )
    commands = commands_in(bare, STARTING)
    return asked((name.decode("utf-8", "replace") for name in [*names, *absolute]), (), commands, dynamic=dynamic)


def _found(given: Asked, load: Load, way: Way, ground: Ground) -> Iterator[Load | Start]:
    here = posixpath.dirname(load.path)
    if given.commands:
        beside = [f"{at}/.bin" for at in _above(way.directory)]
        places = ":".join((*beside, way.variables.get("PATH") or SEARCHED))
        yield from starts_of(given, here, replace(way, variables={**way.variables, "PATH": places}), ground)
    for name in (_FROM_REGISTRY.sub(r"\1\2", each.removeprefix("file://")) for each in given.names):
        if name.startswith("node:") or name.partition("/")[0] in BUILT_IN:
            continue
        if name.startswith((".", "/")):
            for path in _file(joined(here, name), ground):
                yield Load(path, load.package_root if name.startswith(".") else None)
        else:
            yield from _package(name, here, way, ground)


def _package(name: str, here: str, way: Way, ground: Ground) -> Iterator[Load]:
    parts = name.split("/")
    size = 2 if name.startswith("@") else 1
    package, inside = "/".join(parts[:size]), "/".join(parts[size:])
    for place in (*_above(here), *way.places):
        at = f"{place}/{package}"
        if ground.listed(at):
            root = ground.real(at)  # what links in pnpm's store lead to has its own neighbours
            found = list(_exported(root, f"./{inside}" if inside else ".", ground))
            found += _file(f"{root}/{inside}", ground) if inside else _main(root, ground)
            yield from (Load(path, root) for path in dict.fromkeys(found))
            return
        if path := ground.first((at, f"{at}.js")):
            yield Load(path, None)
            return
    project = next(
        (each for each in _above(here, "") if any(ground.has(f"{each}/{n}") for n in node_plugged.FILES)), None
    )
    if project is not None:
        yield from ground.once(("plugged", project, package), lambda: _plugged(package, project, ground))


def _plugged(name: str, directory: str, ground: Ground) -> Iterator[Load]:
    """What a package that Yarn leaves in its archive loads: all of the archive, and of those of what it depends on."""
    for each in node_plugged.needed_by(name, ground.once(("plugged", directory), lambda: _registry(directory, ground))):
        archive, root = each.place(directory)
        if archive:
            yield Load(archive, f"{archive}/{DIRECTORY}/{each.own_name}")
        else:
            yield from (Load(path, root) for path in _main(root, ground))


def _registry(directory: str, ground: Ground) -> Iterator[node_plugged.Plugged]:
    for name in node_plugged.FILES:
        if ground.has(f"{directory}/{name}"):
            yield from node_plugged.registry(ground.small(f"{directory}/{name}", node_plugged.MAX_BYTES))


def _above(directory: str, name: str = f"/{DIRECTORY}") -> Iterator[str]:
    for _ in range(ANCESTORS_MAX):
        if posixpath.basename(directory) != DIRECTORY:
            yield f"{directory.rstrip('/')}{name}"
        if directory in ("/", ""):
            return
        directory = posixpath.dirname(directory)


def _main(root: str, ground: Ground) -> Iterator[str]:
    described = _described(root, ground)
    mains = [each for key in ("main", "module") if isinstance(each := described.get(key), str)]
    found = [path for main in mains for path in _file(joined(root, main), ground)]
    yield from found or _file(f"{root}/index", ground)


def _exported(root: str, name: str, ground: Ground) -> Iterator[str]:
    exports = _described(root, ground).get("exports")
    if isinstance(exports, dict) and any(key.startswith(".") for key in exports):
        exports = exports.get(name)
    elif name != ".":
        return
    for number, target in enumerate(_targets(exports, 0)):
        if number >= EXPORTS_MAX:
            return
        if target.startswith("./") and target.endswith(ENDS):
            yield from _file(joined(root, target), ground)


def _targets(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth < EXPORTS_DEPTH:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for each in inner:
            yield from _targets(each, depth + 1)


def _described(root: str, ground: Ground) -> dict[str, object]:
    try:
        content = json.loads(ground.small(f"{root}/package.json") or b"{}")
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _file(path: str, ground: Ground) -> Iterator[str]:
    """The file that a path without its end stands for, or what a directory has for one."""
    found = ground.first([path, *(f"{path}{end}" for end in ENDS)])
    if found:
        yield found
    elif ground.listed(path):
        described = _described(path, ground).get("main")
        main = ground.first(
            joined(path, f"{each}{end}")
            for each in ((described,) if isinstance(described, str) else ())
            for end in ("", *ENDS, *(f"/index{end}" for end in ENDS))
        )
        if index := main or ground.first(f"{path}/index{end}" for end in ENDS):
            yield index


LANGUAGE = Language("node", _runs, _begins, of_text(asked_by), _found, ENDS)
