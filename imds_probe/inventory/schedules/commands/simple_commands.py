"""The simple commands of a line of a text for a shell, as far as its own words tell them.

Scripts of one author have many lines in common. A line is taken apart once for each state that the lines before it can leave.
"""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Sequence

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.commands.shell_text import Line, Part, Token, Variable, Word, substituted

STATES_MAX = 8  # of one line
WORDS_MAX = 1000
VALUE_MAX = 16 * 1024
LOOPED_MAX = 50  # that one loop goes through
# Words of the language that a command may stand behind.
_BEFORE_COMMANDS = frozenset("if then elif else while until do { ! time coproc".split())  # noqa: SIM905
_CLOSING = frozenset("fi done esac }".split())  # noqa: SIM905
_WITH_WORDS = frozenset(("for", "select", "case", "function"))  # what follows is no command up to the next operator
_INTERPRETERS = ("sh", "bash", "dash", "ash", "ksh", "zsh", "python", "perl", "ruby", "node", "php")
_NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")


@dataclass(frozen=True)
class Simple:
    """A command, or assignments alone, which have no `words`. `substituted` are the texts of the commands within it, `assigned`
    the variables before it with the parts of their values, and `fixed` its words where nothing has to be put into them. `is_loop`:
    the one variable is given one value after the other. `fed` is what it reads from a here-document or here-string.
    `is_piped`: it reads what the command before it writes. `link` is the variable of which it asks whether it is a symbolic link.
    `target` is the file that has what it writes, where that is a here-document.
    """

    substituted: tuple[str, ...]
    assigned: tuple[tuple[str, tuple[Part, ...]], ...]
    words: tuple[Word, ...]
    fixed: tuple[str, ...] | None
    is_loop: bool = False
    fed: tuple[Part, ...] | None = None
    is_piped: bool = False
    link: str = ""
    target: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Step:
    """What comes next: a function of this name is made, a command runs, and then a shell within this one begins, where `opened`
    is 1, or ends, where it is -1. `braces` are those that open here less those that close.
    """

    simple: Simple | None
    function: str | None
    opened: int
    braces: int = 0


# Of the lines before: within so many "case" of the language, and whether the pattern of a branch comes next; within an array,
# its name.
State = tuple[int, bool] | tuple[int, bool, str]
START: State = (0, False)


class _Patterns:
    """What stands between "case" or the end of a branch and a closing bracket is no command."""

    def __init__(self, state: State) -> None:
        self._cases, self._here = state[:2]

    @property
    def state(self) -> tuple[int, bool]:
        return self._cases, self._here

    def take(self, token: Token, pending: Sequence[Word]) -> bool:
        """Whether the token, and the words before it, are of such a pattern."""
        plain = token.plain if isinstance(token, Word) else None
        if self._here:
            self._here = token != ")" and plain != "esac"
            self._cases -= plain == "esac"
            return True
        if plain == "in" and len(pending) > 1 and pending[-2].plain == "case":
            self._cases += 1
            self._here = True
            return True
        if self._cases and plain == "esac" and not pending:
            self._cases -= 1
            return True
        self._here = self._cases > 0 and token in (";;", ";&", ";;&")
        return False


def taken(line: Line, state: State) -> tuple[Sequence[Step], State]:
    """What a line comes to, and the state behind it. No command goes on in the line that follows."""
    known = line.taken.get(state)
    if known is None:
        known = _taken(line, state)
        if len(line.taken) < STATES_MAX:
            line.taken[state] = known
    steps, behind = known
    return steps, behind


def _taken(line: Line, state: State) -> tuple[Sequence[Step], State]:
    steps: list[Step] = []
    pending: list[Word] = []
    patterns = _Patterns(state)
    is_piped = False
    array = state[2] if len(state) > 2 else ""
    tokens = line if line[-1:] == ("\n",) else (*line, "\n")
    for token, following in zip(tokens, (*tokens[1:], "\n"), strict=True):
        if not array and patterns.take(token, pending):
            pending = []
            continue
        if isinstance(token, Word):
            pending.append(token)
            continue
        function = None
        if array:
            steps += [_given(array, pending)] if pending else []
            array = "" if token == ")" else array
            pending = []
            continue
        if token == "(" and pending and (array := _array(pending[-1])):
            steps += [] if array.endswith("+") else [_given(array, ())]
            array, pending = array.removesuffix("+"), []
            continue
        if token == "(" and pending and following == ")":  # a function is made: NAME ()
            function, pending = pending[-1].plain or "", []
        elif len(pending) > 1 and pending[0].plain == "function":
            steps.append(Step(None, pending[1].plain or "", 0))
            pending = pending[2:]
        braces = _braces(pending)
        simple, opened = _simple(pending, is_piped=is_piped), (token == "(") - (token == ")")
        if simple is not None or function is not None or opened or braces:
            steps.append(Step(simple, function, opened, braces))
        pending, is_piped = [], token in ("|", "|&")
    return tuple(steps), (*patterns.state, array) if array else patterns.state


def _array(word: Word) -> str:
    """The name of the array that a bracket behind this word gives its values: NAME= or, of one more, NAME+=."""
    name = (word.plain or "").removesuffix("=")
    known = name.removesuffix("+")
    return name if _is_name(known) and name != word.plain else ""


