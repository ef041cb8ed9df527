"""The rpm database, read through rpm itself: only it knows all of its formats (Berkeley DB, ndb, SQLite)."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path

from imds_probe.errors import CommandError, CommandMissing
from imds_probe.inventory.packages.package import DAMAGED, Package, PackageError, field_text
from imds_probe.inventory.packages.rooted import resolve, to_look
from imds_probe.kept.message import kept_message
from imds_probe.system import process

# The second is where Fedora 36 and SUSE moved it; mostly one is a link to the other.
_DIRECTORIES = ("var/lib/rpm", "usr/lib/sysimage/rpm")
# The file of each format, and the backend to ask for. Left to itself, an rpm that does not know a file makes a new and
# empty SQLite database beside it; with a backend that it lacks it uses a "dummy database". Both have "no packages".
_FORMATS = {"rpmdb.sqlite": "sqlite", "Packages.db": "ndb", "Packages": "bdb"}
# Control bytes are in no header that rpmbuild makes, and rpm passes them through from the format.
_FIELD, _RECORD = "\x1f", "\x1e"
_TAGS = ("%{NAME}", "%{EPOCH}", "%{VERSION}", "%{RELEASE}", "%{ARCH}")
_FORMAT = _RECORD + _FIELD.join(_TAGS) + _FIELD
_MISSING = re.compile(rb"package (\S+) is not installed\n")
_ERROR = re.compile(
    r"^[ \t]*(?:(?:error|fatal|rpmdb|bdb\w*|db\d+)\b.*|warning:.*(?:dummy database|%_db_backend).*)",
    re.MULTILINE | re.IGNORECASE,
)


class Rpm:
    """rpm, on the running system or on one below another root."""

    id = "rpm"

    def present(self, root: Path) -> bool:
        """Whether there is a database file. Raises PackageError where it may not be looked at."""
        return bool(self._databases(root))

    def query(self, root: Path, names: Sequence[str], timeout_s: float) -> list[Package]:
        """Ask rpm for these names; every installed version of a name is reported. See PackageManager.query.

        rpm opens the database as its own queries always do: it may wait for a writer, up to `timeout_s` seconds, and
        as root it may leave SQLite's own -shm and -wal files beside it.
        """
        if not names:
            return []
        database = self._database(root)
        started = time.monotonic()
        backend = self._backend(database, timeout_s)
        left_s = round(timeout_s - (time.monotonic() - started), 1)
        argv = ["rpm", "--query", "--nosignature", "--nodigest", "--dbpath", str(database.parent), *backend]
        done = self._run([*argv, "--queryformat", _FORMAT, "--", *names], left_s, database)
        # rpm says "not installed" also of what it could not look up, so any error makes the whole answer worthless.
        # Its exit code counts the names that are not installed and tells nothing.
        complaint = _ERROR.search(done.stderr.decode(errors="replace"))
        if complaint:
            raise PackageError(
                self.id, kept_message(complaint[0]), f"Check {database.parent} with rpmdb --verifydb, as root"
            )
        return self._parse(done.stdout, names, done.stderr_line())

    def _backend(self, database: Path, timeout_s: float) -> list[str]:
        """The option that names the database's format, where this rpm has such an option."""
        backend = _FORMATS[database.name]
        if backend == "bdb":
            # Before 4.16 Berkeley DB is the only format, or called bdb; later it is read-only and called bdb_ro.
            own = self._run(["rpm", "--eval", "%{_db_backend}"], timeout_s, database).stdout.strip()
            if own in (b"%{_db_backend}", b"bdb"):
                return []
            if not database.with_name("Name").exists():
                # Read-only, it makes no index, and looks every name up in one that is not there: "not installed".
                raise PackageError(
                    self.id, f"the database {database} has no index of names beside it", "Run rpmdb --rebuilddb"
                )
            backend = "bdb_ro"
        return ["--define", f"_db_backend {backend}"]

    def _run(self, argv: Sequence[str], timeout_s: float, database: Path) -> process.Completed:
        try:
            return process.run(argv, timeout_s=max(0.1, timeout_s))
        except CommandMissing:
            raise PackageError(
                self.id, f"{database} exists, but rpm is not installed", "Install rpm, or check PATH"
            ) from None
        except CommandError as error:
            remedy = f"See what holds a lock on {database} (fuser -v {database}), and run again"
            raise PackageError(self.id, error.problem, remedy) from None

    def _database(self, root: Path) -> Path:
        databases = self._databases(root)
        if not databases:
            raise PackageError(self.id, f"there is no rpm database below {root}", DAMAGED)
        if len(databases) > 1:
            both = " and ".join(str(database) for database in databases)
            raise PackageError(self.id, f"there are two rpm databases, {both}", "Remove the one that is out of use")
        return databases[0]

    def _databases(self, root: Path) -> list[Path]:
        """The database files that exist, links within `root` followed."""
        try:
            places = [resolve(root, f"{directory}/{name}") for directory in _DIRECTORIES for name in _FORMATS]
        except OSError as error:
            problem = f"its database below {root} cannot be looked at: {error.strerror or error}"
            raise PackageError(self.id, problem, to_look(error)) from None
        # One database can be reached by two ways; a link to a file of another name is none of rpm's own making.
        return list(dict.fromkeys(place for place in places if place is not None and place.name in _FORMATS))

    def _parse(self, stdout: bytes, names: Sequence[str], stderr_line: str) -> list[Package]:
        packages: list[Package] = []
        head, *records = stdout.split(_RECORD.encode())
        answered = self._missing(head)
        for record in records:
            *fields, rest = record.split(_FIELD.encode())
            if len(fields) != len(_TAGS):
                raise self._rubbish(record)
            answered |= self._missing(rest)
            name, epoch, version, release, arch = (field_text(self.id, field) for field in fields)
            if name not in names or not version or not release:
                raise self._rubbish(record)
            answered.add(name)
            evr = f"{version}-{release}" if epoch == "(none)" else f"{epoch}:{version}-{release}"
            packages.append(Package(self.id, name, evr, arch, "installed"))
        silent = [name for name in names if name not in answered]
        if silent:
            said = f": {stderr_line}" if stderr_line else ""
            raise PackageError(self.id, f"rpm said nothing about {', '.join(silent[:5])}{said}", DAMAGED)
        return packages

    def _missing(self, text: bytes) -> set[str]:
        """The names of "is not installed" lines; nothing else may stand between records."""
        if _MISSING.sub(b"", text):
            raise self._rubbish(text)
        return {name.decode(errors="replace") for name in _MISSING.findall(text)}

    def _rubbish(self, output: bytes) -> PackageError:
        return PackageError(self.id, f"rpm printed something unexpected, {len(output)} bytes", DAMAGED)
