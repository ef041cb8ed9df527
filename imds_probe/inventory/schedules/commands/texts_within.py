"""Commands that stand in an argument of a program which has its own language for them: awk's, and modules of Ansible.

Source: awk(1p), system, getline and output; gawk(1), two-way; ansible(1), and Ansible's modules shell, command, raw and script.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from imds_probe.inventory.schedules.commands.tmux import UNKNOWN_TEXT

COMMANDS_MAX, WORDS_MAX = 50, 60
_AWKS = frozenset(("awk", "gawk", "mawk", "nawk", "original-awk"))
_OF_AWK = (
    "-F",
    "-v",
    "-f",
    "-E",
    "-i",
    "-l",
    "--field-separator",
    "--assign",
    "--file",
    "--exec",
    "--include",
    "--load",
)
_FILES_OF_AWK = ("-f", "-E", "--file", "--exec")
_TEXT = r"\"((?:[^\"\\\n]|\\.){1,1000})\""
_RUN_BY_AWK = re.compile(
    rf"\bsystem[ \t]{{0,9}}\([ \t]{{0,9}}{_TEXT}[ \t]{{0,9}}(\))?|{_TEXT}[ \t]{{0,9}}\|&?[ \t]{{0,9}}getline\b|"
    rf"\|&?[ \t]{{0,9}}{_TEXT}"
)
_ESCAPED = re.compile(r"\\(.)")
_OF_ANSIBLE = (
    *(
        "-i",
        "--inventory",
        "-u",
        "--user",
        "-c",
        "--connection",
        "-T",
        "--timeout",
        "-f",
        "--forks",
        "-e",
        "--extra-vars",
        "-l",
    ),
    *(
        "--limit",
        "-M",
        "--module-path",
        "-P",
        "--poll",
        "-B",
        "--background",
        "-t",
        "--tree",
        "--become-user",
        "--become-method",
    ),
    *(
        "--private-key",
        "--key-file",
        "--vault-password-file",
        "--vault-id",
        "--playbook-dir",
        "-m",
        "--module-name",
        "-a",
        "--args",
    ),
)
_RUN_BY_ANSIBLE = frozenset(("shell", "command", "raw", "script"))
_SETTING = re.compile(r"(?:chdir|creates|removes|executable|stdin|warn|strip_empty_ends)=\S{1,300}[ \t]{0,9}")
_THIS_HOST = frozenset(("localhost", "127.0.0.1", "::1"))
Words = Sequence[str | None]


def texts_within(program: str, arguments: Words) -> Iterator[str]:
    """Texts for a shell, of which what only running tells is UNKNOWN_TEXT."""
    if program in _AWKS:
        yield from _of_awk([word or "" for word in arguments[:WORDS_MAX]])
    elif program == "ansible":
        yield from _of_ansible([word or "" for word in arguments[:WORDS_MAX]])


def _of_awk(arguments: Sequence[str]) -> Iterator[str]:
    given, plain = _parted(arguments, _OF_AWK)
    if not plain or any(option in given for option in _FILES_OF_AWK):
        return
    for number, match in enumerate(_RUN_BY_AWK.finditer(plain[0])):
        if number >= COMMANDS_MAX:
            break
        text = _ESCAPED.sub(r"\1", match[1] or match[3] or match[4])
        yield text if match[1] is None or match[2] else f"{text}{UNKNOWN_TEXT}"


def _of_ansible(arguments: Sequence[str]) -> Iterator[str]:
    """Of a command that Ansible runs by itself, without a playbook, where that is on this host."""
    given, plain = _parted(arguments, _OF_ANSIBLE)
    connection = given.get("-c", given.get("--connection", ""))
    inventory = {host for host in given.get("-i", given.get("--inventory", "")).split(",") if host}
    is_here = bool(plain) and (
        plain[0] in _THIS_HOST or connection == "local" or (inventory and inventory <= _THIS_HOST)
    )
    module = given.get("-m", given.get("--module-name", "command")).rpartition(".")[2]
    if is_here and module in _RUN_BY_ANSIBLE:
        yield _SETTING.sub("", given.get("-a", given.get("--args", "")))


def _parted(arguments: Sequence[str], valued: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The options that have a value, and the other words."""
    given: dict[str, str] = {}
    plain: list[str] = []
    at = 0
    while at < len(arguments):
        word = arguments[at]
        option, sign, value = word.partition("=") if word.startswith("--") else (word[:2], word[2:], word[2:])
        at += 1
        if word == "--":
            return given, plain + list(arguments[at:])
        if not word.startswith("-") or word == "-":
            plain.append(word)
        elif option in valued:
            if not sign:
                value, at = arguments[at] if at < len(arguments) else "", at + 1
            given[option] = value
    return given, plain
