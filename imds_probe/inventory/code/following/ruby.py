"""Ruby: files that a script requires, in its load path and in gems. Source: Ruby's Kernel#require; RubyGems' layout."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from imds_probe.inventory.code.following.arguments import RUBY, included, read
from imds_probe.inventory.code.following.bundler import bundles, from_repositories, homes_of, users_gems
from imds_probe.inventory.code.following.command import starts_of
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.language import Language, of_text
from imds_probe.inventory.code.following.loads import Asked, Begun, Load, Text, Way, asked, joined
from imds_probe.inventory.code.following.managed import gems_of
from imds_probe.inventory.code.following.script_commands import RUBY as STARTING
from imds_probe.inventory.code.following.script_commands import commands_in
from imds_probe.inventory.sdks.start import Start

HERE, WORDS_MAX = "{here}", 100
# Servers and workers by the names of their scripts, the options that say where their application is, and what that has.
_SERVERS = frozenset(
    (
        "puma",
        "unicorn",
        "unicorn_rails",
        "rackup",
        "thin",
        "falcon",
        "rainbows",
        "sidekiq",
        "shoryuken",
        "karafka",
        "clockwork",
    )
)
_DIRECTORIES, _SERVED = ("--dir", "-c", "--chdir"), ("config.ru", "config/environment.rb")
_OF_RAILS, SCRIPT_MAX_BYTES = ("rails", "rake", "spring", "delayed_job", "jobs"), 64 * 1024
_LOADS_RAILS = re.compile(rb"\bAPP_PATH\b|config/(?:environment|application)\b|rails/commands")
_PARTS_OF_RAILS = ("config", "app", "lib")
_QUESTIONS = frozenset(("-v", "-V", "--version", "-h", "--help"))
ENDS = (".rb", ".so")
# With the version of Ruby, or whatever stands for it, at the wildcard.
GEMS = ("lib/ruby/gems/*", "share/rubygems-integration/*", "share/gems")
LIBRARIES = (
    "lib/ruby/site_ruby",
    "lib/ruby/site_ruby/*",
    "lib/ruby/vendor_ruby",
    "lib/ruby/vendor_ruby/*",
    "share/ruby",
)
_ASIDE = re.compile(
    rb"^[ \t]*#[^\n]*+|^=begin\b(?:[^\n]|\n(?!=end\b))*+(?:\n=end[^\n]*|\Z)|^__END__$[\s\S]*", re.MULTILINE
)
_REQUIRED = re.compile(
    rb"\b(require_relative|require|load|gem|autoload[ \t]{0,20}\(?[ \t]{0,20}:\w{1,100}[ \t]{0,20},|Bundler\.require)"
    rb"[ \t]{0,20}\(?[ \t]{0,20}(?:[\"']([^\"'\n#]{1,200})[\"'])?"
)
_PATH = re.compile(
    rb"(?:\$LOAD_PATH|\$:)\.(?:unshift|push|<<)?[ \t]{0,20}(?:<<)?[ \t]{0,20}\(?([^\n]{1,300})|"
    rb"(?:\$LOAD_PATH|\$:)[ \t]{0,20}<<([^\n]{1,300})"
)
_TEXT = re.compile(rb"[\"']([^\"'\n#]{1,200})[\"']")


def _runs(program: str, libraries: frozenset[str]) -> bool:
    return program.startswith("ruby") or any(library.startswith("libruby") for library in libraries)


def _begins(start: Start, ground: Ground) -> Begun:
    given = read(start.arguments, RUBY)
    script = ground.real(start.path(given.script)) if given.script else ""
    way = Way(
        posixpath.dirname(script) if script else start.directory,
        variables=dict(start.environment),
        directory=start.directory,
    )
    prefixes = list(dict.fromkeys([posixpath.dirname(posixpath.dirname(start.executable)), "/usr/local", "/usr"]))
    way.standard = tuple(place for prefix in prefixes for place in _standard(prefix, ground))
    way.add([*map(start.path, included(start.arguments)), *start.listed("RUBYLIB")])
    way.add(place for prefix in prefixes for each in LIBRARIES for place in _matching(prefix, each, ground))
    homes = [place for name in ("GEM_HOME", "GEM_PATH") for place in start.listed(name)]
    own_gems = gems_of(start.executable, start.environment.get("HOME", ""))
    homes += [place for pattern in own_gems for place in ground.matching(pattern)]
    homes += [place for prefix in prefixes for each in GEMS for place in _matching(prefix, each, ground)]
    homes += ground.matching("/var/lib/gems/*")
    homes += [home for bundle in bundles(start, way.own, ground) for home in homes_of(bundle, ground)]
    homes += (home for place in users_gems(start) for home in ground.matching(f"{place}/*"))
    gems = [
        f"{home}/gems/{gem}"
        for home in dict.fromkeys(homes)
        for gem in sorted(ground.listed(f"{home}/gems"), reverse=True)
    ]
    gems += (gem for home in dict.fromkeys(homes) for gem in from_repositories(home, ground))
    way.add(f"{gem}/lib" for gem in gems)
    way.environment = tuple(
        f"{home}/gems"
        for home in dict.fromkeys(homes)
        if not home.startswith("/usr/share/") and ground.listed(f"{home}/gems")
    )
    names = [value for _, value in given.required]
    if given.text is not None:
        text = given.text.encode("utf-8", "replace")
        by_text = asked_by(text)
        return Begun(
            way,
            (),
            asked((*names, *by_text.names), (), by_text.commands, dynamic=by_text.dynamic),
            (Text("ruby", text),),
        )
    if script and ground.has(script):
        begun = Begun(way, (Load(script),), asked(names))
        if posixpath.basename(given.script) in _SERVERS:
            return _serving(start, begun, given.rest, ground)
        return _of_rails(start, begun, script, ground)
    # Servers call themselves what they like; what they serve stands in their directory.
    served = ground.first(f"{start.directory}/{name}" for name in _SERVED)
    return Begun(way, (Load(served),), asked(names)) if served else Begun(way, asked=asked(names), unknown=True)


def _of_rails(start: Start, begun: Begun, script: str, ground: Ground) -> Begun:
    """The same with the application that a command of Rails, or of a project that has one, loads by a path in a constant."""
    name, text = posixpath.basename(script), ground.small(script, SCRIPT_MAX_BYTES)
    # A gem's own executable goes up from where it is started, as rake does; what lies in a project has it above.
    if name not in _OF_RAILS and not _LOADS_RAILS.search(text):
        return begun
    above = [begun.way.own, posixpath.dirname(begun.way.own), start.directory, posixpath.dirname(start.directory)]
    root = next((place for place in above if ground.has(f"{place}/config/environment.rb")), "")
    if not root:
        return begun
    begun.way.own = root
    beside = (path for part in _PARTS_OF_RAILS for path in ground.walked(f"{root}/{part}", (".rb",), of_program=True))
    files = [
        path
        for each in ("Rakefile", "config/application.rb", "config/environment.rb")
        if ground.has(path := f"{root}/{each}")
    ]
    return begun.with_(*(Load(path) for path in dict.fromkeys((*files, *beside))))


def _serving(start: Start, begun: Begun, words: Sequence[str], ground: Ground) -> Begun:
    """The same with what a server or a worker loads: the files that it is given, and what its directory is the application of."""
    behind = dict(itertools.pairwise(words[:WORDS_MAX]))
    # The same letter is another one's file of settings.
    named = [path for each in _DIRECTORIES if each in behind and ground.listed(path := start.path(behind[each]))]
    directory = named[0] if named else start.directory
    values = [word.partition("=")[2] if word.startswith("--") else word for word in words[:WORDS_MAX]]
    given = [joined(directory, each) for each in values if each.endswith((".rb", ".ru"))]
    served = ground.first(f"{directory}/{name}" for name in _SERVED)
    files = [path for path in given if ground.first([path])] + ([served] if served else [])
    if not files:
        return replace(begun, unknown=not _QUESTIONS.issuperset(words))
    begun.way.own = directory
    return replace(begun, loads=(*(Load(path) for path in dict.fromkeys(files)), *begun.loads))


def _standard(prefix: str, ground: Ground) -> Iterator[str]:
    for pattern in ("lib/ruby/*", "lib/x86_64-*/ruby/*", "lib/aarch64-*/ruby/*"):
        for place in _matching(prefix, pattern, ground):
            if posixpath.basename(place)[:1].isdigit():
                yield place
                yield from (f"{place}/{name}" for name in ground.listed(place) if "-linux" in name)


def _matching(prefix: str, pattern: str, ground: Ground) -> list[str]:
    return [place for place in ground.matching(f"{prefix}/{pattern}") if ground.listed(place)]


def asked_by(text: bytes) -> Asked:
    """What a file requires; a name that is put together is not known, unless from the file's own directory on."""
    bare = _ASIDE.sub(b"", text)
    names, dynamic = [], False
    for match in _REQUIRED.finditer(bare):
        how = match[1].split(b"(")[0].split()[0]
        if match[2] is not None:
            name = match[2].decode("utf-8", "replace")
            names.append(f"./{name}" if how == b"require_relative" else name if how != b"gem" else "")
        elif how in (b"require", b"require_relative", b"load"):
            rest = bare[match.end() : match.end() + 300].partition(b"\n")[0]
            if placed := _placed(rest):
                names.append(placed)
            else:
                dynamic = dynamic or rest.lstrip()[:1].isalpha() or rest.lstrip().startswith((b'"', b"#{", b"@"))
        elif how == b"Bundler.require":
            dynamic = True
    places = (_placed(match[1] or match[2] or b"") for match in _PATH.finditer(bare))
    commands = commands_in(bare, STARTING)
    return asked((name for name in names if name), (place for place in places if place), commands, dynamic=dynamic)


