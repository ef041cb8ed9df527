"""What a shell script sources and which programs it calls, by its text.

A few idioms are understood: variables that are set to texts, and the script's own directory. What a here-document holds is
data. Source: the Shell Command Language of POSIX.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from imds_probe.inventory.code.following.loads import Asked, asked

HERE = "{here}"
ENTERED = "cd"  # among commands: what follows may be meant from that directory on
LINES_MAX, SEGMENTS_MAX, VALUE_MAX = 20_000, 5000, 200
KEYWORDS = frozenset(
    (
        "!",
        "{",
        "}",
        "(",
        ")",
        "if",
        "then",
        "else",
        "elif",
        "fi",
        "while",
        "until",
        "do",
        "done",
        "in",
        "esac",
        "time",
        "coproc",
    )
)
# They end what a line calls, or call nothing themselves.
BUILT_IN = frozenset(
    (
        *(":", "[", "[[", "alias", "bg", "bind", "break", "builtin", "caller", "case", "cd", "compgen", "complete"),
        *(
            "continue",
            "declare",
            "dirs",
            "disown",
            "echo",
            "enable",
            "eval",
            "exit",
            "export",
            "false",
            "fc",
            "fg",
            "for",
        ),
        *(
            "function",
            "getopts",
            "hash",
            "help",
            "history",
            "jobs",
            "kill",
            "let",
            "local",
            "logout",
            "mapfile",
            "popd",
        ),
        *(
            "printf",
            "pushd",
            "pwd",
            "read",
            "readarray",
            "readonly",
            "return",
            "select",
            "set",
            "shift",
            "shopt",
            "test",
        ),
        *("times", "trap", "true", "type", "typeset", "ulimit", "umask", "unalias", "unset", "wait"),
    )
)
_CONTINUED = re.compile(r"\\\n")
_DOCUMENT = re.compile(r"<<-?\s{0,5}([\"']?)(\w{1,60})\1")
# The script's own directory, as people write it.
_ITSELF = r"(?:\$0|\$\{0\}|\$BASH_SOURCE|\$\{BASH_SOURCE(?:\[0\])?(?::-\$0)?\})"
_REALLY = rf"(?:{_ITSELF}|\$\(\s?(?:readlink -f|realpath)\s+(?:--\s+)?[\"']?{_ITSELF}[\"']?\s?\))"
_NAMED = rf"\$\(\s?dirname\s+(?:--\s+)?[\"']?{_REALLY}[\"']?\s?\)"
_ENTERED = rf"\$\(\s?cd\s+(?:-P\s+)?(?:--\s+)?[\"']?{_NAMED}[\"']?[^()\n]{{0,60}}\)"
_DIRNAME = re.compile(rf"{_ENTERED}|{_NAMED}|`dirname [\"']?\$0[\"']?`|\$\{{0%/\*\}}")
_ASSIGNED = re.compile(
    r"(?:^|[;&|]|\bexport|\breadonly|\blocal|\bdeclare)[ \t]*([A-Za-z_]\w{0,60})="
    r"(\"[^\"\n]{0,200}\"|'[^'\n]{0,200}'|[^\s;&|<>()]{0,200})",
    re.MULTILINE,
)
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w{0,60})\}|([A-Za-z_]\w{0,60}))")
_SEPARATOR = re.compile(r"\|\||&&|\$\(|[;|()`\n]|(?<![<>])&(?!>)")
_WORD = re.compile(r"(?:\"(?:[^\"\\]++|\\.)*+\"|'[^']*+'|\\.|[^\s\"'\\])++")
_REDIRECTION = re.compile(r"\d?(?:>>?|<)&?")
_QUOTES = re.compile(r"[\"'\\]")


def asked_by(text: bytes) -> Asked:
    """What a script asks for."""
    lines = list(_lines(_CONTINUED.sub(" ", text.decode("utf-8", "replace"))))
    own = _DIRNAME.sub(HERE, "\n".join(lines))
    variables: dict[str, str] = {}
    for match in _ASSIGNED.finditer(own):
        value = _expanded(match[2].strip("\"'"), variables)
        if "$" not in value and "`" not in value and len(value) <= VALUE_MAX:
            variables.setdefault(match[1], value)
    names: list[str] = []
    commands: list[tuple[str, ...]] = []
    dynamic = False
    functions = set(re.findall(r"^\s{0,20}(?:function\s+)?([\w-]{1,80})\s{0,5}\(\)", own, re.MULTILINE))
    for number, segment in enumerate(_segments(own)):
        if number >= SEGMENTS_MAX:
            return asked(names, (), commands, dynamic=True)
        words = _command(segment, variables)
        if not words or words[0] in functions:
            continue
        if words[0] in (".", "source"):
            known = len(words) > 1 and "$" not in words[1]
            names += [words[1]] if known else []
            dynamic = dynamic or not known
        elif words[0] == "cd" and len(words) == 2 and "$" not in words[1]:
            commands.append((ENTERED, words[1]))
        elif "$" not in words[0] and words[0] not in BUILT_IN:
            commands.append(tuple(words))
    return asked(names, (), commands, dynamic=dynamic)


def _lines(text: str) -> Iterator[str]:
    """Without comments and here-documents."""
    ends = ""
    for line in text.split("\n")[:LINES_MAX]:
        if ends:
            ends = "" if line.strip() == ends else ends
            continue
        if line.lstrip().startswith("#"):
            continue
        if document := _DOCUMENT.search(line):
            ends = document[2]
        yield line


def _segments(text: str) -> Iterator[str]:
    """What may be a simple command each. Separators within texts are taken for such too: what follows them calls nothing."""
    at = 0
    for match in _SEPARATOR.finditer(text):
        yield text[at : match.start()]
        at = match.end()
    yield text[at:]


def _command(segment: str, variables: dict[str, str]) -> list[str]:
    words = [match[0] for match in _WORD.finditer(segment[:4000])]
    while words and (words[0] in KEYWORDS or re.match(r"[A-Za-z_]\w*\+?=", words[0]) or _REDIRECTION.match(words[0])):
        words.pop(0)
    found = []
    for word in words:
        if _REDIRECTION.match(word):
            break
        if word.startswith("#"):
            break
        plain = word if word.startswith("'") else _expanded(word, variables)
        found.append(_QUOTES.sub("", plain))
    return found


def _expanded(word: str, variables: dict[str, str]) -> str:
    return _VARIABLE.sub(lambda match: variables.get(match[1] or match[2], match[0]), word)[: 4 * VALUE_MAX]
