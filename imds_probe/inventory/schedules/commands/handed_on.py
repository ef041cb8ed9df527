"""What a command leads to beside its own program: the programs that it hands to another one, and what a pattern stands for.

What a program does with its arguments is known of few. One that is handed a program mostly runs it: envdir, run-one, parallel, tmux
and a wrapper of somebody's own. What only handles files, or runs something elsewhere, is listed here.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence

VARIANTS_MAX = 50  # of one command
WORDS_LOOKED_AT = 12
# Those that handle files, and those that run something elsewhere.
_RUNS_NONE_HERE = frozenset(
    """
    rm cp mv ln chmod chown chgrp ls cat stat test [ tar rsync scp sftp install md5sum sha1sum sha256sum sha512sum
    cksum b2sum grep egrep fgrep zgrep sed awk gawk mawk head tail less more wc diff cmp touch mkdir rmdir du df
    file vi vim nano logger tee gzip gunzip bzip2 xz zstd zip unzip dpkg rpm apt apt-get yum dnf pip pip3 aws
    gsutil s3cmd rclone restic borg duplicity curl wget kill pkill pgrep killall pidof fuser lsof which whereis
    basename dirname readlink realpath shred truncate dd sort uniq cut tr xxd od strings ldd setfacl getfacl
    setcap chattr restorecon semanage chcon mount umount mountpoint fsck inotifywait unlink aide clamscan
    shellcheck git svn hg locate openssl gpg strip objdump dos2unix logrotate systemctl service debsums mail mailx
    sendmail ssh autossh docker podman nerdctl kubectl crictl ctr machinectl
    """.split()  # noqa: SIM905 - as literals they would take a page
)
# Programs of the system take no part in this: a shell that is named is an option's value.
_OF_THE_SYSTEM = ("/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/", "/usr/lib/", "/lib/", "/dev/", "/proc/", "/sys/")
_PATTERN = re.compile(r"[\w./@+-]{0,300}(?:\{[\w./@+*?,-]{1,2000}\}|[*?])[\w./@+*?-]{0,300}")
_BRACES = re.compile(r"\{([^{}]{1,2000})\}")

Words = Sequence[str | None]


def handed_on(program: str, words: Words) -> Iterator[tuple[str | None, ...]]:
    """The commands among the arguments of a program: a full path of what is not the system's own, and all behind it. `words` are
    without the program itself.
    """
    if program in _RUNS_NONE_HERE:
        return
    for at, word in enumerate(words[:WORDS_LOOKED_AT]):
        if word and word.startswith("/") and not word.endswith("/") and not word.startswith(_OF_THE_SYSTEM):
            first, *more = word.split()
            yield (first, *more, *words[at + 1 :])


def variants(words: Words, names: Callable[[str], Sequence[str]]) -> list[tuple[str | None, ...]]:
    """A command for each of what its first words stand for, where they are patterns; `names` gives those in a directory."""
    found: list[tuple[str | None, ...]] = [tuple(words)]
    for at, word in enumerate(words[:3]):
        if word is not None and _PATTERN.fullmatch(word):
            spread = [each for one in _alternatives(word) for each in _matching(one, names)][:VARIANTS_MAX]
            spread = spread or ([word] if at else [])
            found = [(*each[:at], one, *each[at + 1 :]) for each in found for one in spread][:VARIANTS_MAX]
    return found


def _alternatives(word: str) -> list[str]:
    braces = _BRACES.search(word)
    if braces is None or "," not in braces[1]:
        return [word]
    before, behind = word[: braces.start()], word[braces.end() :]
    return [f"{before}{each}{behind}" for each in braces[1].split(",")[:VARIANTS_MAX]]


def _matching(path: str, names: Callable[[str], Sequence[str]]) -> list[str]:
    """The files whose names fit; a pattern in the name of a directory stands for itself."""
    directory, name = posixpath.split(path)
    if "*" not in name and "?" not in name:
        return [path]
    if not directory.startswith("/") or "*" in directory:
        return []
    return [f"{directory}/{each}" for each in fnmatch.filter(names(directory), name) if not each.startswith(".")]
