"""The PATH that programs set for what they start as another user, or by way of systemd: it is mostly longer than cron's.

Source: sudoers(5), secure_path; login.defs(5), ENV_PATH and ENV_SUPATH; pam_env(8); doas(1); pkexec(1); systemd.exec(5).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd import environment

SUDOERS, SUDOERS_MORE, LOGIN_DEFS = "/etc/sudoers", "/etc/sudoers.d", "/etc/login.defs"
FILES_MAX, PARTS_MAX = 50, 64
_SECURE_PATH = "secure_path"
_FIXED: Mapping[str, str] = {
    "doas": "/bin:/sbin:/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin",
    "pkexec": "/usr/sbin:/usr/bin:/sbin:/bin:/root/bin",
    **dict.fromkeys(("systemd-run", "run0"), environment.PATH),
}
# Without a line in login.defs, as shadow and util-linux have it.
_OF_LOGIN = {
    "ENV_PATH": "/usr/local/bin:/bin:/usr/bin",
    "ENV_SUPATH": "/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin",
}


@dataclass
class Switched:
    """Of one system, each looked up once."""

    files: SystemFiles
    _known: dict[tuple[str, bool, bool], tuple[str, frozenset[str]]] = field(default_factory=dict)

    def path(self, program: str, before: str, *, login: bool, is_root: bool) -> str:
        """The PATH of what a program starts. What was in it `before` stays at the end: nobody knows each exception."""
        key = program, login, is_root
        if key not in self._known:
            outer, self.files.trail = self.files.trail, set()
            found = _path(program, self.files, login=login, is_root=is_root)
            self._known[key] = found, frozenset(self.files.trail)
            self.files.trail = outer
        found, depended_on = self._known[key]
        self.files.note(depended_on)
        return _joined(found, before) if found else before


def _path(program: str, files: SystemFiles, *, login: bool, is_root: bool) -> str:
    of_login = _of_login(files, is_root=is_root) if login else ""
    return _joined(_of_sudo(files) if program == "sudo" else _FIXED.get(program, ""), of_login)


def _joined(*paths: str) -> str:
    parts = dict.fromkeys(part for path in paths for part in path.split(":") if part)
    return ":".join(list(parts)[:PARTS_MAX])


def _of_sudo(files: SystemFiles) -> str:
    names = [name for name in files.names(SUDOERS_MORE) if "." not in name and not name.endswith("~")]
    more = [f"{SUDOERS_MORE}/{name}" for name in names[:FILES_MAX]]
    return _joined(*(path for each in (SUDOERS, *more) for path in secure_paths(files.text(each) or "")))


def secure_paths(text: str) -> Iterator[str]:
    """What a file of sudoers has as secure_path: of all users, of some, or of some commands."""
    for line in text.replace("\\\n", " ").split("\n"):
        before, named, behind = line.strip().partition(_SECURE_PATH)
        if named and before.startswith("Defaults") and not before.endswith("!"):
            value = behind.lstrip(" \t+=")
            quote = value[:1] if value[:1] in ("'", '"') else ""
            yield value[1:].partition(quote)[0] if quote else value.partition(",")[0].strip()


def _of_login(files: SystemFiles, *, is_root: bool) -> str:
    name = "ENV_SUPATH" if is_root else "ENV_PATH"
    said = (line.split(None, 1) for line in files.lines(LOGIN_DEFS))
    set_to = next((words[1].strip() for words in said if len(words) > 1 and words[0] == name), _OF_LOGIN[name])
    of_all = dict(environment.variables(files.text(environment.OF_ALL) or "")).get("PATH", "")
    return _joined(set_to.removeprefix("PATH="), of_all)
