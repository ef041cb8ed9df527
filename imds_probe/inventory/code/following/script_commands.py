"""Other programs that Perl, Ruby, PHP and Node start, by the text of who starts them, as far as it stands there.

Source: perldoc perlfunc (system, exec, open) and perlop (qx); Ruby's Kernel, IO, Open3 and Process, and Rake's sh; PHP's manual,
program execution, and Symfony's Process; Node's documentation, child_process.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.following.command_words import CALLS_MAX, UNKNOWN, WORDS_MAX, commands_of
from imds_probe.inventory.code.following.python_places import HERE, Module, elements


@dataclass(frozen=True)
class Starting:
    """How one language starts programs. `calls` end where the arguments begin, behind a bracket or without one; `texts` have what a
    shell is given in one of their groups. One of `words` stands in each text that does either.
    """

    calls: re.Pattern[bytes]
    texts: re.Pattern[bytes]
    words: tuple[bytes, ...]


# A text in quotes, which is passed over, or what stands in backquotes.
_QUOTES = rb"\"(?:[^\"\\\n]|\\.){0,400}\"|'(?:[^'\\\n]|\\.){0,400}'|(?<![\w\\$.)\]])`([^`\n]{1,400})`"
PERL = Starting(
    re.compile(
        rb"(?<![\w$@%&>:-])(?:(?:CORE::)?(?:system|exec)|systemx|capturex?|run3?|open3|"
        rb"open[ \t]{0,9}\(?[^,;\n]{1,60},[ \t]{0,9}[\"'](?:-\||\|-)[\"'][ \t]{0,9},)(?!\w)[ \t]{0,9}(\()?"
    ),
    re.compile(
        rb"\bqx[ \t]{0,9}(?:\{([^}]{1,400})\}|\(([^)]{1,400})\)|/([^/]{1,400})/|\[([^\]]{1,400})\]|'([^']{1,400})')|"
        rb"\bopen[ \t]{0,9}\(?[^,;\n]{1,60},[ \t]{0,9}\"[ \t]{0,9}"
        rb"(?:\|[ \t]{0,9}([^-\"\n][^\"\n]{0,400})\"|([^-|\"\n][^|\"\n]{0,400})\|[ \t]{0,9}\")|" + _QUOTES
    ),
    (b"system", b"exec", b"`", b"qx", b"open", b"capture", b"run"),
)
RUBY = Starting(
    re.compile(
        rb"(?<![\w$@:.])(?:(?:Kernel|Process|IO|PTY|Open3)(?:\.|::))?"
        rb"(?:system|exec|spawn|popen[23]?e?|capture[23]e?|pipeline\w{0,6}|sh(?=[ \t]{0,9}[(\"'%\[]))(?!\w)[ \t]{0,9}(\()?"
    ),
    re.compile(
        rb"%x(?:\{([^}]{1,400})\}|\(([^)]{1,400})\)|\[([^\]]{1,400})\]|\|([^|]{1,400})\||/([^/]{1,400})/|!([^!]{1,400})!)|"
        + _QUOTES
    ),
    (b"system", b"exec", b"spawn", b"popen", b"capture", b"`", b"%x", b"pipeline", b"sh ", b"sh("),
)
PHP = Starting(
    re.compile(
        rb"(?<![\w$>:])\\?(?:(?:shell_exec|exec|system|passthru|proc_open|popen|pcntl_exec)|"
        rb"new[ \t]{1,9}\\?(?:\w{1,60}\\){0,6}Process|(?:\w{1,60}\\){0,6}Process::(?:run|start|fromShellCommandline))"
        rb"[ \t]{0,9}(\()"
    ),
    re.compile(_QUOTES),
    (b"exec", b"system", b"passthru", b"popen", b"proc_open", b"Process", b"`"),
)
NODE = Starting(
    re.compile(rb"(?<![\w$])(?:[\w$]{1,60}\.)?(?:exec|spawn)\w{0,20}[ \t]{0,9}(\()"),
    re.compile(rb"(?<![\w$])\$`([^`]{1,400})`"),
    (b"child_process", b"shelljs", b"execa", b"zx", b"Bun.", b"cross-spawn"),
)
DEPTH_MAX = 3  # of values within others
_SET_TO = re.compile(
    rb"(?:^|[;{}]|<\?php)[ \t]{0,60}+(?:(?:my|our|local|const|let|var|static|private|public|final|export)[ \t]{1,9}+){0,3}+"
    rb"[$@]?([A-Za-z_]\w{0,60}+)[ \t]{0,20}+(?:\|\||//|\?\?)?(=(?![=~>]))",
    re.MULTILINE,
)
_QUOTED_TEXT = re.compile(rb"\"[^\"\n]{0,400}\"|'[^'\n]{0,400}'")
_TEMPLATE_TEXT = re.compile(rb"`([^`\"\n]{0,400})`")
_WORD_LIST = re.compile(rb"(?:\bqw|%w)[ \t]{0,9}[(\[{/<]([^)\]}/>]{0,400})[)\]}/>]")
# The file itself, its directory, and other values within a text.
_THIS_FILE = re.compile(rb"__FILE__|__filename|\bimport\.meta\.(?:filename|url)|\$0(?!\w)|\bPROGRAM_NAME\b")
_THIS_PLACE = re.compile(
    rb"__DIR__|__dir__|__dirname|\bimport\.meta\.dirname|\b(?:FindBin::)?(?:Real)?Bin\b|__FILE__|__filename|"
    rb"\bimport\.meta\.(?:filename|url)|\$0(?!\w)|\bPROGRAM_NAME\b"
)
_STEP_UP = re.compile(rb"\bdirname[ \t]{0,9}\(|\.dirname\b|\.parent\b")
_VALUE_WITHIN = re.compile(r"#\{([^{}]{1,100})\}|\$\{([^{}]{1,100})\}|\{\$([^{}]{1,100})\}|\$([A-Za-z_][\w:]{0,60})")
_ONE_NAME = re.compile(rb"[$@]{0,2}([A-Za-z_]\w{0,60})")
_EACH_NAME = re.compile(rb"[A-Za-z_]\w{0,60}")
# With these alone a path is put together whose every part is known.
_OF_PATHS = frozenset(
    b"File Pathname path join resolve expand_path dirname realpath absolute_path abs_path fileURLToPath normalize to_s new "
    b"escapeshellcmd escapeshellarg rel2abs catfile Spec Basename __DIR__ __dir__ __dirname __FILE__ __filename import meta "
    b"url filename FindBin Bin RealBin PROGRAM_NAME quotemeta".split()
)


def commands_in(text: bytes, starting: Starting) -> Iterator[tuple[str, ...]]:
    """The command lines that stand there, each a program with its arguments. Comments are out of the text already."""
    if not any(word in text for word in starting.words):
        return
    module = Module(text, _SET_TO)
    for given in itertools.islice(_of_shells(text, starting), CALLS_MAX):
        yield from commands_of([_filled(given.decode("utf-8", "replace"), module)])
    for match in itertools.islice(starting.calls.finditer(text), CALLS_MAX):
        expression = module.expression(match.end(), opened=match[1] is not None)
        for each in module.ways(_TEMPLATE_TEXT.sub(rb'"\1"', expression)):
            yield from commands_of(_words(elements(_WORD_LIST.sub(_as_list, each)), module))


def _of_shells(text: bytes, starting: Starting) -> Iterator[bytes]:
    for match in starting.texts.finditer(text):
        yield from (group for group in match.groups() if group is not None)


def _as_list(match: re.Match[bytes]) -> bytes:
    return b", ".join(b"'%b'" % word for word in match[1].replace(b"'", b"").split())


def _words(parts: list[bytes], module: Module) -> list[str]:
    """What stands at the beginning. One that is not known ends what is known; variables of its environment may come before."""
    found: list[str] = []
    for part in parts[:WORDS_MAX]:
        if not found and (b"=>" in part or (part[:1] in b"{\\" and not _QUOTED_TEXT.match(part))):
            continue
        word = _word(part.lstrip(b"$@\\ "), module)
        if word is None:
            break
        found.append(word)
    return found


def _word(part: bytes, module: Module, depth: int = 0) -> str | None:
    begins = _QUOTED_TEXT.match(part)
    if begins is not None and begins.end() == len(part):
        return _text(part, module, depth)
    bare = _QUOTED_TEXT.sub(b"", part)
    if _OF_PATHS.issuperset(_EACH_NAME.findall(bare)) and (_THIS_PLACE.search(bare) or _EACH_NAME.search(bare)):
        texts = [_text(match[0], module, depth) for match in _QUOTED_TEXT.finditer(part)]
        if not _THIS_PLACE.search(bare):
            return "/".join([texts[0].rstrip("/"), *(text.strip("/") for text in texts[1:])]) if texts else None
        steps = len(_STEP_UP.findall(bare)) - (_THIS_FILE.search(bare) is not None)
        # Seen from a file, ".." is its directory.
        if steps < 0 and texts:
            texts[0] = texts[0].removeprefix("../") if texts[0].startswith("../") else texts[0].removeprefix("..")
        return "/".join([HERE, *[".."] * steps, *(text.strip("/") for text in texts if text not in (".", ""))])
    if begins is None:
        return None
    glued = part[begins.end() :].lstrip().startswith((b"+", b".", b"%", b"<<"))
    return _text(begins[0], module, depth) + (UNKNOWN if glued else "")


def _text(quoted: bytes, module: Module, depth: int) -> str:
    """The content of a text, with values in it as far as they are known."""
    text = quoted[1:-1].decode("utf-8", "replace")
    return _filled(text, module, depth) if quoted[:1] == b'"' else text


def _filled(text: str, module: Module, depth: int = 0) -> str:
    def value(match: re.Match[str]) -> str:
        expression = next(group for group in match.groups() if group is not None).encode("utf-8", "replace")
        if depth >= DEPTH_MAX:
            return UNKNOWN
        named = _ONE_NAME.fullmatch(expression)
        way = expression if named is None or _THIS_PLACE.search(expression) else module.ways(named[1])[0].lstrip(b"$@ ")
        word = _word(way, module, depth + 1) if named is None or way != named[1] or _THIS_PLACE.search(way) else None
        return UNKNOWN if word is None else word

    return _VALUE_WITHIN.sub(value, text)
