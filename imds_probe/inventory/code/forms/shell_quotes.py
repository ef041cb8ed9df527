"""Whose argument a word of a shell script is, and whether that command only says or seeks its arguments, and runs none of them."""

from __future__ import annotations

import re
from collections.abc import Callable

_QUOTED_SIGN = re.compile(r"\\.|\$\(|[`'\"()]", re.DOTALL)
_QUOTED_SEPARATOR = re.compile(r"[;|&(){}`!]|\b(?:then|do|else|elif|if|while|until)\b")
_BEFORE = frozenset(
    ("sudo", "env", "nice", "ionice", "nohup", "time", "command", "builtin", "exec", "-", "doas", "xargs")
)
_QUOTED_SET_BEFORE = re.compile(r"[A-Za-z_]\w{0,60}=")
# These look for a text, replace it, keep it as a comment, or match against it.
_SEEKS = frozenset(
    (
        *("grep", "egrep", "fgrep", "zgrep", "rg", "ag", "ack", "sed", "gsed", "pgrep", "pkill", "git", "svn", "hg"),
        *(
            "iptables",
            "ip6tables",
            "ebtables",
            "nft",
            "ufw",
            "firewall-cmd",
            "ipset",
            "test",
            "[",
            "[[",
            "case",
            "expr",
        ),
        *("ausearch", "auditctl", "journalctl", "strings", "diff", "complete", "whiptail", "dialog", "zenity"),
    )
)
# These are words of a message to people. A function of a script that has such a name is one, too.
_SAYS = re.compile(
    r"(?:die|fail|failed|failure|fatal|abort|warn\w{0,20}|error\w{0,20}|errx?|e?log|log_?(?:info|warn\w{0,10}|err\w{0,10}|debug|msg|message|"
    r"fatal)|logger|msg|info|debug|usage|help|say|notice|note|message|alert|status|verbose|banner|puts|wall|notify-send|mail|"
    r"systemd-notify)",
    re.IGNORECASE,
)
_PRINTS = frozenset(("echo", "printf", "print", "cat"))
_QUOTED_TO_ERRORS = re.compile(r"(?:\d|&)?>{1,2}[ \t]{0,5}(?:&[12]|/dev/(?:null|stderr|stdout|tty|console)\b)")
_TO_FILE = re.compile(r">{1,2}[ \t]{0,5}[\"']?([^\s\"'|;&<>]{1,200})")
_ENDS = re.compile(r"[;\n]|&&|\|\|")
_QUOTED_DOCUMENT = re.compile(
    r"(?:/etc/(?:motd|issue)(?:\.d/.{0,100}|\.net)?|.{0,200}\.(?:md|html?|rst|adoc|txt|log|[1-8])|(?:.{0,200}/)?(?:README|CHANGE|NEWS)[\w.-]{0,40}"
    r"|/usr/(?:local/)?share/(?:doc|man)/.{0,200})"
)
# What a setting's or a document's key says of its value: that it is for people, or a pattern to look for.
_QUOTED_KEY = re.compile(
    r"\s{0,80}(?:-\s{1,10})?[\"']?(description|documentation|summary|title|comment|notes?|message|msg|help|usage|example|reason"
    r"|failregex|ignoreregex|condition|desc|pattern|regexp?)[\"']?\s{0,10}[:=]",
    re.IGNORECASE,
)
_RUN_KEY = re.compile(r"\$\(|`")


def is_document(path: str) -> bool:
    """Whether a file is one that people read and nothing runs."""
    return _QUOTED_DOCUMENT.fullmatch(path) is not None


def is_only_said(before: str, after: str, *, is_used: Callable[[str], bool] = lambda name: False) -> bool:
    """Whether a word is in an argument that its command only says or seeks. `before` and `after`: its line up to the word,
    and from the word on. is_used: whether a variable of this name is used, whose value is decided by what it is used for.
    """
    key = _QUOTED_KEY.match(before)
    if key is not None and not is_used(key[1]) and not _RUN_KEY.search(before) and "+=" not in before:
        return True
    open_, owner = _owner(before)
    name = _program(owner)
    if not name:
        return False
    if name in ("awk", "gawk", "mawk") and open_:
        return f"{before.rpartition(open_)[2]}{after}".lstrip().startswith(("/", "$0 ~"))
    if name in _SEEKS or _SAYS.fullmatch(name):
        return True
    if name == "printf" and " -v" in owner:
        return False
    return name in _PRINTS and _is_printed(_closed(after, open_))


def owner_of(before: str) -> str:
    """The command whose argument comes next, by its name; empty where a command itself comes."""
    return _program(_owner(before)[1])


def _owner(before: str) -> tuple[str, str]:
    """The quote that is open behind a text, empty where none is; and the text of the command that has it as an argument."""
    open_: list[tuple[str, int]] = []
    for match in _QUOTED_SIGN.finditer(before):
        sign, top = match[0], open_[-1][0] if open_ else ""
        if top == "'":
            if sign == "'":
                open_.pop()
        elif top == '"' and sign not in ('"', "$(", "`"):
            continue
        elif sign == top and sign in "\"'`":
            open_.pop()
        elif sign == ")":
            if top in ("(", "$("):
                open_.pop()
        elif sign[0] != "\\":
            open_.append((sign, match.end()))
    quote = open_[-1] if open_ and open_[-1][0] in "\"'" else None
    end = quote[1] - 1 if quote else len(before)
    below = open_[:-1] if quote else open_
    begin = below[-1][1] if below else 0
    return quote[0] if quote else "", before[begin:end]


def _program(text: str) -> str:
    """The program of the last command that a text begins; empty where it has no argument yet."""
    plain = re.sub(r"\"(?:[^\"\\]|\\.){0,300}\"|'[^']{0,300}'", lambda match: "x" * len(match[0]), text)
    last = 0
    for last_match in _QUOTED_SEPARATOR.finditer(plain):
        last = last_match.end()
    words = text[last:].split()
    while words and (words[0].rpartition("/")[2] in _BEFORE or _QUOTED_SET_BEFORE.match(words[0])):
        option = len(words) > 1 and words[1].startswith("-") and words[0] != "-"
        del words[0]
        while option and words and words[0].startswith("-"):
            del words[: 2 if words[0] in ("-u", "-n", "-g", "-P", "-L", "-I") else 1]
    # In a Makefile, a sign before a command says that the command itself is not shown.
    return words[0].lstrip("@").rpartition("/")[2].strip("\"'") if words else ""


def _closed(after: str, open_: str) -> str:
    """What comes behind the quote that closes."""
    if not open_:
        return after
    _, _, rest = after.partition(open_)
    return rest


def _is_printed(after: str) -> bool:
    """Whether what a command prints reaches people alone, and no pipe and no file that may be run."""
    plain = re.sub(r"\"(?:[^\"\\]|\\.){0,300}\"|'[^']{0,300}'", " ", _QUOTED_TO_ERRORS.sub(" ", after))
    end = _ENDS.search(plain)
    plain = plain[: end.start()] if end else plain
    if "|" in plain:
        return False
    files = _TO_FILE.findall(plain)
    return all(map(is_document, files))
