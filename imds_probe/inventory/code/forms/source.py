"""What a source text in any of the languages says: which words are in code, and which requests carry a token.

A text with none of the words for tokens asks without one. Where it has them, all its requests are taken to carry a token but
those that surely do not: one call that names the service and nothing that could be a header.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.forms import context, denied, said, serving
from imds_probe.inventory.code.forms.by_setting import calls_of, is_by_setting
from imds_probe.inventory.code.forms.form import Judged
from imds_probe.inventory.code.forms.lexing import Layout, Syntax, laid_out
from imds_probe.inventory.code.forms.machine import judged_words
from imds_probe.inventory.code.forms.source_client import asks_bare
from imds_probe.inventory.code.forms.source_tokens import HANDED_ON, why_refused
from imds_probe.inventory.code.speaks import Evidence, Hit
from imds_probe.inventory.code.words import CLIENT, Found, search_bytes

NAMES_MAX = 20
_NAME = re.compile(r"[A-Za-z_]\w{0,80}")
_GETS = re.compile(r"\.(?:get|head|fetch|open)\(", re.IGNORECASE)  # a request where it is given a URL
_HALF = re.compile(r"[\"'`]169\.254\.?[\"'`]|\b169\.254\.[{$%]")
_RUNS_COMMAND = re.compile(
    r"\b(?:run|call|check_\w{1,10}|get\w{0,6}output|[pP]open\d?|system|exec\w{0,10}|spawn\w{0,10}|shell_exec|passthru)"
    r"\(\s{0,20}[\w$.\[, ]{0,60}\Z"
)
_HANDED_AS = re.compile(
    r"(?:\b(?:proxies|no_?proxy[\"']?|verify|params|data|json|allowed_\w{1,20})\s{0,5}[=:]|\bin|[=!]=)\s{0,5}\Z"
)
_IN_URL = re.compile(r"https?://(?:[\"'`]\s{0,5}[+.]\s{0,5}|[{$#%]{1,3}(?:self\.|this\.)?)\Z")
# A client without headers of its own, so that what is asked by it has none but those of the call.
_SOURCE_SESSION = re.compile(
    r"\b(\w{1,40})\s{0,5}=\s{0,5}(?:(?:requests|httpx)\.(?:[sS]ession|Client)\(\s{0,5}\)|urllib3\.PoolManager\(\s{0,5}\)"
    r"|(?:http\.client\.|httplib\.)?HTTPConnection\([^()]{0,100}\))"
)
_WITH_SESSION = re.compile(
    r"\bwith\s{1,5}(?:(?:requests|httpx)\.(?:[sS]ession|Client)|aiohttp\.ClientSession)\(\s{0,5}\)\s{1,5}as\s{1,5}(\w{1,40})"
)
_LITERAL_HEADERS = re.compile(
    r"\bheaders[\"']?\s{0,5}[=:]\s{0,5}\{(?:[\s,:]|\b(?:Accept|Host|Connection|accept|host)\b){0,300}\}"
)
_FOR_ALL = re.compile(r"\baxios\.defaults\.headers\b")
_ASSIGNED_TO = re.compile(
    r"\s{0,80}(?:(?:const|let|var|my|our)\s{1,5})?(?:self\.|this\.|[$@]{1,2})?([A-Za-z_]\w{0,80})\s{0,5}=(?![=~>])"
)
_FUNCTION = re.compile(r"\s{0,80}(?:async\s{1,5})?(?:def|function)\b")
# Of a function's parameter: the address alone, as text.
_DEFAULT = re.compile(
    r"[(,]\s{0,40}([A-Za-z_]\w{0,80})(?:\s{0,5}:\s{0,5}\w{1,40})?\s{0,5}=\s{0,5}[\"'](?:https?://)?\Z"
)
_OF_SDK = re.compile(r"[\"'`]aws-sdk[\"'`/]")
# What many statements have in common and what carries no token.
_COMMON = frozenset(
    (
        *("timeout", "text", "decode", "read", "json", "strip", "method", "url", "data", "verify", "return"),
        *("get", "put", "open", "http", "https", "urllib", "request", "requests", "axios", "fetch", "curl"),
        *("res", "response", "resp", "result", "body", "status", "code", "err", "error", "async", "await"),
        *("const", "let", "var", "my", "our", "self", "this", "try", "except", "catch", "if", "else", "for"),
        *("in", "not", "def", "function", "func", "new", "String", "string", "None", "null", "nil", "true"),
        *("false", "True", "False", "use", "import", "from", "require", "GET", "PUT", "raise", "throw", "print"),
        *("echo", "host", "path", "value", "content", "then"),
    )
)


@dataclass(frozen=True)
class Language:
    """syntax: see there. complete: a call that is a whole request, whose headers could only be in its brackets. asks: anything
    that is used to make requests. client_by_token: a word of a text whose client of the service asks by token itself.
    """

    syntax: Syntax
    complete: re.Pattern[str]
    asks: re.Pattern[str]
    client_by_token: str = ""


def judged(text: str, language: Language) -> Judged:
    """Judge a text, whose characters stand for one byte each."""
    found = [each for each in search_bytes(text.encode("latin-1")) if context.stands_alone(each)]
    if any(each.word == CLIENT for each in found) and not _is_the_sdks(text, found, language):
        found = [each for each in found if each.word != CLIENT]
    found = [each for each in found if each.kind != "client" or _is_called(text, each.word)]
    if not found:
        return Judged()
    kinds = {each.kind for each in found}
    if "path" in kinds and "service" not in kinds and (half := _HALF.search(text)):
        # The address is put together of halves that are alike.
        at = text.index("169", half.start())
        found.append(Found(at, "169.254", "service", text[max(0, at - 200) : at].encode("latin-1"), b""))
    layout = laid_out(text, language.syntax)
    if layout is None:
        return judged_words(found)
    return _Reading(layout, language, found).judged()


_OF_BOTO = ("boto.utils", "from boto import utils")


def _is_called(text: str, word: str) -> bool:
    """Whether a word is that of an SDK's client: functions of many a program's own are called as boto's are."""
    return not word.startswith("get_instance_") or any(each in text for each in _OF_BOTO)


