"""Which commands of a shell script are run on each way to another one: not those in a branch, a loop or a function that may be
left out.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from imds_probe.inventory.code.forms.shell_settings import Branch

Span = tuple[int, int]

STEPS_MAX, STEPS_EACH_MAX = 2000, 200  # of one script, and of one question
CALLS_MAX, PARTS_MAX, LINE_MAX = 20, 500, 200
_GUARD = re.compile(r"(?:&&|\|\|)[ \t\\\n]{0,80}(?:\{[ \t]{0,9})?(?:(?:export|local|readonly)[ \t]{1,9})?\Z")
_GUARDED = re.compile(r"(?:&&|\|\|)[ \t\\\n]{0,80}\{(?=[ \t\n])")
_CLOSED = re.compile(r"[;\n][ \t]{0,40}\}")
_LOOP = re.compile(r"(?:^|(?<=[;\n]))[ \t]{0,40}(do|done)\b", re.MULTILINE)
_HEAD = re.compile(r"\b(?:for|while|until|select)[ \t]")
# Loops that run at least once.
_RUNS = re.compile(
    r"for[ \t]+\w{1,60}[ \t]+in[ \t]+(?:[\w.\"'-][\w. \t\"'-]{0,200}|\{\d{1,4}\.\.\d{1,4}\}|(?:\$\(|`)seq[ \d]{1,20}[)`])|"
    r"while[ \t]+(?:true|:)"
)
_LEFT = re.compile(r"\b(?:return|break|continue)\b")
_WORD = re.compile(r"(?<![\w./$-])[A-Za-z_][\w-]{0,60}(?![\w/-])")
_CALLED = re.compile(r"(?:^|[;{]|\b(?:then|else|do))[ \t]{0,40}\Z")
_CALL_ENDS = re.compile(r"[^|&;\n]{0,200}(?:$|[;\n]|\|\|)", re.MULTILINE)


class Ways:
    """Those of one script. `functions` are its functions by name, with the place of each."""

    def __init__(self, text: str, functions: Mapping[str, int], parts: Sequence[Branch]) -> None:
        self._text, self._branches = text, parts
        self.bodies = {name: (at, _end(text, "\n}", at)) for name, at in functions.items()}
        self._loops = [each for each in _loops(text) if not each[2]]
        self._guarded = [
            (match.end(), _after(_CLOSED, text, match.end()))
            for match in itertools.islice(_GUARDED.finditer(text), PARTS_MAX)
        ]
        self._named: dict[str, list[int]] = defaultdict(list)  # where each function is named, besides its own body
        for match in _WORD.finditer(text) if functions else ():
            body = self.bodies.get(match[0])
            if body is not None and not body[0] <= match.start() < body[1]:
                self._named[match[0]].append(match.start())
        self._steps, self._steps_until = 0, 0

    def leads(self, begin: int, at: int) -> bool:
        """Whether what stands at `begin` is run on each way to what stands at `at`."""
        self._steps_until = min(self._steps + STEPS_EACH_MAX, STEPS_MAX)
        return self._leads(begin, at)

    def may_come_after(self, begin: int, at: int) -> bool:
        """Whether what stands at `at` may be run after what stands at `begin`."""
        if begin < at or any(first <= place < end for first, end in self.bodies.values() for place in (begin, at)):
            return True
        return "done" in self._text[begin:]

    def _leads(self, begin: int, at: int) -> bool:
        self._steps += 1
        if self._steps > self._steps_until:
            return False
        own, other = self._body(begin, at), self._body(at, begin)
        if own is None and other is None:
            return begin < at and self._is_sure(begin, at, at)
        if other is not None:
            calls = self._named[other]
            if 0 < len(calls) <= CALLS_MAX and all(begin != call and self._leads(begin, call) for call in calls):
                return True
        if own is None or not self._is_sure(begin, at, self.bodies[own][1]):
            return False
        return any(self._leads(call, at) for call in self._named[own][:CALLS_MAX] if self._is_call(own, call))

    def _body(self, within: int, without: int) -> str | None:
        """The function that has the one place and not the other: the innermost one."""
        found = [
            (first, name)
            for name, (first, end) in self.bodies.items()
            if first <= within < end and not first <= without < end
        ]
        return max(found)[1] if found else None

    def _is_call(self, name: str, at: int) -> bool:
        """Whether a function is run there, in the same shell and whatever else is so."""
        line = self._text.rfind("\n", 0, at) + 1
        before = self._text[max(line, at - LINE_MAX) : at]
        return _CALLED.search(before) is not None and _CALL_ENDS.match(self._text, at + len(name)) is not None

    def _is_sure(self, begin: int, at: int, until: int) -> bool:
        """Whether nothing decides up to `until` whether it is run that does not decide of `at`, too."""
        text = self._text
        if _GUARD.search(text, max(0, begin - LINE_MAX), begin):
            return False
        parts: Iterator[Span] = itertools.chain(
            self._guarded, ((each.begin, each.end) for each in self._branches), (each[:2] for each in self._loops)
        )
        if any(first <= begin < end and not first <= at < end for first, end in parts):
            return False
        if text.rfind("case ", 0, begin) > text.rfind("esac", 0, begin):
            between = text[begin:until]
            if ";;" in between or "esac" in between:
                return False
        body = max((first for first, end in self.bodies.values() if first <= begin < end), default=-1)
        return body < 0 or _LEFT.search(text, body, begin) is None


def _loops(text: str) -> Iterator[tuple[int, int, bool]]:
    """Begin and end of what each loop repeats, and whether it surely does it once."""
    opened: list[tuple[int, bool]] = []
    for match in itertools.islice(_LOOP.finditer(text), PARTS_MAX):
        if match[1] == "do":
            before = text[max(0, match.start() - LINE_MAX) : match.start()]
            heads = [each.start() for each in _HEAD.finditer(before)]
            head = before[heads[-1] :].strip(" \t\n;") if heads else ""
            opened.append((match.end(), _RUNS.fullmatch(head) is not None))
        elif opened:
            begin, runs = opened.pop()
            yield begin, match.start(), runs


def _end(text: str, sign: str, at: int) -> int:
    found = text.find(sign, at)
    return found if found >= 0 else len(text)


def _after(form: re.Pattern[str], text: str, at: int) -> int:
    found = form.search(text, at)
    return found.end() if found is not None else len(text)
