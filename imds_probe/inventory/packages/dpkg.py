"""Debian's package database, read through dpkg-query."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from imds_probe.errors import CommandError, CommandMissing
from imds_probe.inventory.packages.package import DAMAGED, Package, PackageError, PackageStatus, field_text
from imds_probe.inventory.packages.rooted import resolve, to_look
from imds_probe.system import process

_DATABASE = "var/lib/dpkg"
# Control bytes are in no field that dpkg accepted, and dpkg-query passes them through from the format.
_FIELD, _RECORD = "\x1f", "\x1e"
_FORMAT = _RECORD + _FIELD.join(("${Package}", "${Version}", "${Architecture}", "${db:Status-Abbrev}")) + _FIELD
_FIELDS = 5  # four and the empty one after the last separator
_MISSING = re.compile(r"^dpkg-query: no packages? found matching (.+)$", re.MULTILINE)

# The second letter of db:Status-Abbrev, dpkg-query(1). In the triggers states only triggers are left to run.
_STATUS: dict[str, PackageStatus | None] = {
    "i": "installed",
    "t": "installed",
    "W": "installed",
    "U": "unpacked",
    "F": "half-configured",
    "H": "half-installed",
    "c": None,  # removed, configuration files left
    "n": None,
}


class Dpkg:
    """dpkg, on the running system or on one below another root."""

    id = "dpkg"

    def present(self, root: Path) -> bool:
        """Whether there is a status file. Raises PackageError where it may not be looked at."""
        return self._status_file(root) is not None

    def query(self, root: Path, names: Sequence[str], timeout_s: float) -> list[Package]:
        """Ask dpkg-query for these names; see PackageManager.query."""
        if not names:
            return []
        status_file = self._status_file(root)
        if status_file is None:
            raise PackageError(self.id, f"{root}/{_DATABASE}/status is missing", DAMAGED)
        admindir = status_file.parent
        argv = ["dpkg-query", f"--admindir={admindir}", "--show", f"--showformat={_FORMAT}", "--", *names]
        try:
            done = process.run(argv, timeout_s=timeout_s)
        except CommandMissing:
            raise PackageError(
                self.id, f"{status_file} is there, but dpkg-query is not", "Install dpkg, or check PATH"
            ) from None
        except CommandError as error:
            raise PackageError(self.id, error.problem, "See what holds dpkg-query up, and run again") from None
        # 1 means that a name is not known, 2 that the database could not be read: dpkg-query(1).
        if done.returncode not in (0, 1):
            line = done.stderr_line() or f"dpkg-query ended with {done.returncode}"
            raise PackageError(self.id, line, DAMAGED)
        packages, answered = self._parse(done.stdout, names)
        missing = {match[1] for match in _MISSING.finditer(done.stderr.decode(errors="replace"))}
        self._check_all_answered(names, answered | missing, done.stderr_line())
        self._check_files_of(admindir, [name for name in names if name not in answered])
        return packages

    def _status_file(self, root: Path) -> Path | None:
        try:
            return resolve(root, f"{_DATABASE}/status")
        except OSError as error:
            problem = f"{root}/{_DATABASE}/status cannot be looked at: {error.strerror or error}"
            raise PackageError(self.id, problem, to_look(error)) from None

    def _parse(self, stdout: bytes, names: Sequence[str]) -> tuple[list[Package], set[str]]:
        """The installed packages, and every name that the database has a record of."""
        packages: list[Package] = []
        answered: set[str] = set()
        before, *records = stdout.split(_RECORD.encode())
        if before:
            raise self._rubbish(before)
        for record in records:
            fields = record.split(_FIELD.encode())
            if len(fields) != _FIELDS or fields[-1]:
                raise self._rubbish(record)
            name = field_text(self.id, fields[0])
            version, arch = field_text(self.id, fields[1]), field_text(self.id, fields[2])
            if name not in names:
                raise self._rubbish(record)
            answered.add(name)
            status = self._status(fields[3], record)
            if status is None:
                continue
            if not version:
                raise self._rubbish(record)
            packages.append(Package(self.id, name, version, arch, status))
        return packages, answered

    def _status(self, abbreviation: bytes, record: bytes) -> PackageStatus | None:
        letters = abbreviation.decode(errors="replace")
        if len(letters) < 2 or letters[1] not in _STATUS:
            raise self._rubbish(record)
        status = _STATUS[letters[1]]
        # A third letter R means that dpkg itself calls the package broken, whatever its state.
        return "reinstall-required" if status is not None and letters[2:3] == "R" else status

    def _rubbish(self, output: bytes) -> PackageError:
        return PackageError(self.id, f"dpkg-query printed something unexpected, {len(output)} bytes", DAMAGED)

    def _check_all_answered(self, names: Sequence[str], answered: set[str], stderr_line: str) -> None:
        silent = [name for name in names if name not in answered]
        if silent:
            said = f": {stderr_line}" if stderr_line else ""
            raise PackageError(self.id, f"dpkg-query said nothing about {', '.join(silent[:5])}{said}", DAMAGED)

    def _check_files_of(self, admindir: Path, unknown: Sequence[str]) -> None:
        """A file list without a record: the status file lost its end, which dpkg-query does not notice."""
        try:
            files = os.listdir(admindir / "info")
        except FileNotFoundError:
            return  # as in images that keep the status file only
        except OSError as error:
            raise PackageError(self.id, f"{admindir}/info cannot be read: {error.strerror}", to_look(error)) from None
        listed = {name.removesuffix(".list").partition(":")[0] for name in files if name.endswith(".list")}
        orphans = sorted(listed.intersection(unknown))
        if orphans:
            problem = f"{admindir}/status has no record of {orphans[0]}, but the list of its files is there"
            raise PackageError(self.id, problem, f"Compare {admindir}/status with {admindir}/status-old")
