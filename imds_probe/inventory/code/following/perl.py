"""Perl: modules that a script uses. Source: perldoc perlfunc (use, require, do), perlrun, lib, FindBin."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from imds_probe.inventory.code.following.arguments import PERL, included, read
from imds_probe.inventory.code.following.command import starts_of
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.language import Language, of_text
from imds_probe.inventory.code.following.loads import Asked, Begun, Load, Text, Way, asked, joined
from imds_probe.inventory.code.following.perl_places import ELSEWHERE, HERE, VARIABLE, added_by, files_in
from imds_probe.inventory.code.following.script_commands import PERL as STARTING
from imds_probe.inventory.code.following.script_commands import commands_in
from imds_probe.inventory.sdks.start import Start

# Perl's own, then what else is installed.
_MACHINES = ("x86_64-*", "aarch64-*")
STANDARD = (
    *(f"/usr/lib/{machine}/{place}" for machine in _MACHINES for place in ("perl-base", "perl/5*")),
    *("/usr/share/perl/5*", "/usr/lib/perl5/5*", "/usr/lib64/perl5"),
)
PLACES = (
    *(f"/usr/local/lib/{machine}/perl/*" for machine in _MACHINES),
    *(f"/usr/lib/{machine}/perl5/5*" for machine in _MACHINES),
    *("/etc/perl", "/usr/local/share/perl/*", "/usr/local/lib/site_perl"),
    *("/usr/local/lib64/perl5", "/usr/local/share/perl5", "/usr/local/lib/perl5/site_perl/5*"),
    *("/usr/lib64/perl5/vendor_perl", "/usr/share/perl5/vendor_perl", "/usr/share/perl5"),
)
_END = re.compile(rb"^__(?:END|DATA)__\s*$.*", re.MULTILINE | re.DOTALL)
_MANUAL = re.compile(rb"^=[a-zA-Z](?:[^\n]|\n(?!=cut\b))*+(?:\n=cut[^\n]*|\Z)", re.MULTILINE)
_COMMENT_LINE = re.compile(rb"^[ \t]{0,200}#[^\n]*+", re.MULTILINE)
_USE = re.compile(
    rb"(?:^|[;{}])[ \t]{0,20}(?:use|require|no)[ \t]{1,20}([A-Za-z_][\w:']{0,199})([^;\n]{0,500})", re.MULTILINE
)
_FILE = re.compile(rb"\b(?:require|do)[ \t]{0,20}\(?[ \t]{0,20}([\"'])([^\"'\n]{1,200})\1")
_BESIDE = re.compile(
    rb"\b(?:do|require)[ \t]{0,20}\(?[^;\n\"']{0,100}__FILE__[^;\n\"']{0,100}[\"']/{0,2}([^\"'\n$]{1,200})[\"']"
)
_BY_NAME = re.compile(
    rb"(?<![>:$@%&\w])do[ \t]{0,20}\(?[ \t]{0,20}\$\w{1,60}[ \t]{0,20}[);]|\brequire[ \t]{0,20}\(?[ \t]{0,20}\$|"
    rb"\beval[ \t]{0,20}\(?[ \t]{0,20}\"(?:use|require)[ \t]{1,20}\$"
)
_QUOTED = re.compile(rb"[\"']([^\"'\n]{1,200})[\"']|\bqw[ \t]*[(/\[{]([^)/\]}]{0,500})")
_OF_DISTRIBUTION = ("/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/", "/usr/lib", "/lib", "/usr/share/")
_HERE = re.compile(r"\$(?:\{)?(?:FindBin::)?(?:Real)?Bin(?:\})?")


def _runs(program: str, libraries: frozenset[str]) -> bool:
    return program == "perl" or "libperl" in libraries


def _begins(start: Start, ground: Ground) -> Begun:
    given = read(start.arguments, PERL)
    script = ground.real(start.path(given.script)) if given.script else ""
    way = Way(
        posixpath.dirname(script) if script else start.directory,
        variables=dict(start.environment),
        directory=start.directory,
    )
    way.add([*map(start.path, included(start.arguments)), *start.listed("PERL5LIB")])
    way.standard = tuple(place for pattern in STANDARD for place in ground.matching(pattern) if ground.listed(place))
    found = [place for pattern in PLACES for place in ground.matching(pattern) if ground.listed(place)]
    way.add(place for place in found if place not in way.standard or place == "/usr/share/perl5")
    way.environment = tuple(place for place in way.places if place.startswith(("/usr/local/", "/opt/", "/home/")))
    names = [value.partition("=")[0].strip("- ") for _, value in given.required]
    if given.text is not None:
        text = given.text.encode("utf-8", "replace")
        by_text = asked_by(text)
        return Begun(
            way,
            asked=asked((*names, *by_text.names), by_text.places, by_text.commands, dynamic=by_text.dynamic),
            texts=(Text("perl", text),),
        )
    if script and ground.has(script):
        return Begun(way, (Load(script),), asked(names))
    return Begun(way, asked=asked(names), unknown=True)


def asked_by(text: bytes) -> Asked:
    """What a script or module uses."""
    bare = _MANUAL.sub(b"", _END.sub(b"", text))
    names = []
    for match in _USE.finditer(bare):
        name, rest = match[1].decode("utf-8", "replace").replace("'", "::"), match[2]
        quoted = [word for one in _QUOTED.finditer(rest) for word in (one[1] or one[2] or b"").split()]
        texts = [word.decode("utf-8", "replace") for word in quoted]
        if name in ("parent", "base"):
            names += [each for each in texts if not each.startswith("-")]
        elif name != "lib":
            names.append(name)
    names += [_HERE.sub(HERE, match[2].decode("utf-8", "replace")) for match in _FILE.finditer(bare)]
    names += [f"{HERE}/{match[1].decode('utf-8', 'replace')}" for match in _BESIDE.finditer(bare)]
    code = _COMMENT_LINE.sub(b"", bare)
    names += files_in(code, [name for name in names if "$" in name])
    commands = commands_in(code, STARTING)
    dynamic = _BY_NAME.search(bare) is not None
    return asked((name for name in names if "$" not in name), added_by(code), commands, dynamic=dynamic)


def _found(given: Asked, load: Load, way: Way, ground: Ground) -> Iterator[Load | Start]:
    here = posixpath.dirname(load.path)
    yield from starts_of(given, here, way, ground)
    _add_places(given, load, way)
    for name in given.names:
        if "/" in name or name.endswith((".pl", ".pm", ".ph")):
            path = joined(here, name.replace(HERE, here))
            if ground.first([path]):
                yield Load(path, load.package_root)
                continue
        relative = name.replace("::", "/")
        relative = relative if relative.endswith((".pl", ".pm", ".ph")) else f"{relative}.pm"
        for place in (*way.standard, *way.places):
            if ground.has(f"{place}/{relative}"):
                if place not in way.standard or place == "/usr/share/perl5":
                    yield Load(f"{place}/{relative}", _root(place, relative, way))
                break
        else:
            # What Perl brings has small letters, or is found among its own.
            if name[:1].isupper():
                way.missed.add(name)


def _add_places(given: Asked, load: Load, way: Way) -> None:
    """Directories that are added to @INC. One that is not known may hold what lies in none of the others. What comes with the
    distribution does without what is in no package.
    """
    here, found = posixpath.dirname(load.path), []
    is_own = load.package_root is None and not load.path.startswith(_OF_DISTRIBUTION)
    for place in given.places:
        if place == ELSEWHERE:
            way.is_open = way.is_open or is_own
        elif place.startswith(VARIABLE):
            name, _, rest = place.removeprefix(VARIABLE).partition("|")
            if value := way.variables.get(name.removesuffix("?")):
                found.append(joined(way.own, value + rest))
            elif not name.endswith("?"):
                way.is_open = way.is_open or is_own
        else:
            found.append(joined(way.own, place.replace(HERE, here)))
    way.add(found, at=0)


def _root(place: str, relative: str, way: Way) -> str | None:
    """Modules beside the script are the program's own. Of others, a namespace of two names is as near as there is to a package."""
    if place == way.own or place.startswith(f"{posixpath.dirname(way.own)}/"):
        return None
    return f"{place}/{'/'.join(relative.removesuffix('.pm').split('/')[:2])}"


LANGUAGE = Language("perl", _runs, _begins, of_text(asked_by), _found, (".pl", ".pm", ".ph", ".so"))