def _is_the_sdks(text: str, found: Sequence[Found], language: Language) -> bool:
    """Whether a client is that of the SDK without tokens, and no class of somebody's own that is called alike."""
    if language.client_by_token and language.client_by_token in text:
        return False
    if _OF_SDK.search(text):
        return True
    return any(each.kind == "path" or (each.word == CLIENT and each.before.endswith(b"AWS.")) for each in found)


class _Reading:
    def __init__(self, layout: Layout, language: Language, found: list[Found]) -> None:
        self._layout, self._language = layout, language
        self._denied: dict[object, bool] = {}
        self._said: dict[int, bool] = {}
        # Looked for once: the text may be long, and have many addresses.
        has_path = any(each.kind in ("path", "token") for each in found)
        self._speaks_http = has_path or said.SPEAKS_HTTP.search(layout.code) is not None
        self._asks_for_data = said.asks_for_data(layout, language.asks)
        live = [each for each in found if self._is_live(each)]
        served = serving.served(layout, live, language.asks) if live else frozenset()
        self._live = {each.at: each for each in live if each.at not in served}
        # A proxy asks for what it is asked for.
        routes = any(each.at in served and each.kind == "path" for each in live)
        self._passes_on = routes and language.asks.search(layout.masked) is not None
        self._found = [each for each in found if each.kind != "client" or each.at in self._live]

    def judged(self) -> Judged:
        live = list(self._live.values())
        tokens = [each for each in live if each.kind in ("token", "header")]
        targets = [each for each in live if each.kind in ("service", "path")]
        bare = {each.at for each in targets if self._is_bare(each.at)} if targets else set()
        bare |= self._bare_by_name(targets)
        bare |= {each.at for each in live if each.word == CLIENT and asks_bare(self._layout, each.at)}
        service = any(each.kind == "service" for each in live)
        path = any(each.kind in ("path", "token") or context.has_version(each) for each in live) or self._passes_on
        has_ttl = any(each.kind == "header" and "ttl" in each.word for each in self._found)
        given = self._constants, self._language.complete
        asked = (each for each in live if each.kind == "token")
        refused = {each.at: why for each in asked if (why := why_refused(self._layout, each, *given, has_ttl=has_ttl))}
        token = bool(tokens) and not self._is_weak(tokens, service, bool(bare))
        if refused and token:
            # A token that the service refuses to give is none, unless another request asks for it as it should be asked.
            token = any(each.kind == "token" and each.at not in refused for each in live)
            bare |= set(refused)
        by_setting = token and not bare and self._is_by_setting(tokens)
        client = any(each.word == CLIENT for each in live) and ".request(" in self._layout.masked
        requests = service and (bool(bare) or client or self._requests(targets))
        alone = service and not token and (path or requests) and not HANDED_ON.search(self._layout.masked)
        evidence = Evidence(service, path, token, bool(live), requests, bool(bare) or alone or by_setting)
        hits = tuple(self._hit(each, bare) for each in self._found)
        return Judged(
            (*hits, *(Hit(self._layout.line(at), why, "token", bare=True) for at, why in refused.items())), evidence
        )

    def _is_by_setting(self, tokens: list[Found]) -> bool:
        """Whether a token is asked for, or handed over, only where a setting says so."""
        code = self._layout.code
        asked = [each.at for each in tokens if each.kind == "token"]
        if asked and is_by_setting(code, calls_of(code, (at for each in asked for at in self._used_at(each)))):
            return True
        headers = [each.at for each in tokens if each.kind == "header" and "ttl" not in each.word]
        return bool(headers) and is_by_setting(code, (at for each in headers for at in self._used_at(each)))

    def _used_at(self, at: int) -> list[int]:
        """Where the name of what stands at a place is used, where it is nothing but given one."""
        since, until = self._layout.statement(at)
        match = _ASSIGNED_TO.match(self._layout.masked, since)
        if match is None or "(" in self._layout.masked[since:at] or "{" in self._layout.masked[since:at]:
            return [at]
        return [use for use in self._uses(match[1]) if not since <= use < until] or [at]

    @staticmethod
    def _is_weak(tokens: list[Found], service: bool, bare: bool) -> bool:
        """Many services have a path /api/token: it counts beside an address alone. The name of the header, beside a request that
        surely has none, is one that nothing hands over: no token comes from anywhere.
        """
        if all(each.word == "/api/token" for each in tokens):
            return not service
        return bare and all(each.kind == "header" and "ttl" not in each.word for each in tokens)

    def _hit(self, found: Found, bare: set[int]) -> Hit:
        is_said = found.at not in self._live
        return Hit(self._layout.line(found.at), found.word, found.kind, is_said, found.at in bare)

    def _is_live(self, found: Found) -> bool:
        begin, end, kind = self._layout.region(found.at)
        if kind in ("comment", "document") or context.of_another_cloud(found) or context.of_another_host(found):
            return False
        if found.at >= self._layout.data and not self._asks_for_data:
            return False
        if kind == "string" and context.is_prose(self._line_in(begin, end, found.at)):
            return False
        since, until = self._layout.statement(found.at)
        code = self._layout.code[since:until]
        asks = self._language.asks.search(self._layout.masked, since, until) is not None or context.COMMAND.search(code)
        is_asked = functools.partial(self._is_asked_by_name, found.at)
        if context.is_listed(code, found.at - since, found, asks=bool(asks), is_asked=is_asked):
            return False
        if found.word != CLIENT and self._is_said(found.at):
            return False
        return not denied.is_denied(self._layout, found.at, self._language.asks, self._denied)

    def _is_said(self, at: int) -> bool:
        """Known once of each string."""
        begin = self._layout.region(at)[0]
        if begin not in self._said:
            is_asked = functools.partial(self._is_asked_by_name, at)
            self._said[begin] = said.is_said(self._layout, at, speaks_http=self._speaks_http, is_asked=is_asked)
        return self._said[begin]

    def _is_asked_by_name(self, at: int) -> bool:
        """Whether a request is made for what the string at a place is given a name as, or for one of a list of that name."""
        layout, asks = self._layout, self._language.asks
        since, until = layout.statement(at)
        is_command = context.COMMAND.search(layout.text, *layout.region(at)[:2]) is not None
        for name in dict.fromkeys(denied.names_of(layout, at)):
            for use in self._uses(name):
                if since <= use < until:
                    continue
                if each := denied.each_of(layout, use, name):
                    if denied.asks_for(layout, use, each, asks):
                        return True
                    continue
                begin, end = layout.statement(use)
                if is_command and _RUNS_COMMAND.search(layout.masked, max(begin, use - 100), use):
                    return True
                asking = asks.search(layout.masked, begin, end) or context.COMMAND.search(layout.code, begin, end)
                before = layout.code[max(begin, use - 60) : use]
                if (asking and not _HANDED_AS.search(before)) or _IN_URL.search(before):
                    return True
        return False

    def _line_in(self, begin: int, end: int, at: int) -> str:
        """The line of a string that a place is in, as far as it is looked at."""
        text = self._layout.text
        begin, end = max(begin, at - 400), min(end, at + 400)
        since, until = text.rfind("\n", begin, at), text.find("\n", at, end)
        return text[since + 1 if since >= 0 else begin : until if until >= 0 else end]

    def _requests(self, targets: list[Found]) -> bool:
        """Whether an address is in a statement that makes requests, of a text that has no other cloud's words."""
        if any(word in self._layout.code for word in context.OTHERS):
            return False
        for each in targets:
            if each.kind == "service":
                since, until = self._layout.statement(each.at)
                code = self._layout.code[since:until]
                if self._language.asks.search(self._layout.masked, since, until) or context.COMMAND.search(code):
                    return True
                if each.before.endswith(b"://") and _GETS.search(self._layout.masked, since, until):
                    return True
        return False

    def _is_bare(self, at: int) -> bool:
        """Whether the statement at a place is a request that surely carries no token."""
        since, until = self._layout.statement(at)
        code = self._layout.code[since:until]
        complete, by_session = self._language.complete, self._by_session
        whole = complete.search(code) or (by_session is not None and by_session.search(code))
        if not whole and not context.COMMAND.search(code):
            return False
        if any(each.kind in ("token", "header") and since <= each.at < until for each in self._live.values()):
            return False
        left = complete.sub(" ", self._layout.masked[since:until])
        if by_session is not None:
            left = by_session.sub(" ", left)
        left = _LITERAL_HEADERS.sub(" ", left)
        if (self._has_header_for_all and "axios" in code) or "**" in left:
            return False
        return not HANDED_ON.search(left) and not (self._carriers & set(_NAME.findall(left)))

    @functools.cached_property
    def _has_header_for_all(self) -> bool:
        """Whether the header is given to a client for all of its requests, as axios.defaults has them."""
        given = (self._layout.statement(each.at) for each in self._live.values() if each.kind == "header")
        return any(_FOR_ALL.search(self._layout.masked, *place) for place in given)

    @functools.cached_property
    def _by_session(self) -> re.Pattern[str] | None:
        """A request by a client of this text that has no headers of its own."""
        masked = self._layout.masked
        names = {match[1] for each in (_SOURCE_SESSION, _WITH_SESSION) for match in each.finditer(masked)}
        plain = [
            name
            for name in sorted(names)[:NAMES_MAX]
            if not re.search(rf"\b{name}(?:\.headers\b|\s{{0,5}}[,)])", masked)  # nobody else adds to its headers
        ]
        alternatives = "|".join(map(re.escape, plain))
        return re.compile(rf"\b(?:{alternatives})\.(?:get|head|request)\(") if plain else None

    @functools.cached_property
    def _carriers(self) -> frozenset[str]:
        """Names that may stand for a header: whatever is named where one is."""
        named: set[str] = set()
        for each in self._live.values():
            if each.kind == "header":
                since, until = self._layout.statement(each.at)
                named.update(_NAME.findall(self._layout.masked, since, until))
        return frozenset(named - _COMMON - set(self._constants))

    @functools.cached_property
    def _constants(self) -> dict[str, int]:
        """Names that hold an address or a path, and where one of its words is."""
        constants: dict[str, int] = {}
        for each in self._live.values():
            if each.kind in ("service", "path") and len(constants) < NAMES_MAX:
                since, _ = self._layout.statement(each.at)
                before = self._layout.masked[since : each.at]
                is_function = _FUNCTION.match(before) is not None
                sign = max(before.rfind("="), before.rfind(":"))
                if "(" not in before and sign > 0 and (names := _NAME.findall(before[max(0, sign - 120) : sign])):
                    constants.setdefault(names[-1], each.at)
                elif is_function and (
                    default := _DEFAULT.search(self._layout.text, max(since, each.at - 120), each.at)
                ):
                    constants.setdefault(default[1], each.at)
        return constants

    @functools.cached_property
    def _put_together(self) -> dict[str, int]:
        """Names of what is put together of such names, and where one of its words is."""
        found: dict[str, int] = {}
        for name, at in self._constants.items():
            for use in self._uses(name):
                given = self._given_name(use)
                # What is not asked by a proxy is a list of addresses, and none itself.
                if given and "proxy" not in given.lower() and given not in self._constants and len(found) < NAMES_MAX:
                    found.setdefault(given, at)
        return found

    def _given_name(self, at: int) -> str:
        """The name that is given to what is put together at a place, where that asks for nothing itself."""
        since, until = self._layout.statement(at)
        match = _ASSIGNED_TO.match(self._layout.masked[since : min(at, since + 200)])
        if match is None or self._language.asks.search(self._layout.masked, since, until):
            return ""
        return match[1]

    def _bare_by_name(self, targets: list[Found]) -> set[int]:
        if not targets:
            return set()
        bare = set()
        for name, at in self._constants.items():
            for use in self._uses(name):
                if self._is_bare(use):
                    bare.add(at)
                    break
        for name, at in self._put_together.items():
            uses = (use for use in self._uses(name) if not _HANDED_AS.search(self._layout.code, max(0, use - 60), use))
            if at not in bare and any(self._is_bare(use) for use in uses):
                bare.add(at)
        return bare

    def _uses(self, name: str) -> Iterator[int]:
        """Where a name is used, in code or within a string."""
        return said.uses_of(self._layout, name)
