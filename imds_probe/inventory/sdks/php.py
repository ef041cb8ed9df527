"""PHP packages that Composer installed, and AWS's SDK as it is copied, prefixed or packed.

Source: Composer's vendor/composer/installed.json: a list in version 1, an object with "packages" in version 2.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from imds_probe.ecosystems.composer import ECOSYSTEM
from imds_probe.inventory.code.following import php_text, served
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.php_source import (
    ARCHIVE,
    DIRECTORY,
    PACKAGE,
    UNPACKED,
    archived_libraries,
    is_php,
    sources_in,
)
from imds_probe.inventory.sdks.recogniser import Directories, Files, Located, OwnCode, Recogniser, Runtime
from imds_probe.inventory.sdks.start import Start
from imds_probe.system import rootfs
from imds_probe.system.confined import FileUnreadable

COMPOSER, FILE, INDEX = "composer", "installed.json", "index.php"
MAX_BYTES = 16 * 1024 * 1024  # an application of some hundred packages has about one
_APPLICATIONS = (
    *("/var/www", "/var/www/*", "/srv", "/srv/*", "/srv/*/htdocs", "/srv/*/public", "/app", "/home/*/public_html"),
    *("/usr/share/nginx/html", "/usr/share/wordpress", "/usr/share/drupal*", "/usr/local/lsws/*/html"),
)
_OTHERS = ("/var/www/*/*", "/srv/*/*", "/opt/*", "/usr/share/*")
# Where applications have their plug-ins and modules: WordPress, Drupal 7 to 10, and others.
_PLUGGED = (
    *("wp-content/plugins/*", "wp-content/mu-plugins/*", "wp-content/themes/*", "modules/*", "modules/contrib/*"),
    *("plugins/*", "sites/all", "sites/all/modules/*", "sites/all/modules/contrib/*", "sites/*", "lib/*"),
)
# Where they have libraries that nobody installed for them.
_COPIED = ("", "/lib", "/libs", "/library", "/libraries", "/vendor", "/includes", "/inc", "/third_party", "/src")
_VERSION = re.compile(r"v?([0-9A-Za-z][0-9A-Za-z.+_-]{0,99})")


def libraries_in(root: Path, path: str, names: Collection[str]) -> Iterator[Located]:
    """See Directories. Sources that Composer's own record has are left to that."""
    if posixpath.basename(path) == COMPOSER:
        try:
            yield from _recorded(root, path, names)
        except FileUnreadable:
            yield from sources_in(root, f"{posixpath.dirname(path)}/{PACKAGE}", names)
            raise
    elif posixpath.basename(path) == UNPACKED:
        if f"/{DIRECTORY}/" not in path:
            yield from sources_in(root, posixpath.dirname(path), names)
    elif posixpath.basename(path) != DIRECTORY or not _has_record(root, posixpath.dirname(posixpath.dirname(path))):
        yield from sources_in(root, path, names)


def _has_record(root: Path, vendor: str) -> bool:
    return rootfs.status(root, f"{vendor}/{COMPOSER}/{FILE}") is not None


def _recorded(root: Path, path: str, names: Collection[str]) -> list[Located]:
    place = f"{path}/{FILE}"
    content = rootfs.read_json(root, place, MAX_BYTES)
    packages = content.get("packages") if isinstance(content, dict) else content
    found = []
    for package in packages if isinstance(packages, list) else ():
        if isinstance(package, dict) and package.get("name") in names:
            version = package.get("version")
            match = _VERSION.fullmatch(version) if isinstance(version, str) else None
            found.append(Located(Library("composer", package["name"], match[1] if match else None, FILE), place))
    return found


def _places(start: Start) -> Iterator[str]:
    for path in (*start.scripts(), posixpath.join(start.directory, "x")):
        directory = posixpath.dirname(path)
        for _ in range(3):
            yield from _places_in(directory.rstrip("/"))
            yield f"{directory.rstrip('/')}/*{ARCHIVE}"
            directory = posixpath.dirname(directory)
    # A worker of php-fpm or Apache does not say which application it serves.
    for directory in _APPLICATIONS:
        yield from _of_application(directory)
    for directory in _OTHERS:
        yield from _places_in(directory)


def _of_application(directory: str) -> Iterator[str]:
    """Where an application that a server serves has its libraries, and its plug-ins theirs."""
    for part in (directory, *(f"{directory}/{plugged}" for plugged in _PLUGGED)):
        yield from _places_in(part)
        for copied in _COPIED:
            at = f"{part}{copied}"
            yield from (f"{at}/{UNPACKED}", f"{at}/*/{UNPACKED}", f"{at}/{DIRECTORY}", f"{at}/aws{ARCHIVE}")


def _own_code(start: Start, names: Collection[str]) -> OwnCode:
    """The directories of what the scripts include by a path that stands there, such as AWS's own autoloader; and the applications
    in the directories that web servers name, for a process that does not say which of them it serves.
    """
    if PACKAGE not in names:
        return OwnCode()
    ground = Ground(start.root)
    program = posixpath.basename(start.executable)
    scripts = list(start.scripts())
    if title := php_text.TITLE.match(start.arguments[0] if start.arguments else ""):
        scripts.append(title[1])
    applications: dict[str, None] = {}
    if not program.startswith("php") or {"fpm", "cgi"} & set(re.split(r"[\d.-]", program)):
        # A framework serves a directory below the one that its libraries are in.
        roots = [root.rstrip("/") for root in served.roots(ground)]
        applications = dict.fromkeys(each for root in roots for each in (root, posixpath.dirname(root)))
        scripts += [f"{root}/{INDEX}" for root in (*roots, start.directory.rstrip("/"))]
    included = php_text.directories_included(scripts, start.directory, ground)
    places = (place for each in applications if each.strip("/") for place in _of_application(each))
    return OwnCode((*(place for each in included for place in (f"{each}/{COMPOSER}", each)), *places))


def _places_in(directory: str) -> Iterator[str]:
    """Where an application has its libraries: by Composer, prefixed, and as AWS packs its own."""
    yield f"{directory}/vendor/{COMPOSER}"
    for vendor in ("vendor", "vendor_prefixed", "vendor-prefixed"):
        yield f"{directory}/{vendor}/{PACKAGE}"
    for place in ("", "/aws", "/lib/aws", "/vendor/aws"):
        yield f"{directory}{place}"
    yield f"{directory}/aws{ARCHIVE}"


RECOGNISER = Recogniser(
    (ECOSYSTEM,),
    directories=Directories(libraries_in, frozenset({COMPOSER, DIRECTORY, UNPACKED})),
    files=Files("rest", archived_libraries, ends=(ARCHIVE,)),
    runtime=Runtime(frozenset({"php", "php-fpm", "lsphp"}), is_php, _places, reads_scripts=True, own_code=_own_code),
)
