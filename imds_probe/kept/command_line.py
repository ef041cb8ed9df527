"""What is kept of a command line: program, script, sub-commands, names of options. Values only of those known to be harmless.

A list of secrets' forms is never whole: what is not known to be harmless is left out, and OMITTED stands there.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence

from imds_probe.kept.metadata_path import kept_url
from imds_probe.kept.process_name import family, file_name, is_named_after
from imds_probe.kept.programs import INTERPRETERS, Interpreter, is_operation
from imds_probe.kept.shapes import (
    DIGITS,
    LETTERS,
    LOWER,
    OMITTED,
    is_absolute_path,
    is_name,
    is_number,
    is_option_name,
    is_path,
    is_unit,
    together,
)

SHOWN_MAX = 300
WORDS_MAX, WORD_MAX = 100, 4096
# Options of several letters behind one hyphen. Behind any other letter, the rest may be its value: -pPASSWORD.
_LONG_WITH_ONE_HYPHEN = frozenset(
    ("-jar", "-cp", "-classpath", "-config", "-conf", "-version", "-server", "-passin", "-passout", "-name", "-type")
)
_MANY_IN_ONE = ("busybox", "toybox")  # programs that are many, by their first argument


def _is_region(value: str) -> bool:
    """As "eu-west-1"."""
    *words, number = value.split("-", 4) if len(value) <= 20 else [""]
    known = words[:1] and words[0] in ("us", "eu", "ap", "sa", "ca", "me", "af", "il", "cn", "mx")
    return bool(known) and number.isdigit() and len(number) == 1 and all(LOWER.issuperset(word) for word in words[1:])


_HARMLESS: dict[str, Callable[[str], bool]] = {
    **dict.fromkeys(
        ("config", "config-file", "config-dir", "configfile", "config-path", "conf-file"), is_absolute_path
    ),
    **dict.fromkeys(("pid-file", "pidfile", "state-directory", "log-file", "rcfile"), is_absolute_path),
    **dict.fromkeys(("unit", "slice"), is_unit),
    **dict.fromkeys(("port", "listen-port", "metrics-port", "http-port", "app-port"), is_number),
    **dict.fromkeys(("timeout", "connect-timeout", "max-time", "retry", "retries", "tries", "interval"), is_number),
    **dict.fromkeys(("workers", "threads", "max-instances"), is_number),
    "region": _is_region,
}


def kept(arguments: Sequence[str], exe: str | None) -> str:
    """The arguments of a process in one line. `exe` is the path of its program's file, None where it is not known.

    The line is printable, at most SHOWN_MAX characters long, and stays as it is when its words are given to this again.
    """
    title, *rest = [argument[:WORD_MAX] for argument in arguments[:WORDS_MAX]] or [""]
    if not title and not rest:
        return ""  # it took its arguments away
    first, *more = title.split() or [""]
    program = _program(first, exe)
    if more:  # a program that writes a title for itself puts all of it into one argument
        return together((program, OMITTED), SHOWN_MAX)
    return together((program, *_behind(posixpath.basename(program), rest)), SHOWN_MAX)


def kept_of_stored(line: str, exe: str | None) -> str:
    """The same of a command line that is stored as one text, by whatever rule its words were kept then."""
    return kept(line.split(), exe)


def script_of(arguments: Sequence[str], exe: str | None) -> str | None:
    """The script or module that an interpreter runs, as far as its name is kept; empty where it runs none that has a name, as
    text that it was given, or what is typed in. None where the program is no interpreter.
    """
    title, *rest = [argument[:WORD_MAX] for argument in arguments[:WORDS_MAX]] or [""]
    interpreter = INTERPRETERS.get(family(file_name(exe))) if exe else None
    if exe and file_name(exe) in _MANY_IN_ONE:
        if file_name(title) in _MANY_IN_ONE and rest:
            title, *rest = rest
        interpreter = INTERPRETERS.get(file_name(title).lstrip("-"))
    if interpreter is None:
        return None
    shown, _, _ = _up_to_script(interpreter, rest)
    if not shown or shown[-1] == OMITTED or shown[-1].startswith("-"):
        return ""
    if len(shown) > 1 and shown[-2] in interpreter.module:
        return f"module {shown[-1]}"
    return "" if len(shown) > 1 and shown[-2] in interpreter.code else shown[-1]


def _program(word: str, exe: str | None) -> str:
    name = posixpath.basename(word).lstrip("-").removesuffix(":")
    if exe is not None:
        own = file_name(exe)
        if word == exe or (posixpath.dirname(word) == posixpath.dirname(exe) and is_named_after(name, exe)):
            return word if is_path(word) else OMITTED
        return name if is_named_after(name, exe) else own if is_name(own) else OMITTED
    return name if name and is_named_after(name, "") else OMITTED


def _behind(program: str, words: Sequence[str]) -> Iterator[str]:
    interpreter = INTERPRETERS.get(family(program))
    if interpreter is not None:
        shown, at, over = _up_to_script(interpreter, words)
        yield from shown
        words = words[at:]
        if over:
            yield from [OMITTED] if words else []
            return
        program = posixpath.basename(shown[-1]) if shown else ""
    at = 0
    while at < len(words) and is_operation(program, at, words[at]):
        yield words[at]
        at += 1
    yield from _arguments(words[at:])


def _up_to_script(interpreter: Interpreter, words: Sequence[str]) -> tuple[list[str], int, bool]:
    """What stands before the arguments of what is interpreted, how many words that were, and whether nothing behind them can
    be kept: with an option that is not known, the next word may be its value as well as the script.
    """
    shown: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        following = words[at + 1] if at + 1 < len(words) else ""
        at += 1
        if word in interpreter.code:
            return [*shown, word], at, True
        if word in interpreter.module:
            known = _is_module(following)
            return [*shown, word, following if known else OMITTED], at + 1, not known
        if word in interpreter.script:
            known = _is_script(interpreter, following)
            return [*shown, word, following if known else OMITTED], at + 1, not known
        if word in interpreter.flags:
            shown.append(word)
        elif word in interpreter.valued:
            shown += [word, OMITTED]
            at += 1
        elif word[:1] in ("-", "+"):
            shown.append(_option(word))
            if not _has_its_value(word):
                return shown, at, True
        else:
            known = not interpreter.takes_text and (_is_script(interpreter, word) or _is_class(interpreter, word))
            return [*shown, word if known else OMITTED], at, not known
    return shown, at, False


def _has_its_value(word: str) -> bool:
    """Whether the word behind an option cannot be its value."""
    name, separator, _ = word.partition("=")
    return (bool(separator) and (name[:2] == "--" or name in _LONG_WITH_ONE_HYPHEN)) or (
        len(word) > 2 and word[:2] in ("-D", "-X", "-W", "-I")
    )


def _is_module(word: str) -> bool:
    return is_name(word) and all(part[:1] in LETTERS | {"_"} for part in word.split("."))


def _is_script(interpreter: Interpreter, word: str) -> bool:
    return is_absolute_path(word) or (is_path(word) and word.endswith(interpreter.ends))


def _is_class(interpreter: Interpreter, word: str) -> bool:
    """The main class of a Java program, within a package."""
    return bool(interpreter.script) and word.count(".") > 1 and _is_module(word)


def _arguments(words: Sequence[str]) -> Iterator[str]:
    at = 0
    while at < len(words):
        word = words[at]
        following = words[at + 1] if at + 1 < len(words) else ""
        at += 1
        if word == "--":  # behind it there are no options
            yield from (word, *([OMITTED] if following else ()))
            return
        if word.startswith("-"):
            yield _option(word)
            harmless = _HARMLESS.get(word[2:]) if word.startswith("--") else None
            if harmless is not None and harmless(following):
                yield following
                at += 1
        else:
            yield kept_url(word) or (word if is_unit(word) else OMITTED)


def _option(word: str) -> str:
    """The name of an option, and its value if that is in the same word and harmless."""
    name, separator, value = word.partition("=")
    if name.startswith("--") and len(name) > 2:
        if not is_option_name(name[2:]):
            return f"--{OMITTED}" + (f"={OMITTED}" if separator else "")
        harmless = _HARMLESS.get(name[2:])
        return name + separator + ("" if not separator else value if harmless and harmless(value) else OMITTED)
    if name in _LONG_WITH_ONE_HYPHEN:
        return name + (f"={OMITTED}" if separator else "")
    if len(word) < 3:
        return word if word[1:] in LETTERS | DIGITS | {"", "-"} else f"-{OMITTED}"
    return f"{word[:2]}{OMITTED}" if word[1] in LETTERS else f"-{OMITTED}"
