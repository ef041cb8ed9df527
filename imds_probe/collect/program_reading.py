"""What reading a program comes to, whether it runs or will run: the wholes that it loads and that name the service."""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from imds_probe.collect.code_tasks import Piece, Program, Reading
from imds_probe.collect.own_software import OwnFiles
from imds_probe.escape import encodable
from imds_probe.inventory.code import unread
from imds_probe.inventory.code.elsewhere import said_of_hosts, said_with, said_with_headers
from imds_probe.inventory.code.environment import named_hosts, names_service, naming
from imds_probe.inventory.code.file import said_by_argument
from imds_probe.inventory.code.following import python
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.known import Kept, Known, Limits
from imds_probe.inventory.code.following.languages import LANGUAGES
from imds_probe.inventory.code.following.loads import Load, Loads, below
from imds_probe.inventory.code.following.program import Following
from imds_probe.inventory.code.following.trail import Trails
from imds_probe.inventory.code.forms import machine
from imds_probe.inventory.code.forwarding import is_forwarder, starts_forwarder
from imds_probe.inventory.code.spoken import Spoken, argument_root, says_already, worse
from imds_probe.inventory.code.units import Wholes, shown, spoken, units
from imds_probe.inventory.sdks.start import Start
from imds_probe.system import rootfs
from imds_probe.system.unchanged import is_of_root

CACHED_MAX = 20_000  # files of all images together
LEARNT_AT_A_TIME = 500
PROGRAM_MIN_S = 0.5  # and no more than half of what is left
PARTS_MAX = 3000  # of one program
HOSTS = "/etc/hosts"
OWN_MAX, OWN_MAX_BYTES = 500, 256 * 1024  # files of a program's own code that are read with its variables
# Where a distribution has its programs: a script that names one starts just that.
OF_SYSTEM = tuple(f"{top}/{name}/" for top in ("", "/usr") for name in ("bin", "sbin", "lib", "lib64", "libexec"))
MACHINE_FORMS = frozenset(each.name for each in machine.FORMS)
OF_DISTRIBUTIONS = ("/lib", "/usr/lib", "/usr/share/")
_shared: dict[str, dict[str, Kept]] = {}


def following_in(reading: Reading) -> Following:
    """To follow the programs of a system, with no library left to anybody."""
    ground = _ground(reading)
    own = OwnFiles(ground.root, reading.own)
    return Following(ground, LANGUAGES, (), Trails(ground, reading.trails), own.has)


def left_of(reading: Reading, pids: Iterable[int] | None) -> frozenset[str]:
    """The libraries that are left to their recognisers in all of these processes; None: on disk."""
    return frozenset(name for name, used_by in reading.left if pids is None or set(pids) <= set(used_by))


def _ground(reading: Reading) -> Ground:
    if sum(map(len, _shared.values())) > CACHED_MAX:
        _shared.clear()
    shared = _shared.setdefault(reading.image, {})
    limits = Limits(reading.deadline, reading.bytes)
    return Ground(Path(reading.root), limits, reading.kept, reading.before_ns, shared=shared)


def loads_of(start: Start, following: Following) -> Loads | None:
    """What a program loads, without the probe's own package; None of the probe itself."""
    loads = following.follow(start)
    others = tuple(load for load in loads.files if not following.is_own(load))
    if len(others) < len(loads.files) and following.language_of(start) is python.LANGUAGE:
        return None
    if len(others) == len(loads.files):
        return loads
    # A script that starts the probe has nothing of what the probe finds there.
    return replace(loads, files=others, unresolved=(), environment=())


