"""Programs of machine code, .NET's, and byte code with its texts as they are: without comments, without lines, and not always
with an end.

Where tokens are named, a program asks with one, unless it has an AWS SDK within and a whole address with a path, which none of
the SDKs writes so: which of the two asks cannot be told then.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO

from imds_probe.inventory.code.forms import context, linked
from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.speaks import Evidence, Hit
from imds_probe.inventory.code.words import Found, Search
from imds_probe.inventory.sdks.elf import ELF

# Right behind the address, with more than the versions and kinds of data that an SDK's own base address has.
_WHOLE = re.compile(rb"(?::80)?/(?:latest|1\.0|20\d\d-\d\d-\d\d)/(?:meta-data|dynamic|user-data)")
# Behind latest/meta-data: what SDKs do not ask for.
_LEAF = re.compile(
    rb"/(?:ami-id|instance-id|instance-type|(?:local|public)-(?:ipv4|hostname)|hostname|mac\b|network/|spot/|tags/)"
)


def judged_words(found: Sequence[Found]) -> Judged:
    """Judge a file without lines by its words alone."""
    sdk = any(each.kind == "sdk" for each in found)
    old = any(each.kind == "old" for each in found)
    found = [each for each in found if each.kind not in ("sdk", "old")]
    ours = [each for each in found if not context.of_another_cloud(each) and not _is_listed(each)]
    service = any(each.kind == "service" for each in ours)
    path = any(each.kind in ("path", "token") or context.has_version(each) for each in ours)
    token = any(each.kind == "header" or each.word == "latest/api/token" for each in ours)
    whole = {each.at for each in ours if _is_whole(each)}
    bare = (bool(whole) and (sdk or not token)) or (old and service)
    asked = service and path
    hits = tuple(
        Hit(None, each.word, each.kind, not asked or each not in ours, bare and each.at in whole) for each in found
    )
    return Judged(hits, Evidence(service, path, token, asked, False, bare))


def judged_data(found: Sequence[Found]) -> Judged:
    """The same of what is neither text nor program: it asks nothing."""
    judged = judged_words(found)
    return Judged(tuple(replace(hit, said=True) for hit in judged.hits), replace(judged.evidence, asks=False))


def _is_whole(found: Found) -> bool:
    if found.kind == "service":
        return _WHOLE.match(found.after) is not None
    return found.word == "latest/meta-data" and _LEAF.match(found.after) is not None


def _is_listed(found: Found) -> bool:
    return found.kind == "service" and found.after.startswith((b"/32", b"/16"))


def _judged(file: BinaryIO, search: Search) -> Judged:
    judged = judged_words(search.found)
    asks = judged.evidence.service and judged.evidence.path and not judged.evidence.token
    return judged_data(search.found) if asks and linked.only_serves(file) else judged


ELF_FORM = Form("elf", begins=(ELF,), file=_judged)
DOTNET_FORM = Form("dotnet", begins=(b"MZ",), file=_judged)
# WebAssembly's, compiled Lua's and LuaJIT's, and Dart's.
BYTE_CODE_FORM = Form("byte code", begins=(b"\0asm", b"\x1bLua", b"\x1bLJ", b"\x90\xab\xcd\xef"), file=_judged)
FORMS = (ELF_FORM, DOTNET_FORM, BYTE_CODE_FORM)
