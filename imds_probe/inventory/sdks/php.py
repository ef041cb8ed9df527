"""PHP packages that Composer installed.

Source: Composer's vendor/composer/installed.json: a list in version 1, an object with "packages" in version 2.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from imds_probe.ecosystems.composer import ECOSYSTEM
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.recogniser import Directories, Located, Recogniser, Runtime
from imds_probe.inventory.sdks.start import Start
from imds_probe.system import rootfs

FILE = "installed.json"
MAX_BYTES = 16 * 1024 * 1024  # an application of some hundred packages has about one
_APPLICATIONS = ("/var/www", "/var/www/*", "/srv", "/srv/*", "/app", "/opt/*", "/usr/share/*")
_VERSION = re.compile(r"v?([0-9A-Za-z][0-9A-Za-z.+_-]{0,99})")


def libraries_in(root: Path, path: str, names: Collection[str]) -> list[Located]:
    """See Directories."""
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
            yield posixpath.join(directory, "vendor/composer")
            directory = posixpath.dirname(directory)
    # A worker of php-fpm or Apache does not say which application it serves.
    for directory in _APPLICATIONS:
        yield f"{directory}/vendor/composer"


def _runs(program: str, libraries: Collection[str]) -> bool:
    return program.startswith("php") or any(library.startswith("libphp") for library in libraries)


RECOGNISER = Recogniser(
    (ECOSYSTEM,),
    directories=Directories(libraries_in, frozenset({"composer"})),
    runtime=Runtime(frozenset({"php", "php-fpm"}), _runs, _places),
)