def _placed(expression: bytes) -> str:
    """A path that an expression makes of the file's own directory and texts; empty for any other."""
    texts = [match[1].decode("utf-8", "replace") for match in _TEXT.finditer(expression)]
    if b"__FILE__" in expression or b"__dir__" in expression:
        # expand_path takes the file for a directory, and so has one name more to go up.
        first = texts[0] if texts else ""
        if b"expand_path" in expression and b"dirname" not in expression and b"__dir__" not in expression:
            first = first.removeprefix("../") if first.startswith("../") else first.removeprefix("..")
        return "/".join([HERE, *(part for part in (first, *texts[1:]) if part)])
    return texts[0] if texts and texts[0].startswith("/") else ""


def _found(given: Asked, load: Load, way: Way, ground: Ground) -> Iterator[Load | Start]:
    here = posixpath.dirname(load.path)
    yield from starts_of(given, here, way, ground)
    way.add((joined(way.own, place.replace(HERE, here)) for place in given.places), at=0)
    for name in given.names:
        if name.startswith((".", "/", HERE)):
            path = joined(here, name.replace(HERE, here))
            if found := ground.first([path, *(f"{path}{end}" for end in ENDS)]):
                yield Load(found, load.package_root)
            continue
        for place in (*way.standard, *way.places):
            path = f"{place}/{name}"
            if found := ground.first([*(f"{path}{end}" for end in ENDS), *([path] if path.endswith(ENDS) else [])]):
                if place not in way.standard:
                    yield Load(found, _root(place, name, load, way))
                break


def _root(place: str, name: str, load: Load, way: Way) -> str | None:
    if re.search(r"/gems/[^/]+/lib$", place):
        return place.removesuffix("/lib")
    if place.startswith(("/usr/lib/", "/usr/share/")):
        return f"{place}/{name.partition('/')[0].removesuffix('.rb')}"
    return load.package_root if place.startswith(way.own) or load.package_root is None else place


LANGUAGE = Language("ruby", _runs, _begins, of_text(asked_by), _found, (".rb", ".so", ".ru"))
