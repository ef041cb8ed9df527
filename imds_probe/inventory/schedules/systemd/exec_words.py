"""The words of a command line in a unit: systemd.service(5), "Command lines", and systemd.syntax(7), "Quoting"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from imds_probe.inventory.schedules.systemd.specifiers import replaced

WORDS_MAX = 1000
WORD_MAX = 32 * 1024
PREFIXES = "-@:+!|"
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " "}
_DIGITS = {"x": (2, 16), "u": (4, 16), "U": (8, 16)}
_IN_NAMES = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
END = ";"


def exec_lines(text: str, specifiers: Mapping[str, str], environment: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """The commands of one line, which a semicolon by itself parts: the executable as it stands there, and its arguments."""
    words: list[str] = []
    for word in [*split(text), END]:
        if word != END:
            words.append("" if word == f"\\{END}" else word)
            if word == f"\\{END}":
                words[-1] = END
        elif words:
            yield from _command(words, specifiers, environment)
            words = []


def _command(
    words: list[str], specifiers: Mapping[str, str], environment: Mapping[str, str]
) -> Iterator[tuple[str, ...]]:
    executable = words[0].lstrip(PREFIXES)
    prefixes = words[0][: len(words[0]) - len(executable)]
    rest = [replaced(word, specifiers) for word in words[1:]]
    executable = replaced(executable, specifiers)
    if ":" not in prefixes:
        rest = [part for word in rest for part in with_variables(word, environment)]
    if "|" in prefixes:  # by the user's shell, from systemd 258 on
        yield ("/bin/sh", "-c", " ".join([executable, *rest]))
    elif executable:
        # After "@" comes what the program is to be called, which says nothing of what it is.
        yield (executable, *rest["@" in prefixes :])


def split(text: str) -> Iterator[str]:
    """Words, without their quotes and with their escapes resolved. "\\;" stays as it is."""
    at = count = 0
    while at < len(text) and count < WORDS_MAX:
        if text[at].isspace():
            at += 1
            continue
        word, at = _word(text, at)
        count += 1
        yield word


def _word(text: str, at: int) -> tuple[str, int]:
    """The word that begins there, and where it ends."""
    pieces: list[str] = []
    quote = ""
    while at < len(text):
        character = text[at]
        if quote:
            if character == quote:
                quote = ""
                at += 1
                continue
        elif character.isspace():
            break
        elif character in "\"'":
            quote = character
            at += 1
            continue
        if character == "\\" and at + 1 < len(text):
            piece, at = _escape(text, at + 1)
            pieces.append(piece)
        else:
            pieces.append(character)
            at += 1
    return "".join(pieces)[:WORD_MAX], at


def _escape(text: str, at: int) -> tuple[str, int]:
    letter = text[at]
    if letter in _ESCAPES:
        return _ESCAPES[letter], at + 1
    if letter in _DIGITS:
        length, base = _DIGITS[letter]
        figure = _figure(text[at + 1 : at + 1 + length], length, base)
        if figure is not None:
            return figure, at + 1 + length
    elif (figure := _figure(text[at : at + 3], 3, 8)) is not None:
        return figure, at + 3
    # A semicolon keeps its backslash until commands are parted, as does what is no escape.
    return letter if letter in "\\\"'" else f"\\{letter}", at + 1


def _figure(digits: str, length: int, base: int) -> str | None:
    if len(digits) != length or not set(digits.lower()) <= set("0123456789abcdef"[:base]):
        return None
    number = int(digits, base)
    return chr(number) if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000 else None


def with_variables(word: str, environment: Mapping[str, str]) -> Iterator[str]:
    """ "$NAME" by itself becomes as many words as its value has, ${NAME} within a word its value; "$$" is one sign."""
    if word.startswith("$") and len(word) > 1 and _IN_NAMES.issuperset(word[1:]):
        yield from split(environment.get(word[1:], ""))
        return
    pieces: list[str] = []
    rest = word
    while True:
        before, sign, rest = rest.partition("$")
        pieces.append(before)
        if not sign:
            break
        if rest.startswith("$"):
            pieces.append("$")
            rest = rest[1:]
        elif rest.startswith("{") and _IN_NAMES.issuperset(name := rest[1:].partition("}")[0]) and "}" in rest:
            pieces.append(environment.get(name, ""))
            rest = rest[len(name) + 2 :]
        else:
            pieces.append("$")
    yield "".join(pieces)[:WORD_MAX]
