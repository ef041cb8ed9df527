"""What a shell script sources and which programs it calls, by its text.

A few idioms are understood: variables that are set to texts, and the script's own directory. What a here-document holds is
data, unless an interpreter reads it. Source: the Shell Command Language of POSIX.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from imds_probe.inventory.code.following.fed import with_code
from imds_probe.inventory.code.following.loads import Asked, asked

HERE = "{here}"
ENTERED = "cd"  # among commands: what follows may be meant from that directory on
LINES_MAX, SEGMENTS_MAX, VALUE_MAX, WORD_MAX = 20_000, 5000, 200, 800
DOCUMENTS_MAX = 50  # of one script that are looked at
SEGMENT_MAX, KNOWN_MAX, KNOWN_LENGTH_MAX = 4000, 2000, 200
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
_DOCUMENT = re.compile(r"(?<!<)<<(?!<)-?\s{0,5}([\"'\\]?)(\w{1,60})\1?")
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
# Each begins with a sign of its own: where there is none of them, the search passes at once.
_SEPARATOR = re.compile(r"\|\||\||&&|&(?<![<>]&)(?!>)|\$\(|;|\(|\)|`|\n")
_WORD = re.compile(r"(?:\"(?:[^\"\\]++|\\.)*+\"|'[^']*+'|\\.|[^\s\"'\\])++")
_REDIRECTION = re.compile(r"\d?(?:>>?|<)&?")
_QUOTES = re.compile(r"[\"'\\]")
_SET_BEFORE = re.compile(r"[A-Za-z_]\w*\+?=")
_CALLED_AS_FUNCTION = re.compile(r"^\s{0,20}(?:function\s+)?([\w-]{1,80})\s{0,5}\(\)", re.MULTILINE)


def asked_by(text: bytes) -> Asked:
    """What a script asks for."""
    documents: list[tuple[str, list[str]]] = []
    lines = list(_lines(text.decode("utf-8", "replace").replace("\\\n", " "), documents))
    own = "\n".join(lines)
    if "dirname" in own or "${0%" in own:
        own = _DIRNAME.sub(HERE, own)
    variables: dict[str, str] = {}
    assigning = "\n".join(line for line in own.split("\n") if "=" in line)
    for match in _ASSIGNED.finditer(assigning):
        value = _expanded(match[2].strip("\"'"), variables)
        if "$" not in value and "`" not in value and len(value) <= VALUE_MAX:
            variables.setdefault(match[1], value)
    names: list[str] = []
    looped: dict[str, list[str]] = {}
    commands: list[tuple[str, ...]] = []
    dynamic = False
    functions = set(_CALLED_AS_FUNCTION.findall(own)) if "()" in own else set()
    for number, segment in enumerate(_segments(own)):
        if number >= SEGMENTS_MAX:
            return asked(names, (), commands, dynamic=True)
        if not segment or segment.isspace():
            continue
        words = _at_home(segment, variables)
        if not words or words[0] in functions:
            continue
        if words[0] == "for" and len(words) > 3 and words[2] == "in":
            looped[words[1]] = words[3:]
        elif words[0] in (".", "source") and len(words) > 1 and (each := looped.get(words[1].strip("${}"))):
            names += [word for word in each if "$" not in word]
            dynamic = dynamic or any("$" in word for word in each)
            looped[words[1].strip("${}")] = [""]  # these are known: a long list may be used many times
        elif words[0] in (".", "source"):
            known = len(words) > 1 and "$" not in words[1]
            names += [words[1]] if known else []
            dynamic = dynamic or not known
        elif words[0] == "cd" and len(words) == 2 and "$" not in words[1]:
            commands.append((ENTERED, words[1]))
        elif "$" not in words[0] and words[0] not in BUILT_IN and not ("<<" in segment and with_code(words, "")):
            commands.append(tuple(words))
    commands += _fed(documents, variables)
    return asked(names, (), commands, dynamic=dynamic)


def _at_home(segment: str, variables: dict[str, str]) -> list[str]:
    """The words of a command, with a tilde for the home that only the environment tells."""
    words = _command(segment, variables)
    if "HOME" in segment and words and words[0] not in (".", "source"):
        return _command(segment, {"HOME": "~", **variables})
    return words


def _lines(text: str, documents: list[tuple[str, list[str]]]) -> Iterator[str]:
    """Without comments and here-documents. Those go to `documents`, each with the line that it follows."""
    ends = ""
    for line in text.split("\n")[:LINES_MAX]:
        if ends:
            if line.strip() == ends:
                ends = ""
            elif len(documents) <= DOCUMENTS_MAX:
                documents[-1][1].append(line)
            continue
        if line.lstrip().startswith("#"):
            continue
        if "<<" in line and (document := _DOCUMENT.search(line)):
            ends = document[2]
            documents.append((line, []))
        yield line


def _fed(documents: list[tuple[str, list[str]]], variables: dict[str, str]) -> Iterator[tuple[str, ...]]:
    """The commands that read code from a here-document, with the code as their argument."""
    for line, content in documents[:DOCUMENTS_MAX]:
        before, _, behind = line.partition("<<")
        words = _command(list(_segments(before))[-1][-SEGMENT_MAX:], variables)
        if words[:1] == ["cat"]:
            words = _command(next(_segments(behind.partition("|")[2]))[:SEGMENT_MAX], variables)
        fed = with_code(words, "\n".join(content))
        if fed is not None:
            yield tuple(word or "" for word in fed)


def _segments(text: str) -> Iterator[str]:
    """What may be a simple command each. Separators within texts are taken for such too: what follows them calls nothing."""
    at = 0
    for match in _SEPARATOR.finditer(text):
        yield text[at : match.start()]
        at = match.end()
    yield text[at:]


def _command(segment: str, variables: dict[str, str]) -> list[str]:
    known = _known_words(segment) if len(segment) <= KNOWN_LENGTH_MAX else _words(segment[:SEGMENT_MAX])
    return [plain if whole else _QUOTES.sub("", _expanded(plain, variables)) for plain, whole in known]


def _words(segment: str) -> tuple[tuple[str, bool], ...]:
    """Its words, and whether each is what it will be: else variables have to be put in, and quotes to be taken away."""
    words = [match[0] for match in _WORD.finditer(segment)]
    begin = 0
    while begin < len(words) and (
        words[begin] in KEYWORDS or _SET_BEFORE.match(words[begin]) or _REDIRECTION.match(words[begin])
    ):
        begin += 1
    found = []
    for word in words[begin:]:
        if _REDIRECTION.match(word) or word.startswith("#"):
            break
        if "$" in word and not word.startswith("'"):
            found.append((word, False))
        else:
            found.append((_QUOTES.sub("", word if word.startswith("'") else word[:WORD_MAX]), True))
    return tuple(found)


# Scripts of one author have many lines in common.
_known_words = functools.lru_cache(KNOWN_MAX)(_words)


def _expanded(word: str, variables: dict[str, str]) -> str:
    return _VARIABLE.sub(lambda match: variables.get(match[1] or match[2], match[0]), word)[:WORD_MAX]
