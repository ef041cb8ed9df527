"""Read the configuration language of HashiCorp's programs, and that of Grafana Alloy, which is written alike: blocks with
labels, and attributes. Expressions are not evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# What is left open ends with its line or with the text, so that nothing is looked at twice.
_HCL_TOKEN = re.compile(
    r'(?P<blank>[ \t\r]+|(?:#|//)[^\n]*)|(?P<line>\n)|(?P<string>"(?:[^"\\\n]|\\.)*"?)|(?P<name>[\w.-]+)|(?P<sign>.)',
    re.DOTALL,
)
_HEREDOC = re.compile(r"<<-?([A-Za-z_]\w{0,63})[ \t\r]*\n")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
EXPRESSION = "${}"  # stands for what only the program can tell
_OPENING, _CLOSING = "([{", ")]}"
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_Token = tuple[str, str]  # kind and text; strings without their quotes


def hcl_document(text: str) -> object:
    """The content as nested objects: labels of blocks are keys, and so are the parts of a dotted name. Each value is in a list,
    as a block may come several times. Raises ValueError, and RecursionError where it is nested without end.
    """
    return _Parser([*_tokens(text), ("end", "")]).body("end")


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        if text.startswith("/*", at):
            end = text.find("*/", at + 2)
            at = len(text) if end < 0 else end + 2
        elif text.startswith("<<", at) and (heredoc := _HEREDOC.match(text, at)):
            at = _behind_heredoc(text, heredoc.end(), heredoc[1])
            yield "string", EXPRESSION
        elif found := _HCL_TOKEN.match(text, at):
            at, kind = found.end(), found.lastgroup or ""
            if kind == "string":
                yield kind, _ESCAPED.sub(r"\1", found[0][1:].removesuffix('"'))
            elif kind != "blank":
                yield kind, found[0]


def _behind_heredoc(text: str, at: int, label: str) -> int:
    """Where the text goes on after the line that has the label alone."""
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if text[at:end].strip() == label:
            return end
        at = end + 1
    return len(text)


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def body(self, end: str) -> dict[str, list[object]]:
        """What stands up to a closing brace, or the end of the text."""
        found: dict[str, list[object]] = {}
        while (token := self._next())[0] != "end":
            if token[1] == end and token[0] == "sign":
                return found
            if token[0] in ("name", "string"):
                self._entry(token, found)
        if end != "end":
            raise ValueError("a block is not closed")
        self._at -= 1  # whoever reads on finds the end there, too
        return found

    def _entry(self, name: _Token, into: dict[str, list[object]]) -> None:
        labels: list[str] = []
        while (token := self._next())[0] in ("name", "string"):
            labels.append(token[1])
        if token[0] != "sign" or token[1] not in "={:":
            self._at -= 1
            return
        value: object = self.body("}") if token[1] == "{" else self._value()
        path = [*(name[1].split(".") if name[0] == "name" else name[1:]), *labels]
        for key in reversed(path[1:]):
            value = {key: [value]}
        into.setdefault(path[0], []).append(value)

    def _value(self) -> object:
        kind, text = self._next()
        value: object = EXPRESSION
        if kind == "sign" and text == "[":
            value = self._list()
        elif kind == "sign" and text == "{":
            value = self.body("}")
        elif kind == "string":
            value = text
        elif kind == "name":
            value = _WORDS[text] if text in _WORDS else text if _is_number(text) else EXPRESSION
        else:
            self._at -= 1
        return EXPRESSION if self._more() else value

    def _list(self) -> list[object]:
        found = []
        while (token := self._next()) != ("sign", "]"):
            if token[0] == "end":
                raise ValueError("a list is not closed")
            if token[0] != "line" and token != ("sign", ","):
                self._at -= 1
                before = self._at
                found.append(self._value())
                self._at = max(self._at, before + 1)
        return found

    def _more(self) -> bool:
        """Whether the value goes on behind what was read: skip it."""
        depth, more = 0, False
        while True:
            kind, text = self._next()
            ends = kind in ("line", "end") or (kind == "sign" and text in ",]})")
            if kind == "end" or (ends and not depth):
                self._at -= 1
                return more
            more = True
            if kind == "sign":
                depth += (text in _OPENING) - (text in _CLOSING)

    def _next(self) -> _Token:
        token = self._tokens[min(self._at, len(self._tokens) - 1)]
        self._at += 1
        return token


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).removeprefix("-").isdigit()
