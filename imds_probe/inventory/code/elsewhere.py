"""What code says whose address or header stands elsewhere: in a variable of the environment, or in a file, as of curl -H @FILE.

What stands there is put in its place, and what comes out is read as any code. A file counts only where root alone can change it.
Source: curl(1), --header and --config; wget(1), --header.
"""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Callable, Mapping, Sequence

from imds_probe.inventory.code.environment import VALUE_MAX, with_hosts, with_values
from imds_probe.inventory.code.file import said_by
from imds_probe.inventory.code.speaks import Said
from imds_probe.inventory.code.words import search_bytes

VARIABLES_MAX, FILES_MAX = 20, 50
_TOKEN = "X-aws-ec2-metadata-token:x"
_HEADER_OF_FILE = re.compile(r"([\s(](?:-[a-zA-Z]{0,8}H|--header)[ =]?[\"']?)@(/[\w./+-]{1,200})")
_CONFIG_OF_FILE = re.compile(r"([\s(])(?:-K[ \t]{0,5}|--config[ \t=]{1,5})([\"']?)(/[\w./+-]{1,200})\2")
_READ_HERE = re.compile(
    r"\$\((?:cat[ \t]{1,5}|<[ \t]{0,5})[\"']?(/[\w./+-]{1,200})[\"']?[ \t]{0,5}\)|`cat[ \t]{1,5}(/[\w./+-]{1,200})`"
)
_IS_HEADER = re.compile(r"[\w-]{1,60}:.{0,2000}", re.DOTALL)
_USED_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w{0,60})")
# What a script writes itself: a redirection, an option of curl and wget, and the arguments of what makes, moves and removes files.
_WRITES_TO = re.compile(
    r"(?:>\|?[ \t]{0,5}|[\s(](?:-[a-zA-Z]{0,8}[oO][ \t]{0,5}|--output(?:-document)?[ \t=]{1,5}))[\"']?(/[\w./+-]{1,200})"
)
_MAKES_FILES = re.compile(r"\b(?:tee|cp|mv|install|rm|truncate|touch|ln|dd|shred)[ \t]([^\n;|&]{1,400})")
_FILE_NAMED = re.compile(r"(?<![\w./@-])/[\w./+-]{1,200}")
# Of a file of curl's own settings: what may name further headers or addresses.
_LEADS_ON = re.compile(rb"^[ \t]{0,20}(?:-?-?(?:header|config|url|H|K))\b[ \t=:]{0,10}[\"']?(?:@|/)", re.MULTILINE)


def said_with(content: bytes, path: str, form: str, named: Mapping[str, str]) -> Said | None:
    """What a file says with these variables; None where it takes none of them."""
    text = content.decode("latin-1")
    resolved = with_values(text, named, form)
    return said_by(io.BytesIO(resolved.encode("latin-1")), path) if resolved != text else None


def said_of_hosts(content: bytes, path: str, names: Sequence[str]) -> Said | None:
    """The same where these names of hosts are the service's."""
    text = content.decode("latin-1")
    resolved = with_hosts(text, names)
    return said_by(io.BytesIO(resolved.encode("latin-1")), path) if resolved != text else None


def said_with_headers(
    content: bytes, path: str, environment: Mapping[str, str], read: Callable[[str], bytes | None]
) -> Said | None:
    """What shell code says with the headers that are known; None where none of them is. `read` has the content of a file that root
    alone can change, None of any other. What a script writes itself is another when it reads that.
    """
    text = content.decode("latin-1")
    used = dict.fromkeys(_USED_VARIABLE.findall(text))
    given = {
        name: value
        for name in used
        if (value := environment.get(name, "")) and len(value) <= VALUE_MAX and _IS_HEADER.fullmatch(value)
    }
    known = dict(list(given.items())[:VARIABLES_MAX])
    resolved = with_values(text, known, "shell") if known else text
    own = _written_by(text)
    in_file = functools.lru_cache(FILES_MAX)(lambda path: None if path in own else read(path))
    resolved = _HEADER_OF_FILE.sub(lambda match: _header(match, in_file(match[2])), resolved)
    resolved = _READ_HERE.sub(lambda match: _read(match, in_file(match[1] or match[2])), resolved)
    resolved = _CONFIG_OF_FILE.sub(lambda match: _config(match, in_file(match[3])), resolved)
    return said_by(io.BytesIO(resolved.encode("latin-1")), path) if resolved != text else None


def _written_by(text: str) -> frozenset[str]:
    """The files that a script writes, moves or removes itself."""
    made = (path for match in _MAKES_FILES.finditer(text) for path in _FILE_NAMED.findall(match[1]))
    return frozenset((*(match[1] for match in _WRITES_TO.finditer(text)), *made))


def _header(match: re.Match[str], content: bytes | None) -> str:
    if content is None:
        return match[0]
    return f"{match[1]}{_TOKEN if _has_token(content) else 'X-other:x'}"


def _read(match: re.Match[str], content: bytes | None) -> str:
    """A header that is read by cat; nothing else that is in a file is put in."""
    if content is None or _IS_HEADER.fullmatch(content.decode("latin-1").strip()) is None:
        return match[0]
    return _TOKEN if _has_token(content) else "X-other:x"


def _config(match: re.Match[str], content: bytes | None) -> str:
    if content is None or (not _has_token(content) and _LEADS_ON.search(content)):
        return match[0]
    return f"{match[1]}-H {_TOKEN}" if _has_token(content) else match[1]


def _has_token(content: bytes) -> bool:
    lines = b"\n".join(line for line in content.split(b"\n") if not line.lstrip().startswith(b"#"))
    return any(each.kind == "header" and "ttl" not in each.word for each in search_bytes(lines))
