"""Archives of code: jars and what they hold, Python's zip archives. Their files are judged as if they lay side by side.

What one package of an archive says it says together: a class and the one beside it are one client. Where one package asks
without a token and an AWS SDK that has tokens is in there as well, which of them is used cannot be told.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.forms.form import Judged
from imds_probe.inventory.code.speaks import NOTHING, Evidence, Hit, speaks_of
from imds_probe.inventory.code.unread import DAMAGED, ENCRYPTED, UNPACKS_TOO_MUCH
from imds_probe.inventory.sdks.archive import Archive, Member, NotAnArchive

END, END_BYTES = b"PK\5\6", 22  # an archive without a comment ends so
DEPTH_MAX = 3
MEMBERS_MAX = 200_000
MEMBER_MAX_BYTES = HELD_MAX_BYTES = 16 * 1024 * 1024
UNPACKED_MAX_BYTES = 512 * 1024 * 1024  # all together
HITS_MAX = 500
# What is judged as an AWS SDK, by the recognisers and the catalog, also where a bundle has moved it.
_SDKS = (
    "com/amazonaws/",
    "software/amazon/awssdk/",
    "software/amazon/lambda/",
    "botocore/",
    "boto3/",
    "boto/",
    "awscli/",
)
ARCHIVES = (".jar", ".war", ".ear", ".zip", ".egg", ".whl", ".pyz")
_DOCUMENTS = re.compile(r"(?:^|/)(?:docs?|tests?|examples?|META-INF/maven)/")

Judge = Callable[[bytes, str], Judged]


@dataclass
class _Budget:
    members: int
    unpacked_bytes: int
    held_bytes: int  # that may be unpacked at a time: one archive, and those that it lies in
    unread: str = ""

    def lacks(self, why: str) -> None:
        self.unread = self.unread or why


def judged(file: BinaryIO, judge: Judge, ends: tuple[str, ...]) -> Judged:
    """Judge an archive; `judge` does that with the content of a file in it, by the file's name, which ends with one of `ends`."""
    budget = _Budget(MEMBERS_MAX, UNPACKED_MAX_BYTES, HELD_MAX_BYTES)
    packages: dict[str, Evidence] = {}
    hits: list[Hit] = []
    sdk = False
    for name, each in _members(file, judge, ends, budget, 0):
        if any(f"/{part}" in f"/{name}" for part in _SDKS):
            sdk = sdk or each.evidence.token
            continue
        package = name.rpartition("/")[0]
        packages[package] = packages.get(package, NOTHING) | each.evidence
        hits += each.hits[: HITS_MAX - len(hits)]
    searched = UNPACKED_MAX_BYTES - budget.unpacked_bytes
    return Judged(tuple(hits), _of_all(packages, sdk=sdk), budget.unread, searched)


def _of_all(packages: dict[str, Evidence], *, sdk: bool) -> Evidence:
    """Of packages that each ask in their own way, all of it: both, where one has tokens and another has none."""
    said = {speaks_of(each, met=True) for each in packages.values()}
    whole = NOTHING
    for each in packages.values():
        whole |= each
    if "v1" in said and "v2" in said:
        return replace(whole, bare=True)
    return replace(whole, sdk=sdk)


def _members(
    file: BinaryIO, judge: Judge, ends: tuple[str, ...], budget: _Budget, depth: int
) -> Iterator[tuple[str, Judged]]:
    try:
        archive = Archive(file)
    except NotAnArchive:
        budget.lacks(DAMAGED)
        return
    for end in (*ends, *ARCHIVES):
        for entry in archive.entries(end.encode(), _NAMED):
            if not entry.name.endswith(end) or _DOCUMENTS.search(entry.name):
                continue
            if end in ARCHIVES and depth >= DEPTH_MAX:
                budget.lacks(UNPACKS_TOO_MUCH)
                break
            content = _content(archive, entry, budget)
            if content is None:
                continue
            if end in ARCHIVES:
                budget.held_bytes -= len(content)
                for name, each in _members(io.BytesIO(content), judge, ends, budget, depth + 1):
                    yield f"{entry.name}!/{name}", each
                budget.held_bytes += len(content)
            else:
                each = judge(content, entry.name)
                if each.hits:
                    yield entry.name, each


_NAMED = re.compile(rb".{1,1000}\.[A-Za-z]{2,10}", re.DOTALL)


def _content(archive: Archive, entry: Member, budget: _Budget) -> bytes | None:
    budget.members -= 1
    if entry.encrypted:
        budget.lacks(ENCRYPTED)
        return None
    # What the directory says of a size may be a lie: what comes out counts.
    limit = min(MEMBER_MAX_BYTES, budget.unpacked_bytes, budget.held_bytes)
    if budget.members < 0 or max(entry.size, entry.packed) > limit:
        budget.lacks(UNPACKS_TOO_MUCH)
        return None
    content = archive.content(entry, limit)
    if content is None:
        budget.lacks(DAMAGED)
        budget.unpacked_bytes -= entry.packed
        return None
    budget.unpacked_bytes -= max(len(content), 64)
    return content