def program_of(
    start: Start, loads: Loads, ground: Ground, wholes: Wholes, visit: Callable[[Load], Known | None]
) -> tuple[Program, tuple[Spoken, ...]]:
    """A program without its processes, and the wholes of it that name the service, by what it loads of each. `visit` has a file
    read; it has nothing of one that is left to who knows it.
    """
    name = loads.script or start.executable
    ground.look_up([load.path for load in loads.files])
    known = {load.path: visit(load) for load in loads.files}
    with_headers = _with_headers(start, loads, known, ground)
    by_root = {
        root: wholes.spoken(root, files, known)
        if with_headers.keys().isdisjoint(files)
        else spoken(root, {path: one for path in files if (one := with_headers.get(path, known[path])) is not None})
        for root, files in units(loads.files, name).items()
    }
    said = list(by_root.values())
    script = by_root.get(name) if loads.script else None
    own = script.speaks if script is not None else None
    for text in loads.texts:
        root = argument_root(start.executable, text.content)
        words = said_by_argument(text.content, text.form)
        # A script has the code that it hands to an interpreter, and was judged with it.
        if words.speaks is not None and not says_already(own, words.speaks):
            said.append(shown(root, start.executable, words, words.speaks))
            own = own or (words.speaks if text.form == "shell" else None)
    found: dict[str, Spoken] = {each.root: each for each in said if each is not None}
    by_environment, takes_it = _by_environment(start, loads, known, ground, name)
    for each in (*by_environment, *_by_hosts(start, loads, known, ground, name)):
        found[each.root] = worse(found.get(each.root), each)
    # One whose script is not known is as good as one that loads all by name, where it is known among what.
    known_among = loads.cut_short == unread.NO_SCRIPT and start.directory in loads.environment
    why = next((each.unread for each in known.values() if each is not None and each.unread), "")
    parts = dict.fromkeys(load.package_root or load.path for load in loads.files)
    packages = dict.fromkeys(load.package_root for load in loads.files if load.package_root is not None)
    program = Program(
        encodable(name),
        (),
        tuple(map(encodable, found)),
        why
        or ("" if known_among else loads.cut_short)
        or takes_it
        or _of_others(start, loads, found.get(name), ground),
        known_among or (bool(loads.unresolved) and bool(loads.environment)),
        tuple(map(encodable, loads.environment)),
        tuple(encodable(root) for root in packages if below(root, loads.environment)),
        tuple(encodable(each) for each in parts if not each.startswith(OF_DISTRIBUTIONS))[:PARTS_MAX],
    )
    return program, tuple(spoken_encodable(each) for each in found.values())


def _with_headers(start: Start, loads: Loads, known: Mapping[str, Known | None], ground: Ground) -> Mapping[str, Known]:
    """Files of a program's own code whose headers come from elsewhere, with what they say where that is known."""
    found: dict[str, Known] = {}
    for load in loads.files:
        there = known[load.path]
        if there is None or there.said is None or not there.said.evidence.elsewhere:
            continue
        if len(found) >= OWN_MAX:
            break
        said = said_with_headers(
            ground.small(load.path, OWN_MAX_BYTES), load.path, start.environment, root_files(ground)
        )
        if said is not None:
            found[load.path] = replace(there, said=said)
    return found


def root_files(ground: Ground) -> Callable[[str], bytes | None]:
    """What has the content of a small file that is there and that root alone can change."""

    def content(path: str) -> bytes | None:
        real = ground.real(path)
        places = (real, posixpath.dirname(real)) if ground.has(real) else ()
        found = [rootfs.status(ground.root, place) for place in places]
        if not found or any(each is None or not is_of_root(each) for each in found):
            return None
        return ground.small(real, OWN_MAX_BYTES)

    return content


def _by_environment(
    start: Start, loads: Loads, known: Mapping[str, Known | None], ground: Ground, name: str
) -> tuple[list[Spoken], str]:
    """What a program's own code says where variables name the service, and why that is not known of some of it."""
    named = naming(start.environment)
    found: list[Spoken] = []
    own = [load for load in loads.files if load.package_root in (None, load.path)] if named else []
    left_open = unread.FROM_ENVIRONMENT if len(own) > OWN_MAX else ""
    for load in own[:OWN_MAX]:
        there = known[load.path]
        if there is None or there.said is None:
            continue
        if there.said.form in MACHINE_FORMS:
            silent = there.said.speaks in (None, "mentions") and load.path == start.executable
            silent = silent and not load.path.startswith(OF_SYSTEM)
            left_open = left_open or (unread.FROM_ENVIRONMENT if silent else "")
            continue
        said = said_with(ground.small(load.path, OWN_MAX_BYTES), load.path, there.said.form, named)
        if said is not None and said.speaks in (None, "mentions"):
            left_open = left_open or unread.FROM_ENVIRONMENT
        elif said is not None and said.speaks is not None:
            found.append(shown(load.package_root or name, load.path, said, said.speaks, there.owner_uid))
    for text in loads.texts if named else ():
        said = said_with(text.content, "-.sh" if text.form == "shell" else "-", text.form, named)
        if said is not None and said.speaks in ("v1", "both", "v2"):
            root = argument_root(start.executable, text.content)
            found.append(shown(root, start.executable, said, said.speaks))
    return found, left_open


