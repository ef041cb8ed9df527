"""Code in a shell script that the script's shell does not run: of other languages, in base64, on another host.

Code of another language is an argument (python3 -c), a here-document or here-string that an interpreter reads, what is piped
into one, or a here-document that is written to a file whose name or first line tells the language. By ssh, another host runs
what follows. What the shell itself puts in, by "$(...)", is run here in any case.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.environment import naming, with_values
from imds_probe.inventory.code.following.arguments import NODE, PERL, PHP, PYTHON, RUBY, Options, read
from imds_probe.inventory.code.forms import context, node, perl, php, python, ruby
from imds_probe.inventory.code.forms.command_place import is_command
from imds_probe.inventory.code.forms.encoded import decoded
from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.forms.shell_documents import Document, documents_of
from imds_probe.inventory.code.forms.shell_variables import Variables
from imds_probe.inventory.code.forms.shell_words import KEPT, Word, Words, words_at
from imds_probe.inventory.code.speaks import Hit
from imds_probe.inventory.code.words import search_bytes

PARTS_MAX, CALLED_MAX = 60, 200  # in one script
VALUES_MAX = 200  # variables that are put into one piece of code
BEFORE_MAX = 4000  # characters before an interpreter in which what is piped into it stands
PIPED_MAX = 5  # commands before it that are looked at
SHELL = "shell"
FORMS: Mapping[str, Form] = {form.name: form for form in (python.FORM, perl.FORM, ruby.FORM, node.FORM, php.FORM)}
MAY_HAVE_ANY = re.compile(r"(?i:python|pypy|perl|ruby|node|php)|\b(?:ssh|SSH)\b|\.(?:py|pl|rb|js)\b|base64")
_INTERPRETER_CALLED = re.compile(
    r"(?<![\w./-])(?:[\w./~-]{0,100}/)?(python|pypy|perl|ruby|node|nodejs|php|ssh|base64|openssl)(?:\d[\d.]{0,6})?"
    r"(?=[ \t<>|\\)]|$)",
    re.MULTILINE,
)
# A variable in a program's place, and what it is where it is not set.
_VARIABLE_CALLED = re.compile(
    r"(?:^|[;&|({`!]|\b(?:then|do|else|if|while|exec|sudo|nohup)(?=[ \t]))[ \t]{0,80}"
    r"(?:[A-Za-z_]\w{0,60}=[^\s\"']{0,200}[ \t]{1,20}){0,3}\"?\$(?:([A-Za-z_]\w{0,60})|"
    r"\{([A-Za-z_]\w{0,60})(?::?[-=]\"?([\w./-]{1,100})\"?)?\})([\w./-]{0,60})\"?(?=[ \t])",
    re.MULTILINE,
)
_SSH = Options(values=tuple(f"-{letter}" for letter in "BbcDEeFIiJLlmOopQRSWw"))
_LANGUAGES: Mapping[str, tuple[str, Options]] = {
    **dict.fromkeys(("python", "pypy"), ("python", PYTHON)),
    **{"perl": ("perl", PERL), "ruby": ("ruby", RUBY), "php": ("php", PHP)},
    **dict.fromkeys(("node", "nodejs"), ("node", NODE)),
}
_INTERPRETER_NAMED = re.compile(
    r"(?:^|[/ _(])(python|pypy|perl|ruby|nodejs|node|php|ssh)[\d.]{0,6}(?:_?(?:bin|cmd|exe|path|executable))?(?=[\s)|;\"']|\Z)"
)
_FROM_INPUT = ("", "-", "/dev/stdin", "/dev/fd/0")
_OWN_HOST = re.compile(r"(?:[^@\s]{1,60}@)?(?:localhost|127\.[\d.]{1,12}|\[?::1\]?)")
_HOST_NAME = re.compile(r"\$\{?HOSTNAME\b|[$`]\(?[ \t]{0,5}hostname|[$`]\(")
_SET_TO_OWN = re.compile(
    r"\b([A-Za-z_]\w{0,60})=\"?(?:\$\(|`)[^\n]{0,300}?\b(?:hostname|hostnamectl|uname|ifconfig|local-ipv4|public-ipv4"
    r"|ip[ \t]{1,5}(?:-[\w]{1,10}[ \t]{1,5}){0,4}[ar])"
)
_RUN_BY_SHELL = re.compile(r"(?<![\\\0])(?:\$\((?:[^()\n]|\([^()\n]{0,200}\)){0,1000}\)|`[^`\n]{1,1000}`)")
_PIPE_BEFORE = re.compile(r"\|[ \t\\\n]{0,40}(?:[\w./=-]{1,60}[ \t]{1,5}){0,6}\Z")
_SAYS_OR_CATS = re.compile(r"(?:^|[;&|({`])[ \t]{0,80}(?:echo|printf|cat)(?=[ \t])", re.MULTILINE)
_PIPED_INTO = re.compile(
    r"[ \t]{0,20}\|[ \t\\\n]{0,40}(?:[\w./=-]{1,60}[ \t]{1,5}){0,6}?(?:[\w./~-]{0,100}/)?"
    r"(python|pypy|perl|ruby|node|nodejs|php|ssh|(?:ba|da|k|z)?sh)(?:\d[\d.]{0,6})?(?=[\s;|&)\"'`]|\Z)"
)
_FIRST_LINE_OF = re.compile(r"\s{0,20}#![^\n]{0,100}?\b(python|pypy|perl|ruby|node|nodejs|php)[\d.]{0,6}\b")
_SHELL_PUTS_IN = re.compile(r"(?<!\0)\$(?:\{([A-Za-z_]\w{0,60})\}|([A-Za-z_]\w{0,60}))")
_ONE_LINE = re.compile(r"[\x20-\x7e]{1,2000}\s{0,5}")
_ARGUMENT_TAKEN = re.compile(r"(?:\bsys\.argv|\bprocess\.argv|\$?\bARGV)\[(\d)\]")
_PLAIN_ARGUMENT = re.compile(r"[\w:/.@%?=&+,~-]{1,2000}")
_TEXT_IN_CODE = re.compile(r"\"[^\"\n]{0,2000}\"|'[^'\n]{0,2000}'")
_COMMENT_IN_CODE = re.compile(r"^[ \t]{0,40}(?:#|//)[^\n]{0,2000}", re.MULTILINE)
# A call with brackets, and two words beside one another that do not begin what is given a name: a call without, or an order.
_CALLS = re.compile(
    r"[()`]|(?:^|[^\w.])(?!(?:const|let|var|export|default|my|our|frozen)\b)[\w.]{1,100}[!?]?[ \t]{1,20}[\w\"'$@:]",
    re.MULTILINE,
)
_NO_LINE_END = re.compile(r"[^\n]")


@dataclass(frozen=True)
class Part:
    """One piece, from `begin` to `end`. `language` is the name of a form, empty where another host runs it. Where it is `open`, the
    shell puts in what has a "$" before it; `content` is the code but for that. `instead` stands in its place for the shell.
    `arguments` are what the code is given. Where it is `written`, it goes into a file.
    """

    begin: int
    end: int
    language: str = ""
    content: str = ""
    open: bool = False
    instead: str = ""
    arguments: tuple[str, ...] = ()
    written: bool = False


def parts_of(text: str, shown: str, value: Callable[[str], str]) -> list[Part]:
    """The pieces of a script in their order. `shown` is as long, with blanks for comments and what is only printed. `value` is what
    a variable is set to.
    """
    looking = _Looking(text, shown, value)
    found: list[Part] = []
    for match in itertools.islice(_INTERPRETER_CALLED.finditer(shown), CALLED_MAX):
        inside = any(part.begin <= match.start() < part.end for part in found)
        if len(found) < PARTS_MAX and not inside and is_command(shown, match):
            found += looking.called(match)
    for match in itertools.islice(_VARIABLE_CALLED.finditer(shown), CALLED_MAX):
        inside = any(part.begin <= match.start() < part.end for part in found)
        if len(found) < PARTS_MAX and not inside:
            known = {part.begin for part in found}
            found += (part for part in looking.called_by_variable(match) if part.begin not in known)
    for document in looking.documents.values():
        inside = any(part.begin <= document.begin < part.end for part in found)
        language = "" if inside else _language(document.content, document.file)
        if language and len(found) < PARTS_MAX:
            found.append(Part(document.begin, document.end, language, document.content, document.open, written=True))
    return sorted(found, key=lambda part: part.begin)


def _language(content: str, file: str) -> str:
    """The language of what is written to a file; empty of a shell script, and of what is no code."""
    first = _FIRST_LINE_OF.match(content)
    if first is not None:
        return _LANGUAGES[first[1]][0]
    end = f".{file.rpartition('/')[2].rpartition('.')[2]}"
    return "" if content.startswith("#!") else next((name for name, form in FORMS.items() if end in form.ends), "")


class _Looking:
    def __init__(self, text: str, shown: str, value: Callable[[str], str]) -> None:
        self._shown, self._value = shown, value
        self.documents = documents_of(text, shown)

    def called(self, match: re.Match[str]) -> Iterator[Part]:
        """The pieces that are given to what is called there."""
        words = words_at(self._shown, match.end())
        if match[1] == "ssh":
            yield from self._on_other_host(words)
        elif match[1] in ("base64", "openssl"):
            yield from self._decoded(match, words)
        else:
            yield from self._interpreted(match.start(), match[1], words)

    def called_by_variable(self, match: re.Match[str]) -> Iterator[Part]:
        """The same where the program's name is in a variable; of one that is set elsewhere by the name of the variable."""
        variable = match[1] or match[2]
        held = _INTERPRETER_NAMED.search(f"{self._value(variable) or match[3] or variable.lower()}{match[4]}")
        if held is not None and held[1] == "ssh":
            yield from self._on_other_host(words_at(self._shown, match.end()))
        elif held is not None:
            yield from self._interpreted(match.start(), held[1], words_at(self._shown, match.end()))

    def _on_other_host(self, called: Words) -> Iterator[Part]:
        given = read(["ssh", *(word.text for word in called.words)], _SSH)
        host = _SHELL_PUTS_IN.sub(functools.partial(_put_in, value=self._value), given.script)
        if not host or _OWN_HOST.fullmatch(host) or _HOST_NAME.search(host) or self._is_of_this_host(host):
            return
        for word in called.words[len(called.words) - len(given.rest) :] if given.rest else ():
            yield Part(word.begin, word.end, open=not word.plain)
        for each in self._fed_documents(called):
            yield Part(each.begin, each.end, open=each.open)

    def _is_of_this_host(self, name: str) -> bool:
        """Whether a variable in it is set to what a command says of this host's own name or address."""
        used = {match[1] or match[2] for match in _SHELL_PUTS_IN.finditer(name)}
        return bool(used) and any(match[1] in used for match in _SET_TO_OWN.finditer(self._shown))

    def _interpreted(self, at: int, name: str, called: Words) -> Iterator[Part]:
        language, options = _LANGUAGES[name]
        given = read([name, *(word.text for word in called.words)], options)
        words = [called.words[at - 1] for at in given.texts_at if 0 < at <= len(called.words)]
        if given.text is not None:
            if words:
                is_open = not all(word.plain for word in words)
                yield Part(words[0].begin, words[-1].end, language, given.text, is_open, arguments=given.rest)
        elif given.module is None and given.script in _FROM_INPUT:
            for each in self._input(at, called):
                yield replace(each, language=language, arguments=given.rest)

    def _decoded(self, match: re.Match[str], called: Words) -> Iterator[Part]:
        options = {word.text for word in called.words}
        if match[1] == "openssl" and not options & {"base64", "-base64", "-a"}:
            return
        if not options & {"-d", "-D", "--decode", "-di", "-id"}:
            return
        into = _PIPED_INTO.match(self._shown, called.end)
        for each in self._input(match.start(), called):
            content = decoded(code_of(each, self._value))
            if content is None or (into is not None and into[1] == "ssh"):
                continue
            language = _LANGUAGES[into[1]][0] if into is not None and into[1] in _LANGUAGES else ""
            language = language or _language(content, "")
            if into is None and not language and _ONE_LINE.fullmatch(content):
                yield Part(each.begin, each.end, instead=content.strip())
            else:
                yield Part(each.begin, each.end, language or SHELL, content)

    def _input(self, at: int, called: Words) -> Iterator[Part]:
        """What a command that is called there reads, as far as it stands in the script."""
        fed = self._fed_documents(called)
        if fed:
            yield Part(fed[-1].begin, fed[-1].end, "", fed[-1].content, fed[-1].open)
        elif called.fed is not None:
            yield _of_words([called.fed])
        elif not called.input:
            yield from self._piped(at)

    def _piped(self, at: int) -> Iterator[Part]:
        since = max(0, at - BEFORE_MAX)
        pipe = _PIPE_BEFORE.search(self._shown[since:at])
        if pipe is None:
            return
        end = since + pipe.start()
        for match in list(_SAYS_OR_CATS.finditer(self._shown, since, end))[-PIPED_MAX:]:
            called = words_at(self._shown, match.end())
            if self._shown[called.end : end].strip() or called.end > end:
                continue
            words = [word for word in called.words if not (word.text.startswith("-") and len(word.text) < 4)]
            if match[0].endswith("cat"):
                fed = self._fed_documents(called)
                yield from (Part(each.begin, each.end, "", each.content, each.open) for each in fed)
            elif words:
                yield _of_words(words)
            return

    def _fed_documents(self, called: Words) -> list[Document]:
        return [self.documents[sign] for sign in called.documents if sign in self.documents]


