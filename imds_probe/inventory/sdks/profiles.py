"""What the profile that a process chooses says of where credentials come from, in the files that AWS SDKs share.

Source: AWS SDKs and Tools Reference Guide, "Shared config and credentials files". Files hold secrets: only the kind of source
leaves this module.
"""

from __future__ import annotations

import configparser
import posixpath
import re
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.facts.sdk_settings import DEFAULT_PROFILE, PROFILE, Profile, Source
from imds_probe.system import rootfs
from imds_probe.system.small_file import read_several

# Of the environment, what says which files and which profile.
CHOOSING = frozenset({"HOME", PROFILE, DEFAULT_PROFILE, "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"})
_UNNAMED = "default"
LIMIT_BYTES = 256 * 1024
FILES_MAX = 64  # remembered at a time: processes choose them
LINE_MAX = 8192
ROLES_MAX = 5  # one after the other, each the source of the one before
_BY_NAME: Mapping[str, Source] = {
    "ec2instancemetadata": "instance",
    "ecscontainer": "container",
    "environment": "environment",
}
STATUS_BYTES = 4096
_UID = re.compile(rb"^Uid:\t\d{1,10}\t(\d{1,10})\t", re.MULTILINE)  # the effective one: proc_pid_status(5)
_Section = Mapping[str, str]


@dataclass
class Profiles:
    """Those of one system, below its root. Each file is read once."""

    root: Path
    _files: dict[str, Mapping[str, _Section] | None] = field(default_factory=dict)
    _homes: Mapping[str, str] | None = None

    def chosen(self, environment: Mapping[str, str]) -> Profile | None:
        """The profile of a process with these variables, for SDKs that read both; None where its home is not known."""
        paths = _paths(environment)
        first, second = environment.get(PROFILE), environment.get(DEFAULT_PROFILE)
        return self._named(first or second or _UNNAMED, paths) if paths else None

    def others(self, environment: Mapping[str, str]) -> tuple[Profile | None, Profile | None]:
        """Those that SDKs choose which read the variables otherwise: see SdkSettings."""
        paths = _paths(environment)
        first, second = environment.get(PROFILE), environment.get(DEFAULT_PROFILE)
        if not paths or not (first or second):
            return None, None
        return self._named(second, paths) if first and second else None, self._named(_UNNAMED, paths)

    def programs(self, environment: Mapping[str, str]) -> tuple[str, ...]:
        """The commands that SDKs of a process with these variables have their credentials from. They may hold secrets."""
        paths = _paths(environment)
        chosen = [environment[each] for each in (PROFILE, DEFAULT_PROFILE) if environment.get(each)]
        found: dict[str, None] = {}
        both = self._both(paths) if paths else {}
        for name in chosen or [_UNNAMED]:
            if command := _program(both.get(name, {}), both):
                found[command] = None
        return tuple(found)

    def _both(self, paths: tuple[str, str]) -> Mapping[str, _Section]:
        """What both files say of each profile."""
        credentials, config = self._file(paths[0]) or {}, self._file(paths[1]) or {}
        of_config = {_name_in_config(section): content for section, content in config.items()}
        return {each: {**of_config.get(each, {}), **credentials.get(each, {})} for each in {*credentials, *of_config}}

    def _named(self, name: str, paths: tuple[str, str]) -> Profile:
        credentials, config = self._file(paths[0]), self._file(paths[1])
        of_config = {_name_in_config(section): content for section, content in (config or {}).items()}
        own, other = (credentials or {}).get(name, {}), of_config.get(name, {})
        both = self._both(paths)
        return Profile(
            "unreadable" if credentials is None else _source(own, both),
            "unreadable" if config is None else _source(other, both),
            bool(other.get("region") or own.get("region")),
        )

    def with_home(self, environment: Mapping[str, str], proc: Path, pid: int) -> Mapping[str, str]:
        """The variables of a process with HOME: without it, libraries take the home directory of the account."""
        if "HOME" in environment:
            return environment
        (status,) = read_several(proc / str(pid), (("status", STATUS_BYTES),))
        uid = _UID.search(status) if isinstance(status, bytes) else None
        return {**environment, "HOME": self.home_of(uid[1].decode()) if uid else ""}

    def home_of(self, uid: str) -> str:
        """The home directory of an account, for a process without HOME, as a service of root's is; empty where there is none."""
        if self._homes is None:
            self._homes = _homes(self.root)
        return self._homes.get(uid, "")

    def _file(self, path: str) -> Mapping[str, _Section] | None:
        """Its sections, none of one that is not there; None where it cannot be read."""
        if path not in self._files:
            if len(self._files) >= FILES_MAX:
                self._files.clear()
            self._files[path] = _sections(self.root, path)
        return self._files[path]


def _paths(environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Where the files of credentials and of settings are; None where the home is not known."""
    home = environment.get("HOME", "")
    paths = []
    for key, variable in (("credentials", "AWS_SHARED_CREDENTIALS_FILE"), ("config", "AWS_CONFIG_FILE")):
        path = environment.get(variable) or "~/.aws/" + key
        if path.startswith("~/"):
            path = posixpath.join(home, path[2:]) if home.startswith("/") else ""
        if not path.startswith("/"):
            return None
        paths.append(path)
    return paths[0], paths[1]


def _homes(root: Path) -> Mapping[str, str]:
    try:
        content = rootfs.read(root, "/etc/passwd", LIMIT_BYTES) or b""
    except rootfs.FileUnreadable:
        return {}
    fields = [line.split(":") for line in content.decode(errors="replace").splitlines()]
    return {each[2]: each[5] for each in reversed(fields) if len(each) > 6}


def _sections(root: Path, path: str) -> Mapping[str, _Section] | None:
    try:
        content = rootfs.read(root, path, LIMIT_BYTES)
    except rootfs.FileUnreadable:
        return None
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, default_section="")
    text = (content or b"").decode(errors="replace")
    try:
        parser.read_string("\n".join(line[:LINE_MAX] for line in text.splitlines()))
    except (configparser.Error, AttributeError):  # python/cpython#107625
        return None
    return {name: {key: value or "" for key, value in parser.items(name)} for name in parser.sections()}


def _name_in_config(section: str) -> str:
    """What the profile of a section in the config file is called; other sections are no profiles."""
    kind, _, name = section.partition(" ")
    return name.strip() if kind == "profile" else section if not name else ""


def _program(profile: _Section, all_of_them: Mapping[str, _Section]) -> str:
    """The command that a profile has its credentials from, by itself or as the role of another; empty where it is none."""
    for _ in range(ROLES_MAX + 1):
        if _source(profile, all_of_them) != "process":
            return ""
        if not profile.get("role_arn") or not (source := profile.get("source_profile")):
            break
        profile = all_of_them.get(source, {})
    return profile.get("credential_process", "")


def _source(profile: _Section, all_of_them: Mapping[str, _Section], left: int = ROLES_MAX) -> Source:
    """Where the credentials of a profile come from."""
    if profile.get("role_arn"):
        if profile.get("web_identity_token_file"):
            return "web-identity"
        if named := profile.get("credential_source"):
            return _BY_NAME.get(named.lower(), "none")
        source = profile.get("source_profile")
        if source and left:
            found = _source(all_of_them.get(source, {}), all_of_them, left - 1)
            if found != "none":
                return found
    if profile.get("aws_access_key_id") and profile.get("aws_secret_access_key"):
        return "keys"
    if profile.get("sso_session") or profile.get("sso_start_url"):
        return "sso"
    return "process" if profile.get("credential_process") else "none"