def _by_hosts(
    start: Start, loads: Loads, known: Mapping[str, Known | None], ground: Ground, name: str
) -> Iterator[Spoken]:
    """What a program's own code says to whom /etc/hosts gives a name of its own."""
    names = names_of_service(ground)
    own = [load for load in loads.files if load.package_root in (None, load.path)] if names else []
    for load in own[:OWN_MAX]:
        there = known[load.path]
        if there is None or there.said is None or there.said.form in MACHINE_FORMS:
            continue
        said = said_of_hosts(ground.small(load.path, OWN_MAX_BYTES), load.path, names)
        if said is not None and said.speaks in ("v1", "both", "v2"):
            yield shown(load.package_root or name, load.path, said, said.speaks, there.owner_uid)
    for text in loads.texts if names else ():
        said = said_of_hosts(text.content, "-.sh" if text.form == "shell" else "-", names)
        if said is not None and said.speaks in ("v1", "both", "v2"):
            root = argument_root(start.executable, text.content)
            yield shown(root, start.executable, said, said.speaks)


def names_of_service(ground: Ground) -> tuple[str, ...]:
    """The names that the system has for the service beside those that everybody knows."""
    return named_hosts(ground.small(HOSTS, OWN_MAX_BYTES))


def _of_others(start: Start, loads: Loads, own: Spoken | None, ground: Ground) -> str:
    """Why its own code does not say how it asks: what its settings or those who connect to it say counts."""
    return _by_settings(loads, own, ground) or _forwards(start, own, ground)


def _by_settings(loads: Loads, own: Spoken | None, ground: Ground) -> str:
    """Why it is not known how a program asks, where settings that it names have the address and its code has none."""
    if own is not None and own.speaks != "mentions":
        return ""
    named = any(names_service(ground.small(path, OWN_MAX_BYTES)) for path in loads.settings)
    return unread.FROM_SETTINGS if named else ""


def _forwards(start: Start, own: Spoken | None, ground: Ground) -> str:
    """Why it is not known how others ask by a program, which itself asks nothing, or by what its script starts."""
    by_script = own is not None and own.speaks == "mentions" and own.form == "shell"
    script = ground.small(own.path, OWN_MAX_BYTES).decode("latin-1") if own is not None and by_script else ""
    return unread.FORWARDS if is_forwarder(start.arguments or ("",)) or starts_forwarder(script) else ""


def learnt_since(ground: Ground, since: int) -> Iterator[Piece]:
    """What a later run can have, in pieces."""
    new = itertools.islice(ground.learnt.items(), since, None)
    while some := tuple(itertools.islice(new, LEARNT_AT_A_TIME)):
        held = {path for path, kept in some if ground.kept.get(path) is kept}
        yield Piece(learnt=tuple(each for each in some if each[0] not in held), files_held=tuple(sorted(held)))


def trails_of(following: Following) -> Iterator[Piece]:
    """The same of what programs load."""
    trails = following.trails
    for key, trail in trails.learnt.items() if trails else ():
        held = trails is not None and trails.kept.get(key) is trail
        yield Piece(trails_held=(key,)) if held else Piece(trails=((key, trail),))


def spoken_encodable(each: Spoken) -> Spoken:
    """The same such that it can be handed on."""
    return replace(each, root=encodable(each.root), path=encodable(each.path))