def _of_words(words: list[Word]) -> Part:
    text = " ".join(word.text for word in words)
    return Part(words[0].begin, words[-1].end, "", text, not all(word.plain for word in words))


def without(text: str, parts: list[Part]) -> str:
    """The script with as many lines as it had, and blanks for the pieces but for what the shell itself runs in them."""
    pieces, last = [], 0
    for part in parts:
        if part.begin < last:
            continue
        pieces += [text[last : part.begin], part.instead]
        at = part.begin
        for run in _RUN_BY_SHELL.finditer(text, part.begin, part.end) if part.open else ():
            pieces += [_NO_LINE_END.sub(" ", text[at : run.start()]), run[0]]
            at = run.end()
        pieces.append(_NO_LINE_END.sub(" ", text[at : part.end]))
        last = part.end
    return "".join((*pieces, text[last:]))


def judged_parts(text: str, parts: list[Part], variables: Variables, judge_shell: Callable[[str], Judged]) -> Judged:
    """What the pieces of a script say together, each in its own language."""
    together = Judged()
    named = naming({name: variables.value(name) for name in variables.set}) if parts else {}
    for part in parts:
        judge = FORMS[part.language].text if part.language in FORMS else judge_shell if part.language else None
        said = Judged()
        if judge is not None and not (part.written and _is_of_constants(part.content)):
            said = judge(with_values(code_of(part, variables.value), named, part.language))
        lines = text.count("\n", 0, part.begin)
        hits = [replace(hit, line=hit.line + lines if hit.line else None) for hit in said.hits]
        if not hits and not part.instead:
            piece = text[part.begin : part.end]
            words = (each for each in search_bytes(piece.encode("latin-1")) if context.stands_alone(each))
            hits = [Hit(lines + 1 + piece.count("\n", 0, each.at), each.word, each.kind, said=True) for each in words]
        together = Judged((*together.hits, *hits), together.evidence | said.evidence)
    return together