def _given(array: str, words: Sequence[Word]) -> Step:
    """The values are put behind those that are there; without any the array begins."""
    parts = tuple(part for word in words for part in (" ", *word.parts))
    within = tuple(substituted(parts))
    before = (Variable(array, quoted=True),) if words else ()
    return Step(Simple(within, ((array, (*before, *parts)),), (), None), None, 0)


def _simple(words: list[Word], *, is_piped: bool) -> Simple | None:
    fed = [word for word in words if word.fed]
    target = next((word.parts for word in words if word.target), ())
    parts = (part for word in sorted(words, key=lambda word: word.fed) for part in word.parts)
    words = [word for word in words if not word.fed and not word.aside]
    within = tuple(substituted(parts))
    if looped := _looped(words):
        return Simple(within, (looped,), (), None, is_loop=True)
    link = _asked_for_link(words)
    words = _without_keywords(words)
    assigned = []
    while words and (pair := _assignment(words[0])):
        assigned.append(pair)
        words = words[1:]
    if not (within or assigned or words or link):
        return None
    content = fed[-1].parts if fed and fed[-1].content else None
    if fed and content is None and _reads_commands(words):
        words = [*(word for word in words if word.plain != "-"), fed[-1]]
    words = words[:WORDS_MAX]
    piped = is_piped and not fed
    return Simple(
        within, tuple(assigned), tuple(words), _fixed(words), fed=content, is_piped=piped, link=link, target=target
    )


def _asked_for_link(words: Sequence[Word]) -> str:
    """The variable behind -h or -L in a condition."""
    for sign, word in itertools.pairwise(words[:4]):
        part = word.parts[0] if len(word.parts) == 1 else None
        if sign.plain in ("-h", "-L") and isinstance(part, Variable):
            return part.name
    return ""


def _reads_commands(words: Sequence[Word]) -> bool:
    """Whether it is a shell or another interpreter, or something that starts one, without a script: its commands are what standard
    input is read from.
    """
    named = [plain for word in words if not (plain := word.plain or "").startswith("-")]
    return bool(named) and posixpath.basename(named[-1]).rstrip("0123456789.") in _INTERPRETERS


def _fixed(words: Sequence[Word]) -> tuple[str, ...] | None:
    found: list[str] = []
    for word in words:
        if (plain := word.plain) is None:
            return None
        if word.parts or word.quoted:
            found.append(plain[:VALUE_MAX])
    return tuple(found)


def _looped(words: list[Word]) -> tuple[str, tuple[Part, ...]] | None:
    """The variable of a loop, with all that it is given, one after the other: in a pattern of the shell's."""
    at = next((at for at, word in enumerate(words[:3]) if word.plain == "for"), None)
    name = words[at + 1].plain if at is not None and len(words) > at + 3 else None
    if at is None or not name or not _NAME.issuperset(name) or words[at + 2].plain != "in":
        return None
    given = words[at + 3 : at + 3 + LOOPED_MAX]
    if len(given) == 1:
        return name, given[0].parts
    parts: list[Part] = ["{"]
    for number, word in enumerate(given):
        parts += [*([","] if number else []), *word.parts]
    return name, (*parts, "}")


def _assignment(word: Word) -> tuple[str, tuple[Part, ...]] | None:
    first = word.parts[0] if word.parts else None
    if not isinstance(first, str):
        return None
    name, sign, rest = first.partition("=")
    name = name.removesuffix("+")
    if not sign or not _is_name(name):
        return _element(first, word.parts[1:])
    return name, (rest, *word.parts[1:])


def _is_name(name: str) -> bool:
    return name != "" and _NAME.issuperset(name) and not name[0].isdigit()


def _element(first: str, behind: Sequence[Part]) -> tuple[str, tuple[Part, ...]] | None:
    """One value more of an array, under a key: NAME[KEY]=VALUE."""
    name, sign, rest = first.partition("[")
    if not sign or not _is_name(name):
        return None
    parts = (rest, *behind)
    for at, part in enumerate(parts):
        _, closes, value = part.replace("]+=", "]=", 1).partition("]=") if isinstance(part, str) else ("", "", "")
        if closes:
            return name, (Variable(name, quoted=True), " ", value, *parts[at + 1 :])
    return None


def _braces(words: Sequence[Word]) -> int:
    """How many braces around commands open before this one, less those that close."""
    opened = 0
    for word in words:
        if word.quoted or (word.plain not in _BEFORE_COMMANDS and word.plain not in _CLOSING):
            break
        opened += (word.plain == "{") - (word.plain == "}")
    return opened


def _without_keywords(words: list[Word]) -> list[Word]:
    at = 0
    while at < len(words) and not words[at].quoted:
        plain = words[at].plain
        if plain in _WITH_WORDS or plain in _CLOSING or plain in ("[[", "in"):
            return []
        following = (words[at + 1].plain or "") if at + 1 < len(words) else ""
        if plain not in _BEFORE_COMMANDS or (plain == "time" and following.startswith("-") and following != "-p"):
            break
        at += 2 if plain == "time" and following == "-p" else 1
    return words[at:]
