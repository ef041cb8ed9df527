"""Files of settings that code names or loads without naming them: where the address that it asks may stand.

Source: the manuals of dotenv for Node, Python, Ruby and PHP; wget(1), --input-file; curl(1), --config.
"""

from __future__ import annotations

import itertools
import re

NAMED_MAX, NAME_MAX = 20, 200
_END_OF_SETTINGS = re.compile(rb"\.(?:json|ya?ml|toml|ini|cfg|conf|properties|env)\b(?![\w.(])")
# What takes variables of the environment may have them from a file beside it, which a library or a framework loads.
ENV_FILE = ".env"
_TAKES_ENVIRONMENT = re.compile(
    rb"dotenv|\bprocess\.env\b|\b(?:os\.)?environ\b|\bgetenv\b|\bENV(?:\[|\.fetch)|\$_ENV\b|\benv\("
)
# In a shell: files of addresses, or of all that curl is told, and what is read into a command line.
_READ_IN_SHELL = re.compile(
    rb"(?:[ \t(](?:-[a-zA-Z]{0,6}[iK]|--input-file|--config)[ \t=]{1,5}|\$\((?:cat[ \t]{1,5}|<[ \t]{0,5})|`cat[ \t]{1,5}"
    rb"|\bdone[ \t]{0,5}<[ \t]{1,5})[\"']?([\w./~+-]{1,200})"
)
_IN_NAMES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./~@+-")


def named_settings(text: bytes, *, in_shell: bool = False) -> tuple[str, ...]:
    """Their names as they stand there, each once; ENV_FILE for one that need not be named."""
    found: dict[str, None] = {}
    if in_shell:
        read = (match[1].decode("ascii") for match in _READ_IN_SHELL.finditer(text))
        found.update(dict.fromkeys(itertools.islice(read, NAMED_MAX // 2)))
    elif _TAKES_ENVIRONMENT.search(text):
        found[ENV_FILE] = None
    for match in _END_OF_SETTINGS.finditer(text):
        at = match.start()
        while at > 0 and text[at - 1] in _IN_NAMES and match.end() - at < NAME_MAX:
            at -= 1
        if at < match.start():
            found[text[at : match.end()].decode("ascii")] = None
        if len(found) >= NAMED_MAX:
            break
    return tuple(found)
