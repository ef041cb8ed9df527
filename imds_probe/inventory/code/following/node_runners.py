"""Programs of Node that run another script: compilers that run what they compile, supervisors, and servers of frameworks.

Which word of a command line is the script is told by what is there. Source: the manual of each.
"""

from __future__ import annotations

import itertools
import posixpath
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.loads import joined, package_of
from imds_probe.inventory.sdks.start import Start

WORDS_MAX, COMMANDS_MAX, WHOLE_MAX, SETTINGS_MAX_BYTES = 500, 200, 5000, 64 * 1024
ENDS = (".js", ".cjs", ".mjs", ".node", ".ts", ".cts", ".mts", ".jsx", ".tsx")
_SETTINGS_ENDS = (".config.js", ".config.cjs", ".config.mjs", ".json", ".yml", ".yaml")


@dataclass(frozen=True)
class Runner:
    """`main`: without a script it runs that of the project in the directory. `settings`: it may be given a file that names scripts.
    `whole` are directories of which it loads all. `command`: the words are another program, `commands`: each word is one.
    `options` have a command as their value, to which the script is handed.
    """

    main: bool = False
    settings: bool = False
    whole: tuple[str, ...] = ()
    command: bool = False
    commands: bool = False
    options: tuple[str, ...] = ()


_SCRIPT, _SUPERVISOR, _COMMAND = Runner(), Runner(main=True, settings=True), Runner(command=True)
RUNNERS: Mapping[str, Runner] = {
    **dict.fromkeys(("ts-node", "ts-node-esm", "ts-node-script", "ts-node-transpile-only", "ts-node-cwd"), _SCRIPT),
    **dict.fromkeys(("ts-node-dev", "tsnd", "tsx", "tsm", "esno", "esmo", "esr", "jiti", "vite-node"), _SCRIPT),
    **dict.fromkeys(("babel-node", "@babel/node", "swc-node", "sucrase-node", "coffee", "zx", "node-dev"), _SCRIPT),
    **dict.fromkeys(("remix-serve", "react-router-serve"), _SCRIPT),
    "nodemon": Runner(main=True, options=("-x", "--exec")),
    **dict.fromkeys(("pm2", "pm2-runtime", "pm2-docker", "pm2-dev", "forever"), _SUPERVISOR),
    "next": Runner(whole=(".next/server", ".next/standalone")),
    "nuxt": Runner(whole=(".output/server", ".nuxt/dist/server")),
    "nest": Runner(main=True, whole=("dist",)),
    "strapi": Runner(whole=("dist", "src", "api", "config")),
    "sails": Runner(main=True, whole=("api", "config")),
    **dict.fromkeys(("cross-env", "cross-env-shell", "dotenv", "dotenvx", "env-cmd", "c8", "nyc"), _COMMAND),
    "concurrently": Runner(commands=True),
}
# They read what they are given and run nothing of it.
_READERS = frozenset(
    ("eslint", "prettier", "tsc", "typescript", "webpack", "rollup", "esbuild", "uglify-js", "terser", "npm")
)
# Words of supervisors and frameworks: of those that start something, and of those that do not.
_STARTING = frozenset(("start", "watch", "run", "serve", "dev", "lift"))
_OTHERS = frozenset(
    """
    build delete deploy describe flush install kill list logs ls monit ping reload restart resurrect save set startup status stop
    unstartup update
    """.split()  # noqa: SIM905 - as literals they would take half a page
)
_NAMED = re.compile(rb"(?<!\w)[\"']?(?:script|exec|cwd)[\"']?[ \t]{0,9}:[ \t]{0,9}[\"']?([^\"'\n,{}]{1,300})")
CONTAINER = "ProcessContainer"  # of pm2, in which its scripts run


@dataclass(frozen=True)
class Told:
    """`scripts` are run, one of them at least; `settings` only read. The rest is as in Runner."""

    scripts: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()
    main: bool = False
    must: bool = False


File = Callable[[str, Ground], Iterator[str]]


def told(start: Start, script: str, rest: Sequence[str], ground: Ground, file: File) -> Told | None:
    """What a script of somebody else is told to run by these words; None of one's own. `file` finds what a path stands for."""
    package = package_of(ground.real(script))
    # By the name of what is started, or of the package that it belongs to.
    runner = RUNNERS.get(posixpath.basename(script)) or RUNNERS.get((package or "").rpartition("/node_modules/")[2])
    words = tuple(rest[:WORDS_MAX])
    plain = [word for word in words if not word.startswith("-")]
    if runner is None:
        if package is None or package.rpartition("/")[2] in _READERS:
            return None
        named = (start.path(word) for word in plain if word.endswith(ENDS))
        scripts = [path for path in named if ground.first([path])]
        return Told(tuple(scripts)) if scripts else None
    if runner.command or runner.commands:
        return Told(commands=tuple(_commands(runner, words)))
    if plain[:1] and plain[0] in _OTHERS:
        return Told()
    named = (start.path(word) for word in plain if word not in _STARTING)
    found = dict.fromkeys(path for each in named for path in _scripts(each, ground, file))
    settings = [path for path in map(start.path, plain) if runner.settings and _is_settings(path, ground)]
    scripts = [path for path in found if path not in settings][:1]
    scripts += [each for path in settings for each in _of_settings(path, ground, file)]
    given = [value for option, value in itertools.pairwise(words) if option in runner.options]
    commands = tuple((*_split(value), *scripts[:1]) for value in given)
    return Told(
        tuple(dict.fromkeys(scripts)),
        tuple(settings),
        tuple(start.path(each) for each in runner.whole),
        commands,
        runner.main and not scripts,
        must=bool(plain) and not commands,
    )


def _commands(runner: Runner, words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    words = words[words.index("--") + 1 :] if "--" in words else words
    begins = [at for at, word in enumerate(words) if word and not word.startswith("-")][:COMMANDS_MAX]
    yield from (tuple(_split(words[at])) if runner.commands else tuple(words[at:]) for at in begins)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote without an end
        return text.split()


def _scripts(path: str, ground: Ground, file: File) -> Iterator[str]:
    """The file of code that a path stands for: one with another end is the value of an option."""
    for found in file(path, ground):
        if found.endswith(ENDS) or "." not in posixpath.basename(found):
            yield found


def _is_settings(path: str, ground: Ground) -> bool:
    return path.endswith(_SETTINGS_ENDS) and ground.first([path]) is not None


def _of_settings(path: str, ground: Ground, file: File) -> Iterator[str]:
    """The scripts that settings of a supervisor name, from their own directory or another that they name."""
    text = ground.small(path, SETTINGS_MAX_BYTES)
    values = [
        match[1].decode("utf-8", "replace").strip() for match in ground.some(list(_NAMED.finditer(text)), COMMANDS_MAX)
    ]
    here = posixpath.dirname(path)
    places = [here, *(joined(here, each) for each in values)]
    for each in values:
        for word in _split(each)[-1:]:
            yield from next(filter(None, (list(_scripts(joined(at, word), ground, file)) for at in places)), [])