def _is_of_constants(content: str) -> bool:
    """Whether code only gives names to values: nothing in it asks. What asks with these is code of its own, and read as such."""
    plain = _TEXT_IN_CODE.sub('""', _COMMENT_IN_CODE.sub("", content))
    return _CALLS.search(plain) is None and "#{" not in content


def code_of(part: Part, value: Callable[[str], str]) -> str:
    """The code with what the shell's variables hold, and with its arguments, as far as these are known."""
    put_in = functools.partial(_put_in, value=value)
    content = part.content
    if part.open:
        content = _SHELL_PUTS_IN.sub(put_in, _RUN_BY_SHELL.sub(" ", content), VALUES_MAX).replace(KEPT, "")
    if not part.arguments:
        return content
    arguments = [_SHELL_PUTS_IN.sub(put_in, each) for each in part.arguments]
    first = 0 if part.language in ("perl", "ruby") else 1

    def argument(match: re.Match[str]) -> str:
        at = int(match[1]) - first
        known = 0 <= at < len(arguments) and _PLAIN_ARGUMENT.fullmatch(arguments[at]) is not None
        return f'"{arguments[at]}"' if known else match[0]

    return _ARGUMENT_TAKEN.sub(argument, content, VALUES_MAX)


def _put_in(match: re.Match[str], value: Callable[[str], str]) -> str:
    return value(match[1] or match[2]) or match[0]
