"""Directories that Python code adds to where the interpreter looks for modules, by its text.

Such code puts a directory together of texts, of variables and of the place of its own file: by os.path.join, pathlib or "+", in a
list of several lines, in a loop over names. What is put together of these is followed; what only running tells is not.
Source: documentation of sys.path, site.addsitedir, os.path and pathlib.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import field

from imds_probe.dataclass import dataclass

HERE = "{here}"  # the directory of the file itself
VARIABLE = (
    "{variable}"  # before the name of a variable of the environment, which lists directories, and what stands for it
)
ELSEWHERE = "{elsewhere}"  # a directory that only running tells
ADDED_MAX, EXPRESSION_MAX = 100, 4000  # of one file, and characters of one
GIVEN_MAX, TIMES_MAX = 2000, 3  # variables that are looked at, and how often each is given a value
DEPTH_MAX, WAYS_MAX, VARIABLES_MAX = 3, 8, 20  # variables given others; what an expression may come to, and have
_ADDED = re.compile(
    rb"\bsys\.path(?:\.(?:insert|append|extend)[ \t]{0,20}(\()|[ \t]{0,20}(?:\[[^\]\n]{0,20}\])?[ \t]{0,20}\+?=(?!=))"
)
_SITE = re.compile(rb"\baddsitedir[ \t]{0,20}(\()")
_GIVEN = re.compile(
    rb"^[ \t]{0,60}+(?:for[ \t]{1,10}+)?([A-Za-z_]\w{0,60}+)[ \t]{0,20}+(?::[ \t]{0,5}+[\w.]{1,60}+[ \t]{0,20}+)?(=(?!=)|in\b)",
    re.MULTILINE,
)
_LITERAL = rb"[rbuRBUfF]{0,2}(?:\"[^\"\n]{0,400}\"|'[^'\n]{0,400}')"
_SIGN = re.compile(_LITERAL + rb"|#[^\n]{0,400}|[A-Za-z_]\w{0,60}|[()\[\]{},;\n]|\\\n")
_WITHIN = re.compile(r"\{(\w{1,60})\}")
# The value of a variable by itself; a part of a path, which only running tells; and what changes nothing.
_TAKEN = re.compile(
    rb"\A(?:os\.)?(?:environ(?:\.get)?|getenv)[ \t]{0,5}[\[(][ \t]{0,5}[\"']([A-Za-z_]\w{0,60})[\"'][^+%]{0,100}\Z"
)
_OF_SETTINGS = re.compile(rb"[\w)\]]\.get[ \t]{0,5}\(")
_NOT_KNOWN = re.compile(rb"[A-Za-z_]\w{0,60}[ \t]{0,5}(?:[.(\[]|\Z)")
_OF_PATH = re.compile(rb"\bsys\.path\b|\bgetcwd\b|\bcurdir\b|\A(?:str|list)?\(?\d|\A\d")
# Where the program was started, which other paths than full ones are meant from, too.
_STARTED_IN = re.compile(rb"\bgetcwdu?[ \t]{0,5}\(|\bos\.curdir\b|\b(?:Path\.cwd|Path)[ \t]{0,5}\([ \t]{0,5}\)")
_UP = re.compile(rb"\bdirname\b|\.split\(|\.parents\[(\d)\]|\.parent\b")
# A text or a comment. One that has no end goes to the end of the line, or of the file.
ASIDE = re.compile(
    rb'"""(?:[^\\"]++|\\.|"(?!""))*+(?:"""|\Z)|'
    rb"'''(?:[^\\']++|\\.|'(?!''))*+(?:'''|\Z)|"
    rb'"(?:[^\\"\n]++|\\.)*+"?|' + rb"'(?:[^\\'\n]++|\\.)*+'?|#[^\n]*+",
    re.DOTALL,
)
_OPENS, _CLOSES = (b"(", b"[", b"{"), (b")", b"]", b"}")
# The file that runs, or the script that was started.
_OWN_FILE, _OWN_PLACE = (b"__file__", b"sys.argv[0]"), b"sys.path[0]"


def places_in(text: bytes) -> Iterator[str]:
    """Directories that the text of a module adds: full paths, or from its own (HERE) or the working directory on."""
    code = Module(text)
    unknown = False
    for word, pattern in ((b"sys.path", _ADDED), (b"addsitedir", _SITE)):
        for number, match in enumerate(pattern.finditer(text) if word in text else ()):
            if number >= ADDED_MAX:
                break
            if b"#" in text[text.rfind(b"\n", 0, match.start()) + 1 : match.start()]:
                continue
            for each in code.ways(code.expression(match.end(), opened=match[1] is not None)):
                for element in elements(each):
                    place = code.place(element)
                    if place is not None:
                        yield place
                    elif word == b"sys.path" and _NOT_KNOWN.search(element) and not _OF_PATH.search(element):
                        unknown = True
    if unknown:
        yield ELSEWHERE


@dataclass
class Module:
    """The text of a module, whose expressions are followed. `_given` are the places where its variables get their values, once that
    was asked for, and `_known` these values, by how deep in others they stand.
    """

    text: bytes
    given: re.Pattern[bytes] = _GIVEN
    _given: dict[bytes, list[tuple[int, bool]]] | None = None
    _known: dict[tuple[bytes, int], list[bytes]] = field(default_factory=dict)

    def expression(self, at: int, *, opened: bool) -> bytes:
        """What stands from here to the end of the statement, or of the bracket that was opened before: in one line."""
        depth, pieces, begin = int(opened), [], at
        end = min(len(self.text), at + EXPRESSION_MAX)
        for match in _SIGN.finditer(self.text, at, end):
            sign = match[0]
            if sign in (b"\n", b"\\\n") or sign.startswith(b"#"):
                pieces.append(self.text[begin : match.start()])
                begin = match.end()
            depth += (sign in _OPENS) - (sign in _CLOSES)
            if (depth <= 0 and sign in (b"\n", b";")) or depth < 0 or (opened and depth == 0):
                end = match.start()
                break
        return b" ".join([*pieces, self.text[begin:end] if begin < end else b""]).strip()

    def ways(self, expression: bytes, depth: int = 0) -> list[bytes]:
        """The same with the values of the variables in it: several, where a variable may have several."""
        found, at = [b""], 0
        for match in self._variables(expression):
            values = self._values(match[0], depth)
            if values:
                before = expression[at : match.start()]
                found = [each + before + value for each in found for value in values if len(each) <= EXPRESSION_MAX][
                    :WAYS_MAX
                ]
                at = match.end()
        return [each + expression[at:] for each in found]

    def _variables(self, expression: bytes) -> list[re.Match[bytes]]:
        given = self._where_given()
        names = (
            match for match in _SIGN.finditer(expression) if match[0] in given and not _is_of_other(expression, match)
        )
        return list(itertools.islice(names, VARIABLES_MAX))

    def _values(self, name: bytes, depth: int) -> list[bytes]:
        if depth >= DEPTH_MAX:
            return []
        if (name, depth) not in self._known:
            values: list[bytes] = []
            for at, in_loop in self._where_given().get(name, ()):
                expression = self.expression(at, opened=False)
                for each in self.ways(expression.removesuffix(b":") if in_loop else expression, depth + 1):
                    values += elements(each) if in_loop else [each]
            self._known[name, depth] = values[:WAYS_MAX]
        return self._known[name, depth]

    def _where_given(self) -> dict[bytes, list[tuple[int, bool]]]:
        if self._given is None:
            self._given = {}
            for match in self.given.finditer(self.text):
                times = self._given.setdefault(match[1], [])
                if len(times) < TIMES_MAX and len(self._given) <= GIVEN_MAX:
                    times.append((match.end(), match[2] == b"in"))
        return self._given

    def place(self, element: bytes) -> str | None:
        """The directory that an expression comes to; None where only running tells."""
        texts = [self.text_of(match[0]) for match in _SIGN.finditer(element) if match[0][-1:] in (b'"', b"'")]
        from_script = _OWN_PLACE in element
        if from_script or any(word in element for word in _OWN_FILE):
            steps = sum(1 + int(match[1] or 0) for match in _UP.finditer(element)) - (not from_script)
            above = (
                ["_"] if steps < 0 else [".."] * steps
            )  # of no directory but the file: "..", behind it, is the directory
            above += [".."] * element.count(b"os.pardir")
            return "/".join([HERE, *above, *(text.strip("/") for text in texts if text not in (".", ""))])
        if b"environ" in element or b"getenv" in element:
            if (variable := _TAKEN.search(element)) is not None:
                default = next((text for text in texts if text.startswith("/")), "")
                return f"{VARIABLE}{variable[1].decode()}|{default}"
            texts = [text for text in texts if text.startswith("/")][:1]
        elif _OF_SETTINGS.search(element):
            return None
        elif _STARTED_IN.search(element):
            above = [".."] * (len(_UP.findall(element)) + element.count(b"os.pardir"))
            return "/".join([".", *above, *(text.strip("/") for text in texts if text not in (".", ""))])
        if texts == [""]:
            return "."
        if not texts:
            return None
        joined = (
            "/".join([texts[0].rstrip("/"), *(text.strip("/") for text in texts[1:])]) if len(texts) > 1 else texts[0]
        )
        return joined if "/" in joined or element.lstrip(b"( ")[:1] in (b'"', b"'") else None

    def text_of(self, quoted: bytes) -> str:
        """The content of a text; variables in one of Python's own formatted ones are put in as far as they are texts."""
        prefix, _, rest = quoted.partition(quoted[-1:])
        text = rest[:-1].decode("utf-8", "replace")
        if b"f" not in prefix.lower():
            return text
        return _WITHIN.sub(lambda match: self._as_text(match[1]) or match[0], text)

    def _as_text(self, name: str) -> str:
        values = self._values(name.encode(), 1)
        return (self.place(values[0]) or "") if values else ""


def _is_of_other(expression: bytes, match: re.Match[bytes]) -> bool:
    """Whether a name is an attribute, a function that is called or an argument by name."""
    before, behind = expression[max(0, match.start() - 1) : match.start()], expression[match.end() : match.end() + 1]
    return before == b"." or behind in (b"(", b"=")


def elements(expression: bytes) -> list[bytes]:
    """The elements of lists and tuples, however they stand in each other; the arguments of a function stay together."""
    found: list[bytes] = []
    within: list[bool] = []  # for each bracket that is open, whether it is a function's
    begin = 0
    for match in _SIGN.finditer(expression):
        sign = match[0]
        if sign in _OPENS:
            before = expression[: match.start()].rstrip()[-1:]
            is_call = before.isalnum() or before in (b"_", b")", b"]")
            if not any(within) and not is_call:
                found.append(expression[begin : match.start()])
                begin = match.end()
            within.append(is_call)
        elif sign in _CLOSES:
            is_call = within.pop() if within else False
            if not any(within) and not is_call:
                found.append(expression[begin : match.start()])
                begin = match.end()
        elif sign == b"," and not any(within):
            found.append(expression[begin : match.start()])
            begin = match.end()
    found.append(expression[begin:])
    return [each for each in (part.strip() for part in found) if each]
